// Folded ledger: a ledger read and folded anew from its records, in memory and without the code
// that keeps rows for a node.
//
// Shape:   FoldedLedger(founding_id, records, kind) judges the records by the chain rule
//          (core/ledger); entries() are the valid ones in order. fold(seqs) folds all of them and
//          answers, for each of these seqs, the digest that a node's rows must have there.
// Errors:  broken(): why reading stopped before the end. fold: an entry cannot be folded.
// Threads: one.
// Limits:  everything is kept in memory; each digest is computed from all rows.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/evidence/tree.h"
#include "core/ledger/chain.h"
#include "hansa/v1/entry.pb.h"
#include "projections/digest.h"

namespace hansa::sim {

struct LedgerEntry {
  Seq seq = 0;
  Offset offset = 0;
  Hash hash;
  v1::Payload payload;
  std::optional<TreeHash> leaf = {};  // of a ledger that is a tree
};

class FoldedLedger {
 public:
  FoldedLedger(const FoundingId& founding_id, const std::vector<std::string>& records,
               std::string_view kind = kCityKind);

  const std::vector<LedgerEntry>& entries() const { return entries_; }
  uint64_t voids() const { return voids_; }
  const std::optional<Error>& broken() const { return broken_; }
  Result<std::map<Seq, projections::Digest>> fold(const std::set<Seq>& seqs) const;

 private:
  std::vector<LedgerEntry> entries_;
  uint64_t voids_ = 0;
  std::optional<Error> broken_;
};

}  // namespace hansa::sim
