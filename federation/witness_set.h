// Witness set: the members of an alliance whose witnesses confirm its ledger, at one of its sizes.
//
// Shape:   begins with the members as they are known, take() follows the alliance's entries. The
//          set is read from the very ledger that it confirms: who belongs to it at size n says the
//          first n entries.
//          confirms(): whether the note bears as many good cosignatures as are needed.
// Errors:  none; an event that does not fit (heard of already) changes nothing.
// Threads: one at a time.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "federation/witness.h"

namespace hansa::federation {

class WitnessSet {
 public:
  explicit WitnessSet(const std::vector<v1::Member>& members);

  void take(const v1::Payload& payload);
  // Members of which somebody may cosign, but for the one named.
  std::vector<NoteKey> keys(std::string_view except_city = {}) const;
  uint32_t size(std::string_view except_city = {}) const;
  bool confirms(const Note& note, std::string_view except_city = {}) const;

 private:
  struct Known {
    v1::Member member;
    std::optional<NoteKey> key;  // while it may cosign
  };
  void know(const v1::Member& member);

  std::map<std::string, std::shared_ptr<const Known>> members_;  // by city; never changed
};

}  // namespace hansa::federation
