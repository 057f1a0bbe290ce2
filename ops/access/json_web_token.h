// JSON Web Token: who a caller is, as an issuer signed it.
//
// Shape:   `header.claims.signature`, each base64url (RFC 7519), signed by RS256 or ES256 (RFC
//          7518). TokenKeys are the keys that an issuer publishes (a JWK Set, RFC 7517). A key has
//          one algorithm, that of its kind, and a token is checked by the algorithm of the key that
//          its `kid` names: what its header claims beside that is only compared, so that neither
//          `none` nor a public key taken for a secret can pass.
// Units:   seconds since 1970 in tokens, microseconds in `now_us`.
// Errors:  read_token, verify_token: kUnauthenticated, with what the caller or the operator has to
//          do; parse: kBadFile for what is no JWK Set or has no key that could be used.
// Threads: free for all.
// Limits:  a token of kTokenBytesMax; a set of kTokenKeysMax keys; RSA of 2 048 to 8 192 bits, EC
//          on P-256. Other keys of a set are left out.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa::ops {

inline constexpr size_t kTokenBytesMax = 8 * 1024;
inline constexpr size_t kTokenKeysMax = 100;

class TokenKeys {
 public:
  static Result<TokenKeys> parse(std::string_view json);
  TokenKeys(TokenKeys&&) noexcept;
  TokenKeys& operator=(TokenKeys&&) noexcept;
  ~TokenKeys();

  struct Key;
  // By its id; of a set with one key also by no id. nullptr: none.
  const Key* find(std::string_view id) const;

 private:
  explicit TokenKeys(std::vector<Key> keys);
  std::vector<Key> keys_;
};

struct TokenRules {
  std::string issuer;
  std::string audience;
  uint32_t leeway_s = 60;  // that the two clocks may differ
};

// What a token says of itself, before anything of it is known to be true.
struct UnverifiedToken {
  std::string algorithm;
  std::string key_id;  // may be empty
  boost::json::object claims;
  std::string_view signed_text;
  std::string signature;

  std::string issuer() const;  // empty: it names none
};
// The token read must live as long as what was read of it.
Result<UnverifiedToken> read_token(std::string_view token);

// The claims of a token that `key` signed, for us, and that is valid now.
Result<boost::json::object> verify_token(UnverifiedToken token, const TokenKeys::Key& key,
                                         const TokenRules& rules, int64_t now_us);

}  // namespace hansa::ops
