#include "federation/input.h"

#include <atomic>

#include "core/alliance/share.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {

using google::protobuf::Message;
using projections::InputStep;

namespace {

const Principal& input_principal() {
  static const Principal kInput{.issuer = "hansa", .subject = "input"};
  return kInput;
}

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
  Hash hash;                    // of the entry that it ends with
  bool quarantines = false;
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
  take();
  return step_ != nullptr;
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
  waits_.reset();
  ChainPosition from;
  from.tip = founding_hash(plan_.source.founding_id);
  taken_seq_ = source_seq_ = 0;
  taken_at_us_ = plan_.env->now_us();
  if (reached && reached->seq() > 0) {
    const auto hash = Hash::from(reached->sha256());
    if (!hash) return fail(Errc::kInternal, "an input without the hash of its last entry");
    from = {reached->seq(), *hash, reached->next_offset(), 0};
    taken_seq_ = reached->seq();
    source_seq_ = reached->source_seq();
  }
  reader_.emplace(*plan_.log, plan_.source, from);
  return {};
}

void Input::refill() {
  if (!entries_.empty()) return;
  auto read = reader_->read();
  if (read) {
    for (auto& entry : *read) entries_.push_back(std::move(entry));
    waits_.reset();
    return;
  }
  waits_ = read.error();
  if (is_final(read.error().code) && step_ == nullptr) quarantine(read.error());
}

Result<void> Input::check_range(const v1::EntriesShared& shared) {
  if (shared.city() != plan_.member) {
    return fail(Errc::kForkFound, "it shares entries of " + shared.city() + ", not of " +
                                      plan_.member);
  }
  if (shared.from_seq() != source_seq_ + 1 || shared.to_seq() + 1 < shared.from_seq()) {
    return fail(Errc::kForkFound, "it goes on with entry " + std::to_string(shared.from_seq()) +
                                      " of " + plan_.member + " behind entry " +
                                      std::to_string(source_seq_) +
                                      "; a range is left out or told twice");
  }
  source_seq_ = shared.to_seq();
  return {};
}

// How many words for this ledger the entry has; they are added to the command.
Result<int> Input::add(const SignedEntry& entry, Message& command) {
  int added = 0;
  for (const auto& event : entry.payload.events()) {
    if (plan_.source.ledger.kind == kAllianceKind) {
      auto& heard = *static_cast<v1::TakeHeard&>(command).add_heard();
      heard.set_seq(entry.seq);
      *heard.mutable_event() = event;
      if (!event.has_checkpoint_signed()) ++added;
      continue;
    }
    if (!event.has_entries_shared()) continue;
    HANSA_CHECK(check_range(event.entries_shared()));
    for (const auto& shared : event.entries_shared().events()) {
      if (!is_to_alliance(shared.event()) || shared.event().has_alliance_heard()) continue;
      *static_cast<v1::TakeShared&>(command).add_acts() = shared;
      ++added;
    }
  }
  return added;
}

void Input::take() {
  if (step_ != nullptr) return;
  std::unique_ptr<Message> command;
  if (plan_.source.ledger.kind == kAllianceKind) {
    auto heard = std::make_unique<v1::TakeHeard>();
    heard->set_alliance(plan_.source.ledger.id);
    heard->set_city(plan_.keeper->config().ledger.id);
    command = std::move(heard);
  } else {
    auto shared = std::make_unique<v1::TakeShared>();
    shared->set_city(plan_.member);
    command = std::move(shared);
  }
  int words = 0;
  bool reaches_further = false;
  v1::LedgerPosition position;
  while (!entries_.empty() && words < kActsMax) {
    const auto& entry = entries_.front();
    const auto added = add(entry, *command);
    if (!added) {
      Error error = added.error();
      error.seq = entry.seq;
      waits_ = error;
      return quarantine(error);
    }
    words += *added;
    position.set_ledger(plan_.source.ledger.text());
    position.set_founding_id(std::string(plan_.source.founding_id.view()));
    position.set_seq(entry.seq);
    position.set_sha256(std::string(entry.hash.view()));
    position.set_next_offset(entry.next_offset);
    position.set_source_seq(source_seq_);
    reaches_further = true;
    entries_.pop_front();
  }
  if (reaches_further) moved_ = position;
  if (!moved_) return;
  const bool is_due = moved_->seq() - taken_seq_ >= kMoveRecords ||
                      plan_.env->now_us() - taken_at_us_ >= kMoveUs;
  if (words == 0 && !is_due) return;
  submit(std::move(command), InputStep{plan_.source.ledger.text(), taken_seq_, moved_->seq(),
                                       *moved_});
}

void Input::quarantine(const Error& error) {
  auto command = std::make_unique<v1::QuarantineInput>();
  auto& row = *command->mutable_quarantined();
  row.set_input(plan_.source.ledger.text());
  row.set_seq(error.seq);
  row.set_code(std::string(error_info(error.code).name));
  row.set_detail(error.detail);
  submit(std::move(command), std::nullopt);
  step_->quarantines = true;
}

void Input::submit(std::unique_ptr<Message> command, std::optional<InputStep> input) {
  projections::Submission submission;
  submission.command = std::move(command);
  submission.kind = v1::CauseKind::input;
  submission.principal = input_principal();
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
  if (receipt) {
    taken_seq_ = step->position.seq();
    taken_at_us_ = plan_.env->now_us();
    moved_.reset();
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
  health.link = plan_.source.ledger.text() + " > " + plan_.keeper->config().ledger.text();
  const Seq covered = reader_ ? reader_->known_seq() : 0;
  const Seq read = moved_ ? moved_->seq() : taken_seq_;
  health.behind_records = covered - std::min(covered, read);
  if (!entries_.empty()) {
    health.behind_us =
        std::max<int64_t>(0, plan_.env->now_us() - entries_.front().payload.time_us());
  }
  health.is_idle = step_ == nullptr && entries_.empty();
  health.waits = waits_;
  return health;
}

}  // namespace hansa::federation
