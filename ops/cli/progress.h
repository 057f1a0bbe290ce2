// Progress: how far a long task is, on standard error.
//
// Shape:   reached(n) shows `what: n of total, rate/s, time left`, ten times a second on one
//          line of a terminal; where standard error is no terminal, one line every five seconds.
//          A total of 0 is not known: then neither it nor the time left is shown. done() shows the
//          end.
// Threads: any; lines do not mix.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace hansa::ops {

// Who reads a whole ledger says how far it is each so many entries.
inline constexpr uint64_t kProgressEntries = 4096;

class Progress {
 public:
  Progress(std::string what, uint64_t total);
  void reached(uint64_t count);
  void reached(uint64_t count, uint64_t total);
  void done();

 private:
  void show(int64_t now_us, bool last);

  std::mutex mutex_;
  std::string what_;
  uint64_t total_;
  uint64_t count_ = 0;
  bool terminal_;
  int64_t begun_us_;
  int64_t shown_us_;
};

}  // namespace hansa::ops
