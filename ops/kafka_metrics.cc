#include "ops/kafka_metrics.h"

#include <boost/json/parse.hpp>
#include <iterator>
#include <span>

namespace hansa::ops {
namespace {

namespace json = boost::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr double kMicroseconds = 1e-6;

struct Series {
  const char* field;
  const char* part;  // of the field, where it is a window of values; else nullptr
  const char* name;
  const char* help;
  MetricType type;
  double unit;
};

constexpr Series kOfClient[] = {
    {"msg_cnt", nullptr, "hansa_streams_kafka_queued_records", "Records that wait to be sent",
     MetricType::Gauge, 1},
    {"msg_size", nullptr, "hansa_streams_kafka_queued_bytes", "Bytes that wait to be sent",
     MetricType::Gauge, 1},
    {"txmsgs", nullptr, "hansa_streams_kafka_sent_records_total", "Records sent",
     MetricType::Counter, 1},
    {"rxmsgs", nullptr, "hansa_streams_kafka_received_records_total", "Records received",
     MetricType::Counter, 1},
    {"tx_bytes", nullptr, "hansa_streams_kafka_sent_bytes_total", "Bytes sent to brokers",
     MetricType::Counter, 1},
    {"rx_bytes", nullptr, "hansa_streams_kafka_received_bytes_total", "Bytes from brokers",
     MetricType::Counter, 1},
};

constexpr Series kOfBroker[] = {
    {"rtt", "p50", "hansa_streams_kafka_broker_round_trip_p50_seconds",
     "From a request to its answer, the last second's median", MetricType::Gauge, kMicroseconds},
    {"rtt", "p99", "hansa_streams_kafka_broker_round_trip_p99_seconds",
     "From a request to its answer, the last second's 99th percentile", MetricType::Gauge,
     kMicroseconds},
    {"outbuf_cnt", nullptr, "hansa_streams_kafka_broker_waiting_requests",
     "Requests that wait to be sent", MetricType::Gauge, 1},
    {"waitresp_cnt", nullptr, "hansa_streams_kafka_broker_open_requests",
     "Requests without an answer yet", MetricType::Gauge, 1},
    {"txerrs", nullptr, "hansa_streams_kafka_broker_send_errors_total", "Sends that failed",
     MetricType::Counter, 1},
    {"req_timeouts", nullptr, "hansa_streams_kafka_broker_timeouts_total",
     "Requests without an answer in time", MetricType::Counter, 1},
    {"disconnects", nullptr, "hansa_streams_kafka_broker_disconnects_total", "Connections lost",
     MetricType::Counter, 1},
};

double value_of(const json::object& object, const Series& series) {
  const json::value* found = object.if_contains(series.field);
  if (found != nullptr && series.part != nullptr) {
    found = found->is_object() ? found->get_object().if_contains(series.part) : nullptr;
  }
  if (found == nullptr || !found->is_number()) return 0;
  return found->to_number<double>() * series.unit;
}

std::string text_or_empty(const json::object& object, const char* field) {
  const auto* found = object.if_contains(field);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

ClientMetric metric(const Series& series, double value, const std::string& client) {
  ClientMetric made;
  made.label.push_back({"client", client});
  if (series.type == MetricType::Counter) {
    made.counter.value = value;
  } else {
    made.gauge.value = value;
  }
  return made;
}

std::vector<MetricFamily> families_of(std::span<const Series> all) {
  std::vector<MetricFamily> families;
  for (const auto& series : all) families.push_back({series.name, series.help, series.type, {}});
  return families;
}

void add_brokers(const json::object& client, const std::string& type,
                 std::vector<MetricFamily>& families) {
  const auto* brokers = client.if_contains("brokers");
  if (brokers == nullptr || !brokers->is_object()) return;
  for (const auto& [name, broker] : brokers->get_object()) {
    if (!broker.is_object()) continue;
    for (size_t i = 0; i < std::size(kOfBroker); ++i) {
      const Series& series = kOfBroker[i];
      families[i].metric.push_back(metric(series, value_of(broker.get_object(), series), type));
      families[i].metric.back().label.push_back({"broker", std::string(name)});
    }
  }
}

}  // namespace

std::vector<MetricFamily> kafka_families(const std::vector<std::string>& statistics) {
  auto of_client = families_of(kOfClient);
  auto of_broker = families_of(kOfBroker);
  for (const auto& text : statistics) {
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    if (error || !value.is_object()) continue;
    const auto& client = value.get_object();
    const std::string type = text_or_empty(client, "type");
    for (size_t i = 0; i < std::size(kOfClient); ++i) {
      const Series& series = kOfClient[i];
      of_client[i].metric.push_back(metric(series, value_of(client, series), type));
    }
    add_brokers(client, type, of_broker);
  }
  if (statistics.empty()) return {};
  of_client.insert(of_client.end(), std::make_move_iterator(of_broker.begin()),
                   std::make_move_iterator(of_broker.end()));
  return of_client;
}

}  // namespace hansa::ops
