#include "ops/access/access.h"

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

Caller anonymous() {
  Principal principal;
  principal.issuer = "anonymous";
  principal.subject = "anonymous";
  principal.roles = {v1::Role::public_};
  principal.cities = {"*"};
  return std::make_shared<const Principal>(std::move(principal));
}

}  // namespace

Access::Access(const std::vector<ApiKey>& keys, TokenIssuers* issuers, const Limits& limits)
    : anonymous_(anonymous()),
      issuers_(issuers),
      by_caller_(limits.requests_per_second_max, "from one caller"),
      by_ledger_(limits.ledger_requests_per_second_max, "about one city or alliance") {
  for (const auto& key : keys) {
    keys_.emplace(key.sha256, std::make_shared<const Principal>(key.principal));
  }
}

Result<Caller> Access::authenticate(std::string_view authorization, std::string_view api_key,
                                    int64_t now_us) {
  if (!authorization.empty()) {
    if (!starts_with_ignoring_case(authorization, kBearer)) {
      return fail(Errc::kUnauthenticated,
                  "expected `Authorization: Bearer <key or token>`, found another scheme");
    }
    api_key = authorization.substr(kBearer.size());
  }
  HANSA_TRY(auto caller, find(api_key));
  HANSA_CHECK(by_caller_.take(caller->issuer + "\n" + caller->subject, now_us));
  return caller;
}

Result<Caller> Access::find(std::string_view credentials) const {
  if (credentials.empty()) return anonymous_;
  if (const auto found = keys_.find(sha256(credentials)); found != keys_.end()) {
    return found->second;
  }
  if (issuers_ != nullptr && std::ranges::count(credentials, '.') == 2) {
    HANSA_TRY(auto principal, issuers_->principal_of(credentials));
    return std::make_shared<const Principal>(std::move(principal));
  }
  return fail(Errc::kUnauthenticated,
              "the key is none of this server's; ask its operator for one, or leave it out to "
              "read what is public");
}

Result<void> Access::admit(const LedgerId& ledger, int64_t now_us) {
  return by_ledger_.take(ledger.text(), now_us);
}

Result<void> permit_caller(const v1::MethodRule& rule, const Principal& principal,
                           const LedgerId& ledger) {
  auto permitted = permit(rule, principal, ledger);
  if (permitted || !Access::is_anonymous(principal)) return permitted;
  return fail(Errc::kUnauthenticated,
              "the request came without credentials; " + permitted.error().detail);
}

}  // namespace hansa::ops
