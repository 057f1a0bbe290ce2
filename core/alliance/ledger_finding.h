// Ledger findings: where what a ledger, a witness or a member says cannot be true, with both sides
// as evidence.
//
// Shape:   findings (core/alliance/finding.h) that are of no campaign; `ledger` is what they are
//          about, `evidence` the two things that cannot both be true: whose word, the entry that it
//          stands in, the signed note if that is it, and a sentence.
//            fork       two notes of one ledger, of one size, by the key that counts, and they
//                       differ. Once for a ledger. It concerns the ledger's owner; of the
//                       alliance's own ledger, whose key its rows do not hold, the city that says
//                       so, and one of the two notes must be of the tree that stands here, the
//                       other, which may be of another size, not.
//            forgotten  a witness cosigned more than it says it has. Once while it is open.
//            refused    with InputQuarantined, and settled with InputReleased.
//            silence    nothing was read of a member for too long; settled when it is heard again.
// Errors:  of a city's word: kBadRequest, kBadSignature, kUnknownMember, kAlreadyExists.
// Threads: pure.
// Source:  DESIGN §8 "Evidence"; the table is core/alliance/README.md.
#pragma once

#include <optional>

#include "core/alliance/acts.h"
#include "core/alliance/finding.h"
#include "hansa/v1/evidence.pb.h"

namespace hansa {

Acted decide_act(const Act& act, const v1::ForkFound& found);
Acted decide_act(const Act& act, const v1::WitnessForgot& forgot);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReportForgotten& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReportSilence& command);

// What an alliance's InputQuarantined and InputReleased mean beside themselves.
void raise_refused(RowsView& view, const v1::InputQuarantined& quarantined, Seq seq,
                   std::vector<v1::Event>& events);
void settle_refused(RowsView& view, const std::string& input, const std::string& reason,
                    std::vector<v1::Event>& events);

// nullopt: none is open.
std::optional<v1::Finding> find_open_finding(RowsView& view, v1::FindingKind::Value kind,
                                             const std::string& ledger);

}  // namespace hansa
