#include "core/alliance/ledger_finding.h"

#include "core/alliance/identity.h"
#include "core/base/day.h"
#include "core/base/durations.h"
#include "core/city/witness.h"
#include "core/evidence/tree_rows.h"

namespace hansa {
namespace {

using Kind = v1::FindingKind;
using State = v1::FindingState;

constexpr size_t kTextBytesMax = 2'000;

// A copy: a row that a scan shows is there while it is shown.
template <typename Matches>
std::optional<v1::Finding> find_on_ledger(RowsView& view, Kind::Value kind,
                                          const std::string& ledger, const Matches& matches) {
  std::optional<v1::Finding> found;
  view.scan(kFindingTable.id, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& finding = static_cast<const v1::Finding&>(row);
    const bool is_it = finding.raised().kind() == kind && finding.raised().ledger() == ledger &&
                       matches(finding);
    if (is_it) found = finding;
    return !is_it;
  });
  return found;
}

v1::FindingRaised& raise(std::vector<v1::Event>& events, Kind::Value kind, const std::string& id,
                         const std::string& city, const std::string& ledger) {
  auto& raised = *events.emplace_back().mutable_finding_raised();
  raised.set_finding(id);
  raised.set_kind(kind);
  raised.add_cities(city);
  raised.set_ledger(ledger);
  return raised;
}

v1::FindingEvidence& add_evidence(v1::FindingRaised& raised, const std::string& by,
                                  const std::string& text) {
  auto& evidence = *raised.add_evidence();
  evidence.set_by(by);
  evidence.set_ledger(raised.ledger());
  evidence.set_text(text.substr(0, kTextBytesMax));
  return evidence;
}

struct ReadNote {
  std::string text;
  Note note;
  LedgerCheckpoint checkpoint;
};

Result<ReadNote> read_note(const std::string& text) {
  ReadNote read{text, {}, {}};
  HANSA_TRY(read.note, parse_note(text));
  HANSA_TRY(read.checkpoint, read_ledger_note(read.note));
  return read;
}

void add_note(v1::FindingRaised& raised, const std::string& by, const ReadNote& read) {
  const auto& checkpoint = read.checkpoint;
  auto& evidence = add_evidence(raised, by,
                                std::to_string(checkpoint.tree.size) + " entries with the root " +
                                    to_hex(checkpoint.tree.root));
  evidence.set_seq(checkpoint.tree.size);
  evidence.set_sha256(to_hex(checkpoint.tip));
  evidence.set_note(read.text);
}

// Whose ledger it is; empty: the alliance's.
std::string owner_of(const LedgerId& ledger) {
  if (ledger.kind != kShareKind) return "";
  return ledger.id.substr(ledger.id.find('/') + 1);
}

// Whether a note of this very log is of the entries that stand here.
Result<bool> stands_here(RowsView& view, const ReadNote& read) {
  const auto* head = view.find(kLedgerHeadTable, "");
  const auto& tree = read.checkpoint.tree;
  if (head == nullptr || head->origin() != tree.origin || tree.size > head->size()) {
    return fail(Errc::kBadRequest, "this alliance has signed no " + std::to_string(tree.size) +
                                       " entries as " + tree.origin);
  }
  HANSA_TRY(const auto root, root_at(tree.size, tiles_of(view)));
  return root == tree.root;
}

// One of the two is, and of two sizes the other is not.
Result<void> check_own(RowsView& view, const ReadNote& one, const ReadNote& other) {
  HANSA_TRY(const bool first, stands_here(view, one));
  HANSA_TRY(const bool second, stands_here(view, other));
  const bool is_one_size = one.checkpoint.tree.size == other.checkpoint.tree.size;
  if (is_one_size ? first || second : first != second) return {};
  return fail(Errc::kBadRequest, first ? "both are of the entries that stand here"
                                       : "neither of the two is of the entries that stand here");
}

Result<void> check_fork(const Act& act, const v1::ForkFound& found, const ReadNote& one,
                        const ReadNote& other) {
  const auto& ledger = one.checkpoint.ledger;
  const bool is_own = ledger == LedgerId{std::string(kAllianceKind), found.alliance()};
  const bool is_of_one = found.ledger() == ledger.text() && ledger == other.checkpoint.ledger &&
                         one.checkpoint.tree.origin == other.checkpoint.tree.origin &&
                         (is_own || one.checkpoint.tree.size == other.checkpoint.tree.size);
  if (!is_of_one || one.note.text == other.note.text) {
    return fail(Errc::kBadRequest, "a fork is two different checkpoints of one size of " +
                                       found.ledger());
  }
  if (is_own) return check_own(act.view, one, other);
  const std::string city = owner_of(ledger);
  const auto* owner = act.view.find(kMemberTable, city);
  if (owner == nullptr || ledger != share_ledger(found.alliance(), city)) {
    return fail(Errc::kUnknownMember, found.ledger() + " is no ledger of this alliance");
  }
  HANSA_CHECK(check_signed(one.note, one.checkpoint, keys_of(*owner)));
  return check_signed(other.note, other.checkpoint, keys_of(*owner));
}

// The witness has cosigned a larger size than it says.
Result<ReadNote> check_forgot(RowsView& view, const v1::WitnessForgot& forgot) {
  const auto* witness = view.find(kMemberTable, forgot.witness());
  const auto key = witness == nullptr ? std::nullopt : witness_key(*witness);
  if (!key) return fail(Errc::kUnknownMember, forgot.witness() + " is no witness here");
  HANSA_TRY(auto read, read_note(forgot.cosigned_note()));
  if (read.checkpoint.ledger.text() != forgot.ledger()) {
    return fail(Errc::kBadRequest, "the note is not of " + forgot.ledger());
  }
  HANSA_TRY(const auto time_s, signed_by(read.note, *key));
  if (!time_s) {
    return fail(Errc::kBadSignature, "the note bears no cosignature of " + forgot.witness());
  }
  if (read.checkpoint.tree.size <= forgot.size_said()) {
    return fail(Errc::kBadRequest, forgot.witness() + " has cosigned " +
                                       std::to_string(read.checkpoint.tree.size) +
                                       " entries and says " + std::to_string(forgot.size_said()));
  }
  return read;
}

void raise_forgotten(std::vector<v1::Event>& events, const std::string& id, const std::string& by,
                     const v1::WitnessForgot& forgot, const ReadNote& read) {
  auto& raised = raise(events, Kind::forgotten, id, forgot.witness(), forgot.ledger());
  add_note(raised, forgot.witness(), read);
  add_evidence(raised, by, "asked again, it named " + std::to_string(forgot.size_said()) +
                               " entries as the most that it had cosigned")
      .set_seq(forgot.size_said());
}

// The member's share ledger, as it is read here; empty: nothing of it was taken.
std::string input_of(RowsView& view, const std::string& city) {
  std::string found;
  view.scan(kInputTable.id, "", "\xff", [&](std::string_view key, const auto&) {
    const auto ledger = LedgerId::parse(key);
    if (ledger && owner_of(*ledger) == city) found = key;
    return found.empty();
  });
  return found;
}

// One ledger may have several, each of another city.
std::optional<v1::Finding> find_open_of(RowsView& view, Kind::Value kind,
                                        const std::string& ledger, const std::string& city) {
  return find_on_ledger(view, kind, ledger, [&](const auto& finding) {
    return finding.state() != State::settled && finding.raised().cities(0) == city;
  });
}

}  // namespace

std::optional<v1::Finding> find_open_finding(RowsView& view, Kind::Value kind,
                                             const std::string& ledger) {
  return find_on_ledger(view, kind, ledger, [](const auto& finding) {
    return finding.state() != State::settled;
  });
}

Acted decide_act(const Act& act, const v1::ForkFound& found) {
  HANSA_CHECK(check_member(act.member));
  HANSA_TRY(const auto one, read_note(found.cosigned_note()));
  HANSA_TRY(const auto other, read_note(found.other_note()));
  HANSA_CHECK(check_fork(act, found, one, other));
  const bool is_known = find_on_ledger(act.view, Kind::fork, found.ledger(),
                                       [](const auto&) { return true; }).has_value();
  if (is_known) {
    return fail(Errc::kAlreadyExists, "that " + found.ledger() + " has forked is known");
  }
  std::vector<v1::Event> events;
  const std::string owner = owner_of(one.checkpoint.ledger);
  auto& raised = raise(events, Kind::fork, finding_id(act.context.seq, act.findings),
                       owner.empty() ? act.member.city() : owner, found.ledger());
  add_note(raised, act.member.city(), one);
  add_note(raised, owner, other);
  return events;
}

Acted decide_act(const Act& act, const v1::WitnessForgot& forgot) {
  HANSA_CHECK(check_member(act.member));
  if (forgot.ledger() != share_ledger(forgot.alliance(), act.member.city()).text()) {
    return fail(Errc::kBadRequest, "a city asks the witnesses of its own share ledger");
  }
  HANSA_TRY(const auto read, check_forgot(act.view, forgot));
  if (find_open_of(act.view, Kind::forgotten, forgot.ledger(), forgot.witness())) {
    return fail(Errc::kAlreadyExists, "that " + forgot.witness() + " forgot is known");
  }
  std::vector<v1::Event> events;
  raise_forgotten(events, finding_id(act.context.seq, act.findings), act.member.city(), forgot,
                  read);
  return events;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReportForgotten& command) {
  const auto& forgot = command.forgotten();
  HANSA_TRY(const auto read, check_forgot(scope.view, forgot));
  Decision decision;
  decision.subject_id = forgot.witness();
  decision.state = "forgotten";
  decision.unchanged =
      find_open_of(scope.view, Kind::forgotten, forgot.ledger(), forgot.witness()).has_value();
  if (!decision.unchanged) {
    raise_forgotten(decision.events, finding_id(scope.context.seq, 0), "", forgot, read);
  }
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReportSilence& command) {
  const auto* member = scope.view.find(kMemberTable, command.city());
  if (member == nullptr) {
    return fail(Errc::kUnknownMember, command.city() + " was never admitted");
  }
  const std::string ledger = input_of(scope.view, command.city());
  // By the city, too: several members may be silent of whom no ledger was ever read.
  const auto open = find_open_of(scope.view, Kind::silence, ledger, command.city());
  std::string last = "entry " + std::to_string(command.seq());
  if (command.time_us() > 0) last += " of " + day_text(command.time_us() / kDayUs);
  Decision decision;
  decision.subject_id = command.city();
  if (command.is_heard_again()) {
    decision.state = "heard";
    if (open) settle(decision.events, *open, "heard again: " + last);
  } else {
    decision.state = "silent";
    const bool is_expected = is_member(*member) &&
                             member->membership() == v1::Membership::admitted;
    if (!open && is_expected) {
      auto& raised = raise(decision.events, Kind::silence, finding_id(scope.context.seq, 0),
                           command.city(), ledger);
      add_evidence(raised, "", "three heartbeats of the agreement in force went by in vain");
      add_evidence(raised, command.city(), "its last word is " + last).set_seq(command.seq());
    }
  }
  decision.unchanged = decision.events.empty();
  return decision;
}

void raise_refused(RowsView& view, const v1::InputQuarantined& quarantined, Seq seq,
                   std::vector<v1::Event>& events) {
  const auto ledger = LedgerId::parse(quarantined.input());
  const std::string city = ledger ? owner_of(*ledger) : "";
  if (view.find(kMemberTable, city) == nullptr) return;
  if (find_open_finding(view, Kind::refused, quarantined.input())) return;
  auto& raised = raise(events, Kind::refused, finding_id(seq, 0), city, quarantined.input());
  const auto* input = view.find(kInputTable, quarantined.input());
  const Seq taken = input == nullptr ? 0 : input->seq();
  auto& held = add_evidence(raised, "", taken == 0 ? "nothing of it was taken"
                                                   : "taken up to this entry");
  held.set_seq(taken);
  if (input != nullptr) held.set_sha256(to_hex(input->sha256()));
  auto& came = add_evidence(raised, city, quarantined.code() + ": " + quarantined.detail());
  came.set_seq(quarantined.seq());
  came.set_sha256(quarantined.sha256());
}

void settle_refused(RowsView& view, const std::string& input, const std::string& reason,
                    std::vector<v1::Event>& events) {
  const auto open = find_open_finding(view, Kind::refused, input);
  if (open) settle(events, *open, "released: " + reason);
}

}  // namespace hansa
