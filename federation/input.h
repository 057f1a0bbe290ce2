// Input: takes what another ledger says into a ledger of this node.
//
// Shape:   poke() takes the next step, if there is one and none is on its way: reads what the other
//          ledger vouches for (federation/signed_reader.h) and submits what concerns this ledger,
//          with the position that it moves, to its keeper. What causes nothing moves the position
//          alone, each kMoveRecords records, or after kMoveUs if somebody did something: that a
//          ledger has read another, vouches for itself or is still there makes no other one write,
//          or two that listen to each other would never rest. Two kinds:
//            an alliance reads a member's share ledger: the city's words to it and what it keeps of
//            what is shared (TakeShared), and that no range of the city's entries is left out;
//            a city reads its alliance's ledger (TakeHeard).
//          An alliance reports a member from which nothing signed was read for three heartbeats of
//          the agreement in force, by this node's clock while it was running and could read, and
//          reports the first thing read after it (ReportSilence).
//          An entry that causes more than fits into one is taken in several steps: the position
//          then says how many of its events are taken already.
// Errors:  what can never be right (a fork, a bad signature, a broken chain, a skipped range, an
//          entry that this ledger cannot fold) is recorded as InputQuarantined and this input
//          stands still until it is released; the others go on. Else health().waits.
// Threads: poke and health from one thread; answers of keepers come on theirs.
// Limits:  a step has at most kActsMax words, and kBytesMax of what is recorded of its events or
//          one of them.
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
  // Of the 48 KiB that an entry holds (core/city/city_fold.h).
  static constexpr size_t kBytesMax = 40 * 1024;
  // What is recorded of an event has at most this much more than it: a city, a code, a sentence;
  // of a word also what it sets off, a finding with both accounts.
  static constexpr size_t kKeptBytes = 256;
  static constexpr size_t kWordBytes = 768;

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
  // That it takes the source's word by.
  const KeyRanges& keys() const { return plan_.source.keys; }
  // nullptr while nothing is read.
  const SignedReader* reader() const { return reader_ ? &*reader_ : nullptr; }

 private:
  struct Step;
  struct Load;
  Result<void> resume();
  void refill();
  bool is_beyond_doubt();
  Result<uint64_t> check_ranges(const SignedEntry& entry) const;
  bool add(const SignedEntry& entry, Load& load);
  bool add_heard(const SignedEntry& entry, Load& load);
  bool add_shared(const SignedEntry& entry, Load& load);
  Result<void> load_entries(Load& load);
  void note_confirmed(v1::LedgerPosition& position) const;
  void take();
  void quarantine(const Error& error, const Hash& hash = {});
  Result<void> resume_silence(const projections::Snapshot& rows);
  void watch_silence();
  void report_silence(bool is_heard_again);
  void submit(std::unique_ptr<google::protobuf::Message> command,
              std::optional<projections::InputStep> step);
  void settle();

  Plan plan_;
  std::optional<SignedReader> reader_;
  std::deque<SignedEntry> entries_;  // read, and not taken
  Seq taken_seq_ = 0;                // where the keeper's rows stand
  uint32_t taken_begun_ = 0;
  v1::LedgerPosition whole_;         // behind the last entry that was gone through
  uint32_t begun_ = 0;               // events of the next one that were
  std::optional<v1::LedgerPosition> moved_;  // read so far without anything to take
  bool saw_deeds_ = false;           // what was read since is not only such
  int64_t taken_at_us_ = 0;
  std::optional<Seq> doubted_seq_;   // landed when a signature was found bad
  bool is_doubt_shown_ = false;      // by the rows, one step ago
  bool is_quarantined_ = false;
  Seq heard_seq_ = 0;         // covered when something was read last
  int64_t heard_time_us_ = 0; // of the last entry handed out; 0: none since the start
  int64_t quiet_us_ = 0;      // since then, as far as it was watched
  int64_t watched_us_ = 0;    // when it was watched last
  bool is_silent_ = false;    // reported
  std::shared_ptr<Step> step_;
  std::optional<Error> waits_;
};

}  // namespace hansa::federation
