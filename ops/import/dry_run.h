// Dry run: what an import of a file would do, without a server.
//
// Shape:   the city is founded in memory from the file's own places, units and services, and every
//          row is decided there by the rules of core: what is refused here is refused there. The
//          summary is that of a first import into such a city.
// Errors:  of the founding: kBadConfig when the mapping's names cannot found a city.
// Threads: the caller's.
// Limits:  holds every case in memory, about 2 KiB a row.
#pragma once

#include "ops/import/importer.h"

namespace hansa::ops {

struct DryRun {
  ImportSummary summary;
  std::vector<Unmatched> unmatched;
  std::vector<std::string> unmapped_columns;
  size_t districts = 0;
  size_t communities = 0;
  size_t units = 0;
  size_t services = 0;
  int64_t first_reported_us = 0;
  int64_t last_reported_us = 0;

  std::string json() const;
};

Result<DryRun> dry_run(CaseFile& file, const ImportProgress& progress);

}  // namespace hansa::ops
