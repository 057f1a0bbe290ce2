// Simulated log: a broker in memory that does, from one seed, all the harm that a real one can do.
//
// SimulatedStore is the broker; each writer process has its SimulatedLog on it. Nothing happens by
// itself: step() carries out one thing (a message arrives, records become readable, a flight is
// answered, a late message arrives, a crash), chosen by the seed among what could happen next.
//
// Shape:   a message on its way: outgoing -> record (arrived) -> synced (readable) -> answered.
//          Only synced records are read, and only they are answered with an offset. The expected
//          end of an append is not enforced, as on Kafka: the chain decides.
//          SimulatedFaults are chances in 1 000, all 0 at first: then each flight lands whole, in
//          order of sending, and is answered. inject() and replace_tail() are what rivals and an
//          unclean election do. Destroying a SimulatedLog is the crash of its process: nothing of
//          it is answered or kept alive, what was on its way may still arrive.
// Errors:  as streams/log.h; append answers kUnavailable where a real client gives up waiting.
// Threads: any, one thing at a time; answers are called from step(). The order of what happens is
//          the seed's only while one thread asks.
// Limits:  everything is kept in memory; for tests only.
// Source:  the faults that were seen on a real broker: DESIGN §4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/env.h"
#include "streams/log.h"

namespace hansa::streams {

struct SimulatedFaults {
  uint32_t delay = 0;                  // a step lets what it chose wait
  uint32_t duplicate = 0;              // a message arrives twice, the second time perhaps later
  uint32_t drop = 0;                   // never arrives, is answered with an error
  uint32_t late = 0;                   // is answered with an error and arrives later
  uint32_t lost_answer = 0;            // arrives, is answered without an offset
  uint32_t error_though_appended = 0;  // arrives, is answered with an error
  uint32_t reorder_answers = 0;        // a flight is answered before an earlier one
  uint32_t crash = 0;                  // a step forgets every record that is not synced
  uint32_t unreachable = 0;            // end or read answers kUnavailable
  uint32_t short_read = 0;             // read gives fewer records than there are
  uint32_t old_end = 0;                // end names one of before, not below what this log has shown

  static SimulatedFaults all(uint32_t per_thousand);
};

class SimulatedLog;

class SimulatedStore {
 public:
  explicit SimulatedStore(uint64_t seed, const SimulatedFaults& faults = {});

  // Carries out one thing; false when there is nothing left to do.
  bool step();
  void run_until_idle();
  void set_faults(const SimulatedFaults& faults) { faults_ = faults; }

  // A record of somebody else, readable at once.
  void inject(const LedgerId& ledger, std::string value);
  // A tail that was readable is replaced by another: what a cluster must never do.
  void replace_tail(const LedgerId& ledger, Offset from, std::vector<std::string> values);
  // Every readable record, in order.
  std::vector<std::string> records(const LedgerId& ledger) const;
  // How many there are.
  size_t size(const LedgerId& ledger) const;
  // How often an end of before was named.
  uint64_t old_ends() const { return old_ends_; }

 private:
  friend class SimulatedLog;
  struct Flight {
    Log::Delivered delivered;  // none: its process crashed
    std::vector<Delivery> deliveries;
    size_t unanswered = 0;
  };
  using FlightRef = std::shared_ptr<Flight>;
  struct Message {
    std::string value;
    FlightRef flight;  // none: nobody waits for the answer
    size_t index = 0;
  };
  // What one process has on its way to one ledger.
  using Route = std::pair<uint32_t, LedgerId>;  // number of the log, in order of making
  struct Traffic {
    std::deque<Message> outgoing;
    std::deque<FlightRef> flights;  // not answered yet, in send order
  };
  struct Ledger {
    std::vector<Message> records;  // the flight is forgotten when synced
    size_t synced = 0;
    std::vector<Message> late;
  };
  struct Action {
    enum class Kind { kArrive, kSync, kAnswer, kArriveLate };
    Kind kind;
    Route route;  // of kSync and kArriveLate only the ledger
  };

  bool chance(uint32_t per_thousand);
  uint64_t pick(uint64_t below);
  std::vector<Action> possible_actions();
  void arrive(const Route& route);
  void arrive_one(Ledger& ledger, Message message);
  void arrive_late(const LedgerId& id);
  void sync(const LedgerId& id);
  void answer_flight(const Route& route);
  void crash();
  void forget_outgoing(const Route& route);
  void settle(const Message& message, Delivery delivery);
  static Delivery failure();

  mutable std::recursive_mutex mutex_;
  SeededEnv env_;
  SimulatedFaults faults_;
  std::map<LedgerId, Ledger> ledgers_;
  std::map<Route, Traffic> traffic_;
  uint32_t logs_ = 0;
  uint64_t old_ends_ = 0;
};

class SimulatedLog final : public Log {
 public:
  explicit SimulatedLog(SimulatedStore& store);
  ~SimulatedLog() override;
  SimulatedLog(const SimulatedLog&) = delete;
  SimulatedLog& operator=(const SimulatedLog&) = delete;

  Result<Offset> end(const LedgerId& ledger) override;
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override;
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override;
  bool has_more(const LedgerId& ledger, Offset from) override;
  void renew_writer(const LedgerId& ledger) override;

 private:
  SimulatedStore& store_;
  const uint32_t number_;
  std::map<LedgerId, Offset> shown_;  // the highest end that this log has told of
};

}  // namespace hansa::streams
