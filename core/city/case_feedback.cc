#include "core/base/durations.h"
#include "core/base/policy.h"
#include "core/city/case.h"

namespace hansa {
namespace {

using State = v1::State;

constexpr uint32_t kStarsMax = 5;

Result<void> check_reopening(const CaseScope& scope) {
  const auto& row = scope.row;
  if (!row.merged_into().empty()) {
    return fail(Errc::kWrongState, "case " + row.case_() + " was merged into " +
                                       row.merged_into() + " and reopens with it; reopen " +
                                       row.merged_into() + ", or ask the hotline to");
  }
  if (row.reopenings() > 0) {
    return fail(Errc::kAlreadyReopened, "case " + row.case_() +
                                            " was reopened once already; report the problem anew");
  }
  const int64_t window_us = policy_us(scope.view, kReopeningWindow);
  if (scope.context.time_us > row.closed_time_us() + window_us) {
    return fail(Errc::kReopenWindowClosed,
                "case " + row.case_() + " was closed more than " +
                    std::to_string(window_us / kDayUs) +
                    " days ago; report the problem anew");
  }
  if (row.lead_unit().empty()) {
    return fail(Errc::kWrongState, "case " + row.case_() +
                                       " was imported without a unit that could work on it; "
                                       "report the problem anew");
  }
  return {};
}

}  // namespace

Result<Decision> decide_case(const CaseScope& scope, const v1::RecordFirstResponse& command) {
  if (scope.row.first_response_time_us() != 0) {
    return fail(Errc::kWrongState, "the first response on case " + scope.row.case_() +
                                       " is recorded already; send feedback instead");
  }
  Decision decision = decision_about(scope.row, scope.row.state());
  auto& event = *decision.events.emplace_back().mutable_first_response_recorded();
  event.set_case_(scope.row.case_());
  event.set_note(command.note());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::SendFeedback& command) {
  Decision decision = decision_about(scope.row, scope.row.state());
  auto& event = *decision.events.emplace_back().mutable_feedback_sent();
  event.set_case_(scope.row.case_());
  event.set_text(command.text());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::RateCase& command) {
  if (command.stars() < 1 || command.stars() > kStarsMax) {
    return fail(Errc::kBadRequest,
                "stars must be 1 to 5 and were " + std::to_string(command.stars()), "/stars");
  }
  if (scope.row.rated_closure() == scope.row.closures()) {
    return fail(Errc::kAlreadyRated, "this closure of case " + scope.row.case_() +
                                         " is rated already; one closure is rated once");
  }
  Decision decision = decision_about(scope.row, State::closed);
  auto& event = *decision.events.emplace_back().mutable_citizen_rated();
  event.set_case_(scope.row.case_());
  event.set_stars(command.stars());
  event.set_closure(scope.row.closures());
  event.set_comment(command.comment());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::ReopenCase& command) {
  const auto& row = scope.row;
  HANSA_CHECK(check_reopening(scope));
  HANSA_TRY(const int64_t deadline_us,
            handling_deadline(scope.view, scope.city, row.service(), scope.context.time_us));
  Decision decision = decision_about(row, State::assigned);
  auto& event = *decision.events.emplace_back().mutable_case_reopened();
  event.set_case_(row.case_());
  event.set_reason(command.reason());
  event.set_deadline_time_us(deadline_us);
  for (const auto& child : row.merged_cases()) {
    auto& with_parent = *decision.events.emplace_back().mutable_case_reopened();
    with_parent.set_case_(child);
    with_parent.set_with_parent(row.case_());
  }
  return decision;
}

}  // namespace hansa
