// KeyFile: the secrets of one ledger on this machine, `<data>/keys/<kind>-<id>.key`, mode 0600.
//
// Shape:   lines `name: hexadecimal`: founding_id (16 bytes; so that tools can check a stopped
//          node's data without its configuration), ledger_secret (32; actor pseudonyms and request
//          MACs come from it), keyring_master (32; wraps the persons' keys), signing_seed (32; of
//          the key that others know this ledger by, ops/identity.h; older files have none).
// Errors:  kBadFile names the file and line; a file that others may read is refused, with the
//          command that mends it. write_key_file never replaces a file: kAlreadyExists.
// Threads: free for all.
// Source:  SPEC §6.
#pragma once

#include <string>

#include "core/base/env.h"
#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::ops {

struct KeyFile {
  FoundingId founding_id;
  std::string ledger_secret;
  std::string keyring_master;
  std::string signing_seed;  // empty: none
};

KeyFile make_keys(Env& env);
std::string key_file_name(const std::string& data_dir, const LedgerId& ledger);
Result<void> write_key_file(const std::string& name, const KeyFile& keys);
Result<KeyFile> read_key_file(const std::string& name);

}  // namespace hansa::ops
