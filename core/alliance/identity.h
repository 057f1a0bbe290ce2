// Identity keys: how a city and an alliance know each other, and the ledger they share.
//
// Shape:   check_identity() holds founding id and keys to their form: hex digits, 32 of the
//          founding id, 64 of each Ed25519 key, none of them all zeros, the recovery key another
//          than the key it replaces.
//          share_founding_id(): the share ledger's founding id, the first 16 bytes of
//          SHA-256("hansa share" ‖ alliance's founding id ‖ city's founding id): whoever knows both
//          knows it, and nothing is learnt from the topic.
// Errors:  kBadRequest with the field's pointer.
// Threads: pure.
// Source:  DESIGN §4, §8.
#pragma once

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/base/signature.h"

namespace hansa {

Result<void> check_identity(const std::string& founding_id, const std::string& public_key,
                            const std::string& recovery_key);
Result<void> check_public_key(const std::string& public_key);
// Another than the key that signs: a cosignature must not be taken for a ledger's own word.
Result<void> check_witness_key(const std::string& witness_key, const std::string& public_key);

LedgerId share_ledger(std::string_view alliance, std::string_view city);
FoundingId share_founding_id(const FoundingId& alliance, const FoundingId& city);

}  // namespace hansa
