// League rest: what of a league's affairs is still open once everything works and nothing moves.
//
// Shape:   what_rests_in_rows(): a sentence on the first thing that is; empty: none is. A city that
//          left, or was suspended or expelled, is asked for again first: for who else would tell it
//          what became of its offers. A changed key that who reads the ledger does not know is
//          recorded once more, and an input that stood still for it is released.
//          what_waits(): of the links of a node those that it moves as the leader of this ledger.
// Errors:  rows that cannot be read are something open.
// Threads: one.
#pragma once

#include "federation/relay.h"
#include "tests/sim/league_workload.h"

namespace hansa::sim {

struct LeagueAffairs {
  Dice& dice;
  const std::vector<LedgerId>& cities;
  const std::map<LedgerId, std::vector<federation::SeedChange>>& seed_changes;
  SeeRows rows;  // of who leads
  std::function<void(const LedgerId& ledger, Request)> ask;
};

std::string what_rests_in_rows(const LeagueAffairs& affairs);
std::string what_waits(const std::vector<federation::LinkHealth>& links, const LedgerId& leads);

}  // namespace hansa::sim
