// hansa_sim: runs simulated cities, one seed after the other, and says what was found.
//
//   hansa_sim --seeds N [--from SEED]   N runs, SEED, SEED + 1, …; some of them twice
//   hansa_sim --seed N [--trace]        one run, again just as it was, perhaps told in words
//   … --until-found                     the first seed that finds something is the last
//   … --histories FOLDER                what clients were told in each run, as FOLDER/SEED
//
// Exits 0 when nothing was found, 1 when something was, 2 for words it does not know.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/city_world.h"
#include "tests/sim/history_file.h"

namespace hansa::sim {
namespace {

constexpr uint64_t kTwiceOf = 20;  // one seed in so many runs twice
constexpr uint64_t kFindingsMax = 20;

struct Words {
  uint64_t from = 1;
  uint64_t seeds = 0;
  bool trace = false;
  bool until_found = false;
  std::string histories;  // folder; empty: none are written
};

std::optional<Words> read_words(int count, char** words) {
  Words read;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--trace" || word == "--until-found") {
      (word == "--trace" ? read.trace : read.until_found) = true;
      continue;
    }
    if (i + 1 == count) return std::nullopt;
    if (word == "--histories") {
      read.histories = words[++i];
      continue;
    }
    char* end = nullptr;
    const uint64_t number = std::strtoull(words[++i], &end, 10);
    if (*end != '\0') return std::nullopt;
    if (word == "--seeds") {
      read.seeds = number;
    } else if (word == "--from") {
      read.from = number;
    } else if (word == "--seed") {
      read.from = number;
      read.seeds = 1;
    } else {
      return std::nullopt;
    }
  }
  if (read.seeds == 0) return std::nullopt;
  return read;
}

struct Totals {
  uint64_t findings = 0;
  uint64_t failed_seeds = 0;
  std::map<std::string, uint64_t> happened;
};

void run_seed(uint64_t seed, const Words& words, bool twice, Totals& totals) {
  const bool in_words = words.trace;
  RunReport report = run_city(seed, in_words);
  if (!words.histories.empty()) {
    std::ofstream(words.histories + "/" + std::to_string(seed)) << history_lines(report.history);
  }
  for (const auto& [what, times] : report.happened) totals.happened[what] += times;
  if (twice && run_city(seed, false).trace_hash != report.trace_hash) {
    report.findings.push_back({"not_repeatable", "the same seed gave another run"});
  }
  if (in_words) std::printf("trace %016llx\n", static_cast<unsigned long long>(report.trace_hash));
  for (const auto& finding : report.findings) {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), finding.text().c_str());
  }
  totals.findings += report.findings.size();
  if (report.findings.empty()) return;
  ++totals.failed_seeds;
  std::printf("  repeat it: hansa_sim --seed %llu --trace\n",
              static_cast<unsigned long long>(seed));
}

int run(const Words& words) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(Clock::now() - begun).count();
  };
  Totals totals;
  uint64_t done = 0;
  double told_at = 0;
  const uint64_t failed_max = words.until_found ? 1 : kFindingsMax;
  while (done < words.seeds && totals.failed_seeds < failed_max) {
    const uint64_t seed = words.from + done;
    run_seed(seed, words, seed % kTwiceOf == 0 || words.seeds == 1, totals);
    ++done;
    std::fflush(stdout);
    if (seconds() - told_at < 10) continue;
    told_at = seconds();
    std::printf("%llu of %llu seeds, %.1f a second\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(words.seeds),
                static_cast<double>(done) / seconds());
  }
  for (const auto& [what, times] : totals.happened) {
    std::printf("%12llu %s\n", static_cast<unsigned long long>(times), what.c_str());
  }
  std::printf("%llu seeds, %.1f a second, %llu findings in %llu seeds\n",
              static_cast<unsigned long long>(done), static_cast<double>(done) / seconds(),
              static_cast<unsigned long long>(totals.findings),
              static_cast<unsigned long long>(totals.failed_seeds));
  return totals.findings == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hansa::sim

int main(int count, char** words) {
  const auto read = hansa::sim::read_words(count, words);
  if (!read) {
    std::fprintf(stderr, "hansa_sim --seeds N [--from SEED] | --seed N [--trace]; "
                         "and [--until-found] [--histories FOLDER]\n");
    return 2;
  }
  return hansa::sim::run(*read);
}
