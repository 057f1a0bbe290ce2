#include <algorithm>

#include "core/city/case.h"

namespace hansa {
namespace {

using State = v1::State;
using Units = google::protobuf::RepeatedPtrField<std::string>;

// One lead that exists, and cooperating units that exist, are named once and do not lead.
Result<void> check_units(RowsView& view, const std::string& lead, const Units& cooperating) {
  HANSA_CHECK(check_unit(view, lead, "lead_unit"));
  for (int i = 0; i < cooperating.size(); ++i) {
    const std::string& unit = cooperating.Get(i);
    const std::string at = "cooperating_units/" + std::to_string(i);
    HANSA_CHECK(check_unit(view, unit, at));
    if (unit == lead || std::find(cooperating.begin(), cooperating.begin() + i, unit) !=
                            cooperating.begin() + i) {
      return fail(Errc::kBadRequest,
                  "unit " + unit + " is named twice; a unit either leads or cooperates", "/" + at);
    }
  }
  return {};
}

Result<void> check_not_own_work(const CaseScope& scope) {
  const auto& row = scope.row;
  if (row.rectified_by_actor() == scope.context.actor.view()) {
    return fail(Errc::kOwnWorkCheck, "the caller reported the work on case " + row.case_() +
                                         " as done; another person of another unit must check it");
  }
  const std::string& unit = scope.context.principal.unit;
  if (!unit.empty() && unit == row.rectified_by_unit()) {
    return fail(Errc::kOwnWorkCheck, "unit " + unit + " did the work on case " + row.case_() +
                                         "; a checker of another unit must check it");
  }
  return {};
}

void close_case(Decision& decision, const v1::Case& row, const std::string& parent) {
  auto& closed = *decision.events.emplace_back().mutable_case_closed();
  closed.set_case_(row.case_());
  closed.set_closure(row.closures() + 1);
  closed.set_with_parent(parent);
}

}  // namespace

Result<Decision> decide_case(const CaseScope& scope, const v1::AssignCase& command) {
  HANSA_CHECK(check_units(scope.view, command.lead_unit(), command.cooperating_units()));
  Decision decision = decision_about(scope.row, State::assigned);
  auto& event = *decision.events.emplace_back().mutable_case_assigned();
  event.set_case_(scope.row.case_());
  event.set_lead_unit(command.lead_unit());
  *event.mutable_cooperating_units() = command.cooperating_units();
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::DisputeAssignment& command) {
  Decision decision = decision_about(scope.row, State::disputed);
  auto& event = *decision.events.emplace_back().mutable_assignment_disputed();
  event.set_case_(scope.row.case_());
  event.set_unit(scope.row.lead_unit());
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::DetermineLead& command) {
  HANSA_CHECK(check_units(scope.view, command.lead_unit(), command.cooperating_units()));
  Decision decision = decision_about(scope.row, State::assigned);
  auto& event = *decision.events.emplace_back().mutable_lead_determined();
  event.set_case_(scope.row.case_());
  event.set_lead_unit(command.lead_unit());
  *event.mutable_cooperating_units() = command.cooperating_units();
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::TransferCase& command) {
  HANSA_CHECK(check_unit(scope.view, command.to_unit(), "to_unit"));
  if (command.to_unit() == scope.row.lead_unit()) {
    return fail(Errc::kBadRequest,
                "unit " + command.to_unit() + " leads the case already; name another one",
                "/to_unit");
  }
  Decision decision = decision_about(scope.row, State::assigned);
  auto& event = *decision.events.emplace_back().mutable_case_transferred();
  event.set_case_(scope.row.case_());
  event.set_from_unit(scope.row.lead_unit());
  event.set_to_unit(command.to_unit());
  event.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::AcceptAssignment&) {
  Decision decision = decision_about(scope.row, State::accepted);
  auto& event = *decision.events.emplace_back().mutable_assignment_accepted();
  event.set_case_(scope.row.case_());
  event.set_unit(scope.row.lead_unit());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::StartRectification&) {
  Decision decision = decision_about(scope.row, State::rectifying);
  auto& event = *decision.events.emplace_back().mutable_rectification_started();
  event.set_case_(scope.row.case_());
  event.set_unit(scope.row.lead_unit());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::ReportRectification& command) {
  Decision decision = decision_about(scope.row, State::rectified);
  auto& event = *decision.events.emplace_back().mutable_rectification_reported();
  event.set_case_(scope.row.case_());
  event.set_unit(scope.row.lead_unit());
  event.set_note(command.note());
  *event.mutable_evidence() = command.evidence();
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::CheckCase& command) {
  const auto& row = scope.row;
  HANSA_CHECK(check_not_own_work(scope));
  if (!command.passed()) {
    if (command.note().empty()) {
      return fail(Errc::kBadRequest,
                  "a failed check must say in note what is missing, so that the unit can mend it",
                  "/note");
    }
    Decision decision = decision_about(row, State::rectifying);
    auto& event = *decision.events.emplace_back().mutable_check_failed();
    event.set_case_(row.case_());
    event.set_unit(scope.context.principal.unit);
    event.set_reason(command.note());
    return decision;
  }
  Decision decision = decision_about(row, State::closed);
  auto& event = *decision.events.emplace_back().mutable_check_passed();
  event.set_case_(row.case_());
  event.set_unit(scope.context.principal.unit);
  event.set_note(command.note());
  close_case(decision, row, "");
  for (const auto& child : row.merged_cases()) {
    const auto* child_row = find_case(scope.view, child);
    if (child_row == nullptr) {
      return fail(Errc::kInternal, "case " + row.case_() + " lists " + child + ", unknown here");
    }
    close_case(decision, *child_row, row.case_());
  }
  return decision;
}

}  // namespace hansa
