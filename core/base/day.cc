#include "core/base/day.h"

#include <algorithm>
#include <chrono>

#include "core/base/schema.h"

namespace hansa {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::string_view kForm = "dddd-dd-dd";

bool has_form(std::string_view text) {
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char found, char wanted) {
           return wanted == '-' ? found == '-' : found >= '0' && found <= '9';
         });
}

unsigned number(std::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

std::string padded(unsigned value, size_t digits) {
  std::string text = std::to_string(value);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

}  // namespace

Result<int32_t> parse_day(std::string_view text, std::string_view field) {
  if (has_form(text)) {
    const year_month_day date(year(static_cast<int>(number(text.substr(0, 4)))),
                              month(number(text.substr(5, 2))), day(number(text.substr(8, 2))));
    if (date.ok() && date.year() >= year(1970)) {
      return static_cast<int32_t>(sys_days(date).time_since_epoch().count());
    }
  }
  return fail(Errc::kBadRequest,
              std::string(field) + " must be a day that exists, like 2025-01-31; got `" +
                  std::string(whole_characters(text, 40)) + "`",
              "/" + std::string(field));
}

std::string day_text(int32_t day) {
  const year_month_day date{sys_days{std::chrono::days{day}}};
  return padded(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2);
}

}  // namespace hansa
