#include <filesystem>

#include "federation/evidence_doubts.h"
#include "ops/cli/evidence.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

using federation::AllianceEvidence;
using federation::EvidenceFolder;

struct LeagueOptions {
  std::string folder;
  std::string other;
  EvidenceTrust trust;
  bool json = false;
};

Error as_error(const federation::Doubt& doubt) {
  return {doubt.kind == v1::FindingKind::fork ? Errc::kForkFound : Errc::kDoesNotFollow,
          doubt.ledger + ": " + doubt.text};
}

// What an alliance has settled in its own ledger is told, and held against nobody any more.
const federation::Doubt* first_open(const federation::LeagueDoubts& league) {
  for (const auto& doubt : league.doubts) {
    if (!doubt.is_settled) return &doubt;
  }
  return nullptr;
}

std::string finding_text(const federation::Doubt& doubt) {
  if (doubt.finding.empty()) return "; the alliance has raised no finding";
  return "; finding " + doubt.finding + (doubt.is_settled ? ", settled" : "");
}

// Every log of which both folders have a copy; the alliance's is in both.
Result<void> check_other(const LeagueOptions& options, AllianceEvidence& alliance) {
  HANSA_CHECK(federation::check_one_history(options.folder, options.other, alliance.source));
  for (const auto& member : alliance.members.all()) {
    HANSA_TRY(const auto source, share_source(alliance, member.city()));
    if (!has_copy(options.folder, source.ledger) || !has_copy(options.other, source.ledger)) {
      continue;
    }
    HANSA_CHECK(federation::check_one_history(options.folder, options.other, source));
  }
  return {};
}

void print_league(const federation::LeagueDoubts& league, bool as_json) {
  if (!as_json) {
    print_line(head_text(league.alliance.head));
    for (const auto& share : league.shares) print_line(head_text(share));
    for (const auto& doubt : league.doubts) {
      print_line(v1::FindingKind::Value_Name(doubt.kind) + "  " + doubt.ledger + ": " +
                 doubt.text + finding_text(doubt));
    }
    return;
  }
  std::string shares;
  for (const auto& share : league.shares) shares += (shares.empty() ? "" : ",") + head_json(share);
  std::string doubts;
  for (const auto& doubt : league.doubts) {
    doubts += (doubts.empty() ? "" : ",") + std::string("{\"kind\":") +
              json_text(v1::FindingKind::Value_Name(doubt.kind)) + ",\"ledger\":" +
              json_text(doubt.ledger) + ",\"detail\":" + json_text(doubt.text) +
              ",\"finding\":" + json_text(doubt.finding) + ",\"settled\":" +
              (doubt.is_settled ? "true" : "false") + "}";
  }
  print_line("{\"ok\":" + std::string(first_open(league) == nullptr ? "true" : "false") +
             ",\"alliance\":" + head_json(league.alliance.head) + ",\"shares\":[" + shares +
             "],\"doubts\":[" + doubts + "]}");
}

int verify_league(const LeagueOptions& options) {
  const auto trusted = trusted_alliance(options.trust);
  if (!trusted) return report(trusted.error());
  const auto source = trusted->source();
  for (const auto& folder : {options.folder, options.other}) {
    if (folder.empty()) continue;
    if (auto there = has_copy(folder, source.ledger); !there) return report(there.error());
  }
  auto league = federation::find_doubts(options.folder, source);
  if (!league) return refuted(league.error(), options.json);
  if (!options.other.empty()) {
    if (auto same = check_other(options, league->alliance); !same) {
      return refuted(same.error(), options.json);
    }
  }
  print_league(*league, options.json);
  const auto* open = first_open(*league);
  return open == nullptr ? kExitOk : refuted(as_error(*open));
}

}  // namespace

void add_verify_league(CLI::App& verify, Chosen& chosen) {
  auto* verb = verify.add_subcommand(
      "league", "Copies of an alliance's log and its members' shares, held against one another");
  auto options = std::make_shared<LeagueOptions>();
  verb->add_option("FOLDER", options->folder, "The folder that `hansa tlog copy` made")->required();
  verb->add_option("--other", options->other,
                   "Copies that somebody else was shown: both must be one history");
  add_trust(*verb, options->trust);
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb,
              "  hansa demo --once --cities 3 --days 2 --data demo-data\n"
              "  hansa tlog copy --data demo-data --ledger alliance/delta --ledger "
              "share/delta/wuxi --ledger share/delta/suzhou-js --out evidence\n"
              "  hansa verify league evidence --alliance-key evidence/tlog/alliance/delta/vkey");
  verb->callback(
      [&chosen, options] { chosen.run = [options] { return verify_league(*options); }; });
}

}  // namespace hansa::ops
