#include "core/ledger/chain.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace hansa {

Chain::Chain(const FoundingId& founding_id)
    : Chain(founding_id, ChainPosition{0, hansa::founding_hash(founding_id), 0, 0}) {}

Chain::Chain(const FoundingId& founding_id, const ChainPosition& from,
             uint16_t schema_level_known)
    : founding_id_(founding_id), position_(from), schema_level_known_(schema_level_known) {
  if (from.seq == 0) position_.tip = hansa::founding_hash(founding_id);
  recent_.emplace_back(position_.seq, head_of(position_.tip));
}

bool Chain::fits(const Envelope& envelope) const {
  return envelope.founding_id == founding_id_ && envelope.seq == position_.seq + 1 &&
         envelope.prev == position_.tip;
}

Verdict Chain::apply(Offset offset, std::string_view value) {
  HANSA_ASSERT(offset >= position_.next_offset, "a record is applied once, in offset order");
  const auto entry = decode_entry(value);
  if (entry && offset == 0 && entry->envelope.founding_id != founding_id_) {
    return {VerdictKind::kStop, {}, {},
            {Errc::kChainBroken, "record 0 belongs to founding id " +
                                     to_hex(entry->envelope.founding_id) + ", expected " +
                                     to_hex(founding_id_) +
                                     ": this is another ledger's log; check the configuration"}};
  }
  const bool ours = entry && entry->envelope.founding_id == founding_id_;
  if (ours && !base_in_prefix(entry->envelope)) {
    return {VerdictKind::kStop, {}, {}, second_history(offset, entry->envelope)};
  }
  if (!ours || !fits(entry->envelope)) {
    position_.next_offset = offset + 1;
    ++position_.voids;
    return {VerdictKind::kVoid, {}, {}};
  }
  if (entry->envelope.schema_level > schema_level_known_) {
    return {VerdictKind::kStop, {}, {},
            {Errc::kUpgradeNeeded,
             "entry " + std::to_string(entry->envelope.seq) + " has schema level " +
                 std::to_string(entry->envelope.schema_level) + ", this binary knows " +
                 std::to_string(schema_level_known_) + "; install a newer one",
             {}, entry->envelope.seq}};
  }
  const Hash hash = sha256(value);
  position_ = {entry->envelope.seq, hash, offset + 1, position_.voids};
  recent_.emplace_back(position_.seq, head_of(hash));
  if (recent_.size() > kBaseWindow) recent_.pop_front();
  return {VerdictKind::kValid, hash, entry->payload};
}

void Chain::skip_to(Offset offset) {
  if (offset > position_.next_offset) position_.next_offset = offset;
}

// True also for a base older than what is remembered: it cannot be checked here.
bool Chain::base_in_prefix(const Envelope& envelope) const {
  if (envelope.base_seq == 0) return envelope.base_head == head_of(founding_hash(founding_id_));
  if (envelope.base_seq > position_.seq) return false;
  const Seq oldest = recent_.front().first;
  if (envelope.base_seq < oldest) return true;
  return recent_[envelope.base_seq - oldest].second == envelope.base_head;
}

Error Chain::second_history(Offset offset, const Envelope& envelope) const {
  return {Errc::kChainBroken,
          "record " + std::to_string(offset) + " (seq " + std::to_string(envelope.seq) +
              ") was written on top of an entry " + std::to_string(envelope.base_seq) +
              " with hash " + to_hex(envelope.base_head) +
              "…, which is not in this reader's ledger (end: seq " +
              std::to_string(position_.seq) + ", hash " + to_hex(position_.tip) +
              "): the ledger has two histories; keep both copies and compare them",
          {}, envelope.seq};
}

}  // namespace hansa
