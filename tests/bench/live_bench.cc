// Goal: how soon after a command is sent another node shows what became of it.
// Method: two keepers of one city, each with a client of its own to the broker in HANSA_KAFKA: one
// leads and gets RATE reports a second at even distances, the other follows, and each report is
// timed until a snapshot of the follower shows its seq. The first fifth warms up uncounted. With
// the word `wait` it prints `founded` when the city stands, and goes on at a line of its input.
// Prints one JSON object.
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/bench/bench_city.h"

namespace hansa::bench {
namespace {

struct Options {
  std::string folder;
  uint64_t rate = 0;
  uint64_t reports = 0;
  bool waits = false;
};

void run(const Options& options) {
  bench_kafka();
  BenchCity leader(options.folder + "/leader", true, 2);
  leader.open();
  leader.found();
  BenchCity follower(options.folder + "/follower", true, 2);
  follower.open(BenchCity::Standing::kFollows);
  if (options.waits) {
    std::printf("founded\n");
    std::fflush(stdout);
    std::getchar();
  }
  const Seq first = leader.keeper().health().landed_seq + 1;
  Latencies latencies(options.reports);
  Latencies acknowledged(options.reports);
  std::atomic<uint64_t> shown{0};
  std::atomic<uint64_t> refused{0};
  const Measured measured;
  const int64_t start_us = monotonic_us();
  for (uint64_t i = 0; i < options.reports; ++i) {
    const auto due_us = start_us + static_cast<int64_t>(i * 1'000'000 / options.rate);
    std::this_thread::sleep_for(std::chrono::microseconds(due_us - monotonic_us()));
    const int64_t sent_us = monotonic_us();
    const bool counts = i >= options.reports / 5;
    follower.keeper().wait_for(first + i, 60'000'000, [&, sent_us, counts](const auto& snapshot) {
      if (!snapshot) ++refused;
      if (counts) latencies.add(monotonic_us() - sent_us);
      ++shown;
    });
    leader.submit(leader.report(i % 256, i / 256, false),
                  [&, sent_us, counts](const Result<v1::Receipt>& receipt) {
                    if (!receipt) ++refused;
                    if (counts) acknowledged.add(monotonic_us() - sent_us);
                  });
  }
  while (shown < options.reports) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::printf("{\"refused\": %llu, \"acknowledged_p50_ms\": %.3f, "
              "\"acknowledged_p99_ms\": %.3f, %s}\n",
              static_cast<unsigned long long>(refused.load()), acknowledged.percentile_ms(500),
              acknowledged.percentile_ms(990), measured.text(options.reports, latencies).c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  using namespace hansa::bench;
  const bool waits = count == 5 && std::string(words[4]) == "wait";
  if (count != 4 && !waits) give_up("expected FOLDER RATE REPORTS [wait]");
  const Options options{words[1], std::stoull(words[2]), std::stoull(words[3]), waits};
  std::filesystem::remove_all(options.folder);
  run(options);
  std::filesystem::remove_all(options.folder);
}
