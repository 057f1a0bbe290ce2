#include <cstdio>
#include <map>

#include "hansa/v1/alliance_reads.pb.h"
#include "hansa/v1/campaign.pb.h"
#include "hansa/v1/entry.pb.h"
#include "ops/campaign_report.h"
#include "ops/cli/cli.h"
#include "ops/cli/evidence.h"
#include "ops/confirmed.h"
#include "ops/files.h"
#include "ops/finding_text.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

struct CampaignOptions {
  std::string alliance;
  std::string campaign;
  bool dry_run = false;
  RemoteServer server;

  std::string address() const {
    return "/v1/alliances/" + alliance + "/campaigns/" + campaign;
  }
};

struct BoardOptions : CampaignOptions {
  bool json = false;
};

struct BoardRow {
  std::string city;
  std::string standing;
  std::string word = "silent";
  size_t actions = 0;
  size_t joint_actions = 0;
  size_t findings_open = 0;
  v1::Share share;
};

std::string standing_of(const v1::Member& member) {
  if (member.membership() == v1::Membership::admitted) {
    return member.joined_time_us() == 0 ? "not joined" : "member";
  }
  return v1::Membership::Value_Name(member.membership());
}

std::vector<BoardRow> board_rows(const CampaignFacts& facts, const v1::SharesAnswer& shares) {
  std::map<std::string, BoardRow> rows;
  for (const auto& city : silent_cities(facts)) rows[city];
  for (const auto& city : facts.cities) {
    auto& row = rows[city.city()];
    row.word = v1::CampaignWord::Value_Name(city.word());
    row.actions = static_cast<size_t>(city.actions_size());
    for (const auto& action : city.actions()) row.joint_actions += !action.joint_id().empty();
  }
  for (const auto& finding : facts.findings) {
    if (finding.state() == v1::FindingState::settled) continue;
    for (const auto& city : finding.raised().cities()) ++rows[city].findings_open;
  }
  for (const auto& member : facts.members) {
    if (const auto row = rows.find(member.city()); row != rows.end()) {
      row->second.standing = standing_of(member);
    }
  }
  for (const auto& share : shares.shares()) {
    if (const auto row = rows.find(share.city()); row != rows.end()) row->second.share = share;
  }
  std::vector<BoardRow> list;
  for (auto& [city, row] : rows) {
    row.city = city;
    list.push_back(std::move(row));
  }
  return list;
}

std::string seconds_text(int64_t us) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(us) / 1e6);
  return text;
}

std::string row_json(const BoardRow& row) {
  return "{\"city\":" + json_text(row.city) + ",\"standing\":" + json_text(row.standing) +
         ",\"word\":" + json_text(row.word) + ",\"actions\":" + std::to_string(row.actions) +
         ",\"joint_actions\":" + std::to_string(row.joint_actions) + ",\"findings_open\":" +
         std::to_string(row.findings_open) + ",\"share\":" + to_json(row.share) + "}";
}

std::string as_of(const CampaignFacts& facts) {
  return "entry " + std::to_string(facts.seq) + " of alliance/" + facts.alliance + ", " +
         confirmed_text(facts.seq, facts.confirmed_seq);
}

void print_board_json(const CampaignFacts& facts, const std::vector<BoardRow>& rows) {
  std::string members;
  for (const auto& row : rows) members += (members.empty() ? "" : ",") + row_json(row);
  std::string held;
  for (const auto& finding : facts.ledger_findings) {
    held += (held.empty() ? "" : ",") + to_json(finding);
  }
  print_line("{\"ledger\":" + json_text("alliance/" + facts.alliance) + ",\"seq\":" +
             json_text(std::to_string(facts.seq)) + ",\"confirmed_seq\":" +
             json_text(std::to_string(facts.confirmed_seq)) + ",\"campaign\":" +
             to_json(facts.campaign) +
             ",\"members\":[" + members + "],\"ledger_findings\":[" + held + "]}");
}

void print_board(const CampaignFacts& facts, const std::vector<BoardRow>& rows) {
  const auto& campaign = facts.campaign;
  const auto& numbers = campaign.numbers();
  print_line(campaign.campaign() + "  " + campaign.title() + "  (" +
             v1::CampaignState::Value_Name(campaign.state()) + ")");
  print_line("commit by " + time_text(campaign.commit_by_time_us()) + ", from " +
             time_text(campaign.starts_time_us()) + " to " + time_text(campaign.ends_time_us()));
  print_line("quorum " + std::to_string(campaign.quorum()) + ", committed " +
             std::to_string(numbers.cities_committed()) + ", declined " +
             std::to_string(numbers.cities_declined()) + "; " +
             std::to_string(numbers.actions()) + " actions, " +
             std::to_string(numbers.findings_open()) + " findings open");
  print_line("as of " + as_of(facts));
  if (!campaign.report_sha256().empty()) print_line("report " + campaign.report_sha256());
  print_line("");
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    const auto& share = row.share;
    cells.push_back({row.city, row.standing, row.word, std::to_string(row.actions),
                     std::to_string(row.joint_actions), std::to_string(row.findings_open),
                     share.taken_time_us() == 0 ? "never" : time_text(share.taken_time_us()),
                     std::to_string(share.behind_records()), seconds_text(share.behind_us()),
                     share.waits_code()});
  }
  print_table({"CITY", "STANDING", "WORD", "ACTIONS", "JOINT", "FINDINGS", "LAST HEARD OF",
               "BEHIND", "SECONDS", "WAITS"},
              cells);
  if (facts.ledger_findings.empty()) return;
  print_line("");
  print_line("Held against ledgers:");
  print_findings(facts.ledger_findings);
}

int board(const BoardOptions& options) {
  if (options.dry_run) {
    print_line("would read " + options.server.url + options.address() +
               ", and the members, findings and shares beside it");
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto facts = read_campaign_facts(*client, options.alliance, options.campaign);
  if (!facts) return report(facts.error());
  v1::ListShares request;
  request.set_alliance(options.alliance);
  v1::SharesAnswer shares;
  if (auto read = client->call(request, shares); !read) return report(read.error());
  const auto rows = board_rows(*facts, shares);
  options.json ? print_board_json(*facts, rows) : print_board(*facts, rows);
  return kExitOk;
}

struct ReportOptions : CampaignOptions {
  std::string data_dir;
  std::string out;
  std::string verify;
  EvidenceTrust trust;
};

Result<KeyFile> signing_keys(const ReportOptions& options) {
  const auto file = key_file_name(options.data_dir, {std::string(kAllianceKind), options.alliance});
  HANSA_TRY(auto keys, read_key_file(file));
  if (!keys.signing.first.empty()) return keys;
  return fail(Errc::kBadFile, file + " has no signing_seed; the alliance cannot sign");
}

int write_report(const ReportOptions& options) {
  const auto keys = signing_keys(options);
  if (!keys) return report(keys.error());
  if (options.dry_run) {
    print_line("would write report.json, report.html and report.sig into " + options.out +
               ", signed with the alliance's key");
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto facts = read_campaign_facts(*client, options.alliance, options.campaign);
  if (!facts) return report(facts.error());
  if (auto made = make_folders(options.out); !made) return report(made.error());
  for (const auto& file : report_files(*facts, *keys)) {
    auto written = write_file(options.out + "/" + file.name, file.text);
    if (!written) return report(written.error());
  }
  const auto hash = report_sha256(options.out, options.alliance, options.campaign);
  if (!hash) return report(hash.error());
  print_line(*hash + "  " + options.out + "/report.json");
  say("made from " + as_of(*facts) + "; `hansa campaign close` puts this hash into the ledger");
  return kExitOk;
}

int make_or_verify(const ReportOptions& options) {
  if (!options.verify.empty()) {
    if (options.trust.key_file.empty()) {
      return usage("--verify needs the alliance's --identity FILE");
    }
    return verify_report_folder(options.verify, options.trust);
  }
  if (options.campaign.empty() || options.out.empty() || options.data_dir.empty()) {
    return usage("expected ALLIANCE CAMPAIGN --data FOLDER --out FOLDER, or --verify FOLDER "
                 "--identity FILE");
  }
  return write_report(options);
}

struct CloseOptions : CampaignOptions {
  std::string summary;
  std::string report_folder;
};

int close(const CloseOptions& options) {
  v1::CloseCampaign request;
  request.set_alliance(options.alliance);
  request.set_campaign(options.campaign);
  request.set_summary(options.summary);
  if (!options.report_folder.empty()) {
    const auto hash = report_sha256(options.report_folder, options.alliance, options.campaign);
    if (!hash) return report(hash.error());
    request.set_report_sha256(*hash);
  }
  if (options.dry_run) {
    print_line("would send " + to_json(request));
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::Receipt receipt;
  if (auto done = client->call(request, receipt); !done) return report(done.error());
  print_line(options.campaign + " of " + options.alliance + " is closed with entry " +
             std::to_string(receipt.seq()) +
             (request.report_sha256().empty() ? "" : ", report " + request.report_sha256()));
  return kExitOk;
}

void add_campaign_options(CLI::App& verb, CampaignOptions& options, bool required,
                          const std::string& dry_run) {
  verb.add_option("ALLIANCE", options.alliance, "The alliance")->required(required);
  verb.add_option("CAMPAIGN", options.campaign, "The campaign, like k1")->required(required);
  verb.add_flag("--dry-run", options.dry_run, dry_run);
  add_remote_server(verb, options.server);
}

void add_board(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("board", "What each member said and did, and how it is heard");
  auto options = std::make_shared<BoardOptions>();
  add_campaign_options(*verb, *options, true, "Only says what would be read");
  verb->add_flag("--json", options->json,
                 "One JSON object: ledger, seq, confirmed_seq, campaign, members, ledger_findings");
  set_example(*verb, "  hansa campaign board delta k1 --dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return board(*options); }; });
}

void add_report(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand(
      "report", "Writes what a campaign came to, signed; or verifies what was written");
  auto options = std::make_shared<ReportOptions>();
  add_campaign_options(*verb, *options, false, "Only says what would be written");
  verb->add_option("--data", options->data_dir, "The data folder that has the alliance's key");
  verb->add_option("--out", options->out, "The folder for report.json, report.html, report.sig");
  verb->add_option("--verify", options->verify, "A report's folder: checks signature and hashes");
  verb->add_option("--identity", options->trust.key_file,
                   "The alliance's identity.json, to verify by");
  verb->add_option("--statement", options->trust.statements,
                   "A statement by which it changed its key; several in their order");
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                     "  hansa campaign report delta k1 --data delta/data --out report --dry-run");
  verb->callback([&chosen, options] {
    chosen.run = [options] { return make_or_verify(*options); };
  });
}

void add_close(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("close", "Closes a campaign, with the hash of its report");
  auto options = std::make_shared<CloseOptions>();
  add_campaign_options(*verb, *options, true, "Only says what would be sent");
  verb->add_option("--summary", options->summary, "What it came to, in a sentence")->required();
  verb->add_option("--report", options->report_folder, "The report's folder");
  set_example(*verb, "  hansa campaign close delta k1 --summary \"Twelve banks are clean.\" "
                     "--dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return close(*options); }; });
}

}  // namespace

void add_campaign(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("campaign", "What the cities of an alliance do together");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa campaign board delta k1 --dry-run");
  add_board(*verb, chosen);
  add_report(*verb, chosen);
  add_close(*verb, chosen);
}

}  // namespace hansa::ops
