#include <algorithm>

#include "core/city/case_change.h"

namespace hansa {

using State = v1::State;

namespace {

std::string closures_key(const v1::Case& row) {
  return row.service() + "|" + place_key(row.place());
}

void remember_closure(Rows& rows, const v1::Case& row) {
  auto& items = *rows.put(kRecentClosuresTable, closures_key(row)).mutable_items();
  if (items.size() >= kRecentClosuresMax) {
    items.DeleteSubrange(0, items.size() - kRecentClosuresMax + 1);
  }
  auto& item = *items.Add();
  item.set_case_(row.case_());
  item.set_closed_time_us(row.closed_time_us());
}

void forget_closure(Rows& rows, const v1::Case& row) {
  const std::string key = closures_key(row);
  if (rows.find(kRecentClosuresTable, key) == nullptr) return;
  auto& items = *rows.put(kRecentClosuresTable, key).mutable_items();
  for (int i = items.size() - 1; i >= 0; --i) {
    if (items.Get(i).case_() == row.case_()) items.DeleteSubrange(i, 1);
  }
}

}  // namespace

Result<void> evolve_event(Rows& rows, const v1::CaseClosed& event, const EntryContext& entry) {
  HANSA_CHECK(change_case(rows, event, event.case_(), entry, {.note = event.with_parent()},
                          [&](v1::Case& row) {
                            row.set_state(State::closed);
                            row.set_closed_time_us(entry.time_us);
                            row.set_closures(event.closure());
                          }));
  remember_closure(rows, *find_case(rows, event.case_()));
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::FeedbackSent& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.note = event.text()},
                     [](v1::Case&) {});
}

Result<void> evolve_event(Rows& rows, const v1::CitizenRated& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.reporter_text = event.comment()},
                     [&](v1::Case& row) {
                       row.set_rated_closure(event.closure());
                       row.set_stars(event.stars());
                       row.set_rating_comment(event.comment());
                     });
}

Result<void> evolve_event(Rows& rows, const v1::CaseReopened& event, const EntryContext& entry) {
  const auto* closed = find_case(rows, event.case_());
  if (closed == nullptr) return contradiction("CaseReopened", event.case_());
  forget_closure(rows, *closed);
  return change_case(rows, event, event.case_(), entry,
                     {.note = event.with_parent(), .reporter_text = event.reason()},
                     [&](v1::Case& row) {
                       row.set_closed_time_us(0);
                       row.clear_rectified_by_unit();
                       row.clear_rectified_by_actor();
                       if (!event.with_parent().empty()) {
                         row.set_state(State::merged);
                         return;
                       }
                       row.set_state(State::assigned);
                       row.set_reopenings(row.reopenings() + 1);
                       row.set_deadline_time_us(event.deadline_time_us());
                       row.set_deadline_breached(false);
                     });
}

Result<void> evolve_event(Rows& rows, const v1::CaseWithdrawn& event, const EntryContext& entry) {
  return enter_state(rows, event, entry, {.note = event.reason()}, State::withdrawn);
}

Result<void> evolve_event(Rows& rows, const v1::CaseReferredOut& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.note = event.reason()},
                     [&](v1::Case& row) {
                       row.set_state(State::referred_out);
                       row.set_referred_to(event.to());
                     });
}

// The case becomes a child, and its own children move on to the new parent with it.
Result<void> evolve_event(Rows& rows, const v1::CaseMerged& event, const EntryContext& entry) {
  google::protobuf::RepeatedPtrField<std::string> moved;
  HANSA_CHECK(change_case(rows, event, event.case_(), entry, {.note = event.into_case()},
                          [&](v1::Case& row) {
                            row.set_state_before_merge(row.state());
                            row.set_state(State::merged);
                            row.set_merged_into(event.into_case());
                            moved.Swap(row.mutable_merged_cases());
                          }));
  for (const auto& child : moved) {
    HANSA_CHECK(change_case(rows, event, child, entry, {.note = event.into_case()},
                            [&](v1::Case& row) { row.set_merged_into(event.into_case()); }));
  }
  return change_case(rows, event, event.into_case(), entry, {.note = event.case_()},
                     [&](v1::Case& row) {
                       row.add_merged_cases(event.case_());
                       row.mutable_merged_cases()->MergeFrom(moved);
                     });
}

Result<void> evolve_event(Rows& rows, const v1::CasePostponed& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.note = event.reason()},
                     [&](v1::Case& row) {
                       row.set_postponed_until_time_us(event.until_time_us());
                       row.set_deadline_time_us(event.deadline_time_us());
                     });
}

Result<void> evolve_event(Rows& rows, const v1::PostponementEnded& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {},
                     [](v1::Case& row) { row.set_postponed_until_time_us(0); });
}

Result<void> evolve_event(Rows& rows, const v1::DeadlineExtended& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.note = event.reason()},
                     [&](v1::Case& row) {
                       row.set_deadline_time_us(event.deadline_time_us());
                       row.set_extensions(row.extensions() + 1);
                     });
}

Result<void> evolve_event(Rows& rows, const v1::FirstResponseRecorded& event,
                          const EntryContext& entry) {
  return change_case(
      rows, event, event.case_(), entry, {.note = event.note()},
      [&](v1::Case& row) { row.set_first_response_time_us(entry.time_us); });
}

Result<void> evolve_event(Rows& rows, const v1::DeadlineBreached& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.note = v1::Clock::Value_Name(event.clock())}, [&](v1::Case& row) {
                       if (event.clock() == v1::Clock::first_response) {
                         row.set_first_response_breached(true);
                       } else {
                         row.set_deadline_breached(true);
                       }
                     });
}

}  // namespace hansa
