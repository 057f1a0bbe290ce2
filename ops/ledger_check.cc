#include "ops/ledger_check.h"

#include <set>

#include "core/base/hash.h"
#include "projections/rebuild.h"

namespace hansa::ops {
namespace {

constexpr size_t kCheckReadBytes = 4 * 1024 * 1024;

Error broken(const LedgerId& ledger, Seq seq, Offset offset, const std::string& why) {
  return Error{Errc::kChainBroken,
               ledger.text() + ": entry " + std::to_string(seq) + " is broken (record " +
                   std::to_string(offset) + "): " + why + "; restore the log from a copy",
               "", seq};
}

// Two entries contradict each other: which of them was changed? A changed entry no longer has the
// hash that others state for it, so the witnesses are the entry behind and the base named in it.
bool former_is_intact(const ChainPosition& before, const streams::Record& record,
                      const streams::Record* behind) {
  const auto entry = decode_entry(record.value);
  if (entry->envelope.prev == before.tip) return true;
  if (entry->envelope.base_seq == before.seq) {
    return entry->envelope.base_head == head_of(before.tip);
  }
  const auto next = behind == nullptr ? std::nullopt : decode_entry(behind->value);
  return next && next->envelope.prev != sha256(record.value);
}

// A record that the chain passes over although nothing but damage explains it. `lost`: the hashes
// of entries that lost against a rival.
std::optional<Error> suspicious(const LedgerId& ledger, const FoundingId& founding_id,
                                const ChainPosition& before, const streams::Record& record,
                                const streams::Record* behind, std::set<Hash>& lost) {
  const auto entry = decode_entry(record.value);
  if (!entry) {
    return broken(ledger, before.seq + 1, record.offset, "its envelope cannot be read");
  }
  if (entry->envelope.founding_id != founding_id) {
    return broken(ledger, before.seq + 1, record.offset, "it names another founding");
  }
  // A writer that lost a race leaves an entry of a seq that is taken already.
  if (entry->envelope.seq <= before.seq || lost.contains(entry->envelope.prev)) {
    lost.insert(sha256(record.value));
    return std::nullopt;
  }
  if (entry->envelope.seq == before.seq + 1 && before.seq > 0 &&
      !former_is_intact(before, record, behind)) {
    return broken(ledger, before.seq, record.offset - 1,
                  "the entry behind it states another hash for it");
  }
  return broken(ledger, before.seq + 1, record.offset, "it does not fit the entry before it");
}

}  // namespace

LogRecords::LogRecords(streams::Log& log, LedgerId ledger)
    : log_(log), ledger_(std::move(ledger)) {}

Result<streams::ReadResult> LogRecords::read(Offset from) {
  const auto end = log_.end(ledger_);
  // Damage where the end should be: what stands before it is read all the same.
  if (!end && end.error().code != Errc::kChainBroken) return fail(end.error());
  if (end && from >= *end) return streams::ReadResult{{}, from};
  auto batch = log_.read(ledger_, from, kCheckReadBytes);
  // One damaged record hides the whole batch: go on alone, up to it.
  if (!batch && batch.error().code == Errc::kChainBroken) return log_.read(ledger_, from, 1);
  return batch;
}

Result<LedgerCheck> check_ledger(Records& records, const LedgerId& ledger,
                                 const FoundingId& founding_id, const VisitRecord& visit,
                                 const GoOn& go_on) {
  Chain chain(founding_id);
  LedgerCheck check;
  std::set<Hash> lost;
  while (true) {
    const Offset from = chain.position().next_offset;
    if (go_on && !go_on(from)) return fail(Errc::kUnavailable, "the check was stopped");
    auto batch = records.read(from);
    if (!batch) {
      auto error = batch.error();
      if (error.code == Errc::kChainBroken) {
        return fail(broken(ledger, chain.position().seq + 1, from, error.detail));
      }
      return fail(std::move(error));
    }
    for (size_t i = 0; i < batch->records.size(); ++i) {
      const auto& record = batch->records[i];
      const auto* behind = i + 1 < batch->records.size() ? &batch->records[i + 1] : nullptr;
      const auto before = chain.position();
      const auto verdict = chain.apply(record.offset, record.value);
      ++check.records;
      if (verdict.kind != VerdictKind::kValid) {
        if (verdict.error.code == Errc::kUpgradeNeeded) return fail(verdict.error);
        if (!records.has_rivals()) {
          if (auto error = suspicious(ledger, founding_id, before, record, behind, lost)) {
            return fail(*error);
          }
        }
        if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
      }
      if (visit) {
        visit({record.offset, record.value, verdict.kind == VerdictKind::kValid,
               chain.position().seq, verdict.hash, verdict.payload});
      }
    }
    chain.skip_to(batch->next);
    if (batch->records.empty() && batch->next <= from) break;
  }
  check.position = chain.position();
  return check;
}

std::string store_folder(const std::string& data_dir, const LedgerId& ledger) {
  return projections::current_version_dir(data_dir + "/projections", ledger);
}

}  // namespace hansa::ops
