#include "ops/cli/price.h"

#include <filesystem>
#include <sstream>

#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

std::string time_text_of(double seconds) {
  if (seconds < 1) return "less than a second";
  const auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 120) return "about " + std::to_string(whole) + " s";
  return "about " + std::to_string((whole + 30) / 60) + " min";
}

std::string number(std::optional<uint64_t> value) {
  return value ? json_text(std::to_string(*value)) : "null";
}

}  // namespace

void print_price(const Price& price, bool json) {
  if (json) {
    print_line("{\"step\":" + json_text(price.step) + ",\"records\":" + number(price.records) +
               ",\"bytes\":" + number(price.bytes) + ",\"free_bytes\":" +
               number(price.free_bytes) + ",\"seconds\":" + std::to_string(price.seconds) +
               ",\"rate\":" + json_text(price.rate) + ",\"readers\":" + json_text(price.readers) +
               "}");
    return;
  }
  print_line("would " + price.step + "; nothing is done now");
  if (price.records > 0) print_line("  reads    " + std::to_string(price.records) + " records");
  print_line("  time     " + time_text_of(price.seconds) +
             (price.rate.empty() ? "" : " (" + price.rate + ")"));
  print_line("  space    " + (price.bytes ? std::to_string(*price.bytes) + " bytes: " : "") +
             price.room +
             (price.free_bytes ? "; " + std::to_string(*price.free_bytes) + " are free" : ""));
  if (price.bytes && price.free_bytes && *price.bytes > *price.free_bytes) {
    print_line("           THERE IS NOT ROOM ENOUGH");
  }
  print_line("  readers  " + price.readers);
}

std::optional<uint64_t> free_bytes(const std::string& folder) {
  auto at = std::filesystem::absolute(folder);
  while (!std::filesystem::exists(at) && at.has_relative_path()) at = at.parent_path();
  std::error_code error;
  const auto space = std::filesystem::space(at, error);
  if (error) return std::nullopt;
  return space.available;
}

Result<std::optional<double>> series_value(const std::string& metrics, const std::string& series,
                                           const std::string& labels) {
  HANSA_TRY(auto client, Client::open(metrics, ""));
  HANSA_TRY(const auto answer, client.request({"GET", "/metrics"}));
  std::istringstream lines(answer.body);
  const auto begin = series + (labels.empty() ? "" : "{" + labels + "}") + " ";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(begin)) return std::stod(line.substr(begin.size()));
  }
  return std::optional<double>();
}

}  // namespace hansa::ops
