#include <set>

#include "hansa/v1/affiliation.pb.h"
#include "hansa/v1/alliance.pb.h"
#include "hansa/v1/campaign_reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/evidence.h"
#include "ops/cli/progress.h"
#include "ops/confirmed.h"
#include "ops/finding_text.h"
#include "ops/identity.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct AdmitOptions {
  std::string alliance;
  std::vector<std::string> files;
  bool dry_run = false;
  bool json = false;
  RemoteServer server;
};

Result<std::vector<Identity>> read_cities(const std::vector<std::string>& files) {
  std::vector<Identity> cities;
  std::set<LedgerId> seen;
  for (const auto& file : files) {
    HANSA_TRY(auto identity, read_identity(file));
    if (identity.ledger.kind != kCityKind) {
      return fail(Errc::kBadFile, file + " is the identity of " + identity.ledger.text() +
                                      "; expected a city's");
    }
    if (!seen.insert(identity.ledger).second) {
      return fail(Errc::kBadFile, file + " names " + identity.ledger.text() + " a second time");
    }
    cities.push_back(std::move(identity));
  }
  return cities;
}

Result<void> admit_city(Client& client, const std::string& alliance, const Identity& city) {
  v1::AdmitCity request;
  request.set_alliance(alliance);
  request.set_city(city.ledger.id);
  request.set_founding_id(city.founding_id);
  request.set_public_key(city.public_key);
  request.set_recovery_key(city.recovery_key);
  request.set_witness_key(city.witness_key);
  request.set_witness_url(city.witness_url);
  v1::Receipt receipt;
  return client.call(request, receipt);
}

// All files are read before the first city is admitted; a refusal does not stop the others.
int admit(const AdmitOptions& options) {
  const auto cities = read_cities(options.files);
  if (!cities) return report(cities.error());
  auto client = connect(options.server);
  if (!options.dry_run && !client) return report(client.error());
  std::vector<std::vector<std::string>> rows;
  std::optional<Error> refused;
  Progress progress("admit", cities->size());
  for (const auto& city : *cities) {
    std::string outcome = "to be admitted";
    if (!options.dry_run) {
      const auto admitted = admit_city(*client, options.alliance, city);
      outcome = admitted ? "admitted" : std::string(error_info(admitted.error().code).name);
      if (!admitted && !refused) refused = admitted.error();
    }
    rows.push_back({city.ledger.id, fingerprint(city), outcome});
    progress.reached(rows.size(), cities->size());
  }
  progress.done();
  if (options.json) {
    for (const auto& row : rows) {
      print_line("{\"city\":" + json_text(row[0]) + ",\"fingerprint\":" + json_text(row[1]) +
                 ",\"outcome\":" + json_text(row[2]) + "}");
    }
  } else {
    print_table({"CITY", "FINGERPRINT", "OUTCOME"}, rows);
    say("Compare each fingerprint with the city, by telephone or on paper, not by the way the "
        "file came.");
  }
  return refused ? report(*refused) : kExitOk;
}

struct JoinOptions {
  std::string file;
  std::string city;
  std::string fingerprint;
  RemoteServer server;
};

// Whoever joins has compared the fingerprint: it is typed in, not clicked away.
int join(const JoinOptions& options) {
  const auto identity = read_identity(options.file);
  if (!identity) return report(identity.error());
  if (identity->ledger.kind != kAllianceKind) {
    return report(Error{Errc::kBadFile, options.file + " is the identity of " +
                                            identity->ledger.text() + "; expected an alliance's"});
  }
  const std::string found = fingerprint(*identity);
  if (options.fingerprint.empty()) {
    print_line(identity->ledger.text() + "  " + found);
    say("Compare it with the alliance, by telephone or on paper; then join with --fingerprint "
        "\"" + found + "\".");
    return kExitOk;
  }
  if (options.fingerprint != found) {
    return report(Error{Errc::kBadRequest, options.file + " has the fingerprint " + found +
                                               ", not the one given; do not join by this file"});
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::JoinAlliance request;
  request.set_city(options.city);
  request.set_alliance(identity->ledger.id);
  request.set_founding_id(identity->founding_id);
  request.set_public_key(identity->public_key);
  request.set_recovery_key(identity->recovery_key);
  v1::Receipt receipt;
  if (auto joined = client->call(request, receipt); !joined) return report(joined.error());
  print_line(options.city + " has joined " + identity->ledger.id + " with entry " +
             std::to_string(receipt.seq()) + " of its ledger");
  return kExitOk;
}

void add_join(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("join", "Joins an alliance by the identity it handed over");
  auto options = std::make_shared<JoinOptions>();
  verb->add_option("FILE", options->file, "The alliance's identity.json")->required();
  verb->add_option("--city", options->city, "The city that joins")->required();
  verb->add_option("--fingerprint", options->fingerprint,
                   "As the alliance said it; without it, it is only shown");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                     "  hansa alliance join delta/identity.json --city example");
  verb->callback([&chosen, options] { chosen.run = [options] { return join(*options); }; });
}

struct FindingsOptions {
  std::string alliance;
  bool open = false;
  bool json = false;
  bool dry_run = false;
  RemoteServer server;
};

int findings(const FindingsOptions& options) {
  v1::ListFindings request;
  request.set_alliance(options.alliance);
  if (options.dry_run) {
    print_line("would ask " + options.server.url + " for " + to_json(request));
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  std::vector<v1::Finding> all;
  v1::FindingsAnswer last;
  const auto read = client->call_all<v1::FindingsAnswer>(request, [&](auto& page) -> Result<void> {
    for (auto& finding : page.findings()) {
      if (!options.open || is_open(finding)) all.push_back(finding);
    }
    last = page;
    return {};
  });
  if (!read) return report(read.error());
  if (options.json) {
    last.mutable_findings()->Assign(all.begin(), all.end());
    print_line(to_json(last));
    return kExitOk;
  }
  print_findings(all);
  say("as of entry " + std::to_string(last.seq()) + " of " + last.ledger() + ", " +
      confirmed_text(last.seq(), last.confirmed_seq()));
  return kExitOk;
}

void add_findings(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand(
      "findings", "What cannot be true: of accounts, figures, ledgers and witnesses");
  auto options = std::make_shared<FindingsOptions>();
  verb->add_option("ALLIANCE", options->alliance, "The alliance")->required();
  verb->add_flag("--open", options->open, "Only those that are not settled");
  verb->add_flag("--json", options->json, "One JSON object, with the evidence of each");
  verb->add_flag("--dry-run", options->dry_run, "Only says what would be asked");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa alliance findings delta --open --dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return findings(*options); }; });
}

int show(const std::string& file) {
  const auto identity = read_identity(file);
  if (!identity) return report(identity.error());
  print_line(identity->ledger.text() + "  " + fingerprint(*identity));
  return kExitOk;
}

void add_admit(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("admit", "Admits cities by the identities they handed over");
  auto options = std::make_shared<AdmitOptions>();
  verb->add_option("--alliance", options->alliance, "The alliance")->required();
  verb->add_option("--each", options->files, "The identity.json of each city")->required();
  verb->add_flag("--dry-run", options->dry_run, "Only reads the files and shows fingerprints");
  verb->add_flag("--json", options->json, "One JSON object a city");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa init city river-town --dir river-town\n"
              "  hansa alliance admit --alliance delta --dry-run --each river-town/identity.json");
  verb->callback([&chosen, options] { chosen.run = [options] { return admit(*options); }; });
}

}  // namespace

void add_alliance(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("alliance", "Who belongs to an alliance");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa init city river-town --dir river-town\n"
                     "  hansa alliance fingerprint river-town/identity.json");
  add_admit(*verb, chosen);
  add_join(*verb, chosen);
  add_findings(*verb, chosen);
  auto* shown = verb->add_subcommand("fingerprint", "Of an identity, to be compared by telephone");
  auto file = std::make_shared<std::string>();
  shown->add_option("FILE", *file, "An identity.json")->required();
  set_example(*shown, "  hansa init city river-town --dir river-town\n"
                      "  hansa alliance fingerprint river-town/identity.json");
  shown->callback([&chosen, file] { chosen.run = [file] { return show(*file); }; });
}

}  // namespace hansa::ops
