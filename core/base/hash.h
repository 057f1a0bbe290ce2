// SHA-256 and the constructions on it that Hansa uses: HMAC and HKDF.
//
// Shape:   sha256(bytes) -> Hash; hmac_sha256(key, message) -> Hash;
//          hkdf_sha256(secret, info, length) -> bytes (RFC 5869 with an empty salt, length at most
//          8 160). Several parts are hashed as their concatenation.
// Errors:  none; a refusal of the crypto library is an impossible state.
// Threads: free for all.
// Source:  FIPS 180-4, RFC 2104, RFC 5869; the arithmetic is OpenSSL's.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/base/ids.h"

namespace hansa {

Hash sha256(std::string_view bytes);
Hash sha256(std::initializer_list<std::string_view> parts);
Hash hmac_sha256(std::string_view key, std::string_view message);
std::string hkdf_sha256(std::string_view secret, std::string_view info, size_t length);

}  // namespace hansa
