// Catch-up: folds what a log holds beyond a projection's position; the same for a keeper that opens
// and for a rebuild.
//
// Shape:   catch_up() folds every valid entry from the store's position to the log's end as it was
//          at the start, commits when the rows are full or too many are dirty and once at the end,
//          and answers the position that is committed then.
// Errors:  of the log and the chain (streams/ledger_reader.h); kUpgradeNeeded: a valid entry whose
//          payload cannot be read; kForeignEntry; of the fold and of `folded`; kUnavailable:
//          `go_on` answered false, or the disk took no write. What was committed before stays.
// Threads: the caller's; nobody else uses `rows` meanwhile.
// Limits:  CatchUpLimits; memory is that of `rows`.
// Source:  DESIGN §6, LIBRARIES §3.
#pragma once

#include <functional>

#include "core/ledger/authorship.h"
#include "hansa/v1/entry.pb.h"
#include "projections/row_cache.h"
#include "streams/log.h"

namespace hansa::projections {

struct CatchUpLimits {
  size_t dirty_rows_max = 500'000;  // rows kept before they are written
  uint16_t schema_level_known = kSchemaLevel;
};

struct CatchUpProgress {
  Seq seq = 0;
  Offset next_offset = 0;
  Offset end_offset = 0;
};
// Called about every 1 000 entries; false ends the work.
using GoOn = std::function<bool(const CatchUpProgress&)>;

struct CatchUpHooks {
  GoOn go_on = {};
  // Called when an entry is folded; an error ends the work.
  std::function<Result<void>(const v1::Payload&)> folded = {};
  // Sees every entry; nothing is committed while one of them is not the ledger's own. It goes over
  // all calls for one set of rows, so that it knows what stands before.
  Authorship* authorship = nullptr;
};

struct CaughtUp {
  ChainPosition position;
  int64_t time_us = 0;  // of entry position.seq
};

Result<CaughtUp> catch_up(streams::Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                          const Store& store, RowCache& rows, const CatchUpLimits& limits,
                          const CatchUpHooks& hooks);

}  // namespace hansa::projections
