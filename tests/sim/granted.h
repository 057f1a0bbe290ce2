// Granted: what a city's ledger allows an alliance to see, told by its entries in the plainest way.
//
// Shape:   GrantedBy(entries, alliance): standing(seq) is how the city stands to the alliance
//          before entry `seq`; expected(entry, index, newest) is what may be seen of an event once
//          the city's newest entry is `newest`: the leaves of a word to the alliance that are
//          public, of another event those that both the agreement in effect at the entry and the
//          one at the newest entry name; nullopt: nothing of it.
//          leaves(message) are its fields that hold no message: "place.district=north".
// Errors:  none: what is not known is not granted.
// Threads: pure.
// Limits:  everything is looked up again each time.
// Source:  DESIGN §8 "Relay"; law 4.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/folded_ledger.h"

namespace hansa::sim {

std::vector<std::string> leaves(const google::protobuf::Message& message);
// Of the oneof of Event; nullptr: none is set.
const google::protobuf::Message* content_of(const v1::Event& event);

class GrantedBy {
 public:
  GrantedBy(const std::vector<LedgerEntry>& entries, const std::string& alliance);

  std::optional<std::vector<std::string>> expected(const LedgerEntry& entry, int index,
                                                   Seq newest) const;

 private:
  struct Standing {
    bool joined = false;
    v1::Membership::Value membership = v1::Membership::unspecified;
    std::map<uint32_t, v1::Agreement> ratified;
    uint32_t in_force = 0;
    bool suspended = false;

    const v1::Agreement* in_effect() const;
  };
  void take(Standing& standing, const v1::Event& event) const;
  void hear(Standing& standing, const v1::AllianceHeard& heard) const;

  const std::string alliance_;
  std::vector<std::optional<v1::Agreement>> in_effect_;  // by seq: before that entry
};

}  // namespace hansa::sim
