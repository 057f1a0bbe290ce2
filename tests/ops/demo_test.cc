// Goal: the demo is the same for the same seed and shows the whole loop. Method: small demos in
// fresh folders: two with one seed are compared record by record, one with another seed must
// differ; then the ledger is read and every branch of the loop must stand in it.
#include "ops/demo/demo.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/alliance/agreement.h"
#include "ops/cli/offline.h"
#include "ops/demo/delta_city.h"

namespace hansa::ops {
namespace {

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "hansa-demo-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  DemoOutcome make(const std::string& name, DemoOptions options) {
    options.data_dir = folder_ + "/" + name;
    auto outcome = make_demo(options, {});
    EXPECT_TRUE(outcome) << outcome.error().detail;
    return outcome ? *outcome : DemoOutcome{};
  }

  std::vector<std::string> records_of(const std::string& name, const std::string& city) {
    std::vector<std::string> values;
    auto stopped = StoppedNode::open(folder_ + "/" + name, {"city", city});
    EXPECT_TRUE(stopped) << stopped.error().detail;
    LogRecords records(stopped->log(), {"city", city});
    const auto check =
        check_ledger(records, {"city", city}, stopped->founding_id(),
                     [&](const SeenRecord& record) { values.emplace_back(record.value); });
    EXPECT_TRUE(check) << check.error().detail;
    return values;
  }

  std::set<std::string> events_of(const std::string& name, const std::string& city) {
    std::set<std::string> events;
    auto stopped = StoppedNode::open(folder_ + "/" + name, {"city", city});
    LogRecords records(stopped->log(), {"city", city});
    const auto check = check_ledger(
        records, {"city", city}, stopped->founding_id(), [&](const SeenRecord& record) {
          v1::Payload payload;
          ASSERT_TRUE(payload.ParseFromArray(record.payload.data(),
                                             static_cast<int>(record.payload.size())));
          for (const auto& event : payload.events()) {
            const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.event_case());
            events.insert(field->name());
          }
        });
    EXPECT_TRUE(check);
    return events;
  }

  std::string folder_;
};

TEST_F(Demo, OneSeedMakesOneLedgerToTheByte) {
  DemoOptions options;
  options.cities = 2;
  options.days = 3;
  const auto one = make("one", options);
  const auto two = make("two", options);
  ASSERT_EQ(one.cities.size(), 2u);
  ASSERT_EQ(two.cities.size(), 2u);
  EXPECT_EQ(demo_json(options, one), demo_json(options, two));
  for (const char* city : {"suzhou-js", "wuxi"}) {
    const auto records = records_of("one", city);
    EXPECT_GT(records.size(), 300u);
    EXPECT_EQ(records, records_of("two", city));
  }
  options.seed = 2;
  const auto other = make("other", options);
  EXPECT_NE(other.cities[0].tip, one.cities[0].tip);
}

TEST_F(Demo, ShowsTheWholeLoopWithEveryBranch) {
  DemoOptions options;
  options.cities = 1;
  options.days = 14;
  const auto outcome = make("loop", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  EXPECT_TRUE(outcome.cities[0].simulated);
  const auto events = events_of("loop", "suzhou-js");
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto& name = all->field(i)->name();
    if (find_city_event(all->field(i)->message_type()->name()) == nullptr) continue;
    // It belongs to no alliance.
    if (all->field(i)->options().GetExtension(v1::to_alliance)) continue;
    // A demo city adopts the default policies at its founding and keeps its sources.
    if (name == "source_disconnected" || name == "case_imported") continue;
    // Its people and its air are no part of the life of cases.
    if (name == "population_recorded" || name == "air_quality_recorded") continue;
    EXPECT_TRUE(events.contains(name)) << "no event " << name;
  }
}

TEST_F(Demo, AGivenFileBecomesACityOfItsOwn) {
  DemoOptions options;
  options.cities = 0;
  options.days = 1;
  const std::string root = std::getenv("HANSA_SOURCE");
  options.files = {
      {root + "/examples/setup/cases.csv", root + "/examples/setup/cases-mapping.yaml"}};
  const auto outcome = make("file", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  const auto& city = outcome.cities[0];
  EXPECT_EQ(city.city, "example");
  EXPECT_FALSE(city.simulated);
  ASSERT_TRUE(city.import);
  EXPECT_EQ(city.import->imported, 3u);
  EXPECT_EQ(city.cases, (std::map<std::string, uint64_t>{
                            {"closed", 1}, {"reported", 1}, {"withdrawn", 1}}));
}

#ifdef HANSA_REAL_REPORTS
TEST_F(Demo, LosAngeles2017GivesItsKnownNumbers) {
  DemoOptions options;
  options.cities = 0;
  options.days = 1;
  const std::string root = std::getenv("HANSA_SOURCE");
  options.files = {{HANSA_REAL_REPORTS, root + "/examples/mappings/la311-2017.yaml"}};
  const auto outcome = make("la", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  ASSERT_TRUE(outcome.cities[0].import);
  EXPECT_EQ(outcome.cities[0].import->json(),
            "{\"rows\":9999,\"imported\":9987,\"unchanged\":0,\"refused\":12,\"by_state\":{"
            "\"closed\":9727,\"open\":5,\"referred_out\":9,\"withdrawn\":246}}");
}
#endif

TEST_F(Demo, RefusesAFolderThatHoldsData) {
  DemoOptions options;
  options.cities = 1;
  options.days = 1;
  make("one", options);
  options.data_dir = folder_ + "/one";
  const auto again = make_demo(options, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kAlreadyExists);
}

TEST_F(Demo, KnowsTheFortyOneCitiesOfTheDelta) {
  const auto ids = delta_city_ids();
  EXPECT_EQ(ids.size(), 41u);
  size_t districts = 0;
  size_t streets = 0;
  for (const auto& id : ids) {
    const auto city = delta_city(id);
    ASSERT_TRUE(city) << id;
    EXPECT_GT(city->population, 0u) << id;
    districts += city->districts.size();
    for (const auto& part : city->districts) {
      streets += static_cast<size_t>(part.streets_size());
    }
  }
  EXPECT_LE(districts, 329u);
  EXPECT_EQ(streets, 4'793u);
}

}  // namespace
}  // namespace hansa::ops
