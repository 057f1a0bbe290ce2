// Families of series as a test looks them up: name,label=value,… -> value.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

namespace hansa::ops::testing {

inline std::map<std::string, double> series_of(
    const std::vector<prometheus::MetricFamily>& families) {
  std::map<std::string, double> all;
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      std::string name = family.name;
      for (const auto& label : metric.label) name += "," + label.name + "=" + label.value;
      const bool is_counter = family.type == prometheus::MetricType::Counter;
      all[name] = is_counter ? metric.counter.value : metric.gauge.value;
    }
  }
  return all;
}

}  // namespace hansa::ops::testing
