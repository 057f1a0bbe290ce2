// Gossip: whether all members are shown one and the same ledger of their alliance.
//
// Shape:   one for each alliance that a city of this node reads. Every kGossipUs the witnesses of
//          all members, its own among them, are asked for the newest checkpoint of the alliance's
//          ledger that they have cosigned. Each names the hash of its last entry, and that must be
//          the hash which the city has read there itself; of a size that it has not read yet, once
//          it has. Another one under the alliance's own key proves that the key has signed two
//          histories: ReportFork, with the checkpoint that covers what is read here and the other
//          one. So a secretariat that shows two cities different ledgers is found by both.
//          What is not signed by the alliance's key says nothing.
// Errors:  in health().waits: that the city's ledger took no report; it is tried again. Witnesses
//          that are away are asked again.
// Threads: poke and health from one thread; witnesses answer on theirs.
// Limits:  sizes among the newest SignedReader::kHashesMax entries read since the start.
// Source:  DESIGN §8 "Evidence"; Chuat et al., Efficient Gossip Protocols for Verifying the
//          Consistency of Certificate Logs (2015).
#pragma once

#include <map>

#include "federation/relay.h"
#include "federation/signed_reader.h"
#include "federation/witness.h"

namespace hansa::federation {

class Gossip {
 public:
  static constexpr int64_t kGossipUs = 60'000'000;

  struct Plan {
    LedgerId ledger;  // the alliance's
    FoundingId founding_id;
    KeyRanges keys;
    std::shared_ptr<projections::Keeper> keeper;  // the city's
    WitnessCaller* caller = nullptr;
    Env* env = nullptr;
    // Who reads the ledger for the city; nullptr while nobody does.
    std::function<const SignedReader*()> reader;
  };
  explicit Gossip(Plan plan);
  ~Gossip();

  bool poke();
  LinkHealth health() const;
  // By which the alliance's word is taken.
  const KeyRanges& keys() const { return plan_.keys; }

 private:
  struct Round;
  struct Report;
  struct Shown {
    Seq size = 0;
    Hash tip;
    std::string note;
  };
  void ask(const std::string& origin);
  void take_answers();
  void take(const std::string& city, const Note& note);
  void compare(const SignedReader& reader);
  void report(const std::string& here, const std::string& other);
  void settle();

  Plan plan_;
  std::shared_ptr<Round> round_;         // whose answers come in
  std::map<std::string, Shown> shown_;   // by city, until it is read here
  int64_t asked_us_;
  std::shared_ptr<Report> report_;       // on its way
  bool is_reported_ = false;
  std::optional<Error> waits_;
};

}  // namespace hansa::federation
