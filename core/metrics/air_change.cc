#include "core/metrics/air_change.h"

#include <array>
#include <chrono>
#include <map>

#include "core/city/air.h"

namespace hansa {
namespace {

// The year before and the year itself.
using Pair = std::array<CityYearAir, 2>;

enum class Weight : uint8_t { kSame, kPeople };

Result<void> check_days(const CityYearAir& air) {
  if (air.days <= days_in_year(air.year)) return {};
  return fail(Errc::kBadRequest, air.city + " has " + std::to_string(air.days) + " days in " +
                                     std::to_string(air.year) + ", which has " +
                                     std::to_string(days_in_year(air.year)));
}

Result<std::map<std::string, Pair>> pairs_of(std::span<const CityYearAir> airs, uint32_t year) {
  std::map<std::string, Pair> pairs;
  for (const auto& air : airs) {
    if (air.year != year && air.year + 1 != year) continue;
    HANSA_CHECK(check_days(air));
    auto& value = pairs[air.city][air.year == year ? 1 : 0];
    if (value.year != 0) {
      return fail(Errc::kBadRequest,
                  air.city + " is given twice for " + std::to_string(air.year));
    }
    value = air;
  }
  for (auto& [city, pair] : pairs) {
    pair[0].year = year - 1;
    pair[1].year = year;
  }
  return pairs;
}

bool has_gap(const CityYearAir& air, AirGap gap) {
  switch (gap) {
    case AirGap::kNoData: return air.days == 0;
    case AirGap::kDayMissing: return air.days < days_in_year(air.year);
    case AirGap::kNoPopulation: return air.people == 0;
  }
  return false;
}

std::optional<AirLeftOut> why_left_out(const std::string& city, const Pair& pair, Weight weight) {
  for (const AirGap gap : {AirGap::kNoData, AirGap::kDayMissing, AirGap::kNoPopulation}) {
    if (gap == AirGap::kNoPopulation && weight == Weight::kSame) continue;
    for (const auto& air : pair) {
      if (has_gap(air, gap)) return AirLeftOut{city, gap, air.year, air.days};
    }
  }
  return std::nullopt;
}

AirFigure reckon(const std::map<std::string, Pair>& pairs, Weight weight) {
  AirFigure figure;
  std::array<Ratio, 2> sums;
  std::array<Ratio, 2> city_days;
  for (const auto& [city, pair] : pairs) {
    if (auto left_out = why_left_out(city, pair, weight)) {
      figure.left_out.push_back(*std::move(left_out));
      continue;
    }
    figure.counted.push_back(city);
    for (size_t i = 0; i < pair.size(); ++i) {
      const Ratio weighs = weight == Weight::kSame ? Ratio(1) : Ratio(pair[i].people);
      sums[i] += weighs * pair[i].sum;
      city_days[i] += weighs * pair[i].days;
    }
  }
  if (figure.counted.empty()) return figure;
  figure.before = Ratio(sums[0] / city_days[0]);
  figure.after = Ratio(sums[1] / city_days[1]);
  if (*figure.before != 0) {
    figure.change = Ratio((*figure.after - *figure.before) / *figure.before);
  }
  return figure;
}

}  // namespace

uint32_t days_in_year(uint32_t year) {
  return std::chrono::year(static_cast<int>(year)).is_leap() ? 366 : 365;
}

std::string_view air_gap_name(AirGap gap) {
  switch (gap) {
    case AirGap::kNoData: return "no_data";
    case AirGap::kDayMissing: return "day_missing";
    case AirGap::kNoPopulation: return "no_population";
  }
  return "";
}

Result<CityYearAir> city_year_air(RowsView& view, std::string city, uint32_t year) {
  CityYearAir air;
  air.city = std::move(city);
  air.year = year;
  if (const auto* row = view.find(kAirYearTable, big_endian(year))) {
    air.days = row->days();
    HANSA_TRY(air.sum, sum_of(*row));
  }
  view.scan(kPopulationTable.id, "", big_endian(uint64_t{year} + 1),
            [&](std::string_view, const google::protobuf::Message& row) {
              air.people = static_cast<const v1::Population&>(row).people();
              return true;
            });
  return air;
}

Result<AirChange> air_change(std::span<const CityYearAir> airs, uint32_t year) {
  if (year <= kAirYearMin || year > kAirYearMax) {
    return fail(Errc::kBadRequest,
                "year must be one from 1991 to 2200, got " + std::to_string(year), "/year");
  }
  HANSA_TRY(const auto pairs, pairs_of(airs, year));
  AirChange change;
  change.year = year;
  change.simple = reckon(pairs, Weight::kSame);
  change.weighted = reckon(pairs, Weight::kPeople);
  return change;
}

}  // namespace hansa
