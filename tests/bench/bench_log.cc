#include "tests/bench/bench_log.h"

#include <cstdlib>

#include "streams/embedded_log.h"
#include "streams/kafka_log.h"
#include "streams/kafka_topics.h"
#include "tests/bench/measure.h"

namespace hansa::bench {

std::unique_ptr<streams::Log> open_bench_log(const std::string& folder, bool fsync,
                                             const std::vector<LedgerId>& ledgers) {
  if (std::getenv("HANSA_KAFKA") == nullptr) {
    return must(streams::EmbeddedLog::open({.folder = folder, .fsync = fsync}),
                "opening the log");
  }
  std::vector<streams::Topic> topics(ledgers.begin(), ledgers.end());
  must(streams::create_topics(bench_kafka(), topics), "making topics");
  return must(streams::KafkaLog::open(bench_kafka()), "opening the log");
}

streams::KafkaOptions bench_kafka() {
  const char* broker = std::getenv("HANSA_KAFKA");
  if (broker == nullptr) give_up("expected a broker in HANSA_KAFKA; run by cmake/kafka/broker run");
  streams::KafkaOptions options;
  options.bootstrap = broker;
  options.ledgers_max = 8;
  return options;
}

}  // namespace hansa::bench
