// Evidence files: the parts that reading and writing a copy of a transparency log share.
//
// Shape:   evidence_path() is where the copy of a ledger's log stands. GrowingTiles makes the hash
//          tiles of a tree, leaf by leaf: `done` gets each when it is full, finish() gives the
//          rest. load() replaces `into` by a file's bytes; store() makes the folders that it needs.
// Errors:  kBadFile names the file.
// Threads: one at a time.
// Limits:  a tile in memory per level.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/evidence/tree.h"

namespace hansa::federation {

std::string evidence_path(const std::string& folder, const LedgerId& ledger);

Result<void> load(const std::string& file, std::string& into);
Result<void> store(const std::string& file, std::string_view bytes);

class GrowingTiles {
 public:
  using Done = std::function<Result<void>(const TileId& tile, std::string_view hashes)>;
  explicit GrowingTiles(Done done) : done_(std::move(done)) {}

  Result<void> append(const TreeHash& leaf);
  Result<void> finish();

 private:
  struct Level {
    std::string hashes;
    uint64_t index = 0;
  };
  std::vector<Level> levels_;
  Done done_;
};

}  // namespace hansa::federation
