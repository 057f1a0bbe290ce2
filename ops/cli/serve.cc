#include "ops/cli/cli.h"
#include "ops/json_log.h"
#include "ops/serving.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct ServeOptions {
  std::string config = "hansa.yaml";
  bool accept_clock_jump = false;
  bool check = false;
};

int serve(const ServeOptions& options) {
  auto config = read_config(options.config, process_environment());
  if (!config) return report(config.error());
  config->accept_clock_jump = options.accept_clock_jump;
  if (options.check) {
    print_line(options.config + ": ok, " + std::to_string(config->ledgers.size()) + " ledgers, " +
               std::to_string(config->api_keys.size()) + " keys");
    return kExitOk;
  }
  SignalWait signals;
  SystemEnv env;
  auto serving = Serving::start(*config, env);
  if (!serving) return report(serving.error());
  print_line("hansa serves http://" + (*serving)->api().text() + " (metrics http://" +
             (*serving)->metrics().text() + "/metrics)");
  std::fflush(stdout);
  for (const auto& sentence : (*serving)->node().readiness().waits) say("hansa: " + sentence);
  signals.wait();
  JsonLine(LogLevel::kInfo, "stopping");
  const bool in_time = (*serving)->stop();
  JsonLine(LogLevel::kInfo, "stopped").field("all_answered", in_time);
  return kExitOk;
}

}  // namespace

void add_serve(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "serve", "Serves the configured ledgers over HTTP until SIGTERM or SIGINT");
  auto options = std::make_shared<ServeOptions>();
  verb->add_option("--config", options->config, "The configuration that `hansa init` wrote")
      ->capture_default_str();
  verb->add_flag("--accept-clock-jump", options->accept_clock_jump,
                 "Your word that this machine's clock is right although it is more than 24 h "
                 "ahead of the newest entry");
  verb->add_flag("--check", options->check, "Only says whether the configuration is understood");
  set_example(*verb, "  hansa serve --config hansa.yaml");
  verb->callback([&chosen, options] { chosen.run = [options] { return serve(*options); }; });
}

}  // namespace hansa::ops
