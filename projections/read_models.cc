#include "projections/read_models.h"

#include <algorithm>
#include <vector>

#include "core/base/assert.h"
#include "core/base/calendar.h"
#include "core/city/case.h"
#include "core/city/city.h"
#include "core/city/city_fold.h"
#include "core/metrics/metrics_fold.h"
#include "core/rules.h"

namespace hansa::projections {
namespace {

using CountField = void (v1::Counter::*)(uint64_t);
using ReadField = uint64_t (v1::Counter::*)() const;

// What one event adds to: a field of the counters of one day.
struct Step {
  ReadField read;
  CountField write;
};

#define HANSA_STEP(field) Step{&v1::Counter::field, &v1::Counter::set_##field}

// What must be known of a case before an event changes it.
struct CaseBefore {
  v1::State::Value state = v1::State::unspecified;
  std::optional<v1::Point> point;
};

int32_t cell_index(int32_t microdegrees) {
  const int32_t index = microdegrees / kHeatCellMicrodegrees;
  return microdegrees % kHeatCellMicrodegrees < 0 ? index - 1 : index;
}

struct CaseField {
  const google::protobuf::FieldDescriptor* event = nullptr;
  const google::protobuf::FieldDescriptor* name = nullptr;  // of the case in it
};

// By the number of the event; looked up once, since every event asks.
const std::vector<CaseField>& case_fields() {
  static const auto kFields = [] {
    std::vector<CaseField> fields;
    const auto* all = v1::Event::descriptor();
    for (int i = 0; i < all->field_count(); ++i) {
      const auto* event = all->field(i);
      const auto number = static_cast<size_t>(event->number());
      fields.resize(std::max(fields.size(), number + 1));
      fields[number] = {event, event->message_type()->FindFieldByName("case")};
    }
    return fields;
  }();
  return kFields;
}

// The case an event is about; empty for events about the city, and for an alliance's, whose case is
// in another ledger.
std::string case_of(const v1::Event& event) {
  const auto& fields = case_fields();
  const auto number = static_cast<size_t>(event.event_case());
  if (number >= v1::Event::kAllianceFounded || number >= fields.size()) return "";
  if (fields[number].name == nullptr) return "";
  const auto& content = event.GetReflection()->GetMessage(event, fields[number].event);
  return content.GetReflection()->GetString(content, fields[number].name);
}

CaseBefore look_before(Rows& rows, const std::string& key) {
  CaseBefore before;
  const auto* row = rows.find(kCaseTable, key);
  if (row == nullptr) return before;
  before.state = row->state();
  if (row->place().has_point()) before.point = row->place().point();
  return before;
}

Error below_zero(const std::string& what) {
  return {Errc::kInternal, "the number of " + what + " would fall below zero"};
}

// ---- cases per state

Result<void> count_states(Rows& rows, v1::State::Value before, v1::State::Value after) {
  if (before == after) return {};
  if (before != v1::State::unspecified) {
    const std::string key = state_count_key(before);
    const auto* row = rows.find(kStateCountTable, key);
    if (row == nullptr) return fail(below_zero("cases in a state"));
    if (row->cases() == 1) {
      rows.erase(kStateCountTable, key);
    } else {
      auto& changed = rows.put(kStateCountTable, key);
      changed.set_cases(changed.cases() - 1);
    }
  }
  auto& row = rows.put(kStateCountTable, state_count_key(after));
  row.set_state(after);
  row.set_cases(row.cases() + 1);
  return {};
}

// ---- heat grid

void heat_up(Rows& rows, const v1::Point& point) {
  auto& cell = rows.put(kHeatTable, heat_key(point));
  cell.set_latitude_microdegrees(cell_index(point.latitude_microdegrees()) *
                                 kHeatCellMicrodegrees);
  cell.set_longitude_microdegrees(cell_index(point.longitude_microdegrees()) *
                                  kHeatCellMicrodegrees);
  cell.set_open_cases(cell.open_cases() + 1);
}

Result<void> cool_down(Rows& rows, const v1::Point& point) {
  const std::string key = heat_key(point);
  const auto* cell = rows.find(kHeatTable, key);
  if (cell == nullptr) return fail(below_zero("open cases in a heat cell"));
  if (cell->open_cases() == 1) {
    rows.erase(kHeatTable, key);
    return {};
  }
  auto& changed = rows.put(kHeatTable, key);
  changed.set_open_cases(changed.open_cases() - 1);
  return {};
}

Result<void> draw_heat(Rows& rows, const CaseBefore& before, const v1::Case& after) {
  const bool was_hot = before.point && is_open(before.state);
  const bool is_hot = after.place().has_point() && is_open(after.state());
  if (was_hot && is_hot &&
      heat_key(*before.point) == heat_key(after.place().point())) {
    return {};
  }
  if (was_hot) HANSA_CHECK(cool_down(rows, *before.point));
  if (is_hot) heat_up(rows, after.place().point());
  return {};
}

// ---- counters

void count_in(Rows& rows, Scope scope, const std::string& id, int32_t day, const Step& step) {
  auto& counter = rows.put(kCounterTable, day_key(scope, id, day));
  if (counter.scope().empty()) {
    counter.set_scope(scope_name(scope));
    counter.set_id(id);
    counter.set_day(day);
  }
  (counter.*step.write)((counter.*step.read)() + 1);
}

class CaseCounter {
 public:
  CaseCounter(Rows& rows, const v1::Case& row) : rows_(rows), row_(row) {}

  void count(int64_t time_us, const Step& step) {
    const auto* city = rows_.find(kCityTable, "");
    const auto& calendar = city == nullptr ? default_calendar() : calendar_in_force(*city);
    const int32_t day = WorkingCalendar(calendar).local_day(time_us);
    if (!row_.lead_unit().empty()) count_in(rows_, Scope::kUnit, row_.lead_unit(), day, step);
    count_in(rows_, Scope::kService, row_.service(), day, step);
    count_in(rows_, Scope::kCommunity, place_key(row_.place()), day, step);
    count_in(rows_, Scope::kCity, "", day, step);
  }

  void count_closed(int64_t time_us, int64_t deadline_us) {
    count(time_us, HANSA_STEP(closed));
    if (deadline_us > 0 && time_us <= deadline_us) count(time_us, HANSA_STEP(closed_on_time));
  }

  void count_rated(int64_t time_us, uint32_t stars) {
    count(time_us, HANSA_STEP(rated));
    if (stars >= 4) count(time_us, HANSA_STEP(rated_four_or_more));
  }

  void count_imported(const v1::CaseImported& event) {
    const int64_t reported_us = event.reported_time_us();
    const int64_t ended_us = event.closed_time_us() > 0 ? event.closed_time_us() : reported_us;
    count(reported_us, HANSA_STEP(imported));
    count(reported_us, HANSA_STEP(reported));
    switch (event.state()) {
      case v1::State::closed: return count_closed(ended_us, event.due_time_us());
      case v1::State::refuted: return count(ended_us, HANSA_STEP(refuted));
      case v1::State::withdrawn: return count(ended_us, HANSA_STEP(withdrawn));
      case v1::State::referred_out: return count(ended_us, HANSA_STEP(referred_out));
      case v1::State::merged: return count(ended_us, HANSA_STEP(merged));
      default: return;
    }
  }

 private:
  Rows& rows_;
  const v1::Case& row_;
};

void count_event(Rows& rows, const v1::Event& event, int64_t time_us, const v1::Case& row) {
  CaseCounter counter(rows, row);
  switch (event.event_case()) {
    case v1::Event::kCaseReported: return counter.count(time_us, HANSA_STEP(reported));
    case v1::Event::kCaseVerified: return counter.count(time_us, HANSA_STEP(verified));
    case v1::Event::kCaseRefuted: return counter.count(time_us, HANSA_STEP(refuted));
    case v1::Event::kCaseFiled: return counter.count(time_us, HANSA_STEP(filed));
    case v1::Event::kProblemRebounded: return counter.count(time_us, HANSA_STEP(rebounded));
    case v1::Event::kCaseAssigned: return counter.count(time_us, HANSA_STEP(assigned));
    case v1::Event::kCaseClosed: return counter.count_closed(time_us, row.deadline_time_us());
    case v1::Event::kCaseReopened: return counter.count(time_us, HANSA_STEP(reopened));
    case v1::Event::kCaseWithdrawn: return counter.count(time_us, HANSA_STEP(withdrawn));
    case v1::Event::kCaseReferredOut: return counter.count(time_us, HANSA_STEP(referred_out));
    case v1::Event::kCaseMerged: return counter.count(time_us, HANSA_STEP(merged));
    case v1::Event::kCitizenRated:
      return counter.count_rated(time_us, event.citizen_rated().stars());
    case v1::Event::kDeadlineBreached:
      if (event.deadline_breached().clock() != v1::Clock::handling) return;
      return counter.count(time_us, HANSA_STEP(breached));
    case v1::Event::kCaseImported: return counter.count_imported(event.case_imported());
    default: return;
  }
}

#undef HANSA_STEP

}  // namespace

std::string state_count_key(v1::State::Value state) {
  return std::string(1, static_cast<char>(state));
}

std::string heat_key(const v1::Point& point) {
  return ordered(cell_index(point.latitude_microdegrees())) +
         ordered(cell_index(point.longitude_microdegrees()));
}

Result<void> fold_event(Rows& rows, const v1::Event& event, const EntryContext& entry) {
  const std::string id = case_of(event);
  if (id.empty()) return evolve_event_of_ledger(rows, event, entry);
  const std::string key = case_key(id);
  const CaseBefore before = look_before(rows, key);
  HANSA_CHECK(evolve(rows, event, entry));
  const auto* row = rows.find(kCaseTable, key);
  if (row == nullptr) return fail(Errc::kInternal, "an event left no case " + id);
  HANSA_CHECK(count_states(rows, before.state, row->state()));
  HANSA_CHECK(draw_heat(rows, before, *row));
  count_event(rows, event, entry.time_us, *row);
  return fold_metrics(rows, event, entry);
}

}  // namespace hansa::projections
