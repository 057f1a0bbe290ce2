// hansa_check: holds what clients of a real ledger were told against what it holds.
//
//   hansa_check HISTORY LEDGER      files of tests/sim/evidence_file.h
//
// Exits 0 when nothing was found, 1 when something was (tests/sim/checker.h), 2 for words or files
// it cannot read.

#include <cstdio>
#include <fstream>

#include "tests/sim/evidence_file.h"

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "expected hansa_check HISTORY LEDGER\n");
    return 2;
  }
  std::ifstream history(words[1]);
  std::ifstream ledger(words[2]);
  const auto evidence = hansa::sim::read_evidence(history, ledger);
  if (!history.is_open() || !ledger.is_open() || !evidence) {
    std::fprintf(stderr, "%s\n", evidence ? "a file cannot be opened"
                                          : evidence.error().detail.c_str());
    return 2;
  }
  const auto findings = hansa::sim::check(*evidence);
  for (const auto& finding : findings) std::printf("%s\n", finding.text().c_str());
  std::printf("%zu operations, %zu records, %zu findings\n", evidence->history.size(),
              evidence->records.size(), findings.size());
  return findings.empty() ? 0 : 1;
}
