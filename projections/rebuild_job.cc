#include <array>
#include <filesystem>

#include "projections/rebuild.h"

namespace hansa::projections {

namespace fs = std::filesystem;

const std::string& phase_name(RebuildPhase phase) {
  static const std::array<std::string, 7> kNames = {"none", "waiting",   "folding", "swapping",
                                                    "done", "cancelled", "failed"};
  return kNames.at(static_cast<size_t>(phase));
}

bool RebuildPermits::take() {
  if (left_.fetch_sub(1) > 0) return true;
  ++left_;
  return false;
}

RebuildJob::RebuildJob(Plan plan) : plan_(std::move(plan)) {}

RebuildJob::~RebuildJob() {
  cancel();
  if (thread_.joinable()) thread_.join();
  if (!kept_) {
    rows_.reset();
    store_.reset();
    // A swap may have failed behind its rename: what counts now stays.
    const auto all = fs::path(versions_folder(plan_.directory)).parent_path();
    std::error_code ignored;
    if (current_version_dir(all, plan_.ledger) != plan_.directory) {
      fs::remove_all(plan_.directory, ignored);
    }
  }
  if (plan_.permits != nullptr) plan_.permits->give();
}

void RebuildJob::fold(std::function<void(Result<void>)> done) {
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, done = std::move(done)] { done(fold_all()); });
}

CatchUpProgress RebuildJob::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

// Again and again, since the ledger grows meanwhile.
Result<void> RebuildJob::fold_all() {
  if (store_ == nullptr) {
    HANSA_TRY(store_, Store::open(plan_.directory, plan_.budget));
    rows_ = std::make_unique<RowCache>(*store_, plan_.row_cache_bytes);
  }
  while (true) {
    HANSA_TRY(const CaughtUp reached, fold_once());
    HANSA_TRY(const Offset end, plan_.log.end(plan_.ledger));
    if (cancelled_) return fail(Errc::kUnavailable, "the rebuild was cancelled");
    if (end - reached.position.next_offset < kRebuildTailMax) return {};
  }
}

Result<CaughtUp> RebuildJob::fold_once() {
  CatchUpHooks hooks;
  hooks.folded = plan_.folded;
  hooks.authorship = &plan_.authorship;
  hooks.go_on = [this](const CatchUpProgress& progress) {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
    return !cancelled_.load();
  };
  CatchUpLimits limits;
  limits.schema_level_known = plan_.schema_level_known;
  return catch_up(plan_.log, plan_.ledger, plan_.founding_id, *store_, *rows_, limits, hooks);
}

Result<CaughtUp> RebuildJob::fold_tail() {
  HANSA_TRY(const CaughtUp reached, fold_once());
  const std::lock_guard lock(mutex_);
  const Offset next = reached.position.next_offset;
  progress_ = {reached.position.seq, next, next};
  return reached;
}

std::pair<std::shared_ptr<Store>, std::unique_ptr<RowCache>> RebuildJob::keep() {
  kept_ = true;
  return {std::move(store_), std::move(rows_)};
}

}  // namespace hansa::projections
