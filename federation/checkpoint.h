// Checkpoint: a ledger's own word that its first `size` entries are these and no others.
//
// Shape:   the event CheckpointSigned is a C2SP signed note in parts; its text, which is signed, is
//          in core/evidence/ledger_note.h. The chain makes the last hash stand for all before it;
//          the root of the tree is for those who do not have all of it. It counts under the key
//          that counts for its size (core/alliance/ledger_keys.h); SigningSeeds says the same of
//          the seeds, on the side that signs. For kOverlapSizes after a change the key before signs
//          beside the new one, for those who have not heard of it yet.
// Errors:  verify: kBadSignature: another key, one that does not count for this size, or another
//          text.
// Threads: free for all.
// Source:  DESIGN §8, "Signed flights".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/alliance/ledger_keys.h"
#include "core/evidence/ledger_note.h"
#include "hansa/v1/ledger.pb.h"

namespace hansa::federation {

inline constexpr Seq kOverlapSizes = 1'000;

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
  // The one before, while it signs too; nullptr: none does.
  const std::string* beside(const LedgerId& ledger, Seq size) const;
  // What others know a ledger's seeds by, if they have heard of every change.
  KeyRanges keys_of(const LedgerId& ledger) const;
};

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const VouchedHead& head);

struct SignedLedger {
  SigningSeeds seeds;
  LedgerId ledger;
  FoundingId founding_id;
  std::string public_host;  // of a ledger that has no name yet
};
// Signs each size with its seed.
std::function<v1::CheckpointSigned(const VouchedHead&)> signer_of(SignedLedger ledger);
Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const KeyRanges& keys,
                               const LedgerId& ledger, const FoundingId& founding_id);

}  // namespace hansa::federation
