// Clients: callers of a city who ask, wait, ask again, and remember what they were told.
//
// Shape:   act() gives one of them, chosen by the dice, its turn: to ask something new, to send
//          again what was not answered, or to wait. The first client founds the city before the
//          others begin. history() is what the checker reads.
// Errors:  none.
// Threads: one.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "projections/keeper.h"
#include "tests/sim/dice.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/workload.h"

namespace hansa::sim {

class Clients {
 public:
  // Hands a request to some node: its number, or none if none can be reached. The answer may come
  // at once, later, or never.
  using Send = std::function<void(uint32_t node, const Request&, const CommandId&,
                                  projections::Answer)>;
  using ChooseNode = std::function<std::optional<uint32_t>()>;
  struct World {
    Dice& dice;
    Trace& trace;
    const Moment& now;
    const Faults& faults;
    ChooseNode choose_node;
    Send send;
    // A client was told that entry `seq` stands for what it asked, and made or changed `subject`.
    std::function<void(Seq seq, const std::string& subject)> told;
  };

  Clients(World world, std::unique_ptr<Workload> workload);

  void act();
  // Somebody asks this next, also after only_finish().
  void ask(Request request) { wanted_.push_back(std::move(request)); }
  // Nobody asks anything new of himself any more, and nobody gives up.
  void only_finish();
  bool all_told() const;
  const History& history() const { return history_; }
  std::string waits_for() const;  // for people
  void count(std::map<std::string, uint64_t>& happened) const;

 private:
  struct Client {
    std::optional<size_t> operation;  // what it is at
    std::optional<size_t> attempt;    // the one that it waits for
    int64_t act_at_us = 0;            // sends, or gives up waiting, then
    uint64_t left = 0;                // operations still to begin
  };

  void begin(uint32_t number);
  void send(uint32_t number);
  void answered(uint32_t client, size_t operation, size_t attempt,
                const Result<v1::Receipt>& result);
  bool gives_up();
  CommandId new_id();

  World world_;
  std::unique_ptr<Workload> workload_;
  std::vector<Request> setup_;  // still to be done, the last one first
  std::deque<Request> wanted_;
  bool is_finishing_ = false;
  int64_t patience_us_;
  std::vector<Client> clients_;
  std::vector<Request> requests_;  // by operation
  History history_;
};

}  // namespace hansa::sim
