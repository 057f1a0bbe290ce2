#include "ops/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "core/base/hash.h"
#include "core/base/schema.h"
#include "ops/nearest.h"
#include "ops/web_connection.h"
#include "ops/yaml_reader.h"
#include "streams/kafka_options.h"

extern char** environ;

namespace hansa::ops {
namespace {

// Every plain value that a variable may lie over: section and key as in the file.
constexpr std::pair<const char*, const char*> kVariables[] = {
    {"node", "id"},
    {"node", "data_dir"},
    {"node", "keeper_threads"},
    {"node", "public_host"},
    {"log", "kind"},
    {"log", "fsync"},
    {"http", "listen"},
    {"http", "allow_plain"},
    {"http", "threads"},
    {"metrics", "listen"},
    {"memory", "row_cache_mib"},
    {"memory", "block_cache_mib"},
    {"memory", "write_mib"},
    {"limits", "header_bytes_max"},
    {"limits", "body_bytes_max"},
    {"limits", "batch_body_bytes_max"},
    {"limits", "request_ms_max"},
    {"limits", "idle_ms_max"},
    {"limits", "connections_max"},
    {"limits", "queue_commands_max"},
    {"limits", "requests_per_second_max"},
    {"limits", "ledger_requests_per_second_max"},
    {"limits", "stop_ms_max"},
    {"limits", "rebuilds_max"},
};

// Read by the command line and by tests, not by the configuration.
constexpr const char* kOtherVariables[] = {
    "HANSA_KEY",         "HANSA_SERVER",      "HANSA_AUTHORITIES",  "HANSA_CERTIFICATE",
    "HANSA_CERTIFICATE_KEY", "HANSA_BINARY",  "HANSA_SOURCE",       "HANSA_SHARED_DATA",
    "HANSA_KAFKA",       "HANSA_KAFKA_FOLDER"};

std::string variable_name(std::string section, std::string key) {
  std::string name = "HANSA_" + section + "_" + key;
  std::transform(name.begin(), name.end(), name.begin(), ::toupper);
  return name;
}

void lay_over(YamlFile& file, const std::vector<std::string>& environment) {
  for (const auto& line : environment) {
    const auto equals = line.find('=');
    const auto name = line.substr(0, equals);
    if (!name.starts_with("HANSA_") || equals == std::string::npos) continue;
    if (std::find(std::begin(kOtherVariables), std::end(kOtherVariables), name) !=
        std::end(kOtherVariables)) {
      continue;
    }
    bool known = false;
    for (const auto& [section, key] : kVariables) {
      if (variable_name(section, key) != name) continue;
      known = true;
      file.overrides[std::string(section) + "." + key] = {"environment variable " + name,
                                                          line.substr(equals + 1)};
    }
    if (!known && !file.error) {
      file.error = Error{Errc::kBadConfig, "environment variable " + name +
                                               ": expected a known HANSA_* variable" +
                                               did_you_mean(name, config_variables())};
    }
  }
}

Section::Parse endpoint_into(Endpoint& endpoint) {
  return [&endpoint](const std::string& text) -> std::string {
    auto parsed = Endpoint::parse(text);
    if (!parsed) return "an address and port like 127.0.0.1:8080 or [::1]:8080";
    endpoint = *parsed;
    return "";
  };
}

void read_node(Section section, NodeSettings& node) {
  section.text("id", node.id);
  section.text("data_dir", node.data_dir);
  section.number("keeper_threads", node.keeper_threads, 1, 64);
  section.text("public_host", node.public_host);
  section.finish();
}

void read_cluster(Section& section, ClusterSettings& cluster) {
  section.required_text("bootstrap", cluster.bootstrap);
  std::vector<std::pair<std::string, std::string>> properties;
  section.words("properties", properties);
  for (const auto& [name, value] : properties) {
    if (const auto why = streams::refused_property(name); !why.empty()) {
      section.fail_at("properties", "no `" + name + "`: " + why);
    }
    cluster.properties[name] = value;
  }
  section.finish();
}

void read_log(Section section, LogSettings& log) {
  section.parsed("kind", [&](const std::string& text) -> std::string {
    log.kind = text;
    return text == "embedded" || text == "kafka" ? "" : "`embedded` or `kafka`";
  }, log.kind);
  section.flag("fsync", log.fsync);
  if (!log.is_kafka()) {
    section.nothing_yet("kafka", "the log is embedded; say `kind: kafka` to use it");
    return section.finish();
  }
  auto kafka = section.section("kafka");
  read_cluster(kafka, log);
  section.finish();
}

void read_http(Section section, HttpSettings& http) {
  section.parsed("listen", endpoint_into(http.listen), http.listen.text());
  section.flag("allow_plain", http.allow_plain);
  section.number("threads", http.threads, 1, 64);
  section.text("trusted_authorities", http.trusted_authorities);
  auto tls = section.section("tls");
  tls.text("certificate", http.tls.certificate);
  tls.text("key", http.tls.key);
  tls.text("caller_authorities", http.tls.caller_authorities);
  if (http.tls.certificate.empty() != http.tls.key.empty() ||
      (!http.tls.caller_authorities.empty() && !http.tls.is_on())) {
    tls.fail_at(http.tls.is_on() ? "key" : "certificate", "both certificate and key, files in PEM");
  }
  tls.finish();
  if (!http.listen.is_loopback() && !http.allow_plain && !http.tls.is_on()) {
    section.fail_at("listen",
                    "a loopback address like 127.0.0.1:8080, because keys would travel in clear; "
                    "section `tls` serves by https, `allow_plain: true` is for a proxy in front "
                    "that does");
  }
  section.finish();
}

void read_limits(Section section, Limits& limits) {
  section.number("header_bytes_max", limits.header_bytes_max, 1024, 64 * 1024);
  section.number("body_bytes_max", limits.body_bytes_max, 1024, 64 * 1024 * 1024);
  section.number("batch_body_bytes_max", limits.batch_body_bytes_max, 1024, 64 * 1024 * 1024);
  section.number("request_ms_max", limits.request_ms_max, 100, 600'000);
  section.number("idle_ms_max", limits.idle_ms_max, 100, 600'000);
  section.number("connections_max", limits.connections_max, 1, 100'000);
  section.number("queue_commands_max", limits.queue_commands_max, 1, 1'000'000);
  section.number("requests_per_second_max", limits.requests_per_second_max, 0, 1'000'000);
  section.number("ledger_requests_per_second_max", limits.ledger_requests_per_second_max, 0,
                 1'000'000);
  section.number("stop_ms_max", limits.stop_ms_max, 100, 600'000);
  section.number("rebuilds_max", limits.rebuilds_max, 1, 100);
  section.finish();
}

void read_feeds(Section& section, bool has_topics, LedgerSettings& row) {
  section.texts("feeds", row.feeds);
  if (row.feeds.empty()) return;
  if (!has_topics) {
    section.fail_at("feeds", "`kind: kafka` in section log: a feed is a Kafka topic");
  }
  if (row.ledger.kind != kCityKind) section.fail_at("feeds", "a city's ledger, which shares");
  const std::set<std::string> distinct(row.feeds.begin(), row.feeds.end());
  const bool are_slugs = std::all_of(distinct.begin(), distinct.end(), is_slug);
  if (distinct.size() < row.feeds.size() || !are_slugs) {
    section.fail_at("feeds", "ids of alliances like [delta], each once");
  }
}

void read_ledger(Section section, bool has_topics, std::vector<LedgerSettings>& ledgers) {
  LedgerSettings row;
  section.parsed("ledger", [&](const std::string& text) -> std::string {
    auto ledger = LedgerId::parse(text);
    if (!ledger) return "a ledger like city/suzhou-js or alliance/delta";
    row.ledger = *ledger;
    for (const auto& other : ledgers) {
      if (other.ledger == *ledger) return "each ledger once";
    }
    return "";
  });
  if (!section.has("ledger")) section.fail_at("ledger", "a ledger like city/suzhou-js");
  section.parsed("founding_id", [&](const std::string& text) -> std::string {
    auto id = parse_hex<FoundingId>(text);
    if (!id || id->is_zero()) return "the 32 hexadecimal digits that `hansa init` wrote";
    row.founding_id = *id;
    return "";
  });
  if (row.founding_id.is_zero()) {
    section.fail_at("founding_id", "the 32 hexadecimal digits that `hansa init` wrote");
  }
  section.text("key_file", row.key_file);
  section.flag("lead", row.lead);
  section.flag("outlet", row.outlet);
  if (row.outlet && !has_topics) {
    section.fail_at("outlet", "`kind: kafka` in section log: an outlet is a Kafka topic");
  }
  read_feeds(section, has_topics, row);
  section.finish();
  ledgers.push_back(std::move(row));
}

std::vector<std::string> role_names() {
  std::vector<std::string> names;
  const auto* roles = v1::Role_Value_descriptor();
  for (int i = 1; i < roles->value_count(); ++i) names.push_back(roles->value(i)->name());
  return names;
}

v1::Role::Value read_role(Section& section, const std::string& name) {
  v1::Role::Value role = v1::Role::unspecified;
  if (!v1::Role::Value_Parse(name, &role) || role == v1::Role::unspecified) {
    section.fail_at("roles", "known roles, `" + name + "` is none" +
                                 did_you_mean(name, role_names()));
  }
  return role;
}

void read_roles(Section& section, Principal& principal) {
  std::vector<std::string> roles;
  section.texts("roles", roles);
  if (roles.empty()) section.fail_at("roles", "at least one role, like [city_admin]");
  for (const auto& name : roles) principal.roles.push_back(read_role(section, name));
}

void read_api_key(Section section, std::vector<ApiKey>& keys) {
  ApiKey key;
  section.required_text("id", key.id);
  for (const auto& other : keys) {
    if (other.id == key.id) section.fail_at("id", "each id of a key once");
  }
  section.parsed("sha256", [&](const std::string& text) -> std::string {
    auto hash = parse_hex<Hash>(text);
    if (!hash) return "the 64 hexadecimal digits of the key's SHA-256";
    key.sha256 = *hash;
    return "";
  });
  if (key.sha256.is_zero()) {
    section.fail_at("sha256", "the 64 hexadecimal digits of the key's SHA-256");
  }
  key.principal.issuer = "key";
  key.principal.subject = key.id;
  read_roles(section, key.principal);
  section.texts("cities", key.principal.cities);
  section.text("alliance", key.principal.alliance);
  if (key.principal.cities.empty() && key.principal.alliance.empty()) {
    section.fail_at("cities", "the cities where the roles count, like [suzhou-js], or [\"*\"]; or "
                              "an alliance");
  }
  section.text("grid_prefix", key.principal.grid_prefix);
  section.text("unit", key.principal.unit);
  section.parsed("person", [&](const std::string& text) -> std::string {
    key.principal.person = text;
    return parse_hex<PersonId>(text) ? "" : "the 32 hexadecimal digits of a person id";
  });
  section.finish();
  keys.push_back(std::move(key));
}

void read_keys_of_issuer(Section& section, IssuerSettings& issuer) {
  section.text("keys_file", issuer.keys_file);
  section.text("keys_url", issuer.keys_url);
  section.number("refresh_s", issuer.refresh_s, 10, 86'400);
  if (issuer.keys_file.empty() == issuer.keys_url.empty()) {
    section.fail_at(issuer.keys_file.empty() ? "keys_file" : "keys_url",
                    "either keys_file or keys_url, where the issuer's JWK Set is");
  }
  if (issuer.keys_url.empty()) return;
  const auto page = parse_web_page(issuer.keys_url);
  const auto host = page ? page->address.host : "";
  const bool is_near = host == "::1" || host.starts_with("127.");
  if (!page || (!page->address.is_tls && !is_near)) {
    section.fail_at("keys_url", "an address like https://id.example/keys, at https since whoever "
                                "gives the keys is the issuer");
  }
}

void read_issuer(Section section, std::vector<IssuerSettings>& issuers) {
  IssuerSettings issuer;
  section.required_text("issuer", issuer.issuer);
  for (const auto* ours : {"key", "hansa", "anonymous"}) {
    if (issuer.issuer == ours) section.fail_at("issuer", "a name that is not used here already");
  }
  for (const auto& other : issuers) {
    if (other.issuer == issuer.issuer) section.fail_at("issuer", "each issuer once");
  }
  section.required_text("audience", issuer.audience);
  read_keys_of_issuer(section, issuer);
  section.number("leeway_s", issuer.leeway_s, 0, 600);
  section.text("roles_claim", issuer.roles_claim);
  std::vector<std::pair<std::string, std::string>> roles;
  section.words("roles", roles);
  if (roles.empty()) {
    section.fail_at("roles", "words of the claim and our roles, like {case-worker: dispatcher}");
  }
  for (const auto& [word, role] : roles) {
    issuer.roles.emplace_back(word, read_role(section, role));
  }
  section.texts("cities", issuer.cities);
  section.text("alliance", issuer.alliance);
  if (issuer.cities.empty() && issuer.alliance.empty()) {
    section.fail_at("cities", "the cities where the roles count, like [suzhou-js], or [\"*\"]; or "
                              "an alliance");
  }
  section.text("cities_claim", issuer.cities_claim);
  section.text("unit_claim", issuer.unit_claim);
  section.text("grid_prefix_claim", issuer.grid_prefix_claim);
  section.text("person_claim", issuer.person_claim);
  section.finish();
  issuers.push_back(std::move(issuer));
}

void read_inbox(Section section, Config& config) {
  InboxSettings inbox;
  section.parsed("ledger", [&](const std::string& text) -> std::string {
    const auto ledger = LedgerId::parse(text);
    if (!ledger || config.find_ledger(*ledger) == nullptr) return "a ledger of section ledgers";
    inbox.ledger = *ledger;
    return "";
  });
  if (!section.has("ledger")) section.fail_at("ledger", "a ledger of section ledgers");
  const std::string prefix = "hansa.inbox." + inbox.ledger.kind + "." + inbox.ledger.id + ".";
  section.required_text("topic", inbox.topic);
  if (!inbox.topic.starts_with(prefix) || !is_slug(inbox.topic.substr(prefix.size()))) {
    section.fail_at("topic", prefix + "<source>, the source as a-z, 0-9 and -");
  }
  for (const auto& other : config.inboxes) {
    if (other.topic == inbox.topic) section.fail_at("topic", "each topic once");
  }
  std::string actor;
  section.required_text("actor", actor);
  const auto key = std::find_if(config.api_keys.begin(), config.api_keys.end(),
                                [&](const ApiKey& one) { return one.id == actor; });
  if (key == config.api_keys.end()) {
    section.fail_at("actor", "the id of a key of section access, whose roles count");
  } else {
    inbox.actor = key->principal;
  }
  section.texts("methods", inbox.methods);
  if (inbox.methods.empty()) section.fail_at("methods", "at least one, like [ReportCase]");
  for (const auto& name : inbox.methods) {
    const auto* method = find_method(name);
    if (method == nullptr || !method->is_command) {
      section.fail_at("methods", "commands of the schema (`hansa call` lists them), `" + name +
                                     "` is none");
    }
  }
  section.number("personal_in_clear_days", inbox.personal_in_clear_days, 1, 30);
  section.finish();
  config.inboxes.push_back(std::move(inbox));
}

// Why a node does not read this ledger from elsewhere; empty if it may.
std::string refused_peer(const Config& config, const LedgerId& ledger) {
  if (ledger.kind == kCityKind) return "an alliance's or a share ledger; nobody reads a city's own";
  // A share ledger is kept where its city is.
  const LedgerId host = ledger.kind == kShareKind
                            ? LedgerId{std::string(kCityKind),
                                       ledger.id.substr(ledger.id.find('/') + 1)}
                            : ledger;
  if (config.find_ledger(host) != nullptr) {
    return "a ledger of others; " + ledger.text() + " is kept here";
  }
  for (const auto& peer : config.peers) {
    for (const auto& other : peer.ledgers) {
      if (other == ledger) return "each ledger once";
    }
  }
  return "";
}

void read_peer(Section section, Config& config) {
  auto& peer = config.peers.emplace_back();
  std::vector<std::string> names;
  section.texts("ledgers", names);
  if (names.empty()) section.fail_at("ledgers", "at least one ledger, like [alliance/delta]");
  for (const auto& name : names) {
    const auto ledger = LedgerId::parse(name);
    if (!ledger) {
      section.fail_at("ledgers", "ledgers like alliance/delta or share/delta/wuxi, `" + name +
                                     "` is none");
      return;
    }
    if (const auto why = refused_peer(config, *ledger); !why.empty()) {
      section.fail_at("ledgers", why);
    }
    peer.ledgers.push_back(*ledger);
  }
  read_cluster(section, peer);
}

void settle_paths(Config& config) {
  const auto folder = std::filesystem::path(config.file).parent_path();
  auto beside = [&](std::string& path) {
    if (std::filesystem::path(path).is_relative()) path = (folder / path).lexically_normal();
  };
  const auto beside_if_named = [&](std::string& path) {
    if (!path.empty()) beside(path);
  };
  beside(config.node.data_dir);
  beside_if_named(config.http.trusted_authorities);
  beside_if_named(config.http.tls.certificate);
  beside_if_named(config.http.tls.key);
  beside_if_named(config.http.tls.caller_authorities);
  for (auto& issuer : config.issuers) beside_if_named(issuer.keys_file);
  for (auto& row : config.ledgers) {
    if (row.key_file.empty()) {
      row.key_file = config.node.data_dir + "/keys/" + row.ledger.folder() + ".key";
    } else {
      beside(row.key_file);
    }
  }
}

Result<Config> read_sections(std::shared_ptr<YamlFile> file,
                             const std::vector<std::string>& environment) {
  Config config;
  config.file = file->name;
  lay_over(*file, environment);
  if (file->error) return fail(*file->error);
  auto root = Section::root(file);
  read_node(root.section("node"), config.node);
  read_log(root.section("log"), config.log);
  read_http(root.section("http"), config.http);
  auto metrics = root.section("metrics");
  metrics.parsed("listen", endpoint_into(config.metrics.listen), config.metrics.listen.text());
  metrics.finish();
  for (auto& section : root.list("ledgers")) {
    read_ledger(section, config.log.is_kafka(), config.ledgers);
  }
  if (!config.log.is_kafka()) {
    root.nothing_yet("inboxes", "the log is embedded; inboxes are Kafka topics");
    root.nothing_yet("peers", "the log is embedded; peers are read from Kafka clusters");
  }
  auto access = root.section("access");
  for (auto& section : access.list("api_keys")) read_api_key(section, config.api_keys);
  for (auto& section : access.list("jwt")) read_issuer(section, config.issuers);
  access.number("audit_days", config.audit_days, 1, 36'500);
  access.finish();
  if (config.log.is_kafka()) {
    for (auto& section : root.list("inboxes")) read_inbox(section, config);
    for (auto& section : root.list("peers")) read_peer(section, config);
  }
  auto memory = root.section("memory");
  memory.number("row_cache_mib", config.memory.row_cache_mib, 8, 1 << 20);
  memory.number("block_cache_mib", config.memory.block_cache_mib, 8, 1 << 20);
  memory.number("write_mib", config.memory.write_mib, 8, 1 << 20);
  memory.finish();
  read_limits(root.section("limits"), config.limits);
  root.finish();
  if (!file->error && config.ledgers.empty()) {
    root.fail_at("ledgers", "at least one ledger; `hansa init city <id>` makes one");
  }
  if (file->error) return fail(*file->error);
  settle_paths(config);
  return config;
}

}  // namespace

std::string Endpoint::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const { return host == "::1" || host.starts_with("127."); }

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto refuse = [&] {
    return fail(Errc::kBadConfig, "expected an address and port like 127.0.0.1:8080, got `" +
                                      std::string(text) + "`");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  Endpoint endpoint;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  const auto port = text.substr(colon + 1);
  const auto result = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (port.empty() || result.ec != std::errc() || result.ptr != port.data() + port.size()) {
    return refuse();
  }
  in6_addr address;
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &address) != 1 &&
      ::inet_pton(AF_INET6, endpoint.host.c_str(), &address) != 1) {
    return refuse();
  }
  return endpoint;
}

const LedgerSettings* Config::find_ledger(const LedgerId& ledger) const {
  for (const auto& row : ledgers) {
    if (row.ledger == ledger) return &row;
  }
  return nullptr;
}

Result<Config> read_config(const std::string& file, const std::vector<std::string>& environment) {
  return read_sections(read_yaml(file), environment);
}

Result<Config> parse_config(const std::string& text, const std::string& file,
                            const std::vector<std::string>& environment) {
  return read_sections(parse_yaml(text, file), environment);
}

std::vector<KeyRead> config_keys() {
  auto file = parse_yaml("log: {kind: kafka}", "");
  std::vector<KeyRead> keys;
  file->reads = &keys;
  static_cast<void>(read_sections(file, {}));
  return keys;
}

std::vector<std::string> config_variables() {
  std::vector<std::string> names(std::begin(kOtherVariables), std::end(kOtherVariables));
  for (const auto& [section, key] : kVariables) names.push_back(variable_name(section, key));
  return names;
}

std::vector<std::string> process_environment() {
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line) lines.emplace_back(*line);
  return lines;
}

}  // namespace hansa::ops
