// Goal: whatever happens in a city, its figures are what a slow second reckoning finds.
// Method: arbitrary sequences of commands; the entries are folded into tallies, and reckoned again
// from the case rows and the plain list of events by the words of the definitions alone.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "core/metrics/metric.h"
#include "core/metrics/metrics_fold.h"
#include "core/metrics/scope.h"
#include "tests/core/arbitrary_step.h"

namespace hansa {
namespace {

using State = v1::State;

struct Part {
  Scope scope = Scope::kCity;
  std::string id;
  DayRange days;
};

// ---- the fold

void fold_all(const TestCity& city, MapRows& rows) {
  for (const auto& [entry, events] : city.landed) {
    for (const auto& event : events) {
      const bool about_city = event.event_case() < v1::Event::kCaseReported;
      if (about_city) RC_ASSERT(evolve(rows, event, entry).has_value());
      const auto folded = fold_metrics(rows, event, entry);
      RC_ASSERT(folded.has_value());
    }
  }
}

RangeSum sum_of(MapRows& rows, const Part& part) {
  RangeSum sum(part.days);
  rows.scan(kDayTallyTable.id, day_key(part.scope, part.id, part.days.from),
            day_key(part.scope, part.id, part.days.to) + '\0',
            [&](std::string_view, const google::protobuf::Message& row) {
              sum.add(static_cast<const v1::DayTally&>(row));
              return true;
            });
  return sum;
}

// ---- the second reckoning

int32_t day_of(int64_t time_us) { return static_cast<int32_t>(time_us / kDay); }

bool in_part(const v1::Case& row, const Part& part) {
  switch (part.scope) {
    case Scope::kCity: return true;
    case Scope::kUnit: return row.lead_unit() == part.id;
    case Scope::kService: return row.service() == part.id;
    case Scope::kDistrict: return row.place().district() == part.id;
    case Scope::kStreet: return row.place().district() + "/" + row.place().street() == part.id;
    case Scope::kKind: return v1::Kind::Value_Name(row.kind()) == part.id;
    default: return false;
  }
}

struct Reckoned {
  uint64_t above = 0;
  uint64_t below = 0;
  int64_t span_us = 0;
  uint64_t deferred = 0;
};

class SecondReckoning {
 public:
  SecondReckoning(TestCity& city, const Part& part) : city_(city), part_(part) {}

  Reckoned of(const std::string& metric) {
    Reckoned all;
    for (const auto& row : cases()) {
      if (in_part(row, part_)) count(metric, row, all);
    }
    return all;
  }

 private:
  std::vector<v1::Case> cases() {
    std::vector<v1::Case> found;
    city_.rows.scan(kCaseTable.id, "", "\xff",
                    [&](std::string_view, const google::protobuf::Message& row) {
                      found.push_back(static_cast<const v1::Case&>(row));
                      return true;
                    });
    return found;
  }

  bool in_days(int64_t time_us) const { return part_.days.holds(day_of(time_us)); }

  static bool has(const v1::Case& row, const std::string& event) {
    return std::any_of(row.history().begin(), row.history().end(),
                       [&](const auto& item) { return item.event() == event; });
  }

  void count(const std::string& metric, const v1::Case& row, Reckoned& all) {
    const bool child = !row.merged_into().empty();
    if (metric == "discovery_time") return count_discovery(row, child, all);
    if (metric == "handling_time") return count_handling(row, child, all);
    if (metric == "on_time_rate" || metric == "closing_rate") {
      return count_due(metric, row, child, all);
    }
    if (metric == "verification_rate") return count_verification(row, all);
    if (metric == "first_response_rate") return count_response(row, child, all);
    if (metric == "rebound_rate") return count_rebound(row, child, all);
    if (metric == "satisfaction") return count_ratings(row, all);
    if (metric == "overlap_resolution") return count_disputes(row, all);
    RC_FAIL("a metric without a second reckoning: " + metric);
  }

  void count_discovery(const v1::Case& row, bool child, Reckoned& all) {
    if (child || row.state() == State::refuted || row.observed_time_us() == 0) return;
    if (!in_days(row.reported_time_us())) return;
    ++all.below;
    all.span_us += row.reported_time_us() - row.observed_time_us();
  }

  void count_handling(const v1::Case& row, bool child, Reckoned& all) {
    if (child || row.state() != State::closed || !in_days(row.closed_time_us())) return;
    ++all.below;
    all.span_us += row.closed_time_us() - row.reported_time_us();
  }

  void count_due(const std::string& metric, const v1::Case& row, bool child, Reckoned& all) {
    const bool counts = is_open(row.state()) || row.state() == State::closed;
    if (child || !counts || row.deadline_time_us() == 0) return;
    const int64_t first_us = first_deadline(row);
    if (in_days(first_us) && !in_days(row.deadline_time_us())) ++all.deferred;
    if (!in_days(row.deadline_time_us())) return;
    ++all.below;
    if (row.state() != State::closed) return;
    const bool in_time = row.closed_time_us() <= row.deadline_time_us();
    if (in_time || metric == "closing_rate") ++all.above;
  }

  int64_t first_deadline(const v1::Case& row) {
    int64_t first_us = 0;
    for (const auto& [entry, events] : city_.landed) {
      for (const auto& event : events) {
        if (event.case_filed().case_() == row.case_()) {
          first_us = event.case_filed().deadline_time_us();
        }
        if (event.case_reopened().case_() == row.case_()) {
          first_us = event.case_reopened().deadline_time_us();
        }
      }
    }
    return first_us;
  }

  void count_verification(const v1::Case& row, Reckoned& all) {
    if (!in_days(row.reported_time_us())) return;
    const bool verified = has(row, "CaseVerified");
    const bool left = !row.merged_into().empty() || row.state() == State::withdrawn ||
                      row.state() == State::referred_out;
    if (left && !verified && row.state() != State::refuted) return;
    ++all.below;
    if (verified) ++all.above;
  }

  void count_response(const v1::Case& row, bool child, Reckoned& all) {
    const int64_t due_us = row.first_response_due_time_us();
    if (due_us == 0 || !in_days(due_us)) return;
    int64_t answered_us = row.first_response_time_us();
    if (answered_us == 0) {
      if (child || !(is_open(row.state()) || row.state() == State::closed)) return;
      answered_us = row.closed_time_us();
    }
    ++all.below;
    if (answered_us != 0 && answered_us <= due_us) ++all.above;
  }

  void count_rebound(const v1::Case& row, bool child, Reckoned& all) {
    if (child || row.state() != State::closed || !in_days(row.closed_time_us())) return;
    ++all.below;
    const auto rows = cases();
    if (std::any_of(rows.begin(), rows.end(), [&](const v1::Case& later) {
          return later.rebound_of() == row.case_();
        })) {
      ++all.above;
    }
  }

  void count_ratings(const v1::Case& row, Reckoned& all) {
    for (const auto& [entry, events] : city_.landed) {
      for (const auto& event : events) {
        if (!event.has_citizen_rated() || event.citizen_rated().case_() != row.case_()) continue;
        if (!in_days(entry.time_us)) continue;
        ++all.below;
        if (event.citizen_rated().stars() >= 4) ++all.above;
      }
    }
  }

  // Only one dispute is open at a time, so the n-th settling settles the n-th dispute.
  void count_disputes(const v1::Case& row, Reckoned& all) {
    std::vector<int64_t> raised_us;
    size_t settled = 0;
    for (const auto& item : row.history()) {
      if (item.event() == "AssignmentDisputed") raised_us.push_back(item.time_us());
      if (item.event() == "LeadDetermined") ++settled;
    }
    for (size_t i = 0; i < raised_us.size(); ++i) {
      if (!in_days(raised_us[i])) continue;
      ++all.below;
      if (i < settled) ++all.above;
    }
  }

  TestCity& city_;
  const Part part_;
};

// ---- properties

Part arbitrary_part(int64_t from_us, int64_t to_us) {
  Part part;
  static const std::vector<std::pair<Scope, std::string>> kParts = {
      {Scope::kCity, ""},          {Scope::kUnit, "roads"},
      {Scope::kUnit, "sanitation"}, {Scope::kService, "rubbish"},
      {Scope::kDistrict, "north"}, {Scope::kStreet, "north/river-street"},
      {Scope::kKind, "complaint"}};
  const auto chosen = *rc::gen::elementOf(kParts);
  part.scope = chosen.first;
  part.id = chosen.second;
  if (*rc::gen::arbitrary<bool>()) return part;
  part.days.from = day_of(*rc::gen::inRange(from_us, to_us + 1));
  part.days.to = part.days.from + *rc::gen::inRange(0, 20);
  return part;
}

RC_GTEST_PROP(MetricsSequences, FoldAndSecondReckoningAgreeWhateverHappens, ()) {
  TestCity city;
  live(city, *rc::gen::inRange(0, 150));
  MapRows rows;
  fold_all(city, rows);
  for (int i = 0; i < 4; ++i) {
    const Part part = arbitrary_part(kStart, city.now_us);
    const RangeSum sum = sum_of(rows, part);
    for (const auto& metric : metrics()) {
      if (metric.measure == Measure::kSource) continue;
      const auto figure = reckon(metric, sum, 30);
      const auto again = SecondReckoning(city, part).of(std::string(metric.id));
      RC_LOG() << metric.id << " " << figure.ShortDebugString();
      RC_ASSERT(figure.sample() == again.below);
      RC_ASSERT(figure.has_value() == (again.below > 0));
      if (metric.unit == "ratio") RC_ASSERT(figure.met() == again.above);
      if (metric.measure == Measure::kDeadline) RC_ASSERT(figure.deferred() == again.deferred);
      if (!figure.has_value()) continue;
      const Ratio value = metric.unit == "ratio" ? Ratio(again.above, again.below)
                                                 : Ratio(again.span_us, again.below * 1'000'000);
      RC_ASSERT(figure.value().num() == numerator(value).str());
      RC_ASSERT(figure.value().den() == denominator(value).str());
    }
  }
}

RC_GTEST_PROP(MetricsSequences, ATallyIsTheSumOverTheFactsAsTheyStand, ()) {
  TestCity city;
  live(city, *rc::gen::inRange(0, 120));
  MapRows rows;
  fold_all(city, rows);
  std::map<std::string, v1::DayTally> sums;
  rows.scan(kCaseFactsTable.id, "", "\xff",
            [&](std::string_view, const google::protobuf::Message& message) {
              for (const auto& one : contributions(static_cast<const Facts&>(message))) {
                RC_ASSERT(add(sums[day_key(Scope::kCity, "", one.counted.day)], one).has_value());
              }
              return true;
            });
  const std::string begin = scope_key(Scope::kCity);
  rows.scan(kDayTallyTable.id, begin, scope_key(Scope::kDistrict),
            [&](std::string_view key, const google::protobuf::Message& message) {
              auto row = static_cast<const v1::DayTally&>(message);
              row.clear_scope();
              row.clear_day();
              const auto found = sums.find(std::string(key));
              RC_ASSERT(found != sums.end());
              RC_ASSERT(row.SerializeAsString() == found->second.SerializeAsString());
              sums.erase(found);
              return true;
            });
  RC_ASSERT(sums.empty());
}

}  // namespace
}  // namespace hansa
