// Init: what `hansa init city|alliance` writes: keys, configuration, and files to begin with.
//
// Shape:   plan_init() makes everything in memory; write_init() puts it into the folder:
//            hansa.yaml                      the whole configuration, with comments
//            data/keys/<kind>-<id>.key       0600
//            identity.json                   for those who shall know this ledger (ops/identity.h)
//            recovery-<kind>-<id>.key        0600; to be kept elsewhere, offline
//            setup/…                         of a city: for `hansa setup` and a first import;
//                                            files that stand there already stay as they are
//            agreement.json                  of an alliance: an agreement to edit and propose
//          In a folder that has a hansa.yaml the ledger is added to it: an item at the end of its
//          `ledgers` and one at the end of its `api_keys`, nothing else changed; the files other
//          than the key stand in <kind>-<id>/. One `hansa serve` then serves all of them.
//          The API key is in the answer and nowhere else; the configuration has its SHA-256.
// Errors:  kBadRequest for an id that is no slug and for what is no URL; kAlreadyExists names the
//          ledger, or the file, that is in the way; kBadConfig where the configuration cannot be
//          read, or is written so that nothing can be added by adding lines; kBadFile. Nothing is
//          written then.
// Threads: one.
// Source:  SPEC §6.
#pragma once

#include <string>
#include <vector>

#include "core/base/env.h"
#include "ops/identity.h"
#include "ops/key_file.h"

namespace hansa::ops {

struct InitFile {
  std::string name;
  std::string text;
  uint32_t mode = 0644;
};

struct InitPlan {
  LedgerId ledger;
  KeyFile keys;
  std::string key_file;
  Identity identity;
  std::string api_key;
  std::string folder;  // of the files that are the ledger's own
  std::vector<InitFile> files;
  InitFile config;
  bool extends_config = false;
};

// `witness_url`: where the witness of the city answers; may be empty.
Result<InitPlan> plan_init(const LedgerId& ledger, const std::string& folder, Env& env,
                           const std::string& witness_url = "");
Result<void> write_init(const InitPlan& plan);

// An API key as people carry it: `hansa_` and 43 characters.
std::string make_api_key(Env& env);

}  // namespace hansa::ops
