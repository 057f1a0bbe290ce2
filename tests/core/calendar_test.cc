// Goal: working time is added and measured exactly, and the two are inverse on any calendar.
// Method: properties over arbitrary calendars with clock changes, holidays and make-up days,
// measured against a count minute by minute; examples for each special day.
#include "core/base/calendar.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace hansa {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
// Monday 2025-01-06 00:00 UTC, day 20 094.
constexpr int64_t kMonday = 20'094 * kDay;

void add_hours(v1::Calendar& calendar, uint32_t weekday, uint32_t open_h, uint32_t close_h) {
  auto& period = *calendar.add_hours();
  period.set_weekday(weekday);
  period.set_open_s(open_h * 3600);
  period.set_close_s(close_h * 3600);
}

v1::ExceptionDay& add_exception(v1::Calendar& calendar, int32_t day) {
  auto& exception = *calendar.add_exceptions();
  exception.set_day(day);
  return exception;
}

v1::Calendar arbitrary_calendar() {
  v1::Calendar calendar;
  calendar.set_time_zone("made up");
  int64_t at_s = kMonday / kSecond - 40 * 86'400;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    auto& transition = *calendar.add_offsets();
    transition.set_utc_time_s(at_s);
    transition.set_offset_s(*rc::gen::inRange(-12 * 60, 14 * 60) * 60);
    at_s += *rc::gen::inRange(1, 40 * 1440) * 60;
  }
  for (uint32_t weekday = 1; weekday <= 7; ++weekday) {
    uint32_t from = *rc::gen::inRange<uint32_t>(0, 12);
    while (from < 24 && *rc::gen::inRange(0, 3) > 0) {
      const uint32_t to = *rc::gen::inRange<uint32_t>(from + 1, 25);
      add_hours(calendar, weekday, from, to);
      from = to + *rc::gen::inRange<uint32_t>(0, 3);
    }
  }
  int32_t day = kMonday / kDay - 30;
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    day += *rc::gen::inRange(1, 15);
    auto& exception = add_exception(calendar, day);
    exception.set_holiday(*rc::gen::arbitrary<bool>());
    if (!exception.holiday()) exception.set_works_as_weekday(*rc::gen::inRange<uint32_t>(1, 8));
  }
  return calendar;
}

int64_t arbitrary_time_us() {
  return kMonday + *rc::gen::inRange<int64_t>(-60 * kDay, 60 * kDay);
}

// Second reckoning: is this minute worked, by the definition alone?
bool minute_works(const v1::Calendar& calendar, int64_t time_us) {
  int64_t offset_s = calendar.offsets().empty() ? 0 : calendar.offsets(0).offset_s();
  for (const auto& row : calendar.offsets()) {
    if (row.utc_time_s() * kSecond <= time_us) offset_s = row.offset_s();
  }
  const int64_t local_s = time_us / kSecond + offset_s;
  const int64_t day = local_s / 86'400;
  uint32_t weekday = (day + 3) % 7 + 1;
  for (const auto& exception : calendar.exceptions()) {
    if (exception.day() == day) weekday = exception.holiday() ? 0 : exception.works_as_weekday();
  }
  for (const auto& period : calendar.hours()) {
    if (period.weekday() == weekday && local_s % 86'400 >= period.open_s() &&
        local_s % 86'400 < period.close_s()) {
      return true;
    }
  }
  return false;
}

RC_GTEST_PROP(WorkingCalendar, MeasuresWhatWasAdded, ()) {
  const auto calendar = arbitrary_calendar();
  RC_ASSERT(validate_calendar(calendar).has_value());
  const WorkingCalendar working(calendar);
  const int64_t from_us = arbitrary_time_us();
  const int64_t work_us = *rc::gen::inRange<int64_t>(0, 60 * kHour);
  const auto end_us = working.add_working_us(from_us, work_us);
  if (!end_us) {
    RC_ASSERT(end_us.error().code == Errc::kLimitReached);
    return;
  }
  RC_ASSERT(working.working_us_between(from_us, *end_us) == work_us);
  // The earliest such instant: one microsecond before, something is missing.
  if (work_us > 0) RC_ASSERT(working.working_us_between(from_us, *end_us - 1) == work_us - 1);
}

RC_GTEST_PROP(WorkingCalendar, MeasureIsAdditiveAndMonotone, ()) {
  const auto calendar = arbitrary_calendar();
  const WorkingCalendar working(calendar);
  const int64_t a = arbitrary_time_us();
  const int64_t b = a + *rc::gen::inRange<int64_t>(0, 20 * kDay);
  const int64_t c = b + *rc::gen::inRange<int64_t>(0, 20 * kDay);
  const int64_t ab = working.working_us_between(a, b);
  const int64_t bc = working.working_us_between(b, c);
  RC_ASSERT(ab >= 0);
  RC_ASSERT(ab <= b - a);
  RC_ASSERT(ab + bc == working.working_us_between(a, c));
}

RC_GTEST_PROP(WorkingCalendar, AddingTwiceIsAddingTheSum, ()) {
  const auto calendar = arbitrary_calendar();
  const WorkingCalendar working(calendar);
  const int64_t from_us = arbitrary_time_us();
  const int64_t one_us = *rc::gen::inRange<int64_t>(0, 30 * kHour);
  const int64_t two_us = *rc::gen::inRange<int64_t>(1, 30 * kHour);
  const auto at_once = working.add_working_us(from_us, one_us + two_us);
  if (!at_once) return;
  const auto first = working.add_working_us(from_us, one_us);
  RC_ASSERT(first.has_value());
  RC_ASSERT(*first <= *at_once);
  const auto second = working.add_working_us(*first, two_us);
  RC_ASSERT(second.has_value());
  RC_ASSERT(*second == *at_once);
}

RC_GTEST_PROP(WorkingCalendar, AgreesWithACountMinuteByMinute, ()) {
  const auto calendar = arbitrary_calendar();
  const WorkingCalendar working(calendar);
  const int64_t from_us = arbitrary_time_us() / (60 * kSecond) * 60 * kSecond;
  const int64_t minutes = *rc::gen::inRange(0, 6 * 1440);
  int64_t counted_us = 0;
  for (int64_t i = 0; i < minutes; ++i) {
    if (minute_works(calendar, from_us + i * 60 * kSecond)) counted_us += 60 * kSecond;
  }
  RC_ASSERT(working.working_us_between(from_us, from_us + minutes * 60 * kSecond) == counted_us);
}

TEST(WorkingCalendar, FiveWorkingDaysEndAWeekLater) {
  const WorkingCalendar working(default_calendar());
  // Wednesday 10:00 + 40 h: Wednesday 10:00 of the next week.
  const int64_t wednesday_us = kMonday + 2 * kDay + 10 * kHour;
  EXPECT_EQ(*working.add_working_us(wednesday_us, 40 * kHour), wednesday_us + 7 * kDay);
  // Monday 09:00 + 40 h: the end of Friday, not the morning after the weekend.
  EXPECT_EQ(*working.add_working_us(kMonday + 9 * kHour, 40 * kHour),
            kMonday + 4 * kDay + 17 * kHour);
}

TEST(WorkingCalendar, HolidayOnAWeekdayAndMakeUpSaturday) {
  v1::Calendar calendar = default_calendar();
  const auto monday = static_cast<int32_t>(kMonday / kDay);
  add_exception(calendar, monday).set_holiday(true);
  add_exception(calendar, monday + 5).set_works_as_weekday(1);
  ASSERT_TRUE(validate_calendar(calendar).has_value());
  const WorkingCalendar working(calendar);
  EXPECT_EQ(working.working_us_between(kMonday, kMonday + kDay), 0);
  EXPECT_EQ(working.working_us_between(kMonday + 5 * kDay, kMonday + 6 * kDay), 8 * kHour);
  EXPECT_EQ(working.working_us_between(kMonday + 6 * kDay, kMonday + 7 * kDay), 0);
}

TEST(WorkingCalendar, NightShiftOverLocalMidnightIsOneStretch) {
  v1::Calendar calendar;
  auto& offset = *calendar.add_offsets();
  offset.set_utc_time_s(0);
  offset.set_offset_s(8 * 3600);
  add_hours(calendar, 1, 22, 24);
  add_hours(calendar, 2, 0, 6);
  ASSERT_TRUE(validate_calendar(calendar).has_value());
  const WorkingCalendar working(calendar);
  const int64_t monday_22_local_us = kMonday + 14 * kHour;
  EXPECT_EQ(*working.add_working_us(monday_22_local_us, 8 * kHour), monday_22_local_us + 8 * kHour);
  EXPECT_EQ(working.local_day(monday_22_local_us + 2 * kHour - 1), kMonday / kDay);
  EXPECT_EQ(working.local_day(monday_22_local_us + 2 * kHour), kMonday / kDay + 1);
}

TEST(WorkingCalendar, ClockChangeSkipsAndRepeatsWorkingTime) {
  v1::Calendar calendar;
  for (uint32_t weekday = 1; weekday <= 7; ++weekday) add_hours(calendar, weekday, 0, 6);
  auto& winter = *calendar.add_offsets();
  winter.set_utc_time_s(0);
  winter.set_offset_s(3600);
  // Summer time begins on Monday 01:00 UTC (02:00 to 03:00), ends a week later 01:00 UTC.
  auto& summer = *calendar.add_offsets();
  summer.set_utc_time_s((kMonday + kHour) / kSecond);
  summer.set_offset_s(7200);
  auto& again = *calendar.add_offsets();
  again.set_utc_time_s((kMonday + 7 * kDay + kHour) / kSecond);
  again.set_offset_s(3600);
  ASSERT_TRUE(validate_calendar(calendar).has_value());
  const WorkingCalendar working(calendar);
  EXPECT_EQ(working.working_us_between(kMonday - 12 * kHour, kMonday + 12 * kHour), 5 * kHour);
  EXPECT_EQ(working.working_us_between(kMonday + 7 * kDay - 12 * kHour,
                                       kMonday + 7 * kDay + 12 * kHour),
            7 * kHour);
}

TEST(WorkingCalendar, NeverWorkingIsAnErrorNotAnEndlessLoop) {
  const v1::Calendar never;
  const auto added = WorkingCalendar(never).add_working_us(kMonday, kSecond);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, Errc::kLimitReached);
  EXPECT_EQ(*WorkingCalendar(never).add_working_us(kMonday, 0), kMonday);
}

TEST(WorkingCalendar, LocalDayBefore1970RoundsDown) {
  EXPECT_EQ(WorkingCalendar(default_calendar()).local_day(-1), -1);
  EXPECT_EQ(WorkingCalendar(default_calendar()).local_day(0), 0);
}

TEST(CalendarCheck, NamesThePlaceOfEachMistake) {
  const auto pointer_of = [](const v1::Calendar& calendar) {
    const auto checked = validate_calendar(calendar);
    if (checked) return std::string("accepted");
    EXPECT_EQ(checked.error().code, Errc::kBadRequest);
    return checked.error().pointer;
  };
  v1::Calendar calendar = default_calendar();
  EXPECT_EQ(pointer_of(calendar), "accepted");
  add_hours(calendar, 5, 16, 18);
  EXPECT_EQ(pointer_of(calendar), "/hours/5");
  calendar = default_calendar();
  add_hours(calendar, 8, 9, 17);
  EXPECT_EQ(pointer_of(calendar), "/hours/5/weekday");
  calendar = default_calendar();
  add_hours(calendar, 6, 9, 25);
  EXPECT_EQ(pointer_of(calendar), "/hours/5");
  calendar = default_calendar();
  add_exception(calendar, 7).set_holiday(true);
  add_exception(calendar, 7).set_holiday(true);
  EXPECT_EQ(pointer_of(calendar), "/exceptions/1");
  calendar = default_calendar();
  add_exception(calendar, 7);
  EXPECT_EQ(pointer_of(calendar), "/exceptions/0");
  calendar = default_calendar();
  calendar.add_offsets()->set_offset_s(25 * 3600);
  EXPECT_EQ(pointer_of(calendar), "/offsets/0");
  calendar = default_calendar();
  calendar.add_offsets()->set_utc_time_s(5);
  calendar.add_offsets()->set_utc_time_s(5);
  EXPECT_EQ(pointer_of(calendar), "/offsets/1");
}

}  // namespace
}  // namespace hansa
