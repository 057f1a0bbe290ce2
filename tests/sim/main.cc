// hansa_sim: runs simulated cities, one seed after the other, and says what was found.
//
//   hansa_sim --seeds N [--from SEED]   N runs, SEED, SEED + 1, …; some of them twice
//   hansa_sim --seed N [--trace]        one run, again just as it was, perhaps told in words
//   … --world city|league|tail|level    all seeds are one city, a league, or a city that ends with
//                                       another history in its log, or with an entry of a level
//                                       that it does not know; else every fourth is a league, and
//                                       one in 16 ends in either way
//   … --jobs N                          in N processes
//   … --until-found                     the first seed that finds something is the last
//   … --histories FOLDER                what clients were told in each run, as FOLDER/SEED
//
// Exits 0 when nothing was found, 1 when something was, 2 for words it does not know.

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.h"
#include "tests/sim/city_world.h"
#include "tests/sim/history_file.h"
#include "tests/sim/league_world.h"

namespace hansa::sim {
namespace {

constexpr uint64_t kLeagueOf = 4;  // one seed in so many is a league
constexpr uint64_t kEndingOf = 16;  // one in so many a city with either of the other endings
constexpr uint64_t kTwiceOf = 20;  // of either kind one in so many runs twice
constexpr uint64_t kFindingsMax = 20;

struct Words {
  uint64_t from = 1;
  uint64_t seeds = 0;
  uint64_t jobs = 1;
  bool trace = false;
  bool until_found = false;
  std::string histories;  // folder; empty: none are written
  std::string world;      // empty: by the seed
};

std::string world_of(uint64_t seed, const Words& words) {
  if (!words.world.empty()) return words.world;
  if (seed % kLeagueOf == 0) return "league";
  if (seed % kEndingOf == 1) return "level";
  return seed % kEndingOf == kEndingOf / 2 + 1 ? "tail" : "city";
}

RunReport run_world(uint64_t seed, const Words& words, bool in_words) {
  const auto world = world_of(seed, words);
  if (world == "league") return run_league(seed, in_words);
  return run_city(seed, in_words, world == "tail"    ? Ending::kReplacedTail
                                  : world == "level" ? Ending::kRaisedLevel
                                                     : Ending::kClose);
}

std::optional<Words> read_words(int count, char** words) {
  Words read;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--trace" || word == "--until-found") {
      (word == "--trace" ? read.trace : read.until_found) = true;
      continue;
    }
    if (i + 1 == count) return std::nullopt;
    if (word == "--histories" || word == "--world") {
      (word == "--world" ? read.world : read.histories) = words[++i];
      continue;
    }
    char* end = nullptr;
    const uint64_t number = std::strtoull(words[++i], &end, 10);
    if (*end != '\0') return std::nullopt;
    if (word == "--seeds") {
      read.seeds = number;
    } else if (word == "--jobs") {
      read.jobs = number;
    } else if (word == "--from") {
      read.from = number;
    } else if (word == "--seed") {
      read.from = number;
      read.seeds = 1;
    } else {
      return std::nullopt;
    }
  }
  const std::set<std::string> worlds = {"", "city", "league", "tail", "level"};
  if (read.seeds == 0 || read.jobs == 0 || !worlds.contains(read.world)) return std::nullopt;
  return read;
}

struct Totals {
  uint64_t seeds = 0;
  uint64_t findings = 0;
  uint64_t failed_seeds = 0;
  std::map<std::string, uint64_t> happened;
};

void run_seed(uint64_t seed, const Words& words, bool twice, Totals& totals) {
  const bool in_words = words.trace;
  RunReport report = run_world(seed, words, in_words);
  if (!words.histories.empty()) {
    std::ofstream(words.histories + "/" + std::to_string(seed)) << history_lines(report.history);
  }
  for (const auto& [what, times] : report.happened) totals.happened[what] += times;
  if (twice && run_world(seed, words, false).trace_hash != report.trace_hash) {
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

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

unsigned long long whole(uint64_t number) { return number; }

// Every seed that is the job's own.
Totals run_job(const Words& words, uint64_t job) {
  const auto begun = Clock::now();
  Totals totals;
  double told_at = 0;
  const uint64_t failed_max = words.until_found ? 1 : kFindingsMax;
  for (uint64_t i = 0; i < words.seeds && totals.failed_seeds < failed_max; ++i) {
    if (i / kLeagueOf % words.jobs != job) continue;  // each has leagues among them
    const uint64_t seed = words.from + i;
    run_seed(seed, words, seed / kLeagueOf % kTwiceOf == 0 || words.seeds == 1, totals);
    ++totals.seeds;
    std::fflush(stdout);
    const double now = seconds_since(begun);
    if (now - told_at < 10) continue;
    told_at = now;
    std::printf("%llu of %llu seeds, %.1f a second\n", whole(totals.seeds * words.jobs),
                whole(words.seeds), static_cast<double>(totals.seeds * words.jobs) / now);
  }
  return totals;
}

// What a job has seen, a line each, as it comes from its process.
void write_totals(const Totals& totals, std::FILE* to) {
  std::fprintf(to, "%llu seeds\n%llu findings\n%llu failed\n", whole(totals.seeds),
               whole(totals.findings), whole(totals.failed_seeds));
  for (const auto& [what, times] : totals.happened) {
    std::fprintf(to, "%llu happened %s\n", whole(times), what.c_str());
  }
}

void read_totals(std::FILE* from, Totals& totals) {
  unsigned long long number = 0;
  char word[16];
  char what[128];
  while (std::fscanf(from, "%llu %15s", &number, word) == 2) {
    const std::string_view kind = word;
    if (kind == "seeds") totals.seeds += number;
    if (kind == "findings") totals.findings += number;
    if (kind == "failed") totals.failed_seeds += number;
    if (kind != "happened" || std::fscanf(from, " %127[^\n]", what) != 1) continue;
    totals.happened[what] += number;
  }
}

// A process each; one that ends without a word is a finding.
Totals run_jobs(const Words& words) {
  if (words.jobs == 1) return run_job(words, 0);
  std::vector<std::FILE*> pipes;
  for (uint64_t job = 0; job < words.jobs; ++job) {
    int ends[2];
    HANSA_ASSERT(pipe(ends) == 0, "a job has a pipe");
    if (fork() == 0) {
      std::FILE* const to = fdopen(ends[1], "w");
      write_totals(run_job(words, job), to);
      std::fclose(to);
      std::fflush(stdout);
      _exit(0);
    }
    ::close(ends[1]);
    pipes.push_back(fdopen(ends[0], "r"));
  }
  Totals totals;
  for (auto* from : pipes) {
    const uint64_t before = totals.seeds;
    read_totals(from, totals);
    if (totals.seeds == before) {
      std::printf("a job has ended without a word\n");
      ++totals.findings;
    }
    std::fclose(from);
  }
  while (wait(nullptr) > 0) {
  }
  return totals;
}

int run(const Words& words) {
  const auto begun = Clock::now();
  const Totals totals = run_jobs(words);
  for (const auto& [what, times] : totals.happened) {
    std::printf("%12llu %s\n", whole(times), what.c_str());
  }
  std::printf("%llu seeds, %.1f a second, %llu findings in %llu seeds\n", whole(totals.seeds),
              static_cast<double>(totals.seeds) / seconds_since(begun), whole(totals.findings),
              whole(totals.failed_seeds));
  return totals.findings == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hansa::sim

int main(int count, char** words) {
  const auto read = hansa::sim::read_words(count, words);
  if (!read) {
    std::fprintf(stderr, "hansa_sim --seeds N [--from SEED] | --seed N [--trace]; and "
                         "[--world city|league|tail|level] [--jobs N] [--until-found] "
                         "[--histories FOLDER]\n");
    return 2;
  }
  return hansa::sim::run(*read);
}
