#include <algorithm>
#include <boost/asio/post.hpp>

#include "projections/fold.h"
#include "projections/keeper_loop.h"

namespace hansa::projections {
namespace {

// How long a caller waits for an outcome that the log does not tell.
constexpr int64_t kUnknownUsMax = 5'000'000;

}  // namespace

Error unknown_outcome() {
  return {Errc::kUnknownOutcome,
          "the log does not say whether the command was recorded; send it again with the same "
          "Idempotency-Key"};
}

void KeeperLoop::send() {
  ++flights;
  sent_us = monotonic_us();
  // The log's thread lets go of the loop before it returns: it must not be the one to destroy it.
  appender->send([self = shared_from_this()](streams::Appender::FlightId flight,
                                             std::vector<streams::Delivery> deliveries) mutable {
    KeeperLoop& loop = *self;
    boost::asio::post(loop.strand, [self = std::move(self), flight,
                                    deliveries = std::move(deliveries)]() mutable {
      self->delivered(flight, std::move(deliveries));
    });
  });
}

void KeeperLoop::delivered(streams::Appender::FlightId flight,
                           std::vector<streams::Delivery> deliveries) {
  --flights;
  if (stopped) return round();
  if (observer != nullptr) observer->appended(deliveries.size(), monotonic_us() - sent_us);
  std::optional<Error> failure;
  for (const auto& delivery : deliveries) {
    if (delivery.offset) continue;
    if (delivery.error && delivery.error->code == Errc::kLogConflict) continue;
    failure = delivery.error.value_or(Error{Errc::kUnavailable, "the log did not answer"});
  }
  log_failure = failure;
  if (failure) {
    for (auto& item : open_items) {
      if (item.is_entry && item.pending) item.pending->maybe_landed = true;
    }
  }
  auto steps = appender->settle(flight, std::move(deliveries));
  if (steps) {
    carry_out(*steps);
  } else if (steps.error().code != Errc::kUnavailable) {
    stop(steps.error());
  }
  round();
}

void KeeperLoop::follow_log() { followed(appender->follow()); }

void KeeperLoop::followed(const Result<std::vector<streams::Step>>& steps) {
  if (steps) {
    carry_out(*steps);
  } else if (steps.error().code != Errc::kUnavailable) {
    return stop(steps.error());
  } else {
    log_failure = steps.error();
  }
  if (!stopped && must_follow()) give_up_waiting();
}

// While the log cannot be read: what was never sent certainly did not happen; the rest may have.
void KeeperLoop::refuse_unread(Pending pending) {
  Error why{Errc::kUnavailable, log_failure ? log_failure->detail : ""};
  if (stopped) why = *stopped;
  const bool certain = !pending.maybe_landed;
  refuse_now(std::move(pending), certain ? std::move(why) : unknown_outcome());
}

void KeeperLoop::give_up_waiting() {
  while (!queue.empty()) {
    Pending pending = std::move(queue.front());
    queue.pop_front();
    refuse_unread(std::move(pending));
  }
  const int64_t now_us = monotonic_us();
  for (auto& item : open_items) {
    if (!item.pending || item.pending->submission.command == nullptr) continue;
    if (now_us - item.pending->submitted_us < kUnknownUsMax) continue;
    refuse_now(std::move(*item.pending), unknown_outcome());
    item.pending.reset();
  }
}

bool KeeperLoop::carry_out(const std::vector<streams::Step>& steps) {
  const int64_t begun_us = monotonic_us();
  size_t folded = 0;
  for (const auto& step : steps) {
    switch (step.kind) {
      case streams::Step::Kind::kLanded: landed(step.seq); break;
      case streams::Step::Kind::kUndo: undo(); break;
      case streams::Step::Kind::kForeign:
        if (!fold_foreign(step.entry)) return false;
        ++folded;
        break;
    }
    if (stopped) return false;
  }
  if (observer != nullptr && folded > 0) observer->folded(folded, monotonic_us() - begun_us);
  return true;
}

void KeeperLoop::note_landed(int64_t time_us) {
  landed_time_us = time_us;
  if (uncommitted_time_us == 0) uncommitted_time_us = time_us;
  if (left_time_us == 0) left_time_us = time_us;
}

void KeeperLoop::landed(Seq seq) {
  rows->land_entries(1);
  while (!open_items.empty() && open_items.front().seq <= seq) {
    Open item = std::move(open_items.front());
    open_items.pop_front();
    if (item.is_entry) {
      note_landed(item.time_us);
      breached_deadlines += item.breached;
      if (!erase_keys(item.erased)) return;
    }
    answer(item);
  }
}

std::vector<PersonId> persons_erased_by(const v1::Payload& payload) {
  std::vector<PersonId> erased;
  for (const auto& event : payload.events()) {
    if (!event.has_person_erased()) continue;
    if (auto id = parse_hex<PersonId>(event.person_erased().person())) erased.push_back(*id);
  }
  return erased;
}

uint64_t deadlines_breached_by(const v1::Payload& payload) {
  return static_cast<uint64_t>(std::ranges::count_if(
      payload.events(), [](const v1::Event& event) { return event.has_deadline_breached(); }));
}

// A key that an entry erased must be gone before anything after that entry is served.
bool KeeperLoop::erase_keys(const std::vector<PersonId>& persons) {
  for (const auto& person : persons) {
    auto erased = keyring.erase(person);
    if (erased || erased.error().code == Errc::kUnknownPerson) continue;
    stop({Errc::kLedgerStopped, "a person's key could not be destroyed: " +
                                    erased.error().detail + "; mend the keyring and restart"});
    return false;
  }
  return true;
}

// Everything decided and not landed is decided again, in the same order.
void KeeperLoop::undo() {
  rows->undo_entries(rows->unlanded_entries());
  for (auto item = open_items.rbegin(); item != open_items.rend(); ++item) {
    if (!item->pending) continue;
    if (item->pending->submission.command == nullptr) {
      timers_wanted = true;
      auto answer = std::move(item->pending->answer);
      on_timers_fired.push_back([answer = std::move(answer)] { answer(v1::Receipt()); });
      continue;
    }
    queue.push_front(std::move(*item->pending));
  }
  open_items.clear();
  for (auto& waiter : waiters) {
    if (waiter.is_for_end) waiter.seq.reset();
  }
  tip_time_us = landed_time_us;
  if (!log_failure || !log.absence_is_final()) return;
  // The log failed, has been read to its end since, and will show no more: nothing was done.
  while (!queue.empty()) {
    Pending pending = std::move(queue.front());
    queue.pop_front();
    refuse_now(std::move(pending), *log_failure);
  }
}

bool KeeperLoop::fold_foreign(const streams::ValidEntry& entry) {
  const auto payload_bytes = entry.payload();
  v1::Payload payload;
  if (!payload.ParseFromArray(payload_bytes.data(), static_cast<int>(payload_bytes.size()))) {
    stop({Errc::kUpgradeNeeded, "entry " + std::to_string(entry.seq) + " of " +
                                    config.ledger.text() +
                                    " is valid, but its payload cannot be read by this binary"});
    return false;
  }
  authorship.take(entry.seq, entry.value, payload);
  if (auto own = authorship.all_own(); !own) {
    stop(own.error());
    return false;
  }
  rows->begin_entry();
  auto folded = fold_entry(*rows, payload, {entry.seq, entry.hash,
                                           leaf_in(config.ledger.kind, entry.value)});
  rows->land_entries(1);
  if (folded && rows->failure()) folded = fail(*rows->failure());
  if (!folded) {
    stop({folded.error().code, "entry " + std::to_string(entry.seq) + " of " +
                                   config.ledger.text() + " cannot be folded: " +
                                   folded.error().detail});
    return false;
  }
  tip_time_us = payload.time_us();
  note_landed(payload.time_us());
  breached_deadlines += deadlines_breached_by(payload);
  if (!erase_keys(persons_erased_by(payload))) return false;
  answer_forwarded(entry.seq, entry.hash, payload);
  return true;
}

// Answers that wait for no entry of ours, or only for ones that have landed.
void KeeperLoop::answer_ready() {
  if (appender == nullptr) return;
  const Seq landed_seq = appender->landed().seq;
  while (!open_items.empty() && open_items.front().seq <= landed_seq) {
    Open item = std::move(open_items.front());
    open_items.pop_front();
    answer(item);
  }
}

void KeeperLoop::answer(Open& item) {
  if (!item.pending) return;
  if (observer != nullptr) observer->answered(monotonic_us() - item.pending->submitted_us);
  item.pending->answer(std::move(item.result));
}

// An entry may change no row, like one that records the refusal of an imported row: the position
// moves all the same.
bool KeeperLoop::has_uncommitted() const {
  return rows->dirty_rows() > 0 || appender->landed().seq > store->committed_seq();
}

bool KeeperLoop::commit_wanted() const {
  if (committing) return false;
  if (rows->dirty_rows() >= config.limits.dirty_rows_max) return true;
  if (rows->is_full()) return true;
  if (commit_due && has_uncommitted()) return true;
  if (on_closed != nullptr && queue.empty() && has_uncommitted() && !commit_failure) return true;
  const Seq committed = store->committed_seq();
  for (const auto& waiter : waiters) {
    if (!waiter.seq) continue;
    if (*waiter.seq > committed && *waiter.seq <= appender->landed().seq) return true;
  }
  return false;
}

// The rows of this moment are written beside the strand while the next entries are decided.
void KeeperLoop::commit() {
  committing = true;
  commit_due = false;
  left_time_us = 0;
  const int64_t started_us = monotonic_us();
  const size_t dirty = rows->dirty_rows();
  auto job = std::make_shared<CommitJob>(rows->begin_commit(appender->landed(), landed_time_us));
  boost::asio::post(strand.get_inner_executor(), [self = shared_from_this(), job, started_us,
                                                  dirty] {
    (void)job->run();  // its result comes back through finish_commit
    boost::asio::post(self->strand, [self, job, started_us, dirty] {
      self->committed(*job, dirty, self->monotonic_us() - started_us);
    });
  });
}

void KeeperLoop::committed(CommitJob& job, size_t changed_rows, int64_t took_us) {
  committing = false;
  auto result = rows->finish_commit(std::move(job));
  if (result) {
    commit_failure.reset();
    uncommitted_time_us = left_time_us;
    if (observer != nullptr) observer->committed(changed_rows, took_us);
  } else if (result.error().code == Errc::kUnavailable) {
    commit_failure = result.error();
  } else {
    stop(result.error());
  }
  round();
}

void KeeperLoop::place_waiters() {
  for (auto& waiter : waiters) {
    if (waiter.seq) continue;
    switch (find_end()) {
      case End::kAtTip: waiter.seq = appender->tip_seq(); break;
      case End::kLater: break;
      case End::kUnreadable:
        std::exchange(waiter.shown, nullptr)(
            fail(Errc::kUnavailable, log_failure ? log_failure->detail : ""));
        break;
    }
  }
  std::erase_if(waiters, [](const Waiter& waiter) { return waiter.shown == nullptr; });
}

void KeeperLoop::serve_waiters() {
  if (waiters.empty()) return;
  std::vector<Waiter> left;
  for (auto& waiter : waiters) {
    if (waiter.seq && store->meta().position.seq >= *waiter.seq) {
      waiter.shown(store->snapshot());
    } else if (waiter.left_us <= 0 || stopped) {
      waiter.shown(fail({Errc::kNotYet,
                         "the projection shows seq " +
                             std::to_string(store->meta().position.seq) +
                             ", asked for was " +
                             (waiter.seq ? "at least " + std::to_string(*waiter.seq)
                                         : "all that the ledger holds") +
                             "; ask again later",
                         "", store->meta().position.seq}));
    } else {
      left.push_back(std::move(waiter));
    }
  }
  waiters = std::move(left);
}

void KeeperLoop::stop(Error error) {
  if (stopped) return;
  stopped = Error{Errc::kLedgerStopped, error.detail};
  stopped_by = error.code;
  for (auto& item : open_items) {
    if (!item.pending) continue;
    if (item.is_entry) {
      item.result = fail(Errc::kUnknownOutcome,
                         "the ledger stopped while the command was on its way: " + error.detail);
    } else {
      item.result = fail(*stopped);
    }
    answer(item);
  }
  open_items.clear();
  for (auto& [key, waiting] : forwarded) refuse_now(std::move(waiting.pending), unknown_outcome());
  forwarded.clear();
}

}  // namespace hansa::projections
