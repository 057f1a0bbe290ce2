// Goal: rows and position of a store never part, whatever becomes of a write or of the process.
// Method: a real store in a scratch folder; a crash is a copy of its files while it runs, a full
// disk a limit on the size of files.
#include "projections/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "projections/store_meta.h"
#include "tests/projections/file_size_limit.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::FileSizeLimit;
using testing::ScratchFolder;

constexpr TableId kTable = TableId::kUnit;

Meta meta_at(Seq seq) {
  Meta meta;
  meta.position.seq = seq;
  meta.position.next_offset = seq + 1;
  meta.position.voids = 1;
  meta.position.tip.bytes[0] = static_cast<uint8_t>(seq);
  meta.time_us = static_cast<int64_t>(seq) * 10;
  return meta;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = Store::open(folder_.path("rows"), make_store_budget(8, 8));
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    store_ = std::move(*opened);
  }

  Result<void> put(Seq seq, const std::string& value) {
    return store_->commit({{stored_key(kTable, "a"), value}}, meta_at(seq));
  }

  static std::string value_in(const Store& store) {
    return store.get(stored_key(kTable, "a"))->value_or("none");
  }

  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, PositionComesBackWholeAfterReopening) {
  EXPECT_EQ(store_->meta().position.seq, 0u);
  Meta meta = meta_at(7);
  meta.digest.add(row_hash("k", "v"));
  ASSERT_TRUE(store_->commit({{stored_key(kTable, "a"), "one"}}, meta));
  reopen();
  EXPECT_EQ(encode_meta(store_->meta()), encode_meta(meta));
  EXPECT_EQ(value_in(*store_), "one");
}

TEST_F(StoreTest, SnapshotStaysAsItWasWhileRowsChange) {
  ASSERT_TRUE(put(1, "one"));
  const auto old = store_->snapshot();
  ASSERT_TRUE(put(2, "two"));
  EXPECT_EQ(old->meta().position.seq, 1u);
  EXPECT_EQ(old->get(stored_key(kTable, "a"))->value(), "one");
  EXPECT_EQ(store_->snapshot()->meta().position.seq, 2u);
  EXPECT_EQ(value_in(*store_), "two");
}

TEST_F(StoreTest, SnapshotOutlivesItsStore) {
  ASSERT_TRUE(put(1, "one"));
  const auto kept = store_->snapshot();
  store_.reset();
  EXPECT_EQ(kept->get(stored_key(kTable, "a"))->value(), "one");
}

TEST_F(StoreTest, ScansBothWaysWithinTheirBounds) {
  std::vector<Change> changes;
  for (const char* key : {"a", "b", "c", "d"}) changes.push_back({stored_key(kTable, key), key});
  ASSERT_TRUE(store_->commit(changes, meta_at(1)));
  std::string seen;
  const auto collect = [&](std::string_view, std::string_view value) {
    seen += value;
    return true;
  };
  const auto snapshot = store_->snapshot();
  const std::string from = stored_key(kTable, "b");
  const std::string to = stored_key(kTable, "d");
  ASSERT_TRUE(snapshot->scan(from, to, collect));
  ASSERT_TRUE(snapshot->scan_descending(from, to, collect));
  ASSERT_TRUE(snapshot->scan(to, from, collect));
  EXPECT_EQ(seen, "bccb");
}

// Every commit writes its own seq into the row: whichever the copy shows, both must agree.
TEST_F(StoreTest, CrashLeavesRowsAndPositionOfOneCommit) {
  for (Seq seq = 1; seq <= 40; ++seq) {
    ASSERT_TRUE(put(seq, std::to_string(seq)));
    if (seq % 8 != 0) continue;
    const std::string copy = folder_.path("crash" + std::to_string(seq));
    std::filesystem::copy(folder_.path("rows"), copy);
    const auto opened = Store::open(copy, make_store_budget(8, 8));
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    EXPECT_EQ((*opened)->meta().position.seq, seq);
    EXPECT_EQ(value_in(**opened), std::to_string(seq));
  }
}

TEST_F(StoreTest, TornLastWriteLeavesAnEarlierCommitWhole) {
  for (Seq seq = 1; seq <= 40; ++seq) ASSERT_TRUE(put(seq, std::to_string(seq)));
  std::filesystem::copy(folder_.path("rows"), folder_.path("crash"));
  for (const auto& file : std::filesystem::directory_iterator(folder_.path("crash"))) {
    if (file.path().extension() != ".log") continue;
    std::filesystem::resize_file(file.path(), file.file_size() / 2);
  }
  const auto opened = Store::open(folder_.path("crash"), make_store_budget(8, 8));
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  const Seq seq = (*opened)->meta().position.seq;
  EXPECT_GT(seq, 0u);
  EXPECT_LT(seq, 40u);
  EXPECT_EQ(value_in(**opened), std::to_string(seq));
}

TEST_F(StoreTest, FullDiskIsUnavailableReadsGoOnAndWritingResumesByItself) {
  ASSERT_TRUE(put(1, "one"));
  {
    const FileSizeLimit limit(1);
    for (int i = 0; i < 2; ++i) {
      const auto refused = put(2, "two");
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, Errc::kUnavailable);
      EXPECT_EQ(value_in(*store_), "one");
      EXPECT_EQ(store_->snapshot()->meta().position.seq, 1u);
    }
  }
  const auto resumed = put(2, "two");
  ASSERT_TRUE(resumed.has_value()) << resumed.error().detail;
  EXPECT_EQ(value_in(*store_), "two");
  reopen();
  EXPECT_EQ(store_->meta().position.seq, 2u);
}

TEST_F(StoreTest, ASortedFileIsTakenInLikeABatch) {
  const auto key = [](const char* name) { return stored_key(kTable, name); };
  ASSERT_TRUE(store_->commit({{key("a"), "one"}, {key("b"), "one"}}, meta_at(1)));
  const auto old = store_->snapshot();
  ASSERT_TRUE(store_->commit({{key("a"), "two"}, {key("b"), std::nullopt}, {key("c"), "two"}},
                             meta_at(2), CommitWay::kSortedFile));
  EXPECT_EQ(old->get(key("a"))->value(), "one");
  EXPECT_EQ(old->get(key("b"))->value(), "one");
  EXPECT_EQ(store_->meta().position.seq, 2u);
  EXPECT_EQ(store_->get(key("a"))->value(), "two");
  EXPECT_FALSE(store_->get(key("b"))->has_value());
  EXPECT_EQ(store_->get(key("c"))->value(), "two");
  // A batch behind it goes on from there.
  ASSERT_TRUE(store_->commit({{key("c"), "three"}}, meta_at(3)));
  EXPECT_EQ(store_->get(key("c"))->value(), "three");
}

TEST_F(StoreTest, RowsOfASortedFileAreThereAfterReopening) {
  const std::string key = stored_key(kTable, "a");
  ASSERT_TRUE(store_->commit({{key, "one"}}, meta_at(4), CommitWay::kSortedFile));
  reopen();
  EXPECT_EQ(store_->meta().position.seq, 4u);
  EXPECT_EQ(value_in(*store_), "one");
}

TEST_F(StoreTest, AFullDiskRefusesASortedFileWholeAndTheNextOneGoesIn) {
  ASSERT_TRUE(put(1, "one"));
  const std::vector<Change> changes = {{stored_key(kTable, "a"), std::string(100'000, 'x')}};
  {
    const FileSizeLimit limit(1);
    const auto refused = store_->commit(changes, meta_at(2), CommitWay::kSortedFile);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::kUnavailable);
    EXPECT_EQ(value_in(*store_), "one");
    EXPECT_EQ(store_->snapshot()->meta().position.seq, 1u);
  }
  const auto resumed = store_->commit(changes, meta_at(2), CommitWay::kSortedFile);
  ASSERT_TRUE(resumed.has_value()) << resumed.error().detail;
  EXPECT_EQ(store_->meta().position.seq, 2u);
}

TEST_F(StoreTest, WhatAKilledProcessHadNotTakenInIsGoneAfterOpening) {
  ASSERT_TRUE(put(1, "one"));
  store_.reset();
  const std::string left = folder_.path("rows") + "/commit.sorted";
  std::ofstream(left) << "half a file";
  reopen();
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_EQ(value_in(*store_), "one");
}

TEST_F(StoreTest, SecondOpenerIsTurnedAway) {
  const auto second = Store::open(folder_.path("rows"), make_store_budget(8, 8));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kDataInUse);
}

TEST_F(StoreTest, OtherRowSchemaOpensAndSaysSo) {
  Meta meta = meta_at(3);
  meta.row_schema_version = kRowSchemaVersion + 1;
  ASSERT_TRUE(store_->commit({}, meta));
  reopen();
  EXPECT_EQ(store_->meta().row_schema_version, kRowSchemaVersion + 1);
}

TEST_F(StoreTest, CheckpointIsAStoreOfItsOwn) {
  ASSERT_TRUE(put(5, "five"));
  ASSERT_TRUE(store_->checkpoint(folder_.path("copy")));
  const auto copy = Store::open(folder_.path("copy"), make_store_budget(8, 8));
  ASSERT_TRUE(copy.has_value()) << copy.error().detail;
  EXPECT_EQ((*copy)->meta().position.seq, 5u);
  EXPECT_EQ(value_in(**copy), "five");
}

TEST(Digest, TakesBackWhatWasAddedAndCarriesThroughAllLimbs) {
  Hash ones;
  ones.bytes.fill(0xff);
  Hash one;
  one.bytes.back() = 1;
  Digest digest;
  digest.add(ones);
  digest.add(one);
  EXPECT_EQ(digest, Digest());
  digest.subtract(one);
  EXPECT_EQ(digest.bytes(), std::string(32, '\xff'));
  EXPECT_EQ(Digest::from_bytes(digest.bytes()), digest);
  const Hash row = row_hash("key", "value");
  digest.add(row);
  digest.subtract(row);
  EXPECT_EQ(digest.hex(), std::string(64, 'f'));
}

TEST(Digest, KeyAndValueAreToldApart) {
  EXPECT_NE(row_hash("ab", "c"), row_hash("a", "bc"));
}

}  // namespace
}  // namespace hansa::projections
