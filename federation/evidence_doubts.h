// Evidence doubts: what cannot be true in copies of a league that each hold by themselves.
//
// Shape:   find_doubts() reads the alliance's log and every share of which the folder has a copy,
//          and holds them against one another and against what they say:
//            differing  two cities tell of one joint action with another day, quantity or unit
//            silence    a member that should speak has said nothing for three heartbeats, and
//                       kCopiedWithinUs more, when the alliance's log ends
//            fork       a finding of the alliance has two notes of one size by the key that counts;
//                       of the alliance's own log also of two sizes, if one is of the copy's
//                       entries and the other is not
//            forgotten  a finding has a note that a witness cosigned, of more than it said
//          The last two are proved by their signatures, whoever raised the finding; a finding whose
//          notes do not bear it out is kDoesNotFollow.
//          check_one_history() holds two copies of one log against each other: the shorter must be
//          the beginning of the longer, or its key has signed two histories.
// Errors:  as evidence_league.h; kForkFound of two histories.
// Threads: one at a time.
// Limits:  the alliance's rows and all joint actions in memory.
// Source:  DESIGN §8 "Evidence"; the table is federation/FALSIFICATIONS.md.
#pragma once

#include <string>
#include <vector>

#include "federation/evidence_league.h"

namespace hansa::federation {

// Copies of a league are not made at one moment.
inline constexpr int64_t kCopiedWithinUs = 120'000'000;

struct Doubt {
  v1::FindingKind::Value kind = v1::FindingKind::unspecified;
  std::string ledger;  // that it is about
  std::string text;    // what is held against what
  // The alliance's own finding of the same, if it has raised one.
  std::string finding{};
  bool is_settled = false;
};

struct LeagueDoubts {
  AllianceEvidence alliance;
  std::vector<EvidenceHead> shares;  // that were read
  std::vector<Doubt> doubts;
};
Result<LeagueDoubts> find_doubts(const std::string& folder, const EvidenceSource& alliance);

Result<void> check_one_history(const std::string& folder, const std::string& other,
                               const EvidenceSource& source);

}  // namespace hansa::federation
