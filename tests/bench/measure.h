// What the benches share: the real clock and chance, latencies, what a piece of work took, and
// giving up.
//
// Shape:   Latencies collects microseconds and answers percentiles; SystemEnv is the real clock.
//          Measured begins where it is made; text() are the members of a JSON object, those that
//          tests/bench/run puts into its table: "count", "per_second", "cpu_s_per_million" (of the
//          whole process since), "peak_mib" (of the process, since it began), and with latencies
//          "p50_ms", "p99_ms".
// Errors:  give_up() ends the program with a line on standard error: a figure of a run that failed
//          half-way is worth nothing.
// Threads: SystemEnv from any; Latencies from one.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/env.h"
#include "core/base/result.h"

namespace hansa::bench {

[[noreturn]] void give_up(const std::string& what);

template <typename T>
T must(Result<T> result, const char* doing) {
  if (!result) give_up(std::string(doing) + ": " + result.error().detail);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

int64_t monotonic_us();

class SystemEnv : public Env {
 public:
  int64_t now_us() override;
  void random(uint8_t* out, size_t length) override;
};

Env& system_env();

class Latencies {
 public:
  explicit Latencies(size_t expected) { values_us_.reserve(expected); }
  void add(int64_t took_us) { values_us_.push_back(took_us); }
  size_t count() const { return values_us_.size(); }
  // One of `per_mille`: 500 is the median.
  double percentile_ms(int per_mille);

 private:
  std::vector<int64_t> values_us_;
};

class Measured {
 public:
  Measured();
  std::string text(uint64_t count) const;
  std::string text(Latencies& latencies) const;
  std::string text(uint64_t count, Latencies& latencies) const;

 private:
  int64_t start_us_;
  double cpu_start_s_;
};

}  // namespace hansa::bench
