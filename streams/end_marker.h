// End marker: a small file beside the embedded log that remembers how far each ledger was written.
//
// It protects against a log that comes back shorter than it was: a write-ahead log file that was
// cut, deleted or damaged in its tail opens without complaint, because a torn tail is what a crash
// leaves behind. The marker is written after the batch was synced, so it is never ahead of a log
// that is whole.
//   - A crash of the process or a kill loses nothing of it: it lies in the page cache.
//   - A power loss may lose what it gained in the last second (it is synced at most once a second
//     and at close): a log that also lost entries of that second is then not noticed here. The
//     keeper's own stored position and other cities' witnesses look further.
//   - With `fsync: false` the marker may survive a power loss that the log does not: the log then
//     refuses to open, which is true, since entries were lost.
// A missing marker beside a log that has ledgers is refused; an empty file makes no claim, which is
// how an operator says that a restored copy is meant.
//
// Shape:   32-byte slots, the slot of ledger number n (from 1) at (n - 1) * 32, big-endian:
//            0   4  magic "HEND"
//            4   4  ledger number
//            8   8  end: one past the last record
//           16  16  first half of SHA-256 over bytes 0..15
//          A slot of zeros makes no claim. Slots never cross a disk sector.
// Errors:  kBadFile: the file cannot be opened or written; kChainBroken: a slot is damaged.
// Threads: write and sync may run at the same time, each in one thread; the rest before or after.
// Limits:  65 536 ledgers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::streams {

class EndMarker {
 public:
  // Makes the file when it is absent and `create` is true; kLogBehind when it is absent otherwise.
  static Result<std::unique_ptr<EndMarker>> open(const std::string& path, bool create);
  ~EndMarker();
  EndMarker(const EndMarker&) = delete;
  EndMarker& operator=(const EndMarker&) = delete;

  // Ledger number -> end, as the file has them.
  Result<std::map<uint32_t, Offset>> read() const;
  Result<void> write(uint32_t ledger_number, Offset end);
  Result<void> sync();

 private:
  EndMarker(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_;
};

}  // namespace hansa::streams
