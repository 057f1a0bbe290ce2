// Goal: an alliance keeps exactly what its members share of their air while they may share it,
// value by value, and its figure counts or names every member.
// Method: the table of core/alliance/README.md walked cell by cell; good and bad values in one
// entry; whole years of small numbers, reckoned by hand.
#include "core/alliance/member_air.h"

#include "core/alliance/share.h"
#include "core/base/day.h"
#include "core/base/prefixed_rows.h"
#include "core/base/schema.h"
#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

using AgreementState = v1::AgreementState;

v1::Event act_joined() {
  v1::Event event;
  event.mutable_alliance_joined()->set_alliance("delta");
  return event;
}

v1::Event act_left() {
  v1::Event event;
  event.mutable_alliance_left()->set_alliance("delta");
  return event;
}

v1::Event day(const std::string& date, const std::string& pm25) {
  v1::Event event;
  event.mutable_air_quality_recorded()->set_date(date);
  event.mutable_air_quality_recorded()->set_pm25(pm25);
  return event;
}

v1::Event people(uint64_t number, uint32_t year) {
  v1::Event event;
  event.mutable_population_recorded()->set_people(number);
  event.mutable_population_recorded()->set_year(year);
  return event;
}

v1::Agreement air_terms(const std::string& purpose) {
  v1::Agreement terms;
  terms.set_purpose(purpose);
  auto& days = *terms.add_grants();
  days.set_event("AirQualityRecorded");
  days.add_fields("date");
  days.add_fields("pm25");
  return terms;
}

class SharingAlliance : public TestAlliance {
 public:
  std::string say(const std::string& city, const std::vector<v1::Event>& acts) {
    v1::TakeShared command;
    command.set_city(city);
    for (const auto& act : acts) {
      auto& shared = *command.add_acts();
      shared.set_seq(70);
      *shared.mutable_event() = act;
    }
    return send(command);
  }
  std::string say_one(const std::string& city, const v1::Event& act) {
    const auto names = say(city, {act});
    return names == "ActDisregarded" ? last->events[0].act_disregarded().code() : names;
  }
  const v1::ActDisregarded& disregarded(int index) {
    return last->events.at(static_cast<size_t>(index)).act_disregarded();
  }

  void propose() {
    v1::ProposeAgreement command;
    command.set_alliance("delta");
    *command.mutable_agreement() = air_terms("air " + std::to_string(++versions_));
    ASSERT_EQ(send(command), "AgreementProposed");
  }
  v1::Event act_ratified(uint32_t version) {
    v1::Event event;
    auto& ratified = *event.mutable_agreement_ratified();
    ratified.set_version(version);
    const auto* row = rows.find(kAgreementTable, big_endian(version));
    *ratified.mutable_agreement() = row->agreement();
    ratified.set_sha256(row->sha256());
    return event;
  }
  // Admitted, joined, and sharing under version 1.
  void bring_sharing(const std::string& city, char digit) {
    ASSERT_EQ(send(admission(city, digit)), "CityAdmitted");
    if (versions_ == 0) propose();
    const auto names = say(city, {act_joined(), act_ratified(1)});
    ASSERT_TRUE(names.starts_with("CityJoined + CityRatified")) << names;
  }

  std::string year_of(const std::string& city, uint32_t year) {
    PrefixedView own(rows, member_prefix(city));
    const auto* row = own.find(kAirYearTable, big_endian(year));
    if (row == nullptr) return "no row";
    return std::to_string(row->days()) + " days, " + row->sum().numerator() + "/" +
           row->sum().denominator();
  }

 private:
  uint32_t versions_ = 0;
};

class MemberAir : public ::testing::Test, public SharingAlliance {};

// ---- who

void lead_to(SharingAlliance& alliance, const std::string& standing) {
  alliance.bring_sharing("suzhou", 'b');  // so that version 1 is in force
  if (standing == "none") return;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  if (standing == "admitted") return;
  alliance.say("wuxi", {act_joined()});
  if (standing == "joined") return;
  alliance.say("wuxi", {alliance.act_ratified(1)});
  if (standing == "suspended") alliance.send(on_city<v1::SuspendCity>("wuxi"));
  if (standing == "expelled") alliance.send(on_city<v1::ExpelCity>("wuxi"));
  if (standing == "withdrawn") alliance.say("wuxi", {act_left()});
}

TEST(MemberAirTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "What is shared");
  ASSERT_EQ(table.size(), 3U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), 8U);
    for (size_t column = 1; column < 8; ++column) {
      SharingAlliance alliance;
      lead_to(alliance, table[0][column]);
      const bool is_air = table[row][0] == "AirQualityRecorded";
      EXPECT_EQ(alliance.say_one("wuxi", is_air ? day("2014-01-31", "35.5") : people(7, 2010)),
                table[row][column])
          << table[row][0] << " of a city that is " << table[0][column];
      const bool kept = table[row][column].starts_with("Member");
      EXPECT_EQ(alliance.year_of("wuxi", 2014), kept && is_air ? "1 days, 71/2" : "no row");
    }
  }
}

TEST_F(MemberAir, IsKeptOnlyWhileAnAgreementThatTheCityRatifiedIsInForce) {
  ASSERT_EQ(send(admission("wuxi", 'a')), "CityAdmitted");
  propose();
  say("wuxi", {act_joined()});
  EXPECT_EQ(say_one("wuxi", day("2014-01-01", "1")), "wrong_state") << "proposed";
  EXPECT_EQ(say("wuxi", {act_ratified(1), day("2014-01-02", "2")}),
            "CityRatified + AgreementTookEffect + MemberAirRecorded");
  v1::SuspendAgreement suspend;
  suspend.set_alliance("delta");
  suspend.set_version(1);
  ASSERT_EQ(send(suspend), "AgreementSuspended");
  EXPECT_EQ(say_one("wuxi", day("2014-01-03", "3")), "wrong_state") << "suspended";
  v1::ResumeAgreement resume;
  resume.set_version(1);
  ASSERT_EQ(send(resume), "AgreementResumed");
  EXPECT_EQ(say_one("wuxi", day("2014-01-04", "4")), "MemberAirRecorded");
  bring_sharing("suzhou", 'b');
  propose();
  ASSERT_EQ(say("suzhou", {act_ratified(2)}), "CityRatified + AgreementTookEffect");
  EXPECT_EQ(say_one("wuxi", day("2014-01-05", "5")), "wrong_state") << "ratified another version";
  EXPECT_NE(disregarded(0).detail().find("version 2"), std::string::npos);
  EXPECT_EQ(say("wuxi", {act_ratified(2), day("2014-01-06", "6")}),
            "CityRatified + MemberAirRecorded");
  v1::Event revoked;
  revoked.mutable_ratification_revoked()->set_version(2);
  EXPECT_EQ(say("wuxi", {revoked, day("2014-01-07", "7")}),
            "CityRevokedRatification + ActDisregarded");
  EXPECT_EQ(year_of("wuxi", 2014), "3 days, 12/1");
}

// ---- what

TEST_F(MemberAir, BadValuesAreDisregardedWithTheirReasonAndHarmNoOther) {
  bring_sharing("wuxi", 'a');
  const std::string overflow(500, '9');
  std::string cut_inside(39, '1');  // a character lies across what is repeated of it
  cut_inside += "\xe9\x95\x87\xe6\xb1\x9f";
  ASSERT_EQ(say("wuxi", {day("2014-01-01", "1"), day("2014-01-02", "10000"),
                         day("2014-01-03", overflow), day("2014-02-30", "4"), day("", "5"),
                         day("2014-01-06", ""), day("1989-12-31", "7"), day(cut_inside, "8"),
                         day("2014-01-09", cut_inside), people(0, 2010), people(7, 0),
                         people(1'000'000'001, 2010), day("2014-01-10", "10"), people(7, 2010)}),
            "MemberAirRecorded + ActDisregarded + ActDisregarded + ActDisregarded + "
            "ActDisregarded + ActDisregarded + ActDisregarded + ActDisregarded + ActDisregarded + "
            "ActDisregarded + ActDisregarded + ActDisregarded + MemberAirRecorded + "
            "MemberPopulationRecorded");
  EXPECT_EQ(year_of("wuxi", 2014), "2 days, 11/1");
  for (int i = 1; i <= 11; ++i) {
    const auto& said = disregarded(i);
    EXPECT_EQ(said.city(), "wuxi");
    EXPECT_EQ(said.city_seq(), 70U);
    EXPECT_EQ(said.code(), "bad_request");
    EXPECT_EQ(said.event(), i < 9 ? "AirQualityRecorded" : "PopulationRecorded");
    EXPECT_GT(said.detail().size(), 15U);
    EXPECT_TRUE(is_utf8(said.detail())) << said.detail();
    EXPECT_LT(last->events[static_cast<size_t>(i)].ByteSizeLong(), 256U)
        << "federation/input.h counts on it";
  }
  EXPECT_NE(disregarded(4).detail().find("date is missing"), std::string::npos);
  EXPECT_NE(disregarded(5).detail().find("pm25 is missing"), std::string::npos);
  EXPECT_EQ(rows.find(kMemberTable, "wuxi")->acts_disregarded(), 11U);
}

TEST_F(MemberAir, ADayRecordedAgainReplacesTheFormerValue) {
  bring_sharing("wuxi", 'a');
  say("wuxi", {day("2014-01-01", "1"), day("2014-01-02", "2.5"), day("2014-01-01", "0.25")});
  EXPECT_EQ(year_of("wuxi", 2014), "2 days, 11/4");
  EXPECT_EQ(last->events[2].member_air_recorded().city(), "wuxi");
  EXPECT_EQ(last->events[2].member_air_recorded().air().pm25(), "0.25");
}

TEST_F(MemberAir, CitiesAreKeptApart) {
  bring_sharing("wuxi", 'a');
  bring_sharing("wuxi-2", 'b');
  say("wuxi", {day("2014-01-01", "1"), people(7, 2010)});
  say("wuxi-2", {day("2014-01-01", "2"), day("2014-01-02", "2")});
  EXPECT_EQ(year_of("wuxi", 2014), "1 days, 1/1");
  EXPECT_EQ(year_of("wuxi-2", 2014), "2 days, 4/1");
  PrefixedView second(rows, member_prefix("wuxi-2"));
  EXPECT_EQ(city_year_air(second, "wuxi-2", 2014)->people, 0U);
  EXPECT_EQ(rows.find(kAirYearTable, big_endian(2014)), nullptr) << "an alliance has no own air";
  EXPECT_EQ(rows.find(kCityTable, ""), nullptr);
}

TEST_F(MemberAir, AnEventOnACityThatWasNeverAdmittedContradictsTheRows) {
  v1::Event event;
  event.mutable_member_air_recorded()->set_city("nobody");
  *event.mutable_member_air_recorded()->mutable_air() =
      day("2014-01-01", "1").air_quality_recorded();
  EXPECT_EQ(evolve_event_of_ledger(rows, event, {}).error().code, Errc::kInternal);
  bring_sharing("wuxi", 'a');
  event.mutable_member_air_recorded()->set_city("wuxi");
  event.mutable_member_air_recorded()->mutable_air()->set_pm25("10000");
  EXPECT_EQ(evolve_event_of_ledger(rows, event, {}).error().code, Errc::kInternal);
}

TEST(KeptByAlliance, IsTheAirAndThePeopleOfACityAlone) {
  int kept = 0;
  const auto* events = v1::Event::descriptor();
  for (int i = 0; i < events->field_count(); ++i) {
    v1::Event event;
    event.GetReflection()->MutableMessage(&event, events->field(i));
    if (!is_kept_by_alliance(event)) continue;
    ++kept;
    EXPECT_FALSE(is_to_alliance(event)) << events->field(i)->name();
  }
  EXPECT_EQ(kept, 2);
  EXPECT_FALSE(is_kept_by_alliance(v1::Event()));
}

// ---- the figure

std::vector<v1::Event> whole_year(uint32_t year, const std::string& pm25) {
  std::vector<v1::Event> days;
  const std::string first = std::to_string(year) + "-01-01";
  const int32_t start = *parse_day(first, "date");
  for (uint32_t i = 0; i < days_in_year(year); ++i) {
    days.push_back(day(day_text(start + static_cast<int32_t>(i)), pm25));
  }
  return days;
}

TEST_F(MemberAir, TheFigureIsOverAllThatAreAdmittedAndHaveJoinedAndNamesEveryone) {
  bring_sharing("suzhou", 'a');
  bring_sharing("wuxi", 'b');
  bring_sharing("huzhou", 'c');
  ASSERT_EQ(send(admission("never", 'd')), "CityAdmitted");
  for (const char* city : {"suzhou", "wuxi"}) {
    say(city, whole_year(2014, "20"));
    say(city, whole_year(2015, city == std::string("wuxi") ? "16" : "17"));
  }
  say("wuxi", {people(100, 2010)});
  const auto change = member_air_change(rows, 2015);
  ASSERT_TRUE(change.has_value());
  using Names = std::vector<std::string>;
  EXPECT_EQ(change->simple.counted, (Names{"suzhou", "wuxi"}));
  EXPECT_EQ(change->simple.change, Ratio(-7, 40));
  EXPECT_EQ(change->weighted.counted, Names{"wuxi"});
  EXPECT_EQ(change->weighted.change, Ratio(-1, 5));
  EXPECT_EQ(change->simple.left_out,
            (std::vector<AirLeftOut>{{"huzhou", AirGap::kNoData, 2014, 0}}));
  EXPECT_EQ(change->weighted.left_out,
            (std::vector<AirLeftOut>{{"huzhou", AirGap::kNoData, 2014, 0},
                                     {"suzhou", AirGap::kNoPopulation, 2014, 365}}));
  send(on_city<v1::SuspendCity>("suzhou"));
  EXPECT_EQ(member_air_change(rows, 2015)->simple.counted, Names{"wuxi"});
  send(on_city<v1::ReinstateCity>("suzhou"));
  say("wuxi", {act_left()});
  const auto without = member_air_change(rows, 2015);
  EXPECT_EQ(without->simple.counted, Names{"suzhou"});
  EXPECT_EQ(without->simple.left_out.size(), 1U) << "who left is no member";
  EXPECT_EQ(member_air_change(rows, 1990).error().code, Errc::kBadRequest);
}

}  // namespace
}  // namespace hansa
