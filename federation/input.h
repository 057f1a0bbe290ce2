// Input: takes what another ledger says into a ledger of this node.
//
// Shape:   poke() takes the next step, if there is one and none is on its way: reads what the other
//          ledger vouches for (federation/signed_reader.h) and submits what concerns this ledger,
//          with the position that it moves, to its keeper. What causes nothing moves the position
//          alone, each kMoveRecords records or kMoveUs. Two kinds:
//            an alliance reads a member's share ledger: the city's words to it (TakeShared), and
//            that no range of the city's entries is left out;
//            a city reads its alliance's ledger (TakeHeard).
// Errors:  what can never be right (a fork, a bad signature, a broken chain, a skipped range, an
//          entry that this ledger cannot fold) is recorded as InputQuarantined and this input
//          stands still until it is released; the others go on. Else health().waits.
// Threads: poke and health from one thread; answers of keepers come on theirs.
// Limits:  a step has at most kActsMax words.
// Source:  DESIGN §4 "Positions", §5, §8 "Inputs".
#pragma once

#include "federation/relay.h"
#include "federation/signed_reader.h"

namespace hansa::federation {

class Input {
 public:
  static constexpr Seq kMoveRecords = 1'000;
  static constexpr int64_t kMoveUs = 5'000'000;
  static constexpr int kActsMax = 50;

  struct Plan {
    SignedReader::Source source;
    // Whose word the source is: the member of an alliance, or the alliance of a city.
    std::string member;
    streams::Log* log = nullptr;
    Env* env = nullptr;
    std::shared_ptr<projections::Keeper> keeper;  // of the ledger that takes it
  };
  explicit Input(Plan plan);
  ~Input();

  bool poke();
  LinkHealth health() const;
  const Plan& plan() const { return plan_; }
  // So far the source vouches for itself, as this input has read.
  Seq covered_seq() const { return reader_ ? reader_->covered_seq() : 0; }

 private:
  struct Step;
  Result<void> resume();
  void refill();
  Result<int> add(const SignedEntry& entry, google::protobuf::Message& command);
  Result<void> check_range(const v1::EntriesShared& shared);
  void take();
  void quarantine(const Error& error);
  void submit(std::unique_ptr<google::protobuf::Message> command,
              std::optional<projections::InputStep> step);
  void settle();

  Plan plan_;
  std::optional<SignedReader> reader_;
  std::deque<SignedEntry> entries_;  // read, and not taken
  Seq taken_seq_ = 0;                // where the keeper's rows stand
  std::optional<v1::LedgerPosition> moved_;  // read so far without anything to take
  uint64_t source_seq_ = 0;          // of a share ledger: the last entry of the city's
  int64_t taken_at_us_ = 0;
  bool is_quarantined_ = false;
  std::shared_ptr<Step> step_;
  std::optional<Error> waits_;
};

}  // namespace hansa::federation
