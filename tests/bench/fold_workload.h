// Fold workload: the reference ledger of the fold's figures, made from a seed.
//
// Shape:   one entry founds a city; every other entry has one event of one of kOpenCases cases that
//          are open at once, chosen by chance: reported, verified, filed, assigned, accepted,
//          started, rectified, closed, rated. Payloads have about 200 bytes. Ledger time moves on
//          by kEntryUs an entry, the pace of the largest reference city.
// Errors:  anything unexpected ends the program (tests/bench/measure.h).
// Threads: one.
#pragma once

#include <string>

#include "core/base/ids.h"

namespace hansa::bench {

inline constexpr size_t kOpenCases = 30'000;
inline constexpr size_t kEventsOfCase = 9;
inline constexpr int64_t kEntryUs = 120'000;

LedgerId fold_ledger();
FoundingId fold_founding_id();

// Makes an embedded log of so many entries behind the founding one, in `folder`.
void fill_fold_log(const std::string& folder, uint64_t entries);

}  // namespace hansa::bench
