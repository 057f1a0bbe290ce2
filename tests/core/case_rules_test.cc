// Goal: clocks, children, rebounds, near duplicates and reopening follow SPEC §3.
// Method: each rule by a short life of one or a few cases, with the clock set by hand.
#include "core/base/calendar.h"
#include "core/base/policy.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using State = v1::State;

v1::MergeCase merge(const std::string& id, const std::string& into) {
  auto command = on<v1::MergeCase>(id);
  command.set_into_case(into);
  return command;
}

void close(TestCity& city, const std::string& id) {
  auto check = on<v1::CheckCase>(id);
  check.set_passed(true);
  city.accept(check, kChecker);
}

void adopt(TestCity& city, std::string_view policy, const std::string& value) {
  v1::AdoptPolicy command;
  command.set_policy(std::string(policy));
  command.mutable_value()->set_numerator(value);
  command.mutable_value()->set_denominator("1");
  city.accept(command, kAdmin);
}

TEST(CaseClocks, FirstResponseIsDueByKindAndByService) {
  TestCity city;
  auto command = report();
  EXPECT_EQ(city.row(city.report_case(command)).first_response_due_time_us(),
            city.now_us + 2 * kHour);
  command.set_kind(v1::Kind::complaint);
  EXPECT_EQ(city.row(city.report_case(command)).first_response_due_time_us(),
            city.now_us + 24 * kHour);
  v1::DefineService service;
  service.set_service("rubbish");
  service.mutable_sla()->set_handling_working_s(3600);
  service.mutable_sla()->set_first_response_clock_s(600);
  city.accept(service, kAdmin);
  EXPECT_EQ(city.row(city.report_case(command)).first_response_due_time_us(),
            city.now_us + 600 * kSecond);
}

TEST(CaseClocks, HandlingRunsInWorkingOrClockTimeFromFiling) {
  TestCity city;
  const auto rubbish = city.case_in(State::filed);
  EXPECT_EQ(city.row(rubbish).deadline_time_us(), kStart + 4 * kDay + 8 * kHour);
  const auto flood = city.case_in(State::filed, report("flood"));
  EXPECT_EQ(city.row(flood).deadline_time_us(), kStart + 24 * kHour);
  EXPECT_EQ(city.row(flood).filed_time_us(), kStart);
}

TEST(CaseClocks, EachBreachIsRecordedOnce) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  city.advance_to(kStart + 30 * kDay);
  EXPECT_TRUE(city.row(id).first_response_breached());
  EXPECT_TRUE(city.row(id).deadline_breached());
  int breaches = 0;
  for (const auto& item : city.row(id).history()) breaches += item.event() == "DeadlineBreached";
  EXPECT_EQ(breaches, 2);
  EXPECT_TRUE(city.timers().empty());
}

TEST(CaseClocks, AnAnswerInTimeStopsTheFirstClock) {
  TestCity city;
  const auto id = city.report_case();
  city.accept(on<v1::RecordFirstResponse>(id), kHotline);
  EXPECT_EQ(outcome(city.send(on<v1::RecordFirstResponse>(id), kHotline)), "wrong_state");
  city.advance_to(kStart + kDay);
  EXPECT_FALSE(city.row(id).first_response_breached());
  EXPECT_EQ(city.row(id).first_response_time_us(), kStart);
}

TEST(CaseClocks, PostponingTakesTheRemainingWorkingTimeAlong) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  city.advance_to(kStart + 2 * kDay);  // Wednesday 09:00: 24 of 40 hours are left
  auto postpone = on<v1::PostponeCase>(id);
  postpone.set_until_time_us(kStart + 14 * kDay);  // Monday 09:00
  city.accept(postpone, kDispatcher);
  EXPECT_EQ(city.row(id).deadline_time_us(), kStart + 16 * kDay + 8 * kHour);
  EXPECT_EQ(outcome(city.send(postpone, kDispatcher)), "wrong_state") << "it rests already";
  city.advance_to(kStart + 14 * kDay);
  EXPECT_EQ(city.row(id).postponed_until_time_us(), 0);
  EXPECT_FALSE(city.row(id).deadline_breached());
  city.advance_to(kStart + 17 * kDay);
  EXPECT_TRUE(city.row(id).deadline_breached());
}

TEST(CaseClocks, PostponingAServiceInClockHoursMovesByTheClock) {
  TestCity city;
  const auto id = city.case_in(State::assigned, report("flood"));
  city.advance_to(kStart + 4 * kHour);
  auto postpone = on<v1::PostponeCase>(id);
  postpone.set_until_time_us(kStart + 5 * kDay);
  city.accept(postpone, kDispatcher);
  EXPECT_EQ(city.row(id).deadline_time_us(), kStart + 5 * kDay + 20 * kHour);
}

TEST(CaseClocks, RestingDoesNotForgiveABreach) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  city.advance_to(kStart + 20 * kDay);
  const int64_t deadline_us = city.row(id).deadline_time_us();
  auto postpone = on<v1::PostponeCase>(id);
  postpone.set_until_time_us(kStart + 40 * kDay);
  city.accept(postpone, kDispatcher);
  EXPECT_EQ(city.row(id).deadline_time_us(), deadline_us);
  auto extend = on<v1::ExtendDeadline>(id);
  extend.set_deadline_time_us(kStart + 50 * kDay);
  EXPECT_EQ(outcome(city.send(extend, kDispatcher)), "wrong_state");
}

TEST(CaseClocks, WhatIsLateButNotYetBreachedStaysLateWhileItRests) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  const int64_t deadline_us = city.row(id).deadline_time_us();
  city.now_us = deadline_us;
  auto postpone = on<v1::PostponeCase>(id);
  postpone.set_until_time_us(city.now_us + 10 * kDay);
  city.accept(postpone, kDispatcher);
  EXPECT_EQ(city.row(id).deadline_time_us(), deadline_us);
}

TEST(CaseClocks, ATimerThatWasMovedMeanwhileFiresForNothing) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  v1::TimerDue due;
  due.set_case_(id);
  due.set_clock(v1::Clock::handling);
  due.set_due_time_us(city.row(id).deadline_time_us());
  auto extend = on<v1::ExtendDeadline>(id);
  extend.set_deadline_time_us(kStart + 20 * kDay);
  city.accept(extend, kDispatcher);
  EXPECT_EQ(outcome(city.send(due, person("timer", {}))), "nothing");
  EXPECT_FALSE(city.row(id).deadline_breached());
  EXPECT_EQ(running_due(city.row(id), v1::Clock::offer_expiry), 0) << "a case's clocks alone";
}

TEST(CaseClocks, ExtensionsEndAtThePolicysNumber) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  auto extend = on<v1::ExtendDeadline>(id);
  for (int i = 1; i <= 3; ++i) {
    extend.set_deadline_time_us(kStart + (10 + i) * kDay);
    city.accept(extend, kDispatcher);
  }
  extend.set_deadline_time_us(kStart + 20 * kDay);
  EXPECT_EQ(outcome(city.send(extend, kDispatcher)), "limit_reached");
  adopt(city, kDeadlineExtensionsMax, "4");
  city.accept(extend, kDispatcher);
  EXPECT_EQ(city.row(id).extensions(), 4U);
  EXPECT_EQ(city.row(id).deadline_time_us(), kStart + 20 * kDay);
}

TEST(CaseClocks, ALaterCalendarLeavesStoredDeadlinesAlone) {
  TestCity city;
  const auto id = city.case_in(State::filed);
  const int64_t deadline_us = city.row(id).deadline_time_us();
  v1::AdoptCalendar adopted;
  *adopted.mutable_calendar() = default_calendar();
  adopted.mutable_calendar()->mutable_hours()->RemoveLast();
  city.accept(adopted, kAdmin);
  EXPECT_EQ(city.row(id).deadline_time_us(), deadline_us);
  const auto later = city.case_in(State::filed);
  EXPECT_EQ(city.row(later).deadline_time_us(), kStart + 7 * kDay + 8 * kHour);
}

TEST(CaseReopening, OnceWithinItsWindowWithTheSameLead) {
  TestCity city;
  const auto id = city.case_in(State::closed);
  city.advance_to(kStart + 15 * kDay);
  const auto decision = city.accept(on<v1::ReopenCase>(id), kCitizen);
  EXPECT_EQ(event_names(decision), "CaseReopened");
  EXPECT_EQ(city.row(id).state(), State::assigned);
  EXPECT_EQ(city.row(id).lead_unit(), "sanitation");
  EXPECT_EQ(city.row(id).deadline_time_us(), kStart + 21 * kDay + 8 * kHour);
  city.accept(on<v1::AcceptAssignment>(id), kWorker);
  city.accept(on<v1::StartRectification>(id), kWorker);
  city.accept(on<v1::ReportRectification>(id), kWorker);
  close(city, id);
  EXPECT_EQ(city.row(id).closures(), 2U);
  EXPECT_EQ(outcome(city.send(on<v1::ReopenCase>(id), kCitizen)), "already_reopened");
}

TEST(CaseReopening, RefusedAfterTheWindow) {
  TestCity city;
  const auto id = city.case_in(State::closed);
  city.advance_to(kStart + 15 * kDay + 1);
  EXPECT_EQ(outcome(city.send(on<v1::ReopenCase>(id), kCitizen)), "reopen_window_closed");
}

TEST(CaseReopening, EachClosureMayBeRated) {
  TestCity city;
  const auto id = city.case_in(State::closed);
  auto rate = on<v1::RateCase>(id);
  rate.set_stars(2);
  city.accept(rate, kCitizen);
  city.accept(on<v1::ReopenCase>(id), kHotline);
  EXPECT_EQ(outcome(city.send(rate, kCitizen)), "wrong_state");
  city.accept(on<v1::AcceptAssignment>(id), kWorker);
  city.accept(on<v1::StartRectification>(id), kWorker);
  city.accept(on<v1::ReportRectification>(id), kWorker);
  close(city, id);
  rate.set_stars(5);
  city.accept(rate, kCitizen);
  EXPECT_EQ(city.row(id).stars(), 5U);
}

TEST(CaseMerging, ChildrenCloseAndReopenWithTheirParent) {
  TestCity city;
  const auto parent = city.case_in(State::rectified);
  const auto child = city.report_case();
  city.accept(merge(child, parent), kDispatcher);
  EXPECT_EQ(outcome(city.send(on<v1::VerifyCase>(child), kVerifier)), "wrong_state");
  auto check = on<v1::CheckCase>(parent);
  check.set_passed(true);
  EXPECT_EQ(event_names(city.accept(check, kChecker)), "CheckPassed + CaseClosed + CaseClosed");
  EXPECT_EQ(city.row(child).state(), State::closed);
  auto rate = on<v1::RateCase>(child);
  rate.set_stars(3);
  city.accept(rate, kCitizen);
  EXPECT_EQ(outcome(city.send(on<v1::ReopenCase>(child), kCitizen)), "wrong_state");
  EXPECT_EQ(event_names(city.accept(on<v1::ReopenCase>(parent), kCitizen)),
            "CaseReopened + CaseReopened");
  EXPECT_EQ(city.row(child).state(), State::merged);
  EXPECT_EQ(city.row(parent).state(), State::assigned);
}

TEST(CaseMerging, ChildrenMoveOnWithTheirParent) {
  TestCity city;
  const auto a = city.report_case();
  const auto b = city.report_case();
  const auto c = city.report_case();
  city.accept(merge(a, b), kDispatcher);
  city.accept(merge(b, c), kDispatcher);
  EXPECT_EQ(city.row(a).merged_into(), c);
  EXPECT_EQ(city.row(b).merged_cases_size(), 0);
  EXPECT_EQ(city.row(c).merged_cases_size(), 2);
  EXPECT_EQ(event_names(city.accept(on<v1::RefuteCase>(c), kVerifier)),
            "CaseRefuted + CaseRefuted + CaseRefuted");
  EXPECT_EQ(city.row(a).state(), State::refuted);
}

TEST(CaseMerging, NeverInACircleNorIntoAnEndedCase) {
  TestCity city;
  const auto a = city.report_case();
  const auto b = city.report_case();
  EXPECT_EQ(outcome(city.send(merge(a, a), kDispatcher)), "merge_cycle");
  EXPECT_EQ(outcome(city.send(merge(a, "c999"), kDispatcher)), "unknown_case");
  EXPECT_EQ(outcome(city.send(merge(a, city.case_in(State::closed)), kDispatcher)),
            "wrong_state");
  city.accept(merge(a, b), kDispatcher);
  EXPECT_EQ(outcome(city.send(merge(b, a), kDispatcher)), "merge_cycle");
  EXPECT_EQ(outcome(city.send(on<v1::WithdrawCase>(b), kCitizen)), "wrong_state")
      << "others reported the same problem";
  EXPECT_EQ(event_names(city.accept(on<v1::ReferCaseOut>(b), kDispatcher)),
            "CaseReferredOut + CaseReferredOut");
}

TEST(CaseMerging, AtMostTwoHundredChildren) {
  TestCity city;
  const auto parent = city.report_case();
  auto& row = city.rows.put(kCaseTable, case_key(parent));
  while (row.merged_cases_size() < kMergedCasesMax) row.add_merged_cases("c1");
  EXPECT_EQ(outcome(city.send(merge(city.report_case(), parent), kDispatcher)), "limit_reached");
}

TEST(CaseRebound, IsRecordedOnBothWhenReportedSoonAfterAClosure) {
  TestCity city;
  const auto first = city.case_in(State::closed);
  const auto elsewhere = city.case_in(State::filed, report("rubbish", "new-mill"));
  EXPECT_EQ(city.row(elsewhere).rebound_of(), "");
  city.advance_to(kStart + 30 * kDay);
  const auto again = city.case_in(State::verified);
  EXPECT_EQ(event_names(city.accept(on<v1::FileCase>(again), kDispatcher)),
            "CaseFiled + ProblemRebounded");
  EXPECT_EQ(city.row(again).rebound_of(), first);
  EXPECT_EQ(city.row(first).rebounds(0), again);
}

TEST(CaseRebound, IsNoneAfterTheWindowNorForWhatWasReportedBefore) {
  TestCity city;
  const auto before = city.case_in(State::verified);
  city.advance_to(kStart + kDay);
  city.case_in(State::closed);
  EXPECT_EQ(event_names(city.accept(on<v1::FileCase>(before), kDispatcher)), "CaseFiled");
  city.advance_to(kStart + 31 * kDay + 1);
  const auto late = city.case_in(State::filed);
  EXPECT_EQ(city.row(late).rebound_of(), "");
}

TEST(CaseRebound, OfClosuresAtTheSameMomentTheFirstCounts) {
  TestCity city;
  const auto first = city.case_in(State::rectified);
  const auto second = city.case_in(State::rectified);
  close(city, first);
  close(city, second);
  city.now_us += kHour;
  EXPECT_EQ(city.row(city.case_in(State::filed)).rebound_of(), first);
}

TEST(CaseRebound, ACaseNamesAtMostTwoHundredOfThem) {
  TestCity city;
  const auto first = city.case_in(State::closed);
  auto& row = city.rows.put(kCaseTable, case_key(first));
  while (row.rebounds_size() < kReboundsMax - 1) row.add_rebounds("c1");
  const auto last = city.case_in(State::filed);
  EXPECT_EQ(city.row(first).rebounds(kReboundsMax - 1), last);
  const auto beyond = city.case_in(State::filed);
  EXPECT_EQ(city.row(beyond).rebound_of(), first) << "it still names its original";
  EXPECT_EQ(city.row(first).rebounds_size(), kReboundsMax);
}

TEST(CaseRebound, OfManyClosuresAtAPlaceTheNewestAreRemembered) {
  TestCity city;
  for (int i = 0; i <= kRecentClosuresMax; ++i) {
    const auto id = city.case_in(State::closed);
    if (i != 0 && i != kRecentClosuresMax) continue;
    const auto* closures =
        city.rows.find(kRecentClosuresTable, "rubbish|north/river-street/old-mill");
    ASSERT_NE(closures, nullptr);
    EXPECT_EQ(closures->items_size(), std::min(i + 1, kRecentClosuresMax));
    EXPECT_EQ(closures->items(closures->items_size() - 1).case_(), id);
  }
}

TEST(CaseRebound, AReopenedCaseIsNoClosure) {
  TestCity city;
  const auto first = city.case_in(State::closed);
  city.accept(on<v1::ReopenCase>(first), kCitizen);
  EXPECT_EQ(city.row(city.case_in(State::filed)).rebound_of(), "");
}

TEST(CaseNearDuplicates, AreOpenNearRecentAndOfTheSameService) {
  TestCity city;
  const auto at = [](double latitude, const char* service = "rubbish",
                     const char* community = "old-mill") {
    auto command = report(service, community);
    command.mutable_place()->set_latitude(latitude);
    command.mutable_place()->set_longitude(120.6);
    return command;
  };
  const auto near = city.report_case(at(31.3));
  const auto over_border = city.report_case(at(31.3005, "rubbish", "new-mill"));
  city.report_case(at(31.31));
  city.report_case(at(31.3, "flood"));
  const auto withdrawn = city.report_case(at(31.3));
  city.accept(on<v1::WithdrawCase>(withdrawn), kCitizen);
  const auto pointless = city.report_case();
  const auto& found = city.row(city.report_case(at(31.3001))).near_duplicates();
  EXPECT_EQ(std::vector<std::string>(found.begin(), found.end()),
            (std::vector<std::string>{near, over_border, pointless}));
  city.advance_to(kStart + 73 * kHour);
  EXPECT_EQ(city.row(city.report_case(at(31.3))).near_duplicates_size(), 0);
}

TEST(CaseNearDuplicates, AreAtMostEightOldestFirstOfABoundedList) {
  TestCity city;
  const auto first = city.report_case();
  for (int i = 0; i < 12; ++i) city.report_case();
  const auto& row = city.row(city.report_case());
  EXPECT_EQ(row.near_duplicates_size(), kNearDuplicatesMax);
  EXPECT_EQ(row.near_duplicates(0), first);
  for (int i = 0; i < 100; ++i) city.report_case();
  city.rows.scan(kNearCasesTable.id, "", "\xff", [](std::string_view, const auto& message) {
    EXPECT_LE(static_cast<const v1::NearCases&>(message).case_seqs_size(), kNearItemsMax);
    return true;
  });
}

TEST(CaseNearDuplicates, LieWithinTheRadiusNotMerelyInTheSameCell) {
  TestCity city;
  const auto at = [](double latitude) {
    auto command = report();
    command.mutable_place()->set_latitude(latitude);
    command.mutable_place()->set_longitude(120.6);
    return command;
  };
  const auto far = city.report_case(at(31.304));  // 433 metres north of the next
  const auto near = city.report_case(at(31.3015));
  const auto& found = city.row(city.report_case(at(31.3001))).near_duplicates();
  EXPECT_EQ(std::vector<std::string>(found.begin(), found.end()), std::vector<std::string>{near})
      << "and not " << far;
}

TEST(CaseNearDuplicates, WhatIsOlderThanAnyWindowLeavesTheList) {
  TestCity city;
  city.report_case();
  city.advance_to(kStart + kNearItemHoursMax * kHour);
  city.report_case();
  const auto items = [&] {
    int most = 0;
    city.rows.scan(kNearCasesTable.id, "", "\xff", [&](std::string_view, const auto& message) {
      most = std::max(most, static_cast<const v1::NearCases&>(message).case_seqs_size());
      return true;
    });
    return most;
  };
  EXPECT_EQ(items(), 2);
  city.advance_to(city.now_us + 1);
  city.report_case();
  EXPECT_EQ(items(), 2) << "the first is a moment too old";
}

TEST(CaseDisputes, AreCountedRaisedAndSettled) {
  TestCity city;
  const auto id = city.case_in(State::disputed);
  auto determine = on<v1::DetermineLead>(id);
  determine.set_lead_unit("roads");
  determine.add_cooperating_units("sanitation");
  city.accept(determine, kDispatcher);
  const auto& row = city.row(id);
  EXPECT_EQ(row.disputes_raised(), 1U);
  EXPECT_EQ(row.disputes_settled(), 1U);
  EXPECT_EQ(row.lead_unit(), "roads");
  EXPECT_EQ(row.cooperating_units(0), "sanitation");
  auto transfer = on<v1::TransferCase>(id);
  transfer.set_to_unit("sanitation");
  transfer.set_reason("public ground");
  city.accept(transfer, kDispatcher);
  EXPECT_EQ(city.row(id).state(), State::assigned);
  EXPECT_EQ(city.row(id).cooperating_units_size(), 0) << "the lead does not cooperate as well";
}

TEST(CaseHistory, TellsEveryStepWithSeqTimeUnitAndActor) {
  TestCity city;
  const auto id = city.case_in(State::closed);
  std::vector<std::string> steps;
  Seq before = 0;
  for (const auto& item : city.row(id).history()) {
    steps.push_back(item.event());
    EXPECT_GE(item.seq(), before);
    EXPECT_EQ(item.actor().size(), 16U);
    EXPECT_EQ(item.time_us(), kStart);
    before = item.seq();
  }
  EXPECT_EQ(steps, (std::vector<std::string>{
                       "CaseReported", "CaseVerified", "CaseFiled", "CaseAssigned",
                       "AssignmentAccepted", "RectificationStarted", "RectificationReported",
                       "CheckPassed", "CaseClosed"}));
  EXPECT_EQ(city.row(id).history(3).unit(), "sanitation");
}

TEST(CaseEvolve, StopsOnAnEventThatContradictsTheRows) {
  TestCity city;
  EntryContext entry;
  entry.seq = 99;
  v1::Event event;
  event.mutable_case_verified()->set_case_("c500");
  EXPECT_EQ(evolve(city.rows, event, entry).error().code, Errc::kInternal);
  event.mutable_case_reported()->set_case_(city.report_case());
  EXPECT_EQ(evolve(city.rows, event, entry).error().code, Errc::kInternal);
  EXPECT_EQ(evolve(city.rows, v1::Event(), entry).error().code, Errc::kInternal);
  const auto known = city.report_case();
  event.mutable_case_imported()->set_case_(known);
  EXPECT_EQ(evolve(city.rows, event, entry).error().code, Errc::kInternal);
  event.mutable_case_reopened()->set_case_("c500");
  EXPECT_EQ(evolve(city.rows, event, entry).error().code, Errc::kInternal);
  event.mutable_problem_rebounded()->set_case_(known);
  event.mutable_problem_rebounded()->set_original_case("c500");
  EXPECT_EQ(evolve(city.rows, event, entry).error().code, Errc::kInternal);
}

TEST(CaseMerging, AParentThatListsACaseThatIsNotIsNotClosed) {
  TestCity city;
  const auto parent = city.case_in(State::rectified);
  city.rows.put(kCaseTable, case_key(parent)).add_merged_cases("c500");
  auto check = on<v1::CheckCase>(parent);
  check.set_passed(true);
  const auto refused = city.send(check, kChecker);
  EXPECT_EQ(outcome(refused), "internal");
  EXPECT_NE(refused.error().detail.find("c500"), std::string::npos) << refused.error().detail;
}

}  // namespace
}  // namespace hansa
