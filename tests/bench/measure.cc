#include "tests/bench/measure.h"

#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace hansa::bench {

void give_up(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::_Exit(1);
}

int64_t monotonic_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t SystemEnv::now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Drawn 4 KiB at a time: the system call would cost more than what it is for.
void SystemEnv::random(uint8_t* out, size_t length) {
  thread_local std::array<uint8_t, 4096> drawn;
  thread_local size_t used = drawn.size();
  while (length > 0) {
    if (used == drawn.size()) {
      if (::getrandom(drawn.data(), 256, 0) != 256) give_up("no random bytes");
      for (size_t at = 256; at < drawn.size(); at += 256) {
        if (::getrandom(drawn.data() + at, 256, 0) != 256) give_up("no random bytes");
      }
      used = 0;
    }
    const size_t take = std::min(length, drawn.size() - used);
    std::memcpy(out, drawn.data() + used, take);
    used += take;
    out += take;
    length -= take;
  }
}

Env& system_env() {
  static SystemEnv env;
  return env;
}

double Latencies::percentile_ms(int per_mille) {
  if (values_us_.empty()) return 0;
  const size_t at = std::min(values_us_.size() - 1, values_us_.size() * per_mille / 1000);
  std::nth_element(values_us_.begin(), values_us_.begin() + at, values_us_.end());
  return values_us_[at] / 1000.0;
}

namespace {

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Not ru_maxrss: that begins with what the parent held.
uint64_t peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) / 1024;
  }
  give_up("no VmHWM in /proc/self/status");
}

}  // namespace

Measured::Measured() : start_us_(monotonic_us()), cpu_start_s_(cpu_s()) {}

std::string Measured::text(uint64_t count) const {
  const double took_s = static_cast<double>(monotonic_us() - start_us_) / 1e6;
  const auto counted = static_cast<double>(count);
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(),
                "\"count\": %llu, \"per_second\": %.0f, \"cpu_s_per_million\": %.2f, "
                "\"peak_mib\": %llu",
                static_cast<unsigned long long>(count), counted / took_s,
                (cpu_s() - cpu_start_s_) * 1e6 / counted,
                static_cast<unsigned long long>(peak_mib()));
  return text.data();
}

std::string Measured::text(uint64_t count, Latencies& latencies) const {
  const std::string whole = text(count);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), ", \"p50_ms\": %.4f, \"p99_ms\": %.4f",
                latencies.percentile_ms(500), latencies.percentile_ms(990));
  return whole + text.data();
}

std::string Measured::text(Latencies& latencies) const {
  return text(latencies.count(), latencies);
}

}  // namespace hansa::bench
