// Log: where ledgers are stored; one contract, several kinds (embedded, simulated, Kafka).
//
// Shape:   a ledger is a sequence of records at offsets 0, 1, 2, …; a record is opaque bytes.
//          end(ledger)            one past the last readable record; never less than this log has
//                                 shown before, unless that was lost. Of what others append it
//                                 may be the end of a moment ago (a broker that led until then).
//          read(ledger, from, n)  records from `from` on, in order, at least one if there is one,
//                                 otherwise about n bytes. ReadResult.next proves that [from, next)
//                                 holds these records and nothing else.
//          append(ledger, values, expected_end, delivered)
//                                 appends all values in order as one flight. `delivered` is called
//                                 exactly once, with one Delivery per value in send order, from a
//                                 thread of the log's own; until then the outcome is unknown.
//                                 A log that can (embedded) appends nothing and answers
//                                 kLogConflict when its end is not `expected_end`; one that cannot
//                                 appends anyway, and the chain decides.
//          has_more(ledger, from) whether it is worth reading from there, without asking anybody: a
//                                 reader who follows what others append calls it again and again.
//                                 It may be late, and true for nothing. A log that nobody else
//                                 appends to answers false.
//          watch(ledger, arrived) calls `arrived`, on a thread of the log's own that must not be
//                                 held up, whenever there may be more to read than before; an empty
//                                 one ends that. A log that nobody else appends to never calls.
//          statistics()           what the log's clients report of themselves, a JSON object each;
//                                 none: the log has no clients, or nothing was reported yet.
//          checkpoint(folder)     puts a log that holds the same into a folder that does not exist
//                                 yet; false: the log is not kept on this machine, nothing was
//                                 done.
//          renew_writer(ledger)   forgets everything queued and not sent, after an error; what was
//                                 sent may still land, unless absence_is_final(): then what cannot
//                                 be read after it never will be.
// Errors:  kUnavailable: try later, nothing is known to have happened beyond what Delivery says.
//          kLogBehind: the log starts above `from` or ends below it, for sure: stop this ledger.
//          A Delivery without an offset (error, or none reported) means: outcome unknown.
// Threads: every call from any thread. Appends and renewals of one ledger come one after the other;
//          the others may come beside them and beside each other.
// Limits:  a value up to 60 KiB; a flight up to 4 096 values.
// Source:  DESIGN §4.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::streams {

struct Record {
  Offset offset = 0;
  std::string value;
};

struct ReadResult {
  std::vector<Record> records;
  Offset next = 0;
};

struct Delivery {
  std::optional<Offset> offset;
  std::optional<Error> error;
};

class Log {
 public:
  using Delivered = std::function<void(std::vector<Delivery>)>;

  virtual ~Log() = default;
  virtual Result<Offset> end(const LedgerId& ledger) = 0;
  virtual Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) = 0;
  virtual void append(const LedgerId& ledger, std::vector<std::string> values,
                      Offset expected_end, Delivered delivered) = 0;
  virtual bool has_more(const LedgerId&, Offset) { return false; }
  virtual void watch(const LedgerId&, std::function<void()> /*arrived*/) {}
  virtual void renew_writer(const LedgerId& ledger) = 0;
  virtual Result<bool> checkpoint(const std::string& /*folder*/) { return false; }
  virtual std::vector<std::string> statistics() const { return {}; }
  virtual bool absence_is_final() const { return false; }
};

}  // namespace hansa::streams
