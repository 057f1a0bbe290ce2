#include "core/city/witness.h"

#include <algorithm>

#include "core/alliance/identity.h"
#include "core/city/affiliation.h"
#include "core/city/peers.h"

namespace hansa {
namespace {

Error unknown_log(const std::string& ledger, const std::string& why) {
  return {Errc::kUnknownLog, "this city witnesses no ledger " + ledger + ": " + why};
}

// That a city leaves is confirmed by the members before it left, and it was one of them.
Result<const v1::Affiliation*> find_affiliation(RowsView& view, const LedgerId& ledger_id,
                                                const std::string& alliance) {
  const std::string ledger = ledger_id.text();
  const auto* row = view.find(kAffiliationTable, alliance);
  const bool is_joined = row != nullptr && row->state() == v1::AffiliationState::joined;
  const bool has_left = row != nullptr && row->state() == v1::AffiliationState::left;
  if (is_joined || (has_left && ledger_id.kind == kAllianceKind)) return row;
  return fail(unknown_log(ledger, "it does not belong to the alliance " + alliance));
}

Result<void> check_founding(const LedgerCheckpoint& checkpoint, const FoundingId& known) {
  if (checkpoint.founding_id == known) return {};
  return fail(unknown_log(checkpoint.ledger.text(), "it is known by the founding id " +
                                                        to_hex(known) + ", not " +
                                                        to_hex(checkpoint.founding_id)));
}

bool is_same(const v1::Witnessed& row, const LedgerCheckpoint& checkpoint) {
  const auto known = parse_note(row.note());
  const auto cosigned = known ? read_ledger_note(*known)
                              : Result<LedgerCheckpoint>(fail(known.error()));
  return cosigned && cosigned->tree.root == checkpoint.tree.root &&
         cosigned->tip == checkpoint.tip;
}

Decision fork(const v1::Witnessed& row, const std::string& note) {
  Decision decision;
  decision.subject_id = row.ledger();
  decision.state = "forked";
  auto& found = *decision.events.emplace_back().mutable_fork_found();
  found.set_alliance(row.alliance());
  found.set_ledger(row.ledger());
  found.set_cosigned_note(row.note());
  found.set_other_note(note);
  return decision;
}

Result<void> check_extends(const v1::Witnessed* row, const v1::CosignCheckpoint& command,
                           const LedgerCheckpoint& checkpoint) {
  const Seq known = row == nullptr ? 0 : row->size();
  if (command.old_size() > checkpoint.tree.size) {
    return fail(Errc::kBadRequest, "the checkpoint over " + std::to_string(checkpoint.tree.size) +
                                       " entries cannot extend one over " +
                                       std::to_string(command.old_size()));
  }
  if (command.old_size() != known) {
    return fail(Errc::kOtherSize, "this witness has cosigned " + checkpoint.ledger.text() +
                                      " up to size " + std::to_string(known) +
                                      "; prove from there");
  }
  std::vector<TreeHash> proof;
  for (const auto& bytes : command.proof()) {
    const auto hash = TreeHash::from(bytes);
    if (!hash) return fail(Errc::kBadRequest, "a hash of the proof must have 32 bytes");
    proof.push_back(*hash);
  }
  const auto root = row == nullptr ? TreeFrontier().root()
                                   : parse_hex<TreeHash>(row->root_sha256()).value_or(TreeHash());
  if (proof.size() <= kWitnessProofHashesMax &&
      proves_consistency(known, root, checkpoint.tree.size, checkpoint.tree.root, proof)) {
    return {};
  }
  return fail(Errc::kBadProof, "the proof does not show that the tree of " +
                                   std::to_string(checkpoint.tree.size) + " entries of " +
                                   checkpoint.ledger.text() + " extends the one of " +
                                   std::to_string(known) + " that was cosigned");
}

// The log's own signatures alone: what others have put beside them is not this city's to record.
std::string own_note(Note note, const std::string& origin) {
  std::erase_if(note.signatures, [&](const auto& one) { return one.name != origin; });
  return note_text(note);
}

}  // namespace

Result<WitnessedLog> find_log(RowsView& view, std::string_view self,
                              const LedgerCheckpoint& checkpoint) {
  const std::string ledger = checkpoint.ledger.text();
  const std::string& id = checkpoint.ledger.id;
  const std::string alliance = id.substr(0, id.find('/'));
  HANSA_TRY(const auto* affiliation, find_affiliation(view, checkpoint.ledger, alliance));
  const auto founding_id = parse_hex<FoundingId>(affiliation->founding_id());
  if (!founding_id) return fail(Errc::kInternal, "an affiliation without a founding id");
  if (checkpoint.ledger.kind == kAllianceKind) {
    HANSA_CHECK(check_founding(checkpoint, *founding_id));
    return WitnessedLog{alliance, keys_of(*affiliation)};
  }
  const std::string city = id.substr(id.find('/') + 1);
  if (checkpoint.ledger.kind != kShareKind || city == self) {
    return fail(unknown_log(ledger, "it witnesses what its alliance and the other members keep"));
  }
  const auto* peer = find_peer(view, alliance, city);
  if (peer == nullptr || !is_member(*peer)) {
    return fail(unknown_log(ledger, city + " is no member that it has heard of"));
  }
  const auto city_founding_id = parse_hex<FoundingId>(peer->founding_id());
  if (!city_founding_id) return fail(Errc::kInternal, "a member without a founding id");
  HANSA_CHECK(check_founding(checkpoint, share_founding_id(*founding_id, *city_founding_id)));
  return WitnessedLog{alliance, keys_of(*peer)};
}

Result<void> check_signed(const Note& note, const LedgerCheckpoint& checkpoint,
                          const KeyRanges& keys) {
  const auto* counts = key_for(keys, checkpoint.tree.size);
  const auto key = parse_hex<PublicKey>(counts == nullptr ? "" : counts->public_key());
  if (key) {
    HANSA_TRY(const auto time_s,
              signed_by(note, {checkpoint.tree.origin, NoteKeyType::kEd25519, *key}));
    if (time_s) return {};
  }
  return fail(Errc::kBadSignature, "the checkpoint of " + checkpoint.ledger.text() + " at size " +
                                       std::to_string(checkpoint.tree.size) +
                                       " bears no signature of its key; it is known by " +
                                       keys_text(keys));
}

Result<Decision> decide_city(const CityScope& scope, const v1::CosignCheckpoint& command) {
  if (command.note().size() > kWitnessedNoteBytesMax) {
    return fail(Errc::kBadRequest, "a checkpoint has at most " +
                                       std::to_string(kWitnessedNoteBytesMax) + " bytes");
  }
  HANSA_TRY(const auto note, parse_note(command.note()));
  HANSA_TRY(const auto checkpoint, read_ledger_note(note));
  HANSA_TRY(const auto log, find_log(scope.view, command.city(), checkpoint));
  HANSA_CHECK(check_signed(note, checkpoint, log.keys));
  const std::string ledger = checkpoint.ledger.text();
  const auto* row = scope.view.find(kWitnessedTable, ledger);
  if (row != nullptr && row->is_forked()) {
    return fail(Errc::kForkFound, ledger + " has signed two histories; nothing of it is cosigned");
  }
  if (row != nullptr && row->origin() != checkpoint.tree.origin) {
    return fail(unknown_log(ledger, "its log is named " + row->origin() + " here"));
  }
  const std::string kept = own_note(note, checkpoint.tree.origin);
  if (row != nullptr && row->size() == checkpoint.tree.size) {
    if (!is_same(*row, checkpoint)) return fork(*row, kept);
    if (command.old_size() == row->size() && command.proof().empty()) {
      Decision decision;
      decision.subject_id = ledger;
      decision.state = "cosigned";
      decision.unchanged = true;
      return decision;
    }
  }
  HANSA_CHECK(check_extends(row, command, checkpoint));
  Decision decision;
  decision.subject_id = ledger;
  decision.state = "cosigned";
  auto& cosigned = *decision.events.emplace_back().mutable_checkpoint_cosigned();
  cosigned.set_alliance(log.alliance);
  cosigned.set_ledger(ledger);
  cosigned.set_size(checkpoint.tree.size);
  cosigned.set_root_sha256(to_hex(checkpoint.tree.root));
  cosigned.set_note(kept);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ReportFork& command) {
  const auto& found = command.found();
  for (const auto* text : {&found.cosigned_note(), &found.other_note()}) {
    HANSA_TRY(const auto note, parse_note(*text));
    HANSA_TRY(const auto checkpoint, read_ledger_note(note));
    if (checkpoint.ledger != LedgerId{std::string(kAllianceKind), found.alliance()}) {
      return fail(Errc::kBadRequest, "the notes must be of the ledger of " + found.alliance());
    }
    HANSA_TRY(const auto log, find_log(scope.view, "", checkpoint));
    HANSA_CHECK(check_signed(note, checkpoint, log.keys));
  }
  const auto* row = scope.view.find(kWitnessedTable, found.ledger());
  Decision decision;
  decision.subject_id = found.ledger();
  decision.state = "forked";
  decision.unchanged = row != nullptr && row->is_forked();
  if (!decision.unchanged) *decision.events.emplace_back().mutable_fork_found() = found;
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ReportForgotten& command) {
  const auto& forgotten = command.forgotten();
  HANSA_CHECK(find_joined(scope, forgotten.alliance()));
  Decision decision;
  decision.subject_id = forgotten.witness();
  decision.state = "forgotten";
  *decision.events.emplace_back().mutable_witness_forgot() = forgotten;
  return decision;
}

std::optional<Result<void>> evolve_witness(Rows& rows, const v1::Event& event,
                                           const EntryContext& entry) {
  if (event.has_witness_forgot()) return Result<void>();
  if (event.has_fork_found()) {
    auto& row = rows.put(kWitnessedTable, event.fork_found().ledger());
    row.set_alliance(event.fork_found().alliance());
    row.set_ledger(event.fork_found().ledger());
    row.set_is_forked(true);
    return Result<void>();
  }
  if (!event.has_checkpoint_cosigned()) return std::nullopt;
  const auto& cosigned = event.checkpoint_cosigned();
  const auto note = parse_note(cosigned.note());
  const auto read = note ? read_ledger_note(*note) : Result<LedgerCheckpoint>(fail(note.error()));
  if (!read) {
    return Result<void>(fail(Errc::kInternal, "a cosigned note that is none: " +
                                                  read.error().detail));
  }
  auto& row = rows.put(kWitnessedTable, cosigned.ledger());
  row.set_alliance(cosigned.alliance());
  row.set_ledger(cosigned.ledger());
  row.set_origin(read->tree.origin);
  row.set_size(cosigned.size());
  row.set_root_sha256(cosigned.root_sha256());
  row.set_note(cosigned.note());
  row.set_time_us(entry.time_us);
  row.set_seq(entry.seq);
  return Result<void>();
}

NoteSignature cosignature_of(const v1::Witnessed& row, const std::string& name,
                             const std::string& seed) {
  const auto note = parse_note(row.note());
  return cosign_note(name, seed, note ? note->text : std::string(), row.time_us() / 1'000'000);
}

std::optional<NoteKey> witness_key(const v1::Member& member) {
  const auto key = parse_hex<PublicKey>(member.witness_key());
  if (!key) return std::nullopt;
  return NoteKey{witness_name(member.city(), member.founding_id()), NoteKeyType::kCosignature,
                 *key};
}

uint32_t witness_quorum(uint32_t witnesses, uint32_t wanted) {
  if (witnesses == 0) return 0;
  return std::min(witnesses, std::max(wanted, witnesses / 2 + 1));
}

}  // namespace hansa
