// Goal: a case over the border is in exactly one city at every entry: never worked on by two, never
// lost between them, whatever is delayed, refused, repeated or left.
// Method: the table in core/alliance/README.md is read and walked cell by cell; single fears by
// hand; then arbitrary steps of three cities, the ways between them and a clock, with the law
// checked after every step, and at the end that nothing rests for ever.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/core/handover_league.h"
#include "tests/core/readme_table.h"

namespace hansa {
namespace {

// ---- the table

// Wuxi and the alliance in one of the states of the table; suzhou's offer h<n>.
Offered bring_into(TestLeague& league, const std::string& state) {
  if (state == "none") return {"c1", "h1"};
  auto offered = offer_to_wuxi(league);
  if (state == "another's") {
    offered.id = report_in(league, "suzhou");
    EXPECT_EQ(league.act("suzhou", offer(offered.id, "shanghai"), kDispatcher), "CaseOffered");
    offered.handover = newest_handover(league);
  }
  league.carry();
  if (state == "taken") {
    EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher),
              "CaseReported + OfferTaken");
  }
  if (state == "declined") {
    EXPECT_EQ(league.act("wuxi", decline("suzhou", offered.handover), kDispatcher),
              "OfferDeclined");
  }
  if (state == "expired") {
    EXPECT_EQ(league.advance_city("wuxi", kStart + 3 * kDay), "OfferDeclined");
  }
  league.carry();
  return offered;
}

std::string send_named(TestLeague& league, const std::string& name, const Offered& offered) {
  if (name == "TakeOffer") return league.act("wuxi", take("suzhou", offered.handover), kDispatcher);
  if (name == "DeclineOffer") {
    return league.act("wuxi", decline("suzhou", offered.handover), kDispatcher);
  }
  v1::Event word;
  const auto fill = [&](auto& event) {
    event.set_alliance("delta");
    event.set_from_city("suzhou");
    event.set_handover(offered.handover);
  };
  if (name == "OfferTaken") fill(*word.mutable_offer_taken());
  if (name == "OfferDeclined") fill(*word.mutable_offer_declined());
  if (name == "TakenCaseMoved") fill(*word.mutable_taken_case_moved());
  return league.say_event("wuxi", word);
}

TEST(HandoverTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Answer to an offer");
  ASSERT_EQ(table.size(), 6U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      auto league = league_of_three();
      const auto offered = bring_into(league, table[0][column]);
      EXPECT_EQ(send_named(league, table[row][0], offered), table[row][column])
          << table[row][0] << " on an offer that is " << table[0][column];
      league.check_replay();
    }
  }
}

// ---- single fears

TEST(Handover, WhatIsTakenIsReferredOutHereAndANewCaseThere) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  EXPECT_EQ(case_of(league, "suzhou", offered.id).offered_to(), "wuxi");
  league.carry();
  ASSERT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher),
            "CaseReported + OfferTaken");
  const std::string taken = league.last->subject_id;
  EXPECT_EQ(case_of(league, "wuxi", taken).source(), v1::Source::neighbouring_city);
  EXPECT_EQ(case_of(league, "wuxi", taken).external_id(), "suzhou/" + offered.id);
  EXPECT_EQ(case_of(league, "wuxi", taken).reporter(), "") << "the reporter stays with suzhou";
  league.carry();
  const auto& here = case_of(league, "suzhou", offered.id);
  EXPECT_EQ(here.state(), State::referred_out);
  EXPECT_EQ(here.referred_to(), "wuxi");
  EXPECT_EQ(here.offered_to(), "");
  EXPECT_EQ(handover_in(league, "suzhou", "suzhou", offered.handover).taken_case(), taken);
  league.check_replay();
}

TEST(Handover, ItsChildrenGoWithIt) {
  auto league = league_of_three();
  const auto child = report_in(league, "suzhou");
  const auto parent = report_in(league, "suzhou");
  auto merge = on<v1::MergeCase>(child);
  merge.set_into_case(parent);
  ASSERT_EQ(league.act("suzhou", merge, kDispatcher), "CaseMerged");
  ASSERT_EQ(league.act("suzhou", offer(parent, "wuxi"), kDispatcher), "CaseOffered");
  const std::string handover = newest_handover(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", take("suzhou", handover), kDispatcher),
            "CaseReported + OfferTaken");
  league.carry();
  EXPECT_EQ(case_of(league, "suzhou", parent).state(), State::referred_out);
  EXPECT_EQ(case_of(league, "suzhou", child).state(), State::referred_out);
}

TEST(Handover, NothingIsDoneOnACaseThatIsOfferedButSpeakingToTheReporter) {
  auto league = league_of_three();
  const auto other = report_in(league, "suzhou");
  const auto offered = offer_to_wuxi(league);
  const auto& id = offered.id;
  EXPECT_EQ(league.act("suzhou", on<v1::VerifyCase>(id), kVerifier), "wrong_state");
  EXPECT_EQ(league.act("suzhou", on<v1::RefuteCase>(id), kVerifier), "wrong_state");
  EXPECT_EQ(league.act("suzhou", on<v1::WithdrawCase>(id), kHotline), "wrong_state");
  EXPECT_EQ(league.act("suzhou", on<v1::ReferCaseOut>(id), kDispatcher), "wrong_state");
  EXPECT_EQ(league.act("suzhou", offer(id, "shanghai"), kDispatcher), "wrong_state");
  auto merge = on<v1::MergeCase>(other);
  merge.set_into_case(id);
  EXPECT_EQ(league.act("suzhou", merge, kDispatcher), "wrong_state");
  merge = on<v1::MergeCase>(id);
  merge.set_into_case(other);
  EXPECT_EQ(league.act("suzhou", merge, kDispatcher), "wrong_state");
  EXPECT_EQ(league.act("suzhou", on<v1::SendFeedback>(id), kHotline), "FeedbackSent");
  EXPECT_EQ(league.act("suzhou", on<v1::RecordFirstResponse>(id), kHotline),
            "FirstResponseRecorded");
}

TEST(Handover, ADeclinedCaseGoesOnWhereItStood) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", decline("suzhou", offered.handover), kDispatcher),
            "OfferDeclined");
  EXPECT_EQ(league.act("suzhou", on<v1::VerifyCase>(offered.id), kVerifier), "wrong_state")
      << "suzhou has not heard of it";
  league.carry();
  EXPECT_EQ(league.act("suzhou", on<v1::VerifyCase>(offered.id), kVerifier), "CaseVerified");
  EXPECT_EQ(handover_in(league, "suzhou", "suzhou", offered.handover).reason(),
            "it is on your side of the stone");
}

TEST(Handover, AnOfferThatNobodyAnswersEndsInTheOtherCitysLedgerNotByTheOwnClock) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.now_us = kStart + 40 * kDay;
  EXPECT_EQ(league.act("suzhou", on<v1::VerifyCase>(offered.id), kVerifier), "wrong_state");
  league.carry();
  EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher), "wrong_state")
      << "its time is over before the clock has fired";
  EXPECT_EQ(league.advance_city("wuxi", league.now_us), "OfferDeclined");
  EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher), "wrong_state");
  league.carry();
  EXPECT_EQ(handover_in(league, "suzhou", "suzhou", offered.handover).state(), Handover::expired);
  EXPECT_EQ(league.act("suzhou", on<v1::VerifyCase>(offered.id), kVerifier), "CaseVerified");
}

TEST(Handover, AnOfferToACityThatCannotTakeItIsGivenBackWithTheSentence) {
  auto league = league_of_three();
  const auto id = report_in(league, "suzhou");
  ASSERT_EQ(league.act("suzhou", offer(id, "atlantis"), kDispatcher), "CaseOffered");
  const std::string handover = newest_handover(league);
  league.carry();
  const auto& row = handover_in(league, "suzhou", "suzhou", handover);
  EXPECT_EQ(row.state(), Handover::refused);
  EXPECT_EQ(row.reason(), "the alliance has admitted no city atlantis");
  EXPECT_EQ(case_of(league, "suzhou", id).offered_to(), "");
  EXPECT_EQ(league.act("suzhou", offer(id, "suzhou"), kDispatcher), "bad_request");
  auto late = offer(id, "wuxi");
  late.set_expires_time_us(league.now_us);
  EXPECT_EQ(league.act("suzhou", late, kDispatcher), "times_backwards");
  late.set_expires_time_us(league.now_us + kOfferDaysMax * kDay + 1);
  EXPECT_EQ(league.act("suzhou", late, kDispatcher), "limit_reached");
  late.set_expires_time_us(league.now_us + kOfferDaysMax * kDay);
  ASSERT_EQ(league.act("suzhou", late, kDispatcher), "CaseOffered");
  EXPECT_EQ(league.last->events[0].case_offered().expires_time_us(), late.expires_time_us());
}

v1::LeaveAlliance leaving() {
  v1::LeaveAlliance command;
  command.set_reason("the council has decided so");
  return command;
}

TEST(Handover, ACityThatLeftAndCameBackCannotTakeWhatItsLeavingGaveBack) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.say("suzhou");
  // Wuxi hears of the offer after it has left and joined again, the alliance of neither yet.
  ASSERT_EQ(league.act("wuxi", leaving()), "AllianceLeft");
  ASSERT_EQ(league.act("wuxi", league.joining()), "AllianceJoined");
  league.hear("wuxi");
  EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher), "wrong_state");
  league.say("wuxi");
  league.hear("suzhou");
  EXPECT_EQ(case_of(league, "suzhou", offered.id).offered_to(), "") << "it is suzhou's again";
  league.carry();
  EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher), "wrong_state");
}

TEST(Handover, ACityTakesNothingBeforeTheAllianceHasAnsweredItsLastReturn) {
  auto league = league_of_three();
  const auto leave_and_return = [&] {
    ASSERT_EQ(league.act("wuxi", leaving()), "AllianceLeft");
    ASSERT_EQ(league.act("wuxi", league.joining()), "AllianceJoined");
  };
  leave_and_return();
  league.say("wuxi");
  leave_and_return();
  // To the alliance wuxi is a member again, and about to leave once more.
  const auto offered = offer_to_wuxi(league);
  league.say("suzhou");
  league.hear("wuxi");
  EXPECT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher), "wrong_state");
  EXPECT_EQ(league.act("wuxi", decline("suzhou", offered.handover), kDispatcher), "wrong_state");
  league.carry();
  EXPECT_EQ(case_of(league, "suzhou", offered.id).offered_to(), "") << "its leaving gave it back";
  const auto again = offer_to_wuxi(league);
  league.carry();
  EXPECT_EQ(league.act("wuxi", take("suzhou", again.handover), kDispatcher),
            "CaseReported + OfferTaken");
  league.check_replay();
}

TEST(Handover, AJoiningThatTheAllianceDisregardsIsAnswered) {
  auto league = league_of_three();
  ASSERT_EQ(league.act("wuxi", leaving()), "AllianceLeft");
  v1::ExpelCity expel;
  expel.set_alliance("delta");
  expel.set_city("wuxi");
  expel.set_reason("it copied reports of others");
  ASSERT_EQ(league.send(expel), "CityExpelled");
  ASSERT_EQ(league.act("wuxi", league.joining()), "AllianceJoined");
  const auto& row = *league.cities.at("wuxi").rows.find(kAffiliationTable, "delta");
  EXPECT_EQ(row.joinings_unanswered(), 1U);
  league.carry();
  EXPECT_EQ(row.joinings_unanswered(), 0U);
}

TEST(Handover, WhatACityLeavesUnansweredIsDeclinedInItsLedgerAndNoClockRunsForIt) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  const auto answered = offer_to_wuxi(league).handover;
  league.carry();
  ASSERT_EQ(league.act("wuxi", decline("suzhou", answered), kDispatcher), "OfferDeclined");
  ASSERT_EQ(league.timers(league.cities.at("wuxi")).size(), 1U);
  auto due = league.timers(league.cities.at("wuxi"))[0];
  ASSERT_EQ(league.act("wuxi", leaving()), "AllianceLeft");
  for (const auto& subject : {due.subject(), std::string("delta/suzhou/h999999")}) {
    v1::TimerDue late;
    late.set_subject(subject);
    late.set_clock(due.clock());
    EXPECT_EQ(outcome(decide_command(kCityKind, league.cities.at("wuxi").rows, late,
                                     {kAdmin, {}, league.now_us, 99})),
              "nothing")
        << subject;
  }
  EXPECT_EQ(handover_in(league, "wuxi", "suzhou", offered.handover).state(), Handover::declined);
  EXPECT_EQ(handover_in(league, "wuxi", "suzhou", answered).reason(),
            decline("suzhou", answered).reason());
  EXPECT_TRUE(league.timers(league.cities.at("wuxi")).empty());
  league.check_replay();
}

TEST(Handover, WhatACityHasTakenStaysWithItWhenItLeaves) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher),
            "CaseReported + OfferTaken");
  ASSERT_EQ(league.act("wuxi", leaving()), "AllianceLeft");
  EXPECT_EQ(handover_in(league, "wuxi", "suzhou", offered.handover).state(), Handover::taken);
}

TEST(Handover, TheCityThatSpeaksToTheReporterHearsWhatBecameOfTheCase) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", take("suzhou", offered.handover), kDispatcher),
            "CaseReported + OfferTaken");
  const std::string taken = league.last->subject_id;
  league.carry();
  ASSERT_EQ(league.act("wuxi", on<v1::RefuteCase>(taken), kVerifier),
            "CaseRefuted + TakenCaseMoved");
  league.carry();
  EXPECT_EQ(handover_in(league, "suzhou", "suzhou", offered.handover).taken_state(),
            State::refuted);
  EXPECT_EQ(league.act("suzhou", on<v1::SendFeedback>(offered.id), kHotline), "FeedbackSent");
  league.check_replay();
}

TEST(Handover, ACityThatLeavesGivesBackWhatItWasOfferedAndNothingElse) {
  TestLeague league(kCities);
  for (const auto& [handover, to_city] : {std::pair{"h1", "wuxi"}, std::pair{"h2", "shanghai"},
                                          std::pair{"h3", "wuxi"}}) {
    ASSERT_EQ(league.say_event("suzhou", offered_as(handover, "suzhou", to_city)),
              "HandoverOffered");
  }
  v1::Event word;
  word.mutable_offer_taken()->set_from_city("suzhou");
  word.mutable_offer_taken()->set_handover("h1");
  ASSERT_EQ(league.say_event("wuxi", word), "HandoverTaken");
  word.mutable_alliance_left()->set_alliance("delta");
  ASSERT_EQ(league.say_event("wuxi", word), "HandoverReturned + CityWithdrew");
  EXPECT_EQ(league.last->events[0].handover_returned().handover(), "h3");
}

TEST(Handover, NoWordOfTheReporterLeavesTheCity) {
  auto league = league_of_three();
  auto command = report();
  command.set_source(v1::Source::hotline);
  command.set_description("marker-description");
  command.set_address("marker-address");
  command.set_external_id("marker-external");
  command.mutable_contact()->set_name("sealed1:marker-name");
  command.add_media()->set_sha256(std::string(64, 'e'));
  command.mutable_media(0)->set_content_type("marker-type");
  ASSERT_EQ(league.act("suzhou", command, kHotline), "CaseReported");
  ASSERT_EQ(league.act("suzhou", offer(league.last->subject_id, "wuxi"), kDispatcher),
            "CaseOffered");
  const std::string handover = newest_handover(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", take("suzhou", handover), kDispatcher),
            "CaseReported + OfferTaken");
  const auto& taken = case_of(league, "wuxi", league.last->subject_id);
  ASSERT_EQ(taken.media_size(), 1) << "the pictures are named";
  EXPECT_EQ(taken.media(0).sha256(), std::string(64, 'e'));
  league.carry();
  for (const auto* ledger : {&league.alliance, &league.cities.at("wuxi")}) {
    for (const auto& landed : ledger->landed) {
      for (const auto& event : landed.events) {
        EXPECT_EQ(event.SerializeAsString().find("marker"), std::string::npos)
            << event.ShortDebugString();
      }
    }
  }
}

// ---- the law

void check_in_one_city(TestLeague& league) {
  // What was offered as what, by the ledger that offered it.
  std::map<std::pair<std::string, std::string>, std::string> cases;
  for (const auto& [city, ledger] : league.cities) {
    for (const auto& landed : ledger.landed) {
      for (const auto& event : landed.events) {
        if (!event.has_case_offered()) continue;
        cases[{city, event.case_offered().handover()}] = event.case_offered().offered().case_();
      }
    }
  }
  std::map<std::pair<std::string, std::string>, int> taken;
  for (const auto& [city, ledger] : league.cities) {
    for (const auto& landed : ledger.landed) {
      for (const auto& event : landed.events) {
        if (!event.has_offer_taken()) continue;
        const auto& from = event.offer_taken().from_city();
        ++taken[{from, cases.at({from, event.offer_taken().handover()})}];
      }
    }
  }
  for (const auto& [which, times] : taken) {
    RC_ASSERT(times == 1);
    const auto& row = case_of(league, which.first, which.second);
    // Taken and still here: then it rests.
    RC_ASSERT(row.state() == State::referred_out || !row.offered_to().empty());
  }
}

struct AnyOffer {
  std::string from_city;
  std::string handover;
  std::string to_city;
};

// One that was made, or that nobody made.
AnyOffer any_offer(TestLeague& league) {
  std::vector<AnyOffer> offers = {{"suzhou", "h1", "wuxi"}};
  for (const auto& [city, ledger] : league.cities) {
    for (const auto& landed : ledger.landed) {
      for (const auto& event : landed.events) {
        if (!event.has_case_offered()) continue;
        const auto& offered = event.case_offered();
        offers.push_back({city, offered.handover(), offered.to_city()});
      }
    }
  }
  return offers[*rc::gen::inRange<size_t>(0, offers.size())];
}

// Their clocks are hours apart.
const std::map<std::string, int64_t> kAheadUs = {
    {"shanghai", 0}, {"suzhou", 5 * kHour}, {"wuxi", -5 * kHour}};

void take_any_step(TestLeague& league, const std::string& city) {
  switch (*rc::gen::inRange(0, 12)) {
    case 0: report_in(league, city); break;
    case 1:
    case 2: {
      const auto id = "c" + std::to_string(*rc::gen::inRange<size_t>(
                                1, league.cities.at(city).landed.size() + 1));
      league.act(city, offer(id, *rc::gen::elementOf(kCities)), kDispatcher);
      break;
    }
    case 3:
    case 4: {
      const auto any = any_offer(league);
      const auto& by = *rc::gen::inRange(0, 4) == 0 ? city : any.to_city;
      if (league.cities.contains(by)) {
        league.act(by, take(any.from_city, any.handover), kDispatcher);
      }
      break;
    }
    case 5: {
      const auto any = any_offer(league);
      league.act(city, decline(any.from_city, any.handover), kDispatcher);
      break;
    }
    case 6:
      league.act(city, leaving());
      if (*rc::gen::inRange(0, 2) == 0) break;
      [[fallthrough]];
    case 7: league.act(city, league.joining()); break;
    case 8: {
      league.advance_city(city, league.now_us + *rc::gen::inRange<int64_t>(0, 2) * kDay);
      break;
    }
    case 9:
    case 10: league.say(city); break;
    default: league.hear(city); break;
  }
}

RC_GTEST_PROP(HandoverLaw, ACaseIsInExactlyOneCityAtEveryStep, ()) {
  auto league = league_of_three();
  for (const auto& city : kCities) report_in(league, city);
  const int steps = *rc::gen::inRange(10, 120);
  for (int i = 0; i < steps; ++i) {
    const auto city = *rc::gen::elementOf(kCities);
    league.now_us += kAheadUs.at(city);
    take_any_step(league, city);
    league.now_us -= kAheadUs.at(city);
    check_in_one_city(league);
  }
  // Everybody comes back, all is heard and every offer's time runs out.
  for (const auto& city : kCities) league.act(city, league.joining());
  league.carry();
  for (const auto& city : kCities) league.advance_city(city, league.now_us + 40 * kDay);
  league.carry();
  check_in_one_city(league);
  for (const auto& city : kCities) {
    league.cities.at(city).rows.scan(
        TableId::kCase, "", "\xff", [&](std::string_view, const auto& message) {
          RC_ASSERT(static_cast<const v1::Case&>(message).offered_to() == "");
          return true;
        });
  }
  league.check_replay();
}

}  // namespace
}  // namespace hansa
