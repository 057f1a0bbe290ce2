#include "core/city/air.h"

#include <algorithm>
#include <set>

#include "core/base/day.h"
#include "core/base/schema.h"

namespace hansa {
namespace {

constexpr size_t kWholeDigitsMax = 4;
constexpr size_t kDecimalsMax = 20;
constexpr uint32_t kPopulationYearMin = 1900;
constexpr uint32_t kPopulationYearMax = 2200;
constexpr uint64_t kPeopleMax = 1'000'000'000;
constexpr size_t kShownMax = 40;

bool are_digits(std::string_view text, size_t count_max) {
  return !text.empty() && text.size() <= count_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The year of a day that may be recorded.
Result<uint32_t> year_of(const std::string& date) {
  HANSA_CHECK(parse_day(date, "date"));
  const auto year = static_cast<uint32_t>(std::stoul(date.substr(0, 4)));
  if (year >= kAirYearMin && year <= kAirYearMax) return year;
  return fail(Errc::kBadRequest,
              "date must lie between 1990-01-01 and 2200-12-31; got `" + date + "`", "/date");
}

Result<void> check_population(uint64_t people, uint32_t year) {
  if (people == 0 || people > kPeopleMax) {
    return fail(Errc::kBadRequest,
                "people must be 1 to 1000000000, got " + std::to_string(people), "/people");
  }
  if (year < kPopulationYearMin || year > kPopulationYearMax) {
    return fail(Errc::kBadRequest,
                "year must be one from 1900 to 2200, got " + std::to_string(year), "/year");
  }
  return {};
}

Result<void> check_day(const v1::AirQualityDay& day) {
  HANSA_CHECK(year_of(day.date()));
  HANSA_CHECK(pm25_value(day.pm25()));
  return {};
}

// Whether the rows say this of the day already.
Result<bool> is_known(RowsView& view, const v1::AirQualityDay& day) {
  const auto* row = view.find(kAirDayTable, day.date());
  if (row == nullptr) return false;
  HANSA_TRY(const Ratio former, pm25_value(row->pm25()));
  HANSA_TRY(const Ratio value, pm25_value(day.pm25()));
  return former == value;
}

Error broken(std::string_view event, const Error& why) {
  return {Errc::kInternal, std::string(event) + " that no decision makes: " + why.detail};
}

// What recording `event` does to the sum of its year.
Result<Ratio> difference(RowsView& rows, const v1::AirQualityRecorded& event) {
  HANSA_TRY(Ratio value, pm25_value(event.pm25()));
  if (const auto* former = rows.find(kAirDayTable, event.date())) {
    HANSA_TRY(const Ratio replaced, pm25_value(former->pm25()));
    value -= replaced;
  }
  return value;
}

}  // namespace

Result<Ratio> pm25_value(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const bool decimals_fit =
      point == std::string_view::npos || are_digits(decimals, kDecimalsMax);
  if (!are_digits(whole, kWholeDigitsMax) || !decimals_fit) {
    return fail(Errc::kBadRequest,
                "pm25 must be a decimal number from 0 to 9999 with at most 20 digits behind the "
                "point, like 35.5; got `" + std::string(whole_characters(text, kShownMax)) + "`",
                "/pm25");
  }
  v1::Fraction fraction;
  fraction.set_numerator(std::string(whole) + std::string(decimals));
  fraction.set_denominator("1" + std::string(decimals.size(), '0'));
  return to_ratio(fraction);
}

Result<Ratio> sum_of(const v1::AirYear& row) {
  auto sum = to_ratio(row.sum());
  if (sum) return sum;
  return fail(Errc::kInternal,
              "the row of the air of " + std::to_string(row.year()) + " holds no exact sum");
}

Result<void> check_recorded(const v1::AirQualityRecorded& event) {
  if (event.date().empty() || event.pm25().empty()) {
    const std::string missing = event.date().empty() ? "date" : "pm25";
    return fail(Errc::kBadRequest, missing + " is missing; a day's air is its date and its pm25",
                "/" + missing);
  }
  HANSA_CHECK(year_of(event.date()));
  HANSA_CHECK(pm25_value(event.pm25()));
  return {};
}

Result<void> check_recorded(const v1::PopulationRecorded& event) {
  return check_population(event.people(), event.year());
}

// ---- decide

Result<Decision> decide_city(const CityScope& scope, const v1::RecordAirQuality& command) {
  Decision decision;
  decision.subject_id = command.city();
  std::set<std::string_view> named;
  for (int i = 0; i < command.days_size(); ++i) {
    const auto& day = command.days(i);
    const std::string at = "/days/" + std::to_string(i);
    if (auto checked = check_day(day); !checked) {
      Error error = std::move(checked).error();
      error.pointer = at + error.pointer;
      return fail(std::move(error));
    }
    if (!named.insert(day.date()).second) {
      return fail(Errc::kBadRequest, "the day " + day.date() + " is named twice", at + "/date");
    }
    HANSA_TRY(const bool known, is_known(scope.view, day));
    if (known) continue;
    auto& recorded = *decision.events.emplace_back().mutable_air_quality_recorded();
    recorded.set_date(day.date());
    recorded.set_pm25(day.pm25());
  }
  decision.unchanged = decision.events.empty();
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RecordPopulation& command) {
  HANSA_CHECK(check_population(command.people(), command.year()));
  Decision decision;
  decision.subject_id = command.city();
  const auto* row = scope.view.find(kPopulationTable, big_endian(command.year()));
  decision.unchanged = row != nullptr && row->people() == command.people();
  if (decision.unchanged) return decision;
  auto& recorded = *decision.events.emplace_back().mutable_population_recorded();
  recorded.set_people(command.people());
  recorded.set_year(command.year());
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::AirQualityRecorded& event, const EntryContext&) {
  if (event.date().empty() || event.pm25().empty()) return {};
  const auto year = year_of(event.date());
  if (!year) return fail(broken("AirQualityRecorded", year.error()));
  const auto more = difference(rows, event);
  if (!more) return fail(broken("AirQualityRecorded", more.error()));
  const bool is_correction = rows.find(kAirDayTable, event.date()) != nullptr;
  const std::string key = big_endian(*year);
  Ratio sum = *more;
  if (const auto* row = rows.find(kAirYearTable, key)) {
    HANSA_TRY(const Ratio former, sum_of(*row));
    sum += former;
  }
  auto& year_row = rows.put(kAirYearTable, key);
  year_row.set_year(*year);
  if (!is_correction) year_row.set_days(year_row.days() + 1);
  *year_row.mutable_sum() = to_fraction(sum);
  rows.put(kAirDayTable, event.date()).set_pm25(event.pm25());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::PopulationRecorded& event, const EntryContext&) {
  if (event.people() == 0 || event.year() == 0) return {};
  if (auto checked = check_population(event.people(), event.year()); !checked) {
    return fail(broken("PopulationRecorded", checked.error()));
  }
  auto& row = rows.put(kPopulationTable, big_endian(event.year()));
  row.set_year(event.year());
  row.set_people(event.people());
  const auto* city = rows.find(kCityTable, "");
  if (city != nullptr && city->population_year() <= event.year()) {
    auto& shown = rows.put(kCityTable, "");
    shown.set_population(event.people());
    shown.set_population_year(event.year());
  }
  return {};
}

}  // namespace hansa
