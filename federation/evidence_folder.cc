#include "federation/evidence_folder.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>

#include "core/base/hash.h"
#include "core/evidence/entry_bundle.h"
#include "core/evidence/lines.h"
#include "core/ledger/envelope.h"
#include "federation/evidence_files.h"

namespace hansa::federation {
namespace {

std::string size_text(Seq size) { return std::to_string(size); }

Result<void> check_vkeys(const std::string& text, const SignedHead& head,
                         const EvidenceSource& source) {
  auto rest = std::string_view(text);
  while (const auto line = take_line(rest)) {
    HANSA_TRY(const auto key, parse_vkey(*line));
    const bool is_known = std::any_of(
        source.keys.begin(), source.keys.end(),
        [&](const auto& known) { return known.public_key() == to_hex(key.public_key); });
    if (key.name == head.checkpoint.tree.origin && is_known) continue;
    return fail(Errc::kBadSignature, "the file vkey names " + std::string(*line) + "; " +
                                         source.ledger.text() + " is known by " +
                                         keys_text(source.keys));
  }
  if (!rest.empty()) return fail(Errc::kBadRequest, "the file vkey ends with a newline");
  return {};
}

// One pass over the copy.
class Pass {
 public:
  Pass(const std::string& path, const EvidenceSource& source, const SignedHead& head,
       const VisitEvidence& visit)
      : path_(path),
        source_(source),
        head_(head),
        visit_(visit),
        tip_(founding_hash(source.founding_id)),
        covered_tip_(tip_),
        has_tiles_(std::filesystem::exists(path + "/tile/0")),
        tiles_([this](const TileId& tile, std::string_view hashes) {
          return compare(tile, hashes);
        }) {}

  Result<void> run() {
    HANSA_CHECK(check_files());
    const Seq size = head_.checkpoint.tree.size;
    for (uint64_t bundle = 0; bundle * kTileWidth < size; ++bundle) {
      HANSA_CHECK(take_bundle(bundle));
    }
    for (const auto& waiting : uncovered_) tree_.append(waiting.leaf);
    if (tree_.root() != head_.checkpoint.tree.root) {
      return fail(Errc::kForkFound, "the tree over these " + size_text(size) + " entries of " +
                                        ledger() + " has the root " + to_hex(tree_.root()) +
                                        ", the checkpoint is signed over " +
                                        to_hex(head_.checkpoint.tree.root));
    }
    if (tip_ != head_.checkpoint.tip) {
      return fail(Errc::kForkFound, "entry " + size_text(size) + " of " + ledger() +
                                        " has the hash " + to_hex(tip_) +
                                        ", the checkpoint is signed over the last hash " +
                                        to_hex(head_.checkpoint.tip));
    }
    return has_tiles_ ? tiles_.finish() : Result<void>();
  }

 private:
  struct Waiting {  // for a checkpoint in the ledger that covers it
    TreeHash leaf;
    Hash hash;
  };

  std::string ledger() const { return source_.ledger.text(); }
  std::string entry_text() const { return "entry " + size_text(seq_) + " of " + ledger(); }
  tl::unexpected<Error> wrong(Errc code, const std::string& detail) const {
    return fail(Error{code, detail, {}, seq_});
  }

  // What belongs to no log of this size proves nothing, and may be taken for a part of it.
  Result<void> check_files() const {
    const Seq size = head_.checkpoint.tree.size;
    std::set<std::string> foreign;
    for (const auto& item : std::filesystem::recursive_directory_iterator(path_)) {
      if (item.is_directory()) continue;
      const auto name = item.path().lexically_relative(path_).generic_string();
      if (name == "checkpoint" || name == "vkey") continue;
      const auto tile = parse_tile_path(name);
      if (!tile || tile->width != tile_width(tile->tile, size)) foreign.insert(name);
    }
    if (foreign.empty()) return {};
    return fail(Errc::kForkFound, *foreign.begin() + " is no part of a log of " + size_text(size) +
                                      " entries, for which the checkpoint of " + ledger() +
                                      " is signed");
  }

  Result<void> take_bundle(uint64_t index) {
    const uint32_t width = tile_width({0, index}, head_.checkpoint.tree.size);
    const auto name = entries_path(index, width);
    seq_ = index * kTileWidth + 1;
    HANSA_CHECK(load(path_ + "/" + name, bundle_));
    const auto values = parse_bundle(bundle_);
    if (!values) return wrong(Errc::kChainBroken, name + ": " + values.error().detail);
    if (values->size() != width) {
      return wrong(Errc::kForkFound, name + " has " + size_text(values->size()) +
                                         " entries; the checkpoint is signed for " +
                                         size_text(width) + " in it");
    }
    for (const auto& value : *values) {
      HANSA_CHECK(take(value));
      ++seq_;
    }
    return {};
  }

  Result<void> take(std::string_view value) {
    HANSA_CHECK(check_chain(value));
    const auto payload = payload_of(value);
    if (!payload_.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return wrong(Errc::kChainBroken, entry_text() + " is nothing that can be read");
    }
    if (payload_.time_us() < time_us_) {
      return wrong(Errc::kChainBroken, entry_text() + " is dated back: its time is before that of "
                                                      "the entry before it");
    }
    time_us_ = payload_.time_us();
    tip_ = sha256(value);
    const auto leaf = leaf_hash(value);
    if (has_tiles_) HANSA_CHECK(tiles_.append(leaf));
    for (const auto& event : payload_.events()) HANSA_CHECK(check(event));
    uncovered_.push_back({leaf, tip_});
    return visit_ ? visit_({seq_, tip_, value, payload_}) : Result<void>();
  }

  Result<void> check_chain(std::string_view value) const {
    const auto entry = decode_entry(value);
    if (!entry) return wrong(Errc::kChainBroken, entry_text() + " is no entry of a ledger");
    const auto& envelope = entry->envelope;
    if (envelope.founding_id != source_.founding_id) {
      return wrong(Errc::kChainBroken, entry_text() + " is of the founding " +
                                           to_hex(envelope.founding_id) + ", expected " +
                                           to_hex(source_.founding_id));
    }
    if (envelope.seq != seq_) {
      return wrong(Errc::kChainBroken, "where " + entry_text() + " must stand is entry " +
                                           size_text(envelope.seq));
    }
    if (envelope.prev != tip_) {
      return wrong(Errc::kChainBroken, entry_text() + " does not follow the one before it, whose "
                                                      "hash is " +
                                           to_hex(tip_) + ": it names " + to_hex(envelope.prev));
    }
    if (envelope.schema_level > kSchemaLevel) {
      return wrong(Errc::kUpgradeNeeded, entry_text() + " was written by a newer binary");
    }
    return {};
  }

  Result<void> check(const v1::Event& event) {
    if (event.has_checkpoint_signed()) return cover(event.checkpoint_signed());
    if (event.has_checkpoint_confirmed()) return check(event.checkpoint_confirmed());
    if (event.has_entries_shared()) return check(event.entries_shared());
    return {};
  }

  // It stands behind what it covers.
  Result<void> cover(const v1::CheckpointSigned& checkpoint) {
    const auto which = "the checkpoint in " + entry_text();
    const Seq size = checkpoint.size();
    if (size < covered_ || size >= seq_) {
      return wrong(Errc::kForkFound, which + " is of " + size_text(size) +
                                         " entries, an earlier one of " + size_text(covered_));
    }
    const auto* key = key_for(source_.keys, size);
    if (key == nullptr || key->public_key() != checkpoint.public_key()) {
      return wrong(Errc::kBadSignature, which + " is made with the key " +
                                            checkpoint.public_key() + "; " + ledger() +
                                            " is known by " + keys_text(source_.keys));
    }
    for (; covered_ < size; ++covered_) {
      tree_.append(uncovered_.front().leaf);
      covered_tip_ = uncovered_.front().hash;
      uncovered_.pop_front();
    }
    if (to_hex(covered_tip_) != checkpoint.sha256() ||
        to_hex(tree_.root()) != checkpoint.root_sha256()) {
      return wrong(Errc::kForkFound, which + " is of another history than the " +
                                         size_text(size) + " entries before it");
    }
    if (confirmable_.empty() || confirmable_.back().first < size) {
      confirmable_.emplace_back(size, tree_.root());
    }
    return {};
  }

  Result<void> check(const v1::CheckpointConfirmed& confirmed) {
    while (!confirmable_.empty() && confirmable_.front().first < confirmed.size()) {
      confirmable_.pop_front();
    }
    if (confirmable_.empty() || confirmable_.front().first != confirmed.size()) return {};
    const auto note = parse_note(confirmed.note());
    const auto read = note ? read_ledger_note(*note)
                           : Result<LedgerCheckpoint>(fail(note.error()));
    const auto& root = confirmable_.front().second;
    if (confirmed.root_sha256() == to_hex(root) && read && read->tree.root == root &&
        read->tree.size == confirmed.size() && read->ledger == source_.ledger) {
      return {};
    }
    return wrong(Errc::kForkFound, "the confirmation in " + entry_text() +
                                       " is of another history than the " +
                                       size_text(confirmed.size()) + " entries that it names");
  }

  Result<void> check(const v1::EntriesShared& shared) {
    if (share_ledger(shared.alliance(), shared.city()) != source_.ledger) {
      return wrong(Errc::kForkFound, entry_text() + " shares entries of " + shared.city() +
                                         " with " + shared.alliance());
    }
    if (shared.from_seq() != told_ + 1 || shared.to_seq() < told_) {
      return wrong(Errc::kForkFound, entry_text() + " tells of the city's entries " +
                                         size_text(shared.from_seq()) + " to " +
                                         size_text(shared.to_seq()) + "; those up to " +
                                         size_text(told_) + " were told of before");
    }
    told_ = shared.to_seq();
    for (const auto& event : shared.events()) {
      if (event.seq() >= shared.from_seq() && event.seq() <= told_) continue;
      return wrong(Errc::kForkFound, entry_text() + " shares an event of the city's entry " +
                                         size_text(event.seq()) + ", which is outside of the "
                                                                  "range that it tells of");
    }
    return {};
  }

  Result<void> compare(const TileId& tile, std::string_view hashes) {
    const auto name = tile_path(tile, static_cast<uint32_t>(hashes.size() / sizeof(TreeHash)));
    HANSA_CHECK(load(path_ + "/" + name, tile_));
    if (tile_ == hashes) return {};
    return wrong(Errc::kForkFound, name + " has other hashes than the tree over the entries");
  }

  const std::string& path_;
  const EvidenceSource& source_;
  const SignedHead& head_;
  const VisitEvidence& visit_;
  std::string bundle_;
  std::string tile_;
  v1::Payload payload_;
  Seq seq_ = 0;
  Hash tip_;
  int64_t time_us_ = 0;
  TreeFrontier tree_;  // of the first `covered_` entries
  Seq covered_ = 0;
  Hash covered_tip_;
  std::deque<Waiting> uncovered_;
  std::deque<std::pair<Seq, TreeHash>> confirmable_;  // sizes and roots signed in the ledger
  Seq told_ = 0;  // of the city's ledger
  bool has_tiles_;
  GrowingTiles tiles_;
};

}  // namespace

Result<NoteKey> check_head(const SignedHead& head, const EvidenceSource& source) {
  const auto& [tree, ledger, founding_id, tip] = head.checkpoint;
  const auto which = "the checkpoint of " + source.ledger.text() + " at size " +
                     size_text(tree.size);
  if (!is_origin_of(tree.origin, source.ledger, source.founding_id)) {
    return fail(Errc::kBadSignature,
                which + " is that of another log, " + tree.origin + "; the founding must be " +
                    to_hex(source.founding_id));
  }
  const auto* range = key_for(source.keys, tree.size);
  const auto public_key = range == nullptr ? std::nullopt
                                           : parse_hex<PublicKey>(range->public_key());
  if (public_key) {
    NoteKey key{tree.origin, NoteKeyType::kEd25519, *public_key};
    HANSA_TRY(const auto is_signed, signed_by(head.note, key));
    if (is_signed) return key;
  }
  for (const auto& other : source.keys) {
    const auto retired = parse_hex<PublicKey>(other.public_key());
    if (!retired) continue;
    const auto is_signed = signed_by(head.note, {tree.origin, NoteKeyType::kEd25519, *retired});
    if (!is_signed || !*is_signed) continue;
    return fail(Errc::kBadSignature, which + " is signed with the key " + other.public_key() +
                                         ", which does not count for it: the ledger is known by " +
                                         keys_text(source.keys));
  }
  return fail(Errc::kBadSignature,
              which + " is signed by no key of the ledger, which is known by " +
                  keys_text(source.keys));
}

EvidenceFolder::EvidenceFolder(const std::string& folder, const LedgerId& ledger)
    : path_(evidence_path(folder, ledger)) {}

Result<SignedHead> EvidenceFolder::claimed_head() const {
  SignedHead head;
  HANSA_TRY(head.note, note());
  HANSA_TRY(head.checkpoint, read_ledger_note(head.note));
  return head;
}

Result<SignedHead> EvidenceFolder::head(const EvidenceSource& source) const {
  HANSA_TRY(auto head, claimed_head());
  HANSA_TRY(const auto key, check_head(head, source));
  if (std::filesystem::exists(path_ + "/vkey")) {
    std::string text;
    HANSA_CHECK(load(path_ + "/vkey", text));
    HANSA_CHECK(check_vkeys(text, head, source));
  }
  return head;
}

Result<SignedHead> EvidenceFolder::read(const EvidenceSource& source,
                                        const VisitEvidence& visit) const {
  HANSA_TRY(auto checked, head(source));
  HANSA_CHECK(Pass(path_, source, checked, visit).run());
  return checked;
}

Result<Note> EvidenceFolder::note() const {
  std::string text;
  HANSA_CHECK(load(path_ + "/checkpoint", text));
  return parse_note(text);
}

Result<std::string> EvidenceFolder::value(Seq seq) const {
  HANSA_TRY(const auto signed_note, note());
  HANSA_TRY(const auto checkpoint, parse_checkpoint(signed_note.text));
  const uint64_t bundle = (seq - 1) / kTileWidth;
  const auto width = tile_width({0, bundle}, checkpoint.size);
  std::string bytes;
  HANSA_CHECK(load(path_ + "/" + entries_path(bundle, width), bytes));
  HANSA_TRY(const auto values, parse_bundle(bytes));
  const uint64_t at = (seq - 1) % kTileWidth;
  if (at < values.size()) return std::string(values[at]);
  return fail(Errc::kBadRequest, "there is no entry " + size_text(seq) + " in this copy");
}

Result<ProofFile> EvidenceFolder::prove(Seq seq) const {
  ProofFile proof;
  proof.index = seq - 1;
  HANSA_TRY(proof.checkpoint, note());
  HANSA_TRY(const auto checkpoint, parse_checkpoint(proof.checkpoint.text));
  const Tiles tiles = [&](const TileId& tile) -> Result<std::string> {
    std::string hashes;
    const auto name = tile_path(tile, tile_width(tile, checkpoint.size));
    HANSA_CHECK(load(path_ + "/" + name, hashes));
    return hashes;
  };
  HANSA_TRY(proof.hashes, inclusion_proof(proof.index, checkpoint.size, tiles));
  return proof;
}

}  // namespace hansa::federation
