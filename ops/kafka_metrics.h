// Kafka metrics: what librdkafka's clients report of themselves, as series for Prometheus.
//
// Shape:   kafka_families() reads the answer of Log::statistics(), one JSON object a client, and
//          gives series `hansa_streams_kafka_…` with labels client (producer, consumer) and, of
//          what is measured for each broker, broker (its number, or what bootstrapped).
// Units:   seconds and bytes; librdkafka's own are microseconds.
// Errors:  an object that cannot be read gives no series.
// Source:  librdkafka's STATISTICS.md.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace hansa::ops {

std::vector<prometheus::MetricFamily> kafka_families(const std::vector<std::string>& statistics);

}  // namespace hansa::ops
