// Goal: a day's air is recorded once, corrected when it is recorded anew, and a year's sum is that
// of its days to the last digit, whatever the way there and without a founding too.
// Method: commands decided and evolved, each again; arbitrary recordings beside a plain map.
#include "core/city/air.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/base/day.h"
#include "core/base/schema.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using Day = std::pair<std::string, std::string>;  // date, pm25

v1::RecordAirQuality air(const std::vector<Day>& days) {
  v1::RecordAirQuality command;
  command.set_city("test");
  for (const auto& [date, pm25] : days) {
    auto& day = *command.add_days();
    day.set_date(date);
    day.set_pm25(pm25);
  }
  return command;
}

v1::RecordPopulation population(uint64_t people, uint32_t year) {
  v1::RecordPopulation command;
  command.set_city("test");
  command.set_people(people);
  command.set_year(year);
  return command;
}

v1::Event recorded(const std::string& date, const std::string& pm25) {
  v1::Event event;
  event.mutable_air_quality_recorded()->set_date(date);
  event.mutable_air_quality_recorded()->set_pm25(pm25);
  return event;
}

// "2 days, sum 71/2".
std::string year_text(RowsView& rows, uint32_t year) {
  const auto* row = rows.find(kAirYearTable, big_endian(year));
  if (row == nullptr) return "no row";
  EXPECT_EQ(row->year(), year);
  return std::to_string(row->days()) + " days, sum " + row->sum().numerator() + "/" +
         row->sum().denominator();
}

std::map<std::string, std::string> air_rows(const MapRows& rows) {
  auto all = rows.dump();
  std::erase_if(all, [](const auto& row) {
    const auto table = static_cast<TableId>(row.first[0]);
    return table != TableId::kAirDay && table != TableId::kAirYear &&
           table != TableId::kPopulation;
  });
  return all;
}

TEST(AirDecide, RecordsEveryDayAndTheSameAgainIsUnchanged) {
  TestCity city;
  const auto command = air({{"2014-01-31", "35.5"}, {"2014-02-01", "36"}});
  ASSERT_TRUE(validate(command).has_value());
  const auto decision = city.accept(command, kAdmin);
  EXPECT_EQ(event_names(decision), "AirQualityRecorded + AirQualityRecorded");
  EXPECT_EQ(decision.subject_id, "test");
  EXPECT_EQ(decision.events[0].air_quality_recorded().date(), "2014-01-31");
  EXPECT_EQ(decision.events[0].air_quality_recorded().pm25(), "35.5");
  EXPECT_EQ(year_text(city.rows, 2014), "2 days, sum 143/2");
  const auto before = city.rows.dump();
  const auto again = city.accept(command, kAdmin);
  EXPECT_TRUE(again.unchanged);
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(again.subject_id, "test");
  EXPECT_EQ(city.rows.dump(), before);
}

TEST(AirDecide, RecordsOnlyTheDaysThatAreNewOrOther) {
  TestCity city;
  city.accept(air({{"2014-01-30", "10"}, {"2014-01-31", "20.50"}}), kAdmin);
  const auto decision = city.accept(
      air({{"2014-02-01", "30"}, {"2014-01-31", "20.5"}, {"2014-01-30", "10.01"}}), kAdmin);
  EXPECT_FALSE(decision.unchanged);
  ASSERT_EQ(event_names(decision), "AirQualityRecorded + AirQualityRecorded");
  EXPECT_EQ(decision.events[0].air_quality_recorded().date(), "2014-02-01");
  EXPECT_EQ(decision.events[1].air_quality_recorded().pm25(), "10.01");
  EXPECT_EQ(city.rows.find(kAirDayTable, "2014-01-31")->pm25(), "20.50") << "equal: no correction";
}

TEST(AirDecide, RefusesWhatIsNoDayOrNoValueAndNamesIt) {
  TestCity city;
  const auto before = city.rows.dump();
  for (const char* date : {"2014-02-29", "2014-1-31", "31.01.2014", "1989-12-31", "2201-01-01", "",
                           "2014-01-31T00:00:00Z"}) {
    const auto refused = city.send(air({{"2014-01-31", "1"}, {date, "1"}}), kAdmin);
    ASSERT_EQ(outcome(refused), "bad_request") << date;
    EXPECT_EQ(refused.error().pointer, "/days/1/date");
    EXPECT_GT(refused.error().detail.size(), 15U);
  }
  for (const char* pm25 : {"-1", "+1", "1e3", "10000", "00001", ".5", "5.", "1,5", "1.2.3", "NaN",
                           "", " 1", "1.123456789012345678901"}) {
    const auto refused = city.send(air({{"2014-01-31", pm25}}), kAdmin);
    ASSERT_EQ(outcome(refused), "bad_request") << pm25;
    EXPECT_EQ(refused.error().pointer, "/days/0/pm25");
    EXPECT_NE(refused.error().detail.find("like 35.5"), std::string::npos);
  }
  EXPECT_EQ(city.rows.dump(), before);
  for (const char* pm25 : {"0", "9999.12345678901234567890", "0009", "0.00"}) {
    EXPECT_EQ(outcome(city.send(air({{"2200-12-31", pm25}}), kAdmin)), "AirQualityRecorded");
  }
  EXPECT_EQ(outcome(city.send(air({{"1990-01-01", "1"}}), kAdmin)), "AirQualityRecorded");
}

TEST(AirDecide, RefusesADayNamedTwiceEvenWithTheSameValue) {
  TestCity city;
  city.accept(air({{"2014-01-31", "1"}}), kAdmin);
  const auto refused =
      city.send(air({{"2014-01-30", "1"}, {"2014-01-31", "1"}, {"2014-01-31", "1"}}), kAdmin);
  ASSERT_EQ(outcome(refused), "bad_request");
  EXPECT_EQ(refused.error().pointer, "/days/2/date");
}

TEST(AirDecide, FourHundredDaysOfTheLongestValuesGoIntoOneEntryAndNoMore) {
  TestCity city;
  std::vector<Day> days;
  const int32_t first = *parse_day("2014-01-01", "date");
  for (int i = 0; i < 400; ++i) {
    days.emplace_back(day_text(first + i), "9999.12345678901234567890");
  }
  ASSERT_TRUE(validate(air(days)).has_value());
  EXPECT_EQ(city.accept(air(days), kAdmin).events.size(), 400U);
  days.emplace_back(day_text(first + 400), "1");
  const auto more = validate(air(days));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().pointer, "/days");
}

TEST(AirDecide, AnUnfoundedCityRecordsNothing) {
  MapRows rows;
  const DecideContext context{kAdmin, {}, kStart, 1};
  EXPECT_EQ(outcome(decide(rows, air({{"2014-01-31", "1"}}), context)), "unknown_city");
  EXPECT_EQ(outcome(decide(rows, population(5, 2010), context)), "unknown_city");
}

TEST(PopulationDecide, IsRecordedOncePerYearAndCorrected) {
  TestCity city;
  const auto first = city.accept(population(8'003'744, 2010), kAdmin);
  ASSERT_EQ(event_names(first), "PopulationRecorded");
  EXPECT_EQ(first.events[0].population_recorded().people(), 8'003'744U);
  EXPECT_EQ(first.events[0].population_recorded().year(), 2010U);
  EXPECT_TRUE(city.accept(population(8'003'744, 2010), kAdmin).unchanged);
  EXPECT_FALSE(city.accept(population(8'003'744, 2011), kAdmin).unchanged);
  EXPECT_FALSE(city.accept(population(8'003'745, 2010), kAdmin).unchanged);
  EXPECT_EQ(city.rows.find(kPopulationTable, big_endian(2010))->people(), 8'003'745U);
}

TEST(PopulationDecide, RefusesNobodyTooManyAndYearsThatAreNone) {
  TestCity city;
  const auto refused_at = [&](uint64_t people, uint32_t year) {
    const auto refused = city.send(population(people, year), kAdmin);
    EXPECT_EQ(outcome(refused), "bad_request") << people << " " << year;
    return refused ? "" : refused.error().pointer;
  };
  EXPECT_EQ(refused_at(0, 2010), "/people");
  EXPECT_EQ(refused_at(1'000'000'001, 2010), "/people");
  EXPECT_EQ(refused_at(5, 1899), "/year");
  EXPECT_EQ(refused_at(5, 2201), "/year");
}

TEST(PopulationEvolve, TheCityShowsTheNewestYear) {
  TestCity city;
  const auto shown = [&] {
    const auto* row = city.rows.find(kCityTable, "");
    return std::to_string(row->population()) + " in " + std::to_string(row->population_year());
  };
  EXPECT_EQ(shown(), "0 in 0");
  city.accept(population(70, 2010), kAdmin);
  city.accept(population(60, 2000), kAdmin);
  EXPECT_EQ(shown(), "70 in 2010");
  city.accept(population(71, 2010), kAdmin);
  EXPECT_EQ(shown(), "71 in 2010");
  city.accept(population(80, 2020), kAdmin);
  EXPECT_EQ(shown(), "80 in 2020");
}

TEST(AirEvolve, ACorrectionLeavesTheSumAsIfTheFirstValueHadNeverBeen) {
  TestCity corrected;
  corrected.accept(air({{"2014-01-30", "0.1"}, {"2014-01-31", "35.33333333333333"}}), kAdmin);
  corrected.accept(air({{"2014-01-31", "35.5"}}), kAdmin);
  EXPECT_EQ(year_text(corrected.rows, 2014), "2 days, sum 178/5");
  TestCity straight;
  straight.accept(air({{"2014-01-31", "35.5"}, {"2014-01-30", "0.1"}}), kAdmin);
  EXPECT_EQ(air_rows(corrected.rows), air_rows(straight.rows));
}

TEST(AirEvolve, EachDayCountsInItsOwnYear) {
  TestCity city;
  city.accept(air({{"2014-12-31", "1.5"}, {"2015-01-01", "2.5"}}), kAdmin);
  EXPECT_EQ(year_text(city.rows, 2014), "1 days, sum 3/2");
  EXPECT_EQ(year_text(city.rows, 2015), "1 days, sum 5/2");
  EXPECT_EQ(year_text(city.rows, 2013), "no row");
}

TEST(AirEvolve, FoldsTheSameAgainAndItsOwnEventsWithoutAFounding) {
  TestCity city;
  city.accept(air({{"2014-01-30", "12"}, {"2014-01-31", "13"}}), kAdmin);
  city.accept(population(70, 2010), kAdmin);
  city.accept(air({{"2014-01-31", "14.25"}, {"2014-02-01", "0"}}), kAdmin);
  MapRows replayed;
  MapRows shared;
  for (const auto& [entry, events] : city.landed) {
    for (const auto& event : events) {
      ASSERT_TRUE(evolve(replayed, event, entry).has_value());
      if (!event.has_air_quality_recorded() && !event.has_population_recorded()) continue;
      ASSERT_TRUE(evolve(shared, event, entry).has_value());
    }
  }
  EXPECT_EQ(replayed.dump(), city.rows.dump());
  EXPECT_EQ(shared.dump(), air_rows(city.rows)) << "no other row is made";
  EXPECT_EQ(shared.find(kCityTable, ""), nullptr);
}

TEST(AirEvolve, WhatWasNotSharedChangesNothingAndWhatNoDecisionMakesStops) {
  MapRows rows;
  v1::Event people_alone;
  people_alone.mutable_population_recorded()->set_people(5);
  v1::Event year_alone;
  year_alone.mutable_population_recorded()->set_year(2010);
  for (const auto& event :
       {recorded("2014-01-31", ""), recorded("", "35.5"), people_alone, year_alone}) {
    EXPECT_TRUE(evolve(rows, event, {}).has_value());
    EXPECT_TRUE(rows.dump().empty());
  }
  v1::Event nobody = people_alone;
  nobody.mutable_population_recorded()->set_year(7);
  for (const auto& event :
       {recorded("2014-01-31", "many"), recorded("2014-02-30", "1"), recorded("2300-01-01", "1"),
        nobody}) {
    const auto evolved = evolve(rows, event, {});
    ASSERT_FALSE(evolved.has_value());
    EXPECT_EQ(evolved.error().code, Errc::kInternal);
    EXPECT_TRUE(rows.dump().empty());
  }
}

Day arbitrary_day() {
  const int32_t first = *parse_day("2013-12-28", "date");
  std::string pm25 = std::to_string(*rc::gen::inRange(0, 10'000));
  const int decimals = *rc::gen::inRange(0, 21);
  if (decimals > 0) pm25 += ".";
  for (int i = 0; i < decimals; ++i) pm25 += static_cast<char>(*rc::gen::inRange<int>('0', ':'));
  return {day_text(first + *rc::gen::inRange(0, 8)), pm25};
}

RC_GTEST_PROP(AirEvolve, TheSumOfAYearIsThatOfItsDaysWhateverTheWay, ()) {
  const auto all = *rc::gen::container<std::vector<Day>>(rc::gen::exec(arbitrary_day));
  MapRows winding;
  std::map<std::string, std::string> last;
  for (const auto& [date, pm25] : all) {
    RC_ASSERT(evolve(winding, recorded(date, pm25), {}).has_value());
    last[date] = pm25;
  }
  MapRows straight;
  std::map<uint32_t, std::pair<uint32_t, Ratio>> expected;
  for (const auto& [date, pm25] : last) {
    RC_ASSERT(evolve(straight, recorded(date, pm25), {}).has_value());
    auto& [days, sum] = expected[static_cast<uint32_t>(std::stoul(date))];
    ++days;
    sum += *pm25_value(pm25);
  }
  RC_ASSERT(winding.dump() == straight.dump());
  for (const auto& [year, known] : expected) {
    const auto* row = winding.find(kAirYearTable, big_endian(year));
    RC_ASSERT(row != nullptr);
    RC_ASSERT(row->days() == known.first);
    RC_ASSERT(*sum_of(*row) == known.second);
  }
}

TEST(Pm25Value, IsTheExactNumberOfItsText) {
  EXPECT_EQ(*pm25_value("35.5"), Ratio(71, 2));
  EXPECT_EQ(*pm25_value("0010.10"), Ratio(101, 10));
  EXPECT_EQ(*pm25_value("0"), Ratio(0));
  EXPECT_EQ(*pm25_value("0.00000000000000000001") * Ratio(10'000'000'000) * Ratio(10'000'000'000),
            Ratio(1));
}

}  // namespace
}  // namespace hansa
