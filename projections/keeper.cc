#include "projections/keeper.h"

#include <boost/asio/post.hpp>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "projections/catch_up.h"
#include "projections/keeper_loop.h"

namespace hansa::projections {
namespace {

constexpr int64_t kClockJumpUsMax = kDayUs;

std::string hours_text(int64_t span_us) { return std::to_string(span_us / kHourUs) + " h"; }

}  // namespace

KeeperLoop::KeeperLoop(KeeperConfig keeper_config, streams::Log& ledger_log, Env& environment,
                       Keyring& city_keyring, boost::asio::any_io_executor executor,
                       KeeperObserver* keeper_observer)
    : config(std::move(keeper_config)),
      log(ledger_log),
      env(environment),
      keyring(city_keyring),
      observer(keeper_observer),
      actor_key(hkdf_sha256(config.secret, "actor", 32)),
      request_key(hkdf_sha256(config.secret, "request", 32)),
      author_key(config.sign ? hansa::author_key(config.secret) : std::string()),
      authorship(new_authorship()),
      strand(boost::asio::make_strand(executor)),
      timer(strand) {}

Result<void> KeeperLoop::open(std::shared_ptr<StoreBudget> shared_budget) {
  budget = std::move(shared_budget);
  directory = config.directory;
  remove_other_versions(directory);
  HANSA_TRY(store, Store::open(directory, budget));
  rows = std::make_unique<RowCache>(*store, config.limits.row_cache_mib * kMib);
  outdated = store->meta().row_schema_version != kRowSchemaVersion;
  if (!outdated) HANSA_CHECK(catch_up());
  update_health();
  return {};
}

// Folds what the log has beyond the committed position.
Result<void> KeeperLoop::catch_up() {
  CatchUpHooks hooks;
  hooks.authorship = &authorship;
  hooks.folded = [this](const v1::Payload& payload) -> Result<void> {
    if (!erase_keys(persons_erased_by(payload))) return fail(*stopped);
    return {};
  };
  HANSA_TRY(const CaughtUp reached,
            projections::catch_up(log, config.ledger, config.founding_id, *store, *rows,
                                  {config.limits.catch_up_dirty_rows_max,
                                   config.schema_level_known},
                                  hooks));
  begin_keeping(reached);
  return {};
}

void KeeperLoop::begin_keeping(const CaughtUp& reached) {
  tip_time_us = landed_time_us = reached.time_us;
  appender = std::make_unique<streams::Appender>(log, config.ledger, config.founding_id,
                                                 reached.position, env, author_key,
                                                 config.schema_level_known);
  check_clock();
}

Authorship KeeperLoop::new_authorship() const {
  return {config.ledger, author_key, config.accepted_to};
}

void KeeperLoop::check_clock() {
  const int64_t ahead_us = env.now_us() - landed_time_us;
  clock_jumped = landed_time_us > 0 && ahead_us > kClockJumpUsMax && !config.accept_clock_jump;
}

void KeeperLoop::submit(Submission submission, Answer answer) {
  const ActorId actor = actor_of(submission.principal);
  Pending pending{std::move(submission), std::move(answer), monotonic_us(), actor};
  std::unique_lock lock(mutex);
  if (closing) {
    lock.unlock();
    return pending.answer(fail(Errc::kUnavailable, "the server is stopping; try again shortly"));
  }
  if (inbox.size() >= config.limits.queue_commands_max) {
    lock.unlock();
    return pending.answer(
        fail(Errc::kRateLimited, "more commands wait for " + config.ledger.text() +
                                     " than it can take; wait a second and send it again"));
  }
  inbox.push_back(std::move(pending));
  if (round_posted) return;
  round_posted = true;
  lock.unlock();
  boost::asio::post(strand, [self = shared_from_this()] { self->round(); });
}

void KeeperLoop::post_round() {
  {
    std::lock_guard lock(mutex);
    if (round_posted) return;
    round_posted = true;
  }
  boost::asio::post(strand, [self = shared_from_this()] { self->round(); });
}

void KeeperLoop::wait_for(Seq seq, int64_t timeout_us, Keeper::Shown shown) {
  auto snapshot = current_store()->snapshot();
  if (snapshot->meta().position.seq >= seq) return shown(std::move(snapshot));
  add_waiter({seq, false, timeout_us, std::move(shown)});
}

void KeeperLoop::add_waiter(Waiter waiter) {
  boost::asio::post(strand, [self = shared_from_this(), waiter = std::move(waiter)]() mutable {
    self->waiters.push_back(std::move(waiter));
    self->post_round();
  });
}

void KeeperLoop::fire_timers(std::function<void()> fired) {
  boost::asio::post(strand, [self = shared_from_this(), fired = std::move(fired)]() mutable {
    self->timers_wanted = true;
    self->on_timers_fired.push_back(std::move(fired));
    self->post_round();
  });
}

void KeeperLoop::close(std::function<void()> closed) {
  {
    std::lock_guard lock(mutex);
    closing = true;
  }
  boost::asio::post(strand, [self = shared_from_this(), closed = std::move(closed)]() mutable {
    self->on_closed = std::move(closed);
    if (self->rebuild != nullptr) self->rebuild->cancel();
    self->post_round();
  });
}

ActorId KeeperLoop::actor_of(const Principal& principal) const {
  const Hash mac = hmac_sha256(actor_key, principal.issuer + '\0' + principal.subject);
  return *ActorId::from(mac.view().substr(0, 16));
}

KeeperHealth KeeperLoop::health() const {
  std::lock_guard lock(mutex);
  KeeperHealth copy = last_health;
  copy.queued_commands = inbox.size();
  copy.rebuild = rebuild_status;
  if (rebuild != nullptr) copy.rebuild.progress = rebuild->progress();
  return copy;
}

std::shared_ptr<Store> KeeperLoop::current_store() const {
  std::lock_guard lock(mutex);
  return store;
}

int64_t KeeperLoop::monotonic_us() const {
  return observer == nullptr ? 0 : observer->monotonic_us();
}

void KeeperLoop::schedule_tick() {
  if (ticks == 0) ticked_at_us = monotonic_us();
  if (!config.ticks_alone) return;
  timer.expires_after(std::chrono::microseconds(config.limits.commit_interval_us));
  timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (self == nullptr || error) return;
    self->tick();
  });
}

void KeeperLoop::tick() {
  if (on_closed == nullptr && !is_abandoned) schedule_tick();
  ++ticks;
  commit_due = true;
  // A round that waited for a broker may have taken many ticks' time.
  const int64_t now_us = monotonic_us();
  const int64_t since_us = std::max(config.limits.commit_interval_us, now_us - ticked_at_us);
  ticked_at_us = now_us;
  for (auto& waiter : waiters) waiter.left_us -= since_us;
  const int64_t ticks_a_second = std::max<int64_t>(1, kSecondUs / config.limits.commit_interval_us);
  if (ticks % ticks_a_second == 0) {
    if (config.timers_fire_alone && !clock_jumped && leads()) timers_wanted = true;
    // Whether the log can be written again shows with the next command.
    if (log_failure && !must_follow()) log_failure.reset();
    remove_retired();
    if (!stopped && appender != nullptr && !must_follow()) {
      if (auto same = appender->check_tail(); !same && same.error().code != Errc::kUnavailable) {
        stop(same.error());
      }
    }
  }
  follow_others();
  age_forwarded(since_us);
  round();
}

// What other nodes append is folded as it comes: rows stay warm, and whoever decides next has read.
void KeeperLoop::follow_others() {
  if (stopped || appender == nullptr || flights > 0 || must_follow()) return;
  if (log.has_more(config.ledger, appender->landed().next_offset)) {
    followed(appender->take_arrived());
  }
}

void KeeperLoop::update_health() {
  KeeperHealth health;
  if (stopped) {
    health.stopped = stopped;
    health.stopped_by = stopped_by;
    health.waits_for =
        stopped_by == Errc::kUpgradeNeeded ? Waits::kUpgrade : Waits::kStopped;
    health.waits = config.ledger.text() + " is stopped: " + stopped->detail;
  } else if (outdated) {
    health.waits_for = Waits::kRebuild;
    health.waits = outdated_text();
  } else if (clock_jumped) {
    health.waits_for = Waits::kClock;
    health.waits = config.ledger.text() + ": the clock is " +
                   hours_text(env.now_us() - landed_time_us) +
                   " ahead of the last entry; if it is right, start with --accept-clock-jump";
  } else if (commit_failure) {
    health.waits_for = Waits::kRows;
    health.waits = config.ledger.text() + ": " + commit_failure->detail;
  } else if (log_failure) {
    health.waits_for = Waits::kLog;
    health.waits = config.ledger.text() + ": " + log_failure->detail;
  }
  health.ready = health.waits.empty();
  health.could_lead = !stopped && !outdated && !clock_jumped && !commit_failure;
  const Meta meta = store->meta();
  health.committed_seq = meta.position.seq;
  health.digest = meta.digest;
  health.landed_seq = appender == nullptr ? meta.position.seq : appender->landed().seq;
  health.next_offset = appender == nullptr ? 0 : appender->landed().next_offset;
  health.voids = appender == nullptr ? 0 : appender->landed().voids;
  health.end_offset = health.next_offset;
  if (health.landed_seq > health.committed_seq && uncommitted_time_us > 0) {
    health.oldest_unprocessed_age_us = std::max<int64_t>(0, env.now_us() - uncommitted_time_us);
  }
  health.breached_deadlines = breached_deadlines;
  health.keyring_fails = keyring.is_failing();
  health.cache_hits = rows->hits();
  health.cache_misses = rows->misses();
  health.cache_bytes = rows->cached_bytes();
  health.dirty_rows = rows->dirty_rows();
  health.tip_time_us = landed_time_us;
  health.lead = leads() ? Lead::kHere : lead;
  health.forwarded_commands = forwarded_count;
  health.forward_timeouts = forward_timeouts;
  if (appender != nullptr) health.tip = appender->landed().tip;
  std::lock_guard lock(mutex);
  last_health = health;
}

struct Keeper::Impl {
  std::shared_ptr<KeeperLoop> loop;
};

Keeper::Keeper(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Keeper::~Keeper() {
  // The log's thread must not be the last to let go of the loop.
  if (impl_->loop->config.forward) impl_->loop->log.watch(impl_->loop->config.ledger, {});
  impl_->loop->is_abandoned = true;
}

Result<std::shared_ptr<Keeper>> Keeper::open(KeeperConfig config, streams::Log& log, Env& env,
                                             std::shared_ptr<StoreBudget> budget,
                                             Keyring& keyring,
                                             boost::asio::any_io_executor executor,
                                             KeeperObserver* observer) {
  auto loop = std::make_shared<KeeperLoop>(std::move(config), log, env, keyring,
                                           std::move(executor), observer);
  HANSA_CHECK(loop->open(std::move(budget)));
  loop->watch_log();
  boost::asio::post(loop->strand, [loop] { loop->schedule_tick(); });
  return std::shared_ptr<Keeper>(new Keeper(std::make_shared<Impl>(Impl{std::move(loop)})));
}

void Keeper::submit(Submission submission, Answer answer) {
  impl_->loop->submit(std::move(submission), std::move(answer));
}

void Keeper::wait_for(Seq seq, int64_t timeout_us, Shown shown) {
  impl_->loop->wait_for(seq, timeout_us, std::move(shown));
}

void Keeper::wait_for_end(int64_t timeout_us, Shown shown) {
  impl_->loop->add_waiter({std::nullopt, true, timeout_us, std::move(shown)});
}

void Keeper::take_lead(Lead lead) { impl_->loop->take_lead(lead); }

void Keeper::look_again() { impl_->loop->post_round(); }

void Keeper::fire_timers(std::function<void()> fired) {
  impl_->loop->fire_timers(std::move(fired));
}

void Keeper::tick() {
  boost::asio::post(impl_->loop->strand, [loop = impl_->loop] { loop->tick(); });
}

std::shared_ptr<const Snapshot> Keeper::snapshot() const { return store()->snapshot(); }

ActorId Keeper::actor_of(const Principal& principal) const {
  return impl_->loop->actor_of(principal);
}

std::string Keeper::request_mac(std::string_view request_bytes) const {
  return std::string(hmac_sha256(impl_->loop->request_key, request_bytes).view().substr(0, 16));
}

const KeeperConfig& Keeper::config() const { return impl_->loop->config; }
KeeperHealth Keeper::health() const { return impl_->loop->health(); }
std::shared_ptr<Store> Keeper::store() const { return impl_->loop->current_store(); }

void Keeper::rebuild(std::function<void(Result<void>)> begun) {
  boost::asio::post(impl_->loop->strand, [loop = impl_->loop, begun = std::move(begun)] {
    begun(loop->begin_rebuild());
  });
}

void Keeper::cancel_rebuild(std::function<void(Result<void>)> asked) {
  boost::asio::post(impl_->loop->strand, [loop = impl_->loop, asked = std::move(asked)] {
    if (loop->rebuild == nullptr) {
      return asked(fail(Errc::kWrongState, "no rebuild of " + loop->config.ledger.text() +
                                               " runs; there is nothing to cancel"));
    }
    loop->rebuild->cancel();
    asked({});
  });
}

void Keeper::close(std::function<void()> closed) { impl_->loop->close(std::move(closed)); }

}  // namespace hansa::projections
