// Goal: the change of a year's air is exact, counts whom it says, and names everyone else.
// Method: small cities reckoned by hand; a year of 41 real cities, sent as commands, decided,
// folded and reckoned to its known results where the data lie beside the repository.
#include "core/metrics/air_change.h"

#include <fstream>
#include <sstream>

#include "core/metrics/metric.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

CityYearAir full(const std::string& city, uint32_t year, const Ratio& mean, uint64_t people = 0) {
  return {city, year, days_in_year(year), mean * days_in_year(year), people};
}

std::string left_out(const AirFigure& figure) {
  std::string text;
  for (const auto& one : figure.left_out) {
    text += (text.empty() ? "" : "; ") + one.city + " " + std::string(air_gap_name(one.gap)) +
            " " + std::to_string(one.year) + " (" + std::to_string(one.days) + ")";
  }
  return text;
}

using Names = std::vector<std::string>;

TEST(AirChange, WeighsEveryCityDayTheSameOrByPeople) {
  const std::vector<CityYearAir> airs = {full("b", 2018, 10, 1), full("b", 2019, 5, 1),
                                         full("a", 2018, 30, 3), full("a", 2019, 33, 3)};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->year, 2019U);
  EXPECT_EQ(change->simple.before, Ratio(20));
  EXPECT_EQ(change->simple.after, Ratio(19));
  EXPECT_EQ(change->simple.change, Ratio(-1, 20));
  // (10 + 3 · 30) / 4 = 25, (5 + 3 · 33) / 4 = 26
  EXPECT_EQ(change->weighted.before, Ratio(25));
  EXPECT_EQ(change->weighted.after, Ratio(26));
  EXPECT_EQ(change->weighted.change, Ratio(1, 25));
  EXPECT_EQ(change->simple.counted, (Names{"a", "b"}));
  EXPECT_EQ(change->weighted.counted, (Names{"a", "b"}));
  EXPECT_EQ(left_out(change->simple) + left_out(change->weighted), "");
}

TEST(AirChange, WeighsEachYearByThePeopleOfThatYear) {
  const std::vector<CityYearAir> airs = {full("a", 2018, 10, 1), full("a", 2019, 10, 3),
                                         full("b", 2018, 30, 1), full("b", 2019, 30, 1)};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->weighted.before, Ratio(20));
  EXPECT_EQ(change->weighted.after, Ratio(15));
  EXPECT_EQ(change->simple.change, Ratio(0));
}

TEST(AirChange, AMissingDayInEitherYearLeavesTheCityOut) {
  std::vector<CityYearAir> airs;
  for (const char* city : {"early", "full", "late"}) {
    airs.push_back(full(city, 2018, 10, 1));
    airs.push_back(full(city, 2019, 20, 1));
  }
  airs[0].days = 364;
  airs[5].days = 364;
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->simple.change, Ratio(1));
  EXPECT_EQ(change->simple.counted, Names{"full"});
  EXPECT_EQ(left_out(change->simple), "early day_missing 2018 (364); late day_missing 2019 (364)");
  EXPECT_EQ(change->weighted.left_out, change->simple.left_out);
}

TEST(AirChange, ALeapYearIsFullWith366Days) {
  EXPECT_EQ(days_in_year(2015), 365U);
  EXPECT_EQ(days_in_year(2016), 366U);
  EXPECT_EQ(days_in_year(2000), 366U);
  EXPECT_EQ(days_in_year(2100), 365U);
  std::vector<CityYearAir> airs = {full("a", 2015, 10), full("a", 2016, 11), full("b", 2015, 10),
                                   full("b", 2016, 99)};
  airs[3].days = 365;
  const auto change = air_change(airs, 2016);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->simple.change, Ratio(1, 10));
  EXPECT_EQ(left_out(change->simple), "b day_missing 2016 (365)");
}

TEST(AirChange, ACityWithoutPopulationIsLeftOutOfTheWeightedFigureAlone) {
  const std::vector<CityYearAir> airs = {full("a", 2018, 10, 7), full("a", 2019, 20, 7),
                                         full("b", 2018, 30), full("b", 2019, 20, 7)};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->simple.change, Ratio(0));
  EXPECT_EQ(left_out(change->simple), "");
  EXPECT_EQ(change->weighted.change, Ratio(1));
  EXPECT_EQ(change->weighted.counted, Names{"a"});
  EXPECT_EQ(left_out(change->weighted), "b no_population 2018 (365)");
}

TEST(AirChange, ACityWithoutDataSaysSoBeforeAnythingElse) {
  const std::vector<CityYearAir> airs = {
      {"none", 2018, 0, 0, 0}, {"none", 2019, 0, 0, 0}, full("once", 2018, 5, 1),
      full("since", 2019, 5, 1), {"short", 2018, 5, 5, 0}, {"short", 2019, 0, 0, 0}};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(left_out(change->weighted),
            "none no_data 2018 (0); once no_data 2019 (0); short no_data 2019 (0); "
            "since no_data 2018 (0)");
  EXPECT_TRUE(change->simple.counted.empty());
  EXPECT_FALSE(change->simple.before.has_value());
  EXPECT_FALSE(change->simple.after.has_value());
  EXPECT_FALSE(change->simple.change.has_value());
}

TEST(AirChange, FromAMeanOfZeroThereIsNoChange) {
  const std::vector<CityYearAir> airs = {full("a", 2018, 0, 1), full("a", 2019, 5, 1)};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  for (const auto* figure : {&change->simple, &change->weighted}) {
    EXPECT_EQ(figure->before, Ratio(0));
    EXPECT_EQ(figure->after, Ratio(5));
    EXPECT_FALSE(figure->change.has_value());
    EXPECT_EQ(figure->counted, Names{"a"});
  }
}

TEST(AirChange, PassesOtherYearsOver) {
  const std::vector<CityYearAir> airs = {full("a", 2017, 77), full("a", 2018, 10),
                                         full("a", 2019, 11), full("a", 2020, 99),
                                         full("c", 2020, 99)};
  const auto change = air_change(airs, 2019);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->simple.change, Ratio(1, 10));
  EXPECT_EQ(left_out(change->simple), "");
}

TEST(AirChange, RefusesWhatContradictsItself) {
  const auto detail = [](const std::vector<CityYearAir>& airs, uint32_t year) {
    const auto change = air_change(airs, year);
    EXPECT_FALSE(change.has_value());
    if (change) return std::string();
    EXPECT_EQ(change.error().code, Errc::kBadRequest);
    return change.error().detail;
  };
  EXPECT_NE(detail({}, 1990).find("1991"), std::string::npos);
  EXPECT_NE(detail({}, 2201).find("2200"), std::string::npos);
  EXPECT_EQ(detail({full("a", 2018, 1), full("a", 2018, 1)}, 2019), "a is given twice for 2018");
  auto long_year = full("a", 2019, 1);
  ++long_year.days;
  EXPECT_EQ(detail({long_year}, 2019), "a has 366 days in 2019, which has 365");
}

v1::RecordPopulation population(uint64_t people, uint32_t year) {
  v1::RecordPopulation command;
  command.set_city("test");
  command.set_people(people);
  command.set_year(year);
  return command;
}

TEST(CityYearAir, SaysWhatTheRowsSayOfTheYear) {
  TestCity city;
  const auto nothing = city_year_air(city.rows, "wuxi", 2014);
  ASSERT_TRUE(nothing.has_value());
  EXPECT_EQ(nothing->city, "wuxi");
  EXPECT_EQ(nothing->year, 2014U);
  EXPECT_EQ(nothing->days, 0U);
  EXPECT_EQ(nothing->people, 0U);
  v1::RecordAirQuality command;
  command.set_city("test");
  for (const char* date : {"2014-01-30", "2014-01-31", "2015-01-01"}) {
    auto& day = *command.add_days();
    day.set_date(date);
    day.set_pm25("20.1");
  }
  city.accept(command, kAdmin);
  for (const uint32_t year : {2015U, 2010U, 2000U}) city.accept(population(year, year), kAdmin);
  const auto air = city_year_air(city.rows, "wuxi", 2014);
  ASSERT_TRUE(air.has_value());
  EXPECT_EQ(air->days, 2U);
  EXPECT_EQ(air->sum, Ratio(201, 5));
  EXPECT_EQ(air->people, 2010U) << "of the newest year that is not after it";
  EXPECT_EQ(city_year_air(city.rows, "wuxi", 2015)->people, 2015U);
  EXPECT_EQ(city_year_air(city.rows, "wuxi", 1999)->people, 0U);
  city.rows.put(kAirYearTable, big_endian(2014)).mutable_sum()->set_denominator("0");
  EXPECT_EQ(city_year_air(city.rows, "wuxi", 2014).error().code, Errc::kInternal);
}

#ifdef HANSA_REAL_DATA
struct RealCity {
  std::string id;
  uint64_t people = 0;
  std::vector<std::pair<std::string, std::string>> days;  // date, pm25
};

std::vector<std::vector<std::string>> lines_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::vector<std::vector<std::string>> lines;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::stringstream cells(line);
    auto& row = lines.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
  }
  return lines;
}

// By their codes: all cities that have a population, most of them with days.
std::map<std::string, RealCity> real_cities() {
  std::map<std::string, RealCity> cities;
  const char* source = std::getenv("HANSA_SOURCE");
  const std::string root = source == nullptr ? "." : source;
  for (const auto& row : lines_of(root + "/ops/demo/delta-populations.csv")) {
    if (row[0] == "code") continue;
    cities[row[0]].id = row[1];
    cities[row[0]].people = std::stoull(row[2]);
  }
  for (const auto& row : lines_of(std::string(HANSA_REAL_DATA) + "/pm25-delta-2014-2015.csv")) {
    cities[row[0]].days.emplace_back(row[1], row[2]);
  }
  return cities;
}

// Month by month, with the population of 2010.
void record(TestCity& city, const RealCity& real) {
  city.accept(population(real.people, 2010), kAdmin);
  v1::RecordAirQuality month;
  month.set_city("test");
  for (const auto& [date, pm25] : real.days) {
    if (month.days_size() > 0 && !date.starts_with(month.days(0).date().substr(0, 7))) {
      city.accept(month, kAdmin);
      month.clear_days();
    }
    auto& day = *month.add_days();
    day.set_date(date);
    day.set_pm25(pm25);
  }
  if (month.days_size() > 0) city.accept(month, kAdmin);
}

TEST(AirChange, TheDelta2015GivesItsKnownResults) {
  std::vector<CityYearAir> airs;
  for (const auto& [code, real] : real_cities()) {
    TestCity city;
    record(city, real);
    for (const uint32_t year : {2014U, 2015U}) {
      const auto air = city_year_air(city.rows, real.id, year);
      ASSERT_TRUE(air.has_value());
      airs.push_back(*air);
    }
  }
  const auto change = air_change(airs, 2015);
  ASSERT_TRUE(change.has_value());
  ASSERT_TRUE(change->simple.change.has_value());
  ASSERT_TRUE(change->weighted.change.has_value());
  const auto text = [](const AirFigure& figure) {
    const auto exact = to_exact(*figure.change);
    return exact.num() + "/" + exact.den() + " " + rounded_text(*figure.change * 100, 4);
  };
  EXPECT_EQ(text(change->simple), "-7094680327332795647/59679854467399672683 -11.8879");
  EXPECT_EQ(text(change->weighted),
            "-37564458351978918204180539/364521765716853728682364691 -10.3051");
  EXPECT_EQ(rounded_text(*change->simple.before, 2), "60.56");
  EXPECT_EQ(rounded_text(*change->weighted.before, 2), "60.64");
  for (const auto* figure : {&change->simple, &change->weighted}) {
    EXPECT_EQ(figure->counted.size(), 27U);
    EXPECT_EQ(figure->left_out.size(), 14U);
    for (const auto& one : figure->left_out) EXPECT_EQ(one.gap, AirGap::kNoData) << one.city;
  }
}
#endif

}  // namespace
}  // namespace hansa
