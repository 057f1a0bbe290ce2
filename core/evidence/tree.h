// The Merkle tree over a ledger's values: roots and proofs, kept leaf by leaf or read from tiles.
//
// Shape:   the leaf of a value is SHA-256(00 value), a node SHA-256(01 left right); the root of no
//          leaf is SHA-256 of nothing. The text of a hash is its base64.
//          A tile holds up to 256 hashes of 32 bytes: hash i of tile n at level l is the root of
//          the leaves [(256n+i) * 256^l, (256n+i+1) * 256^l). A hash is in a tile once all of its
//          leaves are there. The root over the hashes of a full tile, hash 256n+i of the level
//          above, is that of a TreeFrontier to which they are appended.
//          Paths are relative to the log's prefix: `tile/<l>/<n>`, with `.p/<width>` behind it
//          when the tile is not full; entries `tile/entries/<n>`. n is written in groups of three
//          digits, each but the last with an `x` before it: 1234067 is `x001/x234/067`.
// Errors:  what reads tiles passes their errors on and answers kBadFile when one has fewer hashes
//          than the tree of the asked size has in it; kBadRequest when index or old size lie
//          outside of the tree. What checks proofs answers false for everything that does not
//          prove what is asked, also for a hash too many.
// Threads: the functions are free for all; a TreeFrontier is used by one at a time.
// Limits:  levels 0..63, tile numbers below 2^56. A root or proof reads each tile once, at most
//          two per level that the tree has: O(log size).
// Source:  RFC 6962 §2.1, C2SP tlog-tiles.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa {

using TreeHash = Bytes<32, struct TreeHashTag>;

inline constexpr uint32_t kTileWidth = 256;

TreeHash leaf_hash(std::string_view value);
TreeHash node_hash(const TreeHash& left, const TreeHash& right);

std::string tree_hash_text(const TreeHash& hash);
std::optional<TreeHash> parse_tree_hash(std::string_view base64);

// Leaves one after the other: what a signer or a verifier keeps of a tree, O(log n).
class TreeFrontier {
 public:
  TreeFrontier() = default;
  // Of a size and its peaks(), as they were kept; nullopt when they are not as many as its bits.
  static std::optional<TreeFrontier> from(uint64_t size, std::vector<TreeHash> peaks);

  uint64_t size() const { return size_; }
  // The roots of the full trees that `size` falls into, the largest first.
  const std::vector<TreeHash>& peaks() const { return peaks_; }
  void append(const TreeHash& leaf);
  TreeHash root() const;

 private:
  uint64_t size_ = 0;
  std::vector<TreeHash> peaks_;
};

struct TileId {
  uint32_t level = 0;
  uint64_t index = 0;

  auto operator<=>(const TileId&) const = default;
};

// The hashes of a tile, 32 bytes each, as many as there are (up to kTileWidth): at least those of
// the tree asked about.
using Tiles = std::function<Result<std::string>(const TileId&)>;

// How many hashes of the tile a tree of this size has, 0..256.
uint32_t tile_width(const TileId& tile, uint64_t size);
// `width`: 1..256.
std::string tile_path(const TileId& tile, uint32_t width);
std::string entries_path(uint64_t index, uint32_t width);

struct TilePath {
  bool is_entries = false;
  TileId tile;  // of entries: level 0
  uint32_t width = kTileWidth;

  bool operator==(const TilePath&) const = default;
};
// nullopt for anything but what tile_path and entries_path make.
std::optional<TilePath> parse_tile_path(std::string_view path);

// The frontier of the first `size` leaves: with it a tree is continued.
Result<TreeFrontier> frontier_at(uint64_t size, const Tiles& tiles);
Result<TreeHash> root_at(uint64_t size, const Tiles& tiles);
// The hashes from the leaf's neighbour up.
Result<std::vector<TreeHash>> inclusion_proof(uint64_t index, uint64_t size, const Tiles& tiles);
// Empty from size 0 and between equal sizes.
Result<std::vector<TreeHash>> consistency_proof(uint64_t old_size, uint64_t size,
                                                const Tiles& tiles);

bool proves_inclusion(uint64_t index, uint64_t size, const TreeHash& leaf, const TreeHash& root,
                      const std::vector<TreeHash>& proof);
// From size 0, whose root must be that of no leaf, an empty proof leads to every tree.
bool proves_consistency(uint64_t old_size, const TreeHash& old_root, uint64_t size,
                        const TreeHash& root, const std::vector<TreeHash>& proof);

}  // namespace hansa
