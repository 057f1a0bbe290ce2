#include "federation/input.h"

#include <atomic>
#include <utility>

#include "core/alliance/agreement.h"
#include "core/alliance/ledger_finding.h"
#include "core/alliance/share.h"
#include "core/base/durations.h"
#include "core/city/affiliation.h"
#include "core/evidence/tree_rows.h"
#include "federation/system_command.h"
#include "projections/snapshot_rows.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {

using google::protobuf::Message;
using projections::InputStep;

namespace {

constexpr int64_t kWatchUs = kSecondUs;

// What no waiting mends. A log that ends too early, or is not there yet, may come back.
bool is_final(Errc code) {
  switch (code) {
    case Errc::kUnavailable:
    case Errc::kNotYet:
    case Errc::kLogBehind:
    case Errc::kUnknownOutcome:
    case Errc::kRateLimited:
    case Errc::kLedgerStopped: return false;
    default: return true;
  }
}

}  // namespace

// What the keeper's thread answers: taken over by the input's own.
struct Input::Step {
  std::atomic<bool> answered{false};
  std::optional<Result<v1::Receipt>> receipt;
  v1::LedgerPosition position;  // where the rows stand when it is taken
  bool quarantines = false;
  std::optional<bool> reports_silence;  // or that it is over
};

// What the next step will hand over.
struct Input::Load {
  explicit Load(const Plan& plan) : city(plan.keeper->config().ledger.id) {
    if (plan.source.ledger.kind == kAllianceKind) {
      heard = std::make_unique<v1::TakeHeard>();
      heard->set_alliance(plan.source.ledger.id);
      heard->set_city(city);
    } else {
      shared = std::make_unique<v1::TakeShared>();
      shared->set_city(plan.member);
    }
  }

  // Whether the event fits in beside what is there; one alone always does.
  bool takes(const v1::Event& event, bool is_word) {
    const size_t more = event.ByteSizeLong() + (is_word ? kWordBytes : kKeptBytes);
    if (!is_empty() && (bytes + more > kBytesMax || words >= kActsMax)) return false;
    bytes += more;
    words += is_word ? 1 : 0;
    return true;
  }
  bool is_empty() const { return bytes == 0; }

  std::string city;  // or the alliance that reads
  // One of the two.
  std::unique_ptr<v1::TakeHeard> heard;
  std::unique_ptr<v1::TakeShared> shared;
  int words = 0;
  size_t bytes = 0;
};

Input::Input(Plan plan) : plan_(std::move(plan)) {}
Input::~Input() = default;

bool Input::poke() {
  if (step_ != nullptr && !step_->answered.load()) return true;
  if (step_ != nullptr) settle();
  if (plan_.keeper->health().lead != projections::Lead::kHere) {
    reader_.reset();
    return false;
  }
  if (!reader_ || is_quarantined_) {
    if (auto resumed = resume(); !resumed) {
      waits_ = std::move(resumed).error();
      return false;
    }
  }
  if (is_quarantined_) return false;
  refill();
  watch_silence();
  take();
  return step_ != nullptr || doubted_seq_;
}

Result<void> Input::resume() {
  const auto rows = plan_.keeper->snapshot();
  if (rows->meta().position.seq < plan_.keeper->health().landed_seq) {
    return fail(Errc::kNotYet, "the rows are being written");
  }
  HANSA_TRY(const auto reached, rows->find(kInputTable, plan_.source.ledger.text()));
  is_quarantined_ = reached && reached->has_quarantined();
  if (is_quarantined_) {
    const auto& why = reached->quarantined();
    return fail(find_errc(why.code()).value_or(Errc::kInternal),
                "quarantined at its entry " + std::to_string(why.seq()) + ": " + why.detail());
  }
  entries_.clear();
  moved_.reset();
  saw_deeds_ = false;
  waits_.reset();
  doubted_seq_.reset();
  is_doubt_shown_ = false;
  ChainPosition from;
  from.tip = founding_hash(plan_.source.founding_id);
  taken_at_us_ = plan_.env->now_us();
  if (reached && reached->seq() > 0) {
    const auto hash = Hash::from(reached->sha256());
    if (!hash) return fail(Errc::kInternal, "an input without the hash of its last entry");
    from = {reached->seq(), *hash, reached->next_offset(), 0};
  }
  taken_seq_ = from.seq;
  taken_begun_ = begun_ = reached ? reached->begun() : 0;
  whole_.set_ledger(plan_.source.ledger.text());
  whole_.set_founding_id(std::string(plan_.source.founding_id.view()));
  whole_.set_seq(from.seq);
  whole_.set_sha256(std::string(from.tip.view()));
  whole_.set_next_offset(from.next_offset);
  whole_.set_source_seq(reached ? reached->source_seq() : 0);
  std::optional<WitnessSet> witnesses;
  if (plan_.source.ledger.kind == kAllianceKind) {
    HANSA_TRY(witnesses, witnesses_heard_of(*rows, plan_.member));
  }
  if (plan_.source.ledger.kind == kShareKind) HANSA_CHECK(resume_silence(*rows));
  std::optional<SignedReader::Confirmed> confirmed;
  if (reached && (!witnesses || reached->confirmed_seq() > from.seq)) {
    const auto hash = Hash::from(reached->confirmed_sha256());
    if (witnesses && !hash) {
      return fail(Errc::kInternal, "an input without the hash that was confirmed");
    }
    confirmed = {reached->confirmed_seq(), hash.value_or(Hash())};
  }
  reader_.emplace(*plan_.log, plan_.source, from, std::move(witnesses), confirmed);
  return {};
}

Result<void> Input::resume_silence(const projections::Snapshot& rows) {
  projections::SnapshotRows view(rows);
  is_silent_ = find_open_finding(view, v1::FindingKind::silence, plan_.source.ledger.text())
                   .has_value();
  heard_seq_ = taken_seq_;
  quiet_us_ = 0;
  watched_us_ = plan_.env->now_us();
  return view.outcome();
}

// A node that slept has heard nothing either: what passed between two looks counts for one
// heartbeat at most.
void Input::watch_silence() {
  if (plan_.source.ledger.kind != kShareKind || step_ != nullptr) return;
  if (reader_->covered_seq() > heard_seq_) {
    heard_seq_ = reader_->covered_seq();
    quiet_us_ = 0;
    if (is_silent_) return report_silence(true);
  }
  const int64_t now_us = plan_.env->now_us();
  const int64_t passed_us = now_us - watched_us_;
  if (passed_us < kWatchUs) return;
  watched_us_ = now_us;
  const auto rows = plan_.keeper->snapshot();
  projections::SnapshotRows view(*rows);
  const int64_t heartbeat = expected_heartbeat_us(view, plan_.member);
  const bool can_read = !waits_ || is_final(waits_->code);
  if (heartbeat == 0 || heard_seq_ == 0 || !can_read) {
    quiet_us_ = 0;
    return;
  }
  quiet_us_ += std::min(passed_us, heartbeat);
  if (!is_silent_ && quiet_us_ >= kHeartbeatsMissed * heartbeat) report_silence(false);
}

void Input::report_silence(bool is_heard_again) {
  auto command = std::make_unique<v1::ReportSilence>();
  command->set_city(plan_.member);
  command->set_seq(heard_seq_);
  command->set_time_us(heard_time_us_);
  command->set_is_heard_again(is_heard_again);
  submit(std::move(command), std::nullopt);
  step_->reports_silence = !is_heard_again;
}

void Input::refill() {
  if (!entries_.empty()) return;
  auto read = reader_->read();
  if (read) {
    for (auto& entry : *read) {
      heard_time_us_ = entry.payload.time_us();
      entries_.push_back(std::move(entry));
    }
    waits_.reset();
    if (entries_.empty() && reader_->awaits_witnesses()) {
      waits_ = Error{Errc::kNotYet, "what stands behind entry " +
                                        std::to_string(reader_->released_seq()) + " of " +
                                        plan_.source.ledger.text() +
                                        " is not confirmed by its witnesses yet"};
    }
    return;
  }
  waits_ = read.error();
  if (!is_final(read.error().code) || step_ != nullptr) return;
  if (read.error().code == Errc::kBadSignature && !is_beyond_doubt()) return;
  quarantine(read.error(), reader_->stopped_hash());
}

// The key may be recorded in an entry that landed and that the rows did not show when they were
// looked at for the keys. Who makes the inputs looks at them between two steps.
bool Input::is_beyond_doubt() {
  if (!doubted_seq_) doubted_seq_ = plan_.keeper->health().landed_seq;
  const bool is_shown = plan_.keeper->snapshot()->meta().position.seq >= *doubted_seq_;
  return std::exchange(is_doubt_shown_, is_shown);
}

// The last entry of the city's that this one, too, tells of. It begins behind the one before.
Result<uint64_t> Input::check_ranges(const SignedEntry& entry) const {
  uint64_t last = whole_.source_seq();
  if (plan_.source.ledger.kind == kAllianceKind) return last;
  for (const auto& event : entry.payload.events()) {
    if (!event.has_entries_shared()) continue;
    const auto& shared = event.entries_shared();
    if (shared.city() != plan_.member) {
      return fail(Errc::kForkFound, "it shares entries of " + shared.city() + ", not of " +
                                        plan_.member);
    }
    if (shared.from_seq() != last + 1 || shared.to_seq() + 1 < shared.from_seq()) {
      return fail(Errc::kForkFound, "it goes on with entry " + std::to_string(shared.from_seq()) +
                                        " of " + plan_.member + " behind entry " +
                                        std::to_string(last) +
                                        "; a range is left out or told twice");
    }
    last = shared.to_seq();
  }
  return last;
}

// False: the step is full, and the entry is begun at most. Every event counts, also those that do
// not concern this ledger: another binary may know more kinds that do.
bool Input::add(const SignedEntry& entry, Load& load) {
  return load.heard != nullptr ? add_heard(entry, load) : add_shared(entry, load);
}

bool Input::add_heard(const SignedEntry& entry, Load& load) {
  const auto& events = entry.payload.events();
  for (; begun_ < static_cast<uint32_t>(events.size()); ++begun_) {
    const auto& event = events[static_cast<int>(begun_)];
    if (!is_heard(event, load.city)) continue;
    if (!load.takes(event, true)) return false;
    auto& heard = *load.heard->add_heard();
    heard.set_seq(entry.seq);
    *heard.mutable_event() = event;
  }
  return true;
}

bool Input::add_shared(const SignedEntry& entry, Load& load) {
  uint32_t index = 0;
  for (const auto& event : entry.payload.events()) {
    for (const auto& shared : event.entries_shared().events()) {
      if (index++ < begun_) continue;
      const bool is_word =
          is_to_alliance(shared.event()) && !shared.event().has_alliance_heard();
      if (is_word || is_kept_by_alliance(shared.event())) {
        if (!load.takes(shared.event(), is_word)) return false;
        *load.shared->add_acts() = shared;
      }
      begun_ = index;
    }
  }
  return true;
}

Result<void> Input::load_entries(Load& load) {
  while (!entries_.empty()) {
    const auto& entry = entries_.front();
    const auto source_seq = check_ranges(entry);
    if (!source_seq) {
      Error error = source_seq.error();
      error.seq = entry.seq;
      return fail(std::move(error));
    }
    const uint32_t begun_before = begun_;
    if (!add(entry, load)) {
      if (begun_ == begun_before) return {};
      moved_ = whole_;
      moved_->set_begun(begun_);
      return {};
    }
    whole_.set_seq(entry.seq);
    whole_.set_sha256(std::string(entry.hash.view()));
    whole_.set_next_offset(entry.next_offset);
    whole_.set_source_seq(*source_seq);
    begun_ = 0;
    moved_ = whole_;
    saw_deeds_ = saw_deeds_ || is_deed(entry.payload);
    entries_.pop_front();
  }
  return {};
}

// An alliance's ledger is taken as far as it is confirmed, a member's as far as it is covered.
void Input::note_confirmed(v1::LedgerPosition& position) const {
  const Seq confirmed = reader_->confirmed_seq();
  if (plan_.source.ledger.kind == kShareKind) {
    position.set_confirmed_seq(std::min(confirmed, position.seq()));
  } else if (confirmed > position.seq()) {
    position.set_confirmed_seq(confirmed);
    position.set_confirmed_sha256(std::string(reader_->confirmed_hash().view()));
  }
}

void Input::take() {
  if (step_ != nullptr) return;
  Load load(plan_);
  // What came before a bad entry is good and is taken first.
  if (auto loaded = load_entries(load); !loaded && load.is_empty()) {
    waits_ = loaded.error();
    return quarantine(loaded.error(), entries_.front().hash);
  }
  if (!moved_) return;
  const bool is_due = moved_->seq() - taken_seq_ >= kMoveRecords ||
                      (saw_deeds_ && plan_.env->now_us() - taken_at_us_ >= kMoveUs);
  if (load.is_empty() && !is_due) return;
  note_confirmed(*moved_);
  std::unique_ptr<Message> command;
  if (load.heard != nullptr) {
    command = std::move(load.heard);
  } else {
    command = std::move(load.shared);
  }
  submit(std::move(command), InputStep{plan_.source.ledger.text(), taken_seq_, moved_->seq(),
                                       *moved_, taken_begun_});
}

void Input::quarantine(const Error& error, const Hash& hash) {
  doubted_seq_.reset();
  auto command = std::make_unique<v1::QuarantineInput>();
  auto& row = *command->mutable_quarantined();
  row.set_input(plan_.source.ledger.text());
  row.set_seq(error.seq);
  if (!hash.is_zero()) row.set_sha256(to_hex(hash));
  row.set_code(std::string(error_info(error.code).name));
  row.set_detail(error.detail);
  submit(std::move(command), std::nullopt);
  step_->quarantines = true;
}

void Input::submit(std::unique_ptr<Message> command, std::optional<InputStep> input) {
  auto submission = system_command("input", std::move(command));
  submission.input = std::move(input);
  step_ = std::make_shared<Step>();
  if (submission.input) step_->position = *submission.input->ledger;
  plan_.keeper->submit(std::move(submission), [step = step_](Result<v1::Receipt> receipt) {
    step->receipt = std::move(receipt);
    step->answered = true;
  });
}

void Input::settle() {
  const auto step = std::move(step_);
  step_ = nullptr;
  const auto& receipt = *step->receipt;
  if (receipt && step->quarantines) {
    is_quarantined_ = true;
    return;
  }
  if (step->reports_silence) {
    if (receipt) is_silent_ = *step->reports_silence;
    return;
  }
  if (receipt) {
    taken_seq_ = step->position.seq();
    taken_begun_ = step->position.begun();
    taken_at_us_ = plan_.env->now_us();
    moved_.reset();
    saw_deeds_ = false;
    return;
  }
  waits_ = receipt.error();
  // The rows say where to go on; what they cannot take is never tried twice.
  if (!step->quarantines && is_final(receipt.error().code)) {
    Error error = receipt.error();
    error.seq = step->position.seq();
    return quarantine(error);
  }
  reader_.reset();
}

LinkHealth Input::health() const {
  LinkHealth health;
  health.kind = LinkKind::kInput;
  health.link = plan_.source.ledger.text() + " > " + plan_.keeper->config().ledger.text();
  // The last checkpoint is covered by none, and what is no deed may never be confirmed.
  const Seq released = reader_ ? reader_->released_seq() : 0;
  health.confirmed_seq = reader_ ? reader_->confirmed_seq() : 0;
  const Seq read = moved_ ? moved_->seq() : taken_seq_;
  health.behind_records = released - std::min(released, read);
  if (!entries_.empty()) {
    health.behind_us =
        std::max<int64_t>(0, plan_.env->now_us() - entries_.front().payload.time_us());
  }
  health.is_idle = step_ == nullptr && entries_.empty();
  health.waits = waits_;
  health.is_quarantined = is_quarantined_;
  health.is_silent = is_silent_;
  return told_by_leader(std::move(health), *plan_.keeper);
}

}  // namespace hansa::federation
