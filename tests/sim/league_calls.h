// League calls: what nodes ask each other's witnesses, on its way.
//
// Shape:   a call and its answer are parcels that are lost, doubled or late as the faults say; a
//          step delivers one that is due. Whoever is not answered hears "unavailable" after a
//          while, as from a client that gives up. Calls go as the text that they would be over
//          HTTP. notes() are all checkpoints that were shown to anybody.
// Errors:  kUnavailable.
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "federation/witness.h"
#include "tests/sim/dice.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"

namespace hansa::sim {

class LeagueCalls final : public federation::WitnessCaller {
 public:
  struct World {
    Dice& dice;
    Trace& trace;
    const Moment& now;
    const LeagueFaults& faults;
    // Of some node that hosts the city; nullptr: none can be reached.
    std::function<std::shared_ptr<federation::Witness>(const std::string& city)> witness;
  };
  explicit LeagueCalls(World world) : world_(std::move(world)) {}

  void add_checkpoint(const v1::Member& member, const federation::WitnessRequest& request,
                      federation::Cosigned cosigned) override;
  void newest(const v1::Member& member, const LedgerId& ledger, const std::string& origin,
              federation::NewestCosigned answer) override;

  // False: nothing is due.
  bool step();
  // Nobody waits for an answer.
  bool is_idle();
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Parcel {
    int64_t due_us = 0;
    std::shared_ptr<bool> is_answered;
    std::function<void()> deliver;
  };
  template <typename Answer, typename Ask>
  void call(const std::string& city, const Ask& ask, Answer answer);
  void send(const std::shared_ptr<bool>& is_answered, const std::function<void()>& deliver);
  void forget_answered();

  World world_;
  std::vector<Parcel> parcels_;
  std::vector<std::string> notes_;
};

}  // namespace hansa::sim
