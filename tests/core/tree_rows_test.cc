// Goal: the tree that the fold keeps in rows is that of the leaves at every size, and an entry
// writes little of it. Method: leaf by leaf over the borders of tails and tiles, beside a frontier
// and the hashes themselves; what each leaf changes is weighed.
#include "core/evidence/tree_rows.h"

#include <gtest/gtest.h>

#include <map>

namespace hansa {
namespace {

constexpr Seq kLeaves = 2 * kTileWidth + 40;

TreeHash leaf(Seq seq) { return leaf_hash("entry " + std::to_string(seq)); }

using Stored = std::map<std::string, std::string>;

Stored stored(MapRows& rows) {
  Stored all;
  rows.scan(TableId::kTreeTile, "", "\xff", [&](std::string_view key, const auto& row) {
    all.emplace(key, row.SerializeAsString());
    return true;
  });
  return all;
}

// The bytes of the rows that are not what they were.
size_t written(const Stored& before, const Stored& after) {
  size_t bytes = 0;
  for (const auto& [key, row] : after) {
    const auto was = before.find(key);
    bytes += was == before.end() || was->second != row ? key.size() + row.size() : 0;
  }
  return bytes;
}

TEST(TreeRows, EverySizeHasTheRootAndTheTilesOfItsLeaves) {
  MapRows rows;
  TreeFrontier frontier;
  std::vector<TreeHash> roots;
  std::string hashes;
  for (Seq seq = 1; seq <= kLeaves; ++seq) {
    ASSERT_TRUE(grow_tree(rows, seq, leaf(seq)));
    frontier.append(leaf(seq));
    roots.push_back(frontier.root());
    hashes += leaf(seq).view();
    const auto tiles = tiles_of(rows);
    ASSERT_EQ(*root_at(seq, tiles), frontier.root()) << seq;
    const uint64_t tile = (seq - 1) / kTileWidth;
    ASSERT_EQ(*tiles({0, tile}), hashes.substr(tile * kTileWidth * 32)) << seq;
    ASSERT_EQ(tiles({1, 0})->size(), seq / kTileWidth * 32) << seq;
  }
  for (Seq seq = 1; seq <= kLeaves; ++seq) {
    ASSERT_EQ(*root_at(seq, tiles_of(rows)), roots[seq - 1]) << "of an older size, " << seq;
  }
}

TEST(TreeRows, AnEntryWritesLessThanAKibibyteFifteenTimesOfSixteen) {
  MapRows rows;
  size_t all = 0;
  for (Seq seq = 1; seq <= kTileWidth; ++seq) {
    const auto before = stored(rows);
    ASSERT_TRUE(grow_tree(rows, seq, leaf(seq)));
    const size_t bytes = written(before, stored(rows));
    if (seq % kTailWidth != 0) {
      EXPECT_LT(bytes, 1'024U) << seq;
    }
    all += bytes;
  }
  EXPECT_LT(all / kTileWidth, 600U);
}

TEST(TreeRows, ALeafThatIsNotTheNextOneIsRefused) {
  MapRows rows;
  for (Seq seq = 1; seq <= kTailWidth + 3; ++seq) {
    for (const Seq wrong : {seq - 1, seq + 1, seq + kTailWidth}) {
      if (wrong == 0) continue;
      const auto grown = grow_tree(rows, wrong, leaf(wrong));
      ASSERT_FALSE(grown) << wrong << " instead of " << seq;
      EXPECT_EQ(grown.error().code, Errc::kInternal);
    }
    ASSERT_TRUE(grow_tree(rows, seq, leaf(seq)));
  }
}

TEST(TreeRows, AConfirmedNoteOutlastsTheCheckpointsAfterIt) {
  MapRows rows;
  EXPECT_EQ(confirmed_note(rows).error().code, Errc::kBadFile);
  v1::CheckpointConfirmed confirmed;
  confirmed.set_size(3);
  confirmed.set_note("by two of three");
  evolve_confirmed(rows, confirmed);
  v1::CheckpointSigned next;
  next.set_size(5);
  next.set_root_sha256(std::string(64, '0'));
  next.set_sha256(std::string(64, '0'));
  next.set_public_key(std::string(64, '1'));
  next.set_signature(std::string(128, '2'));
  next.set_origin("localhost/alliance/delta/00");
  evolve_checkpoint(rows, next);
  const auto* head = rows.find(kLedgerHeadTable, "");
  EXPECT_EQ(head->size(), 5U);
  EXPECT_EQ(head->confirmed_size(), 3U);
  EXPECT_TRUE(head->confirmed_note().empty()) << "it is not written with every checkpoint";
  EXPECT_EQ(*confirmed_note(rows), "by two of three");
}

}  // namespace
}  // namespace hansa
