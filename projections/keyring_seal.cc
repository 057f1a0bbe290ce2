#include "projections/keyring_seal.h"

#include <optional>

#include "core/base/assert.h"
#include "core/base/base64.h"
#include "core/base/hash.h"
#include "projections/keyring.h"

namespace hansa::projections {
namespace {

constexpr size_t kCommitmentBytes = 32;
constexpr size_t kPadBytes = 64;
static_assert(kNonceBytes == 24 && kKeyBytes + kTagBytes == 48);

// The key that encrypts under this nonce, and behind it the commitment. Two person keys with one
// commitment would be a collision of SHA-256, so a text opens under one key only.
std::string key_and_commitment(const Key& person_key, std::string_view nonce) {
  const std::string_view secret(reinterpret_cast<const char*>(person_key.data()),
                                person_key.size());
  return hkdf_sha256(secret, "hansa sealed1 " + std::string(nonce), kKeyBytes + kCommitmentBytes);
}

}  // namespace

void wipe(std::string& secret) { sodium_memzero(secret.data(), secret.size()); }

void wipe_all(std::vector<Key>& keys) {
  for (auto& key : keys) sodium_memzero(key.data(), key.size());
}

std::string encrypt(std::string_view plain, std::string_view bound, std::string_view nonce,
                    const uint8_t* key) {
  std::string cipher(plain.size() + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(cipher), nullptr, raw(plain), plain.size(),
                                             raw(bound), bound.size(), nullptr, raw(nonce), key);
  return cipher;
}

bool decrypt(std::string_view cipher, std::string_view bound, std::string_view nonce,
             const uint8_t* key, uint8_t* plain) {
  return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, nullptr, nullptr, raw(cipher),
                                                    cipher.size(), raw(bound), bound.size(),
                                                    raw(nonce), key) == 0;
}

std::string seal_text(const Key& key, std::string_view nonce, std::string_view bound,
                      std::string_view text) {
  std::string derived = key_and_commitment(key, nonce);
  std::string padded(text);
  padded.resize((text.size() / kPadBytes + 1) * kPadBytes);
  size_t length = 0;
  const int padding = sodium_pad(&length, raw(padded), text.size(), kPadBytes, padded.size());
  HANSA_ASSERT(padding == 0 && length == padded.size(), "a text is padded to whole blocks");
  std::string sealed = derived.substr(kKeyBytes);
  sealed.append(nonce);
  sealed.append(encrypt(padded, bound, nonce, raw(derived)));
  wipe(derived);
  wipe(padded);
  return std::string(kSealedPrefix) + to_base64(sealed);
}

Result<std::string> open_text(const std::vector<Key>& keys, std::string_view bound,
                              std::string_view sealed) {
  if (!sealed.starts_with(kSealedPrefix)) {
    return fail(Errc::kBadFile, "does not begin with 'sealed1:'");
  }
  const auto bytes = parse_base64(sealed.substr(kSealedPrefix.size()));
  const size_t overhead = kCommitmentBytes + kNonceBytes + kTagBytes;
  if (!bytes || bytes->size() < overhead + kPadBytes) return fail(Errc::kBadFile, "is not whole");
  const auto whole = std::string_view(*bytes);
  const auto nonce = whole.substr(kCommitmentBytes, kNonceBytes);
  std::string derived;
  for (const auto& key : keys) {
    derived = key_and_commitment(key, nonce);
    if (sodium_memcmp(derived.data() + kKeyBytes, whole.data(), kCommitmentBytes) == 0) break;
    derived.clear();
  }
  if (derived.empty()) {
    return fail(Errc::kBadFile, "was sealed under another key or was changed");
  }
  std::string padded(whole.size() - overhead, '\0');
  const bool opened = decrypt(whole.substr(kCommitmentBytes + kNonceBytes), bound, nonce,
                              raw(derived), raw(padded));
  wipe(derived);
  size_t length = 0;
  if (!opened || sodium_unpad(&length, raw(padded), padded.size(), kPadBytes) != 0) {
    return fail(Errc::kBadFile, "was changed or belongs to another place");
  }
  padded.resize(length);
  return padded;
}

BoxKeys make_box_keys(std::string seed) {
  static_assert(crypto_box_SEEDBYTES == 32);
  BoxKeys keys{std::string(crypto_box_PUBLICKEYBYTES, '\0'),
               std::string(crypto_box_SECRETKEYBYTES, '\0')};
  crypto_box_seed_keypair(raw(keys.open), raw(keys.secret), raw(seed));
  wipe(seed);
  return keys;
}

Result<std::string> open_text_box(const BoxKeys& keys, std::string_view boxed) {
  const auto bytes = boxed.starts_with(kBoxPrefix) ? parse_base64(boxed.substr(kBoxPrefix.size()))
                                                   : std::nullopt;
  if (!bytes || bytes->size() < crypto_box_SEALBYTES) {
    return fail(Errc::kBadFile, "expected \"box1:\" and base64 of a sealed box");
  }
  std::string text(bytes->size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(raw(text), raw(*bytes), bytes->size(), raw(keys.open),
                           raw(keys.secret)) != 0) {
    return fail(Errc::kBadFile, "the box was changed, or sealed to another key than the city's; "
                                "see `hansa inbox key`");
  }
  return text;
}

}  // namespace hansa::projections
