#include "ops/init.h"

#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct InitOptions {
  LedgerId ledger;
  std::string folder = ".";
  std::string witness_url;
  bool dry_run = false;
  bool json = false;
};

int init(const InitOptions& options) {
  SystemEnv env;
  const auto plan = plan_init(options.ledger, options.folder, env, options.witness_url);
  if (!plan) return report(plan.error());
  const auto& config = plan->config.name;
  if (options.dry_run) {
    print_line(plan->key_file);
    for (const auto& file : plan->files) print_line(file.name);
    print_line(config);
    say(plan->extends_config ? "would write these files and add to the last one"
                             : "would write these files");
    return kExitOk;
  }
  if (auto written = write_init(*plan); !written) return report(written.error());
  if (options.json) {
    print_line("{\"ledger\":" + json_text(plan->ledger.text()) + ",\"founding_id\":" +
               json_text(to_hex(plan->keys.founding_id)) + ",\"config\":" + json_text(config) +
               ",\"folder\":" + json_text(plan->folder) + ",\"key\":" +
               json_text(plan->api_key) + ",\"fingerprint\":" +
               json_text(fingerprint(plan->identity)) + "}");
    return kExitOk;
  }
  say(plan->ledger.text() + " has its keys and " + (plan->extends_config ? "a place in " : "") +
      config + ". The key of its first administrator, shown this once:");
  print_line(plan->api_key);
  say("Its identity is in " + plan->folder + "/identity.json, with the fingerprint " +
      fingerprint(plan->identity) + ". Move recovery-" + plan->ledger.folder() +
      ".key to a place offline: it replaces a key that was lost.");
  const bool is_city = options.ledger.kind == kCityKind;
  say("Next:\n  export HANSA_KEY=<the key>\n  hansa serve --config " + config +
      (plan->extends_config ? "      anew, if it runs already" : "") +
      (is_city ? "\n  hansa setup " + plan->folder +
                     "/setup      after editing the files there, in another terminal"
               : "\n  hansa call FoundAlliance '{\"alliance\": \"" + options.ledger.id +
                     "\"}'      in another terminal"));
  return kExitOk;
}

void add_kind(CLI::App& parent, Chosen& chosen, std::string_view kind, const std::string& summary,
              const std::string& example) {
  auto* verb = parent.add_subcommand(std::string(kind), summary);
  auto options = std::make_shared<InitOptions>();
  options->ledger.kind = kind;
  verb->add_option("ID", options->ledger.id, "Its id: a-z, 0-9 and -, at most 40")->required();
  verb->add_option("--dir", options->folder,
                   "Folder to write into; nothing there is overwritten, and to a hansa.yaml there "
                   "the ledger is added")
      ->capture_default_str();
  if (kind == kCityKind) {
    verb->add_option("--witness-url", options->witness_url,
                     "Where other nodes reach the city's witness: http://HOST:PORT/tlog, or "
                     "/tlog/city/ID behind the port where several cities are served");
  }
  verb->add_flag("--json", options->json,
                 "One JSON object: ledger, founding_id, config, folder, key, fingerprint");
  verb->add_flag("--dry-run", options->dry_run, "Only lists the files");
  set_example(*verb, example);
  verb->callback([&chosen, options] { chosen.run = [options] { return init(*options); }; });
}

}  // namespace

void add_init(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("init", "Makes keys and configuration of a new ledger");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa init city river-town --dir river-town");
  add_kind(*verb, chosen, kCityKind,
           "Makes founding id, keys, configuration and a first administrator's key of a city",
           "  hansa init city river-town --dir river-town --witness-url "
           "http://river-town.example:8080/tlog");
  add_kind(*verb, chosen, kAllianceKind,
           "The same for an alliance of cities, with a first key of its secretariat",
           "  hansa init alliance delta --dir delta\n"
           "  hansa init city river-town --dir delta");
}

}  // namespace hansa::ops
