// Goal: a figure says what its definition says, to the last digit.
// Method: small lives of one or two cases, told command by command, and their figures by hand.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/base/day.h"
#include "core/base/policy.h"
#include "core/base/schema.h"
#include "core/metrics/metric.h"
#include "core/metrics/metrics_fold.h"
#include "core/metrics/scope.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using State = v1::State;

class MetricsTest : public ::testing::Test {
 protected:
  v1::Figure figure(const std::string& metric, const DayRange& days = {},
                    Scope scope = Scope::kCity, const std::string& id = "") {
    MapRows rows;
    for (const auto& [entry, events] : city_.landed) {
      for (const auto& event : events) {
        EXPECT_TRUE(evolve(rows, event, entry).has_value());
        const auto folded = fold_metrics(rows, event, entry);
        EXPECT_TRUE(folded.has_value()) << folded.error().detail;
      }
    }
    RangeSum sum(days);
    rows.scan(kDayTallyTable.id, day_key(scope, id, days.from), day_key(scope, id, days.to) + '\0',
              [&](std::string_view, const google::protobuf::Message& row) {
                sum.add(static_cast<const v1::DayTally&>(row));
                return true;
              });
    return reckon(**find_metric(metric), sum, 2);
  }

  static std::string value(const v1::Figure& figure) {
    if (!figure.has_value()) return "none of " + std::to_string(figure.sample());
    return figure.value().num() + "/" + figure.value().den();
  }

  void extend(const std::string& id, int64_t deadline_us) {
    auto command = on<v1::ExtendDeadline>(id);
    command.set_deadline_time_us(deadline_us);
    city_.accept(command, kDispatcher);
  }

  void rate(const std::string& id, uint32_t stars) {
    auto command = on<v1::RateCase>(id);
    command.set_stars(stars);
    city_.accept(command, kCitizen);
  }

  static int32_t day(int64_t time_us) { return static_cast<int32_t>(time_us / kDay); }

  TestCity city_;
};

TEST_F(MetricsTest, TimesAreExactToTheMicrosecond) {
  const auto first = city_.report_case();
  city_.now_us += kHour + 1;
  const auto second = city_.report_case();
  city_.now_us += kHour;
  city_.lead_to(first, State::closed);
  city_.lead_to(second, State::closed);
  const auto handling = figure("handling_time");
  // (7200.000001 s + 3600 s) / 2
  EXPECT_EQ(value(handling), "10800000001/2000000");
  EXPECT_EQ(handling.value().value(), "5400.0000");
  EXPECT_EQ(handling.sample(), 2u);
  EXPECT_TRUE(handling.rankable());
  // The shorter of two is the median: 3600 s lies in the bucket up to 2^(95/8) s = 3756 s.
  EXPECT_EQ(handling.median_bucketed_s(), 3756u);
  EXPECT_EQ(handling.p90_bucketed_s(), 7512u);
}

TEST_F(MetricsTest, AReopenedCaseIsNotHandledUntilItIsClosedAgain) {
  const auto id = city_.case_in(State::closed);
  EXPECT_EQ(figure("handling_time").sample(), 1u);
  city_.accept(on<v1::ReopenCase>(id), kCitizen);
  EXPECT_EQ(value(figure("handling_time")), "none of 0");
  EXPECT_EQ(value(figure("closing_rate")), "0/1");
}

TEST_F(MetricsTest, AMovedDeadlineLeavesItsRangeAndCountsWhereItStands) {
  const auto id = city_.case_in(State::assigned);
  const int64_t first_us = city_.row(id).deadline_time_us();
  const DayRange first_day{day(first_us), day(first_us)};
  EXPECT_EQ(figure("on_time_rate", first_day).due(), 1u);
  extend(id, first_us + 3 * kDay);
  const auto left = figure("on_time_rate", first_day);
  EXPECT_EQ(left.due(), 1u);
  EXPECT_EQ(left.deferred(), 1u);
  EXPECT_EQ(value(left), "none of 0");
  const auto both = figure("on_time_rate", {day(first_us), day(first_us) + 3});
  EXPECT_EQ(both.due(), 1u);
  EXPECT_EQ(both.deferred(), 0u);
  EXPECT_EQ(value(both), "0/1");
}

TEST_F(MetricsTest, ClosedLateIsClosedButNotOnTime) {
  const auto id = city_.case_in(State::rectified);
  city_.advance_to(city_.row(id).deadline_time_us() + 1);
  auto check = on<v1::CheckCase>(id);
  check.set_passed(true);
  city_.accept(check, kChecker);
  EXPECT_EQ(value(figure("on_time_rate")), "0/1");
  EXPECT_EQ(value(figure("closing_rate")), "1/1");
}

TEST_F(MetricsTest, ClosedAtTheDeadlineIsOnTime) {
  const auto id = city_.case_in(State::rectified);
  city_.now_us = city_.row(id).deadline_time_us();
  auto check = on<v1::CheckCase>(id);
  check.set_passed(true);
  city_.accept(check, kChecker);
  EXPECT_EQ(value(figure("on_time_rate")), "1/1");
}

TEST_F(MetricsTest, WithdrawnReferredOutAndMergedCasesAreInNoDeadline) {
  for (const auto state : {State::withdrawn, State::referred_out, State::merged}) {
    city_.case_in(state);
  }
  EXPECT_EQ(figure("on_time_rate").due(), 0u);
}

TEST_F(MetricsTest, ARefutedReportCountsAsNotVerifiedAndAWithdrawnOneNotAtAll) {
  city_.case_in(State::verified);
  city_.case_in(State::refuted);
  city_.case_in(State::withdrawn);
  EXPECT_EQ(value(figure("verification_rate")), "1/2");
}

TEST_F(MetricsTest, EveryRatingCountsByTheStarsThatWerePolicyThatDay) {
  const auto id = city_.case_in(State::closed);
  rate(id, 4);
  city_.accept(on<v1::ReopenCase>(id), kCitizen);
  v1::AdoptPolicy stricter;
  stricter.set_policy(std::string(kSatisfactionStars));
  stricter.mutable_value()->set_numerator("5");
  stricter.mutable_value()->set_denominator("1");
  city_.accept(stricter, kAdmin);
  city_.accept(on<v1::AcceptAssignment>(id), kWorker);
  city_.accept(on<v1::StartRectification>(id), kWorker);
  city_.accept(on<v1::ReportRectification>(id), kWorker);
  auto check = on<v1::CheckCase>(id);
  check.set_passed(true);
  city_.accept(check, kChecker);
  rate(id, 4);
  EXPECT_EQ(value(figure("satisfaction")), "1/2");
}

TEST_F(MetricsTest, AResponseAfterItsTimeIsLateAndAClosureInTimeIsAResponse) {
  const auto late = city_.report_case();
  const auto closed = city_.case_in(State::closed);
  const auto withdrawn = city_.case_in(State::withdrawn);
  city_.advance_to(city_.row(late).first_response_due_time_us() + 1);
  city_.accept(on<v1::RecordFirstResponse>(late), kHotline);
  EXPECT_EQ(value(figure("first_response_rate")), "1/2");
}

TEST_F(MetricsTest, AProblemThatComesBackMakesItsClosedCaseRebounded) {
  const auto first = city_.case_in(State::closed);
  city_.now_us += kDay;
  city_.case_in(State::filed);
  ASSERT_EQ(city_.row(first).rebounds_size(), 1);
  EXPECT_EQ(value(figure("rebound_rate")), "1/1");
}

TEST_F(MetricsTest, ADisputeIsSettledOnTheDayItWasRaised) {
  const auto id = city_.case_in(State::disputed);
  const int32_t raised = day(city_.now_us);
  EXPECT_EQ(value(figure("overlap_resolution")), "0/1");
  city_.now_us += 2 * kDay;
  auto lead = on<v1::DetermineLead>(id);
  lead.set_lead_unit("roads");
  city_.accept(lead, kDispatcher);
  EXPECT_EQ(value(figure("overlap_resolution", {raised, raised})), "1/1");
}

TEST_F(MetricsTest, WhatACaseCountsForMovesWithItToAnotherUnit) {
  const auto id = city_.case_in(State::assigned);
  EXPECT_EQ(value(figure("verification_rate", {}, Scope::kUnit, "sanitation")), "1/1");
  auto transfer = on<v1::TransferCase>(id);
  transfer.set_to_unit("roads");
  city_.accept(transfer, kDispatcher);
  EXPECT_EQ(value(figure("verification_rate", {}, Scope::kUnit, "sanitation")), "none of 0");
  EXPECT_EQ(value(figure("verification_rate", {}, Scope::kUnit, "roads")), "1/1");
}

TEST_F(MetricsTest, CoverageCountsClassesNotCases) {
  city_.report_case();
  city_.report_case();
  auto snap = report();
  snap.set_source(v1::Source::snap);
  city_.report_case(snap);
  const auto coverage = figure("source_coverage");
  EXPECT_EQ(value(coverage), "1/6");
  EXPECT_EQ(coverage.sample(), 3u);
}

TEST_F(MetricsTest, DiscoveryRunsFromSeeingToReporting) {
  auto seen = report();
  seen.set_observed_time_us(city_.now_us - 90 * 60 * kSecond);
  city_.report_case(seen);
  city_.report_case();
  EXPECT_EQ(value(figure("discovery_time")), "5400/1");
}

TEST_F(MetricsTest, AnUnknownFigureNamesThoseThatExist) {
  const auto unknown = find_metric("speed");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, Errc::kUnknownMetric);
  EXPECT_NE(unknown.error().detail.find("handling_time"), std::string::npos);
}

// A figure that needs a field which is not PUBLIC could not be shared and recomputed.
TEST(MetricCatalogue, EveryInputIsAPublicFieldOfAnEvent) {
  for (const auto& metric : metrics()) {
    std::istringstream inputs{std::string(metric.inputs)};
    std::string input;
    int count = 0;
    while (inputs >> input) {
      ++count;
      const auto dot = input.find('.');
      const auto* event = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
          "hansa.v1." + input.substr(0, dot));
      ASSERT_NE(event, nullptr) << input;
      const auto* field = event->FindFieldByName(input.substr(dot + 1));
      ASSERT_NE(field, nullptr) << input;
      EXPECT_EQ(data_class(*field), v1::PUBLIC) << input;
    }
    EXPECT_GT(count, 0) << metric.id;
    EXPECT_TRUE(metric.target_policy.empty() || find_policy(metric.target_policy) != nullptr);
  }
}

TEST(Histogram, BoundsAreTheFlooredEighthPowersOfTwo) {
  EXPECT_EQ(bucket_bound_s(0), 0);
  EXPECT_EQ(bucket_bound_s(1), 1);
  EXPECT_EQ(bucket_bound_s(9), 2);     // k = 8
  EXPECT_EQ(bucket_bound_s(13), 2);    // 2^1.5 = 2.83
  EXPECT_EQ(bucket_bound_s(96), 3756);   // 2^(95/8)
  EXPECT_EQ(bucket_bound_s(241), 1 << 30);
  EXPECT_EQ(bucket_bound_s(242), std::nullopt);
}

TEST(Histogram, ALengthLiesInTheFirstBucketThatHoldsIt) {
  EXPECT_EQ(span_bucket(0), 0u);
  EXPECT_EQ(span_bucket(1), 1u);
  EXPECT_EQ(span_bucket(kSecond), 1u);
  EXPECT_EQ(bucket_bound_s(span_bucket(kSecond + 1)), 2);
  EXPECT_EQ(bucket_bound_s(span_bucket((int64_t{1} << 30) * kSecond)), 1 << 30);
  EXPECT_EQ(bucket_bound_s(span_bucket((int64_t{1} << 30) * kSecond + 1)), std::nullopt);
}

Contribution arbitrary_contribution() {
  Contribution one;
  one.measure = static_cast<Measure>(*rc::gen::inRange<size_t>(0, kMeasures));
  one.counted.met = *rc::gen::arbitrary<bool>();
  one.counted.closed = one.counted.met || *rc::gen::arbitrary<bool>();
  const int64_t most = one.measure == Measure::kSource ? 13 : 90 * kDay;
  one.counted.value = *rc::gen::inRange<int64_t>(0, most);
  if (one.measure == Measure::kMovedDeadline) one.counted.value %= 30;
  return one;
}

RC_GTEST_PROP(Tally, IsTheSameByWhateverWayItWasReached, ()) {
  const auto kept = *rc::gen::container<std::vector<Contribution>>(
      rc::gen::exec(arbitrary_contribution));
  const auto passing = *rc::gen::container<std::vector<Contribution>>(
      rc::gen::exec(arbitrary_contribution));
  v1::DayTally straight;
  for (const auto& one : kept) RC_ASSERT(add(straight, one).has_value());
  v1::DayTally winding;
  for (const auto& one : passing) RC_ASSERT(add(winding, one).has_value());
  for (auto one = kept.rbegin(); one != kept.rend(); ++one) {
    RC_ASSERT(add(winding, *one).has_value());
  }
  for (const auto& one : passing) RC_ASSERT(subtract(winding, one).has_value());
  RC_ASSERT(winding.SerializeAsString() == straight.SerializeAsString());
  RC_ASSERT(is_empty(straight) == kept.empty());
  for (const auto& one : kept) RC_ASSERT(subtract(straight, one).has_value());
  RC_ASSERT(is_empty(straight));
  RC_ASSERT(straight.ByteSizeLong() == 0U);
}

TEST(Tally, ASumThatWouldFallBelowZeroStopsTheLedger) {
  v1::DayTally row;
  for (size_t i = 0; i < kMeasures; ++i) {
    Contribution one{static_cast<Measure>(i), {.met = true, .closed = true, .value = 1}};
    const auto below = subtract(row, one);
    ASSERT_FALSE(below.has_value()) << i;
    EXPECT_EQ(below.error().code, Errc::kInternal);
    row.Clear();
  }
}

TEST(Day, OnlyDaysThatExistAreRead) {
  EXPECT_EQ(*parse_day("1970-01-01", "from"), 0);
  EXPECT_EQ(*parse_day("2024-02-29", "from"), 19782);
  EXPECT_EQ(day_text(19782), "2024-02-29");
  for (const char* text : {"2025-02-29", "2025-1-01", "2025-13-01", "1969-12-31", "yesterday", "",
                           "2025-01-01T00:00:00Z"}) {
    const auto parsed = parse_day(text, "from");
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().pointer, "/from");
  }
}

}  // namespace
}  // namespace hansa
