// KeeperLoop: the inside of Keeper; one round after the other on one strand.
//
// Shape:   inbox_ (any thread, under a mutex) -> queue_ -> open_ (decided, in order of deciding)
//          -> answered. An item of open_ is an entry (answered when its seq has landed) or an
//          answer that depends on the entries before it (answered when `seq` has landed).
// Errors:  stop() ends the ledger's work for good: what is in flight is answered unknown_outcome,
//          what waits ledger_stopped; reads go on from the last commit.
// Threads: everything below runs on the strand, except what is marked otherwise.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "projections/keeper.h"
#include "projections/rebuild.h"
#include "projections/row_cache.h"
#include "streams/appender.h"

namespace hansa::projections {

std::vector<PersonId> persons_erased_by(const v1::Payload& payload);
uint64_t deadlines_breached_by(const v1::Payload& payload);

struct KeeperLoop : std::enable_shared_from_this<KeeperLoop> {
  struct Pending {
    Submission submission;
    Answer answer;
    int64_t submitted_us = 0;
    ActorId actor;
    bool maybe_landed = false;  // an earlier attempt of it may still come to stand in the log
    bool has_read = false;      // the log was read to its end after the command came
    bool decide_here = false;   // the leader was waited for in vain
  };
  struct Open {
    Seq seq = 0;
    int64_t time_us = 0;  // ledger time of the entry
    bool is_entry = false;
    std::optional<Pending> pending;  // none: a timer of our own
    Result<v1::Receipt> result;
    std::vector<PersonId> erased;
    uint64_t breached = 0;  // deadlines
  };
  // A command that another node decides, and how long its entry is still waited for.
  struct Forwarded {
    Pending pending;
    int64_t left_us = 0;
  };
  // A version that counts no more, and goes when its last reader lets go.
  struct Retired {
    std::weak_ptr<const void> in_use;
    std::string directory;
  };
  struct Waiter {
    std::optional<Seq> seq;  // none: it is not known yet where the end was
    bool is_for_end = false;
    int64_t left_us = 0;
    Keeper::Shown shown;
  };

  // Whether all that stood in the log a moment ago is known.
  enum class End {
    kAtTip,       // once the tip has landed
    kLater,       // not before what is on its way has landed
    kUnreadable,
  };

  KeeperLoop(KeeperConfig config, streams::Log& log, Env& env, Keyring& keyring,
             boost::asio::any_io_executor executor, KeeperObserver* observer);

  // Opening (before the strand runs).
  Result<void> open(std::shared_ptr<StoreBudget> budget);
  Result<void> catch_up();
  void begin_keeping(const CaughtUp& reached);
  Authorship new_authorship() const;
  void check_clock();

  // From any thread.
  void submit(Submission submission, Answer answer);
  void wait_for(Seq seq, int64_t timeout_us, Keeper::Shown shown);
  void add_waiter(Waiter waiter);
  void fire_timers(std::function<void()> fired);
  void close(std::function<void()> closed);
  KeeperHealth health() const;
  std::shared_ptr<Store> current_store() const;
  RebuildStatus current_rebuild() const;
  void post_round();

  // The round.
  void round();
  bool can_decide() const;
  void end_round();
  void take_inbox();
  void requeue_held();
  void decide_waiting();
  void decide_one(Pending pending);
  std::optional<Result<v1::Receipt>> known_answer(const Pending& pending) const;
  DecideContext context_of(const Pending& pending) const;
  bool is_in_turn(const InputStep& input) const;
  void decide_timers();
  bool checkpoint_wanted() const;
  void sign_checkpoint();
  void append(Pending* pending, const v1::Cause& cause, Decision decision);
  void append_refusal(Pending pending, v1::Cause cause, const Error& error);
  Result<streams::Stamped> stamp(const v1::Payload& payload);
  bool stamp_and_fold(Open item, v1::Payload& payload, const v1::Cause& cause);
  void answer_after_tip(Pending pending, Result<v1::Receipt> result);
  void refuse_now(Pending pending, Error error);

  // Who leads, and what that means for a command (keeper_forward.cc). take_lead: from any thread.
  void take_lead(Lead taken);
  bool leads() const;
  bool hands_on(const Pending& pending) const;
  bool reads_first(Pending& pending);
  End find_end();
  bool read_to_end();
  void refuse_unread(Pending pending);
  void hand_on(Pending pending);
  bool is_imported(const Pending& pending) const;
  void answer_forwarded(Seq seq, const Hash& hash, const v1::Payload& payload);
  void age_forwarded(int64_t by_us);
  void watch_log();
  void arrived();

  // What became of it.
  void send();
  void delivered(streams::Appender::FlightId flight, std::vector<streams::Delivery> deliveries);
  void follow_log();
  void followed(const Result<std::vector<streams::Step>>& steps);
  void give_up_waiting();
  bool carry_out(const std::vector<streams::Step>& steps);
  void landed(Seq seq);
  void note_landed(int64_t time_us);
  void undo();
  bool fold_foreign(const streams::ValidEntry& entry);
  void answer_ready();
  void answer(Open& item);
  bool erase_keys(const std::vector<PersonId>& persons);

  // A rebuild beside the rows that count (keeper_rebuild.cc).
  Result<void> begin_rebuild();
  void fold_anew();
  Result<void> erase_folded(const v1::Payload& payload);
  void rebuild_folded(const Result<void>& folded);
  void try_swap();
  Result<void> swap(const CaughtUp& reached);
  void end_rebuild(RebuildPhase phase, const Error& why);
  void keep_outdated();
  std::string outdated_text() const;
  void remove_retired();

  // Between rounds.
  bool has_uncommitted() const;
  bool commit_wanted() const;
  void commit();
  void committed(CommitJob& job, size_t changed_rows, int64_t took_us);
  void place_waiters();
  void serve_waiters();
  void schedule_tick();
  void tick();
  void follow_others();
  void stop(Error error);
  void update_health();
  bool idle() const;
  // The log failed us: read on before anything else.
  bool must_follow() const { return appender != nullptr && appender->must_follow(); }

  // The pseudonym under which a caller stands in this ledger. From any thread.
  ActorId actor_of(const Principal& principal) const;
  v1::Cause make_cause(const Pending& pending) const;
  v1::Receipt receipt_of(const Pending& pending, Seq seq, const Hash& hash,
                         const v1::Payload& payload) const;
  int64_t ledger_time_us() const;
  int64_t monotonic_us() const;

  KeeperConfig config;
  streams::Log& log;
  Env& env;
  Keyring& keyring;
  KeeperObserver* observer;
  std::string actor_key;
  std::string request_key;
  std::string author_key;  // empty: nobody else reads the ledger
  Authorship authorship;   // of what was folded from the log
  boost::asio::strand<boost::asio::any_io_executor> strand;
  boost::asio::steady_timer timer;  // the strand's alone
  std::atomic<bool> is_abandoned{false};  // its Keeper is gone: no tick follows
  std::shared_ptr<StoreBudget> budget;
  std::string directory;         // of the version that counts
  std::shared_ptr<Store> store;  // changed on the strand, under mutex; read there without
  std::unique_ptr<RowCache> rows;
  std::unique_ptr<streams::Appender> appender;

  mutable std::mutex mutex;
  std::deque<Pending> inbox;  // guarded by mutex
  bool round_posted = false;  // guarded by mutex
  bool closing = false;       // guarded by mutex
  KeeperHealth last_health;   // guarded by mutex
  RebuildStatus rebuild_status;          // guarded by mutex
  std::shared_ptr<RebuildJob> rebuild;   // as store

  std::deque<Pending> queue;
  std::deque<Pending> held;  // decided anew once what is on its way has landed
  std::deque<Open> open_items;
  std::multimap<std::string, Forwarded> forwarded;  // by what the entry will name
  Lead lead = Lead::kUndecided;
  int64_t in_doubt_us = 0;  // so long commands are decided here: the leader did not answer
  bool read_this_round = false;
  uint64_t forwarded_count = 0;
  uint64_t forward_timeouts = 0;
  std::atomic<bool> arrival_posted{false};
  std::vector<Waiter> waiters;
  std::vector<std::function<void()>> on_timers_fired;
  std::function<void()> on_closed;
  size_t flights = 0;
  int64_t sent_us = 0;
  int64_t signed_us = 0;  // when the last checkpoint was made
  int64_t tip_time_us = 0;     // of the newest entry decided or folded
  int64_t landed_time_us = 0;  // of the newest entry landed
  // Of the oldest entry landed that the rows on disk lack, and of the oldest that the commit which
  // runs does not take along; 0: there is none.
  int64_t uncommitted_time_us = 0;
  int64_t left_time_us = 0;
  bool timers_wanted = false;
  bool commit_due = false;
  bool committing = false;
  bool clock_jumped = false;
  bool outdated = false;  // the rows are of another schema: nothing is decided on them
  bool swap_wanted = false;
  int64_t retry_ticks = 0;
  std::vector<Retired> retired;
  Errc stopped_by = Errc::kInternal;  // while `stopped`
  uint64_t breached_deadlines = 0;
  std::optional<Error> commit_failure;
  std::optional<Error> log_failure;
  std::optional<Error> stopped;
  int64_t ticks = 0;
  int64_t ticked_at_us = 0;
};

}  // namespace hansa::projections
