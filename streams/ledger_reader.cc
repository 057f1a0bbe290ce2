#include "streams/ledger_reader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/assert.h"

namespace hansa::streams {
namespace {

constexpr size_t kReadAheadBytes = 1024 * 1024;
constexpr size_t kBatchesAhead = 3;

Error gave_nothing(const LedgerId& ledger, Offset from, Offset target) {
  return {Errc::kUnavailable, ledger.text() + ": the log gave nothing at offset " +
                                  std::to_string(from) + ", expected records up to " +
                                  std::to_string(target)};
}

}  // namespace

bool stops_ledger(Errc code) {
  switch (code) {
    case Errc::kLedgerStopped:
    case Errc::kUpgradeNeeded:
    case Errc::kChainBroken:
    case Errc::kLogBehind:
    case Errc::kDataInUse:
      return true;
    default:
      return false;
  }
}

// The log itself is not sure of an end before it was asked for what should stand there.
Result<Offset> find_end(Log& log, const LedgerId& ledger, Offset reached) {
  HANSA_TRY(const Offset end, log.end(ledger));
  if (end >= reached) return end;
  const auto there = log.read(ledger, reached, 1);
  if (there) return std::max(reached, there->next);
  if (there.error().code == Errc::kLogBehind) return end;
  return fail(there.error());
}

Result<void> read_records(Log& log, const LedgerId& ledger, Chain& chain, Offset target,
                          const ApplyRecord& apply) {
  while (chain.position().next_offset < target) {
    const Offset from = chain.position().next_offset;
    HANSA_TRY(const ReadResult read, log.read(ledger, from, kReadBytesMax));
    for (const auto& record : read.records) {
      if (record.offset >= target) break;
      HANSA_ASSERT(record.offset >= chain.position().next_offset, "a log reads in offset order");
      HANSA_CHECK(apply(record.offset, record.value));
    }
    chain.skip_to(std::min(read.next, target));
    if (chain.position().next_offset == from) return fail(gave_nothing(ledger, from, target));
  }
  return {};
}

namespace {

// What one read of the log gave, with the chain's verdict on each record.
struct Batch {
  std::vector<Record> records;
  std::vector<Verdict> verdicts;  // their payloads point into `records`
  ChainPosition before;           // of the first record
  ChainPosition after;
  std::optional<Error> error;     // behind these records nothing more comes
};

// Reads, checks and hashes on a thread of its own, at most kBatchesAhead batches ahead.
class ReadAhead {
 public:
  ReadAhead(Log& log, const LedgerId& ledger, Chain& chain, Offset target)
      : log_(log), ledger_(ledger), chain_(chain), target_(target), thread_([this] { work(); }) {}

  ~ReadAhead() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // nullptr when everything up to the target was given out.
  std::unique_ptr<Batch> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ || !ready_.empty(); });
    if (ready_.empty()) return nullptr;
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  void work() {
    bool go_on = true;
    while (go_on && chain_.position().next_offset < target_) {
      auto batch = read();
      go_on = !batch->error;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || ready_.size() < kBatchesAhead; });
      go_on = go_on && !stopping_;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  std::unique_ptr<Batch> read() {
    auto batch = std::make_unique<Batch>();
    batch->before = chain_.position();
    const Offset from = batch->before.next_offset;
    auto read = log_.read(ledger_, from, kReadAheadBytes);
    if (read) {
      batch->records = std::move(read->records);
      while (!batch->records.empty() && batch->records.back().offset >= target_) {
        batch->records.pop_back();
      }
      judge(*batch, std::min(read->next, target_));
    } else {
      batch->error = std::move(read).error();
    }
    batch->after = chain_.position();
    return batch;
  }

  void judge(Batch& batch, Offset next) {
    const Offset from = chain_.position().next_offset;
    batch.verdicts.reserve(batch.records.size());
    for (const auto& record : batch.records) {
      HANSA_ASSERT(record.offset >= chain_.position().next_offset, "a log reads in offset order");
      batch.verdicts.push_back(chain_.apply(record.offset, record.value));
      if (batch.verdicts.back().kind != VerdictKind::kStop) continue;
      batch.error = batch.verdicts.back().error;
      batch.verdicts.pop_back();
      return;
    }
    chain_.skip_to(next);
    if (chain_.position().next_offset == from) batch.error = gave_nothing(ledger_, from, target_);
  }

  Log& log_;
  const LedgerId& ledger_;
  Chain& chain_;  // this thread's alone while it runs
  const Offset target_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Batch>> ready_;  // guarded by mutex_
  bool stopping_ = false;                     // guarded by mutex_
  bool done_ = false;                         // guarded by mutex_
  std::thread thread_;
};

Result<void> visit_batch(const Batch& batch, const LedgerVisitor& visitor, Seq& seq) {
  for (size_t i = 0; i < batch.verdicts.size(); ++i) {
    const Record& record = batch.records[i];
    const Verdict& verdict = batch.verdicts[i];
    if (verdict.kind == VerdictKind::kVoid) {
      if (visitor.is_void) visitor.is_void(record.offset, record.value);
      continue;
    }
    ++seq;
    if (!visitor.valid) continue;
    auto taken = visitor.valid(seq, record.offset, verdict.hash, record.value);
    if (taken) continue;
    if (taken.error().seq == 0) taken.error().seq = seq;
    return taken;
  }
  if (batch.error) return fail(*batch.error);
  return {};
}

}  // namespace

Result<ChainPosition> read_ledger(Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                                  const ChainPosition& from, const LedgerVisitor& visitor,
                                  uint16_t schema_level_known) {
  Chain chain(founding_id, from, schema_level_known);
  ChainPosition reached = chain.position();
  Result<void> result;
  const auto end = find_end(log, ledger, from.next_offset);
  if (!end) {
    result = fail(end.error());
  } else if (*end < from.next_offset) {
    result = fail(Errc::kLogBehind, ledger.text() + ": the log ends at offset " +
                                        std::to_string(*end) + ", expected at least " +
                                        std::to_string(from.next_offset));
  } else {
    ReadAhead ahead(log, ledger, chain, *end);
    while (result) {
      const auto batch = ahead.next();
      if (batch == nullptr) break;
      result = visit_batch(*batch, visitor, reached.seq);
      if (result) reached = batch->after;
    }
  }
  if (result) return reached;
  Error error = std::move(result).error();
  if (error.seq == 0) error.seq = reached.seq + 1;
  return fail(std::move(error));
}

}  // namespace hansa::streams
