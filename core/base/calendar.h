// WorkingCalendar: adds and measures working time exactly, on the calendar that a city adopted.
//
// Shape:   an instant works when the local day it falls on works and its local time lies in one of
//          the day's periods. A day works by its weekday, unless it is an exception: a holiday has
//          no periods, a make-up day has those of the weekday it names. Periods end by midnight; a
//          night shift is two of them.
//          working_us_between(a, b) is the working time in [a, b). add_working_us(t, w) is the
//          earliest instant u with working_us_between(t, u) == w; the two are inverse. What a clock
//          change skips works for nobody, what it repeats counts twice.
// Units:   instants in microseconds since 1970 UTC, working time in microseconds, days since
//          1970-01-01 in local time. Local time is UTC + the offset of the last transition; before
//          the first transition its offset holds, without any it is UTC.
// Errors:  add_working_us: kLimitReached when the calendar has too little working time ahead.
//          validate_calendar: kBadRequest with the place of the mistake.
// Threads: reads only; the calendar must outlive it.
// Limits:  20 years ahead; the cost grows with the days looked at, not with the calendar.
// Source:  SPEC §3.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "hansa/v1/city.pb.h"

namespace hansa {

// Times beyond the year 9999 are refused at every door, so that sums of times cannot overflow.
inline constexpr int64_t kTimeUsMax = 253'402'300'799'999'999;

class WorkingCalendar {
 public:
  // `calendar` must have passed validate_calendar.
  explicit WorkingCalendar(const v1::Calendar& calendar) : calendar_(calendar) {}

  Result<int64_t> add_working_us(int64_t time_us, int64_t working_us) const;
  int64_t working_us_between(int64_t from_us, int64_t to_us) const;
  int32_t local_day(int64_t time_us) const;

 private:
  struct Offset {
    int64_t offset_us;
    int64_t until_us;
  };
  Offset offset_at(int64_t time_us) const;
  // 1 = Monday … 7 = Sunday; 0 for a day without hours.
  uint32_t hours_of_day(int64_t day) const;
  // Calls visit(start_us, end_us) for every stretch of working time in [from, to), in order, until
  // it answers false.
  template <typename Visit>
  void visit_stretches(int64_t from_us, int64_t to_us, const Visit& visit) const;

  const v1::Calendar& calendar_;
};

Result<void> validate_calendar(const v1::Calendar& calendar);

// Mon–Fri 09:00–17:00 UTC: what holds until a city adopts its own.
const v1::Calendar& default_calendar();

}  // namespace hansa
