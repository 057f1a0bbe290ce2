// Goal: words about cases over the border that no honest city or alliance says move no case.
// Method: three cities; one word forged by hand in each test.
#include <gtest/gtest.h>

#include "core/rules.h"
#include "tests/core/handover_league.h"

namespace hansa {
namespace {

TEST(ForgedHandover, NewsThatNoHonestAllianceTellsChangesNothingAndStopsNothing) {
  auto league = league_of_three();
  const auto offered = offer_to_wuxi(league);
  league.carry();
  std::vector<v1::Event> news(6);
  const auto fill = [&](auto& event, const std::string& handover, bool names_both) {
    event.set_handover(handover);
    event.add_cities("suzhou");
    if (names_both) event.add_cities("wuxi");
  };
  fill(*news[0].mutable_handover_taken(), "h999999", true);
  fill(*news[1].mutable_handover_returned(), "h999999", true);
  fill(*news[2].mutable_handover_moved(), "h999999", true);
  fill(*news[3].mutable_handover_taken(), offered.handover, false);
  fill(*news[4].mutable_handover_returned(), offered.handover, false);
  fill(*news[5].mutable_handover_offered(), "h999999", false);
  for (const auto& event : news) {
    EXPECT_EQ(league.hear_event("suzhou", event), "AllianceHeard") << event.ShortDebugString();
    EXPECT_EQ(case_of(league, "suzhou", offered.id).offered_to(), "wuxi");
    EXPECT_EQ(handover_in(league, "suzhou", "suzhou", offered.handover).state(),
              Handover::offered);
  }
  EXPECT_EQ(league.timers(league.cities.at("suzhou")).size(), 1U) << "the case's own clock";
  league.check_replay();
}

TEST(ForgedHandover, AnOfferThatNoHonestCityMakesIsDisregarded) {
  TestLeague league(kCities);
  v1::AdmitCity silent;
  silent.set_alliance("delta");
  silent.set_city("silent");
  silent.set_founding_id(std::string(32, 'e'));
  silent.set_public_key(std::string(64, 'e'));
  silent.set_recovery_key(std::string(64, 'f'));
  ASSERT_EQ(league.send(silent), "CityAdmitted");
  v1::SuspendCity suspend;
  suspend.set_alliance("delta");
  suspend.set_city("shanghai");
  ASSERT_EQ(league.send(suspend), "CitySuspended");
  const auto say = [&](const std::string& from_city, const std::string& to_city) {
    return league.say_event("suzhou", offered_as("h7", from_city, to_city));
  };
  EXPECT_EQ(say("wuxi", "shanghai"), "bad_request") << "another city's case";
  EXPECT_EQ(say("suzhou", "suzhou"), "bad_request") << "to itself";
  EXPECT_EQ(say("suzhou", "silent"), "wrong_state") << "it has not joined";
  EXPECT_EQ(say("suzhou", "shanghai"), "wrong_state") << "it is suspended";
  EXPECT_EQ(say("suzhou", "wuxi"), "HandoverOffered");
  EXPECT_EQ(say("suzhou", "wuxi"), "already_exists");
}

TEST(ForgedHandover, NothingIsReferredOutForWhatWasNotOfferedOrIsGivenBack) {
  auto league = league_of_three();
  const auto ended = report_in(league, "suzhou");
  EXPECT_EQ(league.act("suzhou", on<v1::RefuteCase>(ended), kVerifier), "CaseRefuted");
  const auto returned = offer_to_wuxi(league);
  league.carry();
  ASSERT_EQ(league.act("wuxi", decline("suzhou", returned.handover), kDispatcher),
            "OfferDeclined");
  league.carry();
  const auto hear = [&](const std::string& handover, const std::string& offered_case) {
    v1::Event event;
    const auto fill = [&](auto& change) {
      change.set_handover(handover);
      change.add_cities("suzhou");
      change.add_cities("wuxi");
    };
    if (!offered_case.empty()) {
      fill(*event.mutable_handover_offered());
      event.mutable_handover_offered()->mutable_offered()->set_case_(offered_case);
      EXPECT_EQ(league.hear_event("suzhou", event), "AllianceHeard");
    }
    fill(*event.mutable_handover_taken());
    return league.hear_event("suzhou", event);
  };
  EXPECT_EQ(hear(returned.handover, ""), "AllianceHeard") << "it was declined";
  EXPECT_EQ(hear("h999999", "c999999"), "AllianceHeard") << "there is no such case";
  EXPECT_EQ(hear("h999998", ended), "AllianceHeard") << "it has ended";
  const auto open = report_in(league, "suzhou");
  EXPECT_EQ(hear("h999997", open), "AllianceHeard") << "the city never offered it";
  EXPECT_EQ(case_of(league, "suzhou", open).state(), State::reported);
  EXPECT_EQ(case_of(league, "suzhou", returned.id).state(), State::reported);
  EXPECT_EQ(case_of(league, "suzhou", ended).state(), State::refuted);
}

TEST(ForgedHandover, AnEventThatNamesNoCitiesStopsTheFoldNotTheProcess) {
  for (const int cities : {0, 1, 3}) {
    std::vector<v1::Event> events(4);
    const auto fill = [cities](auto& event) {
      for (int i = 0; i < cities; ++i) event.add_cities("suzhou");
    };
    fill(*events[0].mutable_handover_offered());
    fill(*events[1].mutable_handover_taken());
    fill(*events[2].mutable_handover_returned());
    fill(*events[3].mutable_handover_moved());
    for (const auto& event : events) {
      MapRows rows;
      const auto evolved = evolve_event_of_ledger(rows, event, {1, kStart, {}});
      ASSERT_FALSE(evolved) << event.ShortDebugString();
      EXPECT_EQ(evolved.error().code, Errc::kInternal);
    }
  }
}

TEST(ForgedHandover, AnAnswerToWhatWasNeverOfferedStopsTheFold) {
  MapRows rows;
  v1::Event event;
  event.mutable_offer_declined()->set_alliance("delta");
  const auto evolved = evolve(rows, event, {1, kStart, {}});
  ASSERT_FALSE(evolved);
  EXPECT_EQ(evolved.error().code, Errc::kInternal);
}

}  // namespace
}  // namespace hansa
