// Price: what a step costs before it is taken: time, room, and what readers notice.
//
// Shape:   a verb with --plan fills a Price from what really stands there and prints it; nothing is
//          done. Counts and bytes are exact; the time is theirs by a rate that was measured, and
//          says so. series_value() reads one series of a node's metrics.
// Units:   bytes; records of a log; a second.
// Errors:  kUnavailable: the metrics cannot be read.
// Threads: one.
// Source:  the rates: README, Figures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace hansa::ops {

struct Rate {
  double per_second;
  const char* what;  // and where it was measured

  std::string text() const {
    return std::to_string(static_cast<uint64_t>(per_second)) + " " + what;
  }
};
// All rows of a city, figures included.
inline constexpr Rate kFoldRate{16'673, "records a second, README, fold `product`, 2 vCPU"};
// Copied, synced and proved.
inline constexpr Rate kRestoreRate{40e6, "bytes a second, README, restore, 2 vCPU"};

struct Price {
  std::string step;              // what would be done
  uint64_t records = 0;          // that are read; 0: none
  std::optional<uint64_t> bytes;  // that it takes more while it runs; nullopt: not known from here
  std::string room;              // what they are, and what becomes of them
  std::optional<uint64_t> free_bytes;  // where it would write
  double seconds = 0;
  std::string rate;
  std::string readers;
};

void print_price(const Price& price, bool json);

// On the disk of `folder`, or of the nearest folder above that exists.
std::optional<uint64_t> free_bytes(const std::string& folder);
// `labels` as they are written: `ledger="city/wuxi"`.
Result<std::optional<double>> series_value(const std::string& metrics, const std::string& series,
                                           const std::string& labels);

}  // namespace hansa::ops
