// League world: an alliance and two or three cities, each with its ledger, and between them the
// links of federation/, on one thread, with faults from a seed.
//
// Shape:   run_league(seed) is to a league what run_city() is to one city: faults, then healing,
//          after which everything that is shared must have arrived and nothing may rest for ever,
//          then the checkers (checker.h, league_checker.h).
// Errors:  none: what is wrong is a finding; the same seed gives the same run and the same trace.
// Threads: one.
// Limits:  see the constants of league_world.cc.
#pragma once

#include "tests/sim/city_world.h"

namespace hansa::sim {

RunReport run_league(uint64_t seed, bool in_words);

}  // namespace hansa::sim
