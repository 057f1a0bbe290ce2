#include <charconv>

#include "ops/cli/cli.h"
#include "ops/json_log.h"
#include "ops/serving.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct ServeOptions {
  std::string config = "hansa.yaml";
  bool accept_clock_jump = false;
  std::vector<std::string> accepted;
  bool check = false;
};

// share/delta/wuxi=1234
Result<void> accept_entries(const std::string& text, Config& config) {
  const auto equals = text.find('=');
  const auto ledger = LedgerId::parse(text.substr(0, equals));
  const auto digits = equals == std::string::npos ? "" : text.substr(equals + 1);
  Seq seq = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  if (!ledger || error != std::errc() || end != digits.data() + digits.size() || seq == 0) {
    return fail(Errc::kBadRequest, "expected --accept-entries LEDGER=SEQ, like "
                                   "share/delta/wuxi=1234, got `" + text + "`");
  }
  config.accepted_to[*ledger] = seq;
  return {};
}

int serve(const ServeOptions& options) {
  auto config = read_config(options.config, process_environment());
  if (!config) return report(config.error());
  config->accept_clock_jump = options.accept_clock_jump;
  for (const auto& text : options.accepted) {
    if (auto accepted = accept_entries(text, *config); !accepted) {
      return usage(accepted.error().detail);
    }
  }
  if (options.check) {
    if (auto files = Serving::check_files(*config); !files) return report(files.error());
    print_line(options.config + ": ok, ledgers: " + std::to_string(config->ledgers.size()) +
               ", keys: " + std::to_string(config->api_keys.size()) +
               ", issuers: " + std::to_string(config->issuers.size()));
    return kExitOk;
  }
  SignalWait signals;
  SystemEnv env;
  auto serving = Serving::start(*config, env);
  if (!serving) return report(serving.error());
  const std::string scheme = config->http.tls.is_on() ? "https://" : "http://";
  print_line("hansa serves " + scheme + (*serving)->api().text() + " (metrics http://" +
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
  verb->add_option("--accept-entries", options->accepted,
                   "Your word that the entries of a ledger up to this one are right although none "
                   "of its own nodes made them, like share/delta/wuxi=1234 (see `hansa error "
                   "foreign_entry`)");
  verb->add_flag("--check", options->check, "Only says whether the configuration is understood");
  set_example(*verb, "  hansa serve --config hansa.yaml");
  verb->callback([&chosen, options] { chosen.run = [options] { return serve(*options); }; });
}

}  // namespace hansa::ops
