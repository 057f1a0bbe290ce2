// Goal: what compare-and-append costs on a real broker, beside Kafka's own transactions and bare
// consumption by the same client library.
// Method: `append LEDGERS DEPTH ENTRIES` keeps DEPTH entries of 300 bytes on their way in each
// ledger, in two flights (one where DEPTH is 1), and measures from stamp to landed.
// `transactions SIZE ENTRIES` commits SIZE records of the same length at a time. `consume TOPIC`
// reads a topic to its end. Prints one JSON object; of several ledgers the percentiles of the
// slowest.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>

#include "core/base/assert.h"
#include "streams/appender.h"
#include "streams/kafka_client.h"
#include "streams/kafka_topics.h"
#include "tests/bench/bench_log.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

constexpr size_t kPayloadBytes = 300;

std::string random_payload() {
  SystemEnv env;
  return env.random_bytes(kPayloadBytes);
}

// One ledger, kept at its depth by a thread of its own.
class Ledger {
 public:
  Ledger(streams::Log& log, const LedgerId& ledger, uint64_t depth, uint64_t entries)
      : appender_(log, ledger, founding(), {0, founding_hash(founding()), 0, 0}, env_),
        flight_entries_(depth == 1 ? 1 : depth / 2),
        flights_max_(depth == 1 ? 1 : 2),
        left_(entries),
        latencies_(entries) {
    must(appender_.follow(), "reading");
  }

  void run() {
    const std::string payload = random_payload();
    while (left_ > 0 || !stamped_us_.empty()) {
      while (left_ > 0 && flights_ < flights_max_) send(payload);
      settle_one();
    }
  }
  Latencies& latencies() { return latencies_; }

 private:
  static FoundingId founding() { return *FoundingId::from(std::string(16, 'b')); }

  void send(const std::string& payload) {
    for (size_t i = 0; i < flight_entries_ && left_ > 0; ++i, --left_) {
      must(appender_.stamp(payload), "stamping");
      stamped_us_.push_back(monotonic_us());
    }
    ++flights_;
    appender_.send([this](streams::Appender::FlightId flight, std::vector<streams::Delivery> got) {
      const std::lock_guard lock(mutex_);
      ready_.push_back({flight, std::move(got)});
      filled_.notify_one();
    });
  }

  void settle_one() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return !ready_.empty(); });
    auto [flight, deliveries] = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    --flights_;
    for (const auto& step : must(appender_.settle(flight, std::move(deliveries)), "settling")) {
      HANSA_ASSERT(step.kind == streams::Step::Kind::kLanded, "nobody else writes here");
      latencies_.add(monotonic_us() - stamped_us_.front());
      stamped_us_.pop_front();
    }
  }

  SystemEnv env_;
  streams::Appender appender_;
  const size_t flight_entries_;
  const size_t flights_max_;
  uint64_t left_;
  Latencies latencies_;
  size_t flights_ = 0;
  std::deque<int64_t> stamped_us_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::pair<streams::Appender::FlightId, std::vector<streams::Delivery>>> ready_;
};

void append(uint64_t count, uint64_t depth, uint64_t entries) {
  std::vector<LedgerId> ids;
  for (uint64_t i = 0; i < count; ++i) {
    ids.push_back({"city", "bench-" + std::to_string(monotonic_us()) + "-" + std::to_string(i)});
  }
  const auto log = open_bench_log("", true, ids);
  std::vector<std::unique_ptr<Ledger>> ledgers;
  for (const auto& id : ids) {
    ledgers.push_back(std::make_unique<Ledger>(*log, id, depth, entries / count));
  }
  const Measured measured;
  std::vector<std::thread> threads;
  for (auto& ledger : ledgers) threads.emplace_back([&ledger] { ledger->run(); });
  for (auto& thread : threads) thread.join();
  const auto slowest = std::max_element(ledgers.begin(), ledgers.end(), [](auto& one, auto& other) {
    return one->latencies().percentile_ms(990) < other->latencies().percentile_ms(990);
  });
  std::printf("{%s}\n",
              measured.text(entries / count * count, (*slowest)->latencies()).c_str());
}

void check(rd_kafka_error_t* error, const char* doing) {
  if (error != nullptr) give_up(std::string(doing) + ": " + rd_kafka_error_string(error));
}

void transactions(uint64_t size, uint64_t entries) {
  const LedgerId topic{"city", "transactions-" + std::to_string(monotonic_us())};
  must(streams::create_topics(bench_kafka(), {topic}), "making the topic");
  char reason[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] :
       {std::pair("bootstrap.servers", bench_kafka().bootstrap.c_str()),
        std::pair("transactional.id", "bench"), std::pair("linger.ms", "0"),
        std::pair("compression.codec", "zstd"), std::pair("socket.nagle.disable", "true")}) {
    rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
  }
  const streams::KafkaClient client(rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason));
  check(rd_kafka_init_transactions(client.get(), 30'000), "beginning");
  std::string payload = random_payload();
  Latencies latencies(entries / size + 1);
  const Measured measured;
  for (uint64_t done = 0; done < entries; done += size) {
    const int64_t before_us = monotonic_us();
    check(rd_kafka_begin_transaction(client.get()), "a transaction");
    for (uint64_t i = 0; i < size; ++i) {
      rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC(topic.topic().c_str()),
                        RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE(payload.data(), payload.size()), RD_KAFKA_V_END);
    }
    check(rd_kafka_commit_transaction(client.get(), 30'000), "a commit");
    latencies.add(monotonic_us() - before_us);
  }
  std::printf("{%s}\n", measured.text(entries, latencies).c_str());
}

void consume(const std::string& name) {
  auto options = bench_kafka();
  options.ledgers_max = 1;
  const auto client = must(streams::make_consumer(options, {}), "a consumer");
  const streams::KafkaTopic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  const Measured measured;
  if (rd_kafka_consume_start(topic.get(), 0, 0) != 0) give_up("the topic cannot be read");
  uint64_t entries = 0;
  while (true) {
    const streams::KafkaMessage message(rd_kafka_consume(topic.get(), 0, 10'000));
    if (message == nullptr) give_up("nothing comes");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
    ++entries;
  }
  rd_kafka_consume_stop(topic.get(), 0);
  std::printf("{%s}\n", measured.text(entries).c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "";
  if (mode == "append" && count == 5) {
    hansa::bench::append(std::stoull(words[2]), std::stoull(words[3]), std::stoull(words[4]));
  } else if (mode == "transactions" && count == 4) {
    hansa::bench::transactions(std::stoull(words[2]), std::stoull(words[3]));
  } else if (mode == "consume" && count == 3) {
    hansa::bench::consume(words[2]);
  } else {
    hansa::bench::give_up("expected `append LEDGERS DEPTH ENTRIES`, `transactions SIZE ENTRIES` "
                          "or `consume TOPIC`");
  }
  return 0;
}
