#include "ops/init.h"

#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct InitOptions {
  std::string city;
  std::string folder = ".";
  bool dry_run = false;
  bool json = false;
};

int init_city(const InitOptions& options) {
  SystemEnv env;
  const auto plan = plan_init(options.city, env);
  if (!plan) return report(plan.error());
  if (options.dry_run) {
    print_line(key_file_name(options.folder + "/data", plan->ledger));
    for (const auto& file : plan->files) print_line(options.folder + "/" + file.name);
    say("would write these files");
    return kExitOk;
  }
  if (auto written = write_init(*plan, options.folder); !written) return report(written.error());
  const auto config = options.folder == "." ? "hansa.yaml" : options.folder + "/hansa.yaml";
  if (options.json) {
    print_line("{\"ledger\":" + json_text(plan->ledger.text()) + ",\"founding_id\":" +
               json_text(to_hex(plan->keys.founding_id)) + ",\"config\":" + json_text(config) +
               ",\"key\":" + json_text(plan->api_key) + "}");
    return kExitOk;
  }
  say(plan->ledger.text() + " has its keys and " + config +
      ". The key of its first administrator, shown this once:");
  print_line(plan->api_key);
  say("Next:\n  export HANSA_KEY=<the key>\n  hansa serve --config " + config +
      "\n  hansa setup " + options.folder +
      "/setup      after editing the files there, in another terminal");
  return kExitOk;
}

}  // namespace

void add_init(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("init", "Makes keys and configuration of a new ledger");
  verb->require_subcommand(0, 1);
  auto* city = verb->add_subcommand(
      "city", "Makes founding id, keys, configuration and a first administrator's key of a city");
  auto options = std::make_shared<InitOptions>();
  city->add_option("ID", options->city, "The city's id: a-z, 0-9 and -, at most 40")->required();
  city->add_option("--dir", options->folder, "Folder to write into; nothing there is overwritten")
      ->capture_default_str();
  city->add_flag("--json", options->json, "One JSON object: ledger, founding_id, config, key");
  city->add_flag("--dry-run", options->dry_run, "Only lists the files");
  set_example(*verb, "  hansa init city river-town --dir river-town");
  set_example(*city, "  hansa init city river-town --dir river-town");
  city->callback([&chosen, options] { chosen.run = [options] { return init_city(*options); }; });
}

}  // namespace hansa::ops
