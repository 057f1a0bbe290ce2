// Links: everything that moves between ledgers on this node, made from the ledgers' own rows.
//
// Shape:   for every city that is hosted here and has joined an alliance: the share ledger with its
//          keeper, the relay into it, the city's input from the alliance, and who holds that
//          against what other members were shown (federation/gossip.h). For every alliance
//          hosted here: an input from each member's share ledger, and who judges its figures
//          (federation/figure_judge.h). For each ledger that is written here and read by others:
//          who has it confirmed (federation/confirmation.h).
//          look_around() makes what is missing; poke() lets each link take its next step, and
//          calls `moved` after each that did: who waits there makes them move one after the other.
//          start() does both on a thread of its own; a test calls settle() instead, which goes on
//          until nothing moves.
//          Nothing is configured: what is joined and admitted says it all. An input is made anew
//          when the keys of what it reads have changed.
// Errors:  a share ledger that cannot be opened is named in health() and tried again.
// Threads: add(), health(), share_health() and share() from any; the rest from one.
// Limits:  as many links as cities joined alliances; each moves one step at a time.
// Source:  DESIGN §8; law 6: a link that cannot move holds up nothing else.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "federation/checkpoint.h"
#include "federation/confirmation.h"
#include "federation/figure_judge.h"
#include "federation/gossip.h"
#include "federation/input.h"
#include "federation/relay.h"

namespace hansa::federation {

// A ledger of this node that has links.
struct LinkedLedger {
  std::shared_ptr<projections::Keeper> keeper;
  projections::Keyring* keyring = nullptr;  // share ledgers hold no personal data, keepers ask
  SigningSeeds seeds;  // none: it can neither share nor vouch for itself
  std::string witness_seed = {};  // of a city; none: it witnesses nothing
  SigningGate gate = nullptr;     // of an alliance: may_sign of its keeper
};

class Links {
 public:
  static constexpr int64_t kLongWaitUs = 60'000'000;

  struct Plan {
    streams::Log* log = nullptr;        // that keepers append to
    streams::Log* read_log = nullptr;   // the same, with places of its own; may be `log`
    Env* env = nullptr;
    std::shared_ptr<projections::StoreBudget> budget;
    std::string projections_dir;
    boost::asio::any_io_executor executor;
    projections::KeeperObserver* observer = nullptr;
    size_t row_cache_mib = 4;  // of each share ledger
    // Asks the witnesses of other nodes; none: only those of this one are asked.
    WitnessCaller* caller = nullptr;
    // From one confirmation of a ledger to the next.
    int64_t alliance_pause_us = 0;
    int64_t share_pause_us = 0;
    std::string public_host = "localhost";  // in the names of the logs that begin here
    // Of the keepers of share ledgers (KeeperConfig::ticks_alone).
    bool ticks_alone = true;
    // An operator's word on share ledgers (KeeperConfig::accepted_to).
    std::map<LedgerId, Seq> accepted_to = {};
    // Makes sure that a ledger may be kept in the log, before it is opened.
    std::function<Result<void>(const LedgerId&)> prepare = {};
    // Told, once, of a link that has waited for kLongWaitUs, or waits for what does not pass by
    // itself, by the thread that pokes.
    std::function<void(const LinkHealth&)> waits_long = {};
  };
  explicit Links(Plan plan);
  ~Links();

  void add(LinkedLedger ledger);
  void start();
  // Ends the thread, and closes the share ledgers' keepers. Without it they are left as a crash
  // leaves them.
  void stop();

  bool look_around();
  bool poke(const std::function<void()>& moved = {});
  // Goes on until no link has anything to do; false: not within `tries_max` rounds.
  bool settle(int tries_max);

  std::vector<LinkHealth> health() const;
  std::vector<projections::KeeperHealth> share_health() const;
  // nullptr: no such share ledger is written here.
  std::shared_ptr<projections::Keeper> share(const LedgerId& ledger) const;
  // Of a city that is hosted here; nullptr: it witnesses nothing.
  std::shared_ptr<Witness> witness(const std::string& city) const;

 private:
  struct LongWait {
    int64_t since_us = 0;
    bool is_told = false;
  };
  using Keeper = projections::Keeper;
  void look_at_city(const LinkedLedger& city, bool& changed);
  void look_at_alliance(const LinkedLedger& alliance, bool& changed);
  class LocalFirst;
  void confirm_share(const LinkedLedger& city, const std::string& alliance,
                     std::shared_ptr<Keeper> share);
  void confirm_alliance(const LinkedLedger& alliance);
  void confirm(Confirmation::Plan plan, const SigningSeeds& seeds);
  void listen(const std::string& link, Input::Plan plan, bool& changed);
  void gossip(const std::string& link, const LinkedLedger& city,
              const SignedReader::Source& source);
  Result<std::shared_ptr<Keeper>> open_share(const LinkedLedger& city,
                                             const v1::Affiliation& affiliation);
  void publish_health();
  void tell_long_waits(const std::vector<LinkHealth>& all);
  void run();
  void end_thread();

  Plan plan_;
  std::vector<LinkedLedger> ledgers_;
  std::map<std::string, std::shared_ptr<Keeper>> shares_;  // guarded by mutex_
  std::map<std::string, std::unique_ptr<Relay>> relays_;
  std::map<std::string, std::unique_ptr<Input>> inputs_;
  std::map<std::string, std::unique_ptr<Gossip>> gossips_;  // by link
  std::map<std::string, std::unique_ptr<Confirmation>> confirmations_;  // by ledger
  std::map<std::string, std::unique_ptr<FigureJudge>> judges_;  // by alliance
  std::unique_ptr<LocalFirst> caller_;
  std::map<std::string, SigningGate> gates_;                        // of share ledgers
  std::map<std::string, std::shared_ptr<Witness>> witnesses_;  // by city, guarded by mutex_
  std::map<std::string, Seq> looked_at_;  // by ledger: the rows that were looked at last
  std::map<std::string, LongWait> long_waits_;  // by link
  uint64_t looks_ = 0;                    // while something could not be opened

  mutable std::mutex mutex_;
  std::condition_variable stopping_begun_;
  bool stopping_ = false;                          // guarded by mutex_
  std::map<std::string, Error> refused_;           // guarded by mutex_
  std::vector<LinkHealth> health_;                 // guarded by mutex_
  std::vector<LinkedLedger> added_;                // guarded by mutex_
  std::thread thread_;
};

}  // namespace hansa::federation
