// JsonLog: what operators read: one JSON object a line on standard error.
//
// Shape:   {"time", "level", "event", further fields}. `event` is a fixed word of the program, such
//          as `request_failed`; fields are ids, codes, numbers and paths of this machine. Never
//          give it a text that a caller wrote: logs hold no personal data.
//          JsonLine(LogLevel::kInfo, "served").field("listen", text).field("count", 3);
//          the line is written when the JsonLine goes.
// Threads: any; a line is written whole.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace hansa::ops {

enum class LogLevel : uint8_t { kInfo, kWarning, kError };

// Lines below this level are not written; kInfo at the start.
void set_log_level(LogLevel lowest);

class JsonLine {
 public:
  JsonLine(LogLevel level, std::string_view event);
  ~JsonLine();
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& field(std::string_view name, std::string_view value);
  JsonLine& field(std::string_view name, const char* value) {
    return field(name, std::string_view(value));
  }
  JsonLine& field(std::string_view name, bool value);
  template <std::integral Number>
  JsonLine& field(std::string_view name, Number value) {
    return number(name, std::to_string(value));
  }

 private:
  JsonLine& number(std::string_view name, const std::string& text);

  LogLevel level_;
  std::string line_;  // empty: below the level that is written
};

}  // namespace hansa::ops
