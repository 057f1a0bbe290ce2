// Ledger reader: reads a ledger through the chain rule; for verifying, rebuilding and tools.
//
// Shape:   read_ledger(log, ledger, founding id, from, visitor) reads from a position to the log's
//          end as it was at the start, calls the visitor for every record in order, and answers the
//          position it reached. The visitor's `valid` gets the value of each valid entry; it may
//          answer an error to stop there (it is passed on). `is_void` gets every other record.
//          read_records is the loop below it: applies every record of [next offset, target).
//          find_end answers the end of a ledger that was read up to `reached` before, by this
//          process or another: a lower one only where the log has lost entries. (A broker that led
//          a moment ago may name an end of then.)
// Errors:  of the log (kUnavailable: again later; kLogBehind, kChainBroken: damaged or lost) and of
//          the chain (kChainBroken, kUpgradeNeeded); `seq` of the error is the entry that could not
//          be reached or taken, one past the last good one.
// Threads: visitors are called on the caller's thread, in order; read_ledger reads, checks and
//          hashes on a second one, a few batches ahead.
// Limits:  read_records reads about kReadBytesMax at a time, read_ledger keeps at most 4 MiB ahead.
// Source:  DESIGN §4, L1.
#pragma once

#include <functional>
#include <string_view>

#include "core/ledger/chain.h"
#include "streams/log.h"

namespace hansa::streams {

// Either may be empty.
struct LedgerVisitor {
  std::function<Result<void>(Seq seq, Offset offset, const Hash& hash, std::string_view value)>
      valid = nullptr;
  std::function<void(Offset offset, std::string_view value)> is_void = nullptr;
};

inline constexpr size_t kReadBytesMax = 4 * 1024 * 1024;

Result<ChainPosition> read_ledger(Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                                  const ChainPosition& from, const LedgerVisitor& visitor,
                                  uint16_t schema_level_known = kSchemaLevel);

// `apply` must move `chain` past the record it is given.
using ApplyRecord = std::function<Result<void>(Offset offset, std::string_view value)>;
Result<void> read_records(Log& log, const LedgerId& ledger, Chain& chain, Offset target,
                          const ApplyRecord& apply);

Result<Offset> find_end(Log& log, const LedgerId& ledger, Offset reached);

// Errors after which a ledger must not go on; all others may be tried again.
bool stops_ledger(Errc code);

}  // namespace hansa::streams
