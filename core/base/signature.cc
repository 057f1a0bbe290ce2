#include "core/base/signature.h"

#include <sodium.h>

#include "core/base/assert.h"

namespace hansa {
namespace {

static_assert(kSeedBytes == crypto_sign_SEEDBYTES);

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Wipes the secret half when it goes.
struct KeyPair {
  explicit KeyPair(const std::string& seed) {
    HANSA_ASSERT(seed.size() == kSeedBytes, "a seed has 32 bytes");
    crypto_sign_seed_keypair(open.bytes.data(), secret.data(), raw(seed));
  }
  ~KeyPair() { sodium_memzero(secret.data(), secret.size()); }
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;

  PublicKey open;
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret;
};

}  // namespace

PublicKey public_key_of(const std::string& seed) { return KeyPair(seed).open; }

Signature sign(const std::string& seed, std::string_view text) {
  const KeyPair pair(seed);
  Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, raw(text), text.size(),
                       pair.secret.data());
  return signature;
}

bool is_signed(const PublicKey& key, std::string_view text, const Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), raw(text), text.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace hansa
