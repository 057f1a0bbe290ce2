#include "ops/json_log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "ops/json.h"
#include "ops/system_env.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

spdlog::logger& logger() {
  static const auto kLogger = [] {
    auto made = std::make_shared<spdlog::logger>("hansa",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *kLogger;
}

}  // namespace

void set_log_level(LogLevel lowest) { logger().set_level(spdlog_level(lowest)); }

JsonLine::JsonLine(LogLevel level, std::string_view event) : level_(level) {
  if (!logger().should_log(spdlog_level(level))) return;
  line_ = "{\"time\":\"";
  append_time_text(line_, SystemEnv().now_us());
  line_ += "\",\"level\":\"";
  line_ += level_name(level);
  line_ += '"';
  field("event", event);
}

JsonLine::~JsonLine() {
  if (line_.empty()) return;
  line_ += '}';
  logger().log(spdlog_level(level_), "{}", line_);
}

JsonLine& JsonLine::field(std::string_view name, std::string_view value) {
  if (line_.empty()) return *this;
  line_ += ',';
  append_json_text(line_, name);
  line_ += ':';
  append_json_text(line_, value);
  return *this;
}

JsonLine& JsonLine::field(std::string_view name, bool value) {
  return number(name, value ? "true" : "false");
}

JsonLine& JsonLine::number(std::string_view name, const std::string& text) {
  if (line_.empty()) return *this;
  line_ += ',';
  append_json_text(line_, name);
  line_ += ':';
  line_ += text;
  return *this;
}

}  // namespace hansa::ops
