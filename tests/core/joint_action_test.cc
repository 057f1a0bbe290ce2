// Goal: reconciliation finds all planted differences between two cities' accounts, and only those.
// Method: each way in which two accounts can meet or miss each other, on ledgers in memory; then
// arbitrary pairs of accounts in arbitrary order and time, some spoilt on purpose.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/core/test_league.h"

namespace hansa {
namespace {

using Kind = v1::FindingKind;

TestLeague launched_league(const std::vector<std::string>& cities = {"shanghai", "suzhou",
                                                                     "wuxi"}) {
  TestLeague league(cities);
  auto proposal = campaign_proposal(static_cast<uint32_t>(cities.size()));
  EXPECT_EQ(league.send(proposal), "CampaignProposed");
  league.carry();
  for (const auto& city : cities) EXPECT_EQ(league.act(city, commitment()), "CampaignCommitted");
  league.carry();
  EXPECT_EQ(league.campaign().state(), v1::CampaignState::launched);
  return league;
}

// The newest event of the alliance's ledger, and those of its entry.
std::string newest(const TestLeague& league) {
  Decision decision;
  decision.events = league.alliance.landed.back().events;
  return event_names(decision);
}

void record(TestLeague& league, const std::string& city, const v1::RecordCampaignAction& command) {
  ASSERT_EQ(league.act(city, command), "CampaignActionRecorded");
  league.say(city);
}

TEST(JointAction, TwoEqualAccountsMatchWhicheverComesFirst) {
  for (const bool suzhou_first : {true, false}) {
    auto league = launched_league();
    record(league, suzhou_first ? "suzhou" : "wuxi",
           action("a", suzhou_first ? "wuxi" : "suzhou", "lake"));
    EXPECT_EQ(newest(league), "CityActionRecorded");
    record(league, suzhou_first ? "wuxi" : "suzhou",
           action("b", suzhou_first ? "suzhou" : "wuxi", "lake"));
    EXPECT_EQ(newest(league), "CityActionRecorded + JointActionMatched");
    EXPECT_TRUE(league.findings().empty());
    EXPECT_EQ(league.advance_to(kStart + 40 * kDay), "");
    league.check_replay();
  }
}

TEST(JointAction, ADifferenceInDayQuantityOrUnitIsFoundWithBothAccounts) {
  const std::vector<std::function<void(v1::RecordCampaignAction&)>> spoils = {
      [](auto& c) { c.set_day("2025-01-21"); }, [](auto& c) { c.set_quantity(13); },
      [](auto& c) { c.set_unit("lorries"); }};
  for (const auto& spoil : spoils) {
    auto league = launched_league();
    record(league, "wuxi", action("a", "suzhou", "lake"));
    auto other = action("b", "wuxi", "lake");
    spoil(other);
    record(league, "suzhou", other);
    EXPECT_EQ(newest(league), "CityActionRecorded + FindingRaised");
    const auto& raised = league.alliance.landed.back().events.at(1).finding_raised();
    EXPECT_EQ(raised.finding(), "f" + std::to_string(league.alliance.landed.size()));
    EXPECT_EQ(raised.kind(), Kind::differing);
    EXPECT_EQ(raised.campaign(), "k1");
    EXPECT_EQ(raised.joint_id(), "lake");
    ASSERT_EQ(raised.cities_size(), 2);
    ASSERT_EQ(raised.accounts_size(), 2);
    EXPECT_EQ(raised.cities(0), "suzhou");
    EXPECT_EQ(raised.accounts(0).city(), "suzhou");
    EXPECT_EQ(raised.accounts(0).recorded().day(), other.day());
    EXPECT_EQ(raised.accounts(1).recorded().quantity(), 12U);
  }
}

TEST(JointAction, OtherTitlesAndNamesAreNoDifference) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  auto other = action("another-name", "wuxi", "lake");
  other.set_title("The lake, from the other side");
  record(league, "suzhou", other);
  EXPECT_EQ(newest(league), "CityActionRecorded + JointActionMatched");
}

TEST(JointAction, AloneForFourteenDaysItIsAnOrphanAndNotBefore) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  EXPECT_EQ(league.advance_to(kStart + 14 * kDay - 1), "");
  EXPECT_EQ(league.advance_to(kStart + 14 * kDay), "FindingRaised");
  const auto findings = league.findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].raised().kind(), Kind::orphan);
  EXPECT_EQ(findings[0].raised().cities_size(), 2) << "the silent one is concerned too";
  EXPECT_EQ(findings[0].raised().accounts_size(), 1);
  EXPECT_EQ(league.campaign().numbers().orphans(), 1U);
  league.carry();
  EXPECT_NE(find_heard_finding(league.cities.at("suzhou").rows, "delta",
                               findings[0].raised().finding()),
            nullptr);
  league.check_replay();
}

TEST(JointAction, TheOtherAccountMayComeLate) {
  for (const bool equal : {true, false}) {
    auto league = launched_league();
    record(league, "wuxi", action("a", "suzhou", "lake"));
    ASSERT_EQ(league.advance_to(kStart + 20 * kDay), "FindingRaised");
    record(league, "suzhou", action("b", "wuxi", "lake", equal ? 12 : 11));
    EXPECT_EQ(newest(league), std::string("CityActionRecorded + FindingSettled + ") +
                                  (equal ? "JointActionMatched" : "FindingRaised"));
    const auto findings = league.findings();
    ASSERT_EQ(findings.size(), equal ? 1U : 2U);
    EXPECT_EQ(findings[0].state(), v1::FindingState::settled);
    EXPECT_FALSE(findings[0].reason().empty());
    EXPECT_EQ(league.campaign().numbers().findings_open(), equal ? 0U : 1U);
    EXPECT_EQ(league.campaign().numbers().orphans(), 0U);
    league.carry();
    league.check_replay();
  }
}

TEST(JointAction, AnOrphanThatTheSecretariatSettledIsNotSettledAgain) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  ASSERT_EQ(league.advance_to(kStart + 20 * kDay), "FindingRaised");
  ASSERT_EQ(league.send(settlement(league.findings()[0].raised().finding())), "FindingSettled");
  record(league, "suzhou", action("b", "wuxi", "lake"));
  EXPECT_EQ(newest(league), "CityActionRecorded + JointActionMatched");
}

TEST(JointAction, OnlyAccountsThatNameEachOtherArePaired) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  record(league, "suzhou", action("b", "shanghai", "lake"));
  record(league, "shanghai", action("c", "wuxi", "lake"));
  EXPECT_TRUE(league.findings().empty());
  EXPECT_EQ(league.campaign().numbers().orphans(), 3U);
  EXPECT_EQ(league.advance_to(kStart + 14 * kDay), "FindingRaised FindingRaised FindingRaised");
}

TEST(JointAction, AThirdAccountIsNotFolded) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  record(league, "suzhou", action("b", "wuxi", "lake"));
  v1::Event third = league.alliance.landed.back().events.at(0);
  third.mutable_city_action_recorded()->mutable_recorded()->set_action("c");
  const auto evolved = evolve_event_of_ledger(league.alliance.rows, third, {99, kStart, {}});
  ASSERT_FALSE(evolved);
  EXPECT_EQ(evolved.error().code, Errc::kInternal);
}

TEST(JointAction, OfACampaignThatWasClosedIsStillFoundAlone) {
  auto league = launched_league();
  record(league, "wuxi", action("a", "suzhou", "lake"));
  ASSERT_EQ(league.send(closing()), "CampaignClosed");
  EXPECT_EQ(league.advance_to(kStart + 14 * kDay), "FindingRaised");
}

TEST(Action, AFormThatIsWrongIsRefusedByTheCityAndByTheAlliance) {
  struct Wrong {
    std::string code;
    std::string pointer;
    std::function<void(v1::RecordCampaignAction&)> spoil;
  };
  const std::vector<Wrong> all = {
      {"bad_request", "/day", [](auto& c) { c.set_day("2025-02-30"); }},
      {"bad_request", "/day", [](auto& c) { c.set_day("12 March"); }},
      {"bad_request", "/joint_id", [](auto& c) { c.set_partner("suzhou"); }},
      {"bad_request", "/partner", [](auto& c) { c.set_joint_id("lake"); }},
      {"bad_request", "/unit", [](auto& c) { c.clear_unit(); }},
      {"bad_request", "/unit", [](auto& c) { c.set_unit("Tonnes!"); }},
      {"bad_request", "/action", [](auto& c) { c.set_action("North bank"); }},
      {"bad_request", "/title", [](auto& c) { c.clear_title(); }},
      {"text_too_long", "/title", [](auto& c) { c.set_title(std::string(201, 'x')); }},
      {"bad_request", "/partner", [](auto& c) {
         c.set_partner("wuxi");
         c.set_joint_id("lake");
       }},
      {"bad_request", "/joint_id", [](auto& c) {
         c.set_partner("suzhou");
         c.set_joint_id(std::string("la\0ke", 5));
       }},
  };
  auto league = launched_league();
  for (const auto& [code, pointer, spoil] : all) {
    auto command = action("a");
    spoil(command);
    EXPECT_EQ(league.act("wuxi", command), code) << pointer;
    EXPECT_EQ(league.last.error().pointer, pointer);
    v1::Event event;
    auto& recorded = *event.mutable_campaign_action_recorded();
    recorded.set_campaign("k1");
    auto& said = *recorded.mutable_recorded();
    said.set_action(command.action());
    said.set_title(command.title());
    said.set_day(command.day());
    said.set_partner(command.partner());
    said.set_joint_id(command.joint_id());
    said.set_quantity(command.quantity());
    said.set_unit(command.unit());
    EXPECT_EQ(league.say_event("wuxi", event), code) << pointer;
  }
  auto bare = action("a");
  bare.clear_quantity();
  bare.clear_unit();
  EXPECT_EQ(league.act("wuxi", bare), "CampaignActionRecorded");
}

v1::Event said(const std::string& name, const std::string& partner, const std::string& joint_id) {
  v1::Event event;
  auto& recorded = *event.mutable_campaign_action_recorded();
  recorded.set_campaign("k1");
  recorded.mutable_recorded()->set_action(name);
  recorded.mutable_recorded()->set_title("North bank");
  recorded.mutable_recorded()->set_day("2025-01-20");
  recorded.mutable_recorded()->set_partner(partner);
  recorded.mutable_recorded()->set_joint_id(joint_id);
  return event;
}

TEST(Action, IsRecordedOnceByItsNameAndBySide) {
  auto league = launched_league();
  ASSERT_EQ(league.act("wuxi", action("a", "suzhou", "lake")), "CampaignActionRecorded");
  EXPECT_EQ(league.act("wuxi", action("a")), "already_exists");
  EXPECT_EQ(league.act("wuxi", action("b", "suzhou", "lake")), "already_exists");
  EXPECT_EQ(league.act("wuxi", action("b", "shanghai", "lake")), "CampaignActionRecorded");
  league.carry();
  EXPECT_EQ(league.say_event("wuxi", said("a", "", "")), "already_exists");
  EXPECT_EQ(league.say_event("wuxi", said("c", "suzhou", "lake")), "already_exists");
  ASSERT_EQ(league.act("suzhou", action("a", "wuxi", "lake")), "CampaignActionRecorded");
  league.carry();
  EXPECT_EQ(league.say_event("suzhou", said("c", "wuxi", "lake")), "already_exists");
}

TEST(Action, OfACityThatDeclinedOrSaidNothingHasNoEffect) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(1)), "CampaignProposed");
  league.carry();
  ASSERT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  ASSERT_EQ(league.act("suzhou", refusal()), "CampaignDeclined");
  league.carry();
  EXPECT_EQ(league.say_event("suzhou", said("a", "", "")), "wrong_state");
  EXPECT_EQ(league.say_event("shanghai", said("a", "", "")), "wrong_state");
  EXPECT_EQ(league.say_event("wuxi", said("a", "", "")), "CityActionRecorded");
  EXPECT_EQ(league.campaign().numbers().actions(), 1U);
}

TEST(Action, HasALimitOnBothSides) {
  auto league = launched_league({"suzhou", "wuxi"});
  for (int i = 0; i < kCampaignActionsMax; ++i) {
    ASSERT_EQ(league.act("wuxi", action("a-" + std::to_string(i))), "CampaignActionRecorded");
  }
  EXPECT_EQ(league.act("wuxi", action("one-more")), "limit_reached");
  league.carry();
  EXPECT_EQ(league.say_event("wuxi", said("one-more", "", "")), "limit_reached");
}

// ---- the property

enum Plan { kEqual, kOtherDay, kOtherQuantity, kOtherUnit, kFirstAlone, kSecondAlone, kPlans };

struct Account {
  int64_t time_us = 0;
  std::string city;
  v1::RecordCampaignAction command;
};

struct Planted {
  Plan plan = kEqual;
  std::string joint_id;
};

// Two accounts of one joint action, spoilt as planned, each at a time of its own.
void plant(const Planted& planted, const std::string& first, const std::string& second,
           std::vector<Account>& accounts) {
  const auto time = [] { return kStart + *rc::gen::inRange<int64_t>(1, 30 * kDay); };
  const auto quantity = *rc::gen::inRange<uint64_t>(1, 5);
  auto one = action("a-" + planted.joint_id, second, planted.joint_id, quantity);
  auto two = action("b-" + planted.joint_id, first, planted.joint_id, quantity);
  if (planted.plan == kOtherDay) two.set_day("2025-01-19");
  if (planted.plan == kOtherQuantity) two.set_quantity(quantity + 1);
  if (planted.plan == kOtherUnit) two.set_unit("lorries");
  if (planted.plan != kSecondAlone) accounts.push_back({time(), first, one});
  if (planted.plan != kFirstAlone) accounts.push_back({time(), second, two});
}

void check_numbers(TestLeague& league, const std::vector<Planted>& all, size_t accounts) {
  const auto count = [&](std::initializer_list<Plan> plans) {
    uint64_t found = 0;
    for (const auto& one : all) {
      found += std::find(plans.begin(), plans.end(), one.plan) != plans.end();
    }
    return found;
  };
  const auto& numbers = league.campaign().numbers();
  const uint64_t alone = count({kFirstAlone, kSecondAlone});
  const uint64_t differing = count({kOtherDay, kOtherQuantity, kOtherUnit});
  RC_ASSERT(numbers.actions() == accounts);
  RC_ASSERT(numbers.orphans() == alone);
  RC_ASSERT(numbers.differing() == differing);
  RC_ASSERT(numbers.joint_actions() == all.size() - alone);
  RC_ASSERT(numbers.findings_open() == alone + differing);
}

RC_GTEST_PROP(Reconciliation, FindsAllAndOnlyThePlantedDifferences, ()) {
  const std::vector<std::string> cities = {"nantong", "shanghai", "suzhou", "wuxi"};
  auto league = launched_league(cities);
  std::vector<Planted> all;
  std::vector<Account> accounts;
  const int pairs = *rc::gen::inRange(0, 12);
  for (int i = 0; i < pairs; ++i) {
    all.push_back({static_cast<Plan>(*rc::gen::inRange<int>(0, kPlans)), "j" + std::to_string(i)});
    const size_t first = *rc::gen::inRange<size_t>(0, 4);
    const size_t second = (first + *rc::gen::inRange<size_t>(1, 4)) % 4;
    plant(all.back(), cities[first], cities[second], accounts);
  }
  std::sort(accounts.begin(), accounts.end(),
            [](const auto& a, const auto& b) { return a.time_us < b.time_us; });
  for (const auto& account : accounts) {
    league.advance_to(account.time_us);
    RC_ASSERT(league.act(account.city, account.command) == "CampaignActionRecorded");
    if (*rc::gen::arbitrary<bool>()) league.carry();
  }
  league.carry();
  league.advance_to(kStart + 60 * kDay);
  league.carry();

  std::map<std::string, int> expected;
  for (const auto& [plan, joint_id] : all) {
    if (plan != kEqual) expected[joint_id] = plan < kFirstAlone ? Kind::differing : Kind::orphan;
  }
  std::map<std::string, int> open;
  for (const auto& finding : league.findings()) {
    if (finding.state() == v1::FindingState::settled) continue;
    RC_ASSERT(open.emplace(finding.raised().joint_id(), finding.raised().kind()).second);
  }
  RC_ASSERT(open == expected);
  check_numbers(league, all, accounts.size());
  RC_ASSERT(league.timers().empty());
  league.check_replay();
}

}  // namespace
}  // namespace hansa
