// Goal: how fast and in how much memory a whole ledger is read, verified and folded.
// Method: works on a city made by `restart_bench fill` (whole cases, 512 open at once). Each mode
// is a process of its own, so that its peak of memory is its own: `read` only fetches records,
// `verify` also follows the chain, `product` folds all rows of a city into an empty store.
// Prints one JSON object.
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "projections/catch_up.h"
#include "streams/embedded_log.h"
#include "streams/ledger_reader.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

constexpr size_t kCacheBytes = 64 * 1024 * 1024;
const LedgerId kLedger{"city", "bench"};

FoundingId founding_id() {
  FoundingId id;
  id.bytes.fill(7);  // as BenchCity founds it
  return id;
}

uint64_t read(streams::Log& log) {
  const Offset end = must(log.end(kLedger), "the end of the log");
  Offset next = 0;
  while (next < end) {
    next = must(log.read(kLedger, next, streams::kReadBytesMax), "reading").next;
  }
  return next;
}

uint64_t verify(streams::Log& log) {
  streams::LedgerVisitor visitor;
  visitor.valid = [](Seq, Offset, const Hash&, std::string_view) { return Result<void>(); };
  return must(streams::read_ledger(log, kLedger, founding_id(), {}, visitor), "verifying").seq;
}

uint64_t product(streams::Log& log, const std::string& folder) {
  const std::string directory = folder + "/fold_bench";
  std::filesystem::remove_all(directory);
  auto store = must(projections::Store::open(directory, projections::make_store_budget(64, 64)),
                    "opening the store");
  projections::RowCache rows(*store, kCacheBytes);
  const auto reached =
      must(projections::catch_up(log, kLedger, founding_id(), *store, rows, {}, {}), "folding");
  return reached.position.seq;
}

double cpu_s(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void run(const std::string& mode, const std::string& folder) {
  streams::EmbeddedLogOptions options;
  options.folder = folder + "/log";
  const auto log = must(streams::EmbeddedLog::open(options), "opening the log");
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  const int64_t start_us = monotonic_us();
  const uint64_t entries = mode == "read"     ? read(*log)
                           : mode == "verify" ? verify(*log)
                                              : product(*log, folder);
  const double took_s = static_cast<double>(monotonic_us() - start_us) / 1e6;
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  const auto count = static_cast<double>(entries);
  std::printf("{\"mode\": \"%s\", \"entries\": %llu, \"per_second\": %.0f, "
              "\"cpu_s_per_million\": %.2f, \"rss_peak_mib\": %.0f}\n",
              mode.c_str(), static_cast<unsigned long long>(entries), count / took_s,
              (cpu_s(after) - cpu_s(before)) * 1e6 / count,
              static_cast<double>(after.ru_maxrss) / 1024);
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string mode = count == 3 ? words[1] : "";
  if (mode != "read" && mode != "verify" && mode != "product") {
    hansa::bench::give_up("expected `read FOLDER`, `verify FOLDER` or `product FOLDER`");
  }
  hansa::bench::run(mode, words[2]);
  return 0;
}
