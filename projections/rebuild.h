// Rebuild: folds a ledger anew from its first record into a fresh version of its rows, and swaps.
//
// Shape:   rebuild_offline(): of a stopped node. Fills the next version (versions.h), compares its
//          digest with the current version's where both stand at the same entry, makes it count,
//          and removes the others.
//          RebuildJob: beside a keeper that goes on deciding. Its thread folds until fewer than
//          kRebuildTailMax records are left and calls back; the keeper then folds the tail between
//          two rounds, compares, and swaps store and rows (keeper_rebuild.cc). The live version
//          serves until then, and stays whatever happens before.
//          RebuildPermits: how many may run at once in a process.
// Errors:  kDataInUse: a server has the rows open. Those of the log, the chain and the fold: the
//          current version stays, the new one is removed. kUnavailable: the disk, or it was
//          cancelled. A digest that differs is no error: the rebuilt rows are right, and the report
//          says so.
// Threads: rebuild_offline: the caller's; nobody else may touch the ledger's rows meanwhile.
//          RebuildJob: status() and cancel() from any, the rest from the keeper's strand.
// Limits:  CatchUpLimits, and row_cache_bytes of rows kept decoded beside those of the keeper.
// Source:  DESIGN §6.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "projections/catch_up.h"
#include "projections/versions.h"

namespace hansa::projections {

inline constexpr Offset kRebuildTailMax = 2'000;

struct RebuildReport {
  std::string directory;  // of the version that counts from now on
  Meta meta;
  std::optional<Meta> before;  // of the version that counted, if it could be read
  // Both stood at the same entry and their digests differ: the old rows were wrong.
  bool digest_differed = false;
};

Result<RebuildReport> rebuild_offline(streams::Log& log, const LedgerId& ledger,
                                      const FoundingId& founding_id,
                                      const std::string& projections_dir,
                                      std::shared_ptr<StoreBudget> budget, size_t row_cache_bytes,
                                      const GoOn& go_on = {}, Authorship authorship = {});

enum class RebuildPhase : uint8_t {
  kNone,       // none since the start
  kWaiting,    // for a permit
  kFolding,
  kSwapping,
  kDone,
  kCancelled,
  kFailed,
};
const std::string& phase_name(RebuildPhase phase);

struct RebuildStatus {
  RebuildPhase phase = RebuildPhase::kNone;
  CatchUpProgress progress;
  bool digest_differed = false;
  std::string detail;  // why it failed, or what differed

  bool runs() const {
    return phase == RebuildPhase::kWaiting || phase == RebuildPhase::kFolding ||
           phase == RebuildPhase::kSwapping;
  }
};

class RebuildPermits {
 public:
  explicit RebuildPermits(size_t most) : left_(static_cast<int64_t>(most)) {}
  bool take();
  void give() { ++left_; }

 private:
  std::atomic<int64_t> left_;
};

class RebuildJob {
 public:
  struct Plan {
    streams::Log& log;
    LedgerId ledger;
    FoundingId founding_id;
    std::string directory;  // of the version to be made
    std::shared_ptr<StoreBudget> budget;
    size_t row_cache_bytes = 0;
    std::shared_ptr<RebuildPermits> permits;  // one is taken, and given back at the end
    std::function<Result<void>(const v1::Payload&)> folded = {};
    Authorship authorship = {};
    uint16_t schema_level_known = kSchemaLevel;
  };

  // Takes a permit over from the caller.
  explicit RebuildJob(Plan plan);
  // Cancels what still runs, and removes the version unless it was kept.
  ~RebuildJob();
  RebuildJob(const RebuildJob&) = delete;
  RebuildJob& operator=(const RebuildJob&) = delete;

  // Folds on a thread of its own and calls back from there, once.
  void fold(std::function<void(Result<void>)> done);
  void cancel() { cancelled_ = true; }
  bool is_cancelled() const { return cancelled_; }
  CatchUpProgress progress() const;

  // After fold() has called back.
  Result<CaughtUp> fold_tail();
  const std::string& directory() const { return plan_.directory; }
  const Store& store() const { return *store_; }
  // The version counts now: it is the caller's.
  std::pair<std::shared_ptr<Store>, std::unique_ptr<RowCache>> keep();

 private:
  Result<void> fold_all();
  Result<CaughtUp> fold_once();

  Plan plan_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<RowCache> rows_;
  std::atomic<bool> cancelled_{false};
  bool kept_ = false;
  mutable std::mutex mutex_;
  CatchUpProgress progress_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hansa::projections
