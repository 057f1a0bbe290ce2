#include "core/base/hash.h"

#include <openssl/evp.h>

#include <memory>

#include "core/base/assert.h"

namespace hansa {
namespace {

// Fetching the algorithm costs more than hashing an entry: it is fetched once.
const EVP_MD* algorithm() {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  HANSA_ASSERT(kSha256 != nullptr, "the crypto library has SHA-256");
  return kSha256;
}

class Hasher {
 public:
  Hasher() {
    static thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    context_ = context.get();
    HANSA_ASSERT(EVP_DigestInit_ex2(context_, algorithm(), nullptr) == 1, "SHA-256 starts");
  }
  Hasher& add(std::string_view bytes) {
    HANSA_ASSERT(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1, "SHA-256 goes on");
    return *this;
  }
  Hash finish() {
    Hash hash;
    HANSA_ASSERT(EVP_DigestFinal_ex(context_, hash.bytes.data(), nullptr) == 1, "SHA-256 ends");
    return hash;
  }

 private:
  EVP_MD_CTX* context_;  // one per thread: a Hasher is finished before the next begins
};

constexpr size_t kBlockBytes = 64;

}  // namespace

Hash sha256(std::string_view bytes) { return Hasher().add(bytes).finish(); }

Hash sha256(std::initializer_list<std::string_view> parts) {
  Hasher hasher;
  for (auto part : parts) hasher.add(part);
  return hasher.finish();
}

Hash hmac_sha256(std::string_view key, std::string_view message) {
  std::array<char, kBlockBytes> inner;
  std::array<char, kBlockBytes> outer;
  const Hash hashed_key = key.size() > kBlockBytes ? sha256(key) : Hash();
  if (key.size() > kBlockBytes) key = hashed_key.view();
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const char byte = i < key.size() ? key[i] : '\0';
    inner[i] = static_cast<char>(byte ^ 0x36);
    outer[i] = static_cast<char>(byte ^ 0x5C);
  }
  const Hash digest = sha256({std::string_view(inner.data(), kBlockBytes), message});
  return sha256({std::string_view(outer.data(), kBlockBytes), digest.view()});
}

std::string hkdf_sha256(std::string_view secret, std::string_view info, size_t length) {
  HANSA_ASSERT(length <= 255 * 32, "HKDF gives at most 8 160 bytes");
  const std::string empty_salt(32, '\0');
  const Hash pseudo_random_key = hmac_sha256(empty_salt, secret);
  std::string output;
  std::string previous;
  for (uint8_t counter = 1; output.size() < length; ++counter) {
    std::string block = previous;
    block.append(info).push_back(static_cast<char>(counter));
    previous = std::string(hmac_sha256(pseudo_random_key.view(), block).view());
    output.append(previous);
  }
  output.resize(length);
  return output;
}

}  // namespace hansa
