#include "core/metrics/tally.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/durations.h"

namespace hansa {
namespace {

constexpr size_t kBounds = kSpanBuckets - 1;
constexpr size_t kStepsPerDoubling = 8;

// The largest n with n^8 <= 2^k.
int64_t eighth_root_of_power(size_t k) {
  using boost::multiprecision::cpp_int;
  const cpp_int power = cpp_int(1) << k;
  int64_t low = 1;
  int64_t high = int64_t{1} << (k / kStepsPerDoubling + 1);
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (boost::multiprecision::pow(cpp_int(middle), kStepsPerDoubling) <= power ? low : high) = middle;
  }
  return low;
}

const std::array<int64_t, kBounds>& bounds_s() {
  static const auto kAll = [] {
    std::array<int64_t, kBounds> bounds{};
    for (size_t k = 0; k + 1 < kBounds; ++k) bounds[k + 1] = eighth_root_of_power(k);
    return bounds;
  }();
  return kAll;
}

Error below_zero() { return {Errc::kInternal, "a sum of a day would fall below zero"}; }

// One step up or down of a sum.
class Step {
 public:
  explicit Step(bool up) : up_(up) {}

  template <typename Row>
  Result<void> count(Row& row, uint64_t (Row::*read)() const, void (Row::*write)(uint64_t),
                     uint64_t by = 1) const {
    HANSA_TRY(const uint64_t after, moved((row.*read)(), by));
    (row.*write)(after);
    return {};
  }

  Result<uint64_t> moved(uint64_t before, uint64_t by) const {
    constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
    if (!up_ && before < by) return fail(below_zero());
    if (up_ && before > kMax - by) {
      return fail(Errc::kInternal, "a sum of a day would grow beyond 2^63");
    }
    return up_ ? before + by : before - by;
  }

  bool up() const { return up_; }

 private:
  const bool up_;
};

#define HANSA_COUNT(row, field, ...)                                                     \
  HANSA_CHECK(step.count(row, &std::decay_t<decltype(row)>::field,                       \
                         &std::decay_t<decltype(row)>::set_##field __VA_OPT__(, ) __VA_ARGS__))

Result<void> count_bucket(v1::Spans& spans, uint32_t bucket, const Step& step) {
  auto& buckets = *spans.mutable_buckets();
  auto& cases = *spans.mutable_bucket_cases();
  const auto at = std::lower_bound(buckets.begin(), buckets.end(), bucket) - buckets.begin();
  const int place = static_cast<int>(at);
  if (place == buckets.size() || buckets.Get(place) != bucket) {
    if (!step.up()) return fail(below_zero());
    buckets.Add(bucket);
    cases.Add(0);
    std::rotate(buckets.begin() + place, buckets.end() - 1, buckets.end());
    std::rotate(cases.begin() + place, cases.end() - 1, cases.end());
  }
  HANSA_TRY(const uint64_t after, step.moved(cases.Get(place), 1));
  cases.Set(place, after);
  if (after > 0) return {};
  buckets.erase(buckets.begin() + place);
  cases.erase(cases.begin() + place);
  return {};
}

Result<void> count_span(v1::Spans& spans, int64_t span_us, const Step& step) {
  HANSA_ASSERT(span_us >= 0, "no case ends before it begins: decisions refuse it");
  HANSA_COUNT(spans, cases);
  HANSA_COUNT(spans, total_s, static_cast<uint64_t>(span_us / kSecondUs));
  HANSA_COUNT(spans, rest_us, static_cast<uint64_t>(span_us % kSecondUs));
  return count_bucket(spans, span_bucket(span_us), step);
}

Result<void> count_source(v1::DayTally& row, int64_t source, const Step& step) {
  auto& counts = *row.mutable_reported_by_source();
  while (counts.size() <= source) counts.Add(0);
  const int place = static_cast<int>(source);
  HANSA_TRY(const uint64_t after, step.moved(counts.Get(place), 1));
  counts.Set(place, after);
  while (!counts.empty() && counts.Get(counts.size() - 1) == 0) counts.RemoveLast();
  return {};
}

Result<void> count_moved(v1::DayTally& row, int64_t to_day, const Step& step) {
  auto& moved = *row.mutable_moved();
  int place = 0;
  while (place < moved.size() && moved.Get(place).to_day() < to_day) ++place;
  if (place == moved.size() || moved.Get(place).to_day() != to_day) {
    if (!step.up()) return fail(below_zero());
    moved.Add()->set_to_day(static_cast<int32_t>(to_day));
    for (int i = moved.size() - 1; i > place; --i) moved.SwapElements(i, i - 1);
  }
  HANSA_COUNT(*moved.Mutable(place), cases);
  if (moved.Get(place).cases() == 0) moved.DeleteSubrange(place, 1);
  return {};
}

Result<void> count_spans(v1::Spans& spans, const Counted& counted, const Step& step) {
  return count_span(spans, counted.value, step);
}

Result<void> count(v1::DayTally& row, const Contribution& contribution, const Step& step) {
  const Counted& counted = contribution.counted;
  switch (contribution.measure) {
    case Measure::kSource: return count_source(row, counted.value, step);
    case Measure::kDiscovery: {
      HANSA_CHECK(count_spans(*row.mutable_discovery(), counted, step));
      if (row.discovery().cases() == 0) row.clear_discovery();
      return {};
    }
    case Measure::kHandling: {
      HANSA_CHECK(count_spans(*row.mutable_handling(), counted, step));
      if (row.handling().cases() == 0) row.clear_handling();
      return {};
    }
    case Measure::kMovedDeadline: return count_moved(row, counted.value, step);
    case Measure::kVerification:
      HANSA_COUNT(row, reported);
      if (counted.met) HANSA_COUNT(row, verified);
      return {};
    case Measure::kDeadline:
      HANSA_COUNT(row, due);
      if (counted.closed) HANSA_COUNT(row, due_closed);
      if (counted.met) HANSA_COUNT(row, due_closed_on_time);
      return {};
    case Measure::kFirstResponse:
      HANSA_COUNT(row, responses_due);
      if (counted.met) HANSA_COUNT(row, responses_in_time);
      return {};
    case Measure::kRating:
      HANSA_COUNT(row, rated);
      if (counted.met) HANSA_COUNT(row, satisfied);
      return {};
    case Measure::kRebound:
      HANSA_COUNT(row, closed);
      if (counted.met) HANSA_COUNT(row, rebounded);
      return {};
    case Measure::kDispute:
      HANSA_COUNT(row, disputes_raised);
      if (counted.met) HANSA_COUNT(row, disputes_settled);
      return {};
  }
  HANSA_ASSERT(false, "every measure has its sums");
}

#undef HANSA_COUNT

}  // namespace

uint32_t span_bucket(int64_t span_us) {
  const auto& bounds = bounds_s();
  const int64_t span_s = span_us / kSecondUs + (span_us % kSecondUs > 0 ? 1 : 0);
  return static_cast<uint32_t>(std::lower_bound(bounds.begin(), bounds.end(), span_s) -
                               bounds.begin());
}

std::optional<int64_t> bucket_bound_s(size_t bucket) {
  if (bucket >= kBounds) return std::nullopt;
  return bounds_s()[bucket];
}

Result<void> add(v1::DayTally& row, const Contribution& contribution) {
  return count(row, contribution, Step(true));
}

Result<void> subtract(v1::DayTally& row, const Contribution& contribution) {
  return count(row, contribution, Step(false));
}

// Every item counts as a source, in a measure, or both.
bool is_empty(const v1::DayTally& row) {
  return row.reported() == 0 && row.reported_by_source().empty() && !row.has_discovery() &&
         !row.has_handling() && row.due() == 0 && row.moved().empty() &&
         row.responses_due() == 0 && row.rated() == 0 && row.closed() == 0 &&
         row.disputes_raised() == 0;
}

void SpanSum::add(const v1::Spans& spans) {
  cases += spans.cases();
  whole_s += spans.total_s();
  rest_us += spans.rest_us();
  for (int i = 0; i < spans.buckets_size(); ++i) {
    buckets.at(spans.buckets(i)) += spans.bucket_cases(i);
  }
}

Ratio SpanSum::total_s() const { return Ratio(whole_s) + Ratio(rest_us, kSecondUs); }

size_t SpanSum::quantile_bucket(uint64_t numerator, uint64_t denominator) const {
  const uint64_t rank = (cases * numerator + denominator - 1) / denominator;
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    seen += buckets[bucket];
    if (seen >= rank && seen > 0) return bucket;
  }
  HANSA_ASSERT(false, "the buckets hold all cases");
}

void RangeSum::add(const v1::DayTally& row) {
  reported += row.reported();
  verified += row.verified();
  for (int i = 0; i < row.reported_by_source_size(); ++i) {
    by_source.at(i) += row.reported_by_source(i);
  }
  if (row.has_discovery()) discovery.add(row.discovery());
  if (row.has_handling()) handling.add(row.handling());
  due += row.due();
  due_closed += row.due_closed();
  due_closed_on_time += row.due_closed_on_time();
  for (const auto& moved : row.moved()) {
    if (!range.holds(moved.to_day())) deferred += moved.cases();
  }
  responses_due += row.responses_due();
  responses_in_time += row.responses_in_time();
  rated += row.rated();
  satisfied += row.satisfied();
  closed += row.closed();
  rebounded += row.rebounded();
  disputes_raised += row.disputes_raised();
  disputes_settled += row.disputes_settled();
}

uint64_t RangeSum::source_classes() const {
  return static_cast<uint64_t>(
      std::count_if(by_source.begin() + 1, by_source.end(), [](uint64_t n) { return n > 0; }));
}

}  // namespace hansa
