// Keyring seal: one text sealed under a person's key, and opened again.
//
// Shape:   "sealed1:" + base64(32 bytes key commitment ‖ 24 bytes nonce ‖ XChaCha20-Poly1305 of the
//          text padded to 64 bytes). `bound`: what the text belongs to; it opens nowhere else.
//          encrypt() and decrypt() are the cipher alone, by which keys are wrapped.
// Errors:  open_text: kBadFile with the reason as a half sentence, for the caller to complete.
// Threads: free for all; sodium_init() was called.
// Source:  DESIGN §9.
#pragma once

#include <sodium.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa::projections {

inline constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
inline constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
inline constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

using Key = std::array<uint8_t, kKeyBytes>;

inline const uint8_t* raw(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}
inline uint8_t* raw(std::string& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

void wipe(std::string& secret);
void wipe_all(std::vector<Key>& keys);

std::string encrypt(std::string_view plain, std::string_view bound, std::string_view nonce,
                    const uint8_t* key);
bool decrypt(std::string_view cipher, std::string_view bound, std::string_view nonce,
             const uint8_t* key, uint8_t* plain);

std::string seal_text(const Key& key, std::string_view nonce, std::string_view bound,
                      std::string_view text);
// Under whichever of the keys it was sealed.
Result<std::string> open_text(const std::vector<Key>& keys, std::string_view bound,
                              std::string_view sealed);

// An X25519 pair from 32 secret bytes.
struct BoxKeys {
  std::string open;
  std::string secret;
};
BoxKeys make_box_keys(std::string seed);
Result<std::string> open_text_box(const BoxKeys& keys, std::string_view boxed);

}  // namespace hansa::projections
