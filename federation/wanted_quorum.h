// Wanted quorum: how many cosignatures the agreements ask for, where more than half are too few.
//
// Shape:   the figure that counts for a checkpoint follows from the entries that it covers, so that
//          whoever gathers cosignatures, reads the ledger or verifies a copy takes the same one,
//          and what was confirmed stays so when the figure changes:
//            of an alliance's ledger: that of the version in force after its entry `size`;
//            of a share ledger: that of the version which it shares by after its entry `size`
//            (SharedVersion); the alliance's ledger has the text of the version.
//          WantedQuorum follows an alliance's entries. A snapshot knows them, too: the alliance's
//          own, and that of a city which has heard them. witness_quorum() (core/city/witness.h)
//          makes of the figure how many must cosign.
// Errors:  none: what a version asks for that nobody has heard of is not known, and every witness
//          must cosign; so it is where rows cannot be read.
// Threads: one at a time; the functions are free for all.
// Limits:  SharedVersion remembers the newest kChangesMax changes.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "hansa/v1/ledger.pb.h"
#include "projections/store.h"

namespace hansa::federation {

inline constexpr uint32_t kEveryWitness = UINT32_MAX;

class WantedQuorum {
 public:
  // Whether the event of an alliance can change a figure.
  static bool concerns(const v1::Event& event);

  void take(const v1::Event& event);
  // Of the version in force; 0: more than half are enough.
  uint32_t in_force() const { return of(version_in_force_); }
  uint32_t of(uint32_t version) const;

  void know(uint32_t version, const v1::Agreement& agreement);
  void set_in_force(uint32_t version) { version_in_force_ = version; }

 private:
  std::map<uint32_t, uint32_t> wanted_;  // by version, where it is not 0
  uint32_t newest_ = 0;                  // version known
  uint32_t version_in_force_ = 0;        // 0: none
};

// By a city's rows, as of the alliance's entry that it has heard last.
Result<WantedQuorum> wanted_quorum_heard(const projections::Snapshot& rows,
                                         const std::string& alliance);
// What a version asks for, by the rows of the alliance or of a city; without one, the one in force.
uint32_t wanted_in_alliance(const projections::Snapshot& rows, std::optional<uint32_t> version);
uint32_t wanted_in_city(const projections::Snapshot& rows, const std::string& alliance,
                        uint32_t version);

// The version that a share ledger shares by at each size, as its own entries say.
class SharedVersion {
 public:
  static constexpr size_t kChangesMax = 1'000;

  // `from`: the entry before the first one taken.
  explicit SharedVersion(Seq from);

  // In the order of the ledger.
  void take(Seq seq, const v1::Payload& payload);
  // 0: none; nullopt: not known here, it was said before `from` or is forgotten.
  std::optional<uint32_t> at(Seq size) const;
  // No smaller size is asked for any more.
  void forget_before(Seq size);

 private:
  std::optional<uint32_t> before_;  // the changes
  std::deque<std::pair<Seq, uint32_t>> changes_;
};

}  // namespace hansa::federation
