// Goal: how soon after a city is told something its alliance shows that it knows.
// Method: CITIES cities and their alliance with all that a node has: one embedded log with fsync,
// two keeper threads, the links on their own thread. Days of air, which the alliance keeps, come in
// at even distances, to each city in turn, and each is timed from when the command is sent until a
// snapshot of the alliance shows that its input from that city's share ledger has passed the entry.
// The first fifth warms up uncounted. Prints one JSON object.
//
//   alliance_bench [CITIES RATE ENTRIES]     41 cities, 700 entries a second, 21 000 of them
#include <atomic>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "core/base/day.h"
#include "tests/bench/bench_league.h"

namespace hansa::bench {
namespace {

constexpr int64_t kLateUsMax = 60'000'000;

struct Options {
  size_t cities = 41;
  uint64_t rate = 700;
  uint64_t entries = 21'000;
};

// What is on its way, by city.
class Watch {
 public:
  explicit Watch(const Options& options)
      : latencies_(options.entries), acknowledged_(options.entries) {}

  void acknowledged(const std::string& city, Seq seq, int64_t sent_us, bool counts) {
    const std::lock_guard lock(mutex_);
    if (counts) acknowledged_.add(monotonic_us() - sent_us);
    waiting_[city].push_back({seq, sent_us, counts});
  }
  void shown(const projections::Snapshot& rows) {
    const int64_t now_us = monotonic_us();
    const std::lock_guard lock(mutex_);
    for (auto& [city, waiting] : waiting_) {
      if (waiting.empty()) continue;
      const auto ledger = share_ledger(kDelta.id, city);
      const auto input = must(rows.find(kInputTable, ledger.text()), "reading a position");
      while (!waiting.empty() && input && waiting.front().seq <= input->source_seq()) {
        if (waiting.front().counts) latencies_.add(now_us - waiting.front().sent_us);
        waiting.pop_front();
        ++shown_;
      }
    }
  }
  uint64_t shown_count() const { return shown_; }
  Latencies& latencies() { return latencies_; }
  Latencies& acknowledgements() { return acknowledged_; }

 private:
  struct Waiting {
    Seq seq;
    int64_t sent_us;
    bool counts;
  };
  std::mutex mutex_;
  std::map<std::string, std::deque<Waiting>> waiting_;
  Latencies latencies_;
  Latencies acknowledged_;
  std::atomic<uint64_t> shown_{0};
};

void send(League& league, const std::vector<std::string>& cities, const Options& options,
          Watch& watch) {
  const int32_t first_day = must(parse_day("1990-01-01", "date"), "a day");
  const int64_t start_us = monotonic_us();
  for (uint64_t i = 0; i < options.entries; ++i) {
    const auto due_us = start_us + static_cast<int64_t>(i * 1'000'000 / options.rate);
    std::this_thread::sleep_for(std::chrono::microseconds(due_us - monotonic_us()));
    const auto& city = cities[i % cities.size()];
    v1::RecordAirQuality command;
    command.set_city(city);
    auto& day = *command.add_days();
    day.set_date(day_text(first_day + static_cast<int32_t>(i / cities.size())));
    day.set_pm25(std::to_string(i % 300) + ".5");
    const bool counts = i >= options.entries / 5;
    const int64_t sent_us = monotonic_us();
    league.submit({"city", city}, command,
                  [&watch, &city, sent_us, counts](const Result<v1::Receipt>& receipt) {
                    if (!receipt) give_up("a command: " + receipt.error().detail);
                    watch.acknowledged(city, receipt->seq(), sent_us, counts);
                  });
  }
}

void run(const Options& options) {
  SystemEnv env;
  League league(like_a_node(env));
  std::vector<std::string> cities;
  for (size_t i = 0; i < options.cities; ++i) cities.push_back("city-" + std::to_string(i));
  v1::Agreement terms;
  auto& grant = *terms.add_grants();
  grant.set_event("AirQualityRecorded");
  grant.add_fields("date");
  grant.add_fields("pm25");
  bring(league, cities, terms);
  league.links().start();
  Watch watch(options);
  const Measured measured;
  const int64_t start_us = monotonic_us();
  const auto due_us = static_cast<int64_t>(options.entries * 1'000'000 / options.rate);
  std::thread sender([&] { send(league, cities, options, watch); });
  Seq seen = 0;
  while (watch.shown_count() < options.entries) {
    const auto rows = league.keeper(kDelta).snapshot();
    if (std::exchange(seen, rows->meta().position.seq) != seen) watch.shown(*rows);
    if (monotonic_us() - start_us > due_us + kLateUsMax) give_up("entries that never show");
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  const std::string figures = measured.text(options.entries, watch.latencies());
  sender.join();
  std::printf("{\"acknowledged_p50_ms\": %.2f, \"acknowledged_p99_ms\": %.2f, %s}\n",
              watch.acknowledgements().percentile_ms(500),
              watch.acknowledgements().percentile_ms(990), figures.c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  hansa::bench::Options options;
  if (count > 1) options.cities = std::stoul(words[1]);
  if (count > 2) options.rate = std::stoul(words[2]);
  if (count > 3) options.entries = std::stoul(words[3]);
  hansa::bench::run(options);
}
