// Keys, sets of keys and tokens, as an issuer makes them with OpenSSL.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/base64.h"

namespace hansa::ops::testing {

inline std::string base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

using OwnedKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline OwnedKey rsa_key(unsigned bits) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }
inline OwnedKey ec_key(const char* curve) { return {EVP_EC_gen(curve), EVP_PKEY_free}; }

inline std::string number_in(EVP_PKEY* key, const char* name, size_t bytes = 0) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
  std::string text(bytes == 0 ? static_cast<size_t>(BN_num_bytes(number)) : bytes, '\0');
  BN_bn2binpad(number, reinterpret_cast<uint8_t*>(text.data()), static_cast<int>(text.size()));
  BN_free(number);
  return text;
}

inline std::string rsa_jwk(EVP_PKEY* key, const std::string& id, const std::string& more = "") {
  return R"({"kty":"RSA","kid":")" + id + R"(","n":")" +
         base64url(number_in(key, OSSL_PKEY_PARAM_RSA_N)) + R"(","e":")" +
         base64url(number_in(key, OSSL_PKEY_PARAM_RSA_E)) + "\"" + more + "}";
}

inline std::string ec_jwk(EVP_PKEY* key, const std::string& id,
                          const std::string& curve = "P-256") {
  return R"({"kty":"EC","crv":")" + curve + R"(","kid":")" + id + R"(","x":")" +
         base64url(number_in(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)) + R"(","y":")" +
         base64url(number_in(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)) + "\"}";
}

inline std::string set_of(const std::vector<std::string>& keys) {
  std::string text;
  for (const auto& key : keys) text += (text.empty() ? "" : ",") + key;
  return "{\"keys\":[" + text + "]}";
}

inline std::string sign_bytes(EVP_PKEY* key, const std::string& text) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
  size_t length = 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key), 1);
  EXPECT_EQ(EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()), 1);
  std::string signature(length, '\0');
  EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &length,
                           bytes, text.size()),
            1);
  signature.resize(length);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return signature;
  const auto* der = reinterpret_cast<const uint8_t*>(signature.data());
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size()));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), reinterpret_cast<uint8_t*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), reinterpret_cast<uint8_t*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(parts);
  return raw;
}

inline std::string make_token(EVP_PKEY* key, const std::string& head, const std::string& claims) {
  const std::string text = base64url(head) + "." + base64url(claims);
  return text + "." + base64url(sign_bytes(key, text));
}

}  // namespace hansa::ops::testing
