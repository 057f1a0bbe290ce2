// Goal: a rebuild beside a living city changes nothing but what was wrong, and can be cut off
// anywhere. Method: a city on one thread goes on deciding while its ledger is folded anew; kills
// are folders as a kill leaves them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>

#include "projections/rebuild.h"
#include "streams/embedded_log.h"
#include "streams/simulated_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

namespace fs = std::filesystem;
using testing::City;
using testing::found;
using testing::kStartUs;
using testing::report;
using testing::ScratchFolder;
using testing::staff;

const LedgerId kLedger{"city", "example"};
const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));

// The digest of a fold of its own, with rows kept nowhere else.
std::string refold(streams::Log& log) {
  ScratchFolder folder;
  fs::create_directories(folder.path("rows/city-example"));
  const auto report = rebuild_offline(log, kLedger, kFounding, folder.path("rows"),
                                      make_store_budget(8, 8), kMib);
  HANSA_ASSERT(report.has_value(), "the ledger can be folded");
  return report->meta.digest.hex();
}

class OnlineRebuildTest : public ::testing::Test {
 protected:
  OnlineRebuildTest() : env_(1, "online_rebuild_test", kStartUs) {
    fs::create_directories(folder_.path("projections/city-example"));
    log_ = std::move(*streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false}));
    open();
    found(*city_);
    for (int i = 0; i < 60; ++i) EXPECT_TRUE(send_report().has_value());
  }

  void open() {
    city_ = std::make_unique<City>(*log_, folder_, env_);
    city_->directory = current();
    city_->rebuild_permits = permits_;
    const auto opened = city_->open();
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  }
  void reopen() {
    city_.reset();
    open();
  }

  Result<v1::Receipt> send_report() {
    env_.advance_us(60'000'000);
    return city_->call(report(), staff("hotline-1", {v1::Role::hotline}));
  }

  Result<void> start() {
    bool done = false;
    Result<void> begun;
    city_->keeper().rebuild([&](Result<void> result) {
      begun = std::move(result);
      done = true;
    });
    city_->run(done);
    return begun;
  }
  Result<void> cancel() {
    bool done = false;
    Result<void> asked;
    city_->keeper().cancel_rebuild([&](Result<void> result) {
      asked = std::move(result);
      done = true;
    });
    city_->run(done);
    return asked;
  }
  RebuildStatus ended() {
    city_->run_until([&] { return !city_->keeper().health().rebuild.runs(); });
    return city_->keeper().health().rebuild;
  }

  std::string folder() const { return folder_.path("projections/city-example"); }
  std::string current() const {
    return current_version_dir(folder_.path("projections"), kLedger);
  }
  std::string live_digest() {
    city_->close();
    auto store = Store::open(current(), make_store_budget(8, 8));
    HANSA_ASSERT(store.has_value(), "the rows can be opened");
    EXPECT_EQ((*store)->scan_digest()->hex(), (*store)->meta().digest.hex());
    return (*store)->meta().digest.hex();
  }

  ScratchFolder folder_;
  SeededEnv env_;
  std::shared_ptr<RebuildPermits> permits_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<City> city_;
};

TEST_F(OnlineRebuildTest, CommandsGoOnAndTheNewRowsAreTheFoldOfAllOfThem) {
  ASSERT_TRUE(start().has_value());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(send_report().has_value());
  const auto status = ended();
  EXPECT_EQ(status.phase, RebuildPhase::kDone) << status.detail;
  EXPECT_FALSE(status.digest_differed);
  EXPECT_EQ(current(), folder() + "/v2");
  const auto after = send_report();
  ASSERT_TRUE(after.has_value()) << after.error().detail;
  ASSERT_TRUE(city_->wait_for(after->seq(), 5'000'000).has_value());
  EXPECT_EQ(live_digest(), refold(*log_));
}

TEST_F(OnlineRebuildTest, TheOldVersionServesItsReadersAndGoesWithTheLastOfThem) {
  auto kept = *city_->wait_for(city_->keeper().health().landed_seq, 5'000'000);
  ASSERT_TRUE(start().has_value());
  ASSERT_EQ(ended().phase, RebuildPhase::kDone);
  EXPECT_TRUE(kept->find(kCityTable, "")->has_value());
  EXPECT_TRUE(fs::exists(folder() + "/v1"));
  kept.reset();
  city_->run_until([&] { return !fs::exists(folder() + "/v1"); });
}

TEST_F(OnlineRebuildTest, WrongRowsAreReplacedAndSaid) {
  city_->close();
  {
    auto store = std::move(*Store::open(current(), make_store_budget(8, 8)));
    v1::Unit stray;
    stray.set_unit("stray");
    Meta meta = store->meta();
    const auto key = stored_key(kUnitTable.id, "stray");
    meta.digest.add(row_hash(key, stray.SerializeAsString()));
    ASSERT_TRUE(store->commit({{key, stray.SerializeAsString()}}, meta).has_value());
  }
  reopen();
  ASSERT_TRUE(city_->keeper().snapshot()->find(kUnitTable, "stray")->has_value());
  ASSERT_TRUE(start().has_value());
  const auto status = ended();
  EXPECT_EQ(status.phase, RebuildPhase::kDone);
  EXPECT_TRUE(status.digest_differed);
  EXPECT_NE(status.detail, "");
  EXPECT_FALSE(city_->keeper().snapshot()->find(kUnitTable, "stray")->has_value());
  EXPECT_EQ(live_digest(), refold(*log_));
}

TEST_F(OnlineRebuildTest, ACancelledOneLeavesTheLiveRowsAndNothingElse) {
  ASSERT_TRUE(start().has_value());
  ASSERT_TRUE(cancel().has_value());
  const auto status = ended();
  EXPECT_EQ(status.phase, RebuildPhase::kCancelled);
  city_->run_until([&] { return !fs::exists(folder() + "/v2"); });
  EXPECT_EQ(current(), folder() + "/v1");
  EXPECT_TRUE(send_report().has_value());
  EXPECT_EQ(cancel().error().code, Errc::kWrongState);
  ASSERT_TRUE(start().has_value());
  EXPECT_EQ(ended().phase, RebuildPhase::kDone);
}

TEST_F(OnlineRebuildTest, OnlyOneRunsAtATimeAndOnlyAsManyAsTheNodeMay) {
  ASSERT_TRUE(start().has_value());
  EXPECT_EQ(start().error().code, Errc::kWrongState);
  ASSERT_EQ(ended().phase, RebuildPhase::kDone);
  permits_ = std::make_shared<RebuildPermits>(1);
  reopen();
  ASSERT_TRUE(permits_->take());
  EXPECT_EQ(start().error().code, Errc::kRateLimited);
  permits_->give();
  ASSERT_TRUE(start().has_value());
  ASSERT_EQ(ended().phase, RebuildPhase::kDone);
  city_->run_until([&] { return permits_->take(); });
}

TEST_F(OnlineRebuildTest, RowsOfAnotherSchemaAreReadAndFoldedAnewByThemselves) {
  city_->close();
  {
    auto store = std::move(*Store::open(current(), make_store_budget(8, 8)));
    Meta meta = store->meta();
    meta.row_schema_version = kRowSchemaVersion - 1;
    ASSERT_TRUE(store->commit({}, meta).has_value());
  }
  reopen();
  EXPECT_FALSE(city_->keeper().health().ready);
  EXPECT_TRUE(city_->keeper().snapshot()->find(kCityTable, "")->has_value());
  const auto early = send_report();
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().code, Errc::kUnavailable);
  EXPECT_NE(early.error().detail.find("folded anew"), std::string::npos) << early.error().detail;
  city_->run_until([&] { return city_->keeper().health().ready; });
  EXPECT_TRUE(send_report().has_value());
  EXPECT_EQ(live_digest(), refold(*log_));
}

TEST_F(OnlineRebuildTest, AServerThatStopsCutsItOff) {
  ASSERT_TRUE(start().has_value());
  city_->close();
  EXPECT_EQ(live_digest(), refold(*log_));
}

// What a kill leaves: part of the new version, a CURRENT half written, or the old version not yet
// removed.
TEST_F(OnlineRebuildTest, KilledAnywhereItLeavesRowsThatCount) {
  const std::string before = live_digest();
  fs::create_directories(folder() + "/v2");
  fs::copy(folder() + "/v1", folder() + "/v2", fs::copy_options::recursive);
  fs::resize_file(folder() + "/v2/CURRENT", 3);
  reopen();
  EXPECT_FALSE(fs::exists(folder() + "/v2"));
  EXPECT_EQ(live_digest(), before);

  std::ofstream(folder() + "/CURRENT.new") << "v";
  reopen();
  EXPECT_FALSE(fs::exists(folder() + "/CURRENT.new"));
  EXPECT_EQ(live_digest(), before);

  fs::copy(folder() + "/v1", folder() + "/v2", fs::copy_options::recursive);
  ASSERT_TRUE(make_current(folder() + "/v2").has_value());
  reopen();
  EXPECT_EQ(current(), folder() + "/v2");
  EXPECT_FALSE(fs::exists(folder() + "/v1"));
  EXPECT_EQ(live_digest(), before);
}

TEST_F(OnlineRebuildTest, ACheckpointPutInPlaceCatchesUpToTheSameRows) {
  ASSERT_TRUE(city_->wait_for(city_->keeper().health().landed_seq, 5'000'000).has_value());
  const std::string checkpoint = folder_.path("checkpoint");
  ASSERT_TRUE(city_->keeper().store()->checkpoint(checkpoint).has_value());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(send_report().has_value());
  const std::string lived = live_digest();
  fs::remove_all(folder() + "/v1");
  fs::rename(checkpoint, folder() + "/v1");
  reopen();
  EXPECT_TRUE(send_report().has_value());
  reopen();
  EXPECT_EQ(live_digest(), refold(*log_));
  EXPECT_NE(live_digest(), lived);
}

// Rivals, lost answers and undone flights while the rebuild runs.
RC_GTEST_PROP(OnlineRebuild, SwappedRowsAreARefoldUnderEveryFault, ()) {
  const auto seed = *rc::gen::inRange<uint64_t>(1, 1'000'000);
  SeededEnv env(seed, "online_rebuild_test", kStartUs);
  ScratchFolder folder;
  fs::create_directories(folder.path("projections/city-example"));
  streams::SimulatedStore simulated(seed);
  streams::SimulatedLog log(simulated);
  City city(log, folder, env);
  city.directory = folder.path("projections/city-example/v1");
  city.turn = [&] { simulated.step(); };
  RC_ASSERT(city.open().has_value());
  found(city);
  streams::SimulatedFaults faults;
  faults.lost_answer = 100;
  faults.late = 100;
  simulated.set_faults(faults);
  const int reports = *rc::gen::inRange(1, 40);
  const int begin_at = *rc::gen::inRange(0, reports);
  size_t answered = 0;
  for (int i = 0; i < reports; ++i) {
    env.advance_us(1'000'000);
    if (i == begin_at) city.keeper().rebuild([](const Result<void>& begun) { RC_ASSERT(begun); });
    city.send(report(), staff("hotline-1", {v1::Role::hotline}), std::nullopt,
              [&](const Result<v1::Receipt>&) { ++answered; });
  }
  city.run_until([&] {
    return answered == static_cast<size_t>(reports) && !city.keeper().health().rebuild.runs();
  });
  RC_ASSERT(city.keeper().health().rebuild.phase == RebuildPhase::kDone);
  RC_ASSERT(!city.keeper().health().rebuild.digest_differed);
  const Seq landed = city.keeper().health().landed_seq;
  RC_ASSERT(city.wait_for(landed, 5'000'000).has_value());
  const std::string live = city.keeper().store()->meta().digest.hex();
  city.turn = nullptr;
  RC_ASSERT(live == refold(log));
}

}  // namespace
}  // namespace hansa::projections
