#include "ops/init.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/base/hash.h"
#include "ops/config.h"
#include "ops/embedded_files.h"
#include "ops/files.h"
#include "ops/web_connection.h"

namespace hansa::ops {
namespace {

constexpr const char* kConfig =
    R"(# Configuration of one hansa process. `hansa serve --config FILE --check` says whether it
# is understood; nothing unknown is passed over. Relative paths count from this file's folder.
# A variable HANSA_<SECTION>_<KEY> of the environment (HANSA_HTTP_LISTEN) lies over a plain value.

node:
  id: node-1
  data_dir: data            # log/, projections/, keyring/, keys/
  keeper_threads: 2

log:
  kind: embedded            # one machine, one folder
  fsync: true               # false only for tests: power loss may then lose what was acknowledged
  # In production, Apache Kafka: kind: kafka, and `hansa topics create` before the first start.
  # kafka:
  #   bootstrap: broker-1:9092,broker-2:9092,broker-3:9092
  #   properties:           # for librdkafka, as they are: TLS, SASL, client.id
  #     security.protocol: SASL_SSL
  #     sasl.mechanism: SCRAM-SHA-512
  #     sasl.username: hansa
  #     sasl.password.file: /etc/hansa/kafka-password
  #     ssl.ca.location: /etc/ssl/certs/ca-certificates.crt

http:
  listen: 127.0.0.1:8080    # off loopback only behind a proxy that speaks TLS:
  allow_plain: false        # then say true here
  threads: 2

metrics:
  listen: 127.0.0.1:9464    # Prometheus: GET /metrics

ledgers:
@LEDGER_ITEM@
    # outlet: true   # on Kafka: its events as CloudEvents on topic hansa.outlet.city.<id>
    # feeds: [delta] # on Kafka: what it shares with these alliances on hansa.feed.<alliance>.<id>

access:
  # Who may call. The caller sends `Authorization: Bearer <key>`; only the key's SHA-256 is here:
  #   printf %s "$KEY" | sha256sum
  # Roles: citizen hotline inspector device verifier dispatcher unit_worker checker city_admin
  # assessor auditor secretariat subscriber operator. Optional: grid_prefix (north/river-street),
  # unit (whom a unit_worker or checker belongs to), person (whom a citizen is).
  api_keys:
@KEY_ITEM@
  # - id: @EXAMPLE_ROLE@-1
  #   sha256: …
  #   roles: [@EXAMPLE_ROLE@]
  #   @WHERE@

memory:
  row_cache_mib: 256        # decoded rows, for each ledger; as much again while it is rebuilt
  block_cache_mib: 256      # shared by all ledgers
  write_mib: 128            # shared by all ledgers

limits:
  header_bytes_max: 8192
  body_bytes_max: 1048576
  batch_body_bytes_max: 8388608
  request_ms_max: 10000     # until a request has arrived and until it is answered
  idle_ms_max: 60000
  connections_max: 1024
  queue_commands_max: 20000
  requests_per_second_max: 0   # of one caller; 0: no limit
  stop_ms_max: 10000
  rebuilds_max: 1
)";

constexpr const char* kLedgerItem =
    R"(- ledger: @LEDGER@
  # Made once by `hansa init`; a ledger of another founding is refused.
  founding_id: @FOUNDING_ID@
  key_file: @KEY_FILE@   # 0600; keep a copy apart from copies of the data
  lead: true
)";

constexpr const char* kKeyItem =
    R"(- id: @KEY_ID@
  sha256: @KEY_SHA256@
  roles: @ROLES@
  @WHERE@
)";

constexpr const char* kSetupFiles[] = {"city.yaml",    "calendar.yaml", "grid.csv",
                                       "units.csv",    "services.csv",  "cases.csv",
                                       "cases-mapping.yaml"};

void replace_all(std::string& text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
}

std::string indented(const std::string& item, const std::string& by) {
  std::string text;
  for (size_t at = 0; at < item.size();) {
    const auto end = item.find('\n', at) + 1;
    text += by + item.substr(at, end - at);
    at = end;
  }
  return text;
}

struct Items {
  std::string ledger;
  std::string key;
};

std::string where_of(const LedgerId& ledger) {
  return ledger.kind == kCityKind ? "cities: [" + ledger.id + "]" : "alliance: " + ledger.id;
}

// `key_file` as the configuration names it.
Items items_of(const InitPlan& plan, const std::string& key_file, const std::string& key_id) {
  Items items{kLedgerItem, kKeyItem};
  replace_all(items.ledger, "@LEDGER@", plan.ledger.text());
  replace_all(items.ledger, "@FOUNDING_ID@", to_hex(plan.keys.founding_id));
  replace_all(items.ledger, "@KEY_FILE@", key_file);
  replace_all(items.key, "@KEY_ID@", key_id);
  replace_all(items.key, "@KEY_SHA256@", to_hex(sha256(plan.api_key)));
  replace_all(items.key, "@ROLES@",
              plan.ledger.kind == kCityKind ? "[city_admin, operator]" : "[secretariat, operator]");
  replace_all(items.key, "@WHERE@", where_of(plan.ledger));
  return items;
}

std::string new_config(const InitPlan& plan) {
  const auto items = items_of(plan, "data/keys/" + plan.ledger.folder() + ".key", "admin");
  std::string config = kConfig;
  replace_all(config, "@LEDGER_ITEM@\n", indented(items.ledger, "  "));
  replace_all(config, "@KEY_ITEM@\n", indented(items.key, "    "));
  replace_all(config, "@WHERE@", where_of(plan.ledger));
  replace_all(config, "@EXAMPLE_ROLE@",
              plan.ledger.kind == kCityKind ? "dispatcher" : "subscriber");
  return config;
}

// Puts `item` behind the last line of a section that is a list of items, one under the other.
bool add_item(std::string& text, const std::string& section, const std::string& item) {
  std::optional<std::string> indent;
  bool is_inside = false;
  size_t end_of_section = 0;
  for (size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(at, end - at);
    at = end;
    const auto first = line.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) continue;
    if (first == 0 && line[0] != '#' && line[0] != '-') {
      is_inside = line.starts_with(section + ":");
    }
    if (!is_inside || (first == 0 && line[0] == '#')) continue;
    if (!indent && line.substr(first).starts_with("- ")) indent = line.substr(0, first);
    end_of_section = end;
  }
  if (!indent) return false;
  std::string added = indented(item, *indent);
  if (text[end_of_section - 1] != '\n') added = "\n" + added;
  text.insert(end_of_section, added);
  return true;
}

bool is_only_added(const Config& before, const Config& after, const LedgerId& ledger) {
  bool same = after.ledgers.size() == before.ledgers.size() + 1 &&
              after.api_keys.size() == before.api_keys.size() + 1 &&
              after.ledgers.back().ledger == ledger;
  for (size_t i = 0; same && i < before.ledgers.size(); ++i) {
    same = after.ledgers[i].ledger == before.ledgers[i].ledger &&
           after.ledgers[i].key_file == before.ledgers[i].key_file;
  }
  for (size_t i = 0; same && i < before.api_keys.size(); ++i) {
    same = after.api_keys[i].id == before.api_keys[i].id;
  }
  return same;
}

Result<void> plan_extension(const std::string& folder, InitPlan& plan) {
  const std::string file = plan.config.name;
  HANSA_TRY(plan.config.text, read_file(file));
  HANSA_TRY(const auto before, parse_config(plan.config.text, file, {}));
  if (before.find_ledger(plan.ledger) != nullptr) {
    return fail(Errc::kAlreadyExists,
                file + ": " + plan.ledger.text() + " exists already; nothing was written");
  }
  plan.extends_config = true;
  plan.folder = folder + "/" + plan.ledger.folder();
  plan.key_file = key_file_name(before.node.data_dir, plan.ledger);
  const auto beside = std::filesystem::path(plan.key_file).lexically_relative(
      std::filesystem::path(folder).lexically_normal());
  const auto items = items_of(plan, beside.empty() ? plan.key_file : beside.string(),
                              "admin-" + plan.ledger.folder());
  const bool added = add_item(plan.config.text, "ledgers", items.ledger) &&
                     add_item(plan.config.text, "access", items.key);
  const auto after = parse_config(plan.config.text, file, {});
  if (added && after && is_only_added(before, *after, plan.ledger)) {
    plan.config.mode =
        static_cast<uint32_t>(std::filesystem::status(file).permissions()) & 0777;
    return {};
  }
  return fail(Errc::kBadConfig,
              file + ": expected `ledgers` and `api_keys` as lists of one item under another, as "
                     "`hansa init` writes them, with room for " + plan.ledger.text() +
                  " and the key admin-" + plan.ledger.folder() + "; nothing was written");
}

}  // namespace

std::string make_api_key(Env& env) {
  constexpr char kLetters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789ABCDEFG";
  std::string key = "hansa_";
  for (const char byte : env.random_bytes(43)) {
    key += kLetters[static_cast<unsigned char>(byte) % 64];
  }
  return key;
}

Result<InitPlan> plan_init(const LedgerId& ledger, const std::string& folder, Env& env,
                           const std::string& witness_url) {
  if (!is_slug(ledger.id)) {
    return fail(Errc::kBadRequest, "expected an id of a-z, 0-9 and -, at most 40, got `" +
                                       ledger.id + "`");
  }
  if (!witness_url.empty()) HANSA_CHECK(parse_web_address(witness_url));
  InitPlan plan;
  plan.ledger = ledger;
  plan.keys = make_keys(env);
  plan.keys.signing.first = env.random_bytes(kSeedBytes);
  const std::string recovery_seed = env.random_bytes(kSeedBytes);
  if (ledger.kind == kCityKind) plan.keys.witness_seed = env.random_bytes(kSeedBytes);
  plan.identity = {ledger, to_hex(plan.keys.founding_id), public_key_of(plan.keys.signing.first),
                   public_key_of(recovery_seed)};
  if (ledger.kind == kCityKind) {
    plan.identity.witness_key = public_key_of(plan.keys.witness_seed);
    plan.identity.witness_url = witness_url;
  }
  plan.api_key = make_api_key(env);
  plan.config.name = folder == "." ? "hansa.yaml" : folder + "/hansa.yaml";
  if (std::filesystem::exists(plan.config.name)) {
    HANSA_CHECK(plan_extension(folder, plan));
  } else {
    plan.folder = folder;
    plan.key_file = key_file_name(folder + "/data", ledger);
    plan.config.text = new_config(plan);
    plan.config.mode = 0640;
  }
  plan.files.push_back({plan.folder + "/identity.json", identity_json(plan.identity)});
  plan.files.push_back({plan.folder + "/recovery-" + ledger.folder() + ".key",
                        "ledger: " + ledger.text() +
                            "\nrecovery_seed: " + to_hex(recovery_seed) + "\n",
                        0600});
  if (ledger.kind != kCityKind) {
    plan.files.push_back({plan.folder + "/agreement.json",
                          std::string(embedded_file("examples/alliance/agreement.json"))});
    return plan;
  }
  for (const char* name : kSetupFiles) {
    std::string text(embedded_file(std::string("examples/setup/") + name));
    replace_all(text, "city: example\n", "city: " + ledger.id + "\n");
    plan.files.push_back({plan.folder + "/setup/" + name, text});
  }
  return plan;
}

Result<void> write_init(const InitPlan& plan) {
  // The keys of another ledger's identity would be lost among ours.
  for (const auto& name : {plan.key_file, plan.folder + "/identity.json"}) {
    if (!std::filesystem::exists(name)) continue;
    return fail(Errc::kAlreadyExists, name + " exists already; nothing was written");
  }
  const auto data_dir = std::filesystem::path(plan.key_file).parent_path().parent_path();
  HANSA_CHECK(make_folders(plan.folder));
  if (plan.ledger.kind == kCityKind) HANSA_CHECK(make_folders(plan.folder + "/setup"));
  HANSA_CHECK(make_folders(data_dir, 0700));
  HANSA_CHECK(write_key_file(plan.key_file, plan.keys));
  for (const auto& file : plan.files) {
    auto written = write_new_file(file.name, file.text, file.mode);
    // What somebody has begun to edit in setup/ stays theirs.
    if (!written && written.error().code != Errc::kAlreadyExists) return written;
  }
  const auto& config = plan.config;
  return plan.extends_config ? write_file(config.name, config.text, config.mode)
                             : write_new_file(config.name, config.text, config.mode);
}

}  // namespace hansa::ops
