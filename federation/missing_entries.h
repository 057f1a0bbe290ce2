// Missing entries: gives a log back what it lost of a ledger, from a copy that somebody else made.
//
// Shape:   append_missing(): the copy (federation/evidence_folder.h) must hold as a whole under one
//          of the ledger's own keys, and what the log has must be its beginning; then the log gets
//          the rest, byte for byte, so that hashes and seqs are what the witnesses cosigned. What
//          nobody had copied stays lost: a city's private entries are in no copy.
//          find_missing(): judges the same and appends nothing.
// Errors:  those of the copy and of the log. kForkFound: the log has another entry than the copy,
//          `seq` says which. kLogConflict: somebody else appended meanwhile. kUnavailable: the log
//          took only a part; do it again.
// Threads: the caller's; the ledger's keeper is stopped.
// Limits:  kMissingFlight entries in memory.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include "federation/evidence_folder.h"

namespace hansa::federation {

inline constexpr size_t kMissingFlight = 1'000;

struct MissingReport {
  Seq size = 0;   // of the copy
  Seq here = 0;   // entries that the log had
  Seq added = 0;
};

// `added` is what would be.
Result<MissingReport> find_missing(const EvidenceFolder& copy, const EvidenceSource& source,
                                   streams::Log& log);
// `reached` is called with the entries that stand in the log.
Result<MissingReport> append_missing(const EvidenceFolder& copy, const EvidenceSource& source,
                                     streams::Log& log,
                                     const std::function<void(Seq)>& reached = {});

}  // namespace hansa::federation
