#include <sys/statvfs.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include "ops/alarms.h"
#include "ops/cli/cli.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/key_file.h"
#include "ops/open_log.h"
#include "ops/serving.h"

namespace hansa::ops {
namespace {

constexpr double kDiskFullRatio = 0.05;  // of HansaDiskFull
constexpr size_t kLogBytesMax = 64 * 1024 * 1024;
constexpr size_t kLogLinesRead = 200;
constexpr const char* kConfiguration = "Configuration";

// Who is a cause of others stands before them. Alarms that are not here come after, in the order of
// the rules: they keep no node from being ready.
constexpr const char* kOrder[] = {
    kConfiguration,       "HansaDiskFull",       "HansaKeyringFailing", "HansaUpgradeNeeded",
    "HansaSecondHistory", "HansaLedgerStopped",  "HansaClockOff",       "HansaLogUnreachable",
    "HansaFoldStopped",   "HansaRocksdbStalled", "HansaNodeDown",       "HansaLedgerNotReady",
};

// What a sentence of the node, or a line of its log, is evidence of. The first that fits counts.
struct Word {
  const char* in_sentence;
  const char* cause;
};
constexpr Word kWords[] = {
    {"/keyring/", "HansaKeyringFailing"},
    {"hansa.keyring.", "HansaKeyringFailing"},
    {"bad_config: ", kConfiguration},
    {"belongs to founding id", kConfiguration},
    {".key", kConfiguration},
    {"hansa topics create", kConfiguration},
    {"this binary knows", "HansaUpgradeNeeded"},
    {"read by this binary", "HansaUpgradeNeeded"},
    {"chain_broken", "HansaSecondHistory"},
    {"log_behind", "HansaSecondHistory"},
    {"No space left", "HansaDiskFull"},
    {"/projections/", "HansaFoldStopped"},
    {"asking for ", "HansaLogUnreachable"},
};

struct DiagnoseOptions {
  std::string where = "hansa.yaml";
  std::string metrics;
  std::string log;
  RemoteServer server;
  bool json = false;
};

using Evidence = std::map<std::string, std::vector<std::string>>;  // by the cause's name

struct SeenNode {
  std::optional<Config> config;
  std::string api;
  std::string metrics;
  bool answers = false;
  bool ready = false;
};

// ---- what alarms say of one scrape

struct Condition {
  std::string series;
  std::vector<std::pair<std::string, bool>> labels;  // `name="value"`, and whether it must be there
  char comparison = '=';
  double bound = 0;
};

// What is as it stands; what looks back, or joins, is Prometheus' to say.
std::vector<Condition> conditions_of(const std::string& expression) {
  static const std::regex kWhole(
      R"((?:on \(\w+\) )?(hansa_\w+)(?:\{([^}]*)\})? (==|>|<) ([\d.]+))");
  static const std::regex kLabel(R"re((\w+)(!?=)("[^"]*"))re");
  std::vector<Condition> found;
  for (size_t at = 0; at != std::string::npos;) {
    const auto end = expression.find(" or ", at);
    const auto part = expression.substr(at, end == std::string::npos ? end : end - at);
    at = end == std::string::npos ? end : end + 4;
    std::smatch parts;
    if (!std::regex_match(part, parts, kWhole)) continue;
    Condition condition{parts[1], {}, parts[3].str().front(), std::stod(parts[4])};
    const std::string labels = parts[2];
    for (std::sregex_iterator label(labels.begin(), labels.end(), kLabel), none; label != none;
         ++label) {
      condition.labels.emplace_back((*label)[1].str() + "=" + (*label)[3].str(),
                                    (*label)[2] == "=");
    }
    found.push_back(std::move(condition));
  }
  return found;
}

bool fits(const Condition& condition, const std::string& line) {
  if (!line.starts_with(condition.series)) return false;
  const char next = line[condition.series.size()];
  if (next != '{' && next != ' ') return false;
  for (const auto& [label, wanted] : condition.labels) {
    if ((line.find(label) != std::string::npos) != wanted) return false;
  }
  const double value = std::strtod(line.c_str() + line.rfind(' '), nullptr);
  if (condition.comparison == '>') return value > condition.bound;
  return condition.comparison == '<' ? value < condition.bound : value == condition.bound;
}

void look_at_metrics(const std::string& text, Evidence& evidence) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("hansa_") && line.find(' ') != std::string::npos) lines.push_back(line);
  }
  for (const auto& alarm : alarms()) {
    for (const auto& condition : conditions_of(alarm.expr)) {
      for (const auto& line : lines) {
        if (fits(condition, line)) evidence[alarm.name].push_back("metrics: " + line);
      }
    }
  }
}

// ---- what else can be seen

void look_at_sentence(const std::string& from, const std::string& sentence,
                      const std::string& otherwise, Evidence& evidence) {
  std::string cause = otherwise;
  for (const auto& word : kWords) {
    if (sentence.find(word.in_sentence) == std::string::npos) continue;
    cause = word.cause;
    break;
  }
  if (!cause.empty()) evidence[cause].push_back(from + ": " + sentence);
}

void look_at_disk(const std::string& data_dir, Evidence& evidence) {
  std::vector<unsigned long> seen;
  for (const std::string part : {"", "/log", "/projections", "/keyring"}) {
    struct statvfs disk {};
    if (::statvfs((data_dir + part).c_str(), &disk) != 0 || disk.f_blocks == 0) continue;
    if (std::ranges::find(seen, disk.f_fsid) != seen.end()) continue;
    seen.push_back(disk.f_fsid);
    const auto free = uint64_t{disk.f_bavail} * disk.f_frsize;
    const auto size = uint64_t{disk.f_blocks} * disk.f_frsize;
    if (static_cast<double>(free) >= kDiskFullRatio * static_cast<double>(size)) continue;
    evidence["HansaDiskFull"].push_back("disk of " + data_dir + part + ": " +
                                        std::to_string(free) + " of " + std::to_string(size) +
                                        " bytes are free");
  }
}

void look_at_configuration(const Config& config, Evidence& evidence) {
  if (const auto files = Serving::check_files(config); !files) {
    evidence[kConfiguration].push_back("file: " + files.error().detail);
  }
  if (!std::filesystem::exists(config.node.data_dir)) {
    evidence["HansaNodeDown"].push_back("data folder: " + config.node.data_dir + " is not there");
    return;
  }
  for (const auto& row : config.ledgers) {
    const auto keys = read_key_file(row.key_file);
    if (!keys) {
      evidence[kConfiguration].push_back("key file: " + keys.error().detail);
    } else if (keys->founding_id != row.founding_id) {
      evidence[kConfiguration].push_back("key file: " + row.key_file +
                                         " is of another founding than the configuration says of " +
                                         row.ledger.text());
    }
  }
  look_at_disk(config.node.data_dir, evidence);
}

// Asks the brokers as a node does when it opens a ledger.
void look_at_cluster(const Config& config, Evidence& evidence) {
  for (const auto& row : config.ledgers) {
    const auto checked = check_log(config, row.ledger);
    if (checked) continue;
    const bool is_away = checked.error().code == Errc::kUnavailable;
    evidence[is_away ? "HansaLogUnreachable" : kConfiguration].push_back(
        "brokers " + config.log.bootstrap + ": " + checked.error().detail);
    if (is_away) return;
  }
}

// The last lines that tell of a mistake.
void look_at_log(const std::string& file, Evidence& evidence) {
  const auto text = read_file(file, kLogBytesMax);
  if (!text) {
    evidence["HansaNodeDown"].push_back("log: " + text.error().detail);
    return;
  }
  std::vector<std::string> lines;
  std::istringstream in(*text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  const size_t first = lines.size() > kLogLinesRead ? lines.size() - kLogLinesRead : 0;
  for (size_t i = lines.size(); i > first; --i) {
    const auto& line = lines[i - 1];
    const bool tells = line.starts_with("hansa: ") ||
                       line.find("\"level\":\"error\"") != std::string::npos;
    if (!tells) continue;
    look_at_sentence("log", line, "HansaNodeDown", evidence);
    return;
  }
}

void look_at_node(SeenNode& node, const TlsTrust& trust, Evidence& evidence) {
  const auto ask = [&trust](const std::string& server,
                            const std::string& target) -> Result<HttpAnswer> {
    HANSA_TRY(auto client, Client::open(server, "", trust));
    return client.request({"GET", target});
  };
  const auto answer = ask(node.api, "/readyz");
  if (!answer) {
    evidence["HansaNodeDown"].push_back("node: " + answer.error().detail);
    return;
  }
  node.answers = true;
  node.ready = answer->status == 200;
  boost::system::error_code error;
  const auto value = boost::json::parse(answer->body, error);
  const auto* waits = error ? nullptr : value.find_pointer("/waits", error);
  if (waits == nullptr || !waits->is_array()) {
    evidence["HansaNodeDown"].push_back("node: " + node.api + " is answered by something else");
    return;
  }
  for (const auto& wait : waits->get_array()) {
    const std::string sentence(wait.is_string() ? wait.get_string().c_str() : "");
    look_at_sentence("readyz", sentence, "HansaLedgerNotReady", evidence);
  }
  if (const auto scraped = ask(node.metrics, "/metrics"); scraped && scraped->status == 200) {
    look_at_metrics(scraped->body, evidence);
  }
}

// ---- what it comes to

struct Cause {
  std::string name;
  std::string meaning;
  std::string to_do;
  std::string link;
  std::vector<std::string> evidence;
};

std::vector<Cause> ranked(const Evidence& evidence) {
  std::vector<std::string> names(std::begin(kOrder), std::end(kOrder));
  for (const auto& alarm : alarms()) {
    if (std::ranges::find(names, alarm.name) == names.end()) names.push_back(alarm.name);
  }
  std::vector<Cause> causes;
  for (const auto& name : names) {
    const auto found = evidence.find(name);
    if (found == evidence.end()) continue;
    if (name == kConfiguration) {
      causes.push_back({name, "What the node was told, or was given, is not as it must be.",
                        "Correct what is named, and start the node again; `hansa serve --config "
                        "FILE --check` says whether it is understood.",
                        "hansa error bad_config", found->second});
      continue;
    }
    const auto book = runbook(name);
    causes.push_back({name, book.meaning, book.mitigation, find_alarm(name).link, found->second});
  }
  return causes;
}

std::string json_of(const std::vector<Cause>& causes, bool ready) {
  std::string out = std::string("{\"ready\":") + (ready ? "true" : "false") + ",\"causes\":[";
  for (const auto& cause : causes) {
    std::string evidence;
    for (const auto& line : cause.evidence) {
      evidence += (evidence.empty() ? "" : ",") + json_text(line);
    }
    out += (&cause == &causes.front() ? "" : ",") + std::string("{\"cause\":") +
           json_text(cause.name) + ",\"meaning\":" + json_text(cause.meaning) +
           ",\"evidence\":[" + evidence + "],\"to_do\":" + json_text(cause.to_do) +
           ",\"runbook\":" + json_text(cause.link) + "}";
  }
  return out + "]}";
}

void print_causes(const std::vector<Cause>& causes, const SeenNode& node) {
  print_line(node.ready       ? "the node is ready"
             : causes.empty() ? "the node is not ready, and nothing that was looked at says why"
                              : "the node is not ready; likely causes, the likeliest first:");
  int number = 0;
  for (const auto& cause : causes) {
    print_line("\n" + std::to_string(++number) + ". " + cause.name + ": " + cause.meaning);
    for (const auto& line : cause.evidence) print_line("   seen   " + line);
    print_line("   to do  " + cause.to_do);
    print_line("   more   " + cause.link);
  }
}

int diagnose(const DiagnoseOptions& options) {
  Evidence evidence;
  SeenNode node;
  node.api = options.where;
  node.metrics = options.metrics;
  if (!options.where.starts_with("http://") && !options.where.starts_with("https://")) {
    auto config = read_config(options.where, process_environment());
    if (config) {
      node.config = *config;
      node.api = (config->http.tls.is_on() ? "https://" : "http://") + config->http.listen.text();
      if (node.metrics.empty()) node.metrics = "http://" + config->metrics.listen.text();
      look_at_configuration(*config, evidence);
      if (config->log.is_kafka()) look_at_cluster(*config, evidence);
    } else {
      evidence[kConfiguration].push_back("configuration: " + config.error().detail);
      node.api.clear();
    }
  }
  if (!node.api.empty()) look_at_node(node, options.server.trust, evidence);
  if (!node.answers && !options.log.empty()) look_at_log(options.log, evidence);
  const auto causes = ranked(evidence);
  if (options.json) {
    print_line(json_of(causes, node.ready));
  } else {
    print_causes(causes, node);
  }
  return node.ready ? kExitOk : kExitUnavailable;
}

}  // namespace

void add_diagnose(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "diagnose", "Why a node is not ready: likely causes with what was seen and what to do");
  auto options = std::make_shared<DiagnoseOptions>();
  verb->add_option("WHERE", options->where,
                   "The node's configuration, whose folder and brokers are looked at, too; or its "
                   "address alone, like http://127.0.0.1:8080")
      ->capture_default_str();
  verb->add_option("--metrics", options->metrics,
                   "With an address: where its metrics are, http://HOST:PORT");
  verb->add_option("--log", options->log, "What it said on standard error, if that is in a file");
  add_credentials(*verb, options->server);
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb, "  hansa diagnose hansa.yaml");
  verb->callback([&chosen, options] { chosen.run = [options] { return diagnose(*options); }; });
}

}  // namespace hansa::ops
