// Goal: an alliance's clocks run exactly as long as they are needed, and an agreement ends when its
// validity does.
// Method: agreements with and without an end take effect, are superseded, suspended and revoked;
// tests/core/test_league.h compares the timers with the rows after every entry.
#include "core/alliance/agreement.h"
#include "core/alliance/clocks.h"
#include "tests/core/test_league.h"

namespace hansa {
namespace {

using AgreementState = v1::AgreementState;

// Version `version`, valid for `days` (0: for ever), proposed and ratified by both cities.
void put_in_force(TestLeague& league, uint32_t version, int days) {
  v1::ProposeAgreement propose;
  propose.set_alliance("delta");
  auto& agreement = *propose.mutable_agreement();
  agreement.set_purpose("cleaner borders");
  agreement.add_grants()->set_event("CaseClosed");
  agreement.mutable_grants(0)->add_fields("case");
  if (days != 0) agreement.set_valid_until_time_us(kStart + days * kDay);
  ASSERT_EQ(league.send(propose), "AgreementProposed");
  league.carry();
  v1::RatifyAgreement ratify;
  ratify.set_version(version);
  ratify.set_sha256(agreement_sha256(agreement));
  for (const char* city : {"suzhou", "wuxi"}) {
    ASSERT_EQ(league.act(city, ratify), "AgreementRatified");
  }
  league.carry();
  ASSERT_EQ(league.alliance.rows.find(kAllianceTable, "")->version_in_force(), version);
}

template <typename Command>
std::string on_version(TestLeague& league, uint32_t version) {
  Command command;
  command.set_alliance("delta");
  command.set_version(version);
  return league.send(command);
}

AgreementState::Value state_of(TestLeague& league, uint32_t version) {
  return league.alliance.rows.find(kAgreementTable, big_endian(version))->state();
}

TEST(AgreementExpiry, TheVersionInForceEndsWithItsValidity) {
  TestLeague league({"suzhou", "wuxi"});
  put_in_force(league, 1, 30);
  EXPECT_EQ(league.advance_to(kStart + 30 * kDay - 1), "");
  EXPECT_EQ(league.advance_to(kStart + 30 * kDay), "AgreementExpired");
  EXPECT_EQ(state_of(league, 1), AgreementState::expired);
  EXPECT_EQ(league.alliance.rows.find(kAllianceTable, "")->version_in_force(), 0U);
  league.carry();
  const auto* heard = league.cities.at("wuxi").rows.find(kAffiliationTable, "delta");
  EXPECT_EQ(heard->version_in_force(), 0U);
  league.check_replay();
}

TEST(AgreementExpiry, AlsoWhileItIsSuspended) {
  TestLeague league({"suzhou", "wuxi"});
  put_in_force(league, 1, 30);
  ASSERT_EQ(on_version<v1::SuspendAgreement>(league, 1), "AgreementSuspended");
  EXPECT_EQ(league.advance_to(kStart + 30 * kDay), "AgreementExpired");
}

TEST(AgreementExpiry, NotOfOneThatWasRevokedSupersededOrHasNoEnd) {
  TestLeague league({"suzhou", "wuxi"});
  put_in_force(league, 1, 30);
  put_in_force(league, 2, 40);
  EXPECT_EQ(league.timers().size(), 1U) << "the first has no clock any more";
  ASSERT_EQ(on_version<v1::RevokeAgreement>(league, 2), "AgreementRevoked");
  EXPECT_TRUE(league.timers().empty());
  put_in_force(league, 3, 0);
  EXPECT_EQ(league.advance_to(kStart + 1'000 * kDay), "");
  league.check_replay();
}

TEST(Clocks, ThatDoNotRunGiveNoEvents) {
  TestLeague league({"suzhou", "wuxi"});
  put_in_force(league, 1, 30);
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  v1::TimerDue due;
  for (const char* subject : {"", "1", "2", "k1", "k2", "k1/lake/suzhou/wuxi", "///", "x"}) {
    for (int clock = v1::Clock::campaign_commitment; clock <= v1::Clock::agreement_expiry;
         ++clock) {
      due.set_subject(subject);
      due.set_clock(static_cast<v1::Clock::Value>(clock));
      due.set_due_time_us(kStart + kSecond);
      EXPECT_EQ(league.send(due), "nothing") << subject << " " << clock;
    }
  }
  due.set_clock(v1::Clock::handling);
  EXPECT_EQ(league.send(due), "bad_request");
}

TEST(Clocks, OfWhatIsOverGiveNoEvents) {
  TestLeague league({"suzhou", "wuxi"});
  v1::TimerDue due;
  due.set_clock(v1::Clock::agreement_expiry);
  due.set_subject("1");
  EXPECT_EQ(league.send(due), "nothing") << "no version is in force";
  ASSERT_EQ(league.send(campaign_proposal(1)), "CampaignProposed");
  const int64_t commit_by_us = league.campaign().commit_by_time_us();
  league.carry();
  for (const char* city : {"suzhou", "wuxi"}) {
    ASSERT_EQ(league.act(city, commitment()), "CampaignCommitted");
  }
  league.carry();
  due.set_clock(v1::Clock::campaign_commitment);
  due.set_subject("k1");
  due.set_due_time_us(commit_by_us);
  EXPECT_EQ(league.send(due), "nothing") << "it is launched";
  ASSERT_EQ(league.act("wuxi", action("a", "suzhou", "lake")), "CampaignActionRecorded");
  league.carry();
  ASSERT_EQ(league.timers().size(), 1U);
  const int64_t pair_by_us = league.timers()[0].due_time_us();
  due.set_clock(v1::Clock::joint_orphan);
  due.set_subject("k1/lake/suzhou/wuxi");
  due.set_due_time_us(pair_by_us + 1);
  EXPECT_EQ(league.send(due), "nothing") << "another time than it waits for";
  ASSERT_EQ(league.act("suzhou", action("b", "wuxi", "lake")), "CampaignActionRecorded");
  league.carry();
  for (const int64_t due_us : {pair_by_us, int64_t{0}}) {
    due.set_due_time_us(due_us);
    EXPECT_EQ(league.send(due), "nothing") << "it is matched";
  }
  EXPECT_TRUE(league.findings().empty());
}

TEST(Clocks, TheirKeysNameNoEntryAndAreTheirOwn) {
  v1::Timer timer;
  timer.set_due_time_us(5);
  timer.set_clock(v1::Clock::joint_orphan);
  timer.set_subject("k1/lake/suzhou/wuxi");
  const std::string key = timer_key(timer);
  EXPECT_EQ(key.substr(0, 8), big_endian(5));
  EXPECT_EQ(key.substr(8, 8), big_endian(0)) << "the row cache reads the entry of a case here";
  auto other = timer;
  other.set_subject("k1/lake/suzhou/wuxi-2");
  EXPECT_NE(timer_key(other), key);
  other = timer;
  other.set_clock(v1::Clock::campaign_commitment);
  EXPECT_NE(timer_key(other), key);
}

}  // namespace
}  // namespace hansa
