// Goal: a campaign runs as the tables in core/alliance/README.md say, on both sides; one word of a
// city binds; the quorum launches it at the very act that makes it, or it lapses.
// Method: the tables are read and walked cell by cell on an alliance and cities in memory
// (tests/core/test_league.h); edges of quorum and time are tried from both sides.
#include "tests/core/readme_table.h"
#include "tests/core/test_league.h"

namespace hansa {
namespace {

using State = v1::CampaignState;

constexpr const char* kReadme = "core/alliance/README.md";

// Wuxi acts; the others make the quorum of two where the standing needs a launch.
TestLeague league_in(const std::string& standing) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  if (standing == "none") return league;
  EXPECT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  league.carry();
  const bool said = !standing.ends_with("declined") && standing != "launched" &&
                    standing != "proposed";
  if (said) {
    EXPECT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  }
  if (standing.ends_with("declined")) {
    EXPECT_EQ(league.act("wuxi", refusal()), "CampaignDeclined");
  }
  league.carry();
  if (standing.starts_with("launched") || standing == "closed") {
    EXPECT_EQ(league.act("suzhou", commitment()), "CampaignCommitted");
    EXPECT_EQ(league.act("shanghai", commitment()), "CampaignCommitted");
    league.carry();
  }
  if (standing == "lapsed") {
    EXPECT_EQ(league.advance_to(kStart + 10 * kDay), "CampaignLapsed");
  }
  if (standing == "closed") {
    EXPECT_EQ(league.send(closing()), "CampaignClosed");
  }
  league.carry();
  return league;
}

v1::Event word_of(const std::string& name) {
  v1::Event event;
  if (name == "CampaignCommitted") {
    event.mutable_campaign_committed()->set_campaign("k1");
  } else if (name == "CampaignDeclined") {
    event.mutable_campaign_declined()->set_campaign("k1");
  } else if (name == "CampaignActionRecorded") {
    auto& recorded = *event.mutable_campaign_action_recorded();
    recorded.set_campaign("k1");
    recorded.mutable_recorded()->set_action("north-bank");
    recorded.mutable_recorded()->set_title("North bank");
    recorded.mutable_recorded()->set_day("2025-01-20");
  }
  return event;
}

std::string send_named(TestLeague& league, const std::string& name) {
  if (name == "CloseCampaign") return league.send(closing());
  if (name == "CommitToCampaign") return league.act("wuxi", commitment());
  if (name == "DeclineCampaign") return league.act("wuxi", refusal());
  if (name == "RecordCampaignAction") return league.act("wuxi", action("north-bank"));
  return league.say_event("wuxi", word_of(name));
}

void walk(const std::string& first, size_t rows) {
  const auto table = read_table(kReadme, first);
  ASSERT_EQ(table.size(), rows + 1) << "the table in " << kReadme << " was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      auto league = league_in(table[0][column]);
      EXPECT_EQ(send_named(league, table[row][0]), table[row][column])
          << table[row][0] << " on a campaign that is " << table[0][column];
      league.check_replay();
    }
  }
}

TEST(CampaignTable, EveryCellOfTheSecretariatIsWhatTheCodeDoes) { walk("Campaign command", 1); }

TEST(CampaignTable, EveryCellOfACityIsWhatTheCodeDoes) { walk("City command", 3); }

TEST(CampaignTable, EveryCellOfAWordIsWhatTheAllianceMakesOfIt) { walk("Word on a campaign", 3); }

TEST(Campaign, IdsCountUpAndAreKnownByTheirExactText) {
  TestLeague league({"wuxi"});
  for (int i = 1; i <= 11; ++i) {
    ASSERT_EQ(league.send(campaign_proposal()), "CampaignProposed");
    EXPECT_EQ(league.last->subject_id, "k" + std::to_string(i));
    EXPECT_EQ(league.last->state, "proposed");
  }
  league.carry();
  for (const char* other : {"k12", "k01", "k1x", "1", "c1", "k"}) {
    EXPECT_EQ(league.send(closing(other)), "unknown_campaign") << other;
    EXPECT_EQ(league.act("wuxi", commitment(other)), "unknown_campaign") << other;
  }
}

TEST(Campaign, ACityThatSaidNothingSaysNothingOnceItIsClosed) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  league.carry();
  for (const char* city : {"shanghai", "suzhou"}) {
    ASSERT_EQ(league.act(city, commitment()), "CampaignCommitted");
  }
  league.carry();
  ASSERT_EQ(league.send(closing()), "CampaignClosed");
  league.carry();
  EXPECT_EQ(league.act("wuxi", commitment()), "wrong_state") << "though in time";
  EXPECT_EQ(league.act("wuxi", refusal()), "wrong_state");
}

TEST(Campaign, OfOneThatACityNeverHeardOfNewsChangesNothingAndItsOwnWordStopsTheFold) {
  TestLeague league({"wuxi"});
  v1::Event launched;
  launched.mutable_campaign_launched()->set_campaign("k7");
  auto& rows = league.cities.at("wuxi").rows;
  EXPECT_EQ(league.hear_event("wuxi", launched), "AllianceHeard");
  EXPECT_EQ(find_heard_campaign(rows, "delta", "k7"), nullptr);
  v1::Event word;
  word.mutable_campaign_committed()->set_alliance("delta");
  word.mutable_campaign_committed()->set_campaign("k7");
  const auto evolved = evolve_event_of_ledger(rows, word, {99, kStart, {}});
  ASSERT_FALSE(evolved);
  EXPECT_EQ(evolved.error().code, Errc::kInternal);
}

TEST(Quorum, IsHalfOfTheMembersOfThatMomentRoundedUp) {
  TestLeague league({});
  const std::vector<uint32_t> expected = {1, 1, 1, 2, 2, 3};
  for (size_t members = 0; members < expected.size(); ++members) {
    ASSERT_EQ(league.send(campaign_proposal()), "CampaignProposed");
    EXPECT_EQ(league.campaign("k" + std::to_string(members + 1)).quorum(), expected[members])
        << members << " members";
    league.add_city("city-" + std::to_string(members));
    league.carry();
  }
}

TEST(Quorum, ACityThatHasNotJoinedIsNoMemberButMayBeAskedFor) {
  TestLeague league({"suzhou", "wuxi"});
  league.add_city("nantong");
  ASSERT_EQ(league.send(campaign_proposal()), "CampaignProposed");
  EXPECT_EQ(league.campaign("k1").quorum(), 1U);
  EXPECT_EQ(league.send(campaign_proposal(3)), "CampaignProposed");
  EXPECT_EQ(league.send(campaign_proposal(4)), "bad_request");
  EXPECT_EQ(league.last.error().pointer, "/quorum");
}

TEST(Quorum, TheSuspendedMayBeAskedForButNotTheExpelled) {
  TestLeague league({"jiaxing", "shanghai", "suzhou", "wuxi"});
  v1::SuspendCity suspend;
  suspend.set_alliance("delta");
  for (const char* city : {"shanghai", "suzhou"}) {
    suspend.set_city(city);
    ASSERT_EQ(league.send(suspend), "CitySuspended");
  }
  v1::ExpelCity expel;
  expel.set_alliance("delta");
  expel.set_city("wuxi");
  ASSERT_EQ(league.send(expel), "CityExpelled");
  EXPECT_EQ(league.send(campaign_proposal(4)), "bad_request");
  EXPECT_EQ(league.send(campaign_proposal(3)), "CampaignProposed");
}

TEST(Quorum, LaunchesAtTheActThatMakesItInTheSameEntry) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  EXPECT_EQ(league.say_event("wuxi", word_of("CampaignCommitted")), "CityCommitted");
  EXPECT_EQ(league.say_event("shanghai", word_of("CampaignDeclined")), "CityDeclined");
  EXPECT_EQ(league.campaign().state(), State::proposed);
  EXPECT_EQ(league.say_event("suzhou", word_of("CampaignCommitted")),
            "CityCommitted + CampaignLaunched");
  EXPECT_EQ(league.last->events.at(1).campaign_launched().cities(), 2U);
  EXPECT_EQ(league.campaign().numbers().cities_committed(), 2U);
  EXPECT_EQ(league.campaign().numbers().cities_declined(), 1U);
  EXPECT_TRUE(league.timers().empty()) << "a launched campaign cannot lapse";
}

TEST(Quorum, DoesNotCountACityThatLeft) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  ASSERT_EQ(league.say_event("wuxi", word_of("CampaignCommitted")), "CityCommitted");
  v1::Event left;
  left.mutable_alliance_left()->set_alliance("delta");
  ASSERT_EQ(league.say_event("wuxi", left), "CityWithdrew");
  EXPECT_EQ(league.say_event("suzhou", word_of("CampaignCommitted")), "CityCommitted");
  EXPECT_EQ(league.say_event("wuxi", word_of("CampaignCommitted")), "wrong_state");
  EXPECT_EQ(league.say_event("shanghai", word_of("CampaignCommitted")),
            "CityCommitted + CampaignLaunched");
}

TEST(CommitBy, WithoutAQuorumTheCampaignLapsesAtThatMomentAndNotBefore) {
  TestLeague league({"suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  league.carry();
  ASSERT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  league.carry();
  EXPECT_EQ(league.advance_to(kStart + 10 * kDay - 1), "");
  EXPECT_EQ(league.advance_to(kStart + 10 * kDay), "CampaignLapsed");
  EXPECT_EQ(league.campaign().state(), State::lapsed);
  EXPECT_EQ(league.act("suzhou", commitment()), "wrong_state")
      << "the city has not heard of it, but its own clock says so";
  league.carry();
  league.check_replay();
}

TEST(CommitBy, IsReadFromTheLedgerInWhichTheWordWasSaid) {
  TestLeague league({"nantong", "shanghai", "suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  league.carry();
  ASSERT_EQ(league.act("nantong", commitment()), "CampaignCommitted");
  ASSERT_EQ(league.act("suzhou", commitment()), "CampaignCommitted");
  league.carry();
  ASSERT_EQ(league.campaign().state(), State::launched);
  league.now_us = kStart + 10 * kDay - 1;
  EXPECT_EQ(league.act("wuxi", commitment()), "CampaignCommitted") << "launched, but in time";
  league.now_us = kStart + 10 * kDay;
  EXPECT_EQ(league.act("shanghai", commitment()), "wrong_state") << "too late";
  EXPECT_EQ(league.say_event("shanghai", word_of("CampaignCommitted")), "wrong_state");
  league.now_us = kStart + 11 * kDay;
  league.carry();
  EXPECT_EQ(league.campaign().numbers().cities_committed(), 3U) << "a slow way takes no word away";
}

TEST(CommitBy, AWordThatComesAfterTheLapseHasNoEffect) {
  TestLeague league({"suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(1)), "CampaignProposed");
  league.carry();
  ASSERT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  EXPECT_EQ(league.advance_to(kStart + 10 * kDay), "CampaignLapsed");
  league.carry();
  EXPECT_EQ(league.campaign().state(), State::lapsed);
  EXPECT_EQ(league.campaign().numbers().cities_committed(), 0U);
  EXPECT_EQ(league.alliance.rows.find(kMemberTable, "wuxi")->acts_disregarded(), 1U);
  const auto* heard = find_heard_campaign(league.cities.at("wuxi").rows, "delta", "k1");
  ASSERT_NE(heard, nullptr);
  EXPECT_EQ(heard->state(), State::lapsed);
}

TEST(CommitBy, IsOverForAProposedCampaignEvenBeforeItsTimerFired) {
  TestLeague league({"suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(1)), "CampaignProposed");
  league.carry();
  ASSERT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  league.now_us = kStart + 10 * kDay;
  league.say("wuxi");
  EXPECT_EQ(league.campaign().state(), State::proposed);
  EXPECT_EQ(league.advance_to(league.now_us), "CampaignLapsed");
}

TEST(Campaign, TimesThatRunBackwardsAreRefused) {
  TestLeague league({"wuxi"});
  const auto refused = [&](const auto& spoil, const char* pointer) {
    auto command = campaign_proposal();
    spoil(command);
    EXPECT_EQ(league.send(command), "times_backwards") << pointer;
    EXPECT_EQ(league.last.error().pointer, pointer);
  };
  refused([](auto& c) { c.set_commit_by_time_us(kStart); }, "/commit_by_time_us");
  refused([](auto& c) { c.set_commit_by_time_us(kStart + 61 * kDay); }, "/commit_by_time_us");
  refused([](auto& c) { c.set_ends_time_us(c.starts_time_us()); }, "/ends_time_us");
  auto command = campaign_proposal();
  command.set_ends_time_us(INT64_MAX);
  EXPECT_EQ(league.send(command), "bad_request");
}

TEST(Campaign, AWordThatIsLongerThanTheDoorAllowsIsNotTakenFromALedgerEither) {
  TestLeague league({"suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(2)), "CampaignProposed");
  auto long_word = word_of("CampaignCommitted");
  long_word.mutable_campaign_committed()->set_contribution(std::string(501, 'x'));
  EXPECT_EQ(league.say_event("wuxi", long_word), "text_too_long");
  auto long_reason = word_of("CampaignDeclined");
  long_reason.mutable_campaign_declined()->set_reason(std::string(2'001, 'x'));
  EXPECT_EQ(league.say_event("wuxi", long_reason), "text_too_long");
}

TEST(Closing, CarriesTheNumbersAndTheReportsHash) {
  auto league = league_in("launched, committed");
  ASSERT_EQ(league.act("wuxi", action("alone")), "CampaignActionRecorded");
  ASSERT_EQ(league.act("wuxi", action("lake", "suzhou", "lake-mouth")), "CampaignActionRecorded");
  ASSERT_EQ(league.act("suzhou", action("lake", "wuxi", "lake-mouth", 10)),
            "CampaignActionRecorded");
  ASSERT_EQ(league.act("suzhou", action("weir", "wuxi", "weir")), "CampaignActionRecorded");
  league.carry();
  auto close = closing();
  close.set_report_sha256("abc");
  EXPECT_EQ(league.send(close), "bad_request");
  EXPECT_EQ(league.last.error().pointer, "/report_sha256");
  close.set_report_sha256(std::string(64, 'b'));
  ASSERT_EQ(league.send(close), "CampaignClosed");
  const auto& closed = league.last->events.at(0).campaign_closed();
  EXPECT_EQ(closed.report_sha256(), std::string(64, 'b'));
  EXPECT_EQ(closed.summary(), "done");
  const auto& numbers = closed.numbers();
  EXPECT_EQ(numbers.cities_committed(), 3U);
  EXPECT_EQ(numbers.cities_declined(), 0U);
  EXPECT_EQ(numbers.actions(), 4U);
  EXPECT_EQ(numbers.joint_actions(), 1U);
  EXPECT_EQ(numbers.differing(), 1U);
  EXPECT_EQ(numbers.orphans(), 1U);
  EXPECT_EQ(numbers.findings_open(), 1U);
  league.carry();
  EXPECT_EQ(league.act("wuxi", action("late")), "wrong_state");
  league.check_replay();
}

TEST(Campaign, ACityDecidesOnWhatItHeardAlone) {
  TestLeague league({"suzhou", "wuxi"});
  ASSERT_EQ(league.send(campaign_proposal(1)), "CampaignProposed");
  EXPECT_EQ(league.act("wuxi", commitment()), "unknown_campaign") << "not heard of yet";
  league.carry();
  ASSERT_EQ(league.act("wuxi", commitment()), "CampaignCommitted");
  EXPECT_EQ(league.act("wuxi", action("early")), "wrong_state") << "not heard of the launch yet";
  league.carry();
  EXPECT_EQ(league.act("wuxi", action("early")), "CampaignActionRecorded");
  v1::LeaveAlliance leave;
  leave.set_reason("the council has decided so");
  ASSERT_EQ(league.act("wuxi", leave), "AllianceLeft");
  EXPECT_EQ(league.act("wuxi", action("later")), "unknown_alliance");
}

// The share ledger of a city, made of all its entries.
MapRows share_of(TestLedger& city, const std::string& name) {
  v1::RelayEntries relay;
  relay.set_alliance("delta");
  relay.set_city(name);
  for (const auto& landed : city.landed) {
    auto& source = *relay.add_entries();
    source.set_seq(landed.entry.seq);
    source.mutable_payload()->set_time_us(landed.entry.time_us);
    for (const auto& event : landed.events) *source.mutable_payload()->add_events() = event;
  }
  relay.set_newest_seq(city.landed.size());
  *relay.mutable_newest() = *city.rows.find(kAffiliationTable, "delta");
  MapRows share;
  const auto shared = decide_command(kShareKind, share, relay, {kAdmin, {}, kStart, 1});
  EXPECT_EQ(outcome(shared), "EntriesShared");
  if (!shared) return share;
  EXPECT_EQ(shared->events[0].entries_shared().to_seq(), city.landed.size());
  EXPECT_TRUE(evolve_event_of_ledger(share, shared->events[0], {1, kStart, {}}));
  return share;
}

TEST(ShareLedger, CarriesACitysWordsAndFoldsThemIntoTheSameRows) {
  auto league = league_in("launched, committed");
  ASSERT_EQ(league.act("wuxi", action("lake", "suzhou", "lake")), "CampaignActionRecorded");
  ASSERT_EQ(league.act("suzhou", action("lake", "wuxi", "lake", 11)), "CampaignActionRecorded");
  league.carry();
  ASSERT_EQ(league.findings().size(), 1U);
  v1::AcknowledgeFinding acknowledge;
  acknowledge.set_finding(league.findings()[0].raised().finding());
  ASSERT_EQ(league.act("wuxi", acknowledge), "FindingAcknowledged");
  auto& wuxi = league.cities.at("wuxi");
  const auto share = share_of(wuxi, "wuxi").dump();
  size_t compared = 0;
  for (const auto& [key, row] : wuxi.rows.dump()) {
    const auto table = static_cast<TableId>(key.front());
    if (table != TableId::kHeardCampaign && table != TableId::kHeardFinding) continue;
    ASSERT_TRUE(share.contains(key));
    EXPECT_EQ(share.at(key), row);
    ++compared;
  }
  EXPECT_EQ(compared, 2U);
}

}  // namespace
}  // namespace hansa
