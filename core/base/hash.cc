#include "core/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "core/base/assert.h"

namespace hansa {

Hash sha256(std::string_view bytes) {
  Hash hash;
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), hash.bytes.data());
  return hash;
}

Hash sha256(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (auto part : parts) joined.append(part);
  return sha256(joined);
}

Hash hmac_sha256(std::string_view key, std::string_view message) {
  Hash hash;
  unsigned int length = 0;
  const auto* result =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const uint8_t*>(message.data()), message.size(), hash.bytes.data(),
           &length);
  HANSA_ASSERT(result != nullptr && length == hash.bytes.size(), "HMAC-SHA-256 gives 32 bytes");
  return hash;
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
