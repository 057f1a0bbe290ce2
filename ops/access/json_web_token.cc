#include "ops/access/json_web_token.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <optional>

#include "core/base/base64.h"
#include "core/base/durations.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr size_t kP256Bytes = 32;
constexpr size_t kClaimBytesMax = 1024;
constexpr unsigned kDepthMax = 16;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <typename T>
using Owned = std::unique_ptr<T, KeyFree>;

enum class Algorithm { kRs256, kEs256 };

std::string_view algorithm_name(Algorithm algorithm) {
  return algorithm == Algorithm::kRs256 ? "RS256" : "ES256";
}

// Without padding, in the one form that each text has.
std::optional<std::string> from_base64url(std::string_view text) {
  std::string plain(text);
  for (auto& c : plain) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  plain.append((4 - plain.size() % 4) % 4, '=');
  return parse_base64(plain);
}

Error refused(std::string detail) { return {Errc::kUnauthenticated, std::move(detail)}; }

Owned<BIGNUM> number_of(const std::string& bytes) {
  return Owned<BIGNUM>(BN_bin2bn(reinterpret_cast<const uint8_t*>(bytes.data()),
                                 static_cast<int>(bytes.size()), nullptr));
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

Owned<EVP_PKEY> make_key(const char* kind, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  Owned<EVP_PKEY> key(made);
  const Owned<EVP_PKEY_CTX> check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  if (!check || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return key;
}

Owned<EVP_PKEY> rsa_key(const json::object& jwk) {
  const auto modulus = from_base64url(text_in(jwk, "n"));
  const auto exponent = from_base64url(text_in(jwk, "e"));
  if (!modulus || !exponent || exponent->size() > 8) return nullptr;
  const auto n = number_of(*modulus);
  const auto e = number_of(*exponent);
  const int bits = BN_num_bits(n.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax) return nullptr;
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return make_key("RSA", builder.get());
}

Owned<EVP_PKEY> p256_key(const json::object& jwk) {
  const auto x = from_base64url(text_in(jwk, "x"));
  const auto y = from_base64url(text_in(jwk, "y"));
  if (text_in(jwk, "crv") != "P-256" || !x || !y || x->size() != kP256Bytes ||
      y->size() != kP256Bytes) {
    return nullptr;
  }
  const std::string point = "\x04" + *x + *y;  // uncompressed
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  return make_key("EC", builder.get());
}

// A signature of ES256 is two numbers side by side, OpenSSL wants them as DER.
std::string der_signature(const std::string& raw) {
  if (raw.size() != 2 * kP256Bytes) return "";
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  auto r = number_of(raw.substr(0, kP256Bytes));
  auto s = number_of(raw.substr(kP256Bytes));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return "";
  r.release();
  s.release();
  uint8_t* bytes = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &bytes);
  std::string der;
  if (length > 0) der.assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

Result<json::object> read_part(std::string_view part, const char* what) {
  const auto text = from_base64url(part);
  json::error_code error;
  json::parse_options options;
  options.max_depth = kDepthMax;
  auto value = text ? json::parse(*text, error, {}, options) : json::value();
  if (!text || error || !value.is_object()) {
    return fail(refused(std::string("expected a JSON Web Token, its ") + what +
                        " cannot be read"));
  }
  return std::move(value.get_object());
}

// Seconds since 1970; a token may state parts of them.
Result<std::optional<int64_t>> time_in(const json::object& claims, std::string_view name) {
  const auto* found = claims.if_contains(name);
  if (found == nullptr) return std::optional<int64_t>();
  json::error_code error;
  const double seconds = found->is_number() ? found->to_number<double>(error) : -1;
  if (error || seconds < 0 || seconds > 1e12) {
    return fail(refused("expected `" + std::string(name) + "` of the token as seconds since 1970"));
  }
  return std::optional<int64_t>(static_cast<int64_t>(seconds));
}

bool names_audience(const json::object& claims, std::string_view audience) {
  const auto* found = claims.if_contains("aud");
  if (found == nullptr) return false;
  if (found->is_string()) return found->get_string() == audience;
  if (!found->is_array()) return false;
  return std::ranges::any_of(found->get_array(), [&](const json::value& one) {
    return one.is_string() && one.get_string() == audience;
  });
}

Result<void> check_times(const json::object& claims, const TokenRules& rules, int64_t now_us) {
  const int64_t now_s = now_us / kSecondUs;
  HANSA_TRY(const auto expires, time_in(claims, "exp"));
  HANSA_TRY(const auto begins, time_in(claims, "nbf"));
  if (!expires) return fail(refused("expected a token with an end (`exp`), this one has none"));
  if (*expires + rules.leeway_s <= now_s) {
    return fail(refused("the token expired at " + time_text(*expires * kSecondUs) +
                        "; get a new one from " + rules.issuer));
  }
  if (begins && *begins > now_s + rules.leeway_s) {
    return fail(refused("the token is not valid before " + time_text(*begins * kSecondUs) +
                        "; wait, or set the clock that is wrong"));
  }
  return {};
}

}  // namespace

struct TokenKeys::Key {
  std::string id;
  Algorithm algorithm;
  std::shared_ptr<EVP_PKEY> key;
};

namespace {

bool is_signed_by(const UnverifiedToken& token, const TokenKeys::Key& key) {
  const auto signature = key.algorithm == Algorithm::kEs256 ? der_signature(token.signature)
                                                            : token.signature;
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const uint8_t*>(text.data());
  };
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  return !signature.empty() && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(),
                          bytes(token.signed_text), token.signed_text.size()) == 1;
}

}  // namespace

TokenKeys::TokenKeys(std::vector<Key> keys) : keys_(std::move(keys)) {}
TokenKeys::TokenKeys(TokenKeys&&) noexcept = default;
TokenKeys& TokenKeys::operator=(TokenKeys&&) noexcept = default;
TokenKeys::~TokenKeys() = default;

Result<TokenKeys> TokenKeys::parse(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = kDepthMax;
  const auto set = json::parse(text, error, {}, options);
  const auto* listed = !error && set.is_object() ? set.get_object().if_contains("keys") : nullptr;
  if (listed == nullptr || !listed->is_array() || listed->get_array().size() > kTokenKeysMax) {
    return fail(Errc::kBadFile, "expected a JWK Set, {\"keys\": [...]} with at most " +
                                    std::to_string(kTokenKeysMax) + " keys");
  }
  std::vector<Key> keys;
  for (const auto& one : listed->get_array()) {
    if (!one.is_object()) continue;
    const auto& jwk = one.get_object();
    const bool is_rsa = text_in(jwk, "kty") == "RSA";
    const auto algorithm = is_rsa ? Algorithm::kRs256 : Algorithm::kEs256;
    const auto use = text_in(jwk, "use");
    const auto stated = text_in(jwk, "alg");
    if ((!is_rsa && text_in(jwk, "kty") != "EC") || (!use.empty() && use != "sig") ||
        (!stated.empty() && stated != algorithm_name(algorithm))) {
      continue;
    }
    auto key = is_rsa ? rsa_key(jwk) : p256_key(jwk);
    if (!key) continue;
    keys.push_back({text_in(jwk, "kid"), algorithm, std::shared_ptr<EVP_PKEY>(std::move(key))});
  }
  if (keys.empty()) {
    const auto count = std::to_string(listed->get_array().size());
    return fail(Errc::kBadFile, "expected at least one key for RS256 (2 048 bits and more) or "
                                "ES256 (P-256) among " + count);
  }
  return TokenKeys(std::move(keys));
}

const TokenKeys::Key* TokenKeys::find(std::string_view id) const {
  if (id.empty()) return keys_.size() == 1 ? &keys_.front() : nullptr;
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found == keys_.end() ? nullptr : &*found;
}

std::string UnverifiedToken::issuer() const { return text_in(claims, "iss"); }

Result<UnverifiedToken> read_token(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (token.size() > kTokenBytesMax || second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos) {
    return fail(refused("expected a JSON Web Token of three parts with dots between them and at "
                        "most " + std::to_string(kTokenBytesMax) + " bytes"));
  }
  HANSA_TRY(const auto head, read_part(token.substr(0, first), "header"));
  // What must be understood and is not known here (RFC 7515 §4.1.11).
  if (head.contains("crit")) {
    return fail(refused("expected a token without `crit` in its header"));
  }
  HANSA_TRY(auto claims, read_part(token.substr(first + 1, second - first - 1), "claims"));
  return UnverifiedToken{text_in(head, "alg"), text_in(head, "kid"), std::move(claims),
                         token.substr(0, second),
                         from_base64url(token.substr(second + 1)).value_or("")};
}

Result<json::object> verify_token(UnverifiedToken token, const TokenKeys::Key& key,
                                  const TokenRules& rules, int64_t now_us) {
  if (token.algorithm != algorithm_name(key.algorithm)) {
    return fail(refused("expected a token signed by " +
                        std::string(algorithm_name(key.algorithm)) +
                        ", as its key is for; its header names another algorithm"));
  }
  if (!is_signed_by(token, key)) {
    return fail(refused("the token's signature is not by its issuer's key"));
  }
  if (token.issuer() != rules.issuer) {
    return fail(refused("expected a token issued by " + rules.issuer));
  }
  if (!names_audience(token.claims, rules.audience)) {
    return fail(refused("expected a token for `" + rules.audience + "`, its `aud` names others"));
  }
  HANSA_CHECK(check_times(token.claims, rules, now_us));
  const auto subject = text_in(token.claims, "sub");
  if (subject.empty() || subject.size() > kClaimBytesMax) {
    return fail(refused("expected a token that says whose it is (`sub`)"));
  }
  return std::move(token.claims);
}

}  // namespace hansa::ops
