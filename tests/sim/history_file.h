// History file: what clients were told of a ledger, for a checker that others wrote
// (cmake/verifiers/linear/main.go).
//
// Shape:   a line of JSON for each operation that says something of the ledger:
//            {"kind":"append","client":0,"call":12,"return":41,"seq":7}
//          `append`: an entry stands for it, at seq; from its first attempt to the first that was
//          told so. `look`: an attempt that was refused, or had nothing to do, and the last entry
//          that it looked at. What happens in one step happens at once.
// Errors:  none.
// Threads: pure.
#pragma once

#include <string>

#include "tests/sim/history.h"

namespace hansa::sim {

std::string history_lines(const History& history);

}  // namespace hansa::sim
