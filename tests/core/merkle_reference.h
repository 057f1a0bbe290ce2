// The tree of RFC 6962 by its definitions, over values that it makes up: what core's are held to.
//
// Shape:   leaves are those of "value 0", "value 1", …; root(first, end) is MTH(D[first:end]),
//          path and proof are the RFC's PATH and PROOF; tiles() gives tiles of the first `held`
//          leaves and counts how often each was asked for.
// Threads: one.
// Source:  RFC 6962 §2.1, §2.1.1, §2.1.2.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "core/base/hash.h"
#include "core/evidence/tree.h"

namespace hansa {

class MerkleReference {
 public:
  static std::string value(uint64_t index) { return "value " + std::to_string(index); }

  TreeHash root(uint64_t first, uint64_t end) {
    if (first == end) return {sha256("").bytes};
    auto& known = roots_[{first, end}];
    if (!known.is_zero()) return known;
    Hash hash;
    if (end - first == 1) {
      hash = sha256({std::string_view("\0", 1), value(first)});
    } else {
      const auto left = root(first, split(first, end));
      const auto right = root(split(first, end), end);
      hash = sha256({"\1", left.view(), right.view()});
    }
    return known = {hash.bytes};
  }

  std::vector<TreeHash> path(uint64_t index, uint64_t first, uint64_t end) {
    if (end - first == 1) return {};
    const auto middle = split(first, end);
    const bool is_left = index < middle;
    auto hashes = is_left ? path(index, first, middle) : path(index, middle, end);
    hashes.push_back(is_left ? root(middle, end) : root(first, middle));
    return hashes;
  }

  std::vector<TreeHash> proof(uint64_t old_size, uint64_t size) {
    return old_size == 0 ? std::vector<TreeHash>{} : subproof(old_size, 0, size, true);
  }

  Tiles tiles(uint64_t held) {
    asked_.clear();
    return [this, held](const TileId& tile) -> Result<std::string> {
      ++asked_[tile];
      std::string hashes;
      const uint64_t leaves = uint64_t{1} << (8 * tile.level);
      for (uint64_t at = tile.index * 256; at < tile.index * 256 + 256; ++at) {
        if ((at + 1) * leaves > held) break;
        hashes.append(root(at * leaves, (at + 1) * leaves).view());
      }
      return hashes;
    };
  }
  const std::map<TileId, int>& asked() const { return asked_; }

 private:
  static uint64_t split(uint64_t first, uint64_t end) {
    return first + std::bit_floor(end - first - 1);
  }

  std::vector<TreeHash> subproof(uint64_t old_end, uint64_t first, uint64_t end, bool is_whole) {
    if (old_end == end) return is_whole ? std::vector<TreeHash>{} : std::vector{root(first, end)};
    const auto middle = split(first, end);
    const bool is_left = old_end <= middle;
    auto hashes = is_left ? subproof(old_end, first, middle, is_whole)
                          : subproof(old_end, middle, end, false);
    hashes.push_back(is_left ? root(middle, end) : root(first, middle));
    return hashes;
  }

  std::map<std::pair<uint64_t, uint64_t>, TreeHash> roots_;
  std::map<TileId, int> asked_;
};

inline void change_one_bit(TreeHash& hash, size_t bit) {
  hash.bytes[bit / 8 % 32] ^= static_cast<uint8_t>(1U << bit % 8);
}

// Everything that differs from the proof by one hash: changed, missing, or one too many.
inline std::vector<std::vector<TreeHash>> neighbours_of(const std::vector<TreeHash>& proof) {
  std::vector<std::vector<TreeHash>> all;
  for (size_t i = 0; i <= proof.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    auto more = proof;
    more.insert(more.begin() + at, i < proof.size() ? proof[i] : TreeHash{});
    all.push_back(more);
    if (i == proof.size()) break;
    auto changed = proof;
    change_one_bit(changed[i], i * 37);
    all.push_back(changed);
    auto fewer = proof;
    fewer.erase(fewer.begin() + at);
    all.push_back(fewer);
  }
  return all;
}

}  // namespace hansa
