#include "streams/ledger_reader.h"

#include <algorithm>

#include "core/base/assert.h"

namespace hansa::streams {

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
    if (chain.position().next_offset == from) {
      return fail(Errc::kUnavailable, ledger.text() + ": the log gave nothing at offset " +
                                          std::to_string(from) + ", expected records up to " +
                                          std::to_string(target));
    }
  }
  return {};
}

Result<ChainPosition> read_ledger(Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                                  const ChainPosition& from, const LedgerVisitor& visitor) {
  Chain chain(founding_id, from);
  const auto apply = [&](Offset offset, std::string_view value) -> Result<void> {
    const Verdict verdict = chain.apply(offset, value);
    if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
    if (verdict.kind == VerdictKind::kValid) {
      const Seq seq = chain.position().seq;
      auto taken = visitor.valid(seq, offset, verdict.hash, verdict.payload);
      if (!taken && taken.error().seq == 0) taken.error().seq = seq;
      return taken;
    }
    if (visitor.is_void) visitor.is_void(offset, value);
    return {};
  };
  auto end = log.end(ledger);
  Result<void> result;
  if (!end) {
    result = fail(std::move(end).error());
  } else if (*end < from.next_offset) {
    result = fail(Errc::kLogBehind, ledger.text() + ": the log ends at offset " +
                                        std::to_string(*end) + ", expected at least " +
                                        std::to_string(from.next_offset));
  } else {
    result = read_records(log, ledger, chain, *end, apply);
  }
  if (result) return chain.position();
  Error error = std::move(result).error();
  if (error.seq == 0) error.seq = chain.position().seq + 1;
  return fail(std::move(error));
}

}  // namespace hansa::streams
