// LedgerCheck: reads a ledger from its first record; says whether its chain holds, and where not.
//
// Shape:   records come from a log on this machine (LogRecords) or from a server (the command line
//          has its own); check_ledger() applies the chain rule to all of them. The error's seq is
//          the first broken entry: the one whose bytes do not have the hash that its successor
//          states, or the one that does not fit its predecessor. A flight that lost against a
//          rival is harmless: its first entry is late, the others build on it. In a log where
//          parts of such a flight may be lost too (has_rivals(): Kafka) only a second history is
//          broken (L10), and bytes are the broker's to check.
//          `visit` sees every record, in order.
// Errors:  kChainBroken with seq and offset; kUpgradeNeeded; what the source of records says;
//          kUnavailable when `go_on` said no.
// Threads: the caller's.
// Limits:  one batch of records in memory.
// Source:  DESIGN §4, L1, L10.
#pragma once

#include <functional>
#include <string>

#include "core/ledger/chain.h"
#include "streams/log.h"

namespace hansa::ops {

class Records {
 public:
  virtual ~Records() = default;
  // Records from `from` on; at the end none, and next == from.
  virtual Result<streams::ReadResult> read(Offset from) = 0;
  // Whether several writers append, of whose flights parts may be missing.
  virtual bool has_rivals() const { return false; }
};

class LogRecords final : public Records {
 public:
  LogRecords(streams::Log& log, LedgerId ledger);
  Result<streams::ReadResult> read(Offset from) override;
  bool has_rivals() const override { return !log_.absence_is_final(); }

 private:
  streams::Log& log_;
  LedgerId ledger_;
};

struct SeenRecord {
  Offset offset;
  std::string_view value;
  bool valid;
  Seq seq;   // of a valid one
  Hash hash;
  std::string_view payload;
};

struct LedgerCheck {
  ChainPosition position;
  uint64_t records = 0;
};

using VisitRecord = std::function<void(const SeenRecord&)>;
using GoOn = std::function<bool(Offset next)>;

Result<LedgerCheck> check_ledger(Records& records, const LedgerId& ledger,
                                 const FoundingId& founding_id, const VisitRecord& visit,
                                 const GoOn& go_on = {});

// The version of a ledger's rows that counts: <data>/projections/<kind>-<id>/v<n>.
std::string store_folder(const std::string& data_dir, const LedgerId& ledger);

}  // namespace hansa::ops
