// Witness set: the members of an alliance whose witnesses confirm its ledger, at one of its sizes.
//
// Shape:   begins with the members as they are known, take() follows the alliance's entries. The
//          set is read from the very ledger that it confirms: who belongs to it at size n says the
//          first n entries.
//          confirms(): whether the note bears as many good cosignatures as are needed: more than
//          half of the set, or the figure that is wanted if it is larger, that of the agreement in
//          force at the same size (wanted_quorum.h) or the one given.
//          confirms_next(): of the set as of the size that was confirmed last: whether more than
//          half of it stand behind the next one, however its members have changed in between.
//          Both must (core/alliance/confirming.h).
// Errors:  none; an event that does not fit (heard of already) changes nothing.
// Threads: one at a time.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "federation/wanted_quorum.h"
#include "federation/witness.h"

namespace hansa::federation {

class WitnessSet {
 public:
  explicit WitnessSet(const std::vector<v1::Member>& members, WantedQuorum wanted = {});

  void take(const v1::Payload& payload);
  // Members of which somebody may cosign, but for the one named.
  std::vector<NoteKey> keys(std::string_view except_city = {}) const;
  uint32_t size(std::string_view except_city = {}) const;
  bool confirms(const Note& note) const { return confirms(note, {}, wanted_.in_force()); }
  bool confirms(const Note& note, std::string_view except_city, uint32_t wanted) const;
  bool confirms_next(const Note& note) const { return confirms(note, {}, 0); }

 private:
  struct Known {
    v1::Member member;
    std::optional<NoteKey> key;  // while it may cosign
  };
  void know(const v1::Member& member);

  std::map<std::string, std::shared_ptr<const Known>> members_;  // by city; never changed
  WantedQuorum wanted_;
};

// Of an alliance, as a city's rows know it: as of the alliance's entry that the city took last.
Result<WitnessSet> witnesses_heard_of(const projections::Snapshot& rows,
                                      const std::string& alliance);

}  // namespace hansa::federation
