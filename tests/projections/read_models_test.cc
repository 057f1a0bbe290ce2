// Goal: counters, cases per state and heat grid say what the events say.
// Method: random commands through decide; what stands in the rows against a second, slow reckoning
// from the cases and their histories alone. Borders (days, cells, imports) by hand.
#include "projections/read_models.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

#include "core/base/calendar.h"
#include "core/base/durations.h"
#include "tests/projections/folded_city.h"

namespace hansa::projections {
namespace {

using testing::FoldedCity;
using testing::kStartUs;

using Counts = std::map<std::string, uint64_t>;  // "scope|id|day|what" -> how often

void add_counters(const v1::Counter& row, Counts& counts) {
  const auto* reflection = row.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(row, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_UINT64) continue;
    counts[row.scope() + "|" + row.id() + "|" + std::to_string(row.day()) + "|" + field->name()] +=
        reflection->GetUInt64(row, field);
  }
}

Counts counters_of(FoldedCity& city) {
  Counts counts;
  city.rows().scan(kCounterTable.id, "", "\xff",
                   [&](std::string_view, const google::protobuf::Message& row) {
                     add_counters(static_cast<const v1::Counter&>(row), counts);
                     return true;
                   });
  return counts;
}

// What a step in a case's history adds to.
std::string counted_as(const std::string& event) {
  static const std::map<std::string, std::string> kNames = {
      {"CaseReported", "reported"},     {"CaseVerified", "verified"},
      {"CaseRefuted", "refuted"},       {"CaseFiled", "filed"},
      {"CaseAssigned", "assigned"},     {"CaseClosed", "closed"},
      {"CaseReopened", "reopened"},     {"CaseWithdrawn", "withdrawn"},
      {"CaseReferredOut", "referred_out"}, {"CitizenRated", "rated"},
      {"ProblemRebounded", "rebounded"}};
  const auto found = kNames.find(event);
  return found == kNames.end() ? "" : found->second;
}

Counts reckoned(FoldedCity& city) {
  Counts counts;
  for (const auto& row : city.cases()) {
    bool rebounded = row.rebound_of().empty();  // the original's history tells of it, too
    for (const auto& item : row.history()) {
      const std::string what = counted_as(item.event());
      if (what.empty()) continue;
      if (what == "rebounded" && std::exchange(rebounded, true)) continue;
      const std::string day = std::to_string(item.time_us() / kDayUs) + "|" + what;
      ++counts["city||" + day];
      ++counts["service|" + row.service() + "|" + day];
      ++counts["community|" + place_key(row.place()) + "|" + day];
    }
  }
  return counts;
}

TEST(ReadModels, RandomLifeCountsAsItsHistoriesDo) {
  EXPECT_TRUE(rc::check([] {
    FoldedCity city;
    city.live_randomly(*rc::gen::inRange(1, 25));
    Counts counted = counters_of(city);
    std::erase_if(counted, [](const auto& item) {
      return item.first.starts_with("unit|") || item.first.ends_with("|closed_on_time") ||
             item.first.ends_with("|rated_four_or_more") || item.first.ends_with("|breached");
    });
    // A merging stands in several histories: only how often it happened is reckoned anew.
    uint64_t merged = 0;
    std::erase_if(counted, [&](const auto& item) {
      if (!item.first.ends_with("|merged")) return false;
      if (item.first.starts_with("city|")) merged += item.second;
      return true;
    });
    uint64_t merged_cases = 0;
    for (const auto& row : city.cases()) merged_cases += row.merged_into().empty() ? 0 : 1;
    RC_ASSERT(merged == merged_cases);
    RC_ASSERT(counted == reckoned(city));
  }));
}

TEST(ReadModels, RandomLifeLeavesStatesAndHeatOfTheCasesThatAre) {
  EXPECT_TRUE(rc::check([] {
    FoldedCity city;
    city.live_randomly(*rc::gen::inRange(1, 25));
    std::map<int, uint64_t> states;
    std::map<std::pair<int64_t, int64_t>, uint64_t> heat;
    for (const auto& row : city.cases()) {
      ++states[row.state()];
      const bool ended = row.state() == v1::State::closed || row.state() == v1::State::refuted ||
                         row.state() == v1::State::withdrawn ||
                         row.state() == v1::State::referred_out ||
                         row.state() == v1::State::merged;
      if (ended || !row.place().has_point()) continue;
      const auto& point = row.place().point();
      ++heat[{std::floor(point.latitude_microdegrees() / 5000.0) * 5000,
              std::floor(point.longitude_microdegrees() / 5000.0) * 5000}];
    }
    std::map<int, uint64_t> counted;
    city.rows().scan(kStateCountTable.id, "", "\xff",
                     [&](std::string_view, const google::protobuf::Message& message) {
                       const auto& row = static_cast<const v1::StateCount&>(message);
                       counted[row.state()] = row.cases();
                       return true;
                     });
    RC_ASSERT(counted == states);
    std::map<std::pair<int64_t, int64_t>, uint64_t> drawn;
    city.rows().scan(kHeatTable.id, "", "\xff",
                     [&](std::string_view, const google::protobuf::Message& message) {
                       const auto& row = static_cast<const v1::HeatCell&>(message);
                       drawn[{row.latitude_microdegrees(), row.longitude_microdegrees()}] =
                           row.open_cases();
                       return true;
                     });
    RC_ASSERT(drawn == heat);
  }));
}

TEST(ReadModels, SameEventsThroughTheCacheLeaveTheSameRows) {
  EXPECT_TRUE(rc::check([] {
    FoldedCity city;
    city.live_randomly(*rc::gen::inRange(1, 15));
    RC_ASSERT(city.rows_through_cache() == city.rows().dump());
  }));
}

v1::CaseImported imported(v1::State::Value state, int64_t closed_us, int64_t due_us) {
  v1::CaseImported event;
  event.set_case_("c9");
  event.set_import_id("i");
  event.set_service("rubbish");
  event.set_unit("roads");
  event.set_state(state);
  event.mutable_place()->set_district("north");
  event.set_reported_time_us(kStartUs);
  event.set_closed_time_us(closed_us);
  event.set_due_time_us(due_us);
  return event;
}

Counts counts_of_import(const v1::CaseImported& event) {
  FoldedCity city;
  v1::Event wrapped;
  *wrapped.mutable_case_imported() = event;
  const Counts before = counters_of(city);
  EXPECT_TRUE(city.fold({wrapped}).has_value());
  Counts counts = counters_of(city);
  std::erase_if(counts, [](const auto& item) { return !item.first.starts_with("unit|roads|"); });
  return counts;
}

TEST(ReadModels, ImportedCaseCountsOnItsOwnDays) {
  const std::string first = "unit|roads|" + std::to_string(kStartUs / kDayUs) + "|";
  const std::string third = "unit|roads|" + std::to_string(kStartUs / kDayUs + 2) + "|";
  const int64_t closed_us = kStartUs + 2 * kDayUs;
  EXPECT_EQ(counts_of_import(imported(v1::State::closed, closed_us, closed_us)),
            (Counts{{first + "imported", 1},
                    {first + "reported", 1},
                    {third + "closed", 1},
                    {third + "closed_on_time", 1}}));
  EXPECT_EQ(counts_of_import(imported(v1::State::closed, closed_us, closed_us - 1)),
            (Counts{{first + "imported", 1}, {first + "reported", 1}, {third + "closed", 1}}));
  EXPECT_EQ(counts_of_import(imported(v1::State::withdrawn, 0, 0)),
            (Counts{{first + "imported", 1}, {first + "reported", 1}, {first + "withdrawn", 1}}));
}

TEST(ReadModels, KeysOfDaysAndCellsSortAcrossZero) {
  EXPECT_LT(day_key(Scope::kCity, "", -1), day_key(Scope::kCity, "", 0));
  EXPECT_LT(day_key(Scope::kCity, "", 255), day_key(Scope::kCity, "", 256));
  v1::Point south;
  south.set_latitude_microdegrees(-1);
  v1::Point border;
  EXPECT_LT(heat_key(south), heat_key(border));
  south.set_latitude_microdegrees(-5000);
  v1::Point further = south;
  further.set_latitude_microdegrees(-5001);
  EXPECT_LT(heat_key(further), heat_key(south));
}

}  // namespace
}  // namespace hansa::projections
