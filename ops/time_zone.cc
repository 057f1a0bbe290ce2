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
