// Rate limit: so many requests a second of each of many, with as many again at once after a rest.
//
// Shape:   one bucket for each name; it holds at most `per_second_max` and fills as fast.
// Errors:  kRateLimited, with the limit; try again a second later.
// Threads: any.
// Limits:  kNamesMax names; beyond them those that have rested are forgotten, and if none has, new
//          names share one bucket.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/base/result.h"

namespace hansa::ops {

class RateLimit {
 public:
  static constexpr size_t kNamesMax = 10'000;

  // `per_second_max` 0: no limit. `of_what`: who is limited, as the answer says it.
  RateLimit(uint32_t per_second_max, std::string of_what);

  // `now_us` is any monotonic time.
  Result<void> take(const std::string& name, int64_t now_us);

 private:
  struct Bucket {
    double left = 0;
    int64_t filled_us = 0;
  };
  Bucket& bucket_of(const std::string& name, int64_t now_us);
  void fill(Bucket& bucket, int64_t now_us) const;

  const double full_;
  const std::string of_what_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace hansa::ops
