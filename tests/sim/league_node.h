// League node: one process of a simulated league, with the ledgers that it hosts and the links
// between them.
//
// Shape:   start() opens its ledgers; move_links() has the links look around and take a step each,
//          between which `between` is called. Everything else as CityNode: crash(), close(),
//          run_one(), follow_time(), enter().
// Errors:  start: as Keeper::open; kUnavailable may be tried again.
// Threads: one, as CityNode.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/alliance/identity.h"
#include "federation/links.h"
#include "projections/door.h"
#include "tests/sim/city_node.h"
#include "tests/sim/slow_reads.h"

namespace hansa::sim {

inline const LedgerId kDelta{std::string(kAllianceKind), "delta"};

// Who everybody is follows from their names.
FoundingId founding_id_of(const LedgerId& ledger);
std::string seed_of(const std::string& what, const LedgerId& ledger);  // what: key, recovery, …
std::string key_of(const std::string& what, const LedgerId& ledger);   // hex

// What the nodes of a league have in common.
struct League {
  streams::SimulatedStore& log;
  VirtualClock& clock;
  Dice& dice;
  std::string folder;
  std::function<void(uint32_t from, const LedgerId& ledger, std::string bytes)> forward;
  federation::WitnessCaller* caller = nullptr;
  // By whose keeper signs; known to its nodes when they start.
  std::map<LedgerId, std::vector<federation::SeedChange>> seed_changes = {};
  int64_t alliance_pause_us = 0;
  int64_t share_pause_us = 0;
  std::shared_ptr<projections::StoreBudget> budget = projections::make_store_budget(8, 8);
};

class LeagueNode {
 public:
  LeagueNode(uint32_t number, uint64_t seed, std::vector<LedgerId> hosts, League& league);
  ~LeagueNode() { crash(); }
  LeagueNode(const LeagueNode&) = delete;
  LeagueNode& operator=(const LeagueNode&) = delete;

  Result<void> start();
  void crash();
  void close();
  bool is_closing() const { return is_closing_; }
  bool is_closed() const;
  void lose_rows();
  bool is_up() const { return links_ != nullptr; }
  bool is_paused() const { return league_.clock.now_us < paused_until_us; }

  void follow_time();
  bool run_one();
  // True: something has moved.
  bool move_links(const std::function<void()>& between);
  void enter(const LedgerId& ledger, const Request& request, const CommandId& id,
             projections::Answer answer);
  void take_lead(const LedgerId& ledger, projections::Lead lead);

  const std::vector<LedgerId>& hosts() const { return hosts_; }
  bool hosts(const LedgerId& ledger) const { return opened_.contains(ledger); }
  // Of its ledgers and of the share ledgers that are open by now.
  std::map<LedgerId, std::shared_ptr<projections::Keeper>> keepers() const;
  projections::Keeper& keeper(const LedgerId& ledger) { return *opened_.at(ledger).keeper; }
  projections::Door& door(const LedgerId& ledger) { return *opened_.at(ledger).door; }
  const projections::Keyring& keyring(const LedgerId& city) { return *opened_.at(city).keyring; }
  projections::Lead lead(const LedgerId& ledger) const { return opened_.at(ledger).lead; }
  federation::Links& links() { return *links_; }

  int64_t clock_off_us = 0;
  int64_t paused_until_us = 0;
  int64_t disk_full_until_us = 0;
  uint64_t disk_bytes_left = 0;
  int64_t reads_away_until_us = 0;
  int64_t reads_slow_until_us = 0;

 private:
  struct Opened {
    std::unique_ptr<projections::Keyring> keyring;
    std::shared_ptr<projections::Keeper> keeper;
    std::unique_ptr<projections::Door> door;
    projections::Lead lead = projections::Lead::kUndecided;
  };
  Result<void> open(const LedgerId& ledger);
  std::string folder(const std::string& name) const;

  const uint32_t number_;
  const std::vector<LedgerId> hosts_;
  League& league_;
  SeededEnv env_;
  int64_t next_tick_us_ = 0;
  bool is_closing_ = false;
  std::shared_ptr<size_t> still_open_;  // keepers that are being closed
  std::unique_ptr<streams::SimulatedLog> log_;
  std::unique_ptr<SlowReads> reads_;
  std::unique_ptr<boost::asio::io_context> loop_;
  std::map<LedgerId, Opened> opened_;
  std::unique_ptr<federation::Links> links_;
};

}  // namespace hansa::sim
