#include "ops/access.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/city/access.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kBearer = "Bearer ";

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

}  // namespace

Access::Access(const std::vector<ApiKey>& keys, uint32_t requests_per_second_max)
    : requests_per_second_max_(requests_per_second_max) {
  for (const auto& key : keys) {
    auto caller = std::make_unique<Caller>();
    caller->principal = key.principal;
    callers_.emplace(key.sha256, std::move(caller));
  }
  anonymous_.principal.issuer = "anonymous";
  anonymous_.principal.subject = "anonymous";
  anonymous_.principal.roles = {v1::Role::public_};
  anonymous_.principal.cities = {"*"};
}

Result<const Principal*> Access::authenticate(std::string_view authorization,
                                              std::string_view api_key, int64_t now_us) {
  if (!authorization.empty()) {
    if (!starts_with_ignoring_case(authorization, kBearer)) {
      return fail(Errc::kUnauthenticated,
                  "expected `Authorization: Bearer <key>`, found another scheme");
    }
    api_key = authorization.substr(kBearer.size());
  }
  if (api_key.empty()) return admit(anonymous_, now_us);
  const auto found = callers_.find(sha256(api_key));
  if (found == callers_.end()) {
    return fail(Errc::kUnauthenticated,
                "the key is none of this server's; ask its operator for one, or leave it out to "
                "read what is public");
  }
  return admit(*found->second, now_us);
}

Result<const Principal*> Access::admit(Caller& caller, int64_t now_us) {
  if (requests_per_second_max_ == 0) return &caller.principal;
  const std::lock_guard lock(caller.mutex);
  const double full = requests_per_second_max_;
  if (caller.filled_us == 0) caller.tokens = full;
  const double passed_s = static_cast<double>(now_us - caller.filled_us) / 1e6;
  caller.tokens = std::min(full, caller.tokens + passed_s * full);
  caller.filled_us = now_us;
  if (caller.tokens < 1) {
    return fail(Errc::kRateLimited, "expected at most " + std::to_string(requests_per_second_max_) +
                                        " requests a second from one caller");
  }
  caller.tokens -= 1;
  return &caller.principal;
}

Result<void> permit_caller(const v1::MethodRule& rule, const Principal& principal,
                           const LedgerId& ledger) {
  auto permitted = permit(rule, principal, ledger);
  if (permitted || !Access::is_anonymous(principal)) return permitted;
  return fail(Errc::kUnauthenticated,
              "the request came without credentials; " + permitted.error().detail);
}

}  // namespace hansa::ops
