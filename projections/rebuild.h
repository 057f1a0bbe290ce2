// Rebuild: folds a ledger anew from its first record into a fresh version of its rows, and swaps.
//
// Shape:   versions of one ledger's rows stand in `<projections>/<kind>-<id>/v<n>/`; CURRENT beside
//          them names the one that counts (without it: v1). rebuild_offline() fills v<n+1>,
//          compares its digest with the current version's where both stand at the same entry, names
//          the new one in CURRENT by a rename, and removes the others.
// Errors:  kDataInUse: a server has the rows open. Those of the log, the chain and the fold: the
//          current version stays, the new one is removed. kUnavailable: the disk, or `go_on`
//          answered false. A digest that differs is no error: the rebuilt rows are right, and the
//          report says so.
// Threads: the caller's; nobody else may touch the ledger's rows meanwhile.
// Limits:  reads 4 MiB of the log at a time, keeps kRebuildDirtyRowsMax rows before it writes them.
// Source:  DESIGN §6.
#pragma once

#include <optional>
#include <string>

#include "projections/catch_up.h"

namespace hansa::projections {

inline constexpr size_t kRebuildDirtyRowsMax = 200'000;

struct RebuildReport {
  std::string directory;  // of the version that counts from now on
  Meta meta;
  std::optional<Meta> before;  // of the version that counted, if it could be read
  // Both stood at the same entry and their digests differ: the old rows were wrong.
  bool digest_differed = false;
};

std::string current_version_dir(const std::string& projections_dir, const LedgerId& ledger);

Result<RebuildReport> rebuild_offline(streams::Log& log, const LedgerId& ledger,
                                      const FoundingId& founding_id,
                                      const std::string& projections_dir,
                                      std::shared_ptr<StoreBudget> budget, const GoOn& go_on = {});

}  // namespace hansa::projections
