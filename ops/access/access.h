// Access: who is asking, from the credentials of a request, and whether they ask too often.
//
// Shape:   `Authorization: Bearer <key or token>` or `X-Api-Key: <key>`. The configuration holds
//          the SHA-256 of each key and the principal it stands for; keys are found by their hash,
//          so the time taken says nothing about a key. What is no key and has the form of a JSON
//          Web Token is verified (ops/access/token_issuers.h). No credentials: the anonymous
//          principal, whose only role is public. What a principal may do is asked of
//          core/city/access.h. requests_per_second_max counts each caller by issuer and subject
//          (all anonymous ones are one), ledger_requests_per_second_max all requests about one
//          ledger.
// Errors:  kUnauthenticated for credentials that are none of ours, or another scheme than Bearer;
//          kUnavailable while an issuer's keys are read; kRateLimited: wait as long as Retry-After
//          says.
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "ops/config.h"
#include "ops/access/rate_limit.h"
#include "ops/access/token_issuers.h"

namespace hansa::ops {

using Caller = std::shared_ptr<const Principal>;

class Access {
 public:
  // `issuers` may be nullptr: no tokens then.
  Access(const std::vector<ApiKey>& keys, TokenIssuers* issuers, const Limits& limits);

  // Both may be empty. `now_us` is any monotonic time.
  Result<Caller> authenticate(std::string_view authorization, std::string_view api_key,
                              int64_t now_us);
  // May one more request about this ledger be answered now?
  Result<void> admit(const LedgerId& ledger, int64_t now_us);
  static bool is_anonymous(const Principal& principal) { return principal.issuer == "anonymous"; }

 private:
  Result<Caller> find(std::string_view credentials) const;

  std::map<Hash, Caller> keys_;
  Caller anonymous_;
  TokenIssuers* issuers_;
  RateLimit by_caller_;
  RateLimit by_ledger_;
};

// May this caller call this method on this ledger: core's permit, but a caller without credentials
// hears kUnauthenticated where others hear kForbidden.
Result<void> permit_caller(const v1::MethodRule& rule, const Principal& principal,
                           const LedgerId& ledger);

}  // namespace hansa::ops
