// Tally: what contributions add up to, per day and over a range of days; integers only.
//
// Shape:   add(row, contribution) and subtract() change one DayTally row; a row is the same however
//          its sums were reached, and is_empty() once all that was added is subtracted again.
//          RangeSum adds whole rows up: sums, source classes seen, histograms, and of the moved
//          deadlines those that left the range (`deferred`).
//          Histogram: bucket 0 holds lengths of 0, bucket k + 1 those up to ⌊2^(k/8)⌋ s for
//          k = 0 … 240, the last one all that is longer. A quantile q is the upper bound of the
//          bucket in which the ⌈q·n⌉-th shortest lies.
// Units:   lengths of time in microseconds, bounds in seconds, days local since 1970-01-01.
// Errors:  kInternal: a sum would fall below zero or above 2^63.
// Threads: plain values.
// Limits:  2^30 s (34 years) for a quantile; longer ones are known as longer.
// Source:  SPEC §3.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "core/base/ratio.h"
#include "core/base/result.h"
#include "core/metrics/measure.h"

namespace hansa {

inline constexpr size_t kSpanBuckets = 243;

uint32_t span_bucket(int64_t span_us);
// nullopt for the last bucket, which has none.
std::optional<int64_t> bucket_bound_s(size_t bucket);

Result<void> add(v1::DayTally& row, const Contribution& contribution);
Result<void> subtract(v1::DayTally& row, const Contribution& contribution);
bool is_empty(const v1::DayTally& row);

// Both days included.
struct DayRange {
  int32_t from = std::numeric_limits<int32_t>::min();
  int32_t to = std::numeric_limits<int32_t>::max();

  bool holds(int32_t day) const { return from <= day && day <= to; }
};

struct SpanSum {
  uint64_t cases = 0;
  uint64_t whole_s = 0;
  uint64_t rest_us = 0;
  std::array<uint64_t, kSpanBuckets> buckets{};

  void add(const v1::Spans& spans);
  Ratio total_s() const;
  // The bucket of the quantile numerator ÷ denominator; there must be cases.
  size_t quantile_bucket(uint64_t numerator, uint64_t denominator) const;
};

struct RangeSum {
  explicit RangeSum(const DayRange& days) : range(days) {}
  void add(const v1::DayTally& row);
  uint64_t source_classes() const;

  DayRange range;
  uint64_t reported = 0;
  uint64_t verified = 0;
  std::array<uint64_t, 13> by_source{};
  SpanSum discovery;
  SpanSum handling;
  uint64_t due = 0;
  uint64_t due_closed = 0;
  uint64_t due_closed_on_time = 0;
  uint64_t deferred = 0;
  uint64_t responses_due = 0;
  uint64_t responses_in_time = 0;
  uint64_t rated = 0;
  uint64_t satisfied = 0;
  uint64_t closed = 0;
  uint64_t rebounded = 0;
  uint64_t disputes_raised = 0;
  uint64_t disputes_settled = 0;
};

}  // namespace hansa
