// Times as text: RFC 3339 in UTC, as JSON, tables and messages show them.
//
// Shape:   2025-01-01T08:00:00Z, with 3 or 6 digits of fraction only where they are not zero.
//          Input may have any offset (+08:00, Z) and 1 to 6 digits of fraction.
// Units:   microseconds since 1970 UTC; years 1 to 9999.
// Errors:  parse_time_text answers nullopt for anything that is not such a time, leap seconds too.
// Threads: pure.
// Source:  RFC 3339; SPEC §1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hansa::ops {

void append_time_text(std::string& out, int64_t time_us);
std::string time_text(int64_t time_us);
std::optional<int64_t> parse_time_text(std::string_view text);

}  // namespace hansa::ops
