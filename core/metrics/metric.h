// Metric: the catalogue of figures that a city publishes, and how each follows from its sums.
//
// Shape:   metrics() lists id, version, title, unit, formula and what counts; find_metric() one of
//          them. reckon(metric, sum) makes the figure of a RangeSum: its value is exact, rounded
//          only in `value` for display. A new meaning is a new version.
//          A figure's sample is what stands below the line, `met` what stands above it.
// Units:   `seconds` or `ratio`.
// Errors:  kUnknownMetric for an id outside the catalogue.
// Threads: the catalogue is immutable.
// Source:  DOMAIN §1.1, SPEC §3; DESIGN §7.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/metrics/scope.h"
#include "core/metrics/tally.h"
#include "hansa/v1/reads.pb.h"

namespace hansa {

struct MetricInfo {
  std::string_view id;
  uint32_t version;
  std::string_view title;
  std::string_view unit;
  std::string_view formula;
  std::string_view counts;
  Measure measure;
  std::string_view inputs;         // event fields, parted by spaces
  std::string_view target_policy;  // of core/base/policy.h; empty: none
};

std::span<const MetricInfo> metrics();
Result<const MetricInfo*> find_metric(std::string_view id);

// Whether it is above the line of this metric.
bool is_above(const MetricInfo& metric, const Counted& counted);

// `ranking_sample`: from how many on the figure is ranked.
v1::Figure reckon(const MetricInfo& metric, const RangeSum& sum, const Ratio& ranking_sample);

struct FigureQuery {
  Scope scope = Scope::kCity;
  std::string id;
  DayRange days;
};

// The figure with the query in it.
v1::Figure make_figure(const MetricInfo& metric, const RangeSum& sum, const FigureQuery& query,
                       const Ratio& ranking_sample);

v1::ExactValue to_exact(const Ratio& ratio);

}  // namespace hansa
