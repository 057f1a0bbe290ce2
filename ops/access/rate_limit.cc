#include "ops/access/rate_limit.h"

#include <algorithm>

namespace hansa::ops {
namespace {

const std::string kOthers = "\nothers";  // no caller's name

}  // namespace

RateLimit::RateLimit(uint32_t per_second_max, std::string of_what)
    : full_(per_second_max), of_what_(std::move(of_what)) {}

Result<void> RateLimit::take(const std::string& name, int64_t now_us) {
  if (full_ == 0) return {};
  const std::lock_guard lock(mutex_);
  auto& bucket = bucket_of(name, now_us);
  fill(bucket, now_us);
  if (bucket.left < 1) {
    return fail(Errc::kRateLimited, "expected at most " +
                                        std::to_string(static_cast<uint32_t>(full_)) +
                                        " requests a second " + of_what_);
  }
  bucket.left -= 1;
  return {};
}

RateLimit::Bucket& RateLimit::bucket_of(const std::string& name, int64_t now_us) {
  if (const auto found = buckets_.find(name); found != buckets_.end()) return found->second;
  if (buckets_.size() >= kNamesMax) {
    for (auto at = buckets_.begin(); at != buckets_.end();) {
      fill(at->second, now_us);
      at = at->second.left >= full_ ? buckets_.erase(at) : std::next(at);
    }
  }
  const bool has_room = buckets_.size() < kNamesMax;
  return buckets_.try_emplace(has_room ? name : kOthers, Bucket{full_, now_us}).first->second;
}

void RateLimit::fill(Bucket& bucket, int64_t now_us) const {
  const double passed_s = static_cast<double>(now_us - bucket.filled_us) / 1e6;
  bucket.left = std::min(full_, bucket.left + passed_s * full_);
  bucket.filled_us = now_us;
}

}  // namespace hansa::ops
