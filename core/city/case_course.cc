#include <algorithm>

#include "core/base/assert.h"
#include "core/base/calendar.h"
#include "core/base/durations.h"
#include "core/base/policy.h"
#include "core/city/case.h"
#include "core/city/handover.h"

namespace hansa {
namespace {

using State = v1::State;

// A case that rests takes its remaining time along: working time by the calendar, clock time by
// the clock. What is late already stays late.
Result<int64_t> deadline_after_rest(const CaseScope& scope, int64_t until_us) {
  const auto& row = scope.row;
  const int64_t now_us = scope.context.time_us;
  if (row.deadline_breached() || row.deadline_time_us() <= now_us) return row.deadline_time_us();
  const auto* service = scope.view.find(kServiceTable, row.service());
  HANSA_ASSERT(service != nullptr, "a case names a service that is defined");
  if (service->sla().handling_clock_s() > 0) return until_us + row.deadline_time_us() - now_us;
  const WorkingCalendar calendar(calendar_in_force(scope.city));
  return calendar.add_working_us(until_us,
                                 calendar.working_us_between(now_us, row.deadline_time_us()));
}

Result<void> check_later(const CaseScope& scope, int64_t time_us, std::string_view field) {
  HANSA_CHECK(check_time(time_us, field));
  const int64_t now_us = scope.context.time_us;
  if (time_us <= now_us) {
    return fail(Errc::kTimesBackwards, std::string(field) + " must lie in the future",
                "/" + std::string(field));
  }
  if (time_us > now_us + kPostponementDaysMax * kDayUs) {
    return fail(Errc::kLimitReached, std::string(field) + " may lie at most 731 days ahead",
                "/" + std::string(field));
  }
  return {};
}

// With a deadline to move: none before the case is filed, none for some imported cases.
Result<void> check_has_deadline(const v1::Case& row) {
  if (row.deadline_time_us() != 0) return {};
  return fail(Errc::kWrongState,
              "case " + row.case_() + " has no deadline to move; its source named none");
}

}  // namespace

Result<Decision> decide_case(const CaseScope& scope, const v1::WithdrawCase& command) {
  const auto& row = scope.row;
  if (!row.merged_cases().empty()) {
    return fail(Errc::kWrongState,
                "others reported the same problem and their cases were merged into " +
                    row.case_() + "; it must be worked on to its end");
  }
  Decision decision = decision_about(row, State::withdrawn);
  auto& event = *decision.events.emplace_back().mutable_case_withdrawn();
  event.set_case_(row.case_());
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::ReferCaseOut& command) {
  const auto& row = scope.row;
  Decision decision = decision_about(row, State::referred_out);
  auto& event = *decision.events.emplace_back().mutable_case_referred_out();
  event.set_case_(row.case_());
  event.set_to(command.to());
  event.set_reason(command.reason());
  for (const auto& child : row.merged_cases()) {
    auto& with_parent = *decision.events.emplace_back().mutable_case_referred_out();
    with_parent.set_case_(child);
    with_parent.set_to(command.to());
    with_parent.set_reason("with " + row.case_());
  }
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::MergeCase& command) {
  const auto& row = scope.row;
  if (command.into_case() == row.case_()) {
    return fail(Errc::kMergeCycle, "a case cannot be merged into itself; name the case it repeats",
                "/into_case");
  }
  const auto* into = find_case(scope.view, command.into_case());
  if (into == nullptr) {
    return fail(Errc::kUnknownCase, "the city has no case " + command.into_case(), "/into_case");
  }
  if (into->state() == State::merged) {
    return fail(Errc::kMergeCycle,
                "case " + into->case_() + " is itself merged into " + into->merged_into() +
                    "; merge into an open case that is not",
                "/into_case");
  }
  if (!is_open(into->state()) || !into->offered_to().empty()) {
    return fail(Errc::kWrongState,
                "case " + into->case_() + " is " +
                    (into->offered_to().empty() ? state_name(into->state())
                                                : "offered to " + into->offered_to()) +
                    "; a case is merged into an open one",
                "/into_case");
  }
  if (into->merged_cases_size() + row.merged_cases_size() + 1 > kMergedCasesMax) {
    return fail(Errc::kLimitReached,
                "at most 200 cases may be merged into one; " + into->case_() + " would have more",
                "/into_case");
  }
  Decision decision = decision_about(row, State::merged);
  auto& event = *decision.events.emplace_back().mutable_case_merged();
  event.set_case_(row.case_());
  event.set_into_case(into->case_());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::PostponeCase& command) {
  const auto& row = scope.row;
  if (row.postponed_until_time_us() != 0) {
    return fail(Errc::kWrongState, "case " + row.case_() +
                                       " rests already; it can be postponed again once its date "
                                       "has passed");
  }
  HANSA_CHECK(check_later(scope, command.until_time_us(), "until_time_us"));
  HANSA_CHECK(check_has_deadline(row));
  HANSA_TRY(const int64_t deadline_us, deadline_after_rest(scope, command.until_time_us()));
  Decision decision = decision_about(row, row.state());
  auto& event = *decision.events.emplace_back().mutable_case_postponed();
  event.set_case_(row.case_());
  event.set_until_time_us(command.until_time_us());
  event.set_deadline_time_us(deadline_us);
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::ExtendDeadline& command) {
  const auto& row = scope.row;
  HANSA_CHECK(check_has_deadline(row));
  if (row.deadline_breached() || row.deadline_time_us() <= scope.context.time_us) {
    return fail(Errc::kWrongState, "the deadline of case " + row.case_() +
                                       " has passed; it can be extended only before it does");
  }
  HANSA_CHECK(check_later(scope, command.deadline_time_us(), "deadline_time_us"));
  if (command.deadline_time_us() <= row.deadline_time_us()) {
    return fail(Errc::kTimesBackwards, "deadline_time_us must lie after the deadline in force",
                "/deadline_time_us");
  }
  const int64_t most = policy_count(scope.view, kDeadlineExtensionsMax);
  if (row.extensions() >= most) {
    return fail(Errc::kLimitReached, "a deadline may be extended " + std::to_string(most) +
                                         " times; this is what was used on case " + row.case_());
  }
  Decision decision = decision_about(row, row.state());
  auto& event = *decision.events.emplace_back().mutable_deadline_extended();
  event.set_case_(row.case_());
  event.set_old_deadline_time_us(row.deadline_time_us());
  event.set_deadline_time_us(command.deadline_time_us());
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_timer(RowsView& view, const v1::TimerDue& command) {
  if (command.clock() == v1::Clock::offer_expiry) return decide_offer_expiry(view, command);
  const auto* row = find_case(view, command.case_());
  if (row == nullptr) {
    return fail(Errc::kUnknownCase, "the city has no case " + command.case_());
  }
  Decision decision = decision_about(*row, row->state());
  const int64_t due_us = running_due(*row, command.clock());
  if (due_us == 0 || due_us != command.due_time_us()) return decision;
  if (command.clock() == v1::Clock::postponement) {
    decision.events.emplace_back().mutable_postponement_ended()->set_case_(row->case_());
    return decision;
  }
  auto& event = *decision.events.emplace_back().mutable_deadline_breached();
  event.set_case_(row->case_());
  event.set_clock(command.clock());
  event.set_due_time_us(due_us);
  return decision;
}

}  // namespace hansa
