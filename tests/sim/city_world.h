// City world: one city's ledger, three nodes and some clients on one thread, with faults from a
// seed.
//
// Shape:   run_city(seed) draws what goes wrong and how often (Faults), lets clients work while it
//          does, heals everything, demands that every command is answered and every node caught up,
//          and answers what the checker found. A client sends its command again under the same id
//          until it is told.
// Errors:  none: what is wrong is a finding; the same seed gives the same run and the same trace.
// Threads: one.
// Limits:  see the constants of city_world.cc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/checker.h"

namespace hansa::sim {

struct RunReport {
  std::vector<Finding> findings;
  uint64_t trace_hash = 0;
  History history;
  std::map<std::string, uint64_t> happened;  // how often what was seen: a quiet run proves nothing
};

// What happens once everything is healed and all is told.
enum class Ending {
  kClose,         // nothing: nodes close, and their rows have the digest that they kept
  kReplacedTail,  // the log has another history for its last entries
  kRaisedLevel,   // a node of a newer release writes at a schema level that nobody here knows
};

// `in_words`: every event is printed.
RunReport run_city(uint64_t seed, bool in_words, Ending ending = Ending::kClose);

}  // namespace hansa::sim
