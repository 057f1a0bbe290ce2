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
//          with the same command id (L6). Flights sent before a kUndo need no more attention; their
//          deliveries are still handed to settle, which knows what they mean.
//          check_tail() reads again, once, what was read or written since it was called before, and
//          the entry before that: whatever has taken their place in the log is found (L10).
// Errors:  kUnavailable: the log cannot be reached; nothing is lost, call follow() again later.
//          kLedgerStopped, kUpgradeNeeded, kChainBroken, kLogBehind, kDataInUse: stop this ledger;
//          every later call answers the same error.
//          Steps that were found before an error are answered first, the error by the next call:
//          when must_follow() is true after a call, call follow() soon.
//          stamp: kTooLarge leaves everything as it was; kUnavailable while must_follow().
// Threads: one at a time (the keeper's strand); the log's callback must be posted there.
// Limits:  kFlightEntriesMax entries a flight, kFlightsMax flights at once; a call of check_tail
//          reads about kTailBytesMax and goes on from there in the next.
// Source:  DESIGN §4.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
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
  std::string value;

  std::string_view payload() const { return payload_of(value); }
};

struct Step {
  enum class Kind { kLanded, kUndo, kForeign };
  Kind kind;
  Seq seq = 0;       // kLanded, kForeign
  ValidEntry entry;  // kForeign; of kLanded the value is left out
};

struct Stamped {
  Seq seq = 0;
  Hash hash;
  std::string_view value;  // until it is sent
};

class Appender {
 public:
  static constexpr size_t kFlightEntriesMax = 1024;
  static constexpr size_t kFlightsMax = 4;
  static constexpr size_t kReadBytesMax = 4 * 1024 * 1024;
  static constexpr size_t kTailBytesMax = 1024 * 1024;

  // `from` is a position that a projection vouches for, or the ledger's beginning. With a key every
  // entry is marked as made by its holder (core/ledger/authorship.h).
  Appender(Log& log, LedgerId ledger, const FoundingId& founding_id, const ChainPosition& from,
           Env& env, std::string author_key = {}, uint16_t schema_level_known = kSchemaLevel);

  // The last position known to stand in the log.
  const ChainPosition& landed() const { return chain_.position(); }
  // What the next stamp will build on.
  Seq tip_seq() const;
  // Something was sent whose outcome is still open.
  bool in_flight() const;
  bool has_stamped() const { return !stamped_.empty(); }
  // Something could not be read, or an error waits to be answered: call follow().
  bool must_follow() const;

  Result<Stamped> stamp(std::string_view payload, uint16_t schema_level = kFirstSchemaLevel);

  using FlightId = uint64_t;
  using Delivered = std::function<void(FlightId, std::vector<Delivery>)>;
  // Sends what was stamped (at least one entry); `delivered` comes once, from a thread of the log.
  FlightId send(Delivered delivered);

  // Deliveries may be handed over in any order of flights; they are judged in send order.
  Result<std::vector<Step>> settle(FlightId flight, std::vector<Delivery> deliveries);
  // Reads to the log's end, which it asks for.
  Result<std::vector<Step>> follow();
  // Reads what has arrived where has_more() says so, and asks nobody. While nothing is in flight.
  Result<std::vector<Step>> take_arrived();
  // To be called each second, also while something is in flight.
  Result<void> check_tail();

 private:
  using Steps = std::vector<Step>;
  struct Attempt {
    Seq seq = 0;
    Hash hash;
    std::string value;
  };
  struct Flight {
    FlightId id = 0;
    Offset behind = 0;   // what had been read when it was sent: nothing of it can stand before that
    std::vector<Attempt> attempts;
    std::vector<Delivery> deliveries;
    size_t landed = 0;   // attempts that stand in the ledger, counted from the front
    size_t judged = 0;   // deliveries that were looked at, counted from the front
    bool settled = false;
    bool dead = false;   // undone: whatever of it still arrives is foreign
  };

  Result<Steps> answer(Steps steps, Result<void> result);
  Result<void> advance(Steps& steps);
  Result<void> judge(Flight& flight, Steps& steps);
  Result<void> take_offset(Flight& flight, size_t index, Offset offset, Steps& steps);
  Result<void> recover(Steps& steps);
  Result<void> read_to_end(Steps& steps);
  Result<void> read_to(Offset target, Steps& steps);
  Result<void> read_once(Steps& steps);
  Result<void> apply(Offset offset, std::string_view value, Steps& steps);
  Result<void> compare_tip();
  Result<void> read_tail_again();
  Result<void> check_records(const ReadResult& read, size_t& bytes);
  Error entries_lost(Offset end, Offset read) const;
  Error tail_replaced(Offset offset, Seq seq, const Hash& hash) const;
  Result<void> locate_tip();
  Result<std::optional<Offset>> locate(const ChainPosition& position);
  Flight* first_open();
  void undo(Steps& steps);
  void rebase();

  Log& log_;
  LedgerId ledger_;
  Env& env_;
  Chain chain_;
  Chain checked_;  // how far check_tail() has read
  WriterId writer_;
  std::string author_key_;
  std::vector<Attempt> stamped_;
  std::deque<Flight> flights_;
  FlightId next_flight_ = 1;
  Seq tip_seq_ = 0;
  Hash tip_;
  std::optional<Offset> tip_offset_;  // of the last valid record; unknown after a start
  std::optional<Offset> checked_tip_offset_;  // the same of checked_
  bool poisoned_ = false;             // an outcome is unknown and not yet settled by reading
  std::optional<Error> stop_;
};

}  // namespace hansa::streams
