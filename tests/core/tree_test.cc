// Goal: roots, proofs and tiles are those of RFC 6962 and tlog-tiles, read in few tiles, and
// nothing but a right proof proves. Method: the RFC's own recursive definitions as reference, all
// sizes up to 600 and random ones where a third level of tiles begins; every proof with one hash
// changed, missing or added; a tree of 2^64-1 equal leaves, whose tiles need no storage.
#include "core/evidence/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/core/merkle_reference.h"

namespace hansa {
namespace {

MerkleReference& reference() {
  static MerkleReference one;
  return one;
}

// Each tile once, and no more than the left and the right one of each level.
bool read_few_tiles(const std::map<TileId, int>& asked) {
  std::map<uint32_t, int> per_level;
  for (const auto& [tile, times] : asked) {
    if (times != 1 || ++per_level[tile.level] > 2) return false;
  }
  return true;
}

void expect_inclusion(uint64_t index, uint64_t size) {
  auto& tree = reference();
  SCOPED_TRACE(testing::Message() << "leaf " << index << " of " << size);
  const auto proof = inclusion_proof(index, size, tree.tiles(size));
  ASSERT_TRUE(proof.has_value());
  EXPECT_TRUE(read_few_tiles(tree.asked()));
  EXPECT_EQ(*proof, tree.path(index, 0, size));
  const auto leaf = leaf_hash(tree.value(index));
  const auto root = tree.root(0, size);
  EXPECT_TRUE(proves_inclusion(index, size, leaf, root, *proof));
  for (const auto& wrong : neighbours_of(*proof)) {
    EXPECT_FALSE(proves_inclusion(index, size, leaf, root, wrong));
  }
  auto other = leaf;
  change_one_bit(other, 7);
  EXPECT_FALSE(proves_inclusion(index, size, other, root, *proof));
  EXPECT_FALSE(proves_inclusion(index, size, leaf, other, *proof));
  EXPECT_FALSE(proves_inclusion(index + 1, size, leaf, root, *proof));
  EXPECT_FALSE(proves_inclusion(index + size, size, leaf, root, *proof));
  EXPECT_FALSE(proves_inclusion(index, size * 4, leaf, root, *proof)) << "the size is bound too";
  const uint64_t left = std::bit_floor(size - 1);
  if (index >= left && left > 0) {
    EXPECT_FALSE(proves_inclusion(index - left, size - left, leaf, root, *proof));
  }
}

void expect_consistency(uint64_t old_size, uint64_t size) {
  auto& tree = reference();
  SCOPED_TRACE(testing::Message() << "from " << old_size << " to " << size);
  const auto proof = consistency_proof(old_size, size, tree.tiles(size));
  ASSERT_TRUE(proof.has_value());
  EXPECT_TRUE(read_few_tiles(tree.asked()));
  EXPECT_EQ(*proof, tree.proof(old_size, size));
  const auto old_root = tree.root(0, old_size);
  const auto root = tree.root(0, size);
  EXPECT_TRUE(proves_consistency(old_size, old_root, size, root, *proof));
  for (const auto& wrong : neighbours_of(*proof)) {
    EXPECT_FALSE(proves_consistency(old_size, old_root, size, root, wrong));
  }
  auto other = old_root;
  change_one_bit(other, 7);
  EXPECT_FALSE(proves_consistency(old_size, other, size, root, *proof));
  EXPECT_EQ(proves_consistency(old_size, old_root, size, other, *proof), old_size == 0 && size > 0)
      << "only nothing is the beginning of everything";
  if (old_size == size || old_size == 0) return;
  EXPECT_FALSE(proves_consistency(size, root, old_size, old_root, *proof)) << "a rollback";
  EXPECT_FALSE(proves_consistency(old_size, old_root, size * 4, root, *proof)) << "other sizes";
  const uint64_t left = std::bit_floor(size - 1);
  if (old_size > left) {
    EXPECT_FALSE(proves_consistency(old_size - left, old_root, size - left, root, *proof));
  }
}

TEST(TreeHashes, AreThoseOfTheRfc) {
  EXPECT_EQ(to_hex(TreeFrontier().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(leaf_hash("")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  TreeFrontier frontier;
  for (const auto* value : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                            "606162636465666768696a6b6c6d6e6f"}) {
    frontier.append(leaf_hash(*from_hex(value)));
  }
  EXPECT_EQ(to_hex(frontier.root()),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
      << "the eight values that the authors of Certificate Transparency test with";
}

TEST(TreeHashes, HaveOneText) {
  const auto hash = leaf_hash("");
  EXPECT_EQ(tree_hash_text(hash), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
  EXPECT_EQ(parse_tree_hash(tree_hash_text(hash)), hash);
  for (const auto* text : {"", "bjQL", "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0",
                           "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1="}) {
    EXPECT_EQ(parse_tree_hash(text), std::nullopt) << text;
  }
}

TEST(TreeFrontier, HasTheRootOfEverySize) {
  TreeFrontier frontier;
  for (uint64_t size = 0; size <= 600; ++size) {
    ASSERT_EQ(frontier.size(), size);
    ASSERT_EQ(frontier.root(), reference().root(0, size)) << size;
    const auto from_tiles = frontier_at(size, reference().tiles(size));
    ASSERT_TRUE(from_tiles.has_value());
    ASSERT_EQ(from_tiles->peaks(), frontier.peaks()) << size;
    ASSERT_EQ(*root_at(size, reference().tiles(size + 300)), frontier.root())
        << size << ", from tiles that hold more";
    frontier.append(leaf_hash(reference().value(size)));
  }
}

TEST(TreeFrontier, GoesOnFromWhatWasKept) {
  TreeFrontier frontier;
  while (frontier.size() < 37) frontier.append(leaf_hash(reference().value(frontier.size())));
  auto kept = TreeFrontier::from(frontier.size(), frontier.peaks());
  ASSERT_TRUE(kept.has_value());
  kept->append(leaf_hash(reference().value(37)));
  EXPECT_EQ(kept->root(), reference().root(0, 38));
  EXPECT_FALSE(TreeFrontier::from(39, frontier.peaks()).has_value()) << "three peaks for four bits";
  EXPECT_FALSE(TreeFrontier::from(0, frontier.peaks()).has_value());
}

TEST(TreeFrontier, OverAFullTileIsTheHashOfTheLevelAbove) {
  const auto below = *reference().tiles(70'000)({0, 3});
  const auto above = *reference().tiles(70'000)({1, 0});
  TreeFrontier over;
  for (size_t i = 0; i < 256; ++i) over.append(*TreeHash::from(below.substr(i * 32, 32)));
  EXPECT_EQ(over.root().view(), above.substr(3 * 32, 32));
}

TEST(TreeProofs, OfEveryLeafAndOldSizeOfSmallTrees) {
  for (uint64_t size = 1; size <= 70; ++size) {
    for (uint64_t at = 0; at < size; ++at) expect_inclusion(at, size);
    for (uint64_t old_size = 0; old_size <= size; ++old_size) expect_consistency(old_size, size);
  }
}

TEST(TreeProofs, OfTreesThatBeginASecondLevel) {
  for (uint64_t size = 71; size <= 600; ++size) {
    for (uint64_t at = size % 61; at < size; at += 61) {
      expect_inclusion(at, size);
      expect_consistency(at, size);
    }
    expect_inclusion(size - 1, size);
    expect_consistency(std::bit_floor(size), size);
  }
}

RC_GTEST_PROP(TreeProofs, OfTreesThatBeginAThirdLevel, ()) {
  const auto size = *rc::gen::inRange<uint64_t>(65'000, 66'200);
  const auto other = *rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, size),
                                     rc::gen::inRange<uint64_t>(64'900, size));
  RC_ASSERT(*root_at(size, reference().tiles(size)) == reference().root(0, size));
  expect_inclusion(other, size);
  expect_consistency(other, size);
  RC_ASSERT(!testing::Test::HasFailure());
}

TEST(TreeProofs, OfNothingAreEmptyAndOfNothingElse) {
  const auto nothing = TreeFrontier().root();
  EXPECT_TRUE(consistency_proof(0, 7, reference().tiles(7))->empty());
  EXPECT_TRUE(reference().asked().empty());
  EXPECT_TRUE(proves_consistency(0, nothing, 0, nothing, {}));
  EXPECT_FALSE(proves_consistency(0, {}, 0, {}, {}));
  EXPECT_FALSE(proves_consistency(0, {}, 7, reference().root(0, 7), {}));
  EXPECT_FALSE(proves_consistency(0, nothing, 7, reference().root(0, 7), {nothing}));
  EXPECT_FALSE(proves_inclusion(0, 0, nothing, nothing, {}));
}

TEST(TreeProofs, OfTheLargestTreeReadOneOrTwoTilesALevel) {
  std::vector<TreeHash> of_level = {leaf_hash("the same")};
  while (of_level.size() < 8) {
    TreeFrontier over;
    for (uint32_t i = 0; i < kTileWidth; ++i) over.append(of_level.back());
    of_level.push_back(over.root());
  }
  std::map<TileId, int> asked;
  const Tiles tiles = [&](const TileId& tile) -> Result<std::string> {
    ++asked[tile];
    std::string hashes;
    for (uint32_t i = 0; i < kTileWidth; ++i) hashes.append(of_level.at(tile.level).view());
    return hashes;
  };
  const uint64_t size = UINT64_MAX;
  const auto root = *root_at(size, tiles);
  EXPECT_EQ(asked.size(), 8U);
  for (const uint64_t at : {uint64_t{0}, uint64_t{1} << 63, (uint64_t{1} << 63) - 1, size - 1,
                            uint64_t{0x0123'4567'89AB'CDEF}}) {
    asked.clear();
    const auto included = *inclusion_proof(at, size, tiles);
    EXPECT_TRUE(read_few_tiles(asked));
    EXPECT_LE(included.size(), 64U);
    EXPECT_TRUE(proves_inclusion(at, size, of_level[0], root, included)) << at;
    asked.clear();
    const auto extended = *consistency_proof(at, size, tiles);
    EXPECT_TRUE(read_few_tiles(asked));
    EXPECT_TRUE(proves_consistency(at, *root_at(at, tiles), size, root, extended)) << at;
  }
}

TEST(TreeProofs, AreRefusedOutsideOfTheTreeAndFromShortTiles) {
  auto& tree = reference();
  EXPECT_EQ(inclusion_proof(7, 7, tree.tiles(7)).error().code, Errc::kBadRequest);
  EXPECT_EQ(consistency_proof(8, 7, tree.tiles(7)).error().code, Errc::kBadRequest);
  const auto cut = root_at(300, tree.tiles(299));
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, Errc::kBadFile);
  EXPECT_NE(cut.error().detail.find("tile/0/001.p/44 has 1376 bytes"), std::string::npos)
      << cut.error().detail;
  const Tiles gone = [](const TileId&) -> Result<std::string> {
    return fail(Errc::kUnavailable, "gone");
  };
  EXPECT_EQ(root_at(7, gone).error().code, Errc::kUnavailable);
  EXPECT_EQ(inclusion_proof(3, 7, gone).error().code, Errc::kUnavailable);
  EXPECT_EQ(consistency_proof(3, 7, gone).error().code, Errc::kUnavailable);
}

TEST(TileWidth, OfSeventyThousandLeaves) {
  const uint64_t size = 70'000;
  EXPECT_EQ(tile_width({0, 0}, size), 256U);
  EXPECT_EQ(tile_width({0, 272}, size), 256U);
  EXPECT_EQ(tile_width({0, 273}, size), 112U);
  EXPECT_EQ(tile_width({0, 274}, size), 0U);
  EXPECT_EQ(tile_width({1, 0}, size), 256U);
  EXPECT_EQ(tile_width({1, 1}, size), 17U);
  EXPECT_EQ(tile_width({1, 2}, size), 0U);
  EXPECT_EQ(tile_width({2, 0}, size), 1U);
  EXPECT_EQ(tile_width({3, 0}, size), 0U);
  EXPECT_EQ(tile_width({63, 0}, UINT64_MAX), 0U);
  EXPECT_EQ(tile_width({0, UINT64_MAX}, UINT64_MAX), 0U);
  EXPECT_EQ(tile_width({7, 0}, UINT64_MAX), 255U);
  EXPECT_EQ(tile_width({0, 1}, 256), 0U) << "an empty tile";
}

TEST(TilePath, WritesNumbersInGroupsOfThree) {
  EXPECT_EQ(tile_path({0, 0}, 256), "tile/0/000");
  EXPECT_EQ(tile_path({0, 1'234'067}, 256), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({63, 1'067}, 5), "tile/63/x001/067.p/5");
  EXPECT_EQ(entries_path(1'000, 255), "tile/entries/x001/000.p/255");
  EXPECT_EQ(parse_tile_path("tile/0/x001/x234/067"), (TilePath{false, {0, 1'234'067}, 256}));
  EXPECT_EQ(parse_tile_path("tile/entries/x001/000.p/255"), (TilePath{true, {0, 1'000}, 255}));
}

TEST(TilePath, RefusesEveryOtherText) {
  for (const auto* path :
       {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/1", "tile/0/01", "tile/0/0001",
        "tile/0/1234", "tile/00/001", "tile/64/001", "tile/-1/001", "tile/+1/001", "tile//001",
        "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/x001/x002", "tile/0/X001/002",
        "tile/0/001/", "/tile/0/001", "tile/0/001.p", "tile/0/001.p/", "tile/0/001.p/0",
        "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p/257", "tile/0/001.p/5/", "tile/0/a01",
        "tile/0/ 01", "tile/entries/1", "tile/entry/001", "entries/001", "tile/0/001.p/5.p/5",
        "tile/0/x072/x057/x594/x037/x927/936", "tile/0/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_EQ(parse_tile_path(path), std::nullopt) << path;
  }
  EXPECT_EQ(parse_tile_path("tile/0/x072/x057/x594/x037/x927/935")->tile.index, UINT64_MAX >> 8);
}

RC_GTEST_PROP(TilePath, ComesBack, ()) {
  const bool is_entries = *rc::gen::arbitrary<bool>();
  const auto bits = *rc::gen::inRange(8, 64);
  const TileId tile{is_entries ? 0 : *rc::gen::inRange<uint32_t>(0, 64),
                    *rc::gen::arbitrary<uint64_t>() >> bits};
  const auto width = *rc::gen::inRange<uint32_t>(1, 257);
  const auto path = is_entries ? entries_path(tile.index, width) : tile_path(tile, width);
  RC_ASSERT(parse_tile_path(path) == (TilePath{is_entries, tile, width}));
}

}  // namespace
}  // namespace hansa
