#include "ops/demo/delta_air.h"

#include <algorithm>

#include "core/city/air.h"
#include "ops/demo/delta_city.h"
#include "ops/files.h"
#include "ops/import/csv.h"

namespace hansa::ops {
namespace {

constexpr size_t kAirFileBytesMax = size_t{64} << 20;

struct Columns {
  size_t city;
  size_t date;
  size_t pm25;
};

Result<Columns> columns_of(const CsvTable& table) {
  const auto city = table.column("city");
  const auto date = table.column("date");
  const auto pm25 = table.column("pm25");
  if (city && date && pm25) return Columns{*city, *date, *pm25};
  return fail(Errc::kBadFile, table.name + ":1: expected the columns city, date and pm25");
}

class Reading {
 public:
  Result<void> add(const CsvRecord& row, const Columns& columns) {
    const auto city = codes_.find(row.fields[columns.city]);
    if (city == codes_.end()) {
      return fail(Errc::kBadFile, "expected the code of one of the 41 cities of the Yangtze Delta, "
                                  "like 310000; got `" + row.fields[columns.city] + "`");
    }
    v1::AirQualityRecorded recorded;
    recorded.set_date(row.fields[columns.date]);
    recorded.set_pm25(row.fields[columns.pm25]);
    HANSA_CHECK(check_recorded(recorded));
    const auto [first, is_new] = lines_.try_emplace({city->second, recorded.date()}, row.line);
    if (!is_new) {
      return fail(Errc::kBadFile, "expected each day of a city once; line " +
                                      std::to_string(first->second) + " gives " +
                                      recorded.date() + " of " + city->second + " already");
    }
    auto& day = air_.days[city->second].emplace_back();
    day.set_date(recorded.date());
    day.set_pm25(recorded.pm25());
    const auto year = static_cast<uint32_t>(std::stoul(recorded.date().substr(0, 4)));
    air_.year = std::max(air_.year, year);
    return {};
  }
  DeltaAir take() { return std::move(air_); }

 private:
  std::map<std::string, std::string> codes_ = delta_city_codes();
  std::map<std::pair<std::string, std::string>, uint64_t> lines_;  // by city and date
  DeltaAir air_;
};

}  // namespace

Result<DeltaAir> read_delta_air(const std::string& file) {
  HANSA_TRY(const auto text, read_file(file, kAirFileBytesMax));
  HANSA_TRY(const auto table, parse_csv_table(text, file));
  HANSA_TRY(const auto columns, columns_of(table));
  Reading reading;
  for (const auto& row : table.rows) {
    if (const auto added = reading.add(row, columns); !added) {
      return fail(Errc::kBadFile, file + ":" + std::to_string(row.line) + ": " +
                                      added.error().detail);
    }
  }
  auto air = reading.take();
  if (air.year > kAirYearMin) return air;
  return fail(Errc::kBadFile, file + ": expected days of a year after " +
                                  std::to_string(kAirYearMin) + " and of the one before it");
}

}  // namespace hansa::ops
