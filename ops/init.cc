#include "ops/init.h"

#include <filesystem>

#include "core/base/hash.h"
#include "ops/embedded_files.h"
#include "ops/files.h"

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
  #     sasl.password: …
  #     ssl.ca.location: /etc/ssl/certs/ca-certificates.crt

http:
  listen: 127.0.0.1:8080    # off loopback only behind a proxy that speaks TLS:
  allow_plain: false        # then say true here
  threads: 2

metrics:
  listen: 127.0.0.1:9464    # Prometheus: GET /metrics

ledgers:
  - ledger: @LEDGER@
    # Made once by `hansa init`; a ledger of another founding is refused.
    founding_id: @FOUNDING_ID@
    key_file: data/keys/@FOLDER@.key   # 0600; keep a copy apart from copies of the data
    lead: true
    # outlet: true   # on Kafka: its events as CloudEvents on topic hansa.outlet.city.<id>

access:
  # Who may call. The caller sends `Authorization: Bearer <key>`; only the key's SHA-256 is here:
  #   printf %s "$KEY" | sha256sum
  # Roles: citizen hotline inspector device verifier dispatcher unit_worker checker city_admin
  # assessor auditor secretariat subscriber operator. Optional: grid_prefix (north/river-street),
  # unit (whom a unit_worker or checker belongs to), person (whom a citizen is).
  api_keys:
    - id: admin
      sha256: @KEY_SHA256@
      roles: @ROLES@
      @WHERE@
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

constexpr const char* kSetupFiles[] = {"city.yaml",    "calendar.yaml", "grid.csv",
                                       "units.csv",    "services.csv",  "cases.csv",
                                       "cases-mapping.yaml"};

void replace_all(std::string& text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
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

Result<InitPlan> plan_init(const LedgerId& ledger, Env& env) {
  if (!is_slug(ledger.id)) {
    return fail(Errc::kBadRequest, "expected an id of a-z, 0-9 and -, at most 40, got `" +
                                       ledger.id + "`");
  }
  const bool is_city = ledger.kind == kCityKind;
  InitPlan plan;
  plan.ledger = ledger;
  plan.keys = make_keys(env);
  plan.keys.signing.first = env.random_bytes(kSeedBytes);
  const std::string recovery_seed = env.random_bytes(kSeedBytes);
  plan.identity = {ledger, to_hex(plan.keys.founding_id), public_key_of(plan.keys.signing.first),
                   public_key_of(recovery_seed)};
  plan.api_key = make_api_key(env);
  std::string config = kConfig;
  replace_all(config, "@LEDGER@", plan.ledger.text());
  replace_all(config, "@FOLDER@", plan.ledger.folder());
  replace_all(config, "@ROLES@",
              is_city ? "[city_admin, operator]" : "[secretariat, operator]");
  replace_all(config, "@WHERE@",
              is_city ? "cities: [" + ledger.id + "]" : "alliance: " + ledger.id);
  replace_all(config, "@EXAMPLE_ROLE@", is_city ? "dispatcher" : "subscriber");
  replace_all(config, "@FOUNDING_ID@", to_hex(plan.keys.founding_id));
  replace_all(config, "@KEY_SHA256@", to_hex(sha256(plan.api_key)));
  plan.files.push_back({"hansa.yaml", config, 0640});
  plan.files.push_back({"identity.json", identity_json(plan.identity)});
  plan.files.push_back({"recovery-" + ledger.folder() + ".key",
                        "ledger: " + ledger.text() +
                            "\nrecovery_seed: " + to_hex(recovery_seed) + "\n",
                        0600});
  if (!is_city) {
    plan.files.push_back({"agreement.json",
                          std::string(embedded_file("examples/alliance/agreement.json"))});
    return plan;
  }
  for (const char* name : kSetupFiles) {
    std::string text(embedded_file(std::string("examples/setup/") + name));
    replace_all(text, "city: example\n", "city: " + ledger.id + "\n");
    plan.files.push_back({std::string("setup/") + name, text});
  }
  return plan;
}

Result<void> write_init(const InitPlan& plan, const std::string& folder) {
  const auto key_file = key_file_name(folder + "/data", plan.ledger);
  const auto refuse_existing = [](const std::string& name) -> Result<void> {
    if (!std::filesystem::exists(name)) return {};
    return fail(Errc::kAlreadyExists, name + " exists already; nothing was written");
  };
  HANSA_CHECK(refuse_existing(key_file));
  HANSA_CHECK(refuse_existing(folder + "/hansa.yaml"));
  // The keys of another ledger's identity would be lost among ours.
  HANSA_CHECK(refuse_existing(folder + "/identity.json"));
  if (plan.ledger.kind == kCityKind) HANSA_CHECK(make_folders(folder + "/setup"));
  HANSA_CHECK(make_folders(folder + "/data", 0700));
  HANSA_CHECK(write_key_file(key_file, plan.keys));
  for (const auto& file : plan.files) {
    auto written = write_new_file(folder + "/" + file.name, file.text, file.mode);
    // What somebody has begun to edit in setup/ stays theirs.
    if (!written && written.error().code != Errc::kAlreadyExists) return written;
  }
  return {};
}

}  // namespace hansa::ops
