// Finding text: what a finding is about and what it says, in the same words on every surface.
//
// Shape:   finding_cities(): whom it concerns, `suzhou, wuxi`. finding_sentence(): one sentence, by
//          its kind, with what is held against what; of a finding on a ledger it speaks of that
//          ledger as `it`. is_ledger_finding(): of no campaign (core/alliance/ledger_finding.h).
// Errors:  none; evidence that is missing is left out.
// Threads: pure.
#pragma once

#include <string>

#include "hansa/v1/rows.pb.h"

namespace hansa::ops {

inline bool is_open(const v1::Finding& finding) {
  return finding.state() != v1::FindingState::settled;
}
inline bool is_ledger_finding(const v1::Finding& finding) {
  return finding.raised().campaign().empty();
}
std::string finding_cities(const v1::FindingRaised& raised);
std::string finding_sentence(const v1::FindingRaised& raised);

}  // namespace hansa::ops
