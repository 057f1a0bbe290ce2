// Witness: what a city cosigns of the ledgers of its alliances, and what it refuses.
//
// Shape:   state: the row Witnessed (key: the ledger): the largest consistent tree that it saw.
//          decide_city(CosignCheckpoint): the note must be a checkpoint of a ledger of an alliance
//          that the city belongs to, the alliance's own or another member's share ledger, by the
//          key that counts for its size; it must begin where the city stands and prove that it
//          extends that. Then CheckpointCosigned; the very same checkpoint again is `unchanged`.
//          Another tree of the size that was cosigned, by the ledger's own key, proves a fork:
//          ForkFound with both notes (state "forked"), and nothing of it is cosigned any more.
//          evolve_witness() folds. cosignature_of() is the city's signature to what it cosigned:
//          it follows from the row and the key, at the time of the entry.
//          A city that has left an alliance goes on to cosign the alliance's own ledger: that it
//          left is confirmed by those before it.
//          decide_city(ReportFork): what another member's witness has cosigned of the alliance's
//          ledger is not what the city reads (federation/gossip.h); ForkFound.
//          decide_city(ReportForgotten): that a witness has forgotten, with its own cosignature.
//          witness_quorum(): how many of so many others must cosign: more than half, or as many as
//          the agreement asks for. Any two quorums have a witness in common, which is why a large
//          alliance does not get by with fewer.
// Errors:  kUnknownLog; kBadSignature: not by its key; kBadRequest: no such note, or `old_size`
//          beyond it; kOtherSize: another size is cosigned, as the row Witnessed at `seq` of the
//          error says; kBadProof; kForkFound: forked before.
// Threads: pure.
// Limits:  notes of kWitnessedNoteBytesMax bytes, proofs of kWitnessProofHashesMax hashes. A note
//          has at most kNoteSignaturesMax signatures, and no more: other verifiers (Go's
//          golang.org/x/mod/sumdb/note) refuse one with more. Two are the ledger's own after a
//          change of its key, so that a quorum has at most kQuorumMax: an agreement that asks for
//          more is refused, and so is a member with a witness beyond kWitnessesMax, of whom more
//          than half could confirm nothing any more. Members without a witness are not counted.
// Source:  DESIGN §8 "Evidence"; C2SP tlog-witness, tlog-cosignature.
#pragma once

#include "core/alliance/ledger_keys.h"
#include "core/city/city.h"
#include "core/evidence/ledger_note.h"
#include "hansa/v1/evidence.pb.h"

namespace hansa {

inline constexpr size_t kWitnessedNoteBytesMax = 4'000;
inline constexpr int kWitnessProofHashesMax = 63;
inline constexpr uint32_t kQuorumMax = kNoteSignaturesMax - 2;
inline constexpr uint32_t kWitnessesMax = 2 * kQuorumMax - 1;

// A ledger that the city witnesses, and the keys that speak for it.
struct WitnessedLog {
  std::string alliance;
  KeyRanges keys;
};
Result<WitnessedLog> find_log(RowsView& view, std::string_view self,
                              const LedgerCheckpoint& checkpoint);
// By the key that counts for the size; else kBadSignature.
Result<void> check_signed(const Note& note, const LedgerCheckpoint& checkpoint,
                          const KeyRanges& keys);

Result<Decision> decide_city(const CityScope& scope, const v1::CosignCheckpoint& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ReportFork& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ReportForgotten& command);

std::optional<Result<void>> evolve_witness(Rows& rows, const v1::Event& event,
                                           const EntryContext& entry);

NoteSignature cosignature_of(const v1::Witnessed& row, const std::string& witness_name,
                             const std::string& seed);

// As the member's admission names it; nullopt: it has no witness.
std::optional<NoteKey> witness_key(const v1::Member& member);

// More than half of the others; 0: there is nobody who could.
uint32_t witness_quorum(uint32_t witnesses, uint32_t wanted);

}  // namespace hansa
