// Checkpoint: a ledger's own word that its first `size` entries are these and no others.
//
// Shape:   what is signed (Ed25519) are these lines, each ended by a newline:
//            hansa checkpoint 1
//            <ledger>               share/delta/wuxi
//            <founding id>          32 hex digits
//            <size>                 decimal
//            <hash of entry size>   64 hex digits
//          The chain makes the last hash stand for all before it. Keys are seeds of 32 bytes.
// Errors:  verify: kBadSignature: another key, or another text.
// Threads: free for all.
// Source:  DESIGN §8, "Signed flights".
#pragma once

#include <string>
#include <string_view>

#include "core/alliance/identity.h"
#include "hansa/v1/ledger.pb.h"

namespace hansa::federation {

inline constexpr size_t kSeedBytes = 32;

PublicKey public_key_of(const std::string& seed);
// Of any text; the same text gives the same signature.
Signature sign_text(const std::string& seed, std::string_view text);
bool is_signed(std::string_view text, const Signature& signature, const PublicKey& key);

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const LedgerId& ledger,
                                     const FoundingId& founding_id, Seq size, const Hash& hash);
Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const PublicKey& key,
                               const LedgerId& ledger, const FoundingId& founding_id);

}  // namespace hansa::federation
