#include "ops/kafka_metrics.h"

#include <boost/json/parse.hpp>
#include <iterator>
#include <span>

#include "ops/metrics_catalogue.h"

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
  double unit = 1;
};

constexpr Series kOfClient[] = {
    {"msg_cnt", nullptr, "hansa_streams_kafka_queued_records"},
    {"msg_size", nullptr, "hansa_streams_kafka_queued_bytes"},
    {"txmsgs", nullptr, "hansa_streams_kafka_sent_records_total"},
    {"rxmsgs", nullptr, "hansa_streams_kafka_received_records_total"},
    {"tx_bytes", nullptr, "hansa_streams_kafka_sent_bytes_total"},
    {"rx_bytes", nullptr, "hansa_streams_kafka_received_bytes_total"},
};

constexpr Series kOfBroker[] = {
    {"rtt", "p50", "hansa_streams_kafka_broker_round_trip_p50_seconds", kMicroseconds},
    {"rtt", "p99", "hansa_streams_kafka_broker_round_trip_p99_seconds", kMicroseconds},
    {"outbuf_cnt", nullptr, "hansa_streams_kafka_broker_waiting_requests"},
    {"waitresp_cnt", nullptr, "hansa_streams_kafka_broker_open_requests"},
    {"txerrs", nullptr, "hansa_streams_kafka_broker_send_errors_total"},
    {"req_timeouts", nullptr, "hansa_streams_kafka_broker_timeouts_total"},
    {"disconnects", nullptr, "hansa_streams_kafka_broker_disconnects_total"},
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

void add_value(MetricFamily& family, const std::string& client, double value) {
  ClientMetric made;
  made.label.push_back({"client", client});
  if (family.type == MetricType::Counter) {
    made.counter.value = value;
  } else {
    made.gauge.value = value;
  }
  family.metric.push_back(std::move(made));
}

std::vector<MetricFamily> families_of(std::span<const Series> all) {
  std::vector<MetricFamily> families;
  for (const auto& series : all) families.push_back(empty_family(series.name));
  return families;
}

void add_brokers(const json::object& client, const std::string& type,
                 std::vector<MetricFamily>& families) {
  const auto* brokers = client.if_contains("brokers");
  if (brokers == nullptr || !brokers->is_object()) return;
  for (const auto& [name, broker] : brokers->get_object()) {
    if (!broker.is_object()) continue;
    for (size_t i = 0; i < std::size(kOfBroker); ++i) {
      add_value(families[i], type, value_of(broker.get_object(), kOfBroker[i]));
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
      add_value(of_client[i], type, value_of(client, kOfClient[i]));
    }
    add_brokers(client, type, of_broker);
  }
  if (statistics.empty()) return {};
  of_client.insert(of_client.end(), std::make_move_iterator(of_broker.begin()),
                   std::make_move_iterator(of_broker.end()));
  return of_client;
}

}  // namespace hansa::ops
