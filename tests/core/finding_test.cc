// Goal: a finding is heard, acknowledged and explained by the cities it concerns and by no other,
// in that order, and is settled once.
// Method: the table in core/alliance/README.md is read and walked cell by cell; then two cities and
// a third that it does not concern.
#include "tests/core/readme_table.h"
#include "tests/core/test_league.h"

namespace hansa {
namespace {

using State = v1::FindingState;

v1::AcknowledgeFinding acknowledgement(const std::string& finding) {
  v1::AcknowledgeFinding command;
  command.set_finding(finding);
  return command;
}

v1::ExplainFinding explanation(const std::string& finding) {
  v1::ExplainFinding command;
  command.set_finding(finding);
  command.set_text("we weighed the boats too");
  return command;
}

// Three cities, and `differences` joint actions of suzhou and wuxi that differ, all of them told to
// the alliance in one entry.
TestLeague differing_league(int differences) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  EXPECT_EQ(league.send(campaign_proposal(3)), "CampaignProposed");
  league.carry();
  for (const char* city : {"shanghai", "suzhou", "wuxi"}) {
    EXPECT_EQ(league.act(city, commitment()), "CampaignCommitted");
  }
  league.carry();
  for (int i = 0; i < differences; ++i) {
    const std::string joint = "lake-" + std::to_string(i);
    EXPECT_EQ(league.act("wuxi", action(joint, "suzhou", joint)), "CampaignActionRecorded");
  }
  league.carry();
  for (int i = 0; i < differences; ++i) {
    const std::string joint = "lake-" + std::to_string(i);
    EXPECT_EQ(league.act("suzhou", action(joint, "wuxi", joint, 11)), "CampaignActionRecorded");
  }
  league.carry();
  return league;
}

std::string first_finding(TestLeague& league) {
  const auto findings = league.findings();
  return findings.empty() ? "f1" : findings[0].raised().finding();
}

// Wuxi's finding, in one of the states of the table.
TestLeague league_in(const std::string& state) {
  auto league = differing_league(state == "none" ? 0 : 1);
  const auto finding = first_finding(league);
  if (state == "acknowledged" || state == "explained") {
    EXPECT_EQ(league.act("wuxi", acknowledgement(finding)), "FindingAcknowledged");
  }
  if (state == "explained") {
    EXPECT_EQ(league.act("wuxi", explanation(finding)), "FindingExplained");
  }
  league.carry();
  if (state == "settled") {
    EXPECT_EQ(league.send(settlement(finding)), "FindingSettled");
  }
  league.carry();
  return league;
}

std::string send_named(TestLeague& league, const std::string& name) {
  const auto finding = first_finding(league);
  v1::Event word;
  if (name == "AcknowledgeFinding") return league.act("wuxi", acknowledgement(finding));
  if (name == "ExplainFinding") return league.act("wuxi", explanation(finding));
  if (name == "SettleFinding") return league.send(settlement(finding));
  if (name == "FindingAcknowledged") word.mutable_finding_acknowledged()->set_finding(finding);
  if (name == "FindingExplained") word.mutable_finding_explained()->set_finding(finding);
  return league.say_event("wuxi", word);
}

TEST(FindingTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Finding command");
  ASSERT_EQ(table.size(), 6U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      auto league = league_in(table[0][column]);
      EXPECT_EQ(send_named(league, table[row][0]), table[row][column])
          << table[row][0] << " on a finding that is " << table[0][column];
      league.check_replay();
    }
  }
}

TEST(Finding, StandsAsFarAsTheCityThatIsFurthest) {
  auto league = differing_league(1);
  const auto finding = first_finding(league);
  const auto state = [&] { return find_finding(league.alliance.rows, finding)->state(); };
  EXPECT_EQ(state(), State::raised);
  ASSERT_EQ(league.act("wuxi", acknowledgement(finding)), "FindingAcknowledged");
  ASSERT_EQ(league.act("wuxi", explanation(finding)), "FindingExplained");
  league.carry();
  EXPECT_EQ(state(), State::explained);
  ASSERT_EQ(league.act("suzhou", acknowledgement(finding)), "FindingAcknowledged");
  league.carry();
  EXPECT_EQ(state(), State::explained) << "the other city's step takes nothing back";
  const auto* row = find_finding(league.alliance.rows, finding);
  ASSERT_EQ(row->words_size(), 2);
  EXPECT_EQ(row->words(0).state(), State::acknowledged);
  EXPECT_EQ(row->words(1).explanation(), "we weighed the boats too");
  EXPECT_EQ(league.campaign().numbers().findings_open(), 1U);
  ASSERT_EQ(league.send(settlement(finding)), "FindingSettled");
  league.carry();
  EXPECT_EQ(league.campaign().numbers().findings_open(), 0U);
  for (const char* city : {"suzhou", "wuxi"}) {
    const auto* heard = find_heard_finding(league.cities.at(city).rows, "delta", finding);
    ASSERT_NE(heard, nullptr);
    EXPECT_EQ(heard->state(), State::settled);
    EXPECT_EQ(heard->reason(), "both sides agree on twelve tonnes");
  }
  league.check_replay();
}

TEST(Finding, IsNoOtherCitysBusiness) {
  auto league = differing_league(1);
  const auto finding = first_finding(league);
  EXPECT_EQ(find_heard_finding(league.cities.at("shanghai").rows, "delta", finding), nullptr);
  EXPECT_EQ(league.act("shanghai", acknowledgement(finding)), "unknown_finding");
  v1::Event word;
  word.mutable_finding_acknowledged()->set_finding(finding);
  EXPECT_EQ(league.say_event("shanghai", word), "unknown_finding");
  word.mutable_finding_explained()->set_finding(finding);
  EXPECT_EQ(league.say_event("shanghai", word), "unknown_finding");
}

TEST(Finding, SeveralOfOneEntryHaveIdsOfTheirOwn) {
  auto league = differing_league(3);
  const auto findings = league.findings();
  ASSERT_EQ(findings.size(), 3U);
  const auto first = findings[0].raised().finding();
  EXPECT_EQ(findings[1].raised().finding(), first + "-1");
  EXPECT_EQ(findings[2].raised().finding(), first + "-2");
  EXPECT_EQ(league.send(settlement(first + "-1")), "FindingSettled");
  EXPECT_EQ(league.send(settlement(first + "-3")), "unknown_finding");
  EXPECT_EQ(league.send(settlement(first + "-1x")), "unknown_finding");
  EXPECT_EQ(find_finding(league.alliance.rows, first)->state(), State::raised);
}

TEST(Finding, AnExplanationLongerThanTheDoorAllowsIsNotTakenFromALedgerEither) {
  auto league = differing_league(1);
  const auto finding = first_finding(league);
  v1::Event word;
  word.mutable_finding_acknowledged()->set_finding(finding);
  ASSERT_EQ(league.say_event("wuxi", word), "CityAcknowledgedFinding");
  word.mutable_finding_explained()->set_finding(finding);
  word.mutable_finding_explained()->set_text(std::string(2'001, 'x'));
  EXPECT_EQ(league.say_event("wuxi", word), "text_too_long");
}

TEST(Heard, WhatNamesACityOrSeveralIsHeardByThoseOnly) {
  auto league = differing_league(1);
  const auto count = [&](const std::string& city, v1::AllianceHeard::ChangeCase change) {
    int found = 0;
    for (const auto& landed : league.cities.at(city).landed) {
      for (const auto& event : landed.events) {
        found += event.has_alliance_heard() && event.alliance_heard().change_case() == change;
      }
    }
    return found;
  };
  for (const char* city : {"shanghai", "suzhou", "wuxi"}) {
    EXPECT_EQ(count(city, v1::AllianceHeard::kCampaignProposed), 1) << city;
    EXPECT_EQ(count(city, v1::AllianceHeard::kCampaignLaunched), 1) << city;
    EXPECT_EQ(count(city, v1::AllianceHeard::kCityJoined), 1) << city;
    EXPECT_EQ(count(city, v1::AllianceHeard::kFindingRaised), city == std::string("shanghai")
                                                                  ? 0
                                                                  : 1)
        << city;
  }
}

TEST(Finding, IsKnownToACityByItsExactTextAndOnlyIfItHeardOfIt) {
  auto league = differing_league(1);
  const auto finding = first_finding(league);
  for (const auto& other : {finding + "x", "f0" + finding.substr(1), std::string("f999")}) {
    EXPECT_EQ(league.act("wuxi", acknowledgement(other)), "unknown_finding") << other;
  }
  auto& rows = league.cities.at("shanghai").rows;
  v1::Event settled;
  settled.mutable_finding_settled()->set_finding(finding);
  settled.mutable_finding_settled()->add_cities("shanghai");
  EXPECT_EQ(league.hear_event("shanghai", settled), "AllianceHeard");
  EXPECT_EQ(find_heard_finding(rows, "delta", finding), nullptr) << "it never concerned shanghai";
  v1::Event word;
  word.mutable_finding_acknowledged()->set_alliance("delta");
  word.mutable_finding_acknowledged()->set_finding(finding);
  const auto evolved = evolve_event_of_ledger(rows, word, {99, kStart, {}});
  ASSERT_FALSE(evolved);
  EXPECT_EQ(evolved.error().code, Errc::kInternal);
}

}  // namespace
}  // namespace hansa
