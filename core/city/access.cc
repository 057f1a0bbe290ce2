#include "core/city/access.h"

#include <algorithm>

#include "core/base/rows.h"
#include "core/base/schema.h"

namespace hansa {
namespace {

// `north/river-street` contains `north/river-street/old-mill`, but not `north/river-street-2`.
bool contains(std::string_view prefix, std::string_view place) {
  if (prefix.empty()) return true;
  if (!place.starts_with(prefix)) return false;
  return place.size() == prefix.size() || place[prefix.size()] == '/';
}

std::string role_list(const v1::MethodRule& rule) {
  std::string list;
  for (const int role : rule.roles()) {
    if (!list.empty()) list += ", ";
    list += role_name(static_cast<v1::Role::Value>(role));
  }
  return list;
}

}  // namespace

bool Principal::has_role(v1::Role::Value role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

bool Principal::acts_in(std::string_view city) const {
  return std::any_of(cities.begin(), cities.end(),
                     [&](const std::string& own) { return own == "*" || own == city; });
}

bool Principal::acts_in(const LedgerId& ledger) const {
  if (ledger.kind != kAllianceKind) return acts_in(ledger.id);
  return alliance == "*" || alliance == ledger.id;
}

Result<void> permit(const v1::MethodRule& rule, const Principal& principal,
                    const LedgerId& ledger) {
  bool holds_role = false;
  for (const int value : rule.roles()) {
    const auto role = static_cast<v1::Role::Value>(value);
    if (role == v1::Role::public_) return {};
    if (!principal.has_role(role)) continue;
    holds_role = true;
    if (principal.acts_in(ledger)) return {};
  }
  const std::string where = "the " + ledger.kind + " " + ledger.id;
  if (holds_role) {
    return fail(Errc::kForbidden, "the caller's roles do not count in " + where +
                                      "; they need one that does");
  }
  return fail(Errc::kForbidden, "this needs one of the roles " + role_list(rule) + " in " + where);
}

Result<void> permit_case(const v1::MethodRule& rule, const Principal& principal,
                         const v1::Case& row) {
  if (rule.within_grid() && !contains(principal.grid_prefix, place_key(row.place()))) {
    return fail(Errc::kWrongGrid, "case " + row.case_() + " lies in " + place_key(row.place()) +
                                      "; the caller is responsible for " + principal.grid_prefix);
  }
  const bool leads = !principal.unit.empty() && principal.unit == row.lead_unit();
  if (rule.lead_unit_only() && !leads) {
    return fail(Errc::kWrongUnit, "case " + row.case_() + " is led by " +
                                      (row.lead_unit().empty() ? "no unit" : row.lead_unit()) +
                                      "; the caller belongs to " +
                                      (principal.unit.empty() ? "no unit" : principal.unit));
  }
  if (!rule.reporter_only() || principal.has_role(v1::Role::hotline)) return {};
  if (row.reporter().empty() || principal.person != row.reporter()) {
    return fail(Errc::kNotReporter, "case " + row.case_() + " was reported by someone else; only "
                                        "its reporter, or the hotline for them, may do this");
  }
  return {};
}

}  // namespace hansa
