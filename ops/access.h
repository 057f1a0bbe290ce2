// Access: who is asking, from the credentials of a request.
//
// Shape:   `Authorization: Bearer <key>` or `X-Api-Key: <key>`; the configuration holds the SHA-256
//          of each key and the principal it stands for. No credentials: the anonymous principal,
//          whose only role is public. What a principal may do is asked of core/city/access.h.
//          Keys are found by their hash, so the time taken says nothing about a key.
// Errors:  kUnauthenticated for credentials that are none of ours, or another scheme than Bearer;
//          kRateLimited when a caller exceeds requests_per_second_max (all anonymous callers count
//          as one): wait as long as Retry-After says.
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "ops/config.h"

namespace hansa::ops {

class Access {
 public:
  explicit Access(const std::vector<ApiKey>& keys, uint32_t requests_per_second_max = 0);

  // Both may be empty. `now_us` is any monotonic time.
  Result<const Principal*> authenticate(std::string_view authorization, std::string_view api_key,
                                        int64_t now_us);
  static bool is_anonymous(const Principal& principal) { return principal.issuer == "anonymous"; }

 private:
  struct Caller {
    Principal principal;
    std::mutex mutex;
    double tokens = 0;
    int64_t filled_us = 0;
  };
  Result<const Principal*> admit(Caller& caller, int64_t now_us);

  uint32_t requests_per_second_max_;
  std::map<Hash, std::unique_ptr<Caller>> callers_;
  Caller anonymous_;
};

// May this caller call this method on this ledger: core's permit, but a caller without credentials
// hears kUnauthenticated where others hear kForbidden.
Result<void> permit_caller(const v1::MethodRule& rule, const Principal& principal,
                           const LedgerId& ledger);

}  // namespace hansa::ops
