#include "federation/tlog.h"

#include "core/evidence/entry_bundle.h"
#include "core/evidence/proof_file.h"
#include "core/evidence/tree_rows.h"
#include "projections/snapshot_rows.h"

namespace hansa::federation {

using projections::Snapshot;
using projections::SnapshotRows;

namespace {

constexpr size_t kHashBytes = sizeof(TreeHash::bytes);
constexpr size_t kPageBytes = 1024 * 1024;

Result<v1::LedgerHead> signed_head(const Snapshot& rows) {
  HANSA_TRY(auto head, rows.find(kLedgerHeadTable, ""));
  if (head && head->size() > 0) return *std::move(head);
  return fail(Errc::kUnknownLog, "this ledger has signed no checkpoint yet");
}

Result<std::string> confirmed_note_in(const Snapshot& rows) {
  SnapshotRows view(rows);
  auto note = confirmed_note(view);
  HANSA_CHECK(view.outcome());
  return note;
}

}  // namespace

Result<std::string> newest_checkpoint(const Snapshot& rows) {
  HANSA_TRY(auto head, signed_head(rows));
  if (head.confirmed_size() == head.size()) return confirmed_note_in(rows);
  return std::move(*head.mutable_note());
}

Result<std::string> confirmed_checkpoint(const Snapshot& rows) {
  HANSA_TRY(const auto head, signed_head(rows));
  if (head.confirmed_size() > 0) return confirmed_note_in(rows);
  return fail(Errc::kUnknownLog, "no checkpoint of this ledger is confirmed yet");
}

Result<std::string> hash_tile(const Snapshot& rows, const TileId& tile, uint32_t width) {
  HANSA_TRY(const auto head, signed_head(rows));
  if (width == 0 || tile_width(tile, head.size()) < width) {
    return fail(Errc::kUnknownRoute, "the tree over " + std::to_string(head.size()) +
                                         " entries has not so many hashes in this tile");
  }
  SnapshotRows view(rows);
  HANSA_TRY(auto hashes, tiles_of(view)(tile));
  HANSA_CHECK(view.outcome());
  if (hashes.size() < width * kHashBytes) {
    return fail(Errc::kBadFile, "a stored tile of the tree has too few hashes");
  }
  hashes.resize(width * kHashBytes);
  return hashes;
}

Result<std::string> log_vkey(const Snapshot& rows, const KeyRanges& keys) {
  HANSA_TRY(const auto head, signed_head(rows));
  const auto* range = key_for(keys, head.size());
  const auto key = range == nullptr ? std::nullopt : parse_hex<PublicKey>(range->public_key());
  if (key) return vkey_text({head.origin(), NoteKeyType::kEd25519, *key}) + "\n";
  return fail(Errc::kUnknownLog, "the key of this ledger is not known here");
}

Result<std::string> proof_of(const Snapshot& rows, Seq seq) {
  HANSA_TRY(const auto head, signed_head(rows));
  if (seq == 0 || seq > head.size()) {
    return fail(Errc::kUnknownRoute, "the newest checkpoint covers the entries 1 to " +
                                         std::to_string(head.size()));
  }
  const bool is_confirmed = seq <= head.confirmed_size();
  ProofFile proof;
  proof.index = seq - 1;
  Result<std::string> note = head.note();
  if (is_confirmed) note = confirmed_note_in(rows);
  HANSA_CHECK(note);
  HANSA_TRY(proof.checkpoint, parse_note(*note));
  SnapshotRows view(rows);
  HANSA_TRY(proof.hashes,
            inclusion_proof(proof.index, is_confirmed ? head.confirmed_size() : head.size(),
                            tiles_of(view)));
  HANSA_CHECK(view.outcome());
  return proof_text(proof);
}

// An entry never stands before the offset seq - 1, and voids in between only move it on.
Offset EntryBundles::start_of(const LedgerId& ledger, uint64_t index) const {
  const std::lock_guard lock(mutex_);
  const auto found = starts_.find(ledger);
  if (found == starts_.end()) return index * kTileWidth;
  const auto after = found->second.upper_bound(index);
  if (after == found->second.begin()) return index * kTileWidth;
  const auto& [known, offset] = *std::prev(after);
  return offset + (index - known) * kTileWidth;
}

Result<std::string> EntryBundles::read(const Snapshot& rows, const LedgerId& ledger,
                                       streams::Log& log, uint64_t index, uint32_t width) {
  HANSA_TRY(const auto hashes, hash_tile(rows, {0, index}, width));
  std::string bundle;
  size_t found = 0;
  for (Offset offset = start_of(ledger, index); found < width;) {
    HANSA_TRY(const auto page, log.read(ledger, offset, kPageBytes));
    for (const auto& record : page.records) {
      if (found == width) break;
      const auto expected = std::string_view(hashes).substr(found * kHashBytes, kHashBytes);
      if (leaf_hash(record.value).view() != expected) continue;
      if (found++ == 0) {
        const std::lock_guard lock(mutex_);
        starts_[ledger].emplace(index, record.offset);
      }
      append_to_bundle(bundle, record.value);
    }
    if (page.next <= offset) break;
    offset = page.next;
  }
  if (found == width) return bundle;
  return fail(Errc::kLogBehind, "the log of " + ledger.text() + " lacks entry " +
                                    std::to_string(index * kTileWidth + found + 1));
}

}  // namespace hansa::federation
