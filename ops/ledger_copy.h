// Ledger copy: the records of one ledger from one log to another, byte for byte, voids too.
//
// Shape:   copy_ledger() appends to the target what it lacks, at the same offsets; what stands
//          there already must be the source's own beginning, so that a copy that was cut off is
//          taken up by copying again. Hashes, seqs and positions of rows stay as they are.
// Errors:  kLogConflict: the target holds another record at some offset, or more records, or
//          somebody else appended meanwhile; kUnavailable: `progress` said no, or a log does not
//          answer: copy again.
// Threads: the caller's. Nobody may append to either log meanwhile.
// Limits:  kCopyBytes are held at a time.
#pragma once

#include <functional>

#include "streams/log.h"

namespace hansa::ops {

inline constexpr size_t kCopyBytes = 1024 * 1024;

struct CopyReport {
  Offset records = 0;  // in the target now
  Offset copied = 0;   // that were not there before
};

// Called after every flight with the records that stand in the target; false ends the copy there.
using CopyProgress = std::function<bool(Offset records, Offset total)>;

Result<CopyReport> copy_ledger(streams::Log& from, streams::Log& to, const LedgerId& ledger,
                               const CopyProgress& progress);

}  // namespace hansa::ops
