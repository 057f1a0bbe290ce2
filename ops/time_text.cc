#include "ops/time_text.h"

#include <chrono>

#include "core/base/durations.h"

namespace hansa::ops {
namespace {

void put_digits(char* at, int count, uint32_t value) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Reads exactly `count` digits at `text[at]`; -1 if they are not there.
int digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// "Z" or "+08:00" as microseconds east of UTC.
std::optional<int64_t> parse_offset_us(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digits(text, 1, 2);
  const int minutes = digits(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const int64_t offset_us = (hours * 3600 + minutes * 60) * kSecondUs;
  return text[0] == '-' ? -offset_us : offset_us;
}

}  // namespace

void append_time_text(std::string& out, int64_t time_us) {
  int64_t day = time_us / kDayUs;
  int64_t in_day_us = time_us % kDayUs;
  if (in_day_us < 0) {
    --day;
    in_day_us += kDayUs;
  }
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(day)}}};
  const auto second = static_cast<uint32_t>(in_day_us / kSecondUs);
  const auto fraction = static_cast<uint32_t>(in_day_us % kSecondUs);
  char text[] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, 4, static_cast<uint32_t>(static_cast<int>(date.year())));
  put_digits(text + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text + 11, 2, second / 3600);
  put_digits(text + 14, 2, second / 60 % 60);
  put_digits(text + 17, 2, second % 60);
  put_digits(text + 20, 6, fraction);
  const size_t length = fraction == 0 ? 19 : fraction % 1000 == 0 ? 23 : 26;
  text[length] = 'Z';
  out.append(text, length + 1);
}

std::string time_text(int64_t time_us) {
  std::string text;
  append_time_text(text, time_us);
  return text;
}

std::optional<int64_t> parse_time_text(std::string_view text) {
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (year < 1 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59) {
    return std::nullopt;
  }
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;

  size_t at = 19;
  int64_t fraction_us = 0;
  if (at < text.size() && text[at] == '.') {
    int64_t unit_us = kSecondUs / 10;
    size_t count = 0;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
      fraction_us += (text[at] - '0') * unit_us;
      unit_us /= 10;
    }
    if (count < 1 || count > 6) return std::nullopt;
  }
  const auto offset_us = parse_offset_us(text.substr(at));
  if (!offset_us) return std::nullopt;
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * kDayUs + (hour * 3600 + minute * 60 + second) * kSecondUs + fraction_us -
         *offset_us;
}

}  // namespace hansa::ops
