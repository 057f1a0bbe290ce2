// Checkpoint: a ledger's own word that its first `size` entries are these and no others.
//
// Shape:   what is signed (Ed25519) are these lines, each ended by a newline:
//            hansa checkpoint 1
//            <ledger>               share/delta/wuxi
//            <founding id>          32 hex digits
//            <size>                 decimal
//            <hash of entry size>   64 hex digits
//          The chain makes the last hash stand for all before it. It counts under the key that
//          counts for its size (core/alliance/ledger_keys.h); SigningSeeds says the same of the
//          seeds, on the side that signs.
// Errors:  verify: kBadSignature: another key, one that does not count for this size, or another
//          text.
// Threads: free for all.
// Source:  DESIGN §8, "Signed flights".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/alliance/ledger_keys.h"
#include "hansa/v1/ledger.pb.h"

namespace hansa::federation {

// From this size on the checkpoints of this ledger are signed with another seed.
struct SeedChange {
  LedgerId ledger;
  Seq from_size = 0;
  std::string seed;
};
struct SigningSeeds {
  std::string first;  // empty: nothing is signed
  std::vector<SeedChange> changes = {};  // of each ledger in the order they came

  const std::string& of(const LedgerId& ledger, Seq size) const;
  // What others know a ledger's seeds by, if they have heard of every change.
  KeyRanges keys_of(const LedgerId& ledger) const;
};

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const LedgerId& ledger,
                                     const FoundingId& founding_id, Seq size, const Hash& hash);
// Signs each size with its seed.
std::function<v1::CheckpointSigned(Seq size, const Hash& hash)> signer_of(
    SigningSeeds seeds, const LedgerId& ledger, const FoundingId& founding_id);
Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const KeyRanges& keys,
                               const LedgerId& ledger, const FoundingId& founding_id);

}  // namespace hansa::federation
