// Goal: what librdkafka reports reaches Prometheus in the units that the names say, and a report
// that cannot be read breaks no scrape. Method: reports as it writes them, cut to what is read.
#include "ops/kafka_metrics.h"

#include <gtest/gtest.h>

#include "tests/ops/series_of.h"

namespace hansa::ops {
namespace {

std::map<std::string, double> series(const std::vector<std::string>& statistics) {
  return testing::series_of(kafka_families(statistics));
}

TEST(KafkaMetrics, AreInTheUnitsOfTheirNames) {
  const auto all = series({R"({"type":"producer","msg_cnt":3,"msg_size":4096,"txmsgs":17,
    "brokers":{"b:9092/1":{"rtt":{"p50":1500,"p99":250000},"txerrs":2,"disconnects":1}}})",
                           R"({"type":"consumer","rxmsgs":5,"brokers":{}})"});
  EXPECT_EQ(all.at("hansa_streams_kafka_queued_records,client=producer"), 3);
  EXPECT_EQ(all.at("hansa_streams_kafka_queued_bytes,client=producer"), 4096);
  EXPECT_EQ(all.at("hansa_streams_kafka_sent_records_total,client=producer"), 17);
  EXPECT_EQ(all.at("hansa_streams_kafka_received_records_total,client=consumer"), 5);
  const std::string broker = ",client=producer,broker=b:9092/1";
  EXPECT_DOUBLE_EQ(all.at("hansa_streams_kafka_broker_round_trip_p50_seconds" + broker), 0.0015);
  EXPECT_DOUBLE_EQ(all.at("hansa_streams_kafka_broker_round_trip_p99_seconds" + broker), 0.25);
  EXPECT_EQ(all.at("hansa_streams_kafka_broker_send_errors_total" + broker), 2);
  EXPECT_EQ(all.at("hansa_streams_kafka_broker_timeouts_total" + broker), 0);
}

TEST(KafkaMetrics, WhatCannotBeReadGivesNoSeries) {
  EXPECT_TRUE(series({}).empty());
  for (const char* text : {"", "{", "[]", "null"}) EXPECT_TRUE(series({text}).empty()) << text;
  EXPECT_EQ(series({R"({"type":7,"brokers":[1],"msg_cnt":"many"})"})
                .at("hansa_streams_kafka_queued_records,client="),
            0);
}

}  // namespace
}  // namespace hansa::ops
