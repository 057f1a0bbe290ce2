// BorderLife: cases of the demo that lie on a border: offered to the neighbour, taken or declined.
//
// Shape:   offer(from, to): the city `from` hears of a dump on the border by its hotline and offers
//          the case to `to`. answer(): every offer made so far is answered by its city, the first
//          with a decline; finish(): the cases that were taken are brought to their end. The league
//          must settle in between.
// Errors:  what a door refuses ends the demo: nothing here is meant to be refused.
// Threads: as League.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ops/demo/league.h"

namespace hansa::ops {

class BorderLife {
 public:
  explicit BorderLife(League& league) : league_(league) {}
  Result<void> offer(const League::Member& from, const League::Member& to);
  Result<void> answer();
  Result<void> finish();

 private:
  struct Offer {
    const League::Member* from;
    const League::Member* to;
    std::string handover;
  };
  Result<void> decline(const Offer& offer);
  Result<void> take(const Offer& offer);
  Result<void> bring_to_end(const League::Member& member, const std::string& id);
  template <typename Request>
  Result<v1::Receipt> act(const League::Member& member, v1::Role::Value role, Request request,
                          const std::string& unit = "");

  League& league_;
  std::vector<Offer> open_;
  std::vector<std::pair<const League::Member*, std::string>> taken_;
  bool has_declined_ = false;
};

}  // namespace hansa::ops
