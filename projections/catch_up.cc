#include "projections/catch_up.h"

#include <future>
#include <utility>

#include "projections/fold.h"
#include "streams/ledger_reader.h"

namespace hansa::projections {
namespace {

constexpr Seq kProgressEntries = 1'000;
// Fewer rows are written sooner through the memtable.
constexpr size_t kSortedRowsMin = 10'000;

class CatchUp {
 public:
  CatchUp(RowCache& rows, const Meta& from, const CatchUpLimits& limits, const CatchUpHooks& hooks)
      : rows_(rows), limits_(limits), hooks_(hooks), reached_(from.position),
        time_us_(from.time_us) {}

  Result<CaughtUp> run(streams::Log& log, const LedgerId& ledger, const FoundingId& founding_id) {
    ledger_kind_ = ledger.kind;
    HANSA_TRY(end_, streams::find_end(log, ledger, reached_.next_offset));
    if (end_ < reached_.next_offset) {
      return fail(Errc::kLogBehind,
                  "the log of " + ledger.text() + " ends at offset " + std::to_string(end_) +
                      ", but the projection has seen offset " +
                      std::to_string(reached_.next_offset) + "; restore the log");
    }
    if (reached_.seq == 0) reached_.tip = founding_hash(founding_id);
    streams::LedgerVisitor visitor;
    visitor.is_void = [this](Offset, std::string_view) { ++reached_.voids; };
    visitor.valid = [this](Seq seq, Offset offset, const Hash& hash, std::string_view value) {
      return fold(seq, offset, hash, value);
    };
    HANSA_TRY(const ChainPosition position,
              streams::read_ledger(log, ledger, founding_id, reached_, visitor,
                                   limits_.schema_level_known));
    HANSA_CHECK(all_own());
    HANSA_CHECK(finish_commit());
    HANSA_CHECK(rows_.commit(position, time_us_, way()));
    return CaughtUp{position, time_us_};
  }

  // A job that still runs holds the store.
  ~CatchUp() { (void)finish_commit(); }

 private:
  Result<void> fold(Seq seq, Offset offset, const Hash& hash, std::string_view value) {
    const auto bytes = payload_of(value);
    if (!payload_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return fail(Errc::kUpgradeNeeded,
                  "entry " + std::to_string(seq) +
                      " is valid, but its payload cannot be read by this binary; install a newer "
                      "one");
    }
    HANSA_CHECK(fold_entry(rows_, payload_, {seq, hash, leaf_in(ledger_kind_, value)}));
    if (rows_.failure()) return fail(*rows_.failure());
    if (hooks_.authorship != nullptr) hooks_.authorship->take(seq, value, payload_);
    if (hooks_.folded) HANSA_CHECK(hooks_.folded(payload_));
    time_us_ = payload_.time_us();
    reached_ = {seq, hash, offset + 1, reached_.voids};
    if (hooks_.go_on && seq % kProgressEntries == 0 && !hooks_.go_on({seq, offset + 1, end_})) {
      return fail(Errc::kUnavailable, "the fold was cancelled; the rows are as they were");
    }
    if (rows_.dirty_rows() < limits_.dirty_rows_max && !rows_.is_full()) return {};
    // A checkpoint further on may cover what is not known to be the ledger's own yet.
    if (auto own = all_own(); !own) return rows_.is_full() ? own : Result<void>();
    HANSA_CHECK(finish_commit());
    begin_commit();
    return {};
  }

  Result<void> all_own() const {
    return hooks_.authorship == nullptr ? Result<void>() : hooks_.authorship->all_own();
  }

  CommitWay way() const {
    return rows_.dirty_rows() < kSortedRowsMin ? CommitWay::kBatch : CommitWay::kSortedFile;
  }

  // Sorted and written on a second core while the next entries are folded.
  void begin_commit() {
    job_ = std::make_unique<CommitJob>(rows_.begin_commit(reached_, time_us_, way()));
    running_ = std::async(std::launch::async, [job = job_.get()] { (void)job->run(); });
  }

  Result<void> finish_commit() {
    if (job_ == nullptr) return {};
    running_.get();
    const auto job = std::exchange(job_, nullptr);
    return rows_.finish_commit(std::move(*job));
  }

  RowCache& rows_;
  const CatchUpLimits& limits_;
  const CatchUpHooks& hooks_;
  std::string ledger_kind_;
  Offset end_ = 0;
  ChainPosition reached_;
  int64_t time_us_ = 0;
  v1::Payload payload_;
  std::unique_ptr<CommitJob> job_;
  std::future<void> running_;
};

}  // namespace

Result<CaughtUp> catch_up(streams::Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                          const Store& store, RowCache& rows, const CatchUpLimits& limits,
                          const CatchUpHooks& hooks) {
  return CatchUp(rows, store.meta(), limits, hooks).run(log, ledger, founding_id);
}

}  // namespace hansa::projections
