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
//          The API key is in the answer and nowhere else; the configuration has its SHA-256.
// Errors:  kBadRequest for an id that is no slug; kAlreadyExists names the file that is in the way
//          (nothing is written then); kBadFile.
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
  std::string name;  // below the folder
  std::string text;
  uint32_t mode = 0644;
};

struct InitPlan {
  LedgerId ledger;
  KeyFile keys;
  Identity identity;
  std::string api_key;
  std::vector<InitFile> files;  // the key file is written from `keys`
};

Result<InitPlan> plan_init(const LedgerId& ledger, Env& env);
Result<void> write_init(const InitPlan& plan, const std::string& folder);

// An API key as people carry it: `hansa_` and 43 characters.
std::string make_api_key(Env& env);

}  // namespace hansa::ops
