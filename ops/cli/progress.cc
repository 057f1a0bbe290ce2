#include "ops/cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "core/base/durations.h"
#include "ops/system_env.h"

namespace hansa::ops {
Progress::Progress(std::string what, uint64_t total)
    : what_(std::move(what)), total_(total), terminal_(::isatty(STDERR_FILENO) == 1),
      begun_us_(monotonic_us()), shown_us_(begun_us_) {}

void Progress::reached(uint64_t count) { reached(count, total_); }

void Progress::reached(uint64_t count, uint64_t total) {
  std::lock_guard lock(mutex_);
  count_ = count;
  total_ = total;
  const auto now_us = monotonic_us();
  if (now_us - shown_us_ < (terminal_ ? kSecondUs / 10 : 5 * kSecondUs)) return;
  show(now_us, false);
}

void Progress::done() {
  std::lock_guard lock(mutex_);
  show(monotonic_us(), true);
}

void Progress::show(int64_t now_us, bool last) {
  shown_us_ = now_us;
  const double seconds = static_cast<double>(now_us - begun_us_ + 1) / kSecondUs;
  const double rate = static_cast<double>(count_) / seconds;
  const double left = rate > 0 && total_ > count_ ? static_cast<double>(total_ - count_) / rate : 0;
  const std::string of_total = total_ == 0 ? "" : " of " + std::to_string(total_);
  std::fprintf(stderr, "%s%s: %llu%s, %.0f/s", terminal_ ? "\r\x1b[K" : "", what_.c_str(),
               static_cast<unsigned long long>(count_), of_total.c_str(), rate);
  if (total_ == 0 && !last) {
    std::fprintf(stderr, "%s", terminal_ ? "" : "\n");
  } else if (last) {
    std::fprintf(stderr, ", %.1f s\n", seconds);
  } else {
    std::fprintf(stderr, ", %.0f s left%s", left, terminal_ ? "" : "\n");
  }
  std::fflush(stderr);
}

}  // namespace hansa::ops
