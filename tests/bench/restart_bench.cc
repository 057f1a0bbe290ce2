// Goal: how long a city with a long history takes until it is ready again.
// Method: `fill` makes a city of N entries (whole cases, without fsync, for speed) and ends like a
// killed process, without closing anything; `open` is a process of its own and measures log,
// keyring and keeper until the keeper says it is ready. Prints one JSON object.
#include <boost/asio/post.hpp>
#include <cstdio>
#include <filesystem>
#include <future>
#include <string>

#include "tests/bench/bench_city.h"

namespace hansa::bench {
namespace {

constexpr uint64_t kCallers = 512;

void fill(const std::string& folder, uint64_t entries) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  BenchCity city(folder, false, 1);
  city.open();
  city.found();
  struct Caller {
    size_t step = 0;
    uint64_t cases = 0;
    std::string case_id;
  };
  boost::asio::io_context io(1);
  std::vector<Caller> callers(kCallers);
  uint64_t answered = 0;
  std::function<void(uint64_t)> send = [&](uint64_t index) {
    auto& caller = callers[index];
    city.submit(city.step_of_case(caller.step, index, caller.cases, caller.case_id),
                [&, index](Result<v1::Receipt> receipt) {
                  boost::asio::post(io, [&, index, receipt = std::move(receipt)]() mutable {
                    auto& known = callers[index];
                    const auto done = must(std::move(receipt), "filling the city");
                    if (known.step == 0) known.case_id = done.subject_id();
                    known.step = (known.step + 1) % kStepsOfCase;
                    if (known.step == 0) ++known.cases;
                    if (++answered == entries) return io.stop();
                    send(index);
                  });
                });
  };
  auto work = boost::asio::make_work_guard(io);
  for (uint64_t i = 0; i < kCallers; ++i) boost::asio::post(io, [&, i] { send(i); });
  io.run();
  std::printf("{\"entries\": %llu}\n", static_cast<unsigned long long>(entries));
  std::fflush(stdout);
  std::_Exit(0);
}

void open(const std::string& folder) {
  BenchCity city(folder, true, 1);
  const auto timing = city.open();
  const auto health = city.keeper().health();
  std::printf(
      "{\"entries\": %llu, \"log_ms\": %.1f, \"keyring_ms\": %.1f, \"keeper_ms\": %.1f}\n",
      static_cast<unsigned long long>(health.landed_seq), timing.log_us / 1e3,
      timing.keyring_us / 1e3, timing.keeper_us / 1e3);
  city.close();
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string verb = count > 2 ? words[1] : "";
  if (verb == "fill" && count == 4) hansa::bench::fill(words[2], std::stoull(words[3]));
  if (verb == "open" && count == 3) {
    hansa::bench::open(words[2]);
    return 0;
  }
  hansa::bench::give_up("expected `fill FOLDER ENTRIES` or `open FOLDER`");
}
