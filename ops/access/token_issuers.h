// Token issuers: whose tokens are taken, by which keys, and what their claims make of a caller.
//
// Shape:   principal_of(token) finds the issuer that the token names among those of section
//          `access.jwt`, verifies it (ops/access/json_web_token.h) and maps its claims: the
//          subject, the words that stand for roles, cities, unit, grid and person. A claim is named
//          by its path, `realm_access.roles`.
//          Keys come from a file, which is looked at again when it has changed, or from an address,
//          which is asked at the start, each refresh_s, and when a token names a key that is not
//          known, at most once in kAskAgainUs. Keys that are gone from there count no more; while
//          it cannot be reached the ones that are known do.
// Errors:  open: kBadFile for a file of keys, or of authorities, that cannot be read. principal_of:
//          kUnauthenticated for all that is no such token, one that lacks a claim that the
//          configuration names among it; kUnavailable while keys are asked for.
// Threads: principal_of from any; one of its own for each address.
// Limits:  a set of keys of kKeySetBytesMax; kWordsMax words in a claim.
// Source:  DESIGN §9.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/env.h"
#include "ops/config.h"

namespace hansa::ops {

inline constexpr size_t kKeySetBytesMax = 256 * 1024;

// kBadFile, with the file's name, unless it is a JWK Set with a key that could be used.
Result<void> check_keys_file(const std::string& file);

class TokenIssuers {
 public:
  // Told after every try to read the keys of an issuer.
  using KeysRead = std::function<void(const std::string& issuer, bool is_stale)>;

  static Result<std::unique_ptr<TokenIssuers>> open(const Config& config, Env& env,
                                                    KeysRead keys_read);
  ~TokenIssuers();

  Result<Principal> principal_of(std::string_view token);

 private:
  struct Issuer;
  explicit TokenIssuers(Env& env);
  Env& env_;
  std::vector<std::unique_ptr<Issuer>> issuers_;
};

}  // namespace hansa::ops
