// Signatures: Ed25519, as ledgers and their keepers make and check them.
//
// Shape:   a private key is its seed of kSeedBytes; public_key_of(seed) is what others know it by.
//          sign(seed, text) and is_signed(key, text, signature) are over the bytes of the text.
// Errors:  none: what is no signature of the key over the text is not signed. A seed of another
//          length is an impossible state.
// Threads: free for all.
// Source:  RFC 8032; the arithmetic is libsodium's.
#pragma once

#include <string>
#include <string_view>

#include "core/base/ids.h"

namespace hansa {

inline constexpr size_t kSeedBytes = 32;

using PublicKey = Bytes<32, struct PublicKeyTag>;
using Signature = Bytes<64, struct SignatureTag>;

PublicKey public_key_of(const std::string& seed);
Signature sign(const std::string& seed, std::string_view text);
bool is_signed(const PublicKey& key, std::string_view text, const Signature& signature);

}  // namespace hansa
