// KeyFile: the secrets of one ledger on this machine, `<data>/keys/<kind>-<id>.key`, mode 0600.
//
// Shape:   lines `name: hexadecimal`: founding_id (16 bytes; so that tools can check a stopped
//          node's data without its configuration), ledger_secret (32; actor pseudonyms and request
//          MACs come from it), keyring_master (32; wraps the persons' keys), signing_seed (32; of
//          the key that others know this ledger by, ops/identity.h; older files have none),
//          witness_seed (32; of a city: of its cosignatures).
//          A change of that key is a line `signing_change: <ledger> <from size> <seed>`: from this
//          size on the checkpoints of this ledger, share/delta/wuxi or an alliance's own, are
//          signed with another seed. It is no hexadecimal: binaries that do not know of changes
//          refuse the file.
//          The last line, `check`, is half of SHA-256 over all before it; older files have none.
// Errors:  kBadFile names the file and line; a file that others may read is refused, with the
//          command that mends it. write_key_file never replaces a file: kAlreadyExists.
//          replace_key_file does, as a whole or not at all.
// Threads: free for all.
// Source:  SPEC §6.
#pragma once

#include <string>

#include "core/base/env.h"
#include "core/base/ids.h"
#include "core/base/result.h"
#include "federation/checkpoint.h"

namespace hansa::ops {

struct KeyFile {
  FoundingId founding_id;
  std::string ledger_secret;
  std::string keyring_master;
  federation::SigningSeeds signing;
  std::string witness_seed;  // of a city; empty: it witnesses nothing
};

KeyFile make_keys(Env& env);
std::string key_file_name(const std::string& data_dir, const LedgerId& ledger);
Result<void> write_key_file(const std::string& name, const KeyFile& keys);
Result<void> replace_key_file(const std::string& name, const KeyFile& keys);
Result<KeyFile> read_key_file(const std::string& name);

}  // namespace hansa::ops
