#include "hansa/v1/ledger_keys.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/offline.h"
#include "ops/json.h"
#include "ops/key_statement.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct KeyOptions {
  std::string data_dir = "data";
  std::string config;
  std::string ledger;
  std::string alliance;
  std::vector<std::string> cities;
  std::string recovery;
  uint64_t from_size = 0;
  std::string key;
  std::optional<uint64_t> last_good_size;
  bool compromised = false;
  bool dry_run = false;
};

// The node's data, opened for us alone.
struct Signer {
  LedgerId keeper;  // whose key it is
  LedgerId ledger;  // that is signed with it
  std::string key_file;
  KeyFile keys;
  Seq signed_size = 0;
  std::string recovery_seed;
};

Result<LedgerId> signed_ledger(const LedgerId& keeper, const std::string& alliance) {
  if (keeper.kind == kAllianceKind && alliance.empty()) return keeper;
  if (keeper.kind == kCityKind && is_slug(alliance)) return share_ledger(alliance, keeper.id);
  return fail(Errc::kBadRequest,
              "expected --ledger city/ID with --alliance ID: the key of what the city shares with "
              "it; or --ledger alliance/ID alone");
}

Result<Signer> open_signer(const KeyOptions& options) {
  Signer signer;
  const auto keeper = LedgerId::parse(options.ledger);
  if (!keeper) {
    return fail(Errc::kBadRequest,
                "expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  }
  signer.keeper = *keeper;
  HANSA_TRY(signer.ledger, signed_ledger(*keeper, options.alliance));
  if (!options.recovery.empty()) {
    HANSA_TRY(signer.recovery_seed, read_recovery_seed(options.recovery, *keeper));
  }
  std::optional<StoppedNode> node;
  if (options.config.empty()) {
    HANSA_CHECK(check_has_log(options.data_dir, signer.ledger));
    HANSA_TRY(node, StoppedNode::open(options.data_dir, *keeper));
    signer.key_file = key_file_name(options.data_dir, *keeper);
  } else {
    HANSA_TRY(const auto config, read_config(options.config, process_environment()));
    HANSA_TRY(node, StoppedNode::of(config, *keeper));
    signer.key_file = config.find_ledger(*keeper)->key_file;
  }
  HANSA_TRY(signer.keys, read_key_file(signer.key_file));
  HANSA_TRY(signer.signed_size, signed_size(node->log(), signer.ledger));
  return signer;
}

template <typename Statement, typename Command>
void set_statement(const Statement& statement, Command& command) {
  command.set_public_key(statement.public_key);
  command.set_signature(statement.signature);
  if constexpr (requires { command.set_from_size(0); }) {
    command.set_from_size(statement.from_size);
  } else {
    command.set_last_good_size(statement.last_good_size);
    command.set_compromised(statement.compromised);
  }
}

// A request for whoever records it: the alliance for a city's key, each city for the alliance's.
template <typename OfCity, typename OfAlliance, typename Statement>
void print_statement(const KeyOptions& options, const Signer& signer, const Statement& statement) {
  if (signer.keeper.kind == kCityKind) {
    OfCity command;
    command.set_alliance(options.alliance);
    command.set_city(signer.keeper.id);
    set_statement(statement, command);
    return print_line(to_json(command));
  }
  for (const auto& city : options.cities) {
    OfAlliance command;
    command.set_city(city);
    command.set_alliance(signer.keeper.id);
    set_statement(statement, command);
    print_line(to_json(command));
  }
}

Result<void> check_cities(const KeyOptions& options, const Signer& signer) {
  const bool names = !options.cities.empty();
  if (names == (signer.keeper.kind == kAllianceKind)) return {};
  return fail(Errc::kBadRequest, "expected --city with the key of an alliance, and only there: "
                                 "the cities that will record it");
}

int change_key(const KeyOptions& options) {
  auto signer = open_signer(options);
  if (!signer) return report(signer.error());
  if (auto checked = check_cities(options, *signer); !checked) return report(checked.error());
  SystemEnv env;
  auto plan = plan_change(signer->keys, signer->ledger, signer->signed_size, options.from_size,
                          env.random_bytes(kSeedBytes), signer->recovery_seed);
  if (!plan) return report(plan.error());
  if (options.dry_run) {
    print_line(signer->ledger.text() + " is signed up to size " +
               std::to_string(signer->signed_size) + "; a new key would sign from size " +
               std::to_string(plan->change.from_size) + " on");
    return kExitOk;
  }
  if (plan->is_new) {
    if (auto kept = replace_key_file(signer->key_file, plan->keys); !kept) {
      return report(kept.error());
    }
  }
  print_statement<v1::ChangeCityKey, v1::ChangeAllianceKey>(options, *signer, plan->change);
  say(std::string(plan->is_new ? "the key changes" : "said once more: the key changes") +
      " from size " + std::to_string(plan->change.from_size) + " of " + signer->ledger.text() +
      " on; have it recorded before the node starts again: `hansa call " +
      (signer->keeper.kind == kCityKind ? "ChangeCityKey" : "ChangeAllianceKey") +
      " --each FILE`");
  return kExitOk;
}

int revoke_key(const KeyOptions& options) {
  auto signer = open_signer(options);
  if (!signer) return report(signer.error());
  if (auto checked = check_cities(options, *signer); !checked) return report(checked.error());
  const auto end = make_end(signer->keys, signer->ledger,
                            {options.key, options.last_good_size.value_or(signer->signed_size),
                             options.compromised, ""},
                            signer->recovery_seed);
  if (!end) return report(end.error());
  print_statement<v1::RevokeCityKey, v1::RevokeAllianceKey>(options, *signer, *end);
  say("the key " + end->public_key + " counts up to size " +
      std::to_string(end->last_good_size) + " of " + signer->ledger.text() +
      " only, once this is recorded; the key file still holds it, until `hansa key change`");
  return kExitOk;
}

void add_common(CLI::App& verb, KeyOptions& options) {
  verb.add_option("--data", options.data_dir, "The data folder of the stopped node")
      ->capture_default_str();
  verb.add_option("--config", options.config, "Its configuration, where a cluster has the log");
  verb.add_option("--ledger", options.ledger, "Whose key it is, like city/suzhou-js")->required();
  verb.add_option("--alliance", options.alliance, "Of a city: with whom it shares by this key");
  verb.add_option("--city", options.cities, "Of an alliance: the cities that will record it");
  verb.add_option("--recovery", options.recovery,
                  "Signs with the recovery key in this file: the key is lost or in wrong hands");
}

}  // namespace

void add_key(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("key", "The key by which others know a ledger");
  verb->require_subcommand(0, 1);
  const std::string begin = "  hansa init city river-town --dir river-town\n";
  const std::string of = " --data river-town/data --ledger city/river-town --alliance delta";
  set_example(*verb, begin + "  hansa key change" + of);
  auto options = std::make_shared<KeyOptions>();
  auto* change = verb->add_subcommand(
      "change", "Makes a new key and prints the statement that others record");
  add_common(*change, *options);
  change->add_option("--from-size", options->from_size,
                     "The first size it signs; else the first that is not signed yet");
  change->add_flag("--dry-run", options->dry_run, "Only says what would change");
  set_example(*change, begin + "  hansa key change" + of);
  change->callback([&chosen, options] { chosen.run = [options] { return change_key(*options); }; });
  auto* revoke = verb->add_subcommand(
      "revoke", "Prints the statement that a key counts no further, or is in wrong hands");
  add_common(*revoke, *options);
  revoke->add_option("--key", options->key, "The public key that ends; else the newest");
  revoke->add_option("--last-good-size", options->last_good_size,
                     "The last size that this node itself signed; else as its log says");
  revoke->add_flag("--compromised", options->compromised, "Somebody else has the key");
  set_example(*revoke, begin + "  hansa key revoke" + of +
                           " --compromised --last-good-size 0 "
                           "--recovery river-town/recovery-city-river-town.key");
  revoke->callback([&chosen, options] { chosen.run = [options] { return revoke_key(*options); }; });
}

}  // namespace hansa::ops
