// Goal: an imported row is taken as stated or refused, and the same row changes nothing.
// Method: rows with one contradiction each; the same row, and the same id with other content.
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using State = v1::State;

v1::ImportCase source_row(State::Value state = State::closed) {
  v1::ImportCase row;
  row.set_city("test");
  row.set_source_name("old-system");
  row.set_source_id("17");
  row.set_service("rubbish");
  row.set_unit("sanitation");
  row.mutable_place()->set_district("north");
  row.mutable_place()->set_street("river-street");
  row.mutable_place()->set_community("old-mill");
  row.mutable_place()->set_latitude(34.05);
  row.mutable_place()->set_longitude(-118.25);
  row.set_state(state);
  row.set_reported_time_us(1'500'000'000 * kSecond);
  if (state == State::closed) row.set_closed_time_us(1'500'003'600 * kSecond);
  return row;
}

TEST(CaseImport, RecordsWhatTheSourceStatesAndNoMore) {
  TestCity city;
  auto command = source_row();
  const auto id = city.accept(command, kAdmin).subject_id;
  const auto& row = city.row(id);
  EXPECT_EQ(row.state(), State::closed);
  EXPECT_EQ(row.lead_unit(), "sanitation");
  EXPECT_EQ(row.kind(), v1::Kind::unspecified);
  EXPECT_EQ(row.source(), v1::Source::unspecified);
  EXPECT_EQ(row.reported_time_us(), command.reported_time_us());
  EXPECT_EQ(row.closed_time_us(), command.closed_time_us());
  EXPECT_EQ(row.deadline_time_us(), 0);
  EXPECT_EQ(row.imported_id(), "17");
  EXPECT_EQ(row.place().point().longitude_microdegrees(), -118'250'000);
  EXPECT_TRUE(city.timers().empty());
}

TEST(CaseImport, AMergedRowStandsWithItsParentOrIsRefused) {
  TestCity city;
  auto child = source_row(State::merged);
  child.set_source_id("18");
  child.set_merged_into_source_id("17");
  EXPECT_EQ(outcome(city.send(child, kAdmin)), "unknown_case");
  const auto parent = city.accept(source_row(State::reported), kAdmin).subject_id;
  const auto id = city.accept(child, kAdmin).subject_id;
  EXPECT_EQ(city.row(id).merged_into(), parent);
  EXPECT_EQ(city.row(parent).merged_cases(0), id);
  EXPECT_TRUE(city.accept(child, kAdmin).unchanged);

  auto grandchild = source_row(State::merged);
  grandchild.set_source_id("19");
  grandchild.set_merged_into_source_id("18");
  EXPECT_EQ(outcome(city.send(grandchild, kAdmin)), "merge_cycle");
  grandchild.set_merged_into_source_id("17");
  grandchild.set_state(State::withdrawn);
  EXPECT_EQ(outcome(city.send(grandchild, kAdmin)), "wrong_state");

  auto closed = source_row();
  closed.set_source_id("20");
  city.accept(closed, kAdmin);
  auto with_it = source_row();
  with_it.set_source_id("21");
  with_it.set_merged_into_source_id("20");
  const auto ended = city.accept(with_it, kAdmin).subject_id;
  EXPECT_EQ(city.row(ended).state(), State::closed);
}

TEST(CaseImport, TheSameRowAgainChangesNothing) {
  TestCity city;
  const auto id = city.accept(source_row(), kAdmin).subject_id;
  const auto before = city.rows.dump();
  const auto again = city.accept(source_row(), kAdmin);
  EXPECT_TRUE(again.unchanged);
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(again.subject_id, id);
  EXPECT_EQ(again.state, "closed");
  EXPECT_EQ(city.rows.dump(), before);
}

TEST(CaseImport, OtherContentUnderTheSameIdIsAConflict) {
  const auto original = source_row();
  const std::vector<void (*)(v1::ImportCase&)> changes = {
      [](v1::ImportCase& row) { row.set_closed_time_us(row.closed_time_us() + 1); },
      [](v1::ImportCase& row) { row.set_reported_time_us(row.reported_time_us() - 1); },
      [](v1::ImportCase& row) { row.set_due_time_us(row.closed_time_us()); },
      [](v1::ImportCase& row) { row.set_service("flood"); },
      [](v1::ImportCase& row) { row.set_unit("roads"); },
      [](v1::ImportCase& row) { row.set_address("Mill 1"); },
      [](v1::ImportCase& row) { row.set_other_content("x"); },
      [](v1::ImportCase& row) { row.set_kind(v1::Kind::request); },
      [](v1::ImportCase& row) { row.set_source(v1::Source::web); },
      [](v1::ImportCase& row) { row.set_state(State::withdrawn); },
      [](v1::ImportCase& row) { row.mutable_place()->set_latitude(34.06); },
      [](v1::ImportCase& row) {
        row.mutable_place()->clear_latitude();
        row.mutable_place()->clear_longitude();
      },
  };
  TestCity city;
  city.accept(original, kAdmin);
  for (size_t i = 0; i < changes.size(); ++i) {
    auto changed = original;
    changes[i](changed);
    EXPECT_EQ(outcome(city.send(changed, kAdmin)), "source_conflict") << "change " << i;
  }
  auto other_source = original;
  other_source.set_source_name("old-system1");
  other_source.set_source_id("7");
  EXPECT_EQ(outcome(city.send(other_source, kAdmin)), "CaseImported")
      << "name and id do not run together";
}

TEST(CaseImport, RowsThatContradictThemselvesAreRefused) {
  TestCity city;
  const auto refused = [&](const v1::ImportCase& row) { return outcome(city.send(row, kAdmin)); };
  auto row = source_row();
  row.set_closed_time_us(row.reported_time_us() - 1);
  EXPECT_EQ(refused(row), "times_backwards");
  row = source_row();
  row.clear_closed_time_us();
  EXPECT_EQ(refused(row), "times_backwards");
  row = source_row(State::assigned);
  row.set_closed_time_us(row.reported_time_us() + 1);
  EXPECT_EQ(refused(row), "times_backwards");
  row = source_row(State::withdrawn);
  row.set_closed_time_us(row.reported_time_us() - 1);
  EXPECT_EQ(refused(row), "times_backwards");
  row = source_row();
  row.set_due_time_us(row.reported_time_us() - 1);
  EXPECT_EQ(refused(row), "times_backwards");
  row = source_row(State::assigned);
  row.clear_unit();
  EXPECT_EQ(refused(row), "bad_request");
  EXPECT_EQ(refused(source_row(State::merged)), "bad_request");
  row = source_row();
  row.set_reported_time_us(-1);
  EXPECT_EQ(refused(row), "bad_request");
  row = source_row();
  row.set_service("weather");
  EXPECT_EQ(refused(row), "unknown_service");
  row = source_row();
  row.set_unit("navy");
  EXPECT_EQ(refused(row), "unknown_unit");
  row = source_row();
  row.mutable_place()->set_community("atlantis");
  EXPECT_EQ(refused(row), "unknown_place");
  row = source_row();
  row.mutable_place()->set_latitude(91);
  EXPECT_EQ(refused(row), "bad_point");
}

TEST(CaseImport, TakesEveryEndAndOpenStateAsStated) {
  for (const auto state : {State::reported, State::verified, State::refuted, State::filed,
                           State::assigned, State::accepted, State::rectifying, State::rectified,
                           State::closed, State::withdrawn, State::referred_out}) {
    TestCity city;
    const auto id = city.accept(source_row(state), kAdmin).subject_id;
    EXPECT_EQ(city.row(id).state(), state);
    EXPECT_TRUE(city.timers().empty());
  }
  TestCity city;
  auto cancelled = source_row(State::withdrawn);
  cancelled.set_closed_time_us(cancelled.reported_time_us() + kHour);
  EXPECT_EQ(outcome(city.send(cancelled, kAdmin)), "CaseImported");
}

TEST(CaseImport, AStatedDueTimeRunsAsADeadlineAndMayBeLongPast) {
  TestCity city;
  auto row = source_row(State::assigned);
  row.set_due_time_us(row.reported_time_us() + kDay);
  const auto id = city.accept(row, kAdmin).subject_id;
  ASSERT_EQ(city.timers().size(), 1U);
  city.advance_to(city.now_us);
  EXPECT_TRUE(city.row(id).deadline_breached());
}

TEST(CaseImport, AnImportedCaseGoesOnThroughTheLoop) {
  TestCity city;
  const auto id = city.accept(source_row(State::reported), kAdmin).subject_id;
  city.lead_to(id, State::rectified);
  EXPECT_EQ(city.row(id).state(), State::rectified);
  auto closed = source_row();
  closed.set_source_id("18");
  closed.clear_unit();
  const auto without_unit = city.accept(closed, kAdmin).subject_id;
  EXPECT_EQ(outcome(city.send(on<v1::RateCase>(without_unit), kCitizen)), "not_reporter");
  city.rows.put(kCaseTable, case_key(without_unit)).set_closed_time_us(city.now_us);
  EXPECT_EQ(outcome(city.send(on<v1::ReopenCase>(without_unit), kHotline)), "wrong_state");
}

TEST(CaseImport, AParentTakesNoMoreThanTwoHundredMergedRows) {
  TestCity city;
  const auto parent = city.accept(source_row(State::reported), kAdmin).subject_id;
  auto& row = city.rows.put(kCaseTable, case_key(parent));
  while (row.merged_cases_size() < kMergedCasesMax - 1) row.add_merged_cases("c1");
  auto child = source_row(State::merged);
  child.set_merged_into_source_id("17");
  child.set_source_id("18");
  EXPECT_EQ(outcome(city.send(child, kAdmin)), "CaseImported");
  child.set_source_id("19");
  EXPECT_EQ(outcome(city.send(child, kAdmin)), "limit_reached");
}

TEST(CaseImport, WhatWasClosedElsewhereIsReopenedHereWithoutAClosureToForget) {
  TestCity city;
  auto closed = source_row();
  closed.set_closed_time_us(city.now_us);
  const auto id = city.accept(closed, kAdmin).subject_id;
  EXPECT_EQ(outcome(city.send(on<v1::ReopenCase>(id), kHotline)), "CaseReopened");
  EXPECT_EQ(city.row(id).state(), State::assigned);
  EXPECT_EQ(city.rows.find(kRecentClosuresTable, "rubbish|north/river-street/old-mill"), nullptr);
}

}  // namespace
}  // namespace hansa
