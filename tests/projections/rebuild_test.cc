// Goal: a rebuild gives the rows that living gave, tells when the old ones were wrong, and leaves
// the old ones in force until it is whole. Method: a city lives behind its keeper and is closed.
#include "projections/rebuild.h"

#include <gtest/gtest.h>

#include "core/base/durations.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::City;
using testing::found;
using testing::kStartUs;
using testing::report;
using testing::ScratchFolder;
using testing::staff;

class RebuildTest : public ::testing::Test {
 protected:
  RebuildTest() : env_(1, "rebuild_test", kStartUs) {
    std::filesystem::create_directories(folder_.path("projections/city-example"));
    log_ = std::move(*streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false}));
    City city(*log_, folder_, env_);
    EXPECT_TRUE(city.open().has_value());
    found(city);
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(city.call(report(), staff("hotline-1", {v1::Role::hotline})).has_value());
      env_.advance_us(3 * kHourUs);
      city.fire_timers();
    }
    city.close();
    std::filesystem::rename(folder_.path("rows"), current());
  }

  std::string current() const {
    return current_version_dir(folder_.path("projections"), ledger_);
  }
  Result<RebuildReport> rebuild(const GoOn& go_on = {}) {
    return rebuild_offline(*log_, ledger_, *FoundingId::from(std::string(16, 'f')),
                           folder_.path("projections"), make_store_budget(8, 8), kMib, go_on);
  }
  static std::unique_ptr<Store> open(const std::string& directory) {
    return std::move(*Store::open(directory, make_store_budget(8, 8)));
  }

  const LedgerId ledger_{"city", "example"};
  ScratchFolder folder_;
  SeededEnv env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
};

TEST_F(RebuildTest, SameLedgerSameRows) {
  const Meta lived = open(current())->meta();
  ASSERT_GT(lived.position.seq, 30u);
  const auto report = rebuild();
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  EXPECT_FALSE(report->digest_differed);
  EXPECT_EQ(report->meta.digest.hex(), lived.digest.hex());
  EXPECT_EQ(report->meta.position.tip, lived.position.tip);
  EXPECT_EQ(report->meta.position.next_offset, lived.position.next_offset);
  EXPECT_EQ(report->meta.time_us, lived.time_us);
  EXPECT_EQ(open(report->directory)->scan_digest()->hex(), lived.digest.hex());
}

TEST_F(RebuildTest, NewVersionCountsAndTheOldOneIsGone) {
  const std::string old = current();
  ASSERT_TRUE(rebuild().has_value());
  EXPECT_NE(current(), old);
  EXPECT_FALSE(std::filesystem::exists(old));
  const std::string second = current();
  const auto again = rebuild();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->directory, current());
  EXPECT_NE(current(), second);
  ASSERT_TRUE(again->before.has_value());
  EXPECT_EQ(again->before->digest.hex(), again->meta.digest.hex());
}

TEST_F(RebuildTest, WrongRowsAreFoundAndReplaced) {
  {
    const auto store = open(current());
    Meta meta = store->meta();
    meta.digest.add(row_hash("x", "y"));
    ASSERT_TRUE(store->commit({{stored_key(TableId::kUnit, "ghost"), ""}}, meta));
  }
  const auto report = rebuild();
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->digest_differed);
  EXPECT_FALSE(open(current())->get(stored_key(TableId::kUnit, "ghost"))->has_value());
}

TEST_F(RebuildTest, UnreadableRowsAreReplaced) {
  for (const auto& file : std::filesystem::directory_iterator(current())) {
    if (file.path().filename().string().starts_with("MANIFEST")) {
      std::filesystem::resize_file(file.path(), 10);
    }
  }
  const auto report = rebuild();
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  EXPECT_FALSE(report->before.has_value());
  EXPECT_EQ(open(current())->scan_digest()->hex(), report->meta.digest.hex());
}

TEST_F(RebuildTest, StoppedRebuildLeavesTheOldVersionInForce) {
  const std::string old = current();
  const Meta lived = open(old)->meta();
  const auto report = rebuild_offline(*log_, ledger_, *FoundingId::from(std::string(16, 'g')),
                                      folder_.path("projections"), make_store_budget(8, 8), kMib);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(current(), old);
  EXPECT_EQ(open(old)->meta().digest.hex(), lived.digest.hex());
  size_t versions = 0;
  for (const auto& item : std::filesystem::directory_iterator(
           folder_.path("projections/city-example"))) {
    versions += item.is_directory() ? 1 : 0;
  }
  EXPECT_EQ(versions, 1u);
}

TEST_F(RebuildTest, RowsThatAServerHasOpenAreNotTouched) {
  const auto store = open(current());
  const auto report = rebuild();
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, Errc::kDataInUse);
}

}  // namespace
}  // namespace hansa::projections
