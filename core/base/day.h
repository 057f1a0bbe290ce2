// Day: a day of the calendar as a number and as the text that people write.
//
// Shape:   days count from 1970-01-01 on the proleptic Gregorian calendar; the text is YYYY-MM-DD.
// Errors:  parse_day: kBadRequest for anything but a day that exists, years 1970 to 9999.
// Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hansa {

Result<int32_t> parse_day(std::string_view text, std::string_view field);
std::string day_text(int32_t day);

}  // namespace hansa
