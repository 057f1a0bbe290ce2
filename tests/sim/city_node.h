// City node: one process of a simulated city: log, event loop, rows, keyring, keeper and door.
//
// Shape:   start() opens it, crash() ends it without a word: what was not committed is gone from
//          its rows, what was on its way to the log may still arrive, nobody is answered.
//          run_one() does the next thing that waits in its event loop; tick() is due each
//          kTickUs. enter() hands a request to its door.
// Errors:  start: as Keeper::open; kUnavailable may be tried again.
// Threads: one. Rows and keyring have threads of their own, whose work is waited for where it
//          could be seen.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "projections/door.h"
#include "projections/keeper.h"
#include "projections/keyring.h"
#include "streams/simulated_log.h"
#include "tests/sim/workload.h"

namespace hansa::sim {

inline constexpr int64_t kTickUs = 50'000;

// The time that keepers measure waiting by; no clock step touches it.
class VirtualClock final : public projections::KeeperObserver {
 public:
  void decided(std::string_view, std::string_view, int64_t) override {}
  void appended(size_t, int64_t) override {}
  void folded(size_t, int64_t) override {}
  void committed(size_t, int64_t) override {}
  void answered(int64_t) override {}
  int64_t monotonic_us() override { return now_us; }

  int64_t now_us = 0;
};

// What the nodes of a city have in common.
struct City {
  streams::SimulatedStore& log;
  VirtualClock& clock;
  LedgerId ledger;
  FoundingId founding_id;
  std::string folder;
  std::function<void(uint32_t from, std::string bytes)> forward;
  std::shared_ptr<projections::StoreBudget> budget = projections::make_store_budget(8, 8);
};

// The keyring's own thread would hand a command on at its own time; where the key that it needs is
// durable already, it is not asked.
void make_key(projections::Keyring& keyring, const Request& request);

class CityNode {
 public:
  CityNode(uint32_t number, uint64_t seed, City& city);
  ~CityNode() { crash(); }
  CityNode(const CityNode&) = delete;
  CityNode& operator=(const CityNode&) = delete;

  Result<void> start();
  void crash();
  // Stops in good order: what is in flight is answered, what landed is committed. Then it is down.
  void close();
  bool is_closing() const { return is_closing_; }
  bool is_closed() const { return is_closed_; }
  // Folds the ledger anew beside the rows that count, until only the swap is left; false: it may
  // not now.
  bool rebuild();
  // While it is down: the disk with its rows is lost.
  void lose_rows();
  bool is_up() const { return keeper_ != nullptr; }

  // To be called whenever time has moved: its clock and perhaps a tick.
  void follow_time();
  bool run_one();
  void enter(const Request& request, const CommandId& id, projections::Answer answer);
  void take_lead(projections::Lead lead);

  projections::Keeper& keeper() { return *keeper_; }
  projections::Door& door() { return *door_; }
  const projections::Keyring& keyring() const { return *keyring_; }

  int64_t clock_off_us = 0;    // its clock is ahead by so much
  int64_t paused_until_us = 0;
  int64_t disk_full_until_us = 0;  // until then its disk takes disk_bytes_left and no more
  uint64_t disk_bytes_left = 0;
  uint16_t schema_level_known = kSchemaLevel;  // by the binary that is started next
  projections::Lead lead = projections::Lead::kUndecided;

 private:
  std::string folder(const std::string& name) const;

  const uint32_t number_;
  City& city_;
  SeededEnv env_;
  int64_t next_tick_us_ = 0;
  bool is_closing_ = false;
  bool is_closed_ = false;
  std::unique_ptr<projections::Keyring> keyring_;
  std::unique_ptr<streams::SimulatedLog> log_;
  std::unique_ptr<boost::asio::io_context> loop_;
  std::shared_ptr<projections::Keeper> keeper_;
  std::unique_ptr<projections::Door> door_;
};

}  // namespace hansa::sim
