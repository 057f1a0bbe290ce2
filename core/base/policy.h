// Policy catalogue: every number of the founding study that the case loop uses or is measured by.
//
// Shape:   policies() lists name, unit, title, default and section. A city's values are adopted by
//          event, version 1 at its founding, and stand in kPolicyTable: an old decision replays
//          with the value of its day. policy_value reads the value in force; a value that the
//          catalogue got after the city's founding counts with its default until adopted.
//          policy_us and policy_count read values that decisions reckon with as integers.
// Units:   the name ends in the unit. policy_us answers microseconds; `working_hours` are hours on
//          the working calendar.
// Errors:  check_policy_value: kUnknownPolicy for a name outside the catalogue, kBadRequest for a
//          value that is none or above the catalogue's limit. The readers have none.
// Threads: the catalogue is immutable; readers use the caller's rows.
// Limits:  values from 0 to `highest`; reduced parts up to 18 digits.
// Source:  DOMAIN §1.1 (S§ = section of the study), SPEC §3 and §8. `cfg`: the study names none.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/ratio.h"
#include "core/base/rows.h"

namespace hansa {

enum class PolicyUnit : uint8_t {
  kDays,
  kHours,
  kWorkingHours,
  kPercent,
  kMetres,
  kStars,
  kTimes,
  kCases,
  kPersonTimesADay,
};

struct PolicyInfo {
  std::string_view name;
  PolicyUnit unit;
  std::string_view title;
  int64_t numerator;
  int64_t denominator;
  int64_t highest;
  std::string_view section;
};

inline constexpr std::string_view kReboundWindow = "rebound_window_days";
inline constexpr std::string_view kReopeningWindow = "reopening_window_days";
inline constexpr std::string_view kFirstResponseCommunity = "first_response_community_hours";
inline constexpr std::string_view kFirstResponseComplaint = "first_response_complaint_hours";
inline constexpr std::string_view kNearDuplicateRadius = "near_duplicate_radius_metres";
inline constexpr std::string_view kNearDuplicateWindow = "near_duplicate_window_hours";
inline constexpr std::string_view kHandlingDefault = "handling_default_working_hours";
inline constexpr std::string_view kHandlingUrgentDefault = "handling_urgent_default_hours";
inline constexpr std::string_view kSatisfactionStars = "satisfaction_min_stars";
inline constexpr std::string_view kRankingSample = "ranking_sample_cases";
inline constexpr std::string_view kSmallestCell = "smallest_cell_cases";
inline constexpr std::string_view kDeadlineExtensionsMax = "deadline_extensions_max_times";

std::span<const PolicyInfo> policies();
const PolicyInfo* find_policy(std::string_view name);
std::string_view policy_unit_name(PolicyUnit unit);

// The reduced fraction, if it may be adopted under this name.
Result<v1::Fraction> check_policy_value(std::string_view name, const v1::Fraction& value);

Ratio policy_value(RowsView& view, std::string_view name);
int64_t policy_us(RowsView& view, std::string_view name);
// Rounded down.
int64_t policy_count(RowsView& view, std::string_view name);

}  // namespace hansa
