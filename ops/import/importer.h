// Importer: sends the rows of a CaseFile in batches and counts what became of them.
//
// Shape:   import_file() reads, sends over the given sinks (one thread each; a single sink runs on
//          the caller's thread) and fills a summary. All rows of one source id go over the same
//          sink in the order of the file, so that of rows that contradict each other the first one
//          counts, however fast each sink is. Rows that are refused, by the file or by the city,
//          are in summary.rejects in the order of the file; write_rejects() makes the CSV of them:
//          line, reason, then the row as it stood.
// Errors:  summary.stopped: a sink's error, or the file's, ended the import. The summary counts
//          what was answered until then; what was sent stays, and the same file can be sent again:
//          rows that are known answer `unchanged`.
// Threads: one import at a time over one CaseFile.
// Limits:  kBatchRows a batch, kWaitingBatches of them waiting for a sink that is slow; rejects are
//          held in memory.
// Source:  SPEC §2, §6.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ops/import/case_file.h"

namespace hansa::ops {

inline constexpr size_t kBatchRows = 500;
inline constexpr size_t kWaitingBatches = 8;

struct RowOutcome {
  bool unchanged = false;
  std::optional<Error> refused;
};

class ImportSink {
 public:
  virtual ~ImportSink() = default;
  // One outcome for each row, in order.
  virtual Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) = 0;
};

struct RejectedRow {
  uint64_t line = 0;
  std::string reason;
  std::string row;
};

struct ImportSummary {
  uint64_t rows = 0;  // imported, unchanged and refused
  uint64_t imported = 0;
  uint64_t unchanged = 0;
  uint64_t refused = 0;
  // Of the rows imported and unchanged; every state that is not final counts as `open`.
  std::map<std::string, uint64_t> by_state;
  bool interrupted = false;
  std::optional<Error> stopped;
  std::vector<RejectedRow> rejects;

  std::string json() const;
};

// Called after every batch with the summary so far; false ends the import there.
using ImportProgress = std::function<bool(const ImportSummary&)>;

ImportSummary import_file(CaseFile& file, const std::vector<ImportSink*>& sinks,
                          const ImportProgress& progress);

Result<void> write_rejects(const ImportSummary& summary, std::string_view header,
                           const std::string& file);

}  // namespace hansa::ops
