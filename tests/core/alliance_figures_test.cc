// Goal: an alliance takes its members' figures as they come, once, publishes its own with what it
// is made of, and raises a finding exactly where one does not follow.
// Method: the three tables of core/alliance/README.md walked cell by cell; whole years of equal
// days; figures of a form that no city sends.
#include "core/alliance/figures.h"

#include "core/alliance/share.h"
#include "core/base/day.h"
#include "core/city/figures.h"
#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

using Standing = v1::FigureStanding;

v1::Event act_joined() {
  v1::Event event;
  event.mutable_alliance_joined()->set_alliance("delta");
  return event;
}

v1::Event act_published(const std::string& publication = "m7") {
  v1::Event event;
  auto& published = *event.mutable_metric_published();
  published.set_alliance("delta");
  published.set_publication(publication);
  auto& figure = *published.mutable_figure();
  figure.set_metric("on_time_rate@1");
  figure.set_scope("city");
  figure.set_from_day("2024-01-01");
  figure.set_to_day("2024-01-31");
  figure.mutable_total()->set_sample(9);
  figure.mutable_total()->set_met(3);
  figure.mutable_total()->mutable_value()->set_numerator("1");
  figure.mutable_total()->mutable_value()->set_denominator("3");
  figure.set_claim(Standing::proved);
  auto& source = *figure.add_sources();
  source.set_ledger("share/delta/wuxi");
  source.set_city_seq(6);
  return event;
}

class FiguresAlliance : public TestAlliance {
 public:
  std::string say(const std::string& city, const std::vector<v1::Event>& acts) {
    v1::TakeShared command;
    command.set_city(city);
    for (const auto& act : acts) *command.add_acts()->mutable_event() = act;
    const auto names = send(command);
    if (names != "ActDisregarded") return names;
    return last->events[0].act_disregarded().code();
  }

  static v1::ProposeAgreement proposal(bool names_air) {
    v1::ProposeAgreement command;
    command.set_alliance("delta");
    command.mutable_agreement()->set_purpose("air");
    auto& days = *command.mutable_agreement()->add_grants();
    days.set_event("AirQualityRecorded");
    days.add_fields("date");
    days.add_fields("pm25");
    auto& people = *command.mutable_agreement()->add_grants();
    people.set_event("PopulationRecorded");
    people.add_fields("people");
    people.add_fields("year");
    if (names_air) {
      auto& named = *command.mutable_agreement()->add_metrics();
      named.set_metric("air_change@1");
      named.add_scopes("city");
    }
    return command;
  }

  v1::Event act_ratified() {
    v1::Event event;
    auto& ratified = *event.mutable_agreement_ratified();
    const auto* row = rows.find(kAgreementTable, big_endian(1));
    ratified.set_version(1);
    *ratified.mutable_agreement() = row->agreement();
    ratified.set_sha256(row->sha256());
    return event;
  }

  // A member that shares, with version 1 in force.
  void bring_sharing(const std::string& city, char digit, bool names_air = true) {
    ASSERT_EQ(send(admission(city, digit)), "CityAdmitted");
    if (rows.find(kAgreementTable, big_endian(1)) == nullptr) {
      ASSERT_EQ(send(proposal(names_air)), "AgreementProposed");
    }
    ASSERT_TRUE(say(city, {act_joined(), act_ratified()}).starts_with("CityJoined + CityRat"));
  }

  void share_year(const std::string& city, int year, const std::string& pm25) {
    const int32_t first = *parse_day(std::to_string(year) + "-01-01", "");
    const int32_t end = *parse_day(std::to_string(year + 1) + "-01-01", "");
    for (int32_t from = first; from < end; from += 100) {
      std::vector<v1::Event> acts;
      for (int32_t day = from; day < std::min(end, from + 100); ++day) {
        auto& air = *acts.emplace_back().mutable_air_quality_recorded();
        air.set_date(day_text(day));
        air.set_pm25(pm25);
      }
      ASSERT_FALSE(say(city, acts).empty());
    }
    auto& reached = rows.put(kInputTable, "share/delta/" + city);
    reached.set_seq(40);
    reached.set_source_seq(700);
    reached.set_sha256(std::string(32, 'h'));
  }
  void share_people(const std::string& city, uint64_t people) {
    v1::Event event;
    event.mutable_population_recorded()->set_people(people);
    event.mutable_population_recorded()->set_year(2010);
    ASSERT_EQ(say(city, {event}), "MemberPopulationRecorded");
  }

  const v1::FigureRecord* record(const std::string& city, const std::string& publication) {
    return rows.find(kFigureRecordTable, figure_key(city, publication));
  }
};

v1::PublishAllianceMetric own_figure(uint32_t year) {
  v1::PublishAllianceMetric command;
  command.set_alliance("delta");
  command.set_metric("air_change@1");
  command.set_year(year);
  return command;
}

v1::JudgeFigure judgement(const std::string& city, const std::string& publication,
                          Standing::Value standing) {
  v1::JudgeFigure command;
  auto& judged = *command.mutable_judged();
  judged.set_city(city);
  judged.set_publication(publication);
  judged.set_standing(standing);
  auto& source = *judged.add_sources();
  source.set_ledger("share/delta/wuxi");
  source.set_size(12);
  source.set_root_sha256(hex_of('a', 64));
  source.set_tip_sha256(hex_of('b', 64));
  if (standing == Standing::does_not_follow) judged.set_difference("the whole is other");
  return command;
}

// ---- the tables

void lead_to(FiguresAlliance& alliance, const std::string& standing) {
  alliance.bring_sharing("suzhou", 'b');  // so that version 1 is in force
  if (standing == "none") return;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  if (standing == "admitted") return;
  alliance.say("wuxi", {act_joined()});
  if (standing == "joined") return;
  alliance.say("wuxi", {alliance.act_ratified()});
  v1::Event left;
  left.mutable_alliance_left()->set_alliance("delta");
  if (standing == "published") alliance.say("wuxi", {act_published()});
  if (standing == "suspended") alliance.send(on_city<v1::SuspendCity>("wuxi"));
  if (standing == "expelled") alliance.send(on_city<v1::ExpelCity>("wuxi"));
  if (standing == "withdrawn") alliance.say("wuxi", {left});
}

TEST(AllianceFigureTable, WhatAMemberPublishes) {
  const auto table = read_table("core/alliance/README.md", "Word on a figure");
  ASSERT_EQ(table.size(), 2U) << "the table in core/alliance/README.md was not found";
  ASSERT_EQ(table[0].size(), 9U);
  for (size_t column = 1; column < table[0].size(); ++column) {
    FiguresAlliance alliance;
    lead_to(alliance, table[0][column]);
    EXPECT_EQ(alliance.say("wuxi", {act_published()}), table[1][column]) << table[0][column];
  }
}

std::string publish_when(const std::string& standing) {
  FiguresAlliance alliance;
  if (standing == "no agreement") return alliance.send(own_figure(2015));
  alliance.bring_sharing("wuxi", 'a', standing != "not named");
  if (standing != "no data") {
    alliance.share_year("wuxi", 2014, "40");
    alliance.share_year("wuxi", 2015, "30");
  }
  if (standing == "published") {
    EXPECT_EQ(alliance.send(own_figure(2015)), "FigurePublished");
  }
  return alliance.send(own_figure(standing == "open year" ? 2025 : 2015));
}

TEST(AllianceFigureTable, WhatTheAlliancePublishes) {
  const auto table = read_table("core/alliance/README.md", "Own figure");
  ASSERT_EQ(table.size(), 2U) << "the table in core/alliance/README.md was not found";
  ASSERT_EQ(table[0].size(), 7U);
  for (size_t column = 1; column < table[0].size(); ++column) {
    EXPECT_EQ(publish_when(table[0][column]), table[1][column]) << table[0][column];
  }
}

TEST(AllianceFigureTable, WhatItsNodeJudges) {
  const auto table = read_table("core/alliance/README.md", "Judgement");
  ASSERT_EQ(table.size(), 4U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    for (size_t column = 1; column < 4; ++column) {
      FiguresAlliance alliance;
      alliance.bring_sharing("wuxi", 'a');
      if (column > 1) {
        ASSERT_EQ(alliance.say("wuxi", {act_published()}), "FigurePublished");
      }
      if (column > 2) alliance.send(judgement("wuxi", "m7", Standing::proved));
      Standing::Value standing = Standing::unspecified;
      ASSERT_TRUE(Standing::Value_Parse(table[row][0], &standing));
      EXPECT_EQ(alliance.send(judgement("wuxi", "m7", standing)), table[row][column])
          << table[row][0] << ", " << table[0][column];
    }
  }
}

// ---- what comes of it

TEST(AllianceFigure, WhatDoesNotFollowIsAFindingWithBothDerivations) {
  FiguresAlliance alliance;
  alliance.bring_sharing("wuxi", 'a');
  alliance.say("wuxi", {act_published()});
  alliance.send(judgement("wuxi", "m7", Standing::does_not_follow));
  const auto* record = alliance.record("wuxi", "m7");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->standing(), Standing::does_not_follow);
  EXPECT_EQ(record->difference(), "the whole is other");
  EXPECT_EQ(record->sources(0).size(), 12U);
  const auto* finding = alliance.rows.find(
      kFindingTable, finding_key("f" + std::to_string(alliance.seq)));
  ASSERT_NE(finding, nullptr);
  const auto& raised = finding->raised();
  EXPECT_EQ(raised.kind(), v1::FindingKind::figure);
  ASSERT_EQ(raised.cities_size(), 1);
  EXPECT_EQ(raised.cities(0), "wuxi");
  ASSERT_EQ(raised.evidence_size(), 2);
  EXPECT_EQ(raised.evidence(0).by(), "wuxi");
  EXPECT_NE(raised.evidence(0).text().find("1/3 of 9"), std::string::npos);
  EXPECT_EQ(raised.evidence(1).by(), "");
  EXPECT_NE(raised.evidence(1).text().find("12 entries of share/delta/wuxi, root aaa"),
            std::string::npos)
      << raised.evidence(1).text();
  v1::SettleFinding settle;
  settle.set_alliance("delta");
  settle.set_finding(raised.finding());
  settle.set_reason("it was mended");
  EXPECT_EQ(alliance.send(settle), "FindingSettled");
}

TEST(AllianceFigure, FiguresThatNoCitySendsAreDisregarded) {
  FiguresAlliance alliance;
  alliance.bring_sharing("wuxi", 'a');
  const auto say = [&](const std::function<void(v1::MetricPublished&)>& change) {
    auto act = act_published();
    change(*act.mutable_metric_published());
    return alliance.say("wuxi", {act});
  };
  for (const char* name : {"", "m", "7", "mx", "m1234567890123456789", "m1 ", "x12"}) {
    EXPECT_EQ(say([&](auto& p) { p.set_publication(name); }), "bad_request") << name;
  }
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_metric("on_time_rate@9"); }),
            "unknown_metric");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_scope("alliance"); }), "bad_request");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_to_day("2024-31-01"); }), "bad_request");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->clear_sources(); }), "bad_request");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_is_suppressed(true); }), "bad_request")
      << "claimed as proved all the same";
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_claim(Standing::does_not_follow); }),
            "bad_request");
  EXPECT_EQ(say([](auto& p) {
              for (int i = 0; i < 401; ++i) p.mutable_figure()->add_cells();
            }),
            "bad_request");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->mutable_sources(0)->clear_city_seq(); }),
            "bad_request");
  const auto suppress = [](auto& p) {
    p.mutable_figure()->set_is_suppressed(true);
    p.mutable_figure()->set_claim(Standing::attested);
  };
  EXPECT_EQ(say([&](auto& p) {
              suppress(p);
              p.mutable_figure()->add_cells();
            }),
            "bad_request");
  EXPECT_EQ(alliance.say("wuxi", {act_published()}), "FigurePublished");
  EXPECT_EQ(say([](auto& p) { p.set_publication("m8"); }), "already_exists");
  EXPECT_EQ(say([](auto& p) { p.mutable_figure()->set_from_day("2024-01-02"); }),
            "already_exists")
      << "another figure by the same name";
  EXPECT_EQ(say([&](auto& p) {
              p.set_publication("m8");
              p.mutable_figure()->set_from_day("2024-01-02");
              suppress(p);
            }),
            "FigurePublished");
}

TEST(AllianceFigure, TheChangeOfTheAirNamesBothMeansAndItsSources) {
  FiguresAlliance alliance;
  for (const auto& [city, digit] : {std::pair{"suzhou", 'b'}, std::pair{"wuxi", 'a'}}) {
    alliance.bring_sharing(city, digit);
    alliance.share_year(city, 2014, "40");
  }
  alliance.share_year("suzhou", 2015, "30");
  alliance.share_year("wuxi", 2015, "20");
  alliance.share_people("suzhou", 3'000'000);
  alliance.share_people("wuxi", 1'000'000);
  ASSERT_EQ(alliance.send(own_figure(2015)), "FigurePublished");
  const auto& published = alliance.last->events[0].figure_published();
  const auto& figure = published.figure();
  EXPECT_EQ(published.city(), "");
  EXPECT_EQ(figure.claim(), Standing::proved);
  EXPECT_EQ(figure.from_day() + " " + figure.to_day(), "2015-01-01 2015-12-31");
  ASSERT_EQ(figure.cells_size(), 2);
  EXPECT_EQ(figure.cells(0).id() + " " + figure.cells(0).value().numerator() + "/" +
                figure.cells(0).value().denominator(),
            "simple -3/8");
  EXPECT_EQ(figure.cells(1).value().numerator() + "/" + figure.cells(1).value().denominator(),
            "-5/16");
  EXPECT_EQ(figure.total().value().numerator(), "-5");
  EXPECT_EQ(figure.total().sample(), 2U);
  ASSERT_EQ(figure.sources_size(), 2);
  EXPECT_EQ(figure.sources(1).ledger(), "share/delta/wuxi");
  EXPECT_EQ(figure.sources(1).size(), 40U);
  EXPECT_EQ(figure.sources(1).city_seq(), 700U);
  ASSERT_NE(alliance.record("", published.publication()), nullptr);
}

// An alliance with all the days of 2014 and 2015 of one member.
FiguresAlliance with_two_years(const v1::ProposeAgreement& proposal) {
  FiguresAlliance alliance;
  EXPECT_EQ(alliance.send(proposal), "AgreementProposed");
  alliance.bring_sharing("wuxi", 'a');
  alliance.share_year("wuxi", 2014, "40");
  alliance.share_year("wuxi", 2015, "30");
  return alliance;
}

TEST(AllianceFigure, WhatStandsOnNoWholeEntryIsWaitedFor) {
  const std::string input = "share/delta/wuxi";
  auto alliance = with_two_years(FiguresAlliance::proposal(true));
  const v1::InputReached whole = *alliance.rows.find(kInputTable, input);
  alliance.rows.put(kInputTable, input).set_begun(3);
  EXPECT_EQ(alliance.send(own_figure(2015)), "not_yet") << "taken in part";
  alliance.rows.put(kInputTable, input) = whole;
  alliance.rows.put(kInputTable, input).clear_seq();
  EXPECT_EQ(alliance.send(own_figure(2015)), "not_yet") << "nothing is taken yet";
  alliance.rows.erase(kInputTable, input);
  EXPECT_EQ(alliance.send(own_figure(2015)), "not_yet") << "nothing is known of it";
  alliance.rows.put(kInputTable, input) = whole;
  alliance.rows.put(kInputTable, input).set_sha256("half a hash");
  EXPECT_EQ(alliance.send(own_figure(2015)), "internal");
  alliance.rows.put(kInputTable, input) = whole;
  EXPECT_EQ(alliance.send(own_figure(2015)), "FigurePublished");
}

TEST(AllianceFigure, IsProvedOnlyWhereMembersGrantAllThatItIsMadeOf) {
  struct Case {
    const char* what;
    std::function<void(v1::Agreement&)> change;
    Standing::Value claim;
  };
  for (const auto& [what, change, claim] : {
           Case{"all", [](auto&) {}, Standing::proved},
           Case{"no air", [](auto& a) { a.mutable_grants()->DeleteSubrange(0, 1); },
                Standing::attested},
           Case{"no people", [](auto& a) { a.mutable_grants()->DeleteSubrange(1, 1); },
                Standing::attested},
           Case{"no value", [](auto& a) { a.mutable_grants(0)->mutable_fields()->RemoveLast(); },
                Standing::attested},
           Case{"no year", [](auto& a) { a.mutable_grants(1)->mutable_fields()->RemoveLast(); },
                Standing::attested},
           Case{"named behind another", [](auto& a) {
                  *a.add_metrics() = a.metrics(0);
                  a.mutable_metrics(0)->set_metric("on_time_rate@1");
                }, Standing::proved}}) {
    auto proposal = FiguresAlliance::proposal(true);
    change(*proposal.mutable_agreement());
    auto alliance = with_two_years(proposal);
    ASSERT_EQ(alliance.send(own_figure(2015)), "FigurePublished") << what;
    EXPECT_EQ(alliance.last->events[0].figure_published().figure().claim(), claim) << what;
  }
  auto alliance = with_two_years(FiguresAlliance::proposal(true));
  auto& terms = *alliance.rows.put(kAgreementTable, big_endian(1)).mutable_agreement();
  terms.mutable_grants(0)->add_fields("a_field_that_was_removed_since");
  ASSERT_EQ(alliance.send(own_figure(2015)), "FigurePublished");
  EXPECT_EQ(alliance.last->state, "attested") << "a grant that this schema does not know";
}

TEST(AllianceFigure, NothingIsPublishedWhileTheAgreementIsSuspended) {
  auto alliance = with_two_years(FiguresAlliance::proposal(true));
  v1::SuspendAgreement suspend;
  suspend.set_alliance("delta");
  suspend.set_version(1);
  ASSERT_EQ(alliance.send(suspend), "AgreementSuspended");
  EXPECT_EQ(alliance.send(own_figure(2015)), "wrong_state");
}

TEST(AllianceFigure, AFindingOnTheAlliancesOwnNamesNoCityAndAllSources) {
  auto alliance = with_two_years(FiguresAlliance::proposal(true));
  ASSERT_EQ(alliance.send(own_figure(2015)), "FigurePublished");
  const auto publication = alliance.last->subject_id;
  EXPECT_EQ(alliance.send(judgement("", "m9999", Standing::does_not_follow)), "wrong_state");
  EXPECT_NE(alliance.last.error().detail.find("of the alliance"), std::string::npos);
  auto command = judgement("", publication, Standing::does_not_follow);
  auto& second = *command.mutable_judged()->add_sources();
  second.set_ledger("share/delta/suzhou");
  second.set_size(3);
  ASSERT_EQ(alliance.send(command), "FigureJudged + FindingRaised");
  const auto& raised = alliance.last->events[1].finding_raised();
  EXPECT_TRUE(raised.cities().empty());
  EXPECT_EQ(raised.ledger(), "share/delta/wuxi");
  EXPECT_NE(raised.evidence(1).text().find("; 3 entries of share/delta/suzhou, root"),
            std::string::npos)
      << raised.evidence(1).text();
}

TEST(AllianceFigure, AFindingSaysNoMoreThanWasPublishedAndRead) {
  FiguresAlliance alliance;
  alliance.bring_sharing("wuxi", 'a');
  auto act = act_published();
  act.mutable_metric_published()->mutable_figure()->mutable_total()->clear_value();
  ASSERT_EQ(alliance.say("wuxi", {act}), "FigurePublished");
  auto command = judgement("wuxi", "m7", Standing::does_not_follow);
  command.mutable_judged()->clear_sources();
  ASSERT_EQ(alliance.send(command), "FigureJudged + FindingRaised");
  const auto& raised = alliance.last->events[1].finding_raised();
  EXPECT_EQ(raised.ledger(), "");
  EXPECT_EQ(raised.evidence(0).ledger(), "");
  EXPECT_TRUE(raised.evidence(0).text().ends_with("2024-01-01 to 2024-01-31"))
      << raised.evidence(0).text();
}

TEST(AllianceFigure, ACitysOwnDefinitionIsNotTheAlliances) {
  FiguresAlliance alliance;
  alliance.bring_sharing("wuxi", 'a');
  auto command = own_figure(2015);
  command.set_metric("on_time_rate@1");
  EXPECT_EQ(alliance.send(command), "unknown_metric");
  command.set_metric("air_change@2");
  EXPECT_EQ(alliance.send(command), "unknown_metric");
}

}  // namespace
}  // namespace hansa
