// Vouched tree: what a ledger's signer knows of the entries written so far, for every size.
#pragma once

#include <vector>

#include "core/base/hash.h"
#include "federation/checkpoint.h"

namespace hansa::federation {

class VouchedTree {
 public:
  VouchedTree(const LedgerId& ledger, const FoundingId& founding_id)
      : origin_(origin_of("localhost", ledger, founding_id)) {}

  void add(std::string_view value) {
    frontier_.append(leaf_hash(value));
    heads_.push_back({frontier_.size(), sha256(value), frontier_.root(), origin_});
  }
  const VouchedHead& head(Seq size) const { return heads_.at(size - 1); }
  const VouchedHead& head() const { return heads_.back(); }

 private:
  std::string origin_;
  TreeFrontier frontier_;
  std::vector<VouchedHead> heads_;
};

}  // namespace hansa::federation
