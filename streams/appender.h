// Appender: compare-and-append for one ledger; a writer that is itself a reader (L1-L7, L10).
//
// Shape:   follow() reads to the log's end; stamp(payload) puts an entry on the optimistic tip and
//          answers its seq and hash; send() hands all stamped entries to the log as one flight;
//          settle(flight, deliveries) says what became of it. Both follow and settle answer Steps,
//          to be carried out in order:
//            kLanded   our entry `seq` stands in the ledger as it was stamped: answer its caller;
//            kUndo     everything stamped and not landed is dead or unknown: roll it back;
//            kForeign  a valid entry that was not (or no longer) ours: fold it. A late original of
//                      ours arrives here too: look its command id up before deciding it again.
//          After kUndo, decide again on the new state: absent in the dedupe table means try again
//          with the same command id (L6).
// Errors:  kUnavailable: the log cannot be reached; call again later, state is unchanged.
//          kLedgerStopped, kUpgradeNeeded, kChainBroken, kLogBehind: stop this ledger.
// Threads: one at a time (the keeper's strand); the log's callback must be posted there.
// Limits:  kFlightEntriesMax entries a flight, kFlightsMax flights at once.
// Source:  DESIGN §4.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/base/env.h"
#include "core/ledger/chain.h"
#include "streams/log.h"

namespace hansa::streams {

struct ValidEntry {
  Seq seq = 0;
  Offset offset = 0;
  Hash hash;
  std::string payload;
};

struct Step {
  enum class Kind { kLanded, kUndo, kForeign };
  Kind kind;
  Seq seq = 0;       // kLanded
  ValidEntry entry;  // kForeign
};

struct Stamped {
  Seq seq = 0;
  Hash hash;
};

class Appender {
 public:
  static constexpr size_t kFlightEntriesMax = 1024;
  static constexpr size_t kFlightsMax = 4;
  static constexpr size_t kReadBytesMax = 4 * 1024 * 1024;

  // `from` is a position that a projection vouches for, or the ledger's beginning.
  Appender(Log& log, LedgerId ledger, const FoundingId& founding_id, const ChainPosition& from,
           Env& env);

  // The last position known to stand in the log.
  const ChainPosition& landed() const { return chain_.position(); }
  // What the next stamp will build on.
  Seq tip_seq() const;
  bool in_flight() const { return !flights_.empty(); }
  bool has_stamped() const { return !stamped_.empty(); }

  Result<Stamped> stamp(std::string_view payload);

  using FlightId = uint64_t;
  using Delivered = std::function<void(FlightId, std::vector<Delivery>)>;
  // Sends what was stamped; `delivered` comes once, from a thread of the log.
  FlightId send(Delivered delivered);

  Result<std::vector<Step>> settle(FlightId flight, std::vector<Delivery> deliveries);
  Result<std::vector<Step>> follow();

 private:
  struct Attempt {
    Seq seq = 0;
    Hash hash;
    std::string value;
  };
  struct Flight {
    FlightId id = 0;
    std::vector<Attempt> attempts;
    std::vector<Delivery> deliveries;
    bool settled = false;
  };

  Log& log_;
  LedgerId ledger_;
  Env& env_;
  Chain chain_;
  WriterId writer_;
  std::vector<Attempt> stamped_;
  std::deque<Flight> flights_;
  FlightId next_flight_ = 1;
  Seq tip_seq_;
  Hash tip_;
};

}  // namespace hansa::streams
