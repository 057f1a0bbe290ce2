// Key statements: what the keeper of a ledger says of the key that signs it, made on its machine.
//
// Shape:   signed_size(): how far the checkpoints in a ledger reach. plan_change(): the change to a
//          new key from the first size on that is not signed yet, and the key file that holds it; a
//          change that was planned and has signed nothing yet is answered again, so that a lost
//          statement is printed once more. make_end(): that a key ends. Statements are signed with
//          the key before, or the recovery seed where one is given (core/alliance/ledger_keys.h).
//          `founding_id`: of the city or the alliance whose key it is.
//          read_recovery_seed(): of the file that `hansa init` wrote. take_statement(): what it
//          says of the keys, once it holds.
// Errors:  kBadFile for a file that is none; kWrongState: a ledger whose key file has no seed, or a
//          size that the rules refuse.
// Threads: free for all.
// Limits:  signed_size() reads the whole log of the ledger.
// Source:  DESIGN §8, "Evidence".
#pragma once

#include "ops/identity.h"
#include "ops/key_file.h"
#include "streams/log.h"

namespace hansa::ops {

Result<Seq> signed_size(streams::Log& log, const LedgerId& ledger);

struct KeyChangePlan {
  KeyFile keys;
  KeyChange change;
  bool is_new = true;  // false: it stands in the key file already
};
// `from_size` 0: the first one possible. `recovery_seed` empty: signed with the key before.
Result<KeyChangePlan> plan_change(KeyFile keys, const LedgerId& ledger, Seq signed_size,
                                  Seq from_size, const std::string& new_seed,
                                  const std::string& recovery_seed);
// `end` without its signature; public_key "": the newest.
Result<KeyEnd> make_end(const KeyFile& keys, const LedgerId& ledger, KeyEnd end,
                        const std::string& recovery_seed);

Result<std::string> read_recovery_seed(const std::string& file, const LedgerId& ledger);

// Of a ledger of theirs, by what they handed over: trust in a later key comes from there.
KnownKeys known_keys(const Identity& keeper, const LedgerId& ledger);
// The statement in a file, as `hansa key` prints it, whoever hands it over.
Result<void> take_statement(const std::string& file, KnownKeys& known);

}  // namespace hansa::ops
