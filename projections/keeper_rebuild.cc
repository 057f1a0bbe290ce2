#include <boost/asio/post.hpp>
#include <filesystem>

#include "projections/keeper_loop.h"

namespace hansa::projections {
namespace {

// More than this behind, the thread folds once more rather than the strand.
constexpr Offset kSwapTailMax = 4 * kRebuildTailMax;
// A rebuild that the rows need and the disk refused is tried again so often.
constexpr int64_t kRetryTicks = 200;

std::string percent(const CatchUpProgress& progress) {
  if (progress.end_offset == 0) return "0 %";
  return std::to_string(progress.next_offset * 100 / progress.end_offset) + " %";
}

}  // namespace

Result<void> KeeperLoop::begin_rebuild() {
  if (stopped) return fail(*stopped);
  if (rebuild != nullptr) {
    return fail(Errc::kWrongState, "a rebuild of " + config.ledger.text() + " runs already (" +
                                       percent(rebuild->progress()) +
                                       "); wait for it or cancel it");
  }
  if (on_closed != nullptr) return fail(Errc::kUnavailable, "the server is stopping");
  if (config.rebuild_permits != nullptr && !config.rebuild_permits->take()) {
    return fail(Errc::kRateLimited,
                "this node folds as many ledgers anew as it may at once (limits: rebuilds_max); "
                "try again when one is done");
  }
  RebuildJob::Plan plan{log, config.ledger, config.founding_id,
                        next_version_dir(versions_folder(directory)), budget,
                        config.limits.row_cache_mib * kMib, config.rebuild_permits};
  // Rows that count already took care of the keys of erased persons.
  if (outdated) plan.folded = [this](const v1::Payload& payload) { return erase_folded(payload); };
  plan.authorship = new_authorship();
  plan.schema_level_known = config.schema_level_known;
  {
    const std::lock_guard lock(mutex);
    rebuild = std::make_shared<RebuildJob>(std::move(plan));
    rebuild_status = {.phase = RebuildPhase::kFolding};
  }
  fold_anew();
  return {};
}

void KeeperLoop::fold_anew() {
  rebuild->fold([weak = weak_from_this()](Result<void> folded) {
    auto self = weak.lock();
    if (self == nullptr) return;
    auto& loop = *self;
    boost::asio::post(loop.strand, [self = std::move(self), folded = std::move(folded)] {
      self->rebuild_folded(folded);
    });
  });
}

Result<void> KeeperLoop::erase_folded(const v1::Payload& payload) {
  for (const auto& person : persons_erased_by(payload)) {
    auto erased = keyring.erase(person);
    if (!erased && erased.error().code != Errc::kUnknownPerson) return erased;
  }
  return {};
}

void KeeperLoop::rebuild_folded(const Result<void>& folded) {
  if (!folded) {
    end_rebuild(rebuild->is_cancelled() ? RebuildPhase::kCancelled : RebuildPhase::kFailed,
                folded.error());
  } else {
    const std::lock_guard lock(mutex);
    rebuild_status.phase = RebuildPhase::kSwapping;
    swap_wanted = true;
  }
  round();
}

// Between two rounds, when nothing is on its way and everything landed is committed.
void KeeperLoop::try_swap() {
  if (rebuild->is_cancelled() || stopped) {
    return end_rebuild(RebuildPhase::kCancelled, {Errc::kUnavailable, "the rebuild was cancelled"});
  }
  if (!outdated) {
    if (rows->unlanded_entries() > 0 || committing || flights > 0 || must_follow()) return;
    if (commit_failure) return end_rebuild(RebuildPhase::kFailed, *commit_failure);
    if (rows->dirty_rows() > 0) return commit();
  }
  const auto end = log.end(config.ledger);
  if (end && *end > rebuild->progress().next_offset + kSwapTailMax) {
    swap_wanted = false;
    return fold_anew();
  }
  // What others wrote, or came late, may stand in the log and not be known here yet.
  if (!outdated) follow_log();
  if (stopped || must_follow()) return;
  const auto reached = rebuild->fold_tail();
  if (!reached) return end_rebuild(RebuildPhase::kFailed, reached.error());
  const bool same_entry = outdated || reached->position.seq == appender->landed().seq;
  if (!same_entry || rows->dirty_rows() > 0) return post_round();
  if (auto swapped = swap(*reached); !swapped) end_rebuild(RebuildPhase::kFailed, swapped.error());
}

Result<void> KeeperLoop::swap(const CaughtUp& reached) {
  const bool differs = !outdated && store->meta().digest != rebuild->store().meta().digest;
  HANSA_CHECK(make_current(rebuild->directory()));
  auto [fresh_store, fresh_rows] = rebuild->keep();
  uncommitted_time_us = 0;
  retired.push_back({store->in_use(), directory});
  directory = rebuild->directory();
  std::shared_ptr<RowCache> old_rows = std::exchange(rows, std::move(fresh_rows));
  std::shared_ptr<Store> old_store;
  {
    const std::lock_guard lock(mutex);
    old_store = std::exchange(store, std::move(fresh_store));
    rebuild_status.digest_differed = differs;
  }
  // A large cache dies slowly: not here, and before the store that it writes to.
  boost::asio::post(strand.get_inner_executor(),
                    [old_store = std::move(old_store), old_rows = std::move(old_rows)]() mutable {
                      old_rows.reset();
                      old_store.reset();
                    });
  if (outdated) begin_keeping(reached);
  outdated = false;
  end_rebuild(RebuildPhase::kDone,
              {Errc::kDigestDiffers, differs ? "the former rows had another digest; these are right"
                                             : ""});
  return {};
}

void KeeperLoop::end_rebuild(RebuildPhase phase, const Error& why) {
  swap_wanted = false;
  std::shared_ptr<RebuildJob> ended;
  {
    const std::lock_guard lock(mutex);
    rebuild_status.phase = phase;
    rebuild_status.progress = rebuild->progress();
    rebuild_status.detail = why.detail;
    ended = std::exchange(rebuild, nullptr);
  }
  if (observer != nullptr) observer->rebuilt(config.ledger, rebuild_status);
  retry_ticks = kRetryTicks;
  // Its thread may still be on its way out, and its rows take time to go.
  boost::asio::post(strand.get_inner_executor(), [ended = std::move(ended)]() mutable {
    ended.reset();
  });
  if (outdated && phase == RebuildPhase::kFailed && why.code != Errc::kUnavailable) stop(why);
}

RebuildStatus KeeperLoop::current_rebuild() const {
  const std::lock_guard lock(mutex);
  RebuildStatus status = rebuild_status;
  if (rebuild != nullptr) status.progress = rebuild->progress();
  return status;
}

// Rows of another schema are read until the fold that replaces them is done; nothing is decided.
void KeeperLoop::keep_outdated() {
  if (rebuild == nullptr && !stopped && on_closed == nullptr && --retry_ticks <= 0) {
    retry_ticks = kRetryTicks;
    if (auto begun = begin_rebuild(); !begun) {
      const std::lock_guard lock(mutex);
      rebuild_status = {.phase = RebuildPhase::kWaiting, .detail = begun.error().detail};
    }
  }
  while (!queue.empty()) {
    refuse_now(std::move(queue.front()),
               stopped ? *stopped : Error{Errc::kUnavailable, outdated_text()});
    queue.pop_front();
  }
  if (swap_wanted) try_swap();
}

std::string KeeperLoop::outdated_text() const {
  return "the rows of " + config.ledger.text() + " are folded anew for this binary (" +
         percent(current_rebuild().progress) + " done); try again later";
}

void KeeperLoop::remove_retired() {
  std::erase_if(retired, [](const Retired& old) {
    if (!old.in_use.expired()) return false;
    std::error_code ignored;
    std::filesystem::remove_all(old.directory, ignored);
    return true;
  });
}

}  // namespace hansa::projections
