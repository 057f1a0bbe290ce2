// Air change: by how much the PM2.5 of several cities' air changed from one year to the next.
//
// Shape:   city_year_air() reads from one city's rows what it says of one year. air_change() takes
//          such values of all cities for a year and the year before it, and answers two figures of
//          one definition:
//            change = (m(year) − m(year − 1)) ÷ m(year − 1)
//            m(y)   = mean over the city-days of the counted cities in y
//          simple: every city-day weighs the same; weighted: as much as its city has people that
//          year. Counted is a city with a value for every day of both years, and for the weighted
//          figure with a population for both. Every other city is left out, and the figure says
//          which and why: the first reason that holds, of the first year it holds for.
//
//            std::vector<CityYearAir> airs;
//            for (const auto& city : cities)
//              for (const uint32_t y : {2014, 2015}) {
//                HANSA_TRY(CityYearAir air, city_year_air(rows_of(city), city, y));
//                airs.push_back(std::move(air));
//              }
//            HANSA_TRY(const AirChange change, air_change(airs, 2015));
//            if (change.simple.change) show(to_exact(*change.simple.change));
// Units:   micrograms a cubic metre; changes are ratios, −1/10 is a tenth less.
// Errors:  city_year_air: kInternal for a row that cannot be read. air_change: kBadRequest for a
//          year without a year before it, for a city given twice for one year, and for one with
//          more days than the year has.
// Threads: pure.
// Limits:  years 1991 to 2200.
// Source:  DOMAIN §1.7 asks for the change of the mean over member cities and leaves open how
//          cities are weighed: both are given. SPEC §9; DESIGN §7: exact, rounded only for display.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/ratio.h"
#include "core/base/result.h"
#include "core/base/rows.h"

namespace hansa {

// Of the definition above; another meaning is a new version.
inline constexpr uint32_t kAirChangeVersion = 1;

struct CityYearAir {
  std::string city;
  uint32_t year = 0;
  uint32_t days = 0;  // that have a value
  Ratio sum = 0;      // of these values
  uint64_t people = 0;  // 0: not known
};

// Why a city is not counted, in the order in which it is asked.
enum class AirGap : uint8_t { kNoData, kDayMissing, kNoPopulation };

struct AirLeftOut {
  std::string city;
  AirGap gap;
  uint32_t year = 0;  // in which it is missing
  uint32_t days = 0;  // that it has in that year

  bool operator==(const AirLeftOut&) const = default;
};

struct AirFigure {
  std::optional<Ratio> before;  // m(year − 1); absent when no city is counted
  std::optional<Ratio> after;   // m(year)
  std::optional<Ratio> change;  // absent also when `before` is 0
  std::vector<std::string> counted;     // by name
  std::vector<AirLeftOut> left_out;     // by name
};

struct AirChange {
  uint32_t year = 0;
  AirFigure simple;
  AirFigure weighted;
};

uint32_t days_in_year(uint32_t year);
// "no_data", "day_missing", "no_population".
std::string_view air_gap_name(AirGap gap);

// Of a city that recorded nothing for the year: 0 days. People are those of the newest year
// recorded that is not after `year`. For reads and reports: it scans the few Population rows, which
// a row cache is slow at.
Result<CityYearAir> city_year_air(RowsView& view, std::string city, uint32_t year);

// Values of other years are passed over; a city that has one for one of the two years only has no
// data for the other.
Result<AirChange> air_change(std::span<const CityYearAir> airs, uint32_t year);

}  // namespace hansa
