// Config: what one process is told to do, read from one YAML file and checked whole.
//
// Shape:   read_config(file) reads the sections of SPEC §6 and lays variables of the environment
//          over them: HANSA_<SECTION>_<KEY> for every plain value of node, log, http, metrics,
//          memory and limits (HANSA_HTTP_LISTEN=127.0.0.1:9000). Relative paths count from the
//          file's folder. Key files: ops/key_file.h.
// Units:   as the names say: …_mib, …_ms, …_bytes.
// Errors:  kBadConfig with `file:line: what was expected, what came`, and the nearest known name
//          for a mistyped one; unknown keys, bad values and unknown HANSA_* variables are errors.
// Threads: plain values.
// Source:  SPEC §6.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/city/context.h"

namespace hansa::ops {

struct KeyRead;  // ops/yaml_reader.h

struct Endpoint {
  std::string host = "127.0.0.1";
  uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
  std::string text() const;
  bool is_loopback() const;
  // "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; localhost is 127.0.0.1.
  static Result<Endpoint> parse(std::string_view text);
};

struct NodeSettings {
  std::string id = "node-1";
  std::string data_dir = "data";
  uint32_t keeper_threads = 2;
  // In the names of the logs that begin here (core/evidence/ledger_note.h).
  std::string public_host = "localhost";
};

// A Kafka cluster and the way in.
struct ClusterSettings {
  std::string bootstrap;                          // host:port, several with commas
  std::map<std::string, std::string> properties;  // for librdkafka, as they are
};

struct LogSettings : ClusterSettings {  // which of a log of kind kafka
  std::string kind = "embedded";        // or kafka
  bool fsync = true;                    // of the embedded log and of the keyring

  bool is_kafka() const { return kind == "kafka"; }
};

// Files in PEM, read again when they change.
struct TlsSettings {
  std::string certificate;  // and the chain behind it; empty: plain HTTP
  std::string key;
  std::string caller_authorities;  // callers must show a certificate of one; empty: they need not

  bool is_on() const { return !certificate.empty(); }
};

struct HttpSettings {
  Endpoint listen{"127.0.0.1", 8080};
  bool allow_plain = false;
  uint32_t threads = 2;
  TlsSettings tls;
  // Whom this node trusts when it asks others by https (witnesses, keys of issuers), a file in PEM;
  // empty: the system's.
  std::string trusted_authorities;
};

struct MetricsSettings {
  Endpoint listen{"127.0.0.1", 9464};
};

struct LedgerSettings {
  LedgerId ledger;
  FoundingId founding_id;
  std::string key_file;  // empty in the file: <data>/keys/<kind>-<id>.key
  bool lead = true;
  bool outlet = false;  // gives its events out as CloudEvents (ops/outlet.h)
  std::vector<std::string> feeds;  // alliances: what a city shares with them is given out, too
};

// One API key: the caller shows the key, the file holds its SHA-256.
struct ApiKey {
  std::string id;
  Hash sha256;
  Principal principal;  // issuer "key", subject = id
};

// Whose JSON Web Tokens are taken, and what their claims make of a caller (ops/access/).
struct IssuerSettings {
  std::string issuer;     // `iss`, to the letter
  std::string audience;   // one of `aud`
  std::string keys_file;  // a JWK Set; either this or keys_url
  std::string keys_url;
  uint32_t refresh_s = 300;
  uint32_t leeway_s = 60;
  std::string roles_claim = "roles";
  std::vector<std::pair<std::string, v1::Role::Value>> roles;  // a word of the claim -> a role
  std::vector<std::string> cities;  // where the roles count; with cities_claim: at most there
  // A claim that is named here must be in every token.
  std::string cities_claim;
  std::string unit_claim;
  std::string grid_prefix_claim;
  std::string person_claim;
  std::string alliance;
};

// What another system may send to a city by way of a topic (ops/inbox.h).
struct InboxSettings {
  std::string topic;  // hansa.inbox.<kind>.<id>.<source>
  LedgerId ledger;
  Principal actor;  // of the API key whose id the file names
  std::vector<std::string> methods;
  // Personal texts may come in clear, and the topic keeps them for so many days at most; 0: sealed.
  uint32_t personal_in_clear_days = 0;

  std::string source() const { return topic.substr(topic.rfind('.') + 1); }
};

// Where others keep ledgers that are read here: `alliance/delta` by its members, and
// `share/delta/wuxi` by the alliance. What no peer names is read from the node's own log.
struct PeerSettings : ClusterSettings {
  std::vector<LedgerId> ledgers;
};

struct MemorySettings {
  uint32_t row_cache_mib = 256;
  uint32_t block_cache_mib = 256;
  uint32_t write_mib = 128;
};

struct Limits {
  uint32_t header_bytes_max = 8 * 1024;
  uint32_t body_bytes_max = 1024 * 1024;
  uint32_t batch_body_bytes_max = 8 * 1024 * 1024;
  uint32_t request_ms_max = 10'000;
  uint32_t idle_ms_max = 60'000;
  uint32_t connections_max = 1024;
  uint32_t queue_commands_max = 20'000;
  uint32_t requests_per_second_max = 0;  // per caller; 0: no limit
  uint32_t ledger_requests_per_second_max = 0;  // about one city or alliance; 0: no limit
  uint32_t stop_ms_max = 10'000;
  uint32_t rebuilds_max = 1;  // ledgers folded anew at once
};

struct Config {
  std::string file;  // where it was read from, for messages
  NodeSettings node;
  LogSettings log;
  HttpSettings http;
  MetricsSettings metrics;
  std::vector<LedgerSettings> ledgers;
  std::vector<ApiKey> api_keys;
  std::vector<IssuerSettings> issuers;
  uint32_t audit_days = 400;  // that records of the audit trail are kept
  std::vector<InboxSettings> inboxes;
  std::vector<PeerSettings> peers;
  MemorySettings memory;
  Limits limits;
  bool accept_clock_jump = false;  // from the command line only
  std::map<LedgerId, Seq> accepted_to;  // the same; KeeperConfig::accepted_to
  bool links_run_alone = true;     // false where time is virtual: somebody calls settle()

  const LedgerSettings* find_ledger(const LedgerId& ledger) const;
};

// `environment`: lines NAME=VALUE; the process passes its own.
Result<Config> read_config(const std::string& file, const std::vector<std::string>& environment);
Result<Config> parse_config(const std::string& text, const std::string& file,
                            const std::vector<std::string>& environment);
// Every key that is read, in the order of reading: what a value must be, and what holds without it.
std::vector<KeyRead> config_keys();
// The variables that lie over the file, for the documentation and for guessing.
std::vector<std::string> config_variables();
std::vector<std::string> process_environment();

}  // namespace hansa::ops
