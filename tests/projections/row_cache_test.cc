// Goal: rows behind the cache are what a plain map would hold, through undo, eviction, failed
// commits and reopening, and digest and index follow them.
// Method: random work against std::map, in a cache so small that nothing clean stays in it.
#include "projections/row_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "projections/index.h"
#include "tests/projections/file_size_limit.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::ScratchFolder;

using Model = std::map<std::string, std::string>;  // stored key -> serialised row

constexpr auto kStates = {v1::State::reported, v1::State::assigned, v1::State::closed};

class Rig {
 public:
  Rig() { reopen(); }

  void reopen() {
    cache_.reset();
    store_.reset();
    auto opened = Store::open(folder_.path("rows"), make_store_budget(8, 8));
    RC_ASSERT(opened.has_value());
    store_ = std::move(*opened);
    cache_ = std::make_unique<RowCache>(*store_, bytes_max_);
  }

  RowCache& cache() { return *cache_; }
  Store& store() { return *store_; }
  Model& model() { return model_; }

  void put_case(int number, v1::State::Value state, const std::string& unit) {
    const std::string key = case_key(case_id(static_cast<Seq>(number), 0));
    auto& row = cache_->put(kCaseTable, key);
    row.set_case_(case_id(static_cast<Seq>(number), 0));
    row.set_state(state);
    row.set_lead_unit(unit);
    row.set_service("rubbish");
    row.set_deadline_time_us(number * 1000);
    model_[stored_key(kCaseTable.id, key)] = row.SerializeAsString();
  }

  void put_timer(int due) {
    v1::Timer timer;
    timer.set_case_("c1");
    timer.set_due_time_us(due);
    const std::string key = timer_key(timer);
    cache_->put(kTimerTable, key) = timer;
    model_[stored_key(kTimerTable.id, key)] = timer.SerializeAsString();
  }

  void erase(std::string stored) {
    cache_->erase_row(static_cast<TableId>(stored[0]), stored.substr(1));
    model_.erase(stored);
  }

  Result<void> commit() {
    ++commits_;
    ChainPosition position;
    // Behind every entry that made a case of the test.
    position.seq = 1'000 + commits_;
    position.next_offset = position.seq;
    const auto way = commits_ % 2 == 0 ? CommitWay::kBatch : CommitWay::kSortedFile;
    return cache_->commit(position, 0, way);
  }

  // What the store must hold: the model and the index keys of its rows.
  Model expected() const {
    Model all = model_;
    for (const auto& [key, bytes] : model_) {
      const auto table = static_cast<TableId>(key[0]);
      std::unique_ptr<google::protobuf::Message> row(row_prototype(table)->New());
      RC_ASSERT(row->ParseFromString(bytes));
      for (const auto& index : index_keys(table, std::string_view(key).substr(1), *row)) {
        all[stored_key(TableId::kIndex, index)] = "";
      }
    }
    return all;
  }

  Model stored() const {
    Model all;
    RC_ASSERT(store_->snapshot()
                  ->scan(std::string(1, '\1'), std::string(1, '\xff'),
                         [&](std::string_view key, std::string_view value) {
                           all[std::string(key)] = value;
                           return true;
                         })
                  .has_value());
    return all;
  }

  Model scanned(TableId table, int from, int to) {
    Model all;
    const std::string begin = from == 0 ? "" : big_endian(static_cast<uint64_t>(from));
    cache_->scan(table, begin, big_endian(static_cast<uint64_t>(to)),
                 [&](std::string_view key, const google::protobuf::Message& row) {
                   const bool in_order =
                       all.empty() || stored_key(table, key) > all.rbegin()->first;
                   RC_ASSERT(in_order);
                   all[stored_key(table, key)] = row.SerializeAsString();
                   return true;
                 });
    return all;
  }

  Model modelled(TableId table, int from, int to) const {
    const auto at = [&](int number) {
      return model_.lower_bound(stored_key(table, big_endian(static_cast<uint64_t>(number))));
    };
    return {at(from), at(to)};
  }

  void check_committed() {
    RC_ASSERT(cache_->dirty_rows() == 0u);
    RC_ASSERT(stored() == expected());
    RC_ASSERT(store_->scan_digest().value() == store_->meta().digest);
  }

 private:
  ScratchFolder folder_;
  size_t bytes_max_ = *rc::gen::element<size_t>(0, 2'000, 1'000'000);
  std::unique_ptr<Store> store_;
  std::unique_ptr<RowCache> cache_;
  Model model_;
  Seq commits_ = 0;
};

void change_something(Rig& rig) {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
    case 1:
      return rig.put_case(*rc::gen::inRange(1, 12), *rc::gen::elementOf(std::vector(kStates)),
                          *rc::gen::element<std::string>("", "roads", "sanitation"));
    case 2: return rig.put_timer(*rc::gen::inRange(1, 12));
    default:
      if (rig.model().empty()) return;
      return rig.erase(std::next(rig.model().begin(), *rc::gen::inRange<ptrdiff_t>(
                                                         0, std::ssize(rig.model())))->first);
  }
}

// Entries that may be undone, newest first, or land, oldest first; commits with an empty journal.
void work(Rig& rig) {
  std::vector<Model> before;  // of every unlanded entry
  const int entries = *rc::gen::inRange(1, 16);
  for (int i = 0; i < entries; ++i) {
    before.push_back(rig.model());
    rig.cache().begin_entry();
    const int changes = *rc::gen::inRange(0, 5);
    for (int change = 0; change < changes; ++change) change_something(rig);
    const int what = *rc::gen::inRange(0, 6);
    if (what == 0) {
      const size_t count = *rc::gen::inRange<size_t>(1, before.size() + 1);
      rig.cache().undo_entries(count);
      rig.model() = before[before.size() - count];
      before.resize(before.size() - count);
    } else if (what <= 2) {
      const size_t count = *rc::gen::inRange<size_t>(0, before.size() + 1);
      rig.cache().land_entries(count);
      before.erase(before.begin(), before.begin() + static_cast<ptrdiff_t>(count));
    } else if (what == 3) {
      rig.cache().land_entries(before.size());
      before.clear();
      RC_ASSERT(rig.commit().has_value());
      rig.check_committed();
    }
    RC_ASSERT(rig.cache().unlanded_entries() == before.size());
    const int from = std::max(0, *rc::gen::inRange(-6, 12));
    const int to = *rc::gen::inRange(from, 13);
    for (const auto table : {TableId::kTimer, TableId::kCase}) {
      RC_ASSERT(rig.scanned(table, from, to) == rig.modelled(table, from, to));
    }
  }
  rig.cache().land_entries(before.size());
}

TEST(RowCache, RandomWorkLeavesWhatAPlainMapHolds) {
  EXPECT_TRUE(rc::check([] {
    Rig rig;
    work(rig);
    RC_ASSERT(rig.commit().has_value());
    rig.check_committed();
    if (*rc::gen::inRange(0, 4) == 0) rig.reopen();
    work(rig);
    RC_ASSERT(rig.commit().has_value());
    rig.check_committed();
    RC_ASSERT(!rig.cache().failure().has_value());
  }));
}

class RowCacheTest : public ::testing::Test {
 protected:
  RowCacheTest() {
    store_ = std::move(*Store::open(folder_.path("rows"), make_store_budget(8, 8)));
    cache_ = std::make_unique<RowCache>(*store_, 1'000'000);
  }
  Result<void> commit(Seq seq) {
    ChainPosition position;
    position.seq = seq;
    position.next_offset = seq;
    return cache_->commit(position, 0);
  }
  uint64_t written() const {
    return store_->property("rocksdb.num-entries-active-mem-table").value_or(0);
  }

  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<RowCache> cache_;
};

TEST_F(RowCacheTest, RowThatIsBackAtItsValueIsNotWritten) {
  cache_->put(kUnitTable, "roads").set_unit("roads");
  ASSERT_TRUE(commit(1));
  const uint64_t before = written();
  cache_->put(kUnitTable, "roads").set_unit("streets");
  cache_->put(kUnitTable, "roads").set_unit("roads");
  cache_->put(kUnitTable, "gone").set_unit("gone");
  cache_->erase(kUnitTable, "gone");
  ASSERT_TRUE(commit(2));
  EXPECT_EQ(written(), before + 1);  // the position alone
  EXPECT_EQ(cache_->dirty_rows(), 0u);
}

TEST_F(RowCacheTest, UndoneEntryLeavesNothingDirty) {
  cache_->begin_entry();
  cache_->put(kUnitTable, "roads").set_unit("roads");
  EXPECT_EQ(cache_->dirty_rows(), 1u);
  cache_->undo_entries(1);
  EXPECT_EQ(cache_->dirty_rows(), 0u);
  EXPECT_EQ(cache_->find(kUnitTable, "roads"), nullptr);
}

TEST_F(RowCacheTest, CommitWithUnlandedEntriesIsAnImpossibleState) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  cache_->begin_entry();
  EXPECT_DEATH((void)commit(1), "nothing unlanded");
}

// A commit that failed may stand in the store: what changes back afterwards must be written.
TEST_F(RowCacheTest, RowThatChangesBackAfterAFailedCommitIsWritten) {
  auto& row = cache_->put(kCaseTable, case_key("c1"));
  row.set_case_("c1");
  row.set_service("rubbish");
  ASSERT_TRUE(commit(1));
  const auto before = *store_->get(stored_key(kCaseTable.id, case_key("c1")));
  cache_->put(kCaseTable, case_key("c1")).set_service("noise");
  {
    const testing::FileSizeLimit limit(1);
    ASSERT_FALSE(commit(2).has_value());
  }
  EXPECT_EQ(cache_->dirty_rows(), 1u);
  cache_->put(kCaseTable, case_key("c1")).set_service("rubbish");
  ASSERT_TRUE(commit(3));
  EXPECT_EQ(*store_->get(stored_key(kCaseTable.id, case_key("c1"))), before);
  EXPECT_EQ(store_->scan_digest().value(), store_->meta().digest);
  EXPECT_EQ(store_->meta().position.seq, 3u);
}

TEST_F(RowCacheTest, RowOfAFailedCommitIsWrittenByTheNextOne) {
  cache_->put(kUnitTable, "roads").set_unit("roads");
  {
    const testing::FileSizeLimit limit(1);
    ASSERT_FALSE(commit(1).has_value());
  }
  ASSERT_TRUE(commit(2));
  EXPECT_TRUE(store_->get(stored_key(kUnitTable.id, "roads"))->has_value());
  EXPECT_EQ(store_->scan_digest().value(), store_->meta().digest);
  EXPECT_EQ(store_->meta().position.seq, 2u);
}

// Thirty times what may be kept, new rows and changed ones, and all of them used again and again.
TEST_F(RowCacheTest, MemoryStaysWithinItsBoundHoweverManyRowsThereAre) {
  constexpr size_t kBytesMax = 1'000'000;
  cache_ = std::make_unique<RowCache>(*store_, kBytesMax);
  const std::string words(200, 'w');
  size_t folded = 0;
  size_t most = 0;
  size_t commits = 0;
  for (Seq seq = 1; folded < 30 * kBytesMax; ++seq) {
    auto& row = cache_->put(kCaseTable, case_key(case_id(seq, 0)));
    row.set_case_(case_id(seq, 0));
    row.set_address(words);
    folded += 4 * row.ByteSizeLong();
    cache_->put(kUnitTable, std::to_string(seq % 1'000)).set_unit(words);
    ASSERT_NE(cache_->find(kCaseTable, case_key(case_id(seq / 2 + 1, 0))), nullptr);
    most = std::max(most, cache_->cached_bytes());
    if (!cache_->is_full()) continue;
    ASSERT_TRUE(commit(seq));
    ++commits;
  }
  EXPECT_LE(most, kBytesMax);
  EXPECT_GT(most, kBytesMax / 2);
  EXPECT_LT(commits, 500u);
}

TEST_F(RowCacheTest, DamagedRowIsRememberedAsFailure) {
  ASSERT_TRUE(store_->commit({{stored_key(kUnitTable.id, "roads"), "\xff\xff"}}, Meta{}));
  cache_->find(kUnitTable, "roads");
  ASSERT_TRUE(cache_->failure().has_value());
  EXPECT_EQ(cache_->failure()->code, Errc::kBadFile);
}

TEST_F(RowCacheTest, ScanStopsWhenTold) {
  for (int64_t due = 1; due <= 4; ++due) {
    v1::Timer timer;
    timer.set_due_time_us(due);
    cache_->put(kTimerTable, timer_key(timer)) = timer;
    if (due == 2) {
      ASSERT_TRUE(commit(1));
    }
  }
  for (int stop_after = 1; stop_after <= 4; ++stop_after) {
    int seen = 0;
    cache_->scan(TableId::kTimer, "", big_endian(99),
                 [&](std::string_view, const google::protobuf::Message&) {
                   return ++seen < stop_after;
                 });
    EXPECT_EQ(seen, stop_after);
  }
}

}  // namespace
}  // namespace hansa::projections
