#include "ops/time_zone.h"

#include <date/tz.h>

#include "ops/nearest.h"

namespace hansa::ops {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
  return names;
}

v1::OffsetTransition transition(date::sys_seconds from, seconds offset) {
  v1::OffsetTransition row;
  row.set_utc_time_s(from.time_since_epoch().count());
  row.set_offset_s(static_cast<int32_t>(offset.count()));
  return row;
}

// Rules like "the second Sunday of March" give the same days in a year whose first of March is the
// same day of the week: 2027, 2033 and 2029 are models of 2038, 2039 and 2040.
void continue_last_rule(std::vector<v1::OffsetTransition>& rows) {
  constexpr int32_t kLastListed = 2037;
  constexpr std::pair<int32_t, int32_t> kModels[] = {{2038, 2027}, {2039, 2033}, {2040, 2029}};
  const auto starts_s = [](int32_t year) { return civil_day(year, 1, 1) * 86'400; };
  if (rows.back().utc_time_s() < starts_s(kLastListed) ||
      rows.back().utc_time_s() >= starts_s(kLastListed + 1)) {
    return;
  }
  const auto listed = rows;
  for (const auto& [year, model] : kModels) {
    const int64_t shift_s = (civil_day(year, 3, 1) - civil_day(model, 3, 1)) * 86'400;
    for (auto row : listed) {
      if (row.utc_time_s() < starts_s(model) || row.utc_time_s() >= starts_s(model + 1)) continue;
      row.set_utc_time_s(row.utc_time_s() + shift_s);
      rows.push_back(row);
    }
  }
}

}  // namespace

TimeZone::TimeZone(std::string name, const date::time_zone* zone)
    : name_(std::move(name)), zone_(zone) {}

Result<TimeZone> TimeZone::open(const std::string& name) {
  try {
    return TimeZone(name, date::locate_zone(name));
  } catch (const std::exception&) {
    std::vector<std::string> names;
    try {
      names = zone_names();
    } catch (const std::exception&) {
      return fail(Errc::kBadConfig, "expected the system's time zones (Debian package tzdata)");
    }
    return fail(Errc::kBadConfig, "expected a time zone like Asia/Shanghai, got `" + name + "`" +
                                      did_you_mean(name, names));
  }
}

std::vector<v1::OffsetTransition> TimeZone::offsets() const {
  const date::sys_seconds first = date::sys_days(date::year(2000) / 1 / 1);
  const date::sys_seconds last = date::sys_days(date::year(2041) / 1 / 1);
  std::vector<v1::OffsetTransition> rows;
  auto info = zone_->get_info(first);
  rows.push_back(transition(first, info.offset));
  while (info.end < last) {
    const auto at = info.end;
    info = zone_->get_info(at);
    if (info.offset.count() != rows.back().offset_s()) {
      rows.push_back(transition(at, info.offset));
    }
  }
  continue_last_rule(rows);
  return rows;
}

Result<int64_t> TimeZone::to_utc_us(int64_t local_us) const {
  const date::local_time<microseconds> local{microseconds(local_us)};
  const auto info = zone_->get_info(local);
  if (info.result == date::local_info::nonexistent) {
    return fail(Errc::kBadRequest, "the clocks of " + name_ + " skip this time");
  }
  return local_us - std::chrono::duration_cast<microseconds>(info.first.offset).count();
}

int64_t TimeZone::standard_to_utc_us(int64_t local_us) const {
  const date::local_time<microseconds> local{microseconds(local_us)};
  auto info = zone_->get_info(local).first;
  // The system's files say whether it is summer time, not by how much: what follows it is standard.
  if (info.save != std::chrono::minutes(0)) info = zone_->get_info(info.end);
  return local_us - std::chrono::duration_cast<microseconds>(info.offset).count();
}

int64_t TimeZone::to_local_us(int64_t utc_us) const {
  const date::sys_time<microseconds> utc{microseconds(utc_us)};
  const auto info = zone_->get_info(std::chrono::floor<seconds>(utc));
  return utc_us + std::chrono::duration_cast<microseconds>(info.offset).count();
}

int64_t civil_day(int32_t year, uint32_t month, uint32_t day) {
  return date::sys_days(date::year(year) / static_cast<int>(month) / static_cast<int>(day))
      .time_since_epoch()
      .count();
}

bool is_civil_day(int32_t year, uint32_t month, uint32_t day) {
  return date::year_month_day(date::year(year), date::month(month), date::day(day)).ok();
}

}  // namespace hansa::ops
