// Relay: gives what a city shares with one alliance to the share ledger, beside the city's keeper.
//
// Shape:   poke() takes the next step, if there is one and none is on its way: reads the city's
//          ledger on from where the share ledger stands, waits until the city's rows show the
//          ledger's end, and submits RelayEntries to the share ledger's keeper, which decides what
//          passes (core/alliance/share.h). So nothing is shared that the city has ceased to grant
//          by the time it looked. What says no more than that the city has cosigned a checkpoint,
//          or read on, waits for the next entry that does. With nothing new for as long as the
//          agreement's heartbeat, an empty range says so. Whoever leads the city leads its share
//          ledgers.
// Errors:  in health().waits; the relay tries again with every poke. kForkFound: the city's ledger
//          is another one than was shared of up to here, nothing more of it is; kLogBehind: it
//          ends before that.
// Threads: poke and health from one thread; answers of keepers come on theirs.
// Limits:  kEntriesMax entries and kBytesMax a step; the share ledger may take fewer.
// Source:  DESIGN §8, "Relay".
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "hansa/v1/federation.pb.h"
#include "projections/keeper.h"

namespace hansa::federation {

enum class LinkKind : uint8_t {
  kRelay,         // of a city into its share ledger
  kInput,         // of what another ledger says
  kComparison,    // of what members were shown
  kConfirmation,  // by witnesses
  kFigures,       // an alliance's judgement of them
  kOpening,       // of a share ledger that could not be opened
};

struct LinkHealth {
  LinkKind kind = LinkKind::kOpening;
  std::string link;  // "city/wuxi > share/delta/wuxi"
  uint64_t behind_records = 0;
  int64_t behind_us = 0;  // age of the oldest entry that is not taken
  bool is_idle = false;   // nothing on its way, nothing to read
  std::optional<Error> waits;
  bool is_quarantined = false;  // an input that stands still until it is released
  bool is_silent = false;       // nothing signed was read for three heartbeats
  uint64_t confirmed_seq = 0;  // of an input: as far as it is confirmed, by what was read
};

// Where another node leads `keeper` it moves the link and tells of it: here nothing but its name.
LinkHealth told_by_leader(LinkHealth health, const projections::Keeper& keeper);

class Relay {
 public:
  static constexpr size_t kEntriesMax = 1'000;
  static constexpr size_t kBytesMax = 512 * 1024;

  struct Plan {
    std::string alliance;
    std::string city;
    FoundingId city_founding_id;
    streams::Log* log = nullptr;
    Env* env = nullptr;
    std::shared_ptr<projections::Keeper> city_keeper;
    std::shared_ptr<projections::Keeper> share_keeper;
  };
  explicit Relay(Plan plan);
  ~Relay();

  // True: something was begun or is on its way.
  bool poke();
  LinkHealth health() const;

 private:
  struct Step;
  Result<void> resume();
  Result<void> check_source(const ChainPosition& from) const;
  Result<void> read_on();
  bool rest();
  bool heartbeat_due(const v1::Affiliation& newest) const;
  void share_when_shown(Offset end);
  void submit(const projections::Snapshot& city_rows);
  void settle();

  Plan plan_;
  std::optional<Chain> chain_;  // of the city's ledger; nullopt: resume first
  std::deque<v1::RelayEntries::Source> entries_;
  size_t bytes_ = 0;
  bool has_deed_ = false;  // among entries_
  int64_t shared_at_us_ = 0;
  std::shared_ptr<Step> step_;  // on its way
  projections::Lead lead_ = projections::Lead::kUndecided;
  std::optional<Error> waits_;
};

}  // namespace hansa::federation
