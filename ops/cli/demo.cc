#include "ops/demo/demo.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "ops/cli/cli.h"
#include "ops/cli/progress.h"
#include "ops/files.h"
#include "ops/init.h"
#include "ops/serving.h"
#include "ops/system_env.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

struct DemoVerb {
  DemoOptions demo;
  std::vector<std::string> reports;
  std::vector<std::string> mappings;
  std::string listen = "127.0.0.1:8080";
  std::string metrics_listen = "127.0.0.1:9464";
  bool once = false;
  bool json = false;
};

// The simulated cities' clock goes on from their last day at the speed of ours.
class ShiftedEnv final : public SystemEnv {
 public:
  explicit ShiftedEnv(int64_t now_us) : ahead_us_(now_us - SystemEnv::now_us()) {}
  int64_t now_us() override { return SystemEnv::now_us() + ahead_us_; }

 private:
  int64_t ahead_us_;
};

// A folder that goes with the process, unless the caller named one.
class DataFolder {
 public:
  Result<void> open(std::string& data_dir) {
    if (!data_dir.empty()) return make_folders(data_dir, 0700);
    std::string name = (std::filesystem::temp_directory_path() / "hansa-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      return fail(Errc::kBadFile, name + ": a temporary folder cannot be made");
    }
    data_dir = name;
    temporary_ = name;
    return {};
  }
  ~DataFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }
  bool is_temporary() const { return !temporary_.empty(); }

 private:
  std::string temporary_;
};

void print_cities(const DemoOutcome& outcome) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& city : outcome.cities) {
    std::string cases;
    for (const auto& [state, count] : city.cases) {
      cases += (cases.empty() ? "" : ", ") + std::to_string(count) + " " + state;
    }
    rows.push_back({city.city, city.simulated ? "simulated" : "real",
                    std::to_string(city.entries), cases});
    if (city.import) {
      rows.push_back({"", "", "", "imported " + std::to_string(city.import->imported) +
                                      ", refused " + std::to_string(city.import->refused)});
    }
  }
  print_table({"city", "", "entries", "cases"}, rows);
}

void print_members(const AllianceOutcome& alliance) {
  const auto day = [](int64_t time_us) {
    return time_us == 0 ? "" : time_text(time_us).substr(0, 16) + "Z";
  };
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : alliance.members) {
    rows.push_back({member.city, member.membership, day(member.joined_time_us),
                    std::to_string(member.ratified), day(member.heard_time_us),
                    std::to_string(member.shared_events)});
  }
  print_table({"member", "", "joined", "ratified", "last heard of", "shared events"}, rows);
}

void print_campaigns(const AllianceOutcome& alliance) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& campaign : alliance.campaigns) {
    const auto& numbers = campaign.numbers();
    rows.push_back({campaign.campaign(), campaign.title(),
                    v1::CampaignState::Value_Name(campaign.state()),
                    std::to_string(numbers.cities_committed()),
                    std::to_string(numbers.cities_declined()), std::to_string(numbers.actions()),
                    std::to_string(numbers.joint_actions())});
  }
  print_table({"campaign", "title", "state", "committed", "declined", "actions", "joint"}, rows);
}

void print_findings(const AllianceOutcome& alliance) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, states] : alliance.findings) {
    for (const auto& [state, count] : states) rows.push_back({kind, state, std::to_string(count)});
  }
  if (!rows.empty()) print_table({"findings", "state", ""}, rows);
}

void print_handovers(const AllianceOutcome& alliance) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [state, count] : alliance.handovers) {
    rows.push_back({state, std::to_string(count)});
  }
  if (!rows.empty()) print_table({"cases offered over a border", ""}, rows);
}

void print_figures(const AllianceOutcome& alliance) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [standing, count] : alliance.figures) {
    rows.push_back({standing, std::to_string(count)});
  }
  if (rows.empty()) return;
  print_line("");
  print_table({"figures published", ""}, rows);
}

// The same table twice would hide what matters: the rows folded anew stand below those kept.
void print_air(const AllianceOutcome& alliance) {
  const auto& [live, anew] = *alliance.air;
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const v1::AirFigure& figure) {
    const auto& change = figure.change();
    rows.push_back({name, figure.has_change() ? figure.percent() + " %" : "unknown",
                    figure.has_change() ? change.num() + "/" + change.den() : "",
                    std::to_string(figure.counted_size()) + " of " +
                        std::to_string(alliance.members.size())});
  };
  add("simple", live.simple());
  add("weighted by people", live.weighted());
  add("simple, folded anew", anew.simple());
  add("weighted, folded anew", anew.weighted());
  const auto year = live.year();
  print_line("");
  print_table({"PM2.5, " + std::to_string(year - 1) + " to " + std::to_string(year), "change",
               "exactly", "members with both years full"}, rows);
  print_line("\nThe rows of the alliance were folded anew from its " +
             std::to_string(alliance.entries) + " entries: the same digest, the same figures.");
}

void print_alliance(const AllianceOutcome& alliance) {
  print_line("\nalliance " + alliance.alliance + ", simulated: " +
             std::to_string(alliance.members.size()) + " cities, version " +
             std::to_string(alliance.version_in_force) + " of its agreement in force, " +
             std::to_string(alliance.entries) + " entries, " +
             std::to_string(alliance.shared_events) + " events shared\n");
  print_members(alliance);
  print_line("");
  print_campaigns(alliance);
  print_line("");
  print_findings(alliance);
  print_line("");
  print_handovers(alliance);
  print_figures(alliance);
  if (alliance.air) print_air(alliance);
}

// A busy port is explained and another one taken.
Result<std::unique_ptr<Serving>> start_serving(Config config, Env& env) {
  auto serving = Serving::start(config, env);
  if (serving || serving.error().code != Errc::kUnavailable) return serving;
  say("hansa: " + serving.error().detail + "; taking free ports instead");
  config.http.listen.port = 0;
  config.metrics.listen.port = 0;
  return Serving::start(config, env);
}

void print_banner(const Serving& serving, const DemoVerb& options, const DataFolder& folder,
                  const std::string& key, const DemoOutcome& outcome) {
  const auto url = "http://" + serving.api().text();
  print_line("\nhansa demo serves " + url + "   (metrics http://" + serving.metrics().text() +
             "/metrics)");
  print_line("  key         " + key);
  print_line("  try         curl -H 'Authorization: Bearer " + key + "' '" + url + "/v1/cities/" +
             outcome.cities.front().city + "/cases?page_size=3'");
  if (outcome.alliance) {
    print_line("  alliance    " + url + "/v1/alliances/" + outcome.alliance->alliance + "/members");
  }
  if (folder.is_temporary()) {
    print_line("  data        " + options.demo.data_dir + ", erased when this stops");
    print_line("  stop        Ctrl-C; nothing stays behind");
  } else {
    print_line("  data        " + options.demo.data_dir +
               ", stays: `hansa serve --config " + options.demo.data_dir +
               "/hansa.yaml --accept-clock-jump` serves it again");
    print_line("  stop        Ctrl-C; erase with: rm -r " + options.demo.data_dir);
  }
}

int serve_demo(const DemoVerb& options, const DemoOutcome& outcome, const DataFolder& folder,
               Config config, const std::string& key, SignalWait& signals) {
  const auto listen = Endpoint::parse(options.listen);
  const auto metrics_listen = Endpoint::parse(options.metrics_listen);
  config.http.listen = *listen;
  config.metrics.listen = *metrics_listen;
  ShiftedEnv env(outcome.end_us);
  auto serving = start_serving(config, env);
  if (!serving) return report(serving.error());
  print_banner(**serving, options, folder, key, outcome);
  if (options.json) print_line(demo_json(options.demo, outcome));
  std::fflush(stdout);
  signals.wait();
  (*serving)->stop();
  return kExitOk;
}

int demo(DemoVerb options) {
  if (options.reports.size() != options.mappings.size()) {
    return usage("expected one --mapping for each --reports");
  }
  for (size_t i = 0; i < options.reports.size(); ++i) {
    options.demo.files.push_back({options.reports[i], options.mappings[i]});
  }
  for (const auto& address : {options.listen, options.metrics_listen}) {
    const auto endpoint = Endpoint::parse(address);
    if (!endpoint) return report(endpoint.error());
    if (!endpoint->is_loopback()) {
      return usage("expected a loopback address like 127.0.0.1:8080, got `" + address + "`");
    }
  }
  // Before any thread is made, so that Ctrl-C reaches wait() only.
  std::optional<SignalWait> signals;
  if (!options.once) signals.emplace();
  DataFolder folder;
  if (auto opened = folder.open(options.demo.data_dir); !opened) return report(opened.error());
  Progress progress("demo (days of a city)", 0);
  const auto outcome = make_demo(options.demo, [&](uint64_t done, uint64_t total) {
    progress.reached(done, total);
  });
  if (!outcome) return report(outcome.error());
  progress.done();
  SystemEnv chance;
  const auto key = make_api_key(chance);
  auto config = demo_config(options.demo, *outcome, key);
  if (!config) return report(config.error());
  if (!folder.is_temporary()) {
    auto written = write_file(config->file, demo_config_text(*config), 0640);
    if (!written) return report(written.error());
  }
  print_cities(*outcome);
  if (outcome->alliance) print_alliance(*outcome->alliance);
  if (!options.once) {
    return serve_demo(options, *outcome, folder, *config, key, *signals);
  }
  if (options.json) print_line(demo_json(options.demo, *outcome));
  return kExitOk;
}

}  // namespace

void add_demo(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "demo", "Simulated cities, their alliance, and the cities of given files, served over HTTP");
  auto options = std::make_shared<DemoVerb>();
  verb->add_option("--cities", options->demo.cities, "How many simulated cities, up to 41")
      ->capture_default_str();
  verb->add_option("--days", options->demo.days, "How many days of civic life from 2025-01-01")
      ->check(CLI::Range(1, 365))
      ->capture_default_str();
  verb->add_option("--seed", options->demo.seed, "The same seed makes the same ledgers")
      ->capture_default_str();
  verb->add_option("--reports", options->reports, "A CSV of reports, as a city of its own");
  verb->add_option("--mapping", options->mappings, "What the columns of --reports mean (YAML)");
  verb->add_option("--air", options->demo.air,
                   "A CSV of the cities' PM2.5 by day (city, date, pm25), which the members share");
  verb->add_flag("--once", options->once, "Ends when the cities are made instead of serving");
  verb->add_flag("--json", options->json, "The last line of standard output is one JSON object");
  verb->add_option("--data", options->demo.data_dir,
                   "Data folder that stays; without it a temporary one");
  verb->add_option("--kafka", options->demo.kafka,
                   "Keeps the ledgers on this Kafka cluster, host:port; ./demo starts one");
  verb->add_option("--listen", options->listen, "Address of the API")->capture_default_str();
  verb->add_option("--metrics-listen", options->metrics_listen, "Address of /metrics")
      ->capture_default_str();
  set_example(*verb, "  hansa demo --once --cities 1 --days 2 --json");
  verb->callback([&chosen, options] { chosen.run = [options] { return demo(*options); }; });
}

}  // namespace hansa::ops
