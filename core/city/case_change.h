// How an event changes a case: one way for all, so that history and timers are never forgotten.
//
// Shape:   change_case(rows, event, id, entry, words, change) finds the case, lets `change` change
//          its row, appends the step to its history and sets or removes the Timer rows so that a
//          timer stands exactly while its clock runs (running_due in core/city/case.h).
// Errors:  kInternal when the case does not exist: the event contradicts the rows.
// Threads: pure.
#pragma once

#include "core/city/case.h"

namespace hansa {

// What the history shows beside the event's name. `note` is a text of staff, never of a reporter.
struct Words {
  std::string_view unit{};
  std::string_view note{};
  std::string_view reporter_text{};
};

struct Dues {
  int64_t first_response;
  int64_t handling;
  int64_t postponement;
};

Dues running_dues(const v1::Case& row);
void move_timers(Rows& rows, const v1::Case& row, const Dues& before, const EntryContext& entry);
v1::HistoryItem& add_history(v1::Case& row, const std::string& event_name,
                             const EntryContext& entry, const Words& words);
tl::unexpected<Error> contradiction(const std::string& event_name, std::string_view case_id);

template <typename Change>
Result<void> change_case(Rows& rows, const google::protobuf::Message& event,
                         const std::string& id, const EntryContext& entry, const Words& words,
                         const Change& change) {
  const std::string& name = event.GetDescriptor()->name();
  if (find_case(rows, id) == nullptr) return contradiction(name, id);
  auto& row = rows.put(kCaseTable, case_key(id));
  const Dues before = running_dues(row);
  add_history(row, name, entry, words);
  change(row);
  if (!is_open(row.state())) row.set_postponed_until_time_us(0);
  move_timers(rows, row, before, entry);
  return {};
}

template <typename Event>
Result<void> enter_state(Rows& rows, const Event& event, const EntryContext& entry,
                         const Words& words, v1::State::Value state) {
  return change_case(rows, event, event.case_(), entry, words,
                     [state](v1::Case& row) { row.set_state(state); });
}

}  // namespace hansa
