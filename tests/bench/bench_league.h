// Bench league: cities that have joined the alliance `delta` and ratified what it shares.
//
// Shape:   League league(options); bring(league, {"wuxi"}, terms): founded, admitted, joined,
//          ratified, and every link at rest. The links' own thread must not run yet.
// Errors:  anything unexpected ends the program (tests/bench/measure.h).
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.h"
#include "tests/federation/league.h"

namespace hansa::bench {

using federation::testing::League;
using federation::testing::LeagueOptions;

inline const LedgerId kDelta{"alliance", "delta"};

// Of a node with the sizes that a configuration has where it says nothing.
LeagueOptions like_a_node(Env& env);

void bring(League& league, const std::vector<std::string>& cities, v1::Agreement terms);

}  // namespace hansa::bench
