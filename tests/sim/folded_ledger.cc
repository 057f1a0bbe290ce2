#include "tests/sim/folded_ledger.h"

#include <utility>

#include "core/base/rows.h"
#include "projections/fold.h"
#include "projections/index.h"

namespace hansa::sim {
namespace {

using projections::Digest;
using projections::row_hash;

Digest digest_of(MapRows& rows) {
  Digest digest;
  for (const auto& [key, value] : rows.dump()) {
    digest.add(row_hash(key, value));
    const auto table = static_cast<TableId>(key.front());
    const std::string_view row_key = std::string_view(key).substr(1);
    const auto* row = rows.find_any(table, row_key);
    for (const auto& index_key : projections::index_keys(table, row_key, *row)) {
      digest.add(row_hash(stored_key(TableId::kIndex, index_key), ""));
    }
  }
  return digest;
}

}  // namespace

FoldedLedger::FoldedLedger(const FoundingId& founding_id,
                           const std::vector<std::string>& records, std::string_view kind) {
  Chain chain(founding_id);
  for (Offset offset = 0; offset < records.size(); ++offset) {
    const Verdict verdict = chain.apply(offset, records[offset]);
    if (verdict.kind == VerdictKind::kStop) {
      broken_ = verdict.error;
      return;
    }
    if (verdict.kind == VerdictKind::kVoid) {
      ++voids_;
      continue;
    }
    LedgerEntry entry{chain.position().seq, offset, verdict.hash, {},
                      projections::leaf_in(kind, records[offset])};
    if (!entry.payload.ParseFromArray(verdict.payload.data(),
                                      static_cast<int>(verdict.payload.size()))) {
      broken_ = Error{Errc::kUpgradeNeeded,
                      "the payload of entry " + std::to_string(entry.seq) + " cannot be read"};
      return;
    }
    entries_.push_back(std::move(entry));
  }
}

Result<std::map<Seq, Digest>> FoldedLedger::fold(const std::set<Seq>& seqs) const {
  MapRows rows;
  std::map<Seq, Digest> digests;
  if (seqs.contains(0)) digests[0] = Digest();
  for (const auto& entry : entries_) {
    HANSA_CHECK(projections::fold_entry(rows, entry.payload, {entry.seq, entry.hash, entry.leaf}));
    if (seqs.contains(entry.seq)) digests[entry.seq] = digest_of(rows);
  }
  return digests;
}

}  // namespace hansa::sim
