#include "core/metrics/metrics_fold.h"

#include <algorithm>
#include <array>

#include "core/city/city.h"
#include "core/metrics/scope.h"
#include "core/metrics/tally.h"

namespace hansa {
namespace {

using Move = Result<void> (*)(v1::DayTally&, const Contribution&);

void take_away(Contributions& from, const Contributions& what) {
  for (const auto& one : what) {
    const auto found = std::find(from.begin(), from.end(), one);
    if (found != from.end()) from.erase(found);
  }
}

Result<void> count_in(Rows& rows, Scope scope, const std::string& id,
                      const Contributions& contributions, Move move) {
  v1::DayTally* row = nullptr;
  for (const auto& contribution : contributions) {
    const int32_t day = contribution.counted.day;
    if (row == nullptr || row->day() != day) {
      row = &rows.put(kDayTallyTable, day_key(scope, id, day));
      if (row->scope().empty()) {
        row->set_scope(scope_name(scope));
        row->set_id(id);
        row->set_day(day);
      }
    }
    HANSA_CHECK(move(*row, contribution));
    if (!is_empty(*row)) continue;
    rows.erase(kDayTallyTable, day_key(scope, id, day));
    row = nullptr;
  }
  return {};
}

struct Difference {
  Contributions gone;
  Contributions come;
};

Result<void> change_scope(Rows& rows, Scope scope, const std::string& id,
                          const Difference& difference) {
  HANSA_CHECK(count_in(rows, scope, id, difference.come, add));
  return count_in(rows, scope, id, difference.gone, subtract);
}

Result<void> change_unit(Rows& rows, const std::string& before_unit, const Contributions& before,
                         const std::string& after_unit, const Contributions& after) {
  if (!after_unit.empty()) HANSA_CHECK(count_in(rows, Scope::kUnit, after_unit, after, add));
  if (before_unit.empty()) return {};
  return count_in(rows, Scope::kUnit, before_unit, before, subtract);
}

Result<void> change_tallies(Rows& rows, const Facts& facts, const std::string& unit_before,
                            const Contributions& before) {
  const Contributions after = contributions(facts);
  if (unit_before != facts.unit()) {
    HANSA_CHECK(change_unit(rows, unit_before, before, facts.unit(), after));
  }
  Difference difference{before, after};
  take_away(difference.gone, after);
  take_away(difference.come, before);
  if (difference.gone.empty() && difference.come.empty()) return {};
  if (unit_before == facts.unit() && !unit_before.empty()) {
    HANSA_CHECK(change_scope(rows, Scope::kUnit, unit_before, difference));
  }
  HANSA_CHECK(change_scope(rows, Scope::kCity, "", difference));
  HANSA_CHECK(change_scope(rows, Scope::kDistrict, facts.district(), difference));
  HANSA_CHECK(change_scope(rows, Scope::kStreet, facts.district() + "/" + facts.street(),
                           difference));
  HANSA_CHECK(change_scope(rows, Scope::kService, facts.service(), difference));
  if (facts.kind() == v1::Kind::unspecified) return {};
  return change_scope(rows, Scope::kKind, v1::Kind::Value_Name(facts.kind()), difference);
}

template <typename Event>
Result<void> change(Rows& rows, const std::string& id, const Event& event,
                    const EntryContext& entry) {
  constexpr bool kMakesCase =
      std::is_same_v<Event, v1::CaseReported> || std::is_same_v<Event, v1::CaseImported>;
  const std::string key = case_key(id);
  const auto* found = rows.find(kCaseFactsTable, key);
  if ((found == nullptr) != kMakesCase) {
    return fail(Errc::kInternal,
                event.GetDescriptor()->name() + " contradicts the facts of case " + id);
  }
  Contributions before;
  std::string unit_before;
  if (found != nullptr) {
    before = contributions(*found);
    unit_before = found->unit();
  }
  const auto* city = rows.find(kCityTable, "");
  const FactsContext context{
      entry.time_us,
      WorkingCalendar(city == nullptr ? default_calendar() : calendar_in_force(*city)), rows};
  auto& facts = rows.put(kCaseFactsTable, key);
  evolve_facts(facts, event, context);
  return change_tallies(rows, facts, unit_before, before);
}

template <typename Event>
Result<void> change(Rows& rows, const Event& event, const EntryContext& entry) {
  return change(rows, event.case_(), event, entry);
}

}  // namespace

Result<void> fold_metrics(Rows& rows, const v1::Event& event, const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCaseReported: return change(rows, event.case_reported(), entry);
    case v1::Event::kCaseImported: return change(rows, event.case_imported(), entry);
    case v1::Event::kCaseVerified: return change(rows, event.case_verified(), entry);
    case v1::Event::kCaseRefuted: return change(rows, event.case_refuted(), entry);
    case v1::Event::kCaseFiled: return change(rows, event.case_filed(), entry);
    case v1::Event::kProblemRebounded:
      return change(rows, event.problem_rebounded().original_case(), event.problem_rebounded(),
                    entry);
    case v1::Event::kCaseAssigned: return change(rows, event.case_assigned(), entry);
    case v1::Event::kAssignmentDisputed: return change(rows, event.assignment_disputed(), entry);
    case v1::Event::kLeadDetermined: return change(rows, event.lead_determined(), entry);
    case v1::Event::kCaseTransferred: return change(rows, event.case_transferred(), entry);
    case v1::Event::kCaseClosed: return change(rows, event.case_closed(), entry);
    case v1::Event::kCitizenRated: return change(rows, event.citizen_rated(), entry);
    case v1::Event::kCaseReopened: return change(rows, event.case_reopened(), entry);
    case v1::Event::kCaseWithdrawn: return change(rows, event.case_withdrawn(), entry);
    case v1::Event::kCaseReferredOut: return change(rows, event.case_referred_out(), entry);
    case v1::Event::kCaseMerged: return change(rows, event.case_merged(), entry);
    case v1::Event::kCasePostponed: return change(rows, event.case_postponed(), entry);
    case v1::Event::kDeadlineExtended: return change(rows, event.deadline_extended(), entry);
    case v1::Event::kFirstResponseRecorded:
      return change(rows, event.first_response_recorded(), entry);
    default: return {};
  }
}

}  // namespace hansa
