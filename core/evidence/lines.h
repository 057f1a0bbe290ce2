// The small parts that the line formats of evidence are made of.
//
// Shape:   take_line(rest) takes the text up to the next newline off `rest`, the newline with it.
//          parse_decimal(text) is a count as the formats write it: no sign, no leading zero.
// Errors:  nullopt: no newline is left and `rest` is unchanged; another form, or 2^64 and more.
// Threads: free for all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hansa {

std::optional<std::string_view> take_line(std::string_view& rest);
std::optional<uint64_t> parse_decimal(std::string_view text);

}  // namespace hansa
