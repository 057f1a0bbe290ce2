#include "ops/access/audit_trail.h"

#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct TrailOptions {
  std::string data_dir;
  std::string last_sha256;
  bool json = false;
};

int verify_trail(const TrailOptions& options) {
  const auto check = check_trail(options.data_dir + "/audit");
  if (!check) return report(check.error());
  if (!options.last_sha256.empty() && options.last_sha256 != check->last_sha256) {
    return report({Errc::kChainBroken, "the chain is whole, but does not end in the hash given: "
                                       "records were cut off or written anew"});
  }
  if (options.json) {
    print_line("{\"records\":" + std::to_string(check->records) +
               ",\"first\":" + std::to_string(check->first) +
               ",\"last\":" + std::to_string(check->last) +
               ",\"last_sha256\":" + json_text(check->last_sha256) + "}");
    return kExitOk;
  }
  print_line(std::to_string(check->records) + " records, " + std::to_string(check->first) +
             " to " + std::to_string(check->last) + ": one chain");
  print_line("sha256 of the last: " + check->last_sha256);
  return kExitOk;
}

}  // namespace

void add_audit_trail(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<TrailOptions>();
  auto* verb = app.add_subcommand(
      "audit-trail", "Checks the records of what callers told a node, and of what they read");
  verb->require_subcommand(1);
  auto* one = verb->add_subcommand("verify", "Whether the records of a node are one chain");
  one->add_option("--data", options->data_dir, "The node's data folder, or a copy of it")
      ->required();
  one->add_option("--last-sha256", options->last_sha256,
                  "What the chain must end in, as somebody noted it");
  one->add_flag("--json", options->json, "As JSON");
  set_example(*one, "  hansa audit-trail verify --data river-town/data");
  one->callback([options, &chosen] { chosen.run = [options] { return verify_trail(*options); }; });
}

}  // namespace hansa::ops
