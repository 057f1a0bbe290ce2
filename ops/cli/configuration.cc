#include <algorithm>
#include <cctype>
#include <set>

#include "ops/cli/cli.h"
#include "ops/config.h"
#include "ops/yaml_reader.h"

namespace hansa::ops {
namespace {

struct Meaning {
  std::string_view path;
  std::string_view text;
};

// What each key is for; that it exists, its values and its default are the reader's to say.
constexpr Meaning kMeanings[] = {
    {"node.id", "Name of the node in its cluster; another for each node"},
    {"node.data_dir", "Folder of the embedded log, rows, keyring and keys; of one process alone"},
    {"node.keeper_threads", "Threads that all keepers share"},
    {"node.public_host",
     "Host in the names of the transparency logs that begin on this node; set it before a city "
     "joins an alliance, for the name of a log never changes"},
    {"log.kind", "Where ledgers stand: in the data folder, or on Apache Kafka"},
    {"log.fsync",
     "Each append and each key is on disk before it is acknowledged; `false` for tests only"},
    {"log.kafka.bootstrap", "Brokers to begin with, `host:port`, several with commas"},
    {"log.kafka.properties",
     "For librdkafka, as they are: TLS, SASL, `client.id`; those that keep a ledger safe are "
     "refused"},
    {"http.listen", "Address and port of HTTP"},
    {"http.allow_plain",
     "Lets `listen` be another address than loopback, behind a proxy that speaks TLS"},
    {"http.threads", "Threads that answer HTTP"},
    {"http.trusted_authorities",
     "Whose certificates are taken when this node asks others by https, as witnesses and issuers "
     "of tokens, a file in PEM; without it the system's"},
    {"http.tls.certificate",
     "Serves by https: the certificate and the chain behind it, in PEM; read again as it changes"},
    {"http.tls.key", "Its private key, in PEM"},
    {"http.tls.caller_authorities",
     "Callers must show a certificate of one of these authorities, a file in PEM"},
    {"metrics.listen", "Address and port of `GET /metrics`, without a key"},
    {"ledgers[].ledger", "A ledger that this node hosts"},
    {"ledgers[].founding_id", "What makes it this ledger and no other of its name"},
    {"ledgers[].key_file",
     "Its secrets, mode 0600; without it `keys/<kind>-<id>.key` of the data folder"},
    {"ledgers[].lead", "`false`: this node reads and forwards, and never leads the ledger"},
    {"ledgers[].outlet", "Its events are given out on topic `hansa.outlet.<kind>.<id>`"},
    {"ledgers[].feeds",
     "Alliances: what the city shares with them is given out on `hansa.feed.<alliance>.<city>`"},
    {"access.api_keys[].id", "Name of the key; the caller's subject"},
    {"access.api_keys[].sha256", "SHA-256 of the key, as `sha256sum` prints it"},
    {"access.api_keys[].roles",
     "What the caller may do; one at least of "},
    {"access.api_keys[].cities",
     "Cities where the roles count, `[\"*\"]` for all; or give an `alliance`"},
    {"access.api_keys[].alliance", "The alliance where the roles count"},
    {"access.api_keys[].grid_prefix",
     "Only cases in this part of the grid, like `north/river-street`"},
    {"access.api_keys[].unit", "The unit that a unit_worker or checker belongs to"},
    {"access.api_keys[].person", "The person that a citizen is"},
    {"access.jwt[].issuer", "Whose JSON Web Tokens are taken: `iss` of the token, to the letter"},
    {"access.jwt[].audience", "Whom they are for: one of `aud`"},
    {"access.jwt[].keys_file", "The issuer's JWK Set; read again when it changes"},
    {"access.jwt[].keys_url",
     "Or where the issuer publishes it, by https; asked again for a key that is not known"},
    {"access.jwt[].refresh_s", "How often keys_url is asked"},
    {"access.jwt[].leeway_s", "How far the clocks of issuer and node may be apart"},
    {"access.jwt[].roles_claim",
     "Path of the claim with the caller's roles, like `realm_access.roles`"},
    {"access.jwt[].roles",
     "Its words and the roles that they stand for, `{case-worker: dispatcher}`; of "},
    {"access.jwt[].cities",
     "Cities where the roles count, `[\"*\"]` for all; or give an `alliance`"},
    {"access.jwt[].alliance", "The alliance where the roles count"},
    {"access.jwt[].cities_claim", "Path of the claim that says in which of these cities only"},
    {"access.jwt[].unit_claim", "Path of the claim with the caller's unit; a token must have it"},
    {"access.jwt[].grid_prefix_claim",
     "Path of the claim with the caller's part of the grid; a token must have it"},
    {"access.jwt[].person_claim",
     "Path of the claim with the person that a citizen is; a token must have it"},
    {"access.audit_days", "How long records of the audit trail are kept"},
    {"inboxes[].topic",
     "Topic that one other system writes to: `hansa.inbox.<kind>.<id>.<source>`"},
    {"inboxes[].ledger", "The ledger, of section ledgers, that takes its records"},
    {"inboxes[].actor", "Id of the key in section access whose roles count for it"},
    {"inboxes[].methods", "Commands that it may send, like `[ReportCase]`"},
    {"inboxes[].personal_in_clear_days",
     "Personal texts may come in clear, and the topic keeps them so long at most; 0: only sealed"},
    {"peers[].ledgers", "Ledgers of others that are read from another cluster"},
    {"peers[].bootstrap", "Brokers of that cluster"},
    {"peers[].properties", "For librdkafka, as those of `log.kafka`"},
    {"memory.row_cache_mib", "Decoded rows, for each ledger; as much again while it is rebuilt"},
    {"memory.block_cache_mib", "RocksDB's blocks, shared by all ledgers"},
    {"memory.write_mib", "RocksDB's memtables, shared by all ledgers"},
    {"limits.header_bytes_max", "Headers of a request; more is `header_too_large`"},
    {"limits.body_bytes_max", "Body of a request; more is `too_large`"},
    {"limits.batch_body_bytes_max", "Body of a batch; more is `too_large`"},
    {"limits.request_ms_max", "Until a request has arrived, and until it is answered"},
    {"limits.idle_ms_max", "Until a connection without a request is closed"},
    {"limits.connections_max", "Connections at once; one more is told `unavailable`"},
    {"limits.queue_commands_max",
     "Commands of one ledger that wait; one more is told `rate_limited`"},
    {"limits.requests_per_second_max", "Requests of one caller; 0: no limit"},
    {"limits.ledger_requests_per_second_max",
     "Requests about one city or alliance; 0: no limit"},
    {"limits.stop_ms_max",
     "After SIGTERM, until what still runs is cut off; what was acknowledged is safe"},
    {"limits.rebuilds_max", "Ledgers whose rows are folded anew at once"},
};

std::string_view unit_of(std::string_view path) {
  for (const auto& [part, unit] : std::initializer_list<std::pair<const char*, const char*>>{
           {"_ms_", "milliseconds"}, {"_bytes_", "bytes"}, {"_mib", "MiB"}, {"_days", "days"},
           {"refresh_s", "seconds"}, {"leeway_s", "seconds"}}) {
    if (path.find(part) != std::string_view::npos) return unit;
  }
  return "";
}

std::string variable_of(const std::string& path) {
  std::string name = "HANSA_" + path;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char letter) { return letter == '.' ? '_' : ::toupper(letter); });
  const auto known = config_variables();
  return std::find(known.begin(), known.end(), name) == known.end() ? "" : name;
}

std::string role_list() {
  std::string list;
  const auto* roles = v1::Role_Value_descriptor();
  for (int i = 1; i < roles->value_count(); ++i) {
    list += (i == 1 ? "" : ", ") + roles->value(i)->name();
  }
  return list;
}

struct KeyRow {
  KeyRead read;
  std::string meaning;

  std::string value() const {
    const auto unit = unit_of(read.path);
    return read.expected + (unit.empty() ? "" : ", " + std::string(unit));
  }
  std::string otherwise() const { return read.is_needed ? "needed" : read.value; }
};

Result<std::vector<KeyRow>> key_rows() {
  std::vector<KeyRow> rows;
  std::set<std::string_view> unused;
  for (const auto& meaning : kMeanings) unused.insert(meaning.path);
  for (auto& read : config_keys()) {
    const auto* found = std::ranges::find(kMeanings, read.path, &Meaning::path);
    if (found == std::end(kMeanings)) return fail(Errc::kInternal, read.path + " has no meaning");
    unused.erase(found->path);
    std::string meaning(found->text);
    if (read.path.ends_with(".roles")) meaning += role_list();
    rows.push_back({std::move(read), std::move(meaning)});
  }
  if (!unused.empty()) {
    return fail(Errc::kInternal, "no reader asks for " + std::string(*unused.begin()));
  }
  return rows;
}

constexpr std::string_view kConfigurationHead =
    "# Configuration\n\n"
    "Every key of `hansa.yaml`; this page is what `hansa configuration --markdown` prints, from\n"
    "the code that reads the file. `hansa init` writes a file with comments to begin with, and\n"
    "`hansa serve --config FILE --check` says whether one is understood: an unknown key, a key\n"
    "given twice or a value outside its limits is refused with file, line and what was expected.\n"
    "Relative paths count from the file's folder. A variable that is named lies over the file.\n";

// Sections are headings: `limits`, `access.api_keys[]`.
void print_markdown(const std::vector<KeyRow>& rows) {
  std::string text(kConfigurationHead);
  std::string section;
  for (const auto& row : rows) {
    const auto dot = row.read.path.rfind('.');
    const auto here = row.read.path.substr(0, dot);
    if (here != section) {
      text += "\n## " + here + "\n\n| Key | Value | Default | Variable | Meaning |\n" +
              "|---|---|---|---|---|\n";
    }
    section = here;
    const auto variable = variable_of(row.read.path);
    text += "| `" + row.read.path.substr(dot + 1) + "` | " + row.value() + " | " +
            row.otherwise() + " | " + (variable.empty() ? "" : "`" + variable + "`") + " | " +
            row.meaning + " |\n";
  }
  print_line(text.substr(0, text.size() - 1));
}

void print_text(const std::vector<KeyRow>& rows) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    cells.push_back({row.read.path, row.otherwise(), row.value(), row.meaning});
  }
  print_table({"key", "default", "value", "meaning"}, cells);
}

}  // namespace

void add_configuration(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("configuration", "Every key of hansa.yaml and what it is for");
  auto markdown = std::make_shared<bool>(false);
  verb->add_flag("--markdown", *markdown, "The page docs/reference/configuration.md");
  set_example(*verb, "  hansa configuration | grep ^limits");
  verb->callback([&chosen, markdown] {
    chosen.run = [markdown] {
      const auto rows = key_rows();
      if (!rows) return report(rows.error());
      *markdown ? print_markdown(*rows) : print_text(*rows);
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace hansa::ops
