#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/key_file.h"
#include "projections/keyring.h"

namespace hansa::ops {
namespace {

struct InboxKeyOptions {
  std::string data_dir = "data";
  std::string ledger;
  bool json = false;
};

int show_key(const InboxKeyOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  const auto keys = read_key_file(key_file_name(options.data_dir, *ledger));
  if (!keys) return report(keys.error());
  const std::string key = projections::box_public_key(keys->keyring_master, ledger->id);
  if (options.json) {
    print_line("{\"ledger\":" + json_text(ledger->text()) + ",\"x25519\":" +
               json_text(to_hex(key)) + "}");
  } else {
    print_line(to_hex(key));
  }
  return kExitOk;
}

}  // namespace

void add_inbox(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("inbox", "What other systems need to write to a city's inboxes");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa inbox key --ledger city/example");
  auto options = std::make_shared<InboxKeyOptions>();
  auto* key = verb->add_subcommand(
      "key", "The city's X25519 key, to which personal texts are sealed (crypto_box_seal)");
  key->add_option("--data", options->data_dir, "The data folder")->capture_default_str();
  key->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  key->add_flag("--json", options->json, "One JSON object");
  set_example(*key, "  hansa inbox key --ledger city/example");
  key->callback([&chosen, options] { chosen.run = [options] { return show_key(*options); }; });
}

}  // namespace hansa::ops
