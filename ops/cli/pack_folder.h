// Pack folder: the files of a month's pack, made from copies of two logs, and made again by whoever
// was given the pack.
//
// Shape:   PACK/
//            pack.json                        alliance, city, month, minutes ahead of UTC, and by
//                                             which release it was made
//            pack.html                        the page
//            figures.csv, events.csv, definitions.csv
//            proofs/<id>[.tlog-proof]         the alliance's entry that published figure <id>
//            evidence/tlog/…                  copies of the logs of alliance and share
//            manifest.txt                     SHA-256 of every other file, for `sha256sum -c`
//          Nothing but the copies and the alliance's key is trusted: all else follows from them,
//          and check_pack() makes it again, byte by byte, and reckons each figure anew.
// Errors:  read_pack_facts: those of the logs (federation/evidence_league.h). check_pack: the same;
//          kBadFile, kDoesNotFollow for the first file or figure that does not follow.
// Threads: the main thread.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <map>
#include <string>

#include "ops/cli/pack_page.h"

namespace hansa::ops {

struct PackTerms {
  std::string alliance;
  std::string city;
  std::string month;  // 2025-01
  int utc_offset_minutes = 0;
};
bool is_month(const std::string& text);
Result<PackTerms> read_pack_terms(const std::string& pack);

// `folder`: with the copies.
Result<PackFacts> read_pack_facts(const std::string& folder,
                                  const federation::EvidenceSource& alliance,
                                  const PackTerms& terms);

// By their names in the pack: all but evidence and manifest.
using PackFiles = std::map<std::string, std::string>;
Result<PackFiles> pack_files(const PackFacts& facts, const PackTerms& terms,
                             const std::string& folder, std::string_view release);
Result<std::string> pack_manifest(const std::string& pack);

Result<PackFacts> check_pack(const std::string& pack, const federation::EvidenceSource& alliance);

}  // namespace hansa::ops
