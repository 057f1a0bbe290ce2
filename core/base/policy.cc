#include "core/base/policy.h"

#include <array>
#include <charconv>

#include "core/base/assert.h"
#include "core/base/durations.h"

namespace hansa {
namespace {

using enum PolicyUnit;

constexpr size_t kPartDigitsMax = 18;

constexpr std::array kPolicies = {
    // Discovery.
    PolicyInfo{"discovery_time_manual_days", kDays, "Mean time to discover a problem by hand", 3,
               1, 366, "S§2.3"},
    PolicyInfo{"discovery_time_digital_days", kDays,
               "Mean time to discover a problem by digital means", 1, 2, 366, "S§2.3"},
    PolicyInfo{"discovery_speedup_times", kTimes, "Digital discovery is so many times faster", 6,
               1, 1000, "S§2.3"},
    PolicyInfo{"source_classes_times", kTimes, "Classes of sources that a city should connect",
               12, 1, 12, "S§1.4"},
    PolicyInfo{"verification_rate_target_percent", kPercent,
               "Verified of reported cases; 0: the city sets no target", 0, 1, 100, "cfg"},
    PolicyInfo{"publish_to_verified_working_hours", kWorkingHours,
               "Working time from report to verification", 24, 1, 8784, "SPEC §8"},
    PolicyInfo{kNearDuplicateRadius, kMetres, "How near a possible duplicate lies", 200, 1, 500,
               "SPEC §3"},
    PolicyInfo{kNearDuplicateWindow, kHours, "How recent a possible duplicate is", 72, 1, 8784,
               "SPEC §3"},
    // Assignment.
    PolicyInfo{"overlap_resolution_first_target_percent", kPercent,
               "Disputes settled of disputes raised, target of 2024", 60, 1, 100, "S§3.3"},
    PolicyInfo{"overlap_resolution_target_percent", kPercent,
               "Disputes settled of disputes raised, target", 90, 1, 100, "S§3.2"},
    PolicyInfo{"overlap_resolution_reached_percent", kPercent,
               "Disputes settled of disputes raised, as reached", 85, 1, 100, "S§4.2 5.1"},
    // Handling.
    PolicyInfo{"handling_time_before_days", kDays, "Mean time to handle a case, before", 3, 1, 366,
               "S§4.4 5.3 7.3"},
    PolicyInfo{"handling_time_target_days", kDays, "Mean time to handle a case, target", 1, 2, 366,
               "S§4.4 5.3 7.3"},
    PolicyInfo{"efficiency_gain_target_percent", kPercent, "Gain in efficiency", 50, 1, 1000,
               "S§1.4"},
    PolicyInfo{kHandlingDefault, kWorkingHours,
               "Handling time of a service that names none: 5 working days of 8 hours", 40, 1,
               8784, "SPEC §3"},
    PolicyInfo{kHandlingUrgentDefault, kHours,
               "Handling time of an urgent service that names none", 24, 1, 8784, "SPEC §3"},
    PolicyInfo{kDeadlineExtensionsMax, kTimes, "How often a deadline may be extended", 3, 1, 100,
               "cfg"},
    // Feedback.
    PolicyInfo{"satisfaction_target_percent", kPercent, "Ratings of enough stars of all ratings",
               95, 1, 100, "S§3.1"},
    PolicyInfo{kSatisfactionStars, kStars, "Stars from which a rating counts as satisfied",
               4, 1, 5, "S§3.1"},
    PolicyInfo{kReopeningWindow, kDays, "How long after its closure a case may be reopened", 15, 1,
               366, "SPEC §8"},
    // Response clocks.
    PolicyInfo{kFirstResponseCommunity, kHours, "First response of the community", 2, 1, 8784,
               "S§5.1"},
    PolicyInfo{"first_response_cut_percent", kPercent, "Cut in the time to the first response", 70,
               1, 100, "S§5.1"},
    PolicyInfo{kFirstResponseComplaint, kHours, "First response to a complaint", 24, 1, 8784,
               "S§5.4"},
    // Rebound and effort.
    PolicyInfo{kReboundWindow, kDays, "How soon after a closure the same problem is a rebound", 30,
               1, 366, "SPEC §8"},
    PolicyInfo{"rebound_window_campaign_days", kDays,
               "How soon after a campaign the same problem is a rebound", 90, 1, 366, "SPEC §8"},
    PolicyInfo{"rebound_rate_before_percent", kPercent, "Rebounds of closed cases, before", 45, 1,
               100, "S§2.1 2.4"},
    PolicyInfo{"rebound_rate_target_percent", kPercent, "Rebounds of closed cases, target", 15, 1,
               100, "S§3.2 6.3"},
    PolicyInfo{"rebound_rate_litter_target_percent", kPercent,
               "Rebounds of closed cases of litter, target", 15, 1, 100, "S§2.1 6.3"},
    PolicyInfo{"enforcement_effort_during_person_times_a_day", kPersonTimesADay,
               "Enforcement effort during a campaign", 200, 1, 1'000'000, "S§2.4 6.3"},
    PolicyInfo{"enforcement_effort_after_person_times_a_day", kPersonTimesADay,
               "Enforcement effort after a campaign", 50, 1, 1'000'000, "S§2.4 6.3"},
    PolicyInfo{"enforcement_effort_decay_percent", kPercent,
               "Decay of enforcement effort after a campaign", 75, 1, 100, "S§2.4 6.3"},
    // Comparing.
    PolicyInfo{kRankingSample, kCases, "Cases below which a figure is not ranked", 30, 1,
               1'000'000, "SPEC §8"},
    PolicyInfo{kSmallestCell, kCases, "Cases below which a cell of a figure is not published", 5,
               1, 1'000'000, "SPEC §8"},
};

struct Parts {
  int64_t numerator;
  int64_t denominator;
};

int64_t parse_part(const std::string& text) {
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  HANSA_ASSERT(parsed.ec == std::errc() && parsed.ptr == text.data() + text.size(),
               "adopted policy values have parts of at most 18 digits");
  return number;
}

Parts value_in_force(RowsView& view, const PolicyInfo& info) {
  const auto* row = view.find(kPolicyTable, info.name);
  if (row == nullptr) return {info.numerator, info.denominator};
  return {parse_part(row->value().numerator()), parse_part(row->value().denominator())};
}

const PolicyInfo& known_policy(std::string_view name) {
  const auto* info = find_policy(name);
  HANSA_ASSERT(info != nullptr, "decisions use policies of the catalogue only");
  return *info;
}

int64_t unit_us(PolicyUnit unit) {
  switch (unit) {
    case kDays: return kDayUs;
    case kHours:
    case kWorkingHours: return kHourUs;
    default: break;
  }
  HANSA_ASSERT(false, "only policies in days or hours are times");
}

}  // namespace

std::span<const PolicyInfo> policies() { return kPolicies; }

const PolicyInfo* find_policy(std::string_view name) {
  for (const auto& info : kPolicies) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string_view policy_unit_name(PolicyUnit unit) {
  switch (unit) {
    case kDays: return "days";
    case kHours: return "hours";
    case kWorkingHours: return "working_hours";
    case kPercent: return "percent";
    case kMetres: return "metres";
    case kStars: return "stars";
    case kTimes: return "times";
    case kCases: return "cases";
    case kPersonTimesADay: return "person_times_a_day";
  }
  HANSA_ASSERT(false, "policy unit out of range");
}

Result<v1::Fraction> check_policy_value(std::string_view name, const v1::Fraction& value) {
  const auto* info = find_policy(name);
  if (info == nullptr) {
    return fail(Errc::kUnknownPolicy,
                "the catalogue has no policy " + std::string(name) +
                    "; `hansa policy list` shows all names",
                "/policy");
  }
  auto ratio = to_ratio(value);
  if (!ratio) {
    Error error = std::move(ratio).error();
    error.pointer = "/value" + error.pointer;
    return fail(std::move(error));
  }
  const v1::Fraction reduced = to_fraction(*ratio);
  const bool short_parts = reduced.numerator().size() <= kPartDigitsMax &&
                           reduced.denominator().size() <= kPartDigitsMax;
  if (*ratio < 0 || *ratio > info->highest || !short_parts) {
    return fail(Errc::kBadRequest,
                std::string(name) + " must be a fraction from 0 to " +
                    std::to_string(info->highest) + " with parts of at most 18 digits",
                "/value");
  }
  return reduced;
}

Ratio policy_value(RowsView& view, std::string_view name) {
  const auto parts = value_in_force(view, known_policy(name));
  return Ratio(parts.numerator, parts.denominator);
}

int64_t policy_us(RowsView& view, std::string_view name) {
  const auto& info = known_policy(name);
  const auto parts = value_in_force(view, info);
  return static_cast<int64_t>(static_cast<__int128>(parts.numerator) * unit_us(info.unit) /
                              parts.denominator);
}

int64_t policy_count(RowsView& view, std::string_view name) {
  const auto parts = value_in_force(view, known_policy(name));
  return parts.numerator / parts.denominator;
}

}  // namespace hansa
