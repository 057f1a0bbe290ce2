#include "tests/bench/measure.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

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

double Latencies::percentile_ms(int per_mille) {
  if (values_us_.empty()) return 0;
  const size_t at = std::min(values_us_.size() - 1, values_us_.size() * per_mille / 1000);
  std::nth_element(values_us_.begin(), values_us_.begin() + at, values_us_.end());
  return values_us_[at] / 1000.0;
}

}  // namespace hansa::bench
