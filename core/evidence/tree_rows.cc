#include "core/evidence/tree_rows.h"

#include "core/evidence/ledger_note.h"

namespace hansa {
namespace {

constexpr size_t kHashBytes = sizeof(TreeHash::bytes);

TreeHash root_of(std::string_view full_tile) {
  TreeFrontier frontier;
  for (size_t at = 0; at < full_tile.size(); at += kHashBytes) {
    frontier.append(*TreeHash::from(full_tile.substr(at, kHashBytes)));
  }
  return frontier.root();
}

std::string tile_key(const TileId& tile) {
  return std::string(1, static_cast<char>(tile.level)) + big_endian(tile.index);
}
std::string tail_key(const TileId& tile) { return tile_key(tile) + '+'; }

std::string hashes_in(RowsView& view, const std::string& key) {
  const auto* row = view.find(kTreeTileTable, key);
  return row == nullptr ? std::string() : row->hashes();
}

// A full tail goes into the tile.
void add_hash(Rows& rows, const TileId& tile, const TreeHash& hash) {
  auto& tail = *rows.put(kTreeTileTable, tail_key(tile)).mutable_hashes();
  tail.append(hash.view());
  if (tail.size() < kTailWidth * kHashBytes) return;
  const std::string full = tail;
  rows.erase(kTreeTileTable, tail_key(tile));
  rows.put(kTreeTileTable, tile_key(tile)).mutable_hashes()->append(full);
}

}  // namespace

Result<void> grow_tree(Rows& rows, Seq seq, const TreeHash& leaf) {
  TreeHash hash = leaf;
  uint64_t index = seq - 1;
  for (uint32_t level = 0;; ++level, index /= kTileWidth) {
    const TileId tile{level, index / kTileWidth};
    const auto* row = rows.find(kTreeTileTable, tile_key(tile));
    const auto* tail = rows.find(kTreeTileTable, tail_key(tile));
    const size_t bytes = (row == nullptr ? 0 : row->hashes().size()) +
                         (tail == nullptr ? 0 : tail->hashes().size());
    if (bytes != index % kTileWidth * kHashBytes) {
      return fail(Errc::kInternal, "the tree has " + std::to_string(bytes / kHashBytes) +
                                       " hashes in tile " + std::to_string(index / kTileWidth) +
                                       " of level " + std::to_string(level) +
                                       " before hash " + std::to_string(index) + " of the level");
    }
    add_hash(rows, tile, hash);
    if (index % kTileWidth + 1 < kTileWidth) return {};
    hash = root_of(hashes_in(rows, tile_key(tile)));
  }
}

Tiles tiles_of(RowsView& view) {
  return [&view](const TileId& tile) -> Result<std::string> {
    auto hashes = hashes_in(view, tile_key(tile));
    if (hashes.size() < kTileWidth * kHashBytes) hashes += hashes_in(view, tail_key(tile));
    return hashes;
  };
}

bool is_deed(const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    if (event.has_checkpoint_signed() || event.has_checkpoint_confirmed()) continue;
    if (!event.has_entries_shared() || !event.entries_shared().events().empty()) return true;
  }
  return false;
}

Result<Decision> decide_confirm(RowsView& view, const v1::ConfirmCheckpoint& command) {
  const auto& confirmed = command.confirmed();
  const auto* head = view.find(kLedgerHeadTable, "");
  if (head == nullptr || confirmed.size() > head->size() ||
      confirmed.size() <= head->confirmed_size()) {
    return fail(Errc::kWrongState, "only what is signed and not confirmed yet can be confirmed");
  }
  HANSA_TRY(const auto root, root_at(confirmed.size(), tiles_of(view)));
  if (to_hex(root) != confirmed.root_sha256()) {
    return fail(Errc::kForkFound, "the witnesses have cosigned another tree than this ledger's");
  }
  Decision decision;
  decision.subject_id = std::to_string(confirmed.size());
  decision.state = "confirmed";
  *decision.events.emplace_back().mutable_checkpoint_confirmed() = confirmed;
  return decision;
}

Result<std::string> confirmed_note(RowsView& view) {
  const auto* row = view.find(kLedgerHeadTable, kConfirmedKey);
  if (row != nullptr) return row->confirmed_note();
  return fail(Errc::kBadFile, "the stored rows lack the note that confirms this ledger");
}

void evolve_checkpoint(Rows& rows, const v1::CheckpointSigned& event) {
  if (!is_checkpoint(event)) return;
  auto& head = rows.put(kLedgerHeadTable, "");
  head.set_size(event.size());
  head.set_origin(event.origin());
  head.set_note(note_text(note_of(event)));
}

void evolve_confirmed(Rows& rows, const v1::CheckpointConfirmed& event) {
  auto& head = rows.put(kLedgerHeadTable, "");
  head.set_confirmed_size(event.size());
  rows.put(kLedgerHeadTable, kConfirmedKey).set_confirmed_note(event.note());
}

}  // namespace hansa
