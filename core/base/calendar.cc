#include "core/base/calendar.h"

#include <algorithm>
#include <limits>

#include "core/base/assert.h"
#include "core/base/durations.h"

namespace hansa {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kSearchUsMax = 20 * 366 * kDayUs;
constexpr int32_t kOffsetSMax = 24 * 3600;
constexpr int64_t kTransitionSMax = kTimeUsMax / kSecondUs;

int64_t floor_div(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// 1970-01-01 was a Thursday.
uint32_t weekday_of(int64_t day) {
  const int64_t since_monday = (day + 3) % 7;
  return static_cast<uint32_t>((since_monday + 7) % 7) + 1;
}

Result<void> check_offsets(const v1::Calendar& calendar) {
  for (int i = 0; i < calendar.offsets_size(); ++i) {
    const auto& now = calendar.offsets(i);
    const std::string at = "/offsets/" + std::to_string(i);
    if (now.offset_s() < -kOffsetSMax || now.offset_s() > kOffsetSMax) {
      return fail(Errc::kBadRequest, "an offset from UTC must be within 24 hours", at);
    }
    if (now.utc_time_s() < -kTransitionSMax || now.utc_time_s() > kTransitionSMax) {
      return fail(Errc::kBadRequest, "a transition must lie before the year 10000", at);
    }
    if (i > 0 && now.utc_time_s() <= calendar.offsets(i - 1).utc_time_s()) {
      return fail(Errc::kBadRequest, "transitions must be in order of time, each once", at);
    }
  }
  return {};
}

Result<void> check_hours(const v1::Calendar& calendar) {
  for (int i = 0; i < calendar.hours_size(); ++i) {
    const auto& period = calendar.hours(i);
    const std::string at = "/hours/" + std::to_string(i);
    if (period.weekday() < 1 || period.weekday() > 7) {
      return fail(Errc::kBadRequest, "a weekday is 1 for Monday to 7 for Sunday", at + "/weekday");
    }
    if (period.open_s() >= period.close_s() || period.close_s() > kDayS) {
      return fail(Errc::kBadRequest,
                  "a period must open before it closes and close by midnight (86400)", at);
    }
    for (int j = 0; j < i; ++j) {
      const auto& earlier = calendar.hours(j);
      if (earlier.weekday() == period.weekday() && earlier.close_s() > period.open_s()) {
        return fail(Errc::kBadRequest,
                    "the periods of one weekday must be in order and not overlap", at);
      }
    }
  }
  return {};
}

Result<void> check_exceptions(const v1::Calendar& calendar) {
  for (int i = 0; i < calendar.exceptions_size(); ++i) {
    const auto& day = calendar.exceptions(i);
    const std::string at = "/exceptions/" + std::to_string(i);
    if (i > 0 && day.day() <= calendar.exceptions(i - 1).day()) {
      return fail(Errc::kBadRequest, "exception days must be in order, each once", at);
    }
    const bool makes_up = day.works_as_weekday() >= 1 && day.works_as_weekday() <= 7;
    if (day.works_as_weekday() > 7 || day.holiday() == makes_up) {
      return fail(Errc::kBadRequest,
                  "an exception day is either a holiday or works as a weekday 1 to 7", at);
    }
  }
  return {};
}

v1::Calendar make_default_calendar() {
  v1::Calendar calendar;
  calendar.set_time_zone("UTC");
  for (uint32_t weekday = 1; weekday <= 5; ++weekday) {
    auto& period = *calendar.add_hours();
    period.set_weekday(weekday);
    period.set_open_s(9 * 3600);
    period.set_close_s(17 * 3600);
  }
  return calendar;
}

}  // namespace

WorkingCalendar::Offset WorkingCalendar::offset_at(int64_t time_us) const {
  const auto& offsets = calendar_.offsets();
  const auto after = std::upper_bound(
      offsets.begin(), offsets.end(), time_us,
      [](int64_t time, const auto& row) { return time < row.utc_time_s() * kSecondUs; });
  Offset offset{0, std::numeric_limits<int64_t>::max()};
  if (after != offsets.end()) offset.until_us = after->utc_time_s() * kSecondUs;
  if (after != offsets.begin()) {
    offset.offset_us = std::prev(after)->offset_s() * kSecondUs;
  } else if (after != offsets.end()) {
    offset.offset_us = after->offset_s() * kSecondUs;
  }
  return offset;
}

uint32_t WorkingCalendar::hours_of_day(int64_t day) const {
  const auto& exceptions = calendar_.exceptions();
  const auto found =
      std::lower_bound(exceptions.begin(), exceptions.end(), day,
                       [](const auto& row, int64_t wanted) { return row.day() < wanted; });
  if (found == exceptions.end() || found->day() != day) return weekday_of(day);
  return found->works_as_weekday();
}

template <typename Visit>
void WorkingCalendar::visit_stretches(int64_t from_us, int64_t to_us, const Visit& visit) const {
  while (from_us < to_us) {
    const auto [offset_us, until_us] = offset_at(from_us);
    const int64_t end_us = std::min(to_us, until_us);
    const int64_t local_from_us = from_us + offset_us;
    const int64_t local_end_us = end_us + offset_us;
    for (int64_t day = floor_div(local_from_us, kDayUs); day * kDayUs < local_end_us; ++day) {
      const uint32_t weekday = hours_of_day(day);
      for (const auto& period : calendar_.hours()) {
        if (period.weekday() != weekday) continue;
        const int64_t open_us = day * kDayUs + period.open_s() * kSecondUs;
        const int64_t close_us = day * kDayUs + period.close_s() * kSecondUs;
        const int64_t start_us = std::max(open_us, local_from_us);
        const int64_t stop_us = std::min(close_us, local_end_us);
        if (start_us < stop_us && !visit(start_us - offset_us, stop_us - offset_us)) return;
      }
    }
    from_us = end_us;
  }
}

Result<int64_t> WorkingCalendar::add_working_us(int64_t time_us, int64_t working_us) const {
  HANSA_ASSERT(working_us >= 0, "working time to add is never negative");
  if (working_us == 0) return time_us;
  int64_t left_us = working_us;
  int64_t reached_us = 0;
  visit_stretches(time_us, time_us + kSearchUsMax, [&](int64_t start_us, int64_t end_us) {
    const int64_t taken_us = std::min(left_us, end_us - start_us);
    left_us -= taken_us;
    reached_us = start_us + taken_us;
    return left_us > 0;
  });
  if (left_us == 0) return reached_us;
  return fail(Errc::kLimitReached,
              "the city's calendar has less than " + std::to_string(working_us / kSecondUs) +
                  " seconds of working time in the next 20 years; adopt one with working hours");
}

int64_t WorkingCalendar::working_us_between(int64_t from_us, int64_t to_us) const {
  int64_t sum_us = 0;
  visit_stretches(from_us, to_us, [&](int64_t start_us, int64_t end_us) {
    sum_us += end_us - start_us;
    return true;
  });
  return sum_us;
}

int32_t WorkingCalendar::local_day(int64_t time_us) const {
  return static_cast<int32_t>(floor_div(time_us + offset_at(time_us).offset_us, kDayUs));
}

Result<void> validate_calendar(const v1::Calendar& calendar) {
  HANSA_CHECK(check_offsets(calendar));
  HANSA_CHECK(check_hours(calendar));
  return check_exceptions(calendar);
}

const v1::Calendar& default_calendar() {
  static const v1::Calendar kCalendar = make_default_calendar();
  return kCalendar;
}

}  // namespace hansa
