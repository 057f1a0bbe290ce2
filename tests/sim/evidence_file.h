// Evidence file: what clients were told and what the ledger holds, as files that tests of real
// processes write (tests/crash/checking.py) for the checker that simulated cities are held to.
//
// Shape:   the history, a line of JSON each; moments are microseconds of one clock:
//            {"client":1,"id":"01941f29-…","attempts":[{"node":0,"invoked_us":12,
//             "completed_us":41,"outcome":"ok","seq":7,"entry_sha256":"…","code":""}]}
//              outcome: ok, unchanged, refused, unknown (history.h); without `completed_us` it was
//              never answered
//            {"shown":{"node":0,"seq":9,"tip_sha256":"…","digest":"…"}}
//            {"secret":"a part of a personal text"}
//            {"others":{"until_seq":12}}, {"others":{"entry_sha256":"…"}}    made by no client
//          The ledger: its founding id in hex, then the value of each record in base64, a line
//          each, in order.
// Errors:  kBadFile names the line.
// Threads: free.
// Limits:  all is kept in memory.
#pragma once

#include <istream>

#include "core/base/result.h"
#include "tests/sim/checker.h"

namespace hansa::sim {

Result<Evidence> read_evidence(std::istream& history, std::istream& ledger);

}  // namespace hansa::sim
