// Metrics catalogue: every series that a node shows, what it means and which law it watches.
//
// Shape:   a row a series: name, type, labels and where their values come from, meaning, law of
//          DESIGN §1 (0: none of them; it says how busy the node is). The unit is how the name ends
//          (unit_of). What is scraped takes its help and its type from here; `hansa
//          metrics-catalogue` prints it, docs/reference/metrics.md is its --markdown.
// Errors:  series_info() of a name that is not here is a mistake in the program, which ends.
// Threads: free for all.
// Limits:  no label takes its values from callers.
// Source:  DESIGN §9.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace hansa::ops {

enum class SeriesType : uint8_t { kCounter, kGauge, kHistogram };

struct SeriesLabel {
  std::string_view name;
  std::string_view values;
};

struct SeriesInfo {
  std::string_view name;
  SeriesType type;
  std::array<const SeriesLabel*, 2> labels;  // nullptr: no more
  int law;
  std::string_view meaning;
};

std::span<const SeriesInfo> metrics_catalogue();
const SeriesInfo& series_info(std::string_view name);
// The series, for a scrape, without a value yet.
prometheus::MetricFamily empty_family(std::string_view name);

std::string_view type_name(SeriesType type);
// "seconds", "bytes", …; "1 or 0" of …_bool.
std::string_view unit_of(const SeriesInfo& series);
inline constexpr int kLaws = 6;
// What law `number` says, in a few words; empty for 0.
std::string_view law_text(int number);

}  // namespace hansa::ops
