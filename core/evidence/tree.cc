#include "core/evidence/tree.h"

#include <algorithm>
#include <bit>
#include <map>

#include "core/base/assert.h"
#include "core/base/base64.h"
#include "core/base/hash.h"
#include "core/evidence/lines.h"

namespace hansa {
namespace {

constexpr uint32_t kTileBits = 8;
constexpr uint32_t kLevelsMax = 64;
constexpr uint32_t kTileIndexBits = 64 - kTileBits;
constexpr size_t kHashBytes = sizeof(TreeHash);
static_assert(1U << kTileBits == kTileWidth);

TreeHash tree_hash(std::initializer_list<std::string_view> parts) {
  return {sha256(parts).bytes};
}

// The size of the left tree of one over `size` > 1 leaves.
uint64_t left_size(uint64_t size) { return std::bit_floor(size - 1); }

// The hashes of one tree, by their leaves; each tile is asked for once.
class TreeReader {
 public:
  TreeReader(uint64_t size, const Tiles& tiles) : size_(size), tiles_(tiles) {}

  // The frontier over the leaves [first, end). The tree has them, and `first` is a multiple of the
  // power of two that holds them all, as everywhere in roots and proofs.
  Result<TreeFrontier> frontier(uint64_t first, uint64_t end) {
    std::vector<TreeHash> peaks;
    for (uint64_t at = first; at < end;) {
      const auto height = static_cast<uint32_t>(std::bit_width(end - at)) - 1;
      HANSA_TRY(auto peak, full_tree(height, at >> height));
      peaks.push_back(peak);
      at += uint64_t{1} << height;
    }
    return *TreeFrontier::from(end - first, std::move(peaks));
  }

  Result<void> append_root(std::vector<TreeHash>& proof, uint64_t first, uint64_t end) {
    HANSA_TRY(const auto leaves, frontier(first, end));
    proof.push_back(leaves.root());
    return {};
  }

 private:
  // The root of the `index`-th tree of 2^height leaves.
  Result<TreeHash> full_tree(uint32_t height, uint64_t index) {
    const uint32_t inside = height % kTileBits;
    const TileId tile{height / kTileBits, index >> (kTileBits - inside)};
    HANSA_TRY(const std::string_view hashes, tile_hashes(tile));
    const uint64_t first = (index << inside) % kTileWidth;
    TreeFrontier over;
    for (uint64_t at = first; at < first + (uint64_t{1} << inside); ++at) {
      over.append(*TreeHash::from(hashes.substr(at * kHashBytes, kHashBytes)));
    }
    return over.root();
  }

  Result<std::string_view> tile_hashes(const TileId& tile) {
    auto found = read_.find(tile);
    if (found == read_.end()) {
      HANSA_TRY(auto hashes, tiles_(tile));
      const uint32_t width = tile_width(tile, size_);
      if (hashes.size() < width * kHashBytes) {
        return fail(Errc::kBadFile, tile_path(tile, width) + " has " +
                                        std::to_string(hashes.size()) + " bytes, expected " +
                                        std::to_string(width * kHashBytes));
      }
      found = read_.emplace(tile, std::move(hashes)).first;
    }
    return std::string_view(found->second);
  }

  uint64_t size_;
  const Tiles& tiles_;
  std::map<TileId, std::string> read_;
};

std::string number_path(uint64_t number) {
  std::string path;
  for (bool is_last = true; is_last || number > 0; is_last = false, number /= 1000) {
    const std::string digits = std::to_string(1000 + number % 1000).substr(1);
    path.insert(0, is_last ? digits : "x" + digits + "/");
  }
  return path;
}

std::string path_of(const std::string& folder, uint64_t index, uint32_t width) {
  HANSA_ASSERT(width >= 1 && width <= kTileWidth, "a tile has 1 to 256 hashes");
  const std::string path = "tile/" + folder + "/" + number_path(index);
  return width == kTileWidth ? path : path + ".p/" + std::to_string(width);
}

}  // namespace

TreeHash leaf_hash(std::string_view value) {
  return tree_hash({std::string_view("\0", 1), value});
}

TreeHash node_hash(const TreeHash& left, const TreeHash& right) {
  return tree_hash({"\1", left.view(), right.view()});
}

std::string tree_hash_text(const TreeHash& hash) { return to_base64(hash.view()); }

std::optional<TreeHash> parse_tree_hash(std::string_view base64) {
  const auto bytes = parse_base64(base64);
  return bytes ? TreeHash::from(*bytes) : std::nullopt;
}

std::optional<TreeFrontier> TreeFrontier::from(uint64_t size, std::vector<TreeHash> peaks) {
  if (peaks.size() != static_cast<size_t>(std::popcount(size))) return std::nullopt;
  TreeFrontier frontier;
  frontier.size_ = size;
  frontier.peaks_ = std::move(peaks);
  return frontier;
}

void TreeFrontier::append(const TreeHash& leaf) {
  TreeHash root = leaf;
  for (uint64_t full = size_; full % 2 == 1; full /= 2) {
    root = node_hash(peaks_.back(), root);
    peaks_.pop_back();
  }
  peaks_.push_back(root);
  ++size_;
}

TreeHash TreeFrontier::root() const {
  if (peaks_.empty()) return tree_hash({});
  TreeHash root = peaks_.back();
  for (size_t i = peaks_.size() - 1; i-- > 0;) root = node_hash(peaks_[i], root);
  return root;
}

uint32_t tile_width(const TileId& tile, uint64_t size) {
  const uint32_t bits = tile.level * kTileBits;
  const uint64_t hashes = bits < 64 ? size >> bits : 0;
  if (tile.index > hashes / kTileWidth) return 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>(kTileWidth, hashes - tile.index * kTileWidth));
}

std::string tile_path(const TileId& tile, uint32_t width) {
  HANSA_ASSERT(tile.level < kLevelsMax, "a tile's level is at most 63");
  return path_of(std::to_string(tile.level), tile.index, width);
}

std::string entries_path(uint64_t index, uint32_t width) {
  return path_of("entries", index, width);
}

// Reads what could be a path, then holds it against the one path of what was read.
std::optional<TilePath> parse_tile_path(std::string_view path) {
  constexpr size_t kPathBytesMax = 64;
  if (path.size() > kPathBytesMax || !path.starts_with("tile/")) return std::nullopt;
  auto rest = path.substr(5);
  const auto folder = rest.substr(0, rest.find('/'));
  rest.remove_prefix(folder.size());
  TilePath read{folder == "entries", {}, kTileWidth};
  const auto level = read.is_entries ? std::optional<uint64_t>(0) : parse_decimal(folder);
  const auto suffix = rest.find(".p/");
  const auto width = suffix == std::string_view::npos ? std::optional<uint64_t>(kTileWidth)
                                                      : parse_decimal(rest.substr(suffix + 3));
  if (!level || *level >= kLevelsMax || !width || *width < 1 || *width > kTileWidth) {
    return std::nullopt;
  }
  read.tile.level = static_cast<uint32_t>(*level);
  read.width = static_cast<uint32_t>(*width);
  for (char c : rest.substr(0, suffix)) {
    if (c < '0' || c > '9') continue;
    read.tile.index = read.tile.index * 10 + static_cast<uint64_t>(c - '0');
    if (read.tile.index >> kTileIndexBits != 0) return std::nullopt;
  }
  const auto only = read.is_entries ? entries_path(read.tile.index, read.width)
                                    : tile_path(read.tile, read.width);
  if (only != path) return std::nullopt;
  return read;
}

Result<TreeFrontier> frontier_at(uint64_t size, const Tiles& tiles) {
  return TreeReader(size, tiles).frontier(0, size);
}

Result<TreeHash> root_at(uint64_t size, const Tiles& tiles) {
  HANSA_TRY(const auto frontier, frontier_at(size, tiles));
  return frontier.root();
}

Result<std::vector<TreeHash>> inclusion_proof(uint64_t index, uint64_t size, const Tiles& tiles) {
  if (index >= size) {
    return fail(Errc::kBadRequest, "there is no leaf " + std::to_string(index) +
                                       " in a tree of size " + std::to_string(size));
  }
  TreeReader reader(size, tiles);
  std::vector<TreeHash> proof;
  for (uint64_t first = 0, end = size; end - first > 1;) {
    const uint64_t middle = first + left_size(end - first);
    if (index < middle) {
      HANSA_CHECK(reader.append_root(proof, middle, end));
      end = middle;
    } else {
      HANSA_CHECK(reader.append_root(proof, first, middle));
      first = middle;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<std::vector<TreeHash>> consistency_proof(uint64_t old_size, uint64_t size,
                                                const Tiles& tiles) {
  if (old_size > size) {
    return fail(Errc::kBadRequest, "a tree of size " + std::to_string(size) +
                                       " does not extend one of size " + std::to_string(old_size));
  }
  std::vector<TreeHash> proof;
  if (old_size == 0) return proof;
  TreeReader reader(size, tiles);
  uint64_t first = 0;
  uint64_t end = size;
  while (end != old_size) {
    const uint64_t middle = first + left_size(end - first);
    if (old_size <= middle) {
      HANSA_CHECK(reader.append_root(proof, middle, end));
      end = middle;
    } else {
      HANSA_CHECK(reader.append_root(proof, first, middle));
      first = middle;
    }
  }
  // The verifier has the old root: the old tree's own right border is told only if it is a part.
  if (first > 0) HANSA_CHECK(reader.append_root(proof, first, end));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// Up to the height at which index and last leaf part, the leaf's tree is full and the index says
// on which side it lies; above, all that is left lies to the left.
bool proves_inclusion(uint64_t index, uint64_t size, const TreeHash& leaf, const TreeHash& root,
                      const std::vector<TreeHash>& proof) {
  if (index >= size) return false;
  const auto inner = static_cast<size_t>(std::bit_width(index ^ (size - 1)));
  const uint64_t above = inner < 64 ? index >> inner : 0;
  if (proof.size() != inner + static_cast<size_t>(std::popcount(above))) return false;
  TreeHash hash = leaf;
  for (size_t i = 0; i < proof.size(); ++i) {
    const bool is_right = i >= inner || (index >> i) % 2 == 1;
    hash = is_right ? node_hash(proof[i], hash) : node_hash(hash, proof[i]);
  }
  return hash == root;
}

// Walks from the last leaf of the old tree up, at `old_at` of its level, making both roots; `at` is
// the new tree's last on that level.
bool proves_consistency(uint64_t old_size, const TreeHash& old_root, uint64_t size,
                        const TreeHash& root, const std::vector<TreeHash>& proof) {
  if (old_size > size) return false;
  const bool old_is_empty = old_size == 0;
  if (old_is_empty && old_root != TreeFrontier().root()) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_is_empty) return proof.empty();

  const int full_levels = std::countr_zero(old_size);
  uint64_t old_at = (old_size - 1) >> full_levels;
  uint64_t at = (size - 1) >> full_levels;
  auto next = proof.begin();
  // A full old tree is itself where the walk begins.
  if (old_at != 0 && next == proof.end()) return false;
  TreeHash old_hash = old_at == 0 ? old_root : *next++;
  TreeHash hash = old_hash;
  for (; next != proof.end(); ++next) {
    if (at == 0) return false;
    if (old_at % 2 == 1 || old_at == at) {
      old_hash = node_hash(*next, old_hash);
      hash = node_hash(*next, hash);
      while (old_at % 2 == 0 && old_at != 0) {
        old_at /= 2;
        at /= 2;
      }
    } else {
      hash = node_hash(hash, *next);
    }
    old_at /= 2;
    at /= 2;
  }
  return at == 0 && old_hash == old_root && hash == root;
}

}  // namespace hansa
