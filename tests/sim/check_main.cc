// hansa_check: holds what clients of a real ledger were told against what it holds, or the ledgers
// of a real league against each other.
//
//   hansa_check HISTORY LEDGER                 files of tests/sim/evidence_file.h
//   hansa_check --league ALLIANCE CONFIG...    the configurations of its nodes, which may run on
//                                              where their log is Kafka; nothing may be on its way
//
// Exits 0 when nothing was found, 1 when something was (tests/sim/checker.h, league_checker.h), 2
// for words, files or logs it cannot read.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <memory>

#include "core/alliance/identity.h"
#include "ops/open_log.h"
#include "tests/sim/evidence_file.h"
#include "tests/sim/league_checker.h"

namespace hansa::sim {
namespace {

constexpr int kUnreadable = 2;
constexpr size_t kReadBytes = 1 << 20;

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return kUnreadable;
}

int report(const std::vector<Finding>& findings, const std::string& held) {
  for (const auto& finding : findings) std::printf("%s\n", finding.text().c_str());
  std::printf("%s, %zu findings\n", held.c_str(), findings.size());
  return findings.empty() ? 0 : 1;
}

int check_ledger(const char* history_file, const char* ledger_file) {
  std::ifstream history(history_file);
  std::ifstream ledger(ledger_file);
  const auto evidence = read_evidence(history, ledger);
  if (!evidence) return complain(evidence.error().detail);
  if (!history.is_open() || !ledger.is_open()) return complain("a file cannot be opened");
  return report(check(*evidence), std::to_string(evidence->history.size()) + " operations, " +
                                      std::to_string(evidence->records.size()) + " records");
}

// Who asked what of these ledgers is not known here: no entry is taken for a phantom.
Result<Evidence> evidence_of(streams::Log& log, const LedgerId& ledger,
                             const FoundingId& founding_id) {
  Evidence evidence;
  evidence.founding_id = founding_id;
  HANSA_TRY(const Offset end, log.end(ledger));
  for (Offset from = 0; from < end;) {
    HANSA_TRY(auto read, log.read(ledger, from, kReadBytes));
    for (auto& record : read.records) evidence.records.push_back(std::move(record.value));
    from = read.next;
  }
  evidence.ledger_kind = ledger.kind;
  evidence.has_links = true;
  evidence.others_until_seq = std::numeric_limits<Seq>::max();
  return evidence;
}

// One node's part of it. A city's node has the city's share ledger, too.
Result<void> read_node(const std::string& file, const FoundingId& alliance,
                       LeagueEvidence& evidence) {
  HANSA_TRY(const ops::Config config, ops::read_config(file, {}));
  HANSA_TRY(const auto log, config.log.is_kafka()
                                ? ops::open_read_log(config, config.ledgers.size())  // shares
                                : ops::open_log(config));
  for (const auto& row : config.ledgers) {
    const LedgerId& ledger = row.ledger;
    if (ledger.kind == kAllianceKind && ledger.id != evidence.alliance) continue;
    HANSA_TRY(evidence.ledgers[ledger], evidence_of(*log, ledger, row.founding_id));
    if (ledger.kind != kCityKind) continue;
    const LedgerId share = share_ledger(evidence.alliance, ledger.id);
    HANSA_TRY(evidence.ledgers[share],
              evidence_of(*log, share, share_founding_id(alliance, row.founding_id)));
  }
  return {};
}

Result<FoundingId> founding_of(const std::string& alliance, const std::vector<std::string>& files) {
  const LedgerId ledger{std::string(kAllianceKind), alliance};
  for (const auto& file : files) {
    HANSA_TRY(const ops::Config config, ops::read_config(file, {}));
    if (const auto* row = config.find_ledger(ledger)) return row->founding_id;
  }
  return fail(Errc::kUnknownAlliance, "none of the configurations hosts " + ledger.text());
}

int check_nodes(const std::string& alliance, const std::vector<std::string>& files) {
  const auto founding_id = founding_of(alliance, files);
  if (!founding_id) return complain(founding_id.error().detail);
  LeagueEvidence evidence{alliance, {}, {}};
  for (const auto& file : files) {
    if (auto read = read_node(file, *founding_id, evidence); !read) {
      return complain(read.error().detail);
    }
  }
  size_t records = 0;
  for (const auto& [ledger, one] : evidence.ledgers) records += one.records.size();
  return report(check_league(evidence), std::to_string(evidence.ledgers.size()) + " ledgers, " +
                                            std::to_string(records) + " records");
}

}  // namespace
}  // namespace hansa::sim

int main(int count, char** words) {
  const std::vector<std::string> rest(words + std::min(count, 3), words + count);
  if (count > 3 && words[1] == std::string("--league")) {
    return hansa::sim::check_nodes(words[2], rest);
  }
  if (count == 3) return hansa::sim::check_ledger(words[1], words[2]);
  return hansa::sim::complain(
      "expected hansa_check HISTORY LEDGER, or hansa_check --league ALLIANCE CONFIG...");
}
