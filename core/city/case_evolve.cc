#include <algorithm>

#include "core/base/durations.h"
#include "core/city/case_change.h"
#include "core/city/place.h"

namespace hansa {

using State = v1::State;
using Clock = v1::Clock;

namespace {

void move_timer(Rows& rows, const v1::Case& row, Clock::Value clock, int64_t before_us,
                int64_t after_us, Seq seq) {
  if (before_us == after_us) return;
  v1::Timer timer;
  timer.set_case_(row.case_());
  timer.set_clock(clock);
  if (before_us != 0) {
    timer.set_due_time_us(before_us);
    rows.erase(kTimerTable, timer_key(timer));
  }
  if (after_us == 0) return;
  timer.set_due_time_us(after_us);
  timer.set_set_by_seq(seq);
  rows.put(kTimerTable, timer_key(timer)) = timer;
}

void set_units(v1::Case& row, const std::string& lead,
               const google::protobuf::RepeatedPtrField<std::string>& cooperating) {
  row.set_lead_unit(lead);
  *row.mutable_cooperating_units() = cooperating;
}

// Items stand in the order of ledger time; too old or too many leave at the front.
void enter_near(Rows& rows, const v1::Case& row, Seq seq) {
  const auto keys = near_home(row.service(), row.place());
  const int64_t since_us = row.reported_time_us() - kNearItemHoursMax * kHourUs;
  for (size_t i = 0; i < keys.size(); ++i) {
    auto& near = rows.put(kNearCasesTable, keys[i]);
    const int items = near.case_seqs_size();
    int leaving = std::max(0, items - kNearItemsMax + 1);
    while (leaving < items && near.reported_times_us(leaving) < since_us) ++leaving;
    near.mutable_case_seqs()->ExtractSubrange(0, leaving, nullptr);
    near.mutable_reported_times_us()->ExtractSubrange(0, leaving, nullptr);
    near.add_case_seqs(seq);
    near.add_reported_times_us(row.reported_time_us());
    // The lists of a community are read without regard to the point.
    if (i == 0) continue;
    near.mutable_latitudes_microdegrees()->ExtractSubrange(0, leaving, nullptr);
    near.mutable_longitudes_microdegrees()->ExtractSubrange(0, leaving, nullptr);
    near.add_latitudes_microdegrees(row.place().point().latitude_microdegrees());
    near.add_longitudes_microdegrees(row.place().point().longitude_microdegrees());
  }
}

}  // namespace

Dues running_dues(const v1::Case& row) {
  return {running_due(row, Clock::first_response), running_due(row, Clock::handling),
          running_due(row, Clock::postponement)};
}

void move_timers(Rows& rows, const v1::Case& row, const Dues& before, const EntryContext& entry) {
  const Dues after = running_dues(row);
  move_timer(rows, row, Clock::first_response, before.first_response, after.first_response,
             entry.seq);
  move_timer(rows, row, Clock::handling, before.handling, after.handling, entry.seq);
  move_timer(rows, row, Clock::postponement, before.postponement, after.postponement, entry.seq);
}

v1::HistoryItem& add_history(v1::Case& row, const std::string& event_name,
                             const EntryContext& entry, const Words& words) {
  auto& item = *row.add_history();
  item.set_seq(entry.seq);
  item.set_time_us(entry.time_us);
  item.set_event(event_name);
  item.set_unit(words.unit.data(), words.unit.size());
  item.set_note(words.note.data(), words.note.size());
  item.set_reporter_text(words.reporter_text.data(), words.reporter_text.size());
  item.set_actor(entry.actor.view().data(), entry.actor.view().size());
  return item;
}

tl::unexpected<Error> contradiction(const std::string& event_name, std::string_view case_id) {
  return fail(Errc::kInternal,
              event_name + " contradicts the rows of case " + std::string(case_id));
}

Result<void> evolve_event(Rows& rows, const v1::CaseReported& event, const EntryContext& entry) {
  const std::string& name = event.GetDescriptor()->name();
  const std::string key = case_key(event.case_());
  if (rows.find(kCaseTable, key) != nullptr) return contradiction(name, event.case_());
  auto& row = rows.put(kCaseTable, key);
  row.set_case_(event.case_());
  row.set_kind(event.kind());
  row.set_source(event.source());
  row.set_service(event.service());
  *row.mutable_place() = event.place();
  row.set_state(State::reported);
  row.set_description(event.description());
  row.set_address(event.address());
  *row.mutable_media() = event.media();
  row.set_reporter(event.reporter());
  if (event.has_contact()) *row.mutable_contact() = event.contact();
  row.set_external_id(event.external_id());
  *row.mutable_near_duplicates() = event.near_duplicates();
  row.set_reported_time_us(entry.time_us);
  row.set_observed_time_us(event.observed_time_us());
  row.set_first_response_due_time_us(event.first_response_due_time_us());
  add_history(row, name, entry, {});
  move_timers(rows, row, Dues{}, entry);
  enter_near(rows, row, entry.seq);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CaseImported& event, const EntryContext& entry) {
  const std::string& name = event.GetDescriptor()->name();
  const std::string key = case_key(event.case_());
  if (rows.find(kCaseTable, key) != nullptr) return contradiction(name, event.case_());
  auto& row = rows.put(kCaseTable, key);
  row.set_case_(event.case_());
  row.set_kind(event.kind());
  row.set_source(event.source());
  row.set_service(event.service());
  *row.mutable_place() = event.place();
  row.set_state(event.state());
  row.set_address(event.address());
  row.set_lead_unit(event.unit());
  row.set_reported_time_us(event.reported_time_us());
  row.set_closed_time_us(event.closed_time_us());
  row.set_deadline_time_us(event.due_time_us());
  row.set_closures(event.state() == State::closed ? 1 : 0);
  row.set_merged_into(event.merged_into());
  row.set_imported_from(event.source_name());
  row.set_imported_id(event.source_id());
  add_history(row, name, entry, {.unit = event.unit()});
  move_timers(rows, row, Dues{}, entry);

  auto& imported = rows.put(kImportedTable, imported_key(event.source_name(), event.source_id()));
  imported.set_import_id(event.import_id());
  imported.set_case_(event.case_());
  imported.set_seq(entry.seq);
  if (event.merged_into().empty()) return {};
  return change_case(rows, event, event.merged_into(), entry, {.note = event.case_()},
                     [&](v1::Case& parent) { parent.add_merged_cases(event.case_()); });
}

Result<void> evolve_event(Rows& rows, const v1::CaseVerified& event, const EntryContext& entry) {
  return enter_state(rows, event, entry, {.note = event.note()}, State::verified);
}

Result<void> evolve_event(Rows& rows, const v1::CaseRefuted& event, const EntryContext& entry) {
  return enter_state(rows, event, entry, {.note = event.reason()}, State::refuted);
}

Result<void> evolve_event(Rows& rows, const v1::CaseFiled& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {}, [&](v1::Case& row) {
    row.set_state(State::filed);
    row.set_filed_time_us(entry.time_us);
    row.set_deadline_time_us(event.deadline_time_us());
    row.set_deadline_breached(false);
  });
}

Result<void> evolve_event(Rows& rows, const v1::ProblemRebounded& event,
                          const EntryContext& entry) {
  HANSA_CHECK(change_case(rows, event, event.case_(), entry, {.note = event.original_case()},
                          [&](v1::Case& row) { row.set_rebound_of(event.original_case()); }));
  const auto* original = find_case(rows, event.original_case());
  if (original == nullptr) return contradiction("ProblemRebounded", event.original_case());
  // Every later case still names its original.
  if (original->rebounds_size() >= kReboundsMax) return {};
  return change_case(rows, event, event.original_case(), entry, {.note = event.case_()},
                     [&](v1::Case& row) { row.add_rebounds(event.case_()); });
}

Result<void> evolve_event(Rows& rows, const v1::CaseAssigned& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry, {.unit = event.lead_unit()},
                     [&](v1::Case& row) {
                       row.set_state(State::assigned);
                       set_units(row, event.lead_unit(), event.cooperating_units());
                     });
}

Result<void> evolve_event(Rows& rows, const v1::AssignmentDisputed& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.unit = event.unit(), .note = event.reason()}, [](v1::Case& row) {
                       row.set_state(State::disputed);
                       row.set_disputes_raised(row.disputes_raised() + 1);
                     });
}

Result<void> evolve_event(Rows& rows, const v1::LeadDetermined& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.unit = event.lead_unit(), .note = event.reason()}, [&](v1::Case& row) {
                       row.set_state(State::assigned);
                       row.set_disputes_settled(row.disputes_settled() + 1);
                       set_units(row, event.lead_unit(), event.cooperating_units());
                     });
}

Result<void> evolve_event(Rows& rows, const v1::CaseTransferred& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.unit = event.to_unit(), .note = event.reason()}, [&](v1::Case& row) {
                       row.set_state(State::assigned);
                       row.set_lead_unit(event.to_unit());
                       auto& units = *row.mutable_cooperating_units();
                       units.erase(std::remove(units.begin(), units.end(), event.to_unit()),
                                   units.end());
                     });
}

Result<void> evolve_event(Rows& rows, const v1::AssignmentAccepted& event,
                          const EntryContext& entry) {
  return enter_state(rows, event, entry, {.unit = event.unit()}, State::accepted);
}

Result<void> evolve_event(Rows& rows, const v1::RectificationStarted& event,
                          const EntryContext& entry) {
  return enter_state(rows, event, entry, {.unit = event.unit()}, State::rectifying);
}

Result<void> evolve_event(Rows& rows, const v1::RectificationReported& event,
                          const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.unit = event.unit(), .note = event.note()}, [&](v1::Case& row) {
                       row.set_state(State::rectified);
                       row.set_rectified_by_unit(event.unit());
                       row.set_rectified_by_actor(std::string(entry.actor.view()));
                       *row.mutable_history(row.history_size() - 1)->mutable_evidence() =
                           event.evidence();
                     });
}

Result<void> evolve_event(Rows& rows, const v1::CheckPassed& event, const EntryContext& entry) {
  return change_case(rows, event, event.case_(), entry,
                     {.unit = event.unit(), .note = event.note()}, [](v1::Case&) {});
}

Result<void> evolve_event(Rows& rows, const v1::CheckFailed& event, const EntryContext& entry) {
  return enter_state(rows, event, entry, {.unit = event.unit(), .note = event.reason()},
                     State::rectifying);
}

}  // namespace hansa
