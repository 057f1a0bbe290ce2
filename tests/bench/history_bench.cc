// Goal: what a city costs that has a history: to be opened again, to append to, to ask.
// Method: `grow FOLDER ENTRIES` sends whole cases, without fsync, until the ledger has so many
// entries, and ends like a killed process, without closing anything; ledger time moves on by
// kCommandUs a command, so that what is kept for some hours or days is as much in a short history
// as in a long one. `open FOLDER` measures log, keyring and keeper until the keeper says that it is
// ready, and closes. `use FOLDER COMMANDS QUERIES` opens with fsync, sends COMMANDS one after the
// other and four times as many from 64 callers, asks QUERIES of each kind, and ends like a killed
// process. Prints one JSON object.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

#include "core/base/day.h"
#include "core/base/durations.h"
#include "hansa/v1/reads.pb.h"
#include "tests/bench/bench_city.h"

namespace hansa::bench {
namespace {

constexpr int64_t kCommandUs = 10'000'000;
constexpr int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01
constexpr uint64_t kFillers = 256;
constexpr size_t kRecentCases = 1'000;

// Time that moves with the commands, from wherever the ledger stands.
class CommandClock : public Env {
 public:
  int64_t now_us() override { return now_us_; }
  void random(uint8_t* out, size_t length) override { system_env().random(out, length); }
  void go_to(int64_t us) { now_us_ = std::max<int64_t>(us, now_us_); }
  void move() { now_us_ += kCommandUs; }

 private:
  std::atomic<int64_t> now_us_{kStartUs};
};

struct History {
  History(const std::string& folder, bool fsync) : city(folder, fsync, 2, clock) {
    timing = city.open();
    opened = city.keeper().health();
    clock.go_to(opened.tip_time_us);
  }

  CommandClock clock;
  BenchCity city;
  BenchCity::Timing timing;
  projections::KeeperHealth opened;
};

[[noreturn]] void end_like_killed() {
  std::fflush(stdout);
  std::_Exit(0);
}

void grow(const std::string& folder, uint64_t entries) {
  std::filesystem::create_directories(folder);
  History history(folder, false);
  if (history.opened.landed_seq == 0) history.city.found();
  const Seq landed = history.city.keeper().health().landed_seq;
  const uint64_t missing = entries > landed ? entries - landed : 0;
  history.city.run_cases(kFillers, missing, [&](int64_t) { history.clock.move(); });
  std::printf("{\"entries\": %llu}\n", static_cast<unsigned long long>(
                                           history.city.keeper().health().landed_seq));
  end_like_killed();
}

std::string opening(const History& history) {
  const auto& timing = history.timing;
  char text[160];
  std::snprintf(text, sizeof text,
                "\"entries\": %llu, \"log_ms\": %.1f, \"keyring_ms\": %.1f, \"keeper_ms\": %.1f, "
                "\"ready_ms\": %.1f",
                static_cast<unsigned long long>(history.opened.landed_seq), timing.log_us / 1e3,
                timing.keyring_us / 1e3, timing.keeper_us / 1e3,
                (timing.log_us + timing.keyring_us + timing.keeper_us) / 1e3);
  return text;
}

void open(const std::string& folder) {
  const Measured measured;
  History history(folder, true);
  std::printf("{%s, %s}\n", opening(history).c_str(), measured.text(1).c_str());
  history.city.close();
}

std::string appends(History& history, uint64_t callers, uint64_t commands) {
  Latencies latencies(commands * 2);
  const Measured measured;
  history.city.run_cases(callers, commands, [&](int64_t took_us) {
    history.clock.move();
    latencies.add(took_us);
  });
  return measured.text(latencies);
}

std::vector<std::string> all_cases(BenchCity& city) {
  std::vector<std::string> ids;
  v1::ListCases request;
  request.set_city("bench");
  request.set_page_size(1'000);
  do {
    const auto answer = city.read(request);
    const auto& page = static_cast<const v1::CasesAnswer&>(*answer);
    for (const auto& one : page.cases()) ids.push_back(one.case_());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return ids;
}

template <typename Next>
std::string queries(BenchCity& city, uint64_t count, const Next& next) {
  Latencies latencies(count);
  const Measured measured;
  for (uint64_t i = 0; i < count; ++i) {
    const auto request = next();
    const int64_t before_us = monotonic_us();
    city.read(request);
    latencies.add(monotonic_us() - before_us);
  }
  return measured.text(latencies);
}

v1::GetFigure figure_of_two_days(int64_t now_us) {
  v1::GetFigure request;
  request.set_city("bench");
  request.set_metric("handling_time");
  request.set_scope("unit");
  request.set_id("sanitation");
  request.set_from(day_text(static_cast<int32_t>(now_us / kDayUs) - 1));
  request.set_to(day_text(static_cast<int32_t>(now_us / kDayUs)));
  return request;
}

void use(const std::string& folder, uint64_t commands, uint64_t count) {
  History history(folder, true);
  auto& city = history.city;
  const auto print = [](const char* name, const std::string& figures) {
    std::printf(", \"%s\": {%s}", name, figures.c_str());
  };
  std::printf("{%s", opening(history).c_str());
  appends(history, 64, commands);  // warms up
  print("append", appends(history, 1, commands));
  print("group", appends(history, 64, commands * 4));
  const auto cases = all_cases(city);
  std::mt19937_64 chance(1);
  v1::GetCase one;
  one.set_city("bench");
  const auto one_of = [&](size_t newest) {
    return queries(city, count, [&] {
      one.set_case_(cases[chance() % std::min(newest, cases.size())]);
      return one;
    });
  };
  print("case", one_of(kRecentCases));
  print("any_case", one_of(cases.size()));
  v1::ListCases list;
  list.set_city("bench");
  list.set_unit("sanitation");
  print("list", queries(city, count, [&] { return list; }));
  const auto figure = figure_of_two_days(history.clock.now_us());
  print("figure", queries(city, count, [&] { return figure; }));
  std::printf("}\n");
  end_like_killed();
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string verb = count > 2 ? words[1] : "";
  if (verb == "grow" && count == 4) {
    hansa::bench::grow(words[2], std::stoull(words[3]));
  } else if (verb == "open" && count == 3) {
    hansa::bench::open(words[2]);
  } else if (verb == "use" && count == 5) {
    hansa::bench::use(words[2], std::stoull(words[3]), std::stoull(words[4]));
  } else {
    hansa::bench::give_up("expected `grow FOLDER ENTRIES`, `open FOLDER` or "
                          "`use FOLDER COMMANDS QUERIES`");
  }
}
