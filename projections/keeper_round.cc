#include <boost/asio/post.hpp>

#include "core/base/durations.h"
#include "core/evidence/tree_rows.h"
#include "core/ledger/schema_level.h"
#include "core/rules.h"
#include "projections/fold.h"
#include "projections/keeper_loop.h"

namespace hansa::projections {
namespace {

// Two flights: one on its way to the disk while the next is decided.
constexpr size_t kFlightsAtOnce = 2;
constexpr size_t kTimersARound = 256;
constexpr int64_t kCommandAgeUsMax = 48 * kHourUs;
constexpr int64_t kCommandAheadUsMax = 5 * kMinuteUs;
constexpr int64_t kCheckpointUs = kSecondUs;
// What a city or an alliance records fits into a shared copy with room to spare.
constexpr size_t kPayloadBytesMax = 48 * 1024 - kEnvelopeBytes;

}  // namespace

void KeeperLoop::round() {
  take_inbox();
  read_this_round = false;
  if (outdated) keep_outdated();
  if (outdated) return end_round();
  if (!stopped && must_follow()) follow_log();
  if (!stopped && can_decide()) {
    if (timers_wanted) decide_timers();
    decide_waiting();
    if (!stopped && checkpoint_wanted()) sign_checkpoint();
    if (!stopped) place_waiters();
    if (!stopped && appender->has_stamped()) send();
  }
  answer_ready();
  if (!stopped && rows->unlanded_entries() == 0 && commit_wanted()) commit();
  if (swap_wanted) try_swap();
  end_round();
  if (on_closed == nullptr && can_decide() && (!queue.empty() || timers_wanted)) post_round();
}

bool KeeperLoop::can_decide() const {
  return !must_follow() && flights < kFlightsAtOnce && !swap_wanted && !commit_wanted();
}

void KeeperLoop::end_round() {
  serve_waiters();
  update_health();
  if (stopped) {
    requeue_held();
    while (!queue.empty()) {
      refuse_now(std::move(queue.front()), *stopped);
      queue.pop_front();
    }
  }
  if (on_closed != nullptr && idle()) {
    timer.cancel();
    std::exchange(on_closed, nullptr)();
  }
}

bool KeeperLoop::idle() const {
  if (committing || rebuild != nullptr) return false;
  if (stopped || outdated) return true;
  return queue.empty() && held.empty() && open_items.empty() && forwarded.empty() && flights == 0 &&
         (!has_uncommitted() || commit_failure.has_value());
}

void KeeperLoop::requeue_held() {
  for (; !held.empty(); held.pop_back()) queue.push_front(std::move(held.back()));
}

void KeeperLoop::take_inbox() {
  requeue_held();
  std::lock_guard lock(mutex);
  round_posted = false;
  while (!inbox.empty()) {
    queue.push_back(std::move(inbox.front()));
    inbox.pop_front();
  }
}

int64_t KeeperLoop::ledger_time_us() const { return std::max(env.now_us(), tip_time_us); }

void KeeperLoop::decide_waiting() {
  for (size_t n = 0; n < config.limits.round_commands_max && !queue.empty() && !stopped; ++n) {
    Pending pending = std::move(queue.front());
    queue.pop_front();
    decide_one(std::move(pending));
  }
}

void KeeperLoop::refuse_now(Pending pending, Error error) {
  if (observer != nullptr) {
    observer->decided(pending.submission.command->GetDescriptor()->name(),
                      error_info(error.code).name, 0);
  }
  if (error.seq == 0 && appender != nullptr) error.seq = appender->landed().seq;
  pending.answer(fail(std::move(error)));
}

// Nothing unlanded leaves: what was learnt from entries not landed yet waits for them.
void KeeperLoop::answer_after_tip(Pending pending, Result<v1::Receipt> result) {
  Open item;
  item.seq = appender->tip_seq();
  item.pending = std::move(pending);
  if (!result.has_value() && result.error().seq == 0) result.error().seq = item.seq;
  item.result = std::move(result);
  open_items.push_back(std::move(item));
}

void KeeperLoop::decide_one(Pending pending) {
  if (clock_jumped || commit_failure || lead == Lead::kForbidden) {
    const std::string why =
        clock_jumped     ? "the node's clock jumped; an operator must confirm it"
        : commit_failure ? commit_failure->detail
                         : "the node's clock is wrong; ask another node";
    const bool certain = !pending.maybe_landed;
    return refuse_now(std::move(pending),
                      certain ? Error{Errc::kUnavailable, why} : unknown_outcome());
  }
  const int64_t started_us = monotonic_us();
  const auto& submission = pending.submission;
  const std::string& method = submission.command->GetDescriptor()->name();
  std::string_view outcome = "ok";
  // What this node's own links bring is for the one that leads; it is never sent on.
  const bool is_link = submission.kind == v1::CauseKind::input && submission.id.is_zero() &&
                       !submission.input && !submission.is_asked;
  if (is_link && !leads()) {
    return answer_after_tip(std::move(pending),
                            fail(Errc::kUnavailable, "another node leads by now"));
  }
  if (submission.input && (!leads() || !is_in_turn(*submission.input))) {
    return answer_after_tip(std::move(pending),
                            fail(leads() ? Errc::kNotYet : Errc::kUnavailable,
                                 "the input is not in turn here; go on from the rows' position"));
  }
  if (auto known = known_answer(pending)) {
    outcome = known->has_value() ? "ok" : error_info(known->error().code).name;
    if (observer != nullptr) observer->decided(method, outcome, 0);
    // A repetition moves no position.
    if (submission.input && known->has_value()) (*known)->clear_entry_sha256();
    return answer_after_tip(std::move(pending), std::move(*known));
  }
  v1::Cause cause = make_cause(pending);
  const bool only_moves = submission.command->GetDescriptor() == v1::AdvanceInput::descriptor();
  // What another ledger says is taken even where it causes nothing: the position stands for it.
  const bool moves = only_moves || (submission.input && submission.input->ledger);
  auto decision = only_moves ? Result<Decision>(Decision{})
                             : decide_command(config.ledger.kind, *rows, *submission.command,
                                              context_of(pending));
  if (!decision) outcome = error_info(decision.error().code).name;
  if (observer != nullptr) observer->decided(method, outcome, monotonic_us() - started_us);
  if (rows->failure()) {
    stop(*rows->failure());
    return refuse_unread(std::move(pending));
  }
  if (!decision) {
    // An input that landed after all is known by its position.
    if (pending.maybe_landed && !submission.input) {
      return append_refusal(std::move(pending), std::move(cause), decision.error());
    }
    if (reads_first(pending)) return;
    return answer_after_tip(std::move(pending), fail(std::move(decision).error()));
  }
  if (decision->unchanged || (decision->events.empty() && !moves)) {
    if (reads_first(pending)) return;
    v1::Receipt receipt;
    receipt.set_ledger(config.ledger.text());
    receipt.set_seq(appender->tip_seq());
    receipt.set_command_id(uuid_text(submission.id));
    receipt.set_time_us(tip_time_us);
    receipt.set_subject_id(decision->subject_id);
    receipt.set_state(decision->state);
    return answer_after_tip(std::move(pending), std::move(receipt));
  }
  if (hands_on(pending)) return hand_on(std::move(pending));
  append(&pending, cause, std::move(*decision));
}

DecideContext KeeperLoop::context_of(const Pending& pending) const {
  return {pending.submission.principal, pending.actor, ledger_time_us(), appender->tip_seq() + 1,
          config.schema_level_known};
}

// The rows show what was decided before it, also what has not landed yet.
bool KeeperLoop::is_in_turn(const InputStep& input) const {
  using Reached = std::pair<uint64_t, uint32_t>;
  const auto* row = rows->find(kInputTable, input.topic);
  const Reached from{input.from, input.from_begun};
  if (Reached{input.next, input.ledger ? input.ledger->begun() : 0} <= from) return false;
  if (row == nullptr) return from == Reached{0, 0};
  if (row->has_quarantined()) return false;
  return Reached{input.ledger ? row->seq() : row->next_offset(), row->begun()} == from;
}

std::optional<Result<v1::Receipt>> KeeperLoop::known_answer(const Pending& pending) const {
  const auto& submission = pending.submission;
  const bool is_input = submission.kind == v1::CauseKind::input && !submission.id.is_zero();
  if (submission.kind != v1::CauseKind::command && !is_input) return std::nullopt;
  const int64_t id_time_us = uuid_time_ms(submission.id) * 1000;
  const int64_t now_us = ledger_time_us();
  const bool is_forgotten = id_time_us < now_us - kCommandAgeUsMax;
  const bool in_window = !is_forgotten && id_time_us <= now_us + kCommandAheadUsMax;
  // A record may wait in its topic for longer than that; its position says that it is new.
  if (!in_window && is_input) return std::nullopt;
  const auto* row =
      rows->find(kAnsweredTable, answered_key(submission.kind, pending.actor, submission.id));
  if (row == nullptr && in_window) return std::nullopt;
  // Another node may have taken it, by its own clock.
  if (row == nullptr && pending.maybe_landed) return Result<v1::Receipt>(fail(unknown_outcome()));
  if (row == nullptr || (is_forgotten && !pending.maybe_landed)) {
    return Result<v1::Receipt>(
        fail(Errc::kBadIdempotencyKey,
             "the time inside the Idempotency-Key must lie within the last 48 hours and at most 5 "
             "minutes ahead of the ledger's time; make a new UUIDv7"));
  }
  if (row->request_mac() != submission.request_mac) {
    return Result<v1::Receipt>(
        fail(Errc::kIdempotencyMismatch,
             "this Idempotency-Key was used at seq " + std::to_string(row->seq()) +
                 " for another request; make a new key for a new request"));
  }
  if (!row->refusal_code().empty()) {
    const auto code = find_errc(row->refusal_code());
    return Result<v1::Receipt>(fail(code.value_or(Errc::kInternal), row->refusal_detail()));
  }
  v1::Receipt receipt;
  receipt.set_ledger(config.ledger.text());
  receipt.set_seq(row->seq());
  receipt.set_entry_sha256(to_hex(row->entry_sha256()));
  receipt.set_command_id(uuid_text(submission.id));
  receipt.set_time_us(row->time_us());
  receipt.set_subject_id(row->subject_id());
  receipt.set_state(row->state());
  return Result<v1::Receipt>(std::move(receipt));
}

v1::Cause KeeperLoop::make_cause(const Pending& pending) const {
  const auto& submission = pending.submission;
  v1::Cause cause;
  cause.set_kind(submission.kind);
  cause.set_actor(std::string(pending.actor.view()));
  cause.set_method(submission.command->GetDescriptor()->name());
  const bool has_id = submission.kind == v1::CauseKind::command ||
                      (submission.kind == v1::CauseKind::input && !submission.id.is_zero());
  if (has_id) {
    cause.set_command_id(std::string(submission.id.view()));
    cause.set_request_mac(submission.request_mac);
  }
  return cause;
}

v1::Receipt KeeperLoop::receipt_of(const Pending& pending, Seq seq, const Hash& hash,
                                   const v1::Payload& payload) const {
  v1::Receipt receipt;
  receipt.set_ledger(config.ledger.text());
  receipt.set_seq(seq);
  receipt.set_entry_sha256(to_hex(hash));
  receipt.set_command_id(uuid_text(pending.submission.id));
  receipt.set_time_us(payload.time_us());
  receipt.set_subject_id(payload.cause().subject_id());
  receipt.set_state(payload.cause().state());
  return receipt;
}

void KeeperLoop::append(Pending* pending, const v1::Cause& base, Decision decision) {
  v1::Payload payload;
  *payload.mutable_cause() = base;
  payload.mutable_cause()->set_subject_id(decision.subject_id);
  payload.mutable_cause()->set_state(decision.state);
  Open item;
  for (auto& event : decision.events) *payload.add_events() = std::move(event);
  item.erased = persons_erased_by(payload);
  item.breached = deadlines_breached_by(payload);
  if (pending != nullptr && pending->submission.input) {
    const auto& input = *pending->submission.input;
    auto& position = *payload.add_positions();
    if (input.ledger) {
      *position.mutable_ledger() = *input.ledger;
    } else {
      position.mutable_topic()->set_topic(input.topic);
      position.mutable_topic()->set_next_offset(input.next);
    }
  }
  if (pending != nullptr) item.pending = std::move(*pending);
  stamp_and_fold(std::move(item), payload, base);
}

void KeeperLoop::append_refusal(Pending pending, v1::Cause cause, const Error& error) {
  v1::Payload payload;
  payload.mutable_refusal()->set_code(std::string(error_info(error.code).name));
  payload.mutable_refusal()->set_detail(error.detail);
  *payload.mutable_cause() = cause;
  Open item;
  item.pending = std::move(pending);
  item.result = fail(error);
  stamp_and_fold(std::move(item), payload, cause);
}

Result<streams::Stamped> KeeperLoop::stamp(const v1::Payload& payload) {
  const std::string bytes = payload.SerializeAsString();
  if (config.ledger.kind != kShareKind && bytes.size() > kPayloadBytesMax) {
    return fail(Errc::kTooLarge, "what this would record has " + std::to_string(bytes.size()) +
                                     " bytes; at most " + std::to_string(kPayloadBytesMax) +
                                     " go into one entry, split the request");
  }
  HANSA_TRY(const uint16_t schema_level, level_of_entry(*rows, payload));
  return appender->stamp(bytes, schema_level);
}

// Puts the payload on the tip and folds it at once, so that the next decision sees it.
bool KeeperLoop::stamp_and_fold(Open item, v1::Payload& payload, const v1::Cause& cause) {
  payload.set_time_us(ledger_time_us());
  auto stamped = stamp(payload);
  if (!stamped) {
    if (item.pending) refuse_now(std::move(*item.pending), stamped.error());
    return false;
  }
  rows->begin_entry();
  auto folded = fold_entry(*rows, payload,
                           {stamped->seq, stamped->hash,
                            leaf_in(config.ledger.kind, stamped->value)});
  if (folded && rows->failure()) folded = fail(*rows->failure());
  item.seq = stamped->seq;
  item.is_entry = true;
  item.time_us = payload.time_us();
  if (item.pending && !payload.has_refusal()) {
    item.result = receipt_of(*item.pending, stamped->seq, stamped->hash, payload);
  } else if (item.pending) {
    item.result.error().seq = stamped->seq;
  }
  open_items.push_back(std::move(item));
  tip_time_us = payload.time_us();
  if (!folded) {
    stop({Errc::kLedgerStopped, "entry " + std::to_string(stamped->seq) + " (" + cause.method() +
                                    ") contradicts the rows: " + folded.error().detail});
    return false;
  }
  return true;
}

// The checkpoint itself need not be covered by another one.
bool KeeperLoop::checkpoint_wanted() const {
  if (!config.sign || !leads() || clock_jumped || commit_failure || !can_decide()) return false;
  if (config.may_sign && !config.may_sign()) return false;
  const auto* row = rows->find(kLedgerHeadTable, "");
  const Seq size = row == nullptr ? 0 : row->size();
  const Seq landed = appender->landed().seq;
  if (landed == 0 || (size > 0 && landed <= size + 1)) return false;
  const bool is_idle = queue.empty() && flights == 0 && !appender->has_stamped();
  return is_idle || (observer != nullptr && monotonic_us() - signed_us >= kCheckpointUs);
}

// Only for what has landed: a checkpoint for what may yet be undone would vouch for two histories.
void KeeperLoop::sign_checkpoint() {
  static const Principal kSigner{.issuer = "hansa", .subject = "checkpoint"};
  signed_us = monotonic_us();
  v1::Cause cause;
  cause.set_kind(v1::CauseKind::operation);
  cause.set_actor(std::string(actor_of(kSigner).view()));
  cause.set_method("SignCheckpoint");
  const auto* row = rows->find(kLedgerHeadTable, "");
  const Seq size = appender->landed().seq;
  const auto root = root_at(size, tiles_of(*rows));
  if (!root) return stop({Errc::kLedgerStopped, "its tree has no root: " + root.error().detail});
  Decision decision;
  *decision.events.emplace_back().mutable_checkpoint_signed() = config.sign(
      {size, appender->landed().tip, *root, row == nullptr ? std::string() : row->origin()});
  append(nullptr, cause, std::move(decision));
}

void KeeperLoop::decide_timers() {
  timers_wanted = false;
  const int64_t now_us = ledger_time_us();
  std::vector<v1::Timer> due;
  rows->scan(kTimerTable.id, "", big_endian(static_cast<uint64_t>(now_us) + 1),
             [&](std::string_view, const google::protobuf::Message& row) {
               due.push_back(static_cast<const v1::Timer&>(row));
               return due.size() < kTimersARound;
             });
  static const Principal kTimerPrincipal{.issuer = "hansa", .subject = "timer"};
  const ActorId actor = actor_of(kTimerPrincipal);
  for (const auto& timer_row : due) {
    // An earlier one of this round may have ended this clock too.
    if (rows->find(kTimerTable, timer_key(timer_row)) == nullptr) continue;
    v1::TimerDue command;
    command.set_case_(timer_row.case_());
    command.set_subject(timer_row.subject());
    command.set_clock(timer_row.clock());
    command.set_due_time_us(timer_row.due_time_us());
    const DecideContext context{kTimerPrincipal, actor, ledger_time_us(),
                                appender->tip_seq() + 1};
    auto decision = decide_command(config.ledger.kind, *rows, command, context);
    if (!decision || decision->events.empty()) {
      return stop({Errc::kLedgerStopped,
                   "the timer of " + timer_row.case_() + timer_row.subject() + " set by entry " +
                       std::to_string(timer_row.set_by_seq()) + " runs for nothing"});
    }
    v1::Cause cause;
    cause.set_kind(v1::CauseKind::timer);
    cause.set_actor(std::string(actor.view()));
    cause.set_method("TimerDue");
    append(nullptr, cause, std::move(*decision));
    if (stopped) return;
  }
  if (due.size() == kTimersARound) {
    timers_wanted = true;
    return;
  }
  if (on_timers_fired.empty()) return;
  // Those who asked hear when all that is decided so far has landed.
  Open item;
  item.seq = appender->tip_seq();
  Pending pending;
  pending.answer = [fired = std::move(on_timers_fired)](const Result<v1::Receipt>&) {
    for (const auto& call : fired) call();
  };
  on_timers_fired.clear();
  item.pending = std::move(pending);
  item.result = v1::Receipt();
  open_items.push_back(std::move(item));
}

}  // namespace hansa::projections
