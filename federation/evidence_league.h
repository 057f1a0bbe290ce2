// Evidence of a league: what may be believed of an alliance and its members' shares, from copies of
// their logs and the alliance's key alone.
//
// Shape:   read_alliance() reads the alliance's log and folds from it who its members are, with the
//          keys of each; every change of a member's key must bear its own statement's signature.
//          share_source() is by what a member's share ledger is known; read_share() reads it.
//          A checkpoint is confirmed when more than half of the witnesses have cosigned it, or as
//          many as the agreement asks for (federation/wanted_quorum.h): of all members, of a share
//          ledger of all but its own city. The alliance's own must also be by more than half of
//          those that confirmed it before (core/alliance/confirming.h). Besides the checkpoint of
//          the copy the confirmations in the ledger count: `confirmed` is how far they reach.
//          confirmation_text() says it in words: "confirmed …" or "unconfirmed: …".
// Errors:  as EvidenceFolder; kBadSignature also for a cosignature that claims a witness's key and
//          does not hold, and for a key that was changed by nobody's word; kUnknownMember.
// Threads: one at a time.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include "federation/evidence_folder.h"
#include "federation/witness_set.h"

namespace hansa::federation {

struct EvidenceHead {
  SignedHead head;
  Seq confirmed = 0;       // entries; at most its size
  uint32_t cosigned = 0;   // witnesses that have cosigned its checkpoint
  uint32_t witnesses = 0;  // that there are
  uint32_t quorum = 0;     // of them must
  // The same of the members when the alliance's ledger was confirmed before, where it was.
  uint32_t cosigned_before = 0;
  uint32_t witnesses_before = 0;

  Seq size() const { return head.checkpoint.tree.size; }
};
std::string confirmation_text(const EvidenceHead& head);

// Members as a log of an alliance tells of them.
class MemberList {
 public:
  explicit MemberList(const LedgerId& alliance) : alliance_(alliance) {}

  Result<void> take(const v1::Payload& payload);
  std::vector<v1::Member> all();
  // nullptr: it was never admitted.
  const v1::Member* find(const std::string& city) { return rows_.find(kMemberTable, city); }

 private:
  Result<void> check_statement(const v1::Event& event);

  LedgerId alliance_;
  MapRows rows_;
};

struct AllianceEvidence {
  EvidenceSource source;
  EvidenceHead head;
  MemberList members;
  WantedQuorum wanted = {};
  std::map<Seq, uint32_t> wanted_from = {};  // the figure in force, by the entry that changed it
  // Who confirmed it, by the confirmed size from which on it was them.
  std::map<Seq, WitnessSet> confirmed_by = {};
};

Result<AllianceEvidence> read_alliance(const std::string& folder, const EvidenceSource& alliance,
                                       const VisitEvidence& visit = {});
Result<EvidenceSource> share_source(AllianceEvidence& alliance, const std::string& city);
Result<EvidenceHead> read_share(const std::string& folder, AllianceEvidence& alliance,
                                const std::string& city, const VisitEvidence& visit);

// How many of the witnesses have cosigned; `except_city`: whose word is none here. `wanted`: the
// figure that counts for a share ledger at the head; without one, as for a proof that comes without
// its ledger, that of the version in force.
Result<EvidenceHead> count_cosigners(SignedHead head, AllianceEvidence& alliance,
                                     const std::string& except_city,
                                     std::optional<uint32_t> wanted = std::nullopt);

}  // namespace hansa::federation
