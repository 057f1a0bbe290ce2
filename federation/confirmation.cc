#include "federation/confirmation.h"

#include <algorithm>
#include <mutex>

#include "core/base/durations.h"
#include "core/evidence/tree_rows.h"
#include "federation/system_command.h"
#include "projections/snapshot_rows.h"

namespace hansa::federation {

using projections::Snapshot;
using projections::SnapshotRows;

namespace {

constexpr int64_t kTryAgainUs = kSecondUs;
constexpr int kTriesMax = 3;

// Of those who are members now, and of those who were when the ledger was confirmed last.
struct Count {
  size_t now = 0;
  size_t before = 0;

  template <typename Asked>
  void add(const Asked& one) {
    now += one.is_member ? 1 : 0;
    before += one.was_member ? 1 : 0;
  }
  bool reaches(const Count& other) const { return now >= other.now && before >= other.before; }
};

// "2 of 3 witnesses", and of those before where they are others.
std::string count_text(const Count& count, const Count& all) {
  std::string text = std::to_string(count.now) + " of " + std::to_string(all.now) + " witnesses";
  if (all.before > 0) {
    text += " (" + std::to_string(count.before) + " of the " + std::to_string(all.before) +
            " that confirmed it before)";
  }
  return text;
}

}  // namespace

struct Confirmation::Asked {
  v1::Member member;
  NoteKey key;
  bool is_member = false;   // at the size that is to be confirmed
  bool was_member = false;  // at the size that was confirmed last
  int tries = 0;
  std::optional<Result<std::optional<Note>>> newest;
  std::optional<Result<NoteSignature>> cosigned;  // guarded by the round's mutex, not taken yet
  std::optional<NoteSignature> signature;
  std::optional<Error> error;
};

// Answers come on other threads, also when nobody waits for them any more.
struct Confirmation::Round {
  std::mutex mutex;
  std::vector<Asked> asked;
  Count all;
  Count quorum;
  v1::LedgerHead head;
  TreeHash root;
  bool is_submitted = false;
  std::optional<Result<v1::Receipt>> receipt;  // guarded by mutex
};

Confirmation::Confirmation(Plan plan) : plan_(std::move(plan)) {}
Confirmation::~Confirmation() = default;

bool Confirmation::poke() {
  const auto health = plan_.keeper->health();
  if (health.stopped) {
    waits_ = *health.stopped;
    return false;
  }
  if (health.lead != projections::Lead::kHere) {
    round_.reset();
    is_open_ = false;
    plan_.gate->store(false);
    return false;
  }
  if (is_final_) return false;
  if (!is_open_) return round_ != nullptr ? judge_newest() : ask_newest();
  if (round_ == nullptr) return ask_to_cosign();
  return round_->is_submitted ? settle() : gather();
}

std::shared_ptr<Confirmation::Round> Confirmation::new_round() {
  auto round = std::make_shared<Round>();
  if (auto asked = ask_members(*round); !asked) {
    waits_ = asked.error();
    return nullptr;
  }
  for (const auto& one : round->asked) round->all.add(one);
  round->quorum.now = witness_quorum(static_cast<uint32_t>(round->all.now),
                                     plan_.wanted_quorum());
  round->quorum.before = witness_quorum(static_cast<uint32_t>(round->all.before), 0);
  return round;
}

Result<void> Confirmation::ask_members(Round& round) const {
  const auto asked = [&round](const v1::Member& member, const NoteKey& key) -> Asked& {
    for (auto& one : round.asked) {
      if (one.key == key) return one;
    }
    auto& one = round.asked.emplace_back();
    one.member = member;
    one.key = key;
    return one;
  };
  HANSA_TRY(const auto members, plan_.witnesses());
  for (const auto& member : members) {
    if (const auto key = witness_key(member)) asked(member, *key).is_member = true;
  }
  if (!plan_.confirmed_by) return {};
  HANSA_TRY(const auto before, plan_.confirmed_by());
  for (const auto& member : before) {
    if (const auto key = witness_key(member)) asked(member, *key).was_member = true;
  }
  return {};
}

void Confirmation::give_up(const Error& error) {
  waits_ = error;
  if (round_ != nullptr) tried_size_ = round_->head.size();
  tried_us_ = plan_.env->now_us();
  round_.reset();
}

// ---- before anything is signed

bool Confirmation::ask_newest() {
  if (waits_ && plan_.env->now_us() - tried_us_ < kTryAgainUs) return false;
  round_ = new_round();
  if (round_ == nullptr) return false;
  const auto head = plan_.keeper->snapshot()->find(kLedgerHeadTable, "");
  const bool is_named = head && *head && !(*head)->origin().empty();
  const std::string origin = is_named ? (*head)->origin() : plan_.origin;
  for (size_t i = 0; i < round_->asked.size(); ++i) {
    plan_.caller->newest(round_->asked[i].member, plan_.keeper->config().ledger, origin,
                         [round = round_, i](Result<std::optional<Note>> newest) {
                           const std::lock_guard lock(round->mutex);
                           round->asked[i].newest = std::move(newest);
                         });
  }
  return true;
}

bool Confirmation::judge_newest() {
  const auto rows = plan_.keeper->snapshot();
  if (rows->meta().position.seq < plan_.keeper->health().landed_seq) return true;
  const auto round = round_;
  std::unique_lock lock(round->mutex);
  const auto& asked = round->asked;
  // What was confirmed under an earlier agreement had more than half of them at least.
  const auto enough = [](size_t count) {
    return count - witness_quorum(static_cast<uint32_t>(count), 0) + (count == 0 ? 0 : 1);
  };
  const Count needed{enough(round->all.now), enough(round->all.before)};
  Count heard;
  bool is_over = true;
  for (const auto& one : asked) {
    if (one.newest && *one.newest) heard.add(one);
    is_over = is_over && one.newest.has_value();
  }
  if (!heard.reaches(needed)) {
    if (!is_over) return true;
    lock.unlock();
    give_up({Errc::kUnavailable, "how far they have seen it say " +
                                     count_text(heard, round->all) + "; " +
                                     count_text(needed, round->all) +
                                     " must before it signs anything"});
    return false;
  }
  for (auto& one : round->asked) {
    if (!one.newest || !*one.newest) continue;
    const auto shown = **one.newest ? check_shown(*rows, one) : Result<void>();
    if (!shown) {
      lock.unlock();
      is_final_ = shown.error().code == Errc::kForkFound;
      give_up(shown.error());
      return false;
    }
    remember_confirmed(*rows, one);
  }
  waits_.reset();
  round_.reset();
  is_open_ = true;
  plan_.gate->store(true);
  plan_.keeper->look_again();
  return true;
}

// Its cosignature stands in the ledger: it is asked to go on from there. What it showed may be from
// a node that lags.
void Confirmation::remember_confirmed(const Snapshot& rows, const Asked& asked) {
  const auto head = rows.find(kLedgerHeadTable, "");
  if (!head || !*head || (*head)->confirmed_size() == 0) return;
  SnapshotRows view(rows);
  const auto note = confirmed_note(view);
  if (!note) return;
  const auto confirmed = parse_note(*note);
  if (!confirmed) return;
  const auto time_s = signed_by(*confirmed, asked.key);
  auto& known = known_[asked.member.city()];
  if (!time_s || !*time_s || known.size >= (*head)->confirmed_size()) return;
  known = {(*head)->confirmed_size(), (*head)->confirmed_size(), *note};
}

// What does not bear this ledger's own signature says nothing of it.
Result<void> Confirmation::check_shown(const Snapshot& rows, Asked& asked) {
  const Note& note = **asked.newest.value();
  const auto read = read_ledger_note(note);
  const auto& config = plan_.keeper->config();
  if (!read || read->ledger != config.ledger || read->founding_id != config.founding_id) return {};
  if (!check_signed(note, *read, plan_.keys)) return {};
  known_[asked.member.city()] = {read->tree.size, read->tree.size, note_text(note)};
  const std::string what = "the witness of " + asked.member.city() + " has cosigned " +
                           std::to_string(read->tree.size) + " entries of " +
                           config.ledger.text();
  const Seq here = rows.meta().position.seq;
  if (read->tree.size > here) {
    return fail(Errc::kLogBehind, what + ", here it has " + std::to_string(here) +
                                      "; nothing is signed before the others are back");
  }
  SnapshotRows view(rows);
  HANSA_TRY(const auto root, root_at(read->tree.size, tiles_of(view)));
  HANSA_CHECK(view.outcome());
  if (root == read->tree.root) return {};
  return fail(Errc::kForkFound, what + " with root " + to_hex(read->tree.root) +
                                    "; the first ones here have " + to_hex(root) +
                                    ": this is another history. It said: " + note_text(note));
}

// ---- confirming

bool Confirmation::ask_to_cosign() {
  const auto rows = plan_.keeper->snapshot();
  if (rows->meta().position.seq < plan_.keeper->health().landed_seq) return true;
  const int64_t now_us = plan_.env->now_us();
  if (confirmed_us_ != 0 && now_us - confirmed_us_ < plan_.pause_us) return false;
  const auto head = rows->find(kLedgerHeadTable, "");
  if (!head || !*head) return false;
  if ((*head)->deed_seq() <= (*head)->confirmed_size()) {
    waits_.reset();  // another node may have confirmed what this one waited for
    return false;
  }
  const Seq size = (*head)->size();
  if (size < (*head)->deed_seq()) return false;
  if (size == tried_size_ && now_us - tried_us_ < kTryAgainUs) return false;
  auto round = new_round();
  if (round == nullptr || round->asked.empty()) return false;
  // Witnesses and quorum are those at `size`: no deed, and so no change of them, is behind it.
  if (plan_.keeper->snapshot()->meta().position.seq != rows->meta().position.seq) return true;
  SnapshotRows view(*rows);
  const auto root = root_at(size, tiles_of(view));
  if (!root || !view.outcome()) return false;
  round->head = **head;
  round->root = *root;
  round_ = std::move(round);
  for (size_t i = 0; i < round_->asked.size(); ++i) {
    if (auto asked = ask(i); !asked) round_->asked[i].error = asked.error();
  }
  return true;
}

Result<void> Confirmation::ask(size_t index) {
  auto& asked = round_->asked[index];
  WitnessRequest request;
  request.note = round_->head.note();
  request.old_size = known_[asked.member.city()].size;
  const Seq size = round_->head.size();
  if (request.old_size > size) {
    return fail(Errc::kNotYet, asked.member.city() + " has cosigned a larger size");
  }
  const auto rows = plan_.keeper->snapshot();
  SnapshotRows view(*rows);
  HANSA_TRY(request.proof, consistency_proof(request.old_size, size, tiles_of(view)));
  HANSA_CHECK(view.outcome());
  ++asked.tries;
  plan_.caller->add_checkpoint(asked.member, request,
                               [round = round_, index](Result<NoteSignature> cosigned) {
                                 const std::lock_guard lock(round->mutex);
                                 round->asked[index].cosigned = std::move(cosigned);
                               });
  return {};
}

bool Confirmation::gather() {
  const auto round = round_;
  Count good;
  size_t done = 0;
  bool is_in_doubt = false;
  for (size_t i = 0; i < round->asked.size(); ++i) {
    auto& asked = round->asked[i];
    std::optional<Result<NoteSignature>> answer;
    {
      const std::lock_guard lock(round->mutex);
      answer.swap(asked.cosigned);
    }
    if (answer) take(i, *answer);
    if (asked.signature) good.add(asked);
    const bool is_done = asked.signature || asked.error;
    done += is_done ? 1 : 0;
    // Whether it cosigns from there is asked once: afterwards it stands where others do.
    const auto& known = known_[asked.member.city()];
    is_in_doubt = is_in_doubt || (!is_done && known.size < known.cosigned_size);
  }
  if (good.reaches(round->quorum) && !is_in_doubt) {
    confirm();
    return true;
  }
  if (done < round->asked.size()) return true;
  std::string why;
  for (const auto& one : round->asked) {
    if (one.error) why += "; " + one.member.city() + ": " + one.error->detail;
  }
  give_up({Errc::kUnavailable, "cosigned by " + count_text(good, round->all) + ", " +
                                   count_text(round->quorum, round->all) + " must" + why});
  return false;
}

void Confirmation::take(size_t index, const Result<NoteSignature>& answer) {
  auto& asked = round_->asked[index];
  auto& known = known_[asked.member.city()];
  if (!answer && answer.error().code == Errc::kOtherSize && asked.tries < kTriesMax) {
    known.size = answer.error().seq;
    if (known.size > known.cosigned_size) known = {known.size, 0, ""};
    if (auto again = ask(index); !again) asked.error = again.error();
    return;
  }
  if (!answer) {
    asked.error = answer.error();
    return;
  }
  auto note = parse_note(round_->head.note()).value_or(Note());
  note.signatures.push_back(*answer);
  const auto time_s = signed_by(note, asked.key);
  if (!time_s || !*time_s) {
    asked.error = Error{Errc::kBadSignature, "its cosignature is not by the key it was admitted "
                                             "with"};
    return;
  }
  if (known.size < known.cosigned_size) report_forgotten(asked.member, known);
  asked.signature = *answer;
  known = {round_->head.size(), round_->head.size(), note_text(note)};
}

void Confirmation::report_forgotten(const v1::Member& witness, const Known& known) {
  const std::string& id = plan_.keeper->config().ledger.id;
  auto command = std::make_unique<v1::ReportForgotten>();
  auto& forgotten = *command->mutable_forgotten();
  forgotten.set_alliance(id.substr(0, id.find('/')));
  forgotten.set_witness(witness.city());
  forgotten.set_ledger(plan_.keeper->config().ledger.text());
  forgotten.set_cosigned_note(known.note);
  forgotten.set_size_said(known.size);
  plan_.reporter->submit(system_command("confirmation", std::move(command)),
                         [](const Result<v1::Receipt>&) {});
}

void Confirmation::confirm() {
  auto command = std::make_unique<v1::ConfirmCheckpoint>();
  auto& confirmed = *command->mutable_confirmed();
  confirmed.set_size(round_->head.size());
  confirmed.set_root_sha256(to_hex(round_->root));
  confirmed.set_witnesses(static_cast<uint32_t>(round_->all.now));
  confirmed.set_quorum(static_cast<uint32_t>(round_->quorum.now));
  auto note = parse_note(round_->head.note()).value_or(Note());
  // As few as are needed: a note has room for kNoteSignaturesMax. Who counts twice comes first.
  Count chosen;
  for (const bool counts_twice : {true, false}) {
    for (const auto& one : round_->asked) {
      if (!one.signature || (one.is_member && one.was_member) != counts_twice) continue;
      const bool is_needed = (one.is_member && chosen.now < round_->quorum.now) ||
                             (one.was_member && chosen.before < round_->quorum.before);
      if (!is_needed) continue;
      chosen.add(one);
      note.signatures.push_back(*one.signature);
    }
  }
  confirmed.set_note(note_text(note));
  round_->is_submitted = true;
  plan_.keeper->submit(system_command("confirmation", std::move(command)),
                       [round = round_](Result<v1::Receipt> receipt) {
                         const std::lock_guard lock(round->mutex);
                         round->receipt = std::move(receipt);
                       });
}

bool Confirmation::settle() {
  {
    const std::lock_guard lock(round_->mutex);
    if (!round_->receipt) return true;
  }
  if (!*round_->receipt) {
    give_up(round_->receipt->error());
    return false;
  }
  waits_.reset();
  confirmed_us_ = plan_.env->now_us();
  tried_size_ = round_->head.size();
  tried_us_ = confirmed_us_;
  round_.reset();
  return true;
}

LinkHealth Confirmation::health() const {
  LinkHealth health;
  health.kind = LinkKind::kConfirmation;
  health.link = plan_.keeper->config().ledger.text() + " > witnesses";
  health.is_idle = round_ == nullptr;
  health.waits = waits_;
  return told_by_leader(std::move(health), *plan_.keeper);
}

}  // namespace hansa::federation
