#include "core/city/case.h"

#include "core/base/assert.h"
#include "core/base/calendar.h"
#include "core/base/durations.h"

namespace hansa {

using State = v1::State;

const v1::Case* find_case(RowsView& view, std::string_view id) {
  const auto* row = view.find(kCaseTable, case_key(id));
  // Keys are numbers: `c7x` has the key of `c7`.
  return row != nullptr && row->case_() == id ? row : nullptr;
}

bool is_open(State::Value state) {
  switch (state) {
    case State::reported:
    case State::verified:
    case State::filed:
    case State::assigned:
    case State::disputed:
    case State::accepted:
    case State::rectifying:
    case State::rectified: return true;
    default: return false;
  }
}

bool is_lead_state(State::Value state) {
  return is_open(state) && state != State::reported && state != State::verified &&
         state != State::filed;
}

const std::string& state_name(State::Value state) { return State::Value_Name(state); }

Result<int64_t> handling_deadline(RowsView& view, const v1::City& city, std::string_view service,
                                  int64_t from_us) {
  const auto* row = view.find(kServiceTable, service);
  HANSA_ASSERT(row != nullptr, "a case names a service that is defined, and none is ever removed");
  const auto& sla = row->sla();
  if (sla.handling_clock_s() > 0) return from_us + sla.handling_clock_s() * kSecondUs;
  return WorkingCalendar(calendar_in_force(city))
      .add_working_us(from_us, sla.handling_working_s() * kSecondUs);
}

Result<void> check_time(int64_t time_us, std::string_view field) {
  if (time_us >= 0 && time_us <= kTimeUsMax) return {};
  return fail(Errc::kBadRequest,
              std::string(field) + " must be a time between 1970 and 9999 (UTC)",
              "/" + std::string(field));
}

Result<void> check_unit(RowsView& view, const std::string& unit, std::string_view field) {
  if (view.find(kUnitTable, unit) != nullptr) return {};
  return fail(Errc::kUnknownUnit,
              "the city has no unit " + unit + "; name one of /units or define it first",
              "/" + std::string(field));
}

Decision decision_about(const v1::Case& row, State::Value state_after) {
  Decision decision;
  decision.subject_id = row.case_();
  decision.state = state_name(state_after);
  return decision;
}

int64_t running_due(const v1::Case& row, v1::Clock::Value clock) {
  if (!is_open(row.state())) return 0;
  switch (clock) {
    case v1::Clock::first_response:
      return row.first_response_time_us() != 0 || row.first_response_breached()
                 ? 0
                 : row.first_response_due_time_us();
    case v1::Clock::handling: return row.deadline_breached() ? 0 : row.deadline_time_us();
    case v1::Clock::postponement: return row.postponed_until_time_us();
    default: return 0;
  }
}

}  // namespace hansa
