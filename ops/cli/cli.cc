#include "ops/cli/cli.h"

#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "ops/cli/evidence.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

constexpr const char* kOverview =
    R"(hansa keeps the ledgers of a league of cities.

Begin
  hansa demo                    see it work: simulated cities, served at http://127.0.0.1:8080
  hansa init city <id>          found a city on this machine; `init alliance <id>`
  hansa serve --config FILE     serve it over HTTP

Work
  setup DIR                     grid, units, services and calendar from CSV files
  import --mapping FILE CSV     cases from another system's file
  export --city ID              cases as open data
  call METHOD [JSON]            any method of the schema (`hansa openapi` lists them)
  metrics | why METRIC          exact figures, and what counted; published ones: `figure list`
  policy list | person find     policy values; the persons behind reports
  dead list | show | retry      records of other systems that were not taken; `hansa inbox key`

Check
  verify | audit | tlog | pack  what is shared, as files, and from the alliance's key alone
  ledger show | verify | tail   entries and their chain; `ledger copy` moves a ledger
  topics create | check         Kafka topics of the ledgers; `hansa nodes`: who leads what
  projection digest | rebuild   rows against their ledger; `hansa backup`, `hansa restore`, `raise`
  agreement check FILE          what would leave which city, in words
  campaign board ALLIANCE ID    who said and did what; `hansa alliance`, `hansa feed`, `hansa key`
  diagnose | drill | version    why a node is not well; `hansa error`, `hansa metrics-catalogue`
`hansa help VERB` explains each, with an example that works; `hansa configuration` each key.
)";

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

// The first word that is no verb where one must stand; "" when all is well.
std::string wrong_verb(const CLI::App& app, int count, char** words) {
  const CLI::App* at = &app;
  for (int i = 1; i < count; ++i) {
    const auto names = names_of(*at);
    if (names.empty()) return "";
    const std::string word = words[i];
    if (word.starts_with('-')) return "";
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      const auto before = at == &app ? "" : at->get_name() + " ";
      std::string known;
      for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
      return "`" + before + word + "` is no verb of hansa" + did_you_mean(word, names) +
             (at == &app ? "" : " (known: " + known + ")");
    }
    at = at->get_subcommand(word);
  }
  return "";
}

void add_verbs(CLI::App& app, Chosen& chosen) {
  add_init(app, chosen);
  add_serve(app, chosen);
  add_demo(app, chosen);
  add_setup(app, chosen);
  add_import(app, chosen);
  add_export(app, chosen);
  add_call(app, chosen);
  add_metrics(app, chosen);
  add_audit_trail(app, chosen);
  add_metrics_catalogue(app, chosen);
  add_why(app, chosen);
  add_policy(app, chosen);
  add_person(app, chosen);
  add_ledger(app, chosen);
  add_projection(app, chosen);
  add_topics(app, chosen);
  add_nodes(app, chosen);
  add_raise(app, chosen);
  add_backup(app, chosen);
  add_restore(app, chosen);
  add_diagnose(app, chosen);
  add_drill(app, chosen);
  add_inbox(app, chosen);
  add_dead(app, chosen);
  add_alliance(app, chosen);
  add_agreement(app, chosen);
  add_campaign(app, chosen);
  add_figure(app, chosen);
  add_feed(app, chosen);
  add_key(app, chosen);
  add_tlog(app, chosen);
  add_verify(app, chosen);
  add_audit(app, chosen);
  add_pack(app, chosen);
  add_configuration(app, chosen);
  add_error(app, chosen);
  add_openapi(app, chosen);
  add_version(app, chosen);
  add_help(app, chosen);
}

std::string deepest_help(const CLI::App& app) {
  return app.get_subcommands().empty() ? std::string(kOverview) : app.help();
}

std::string full_name(const CLI::App* verb) {
  std::string name;
  for (; verb != nullptr && verb->get_parent() != nullptr; verb = verb->get_parent()) {
    name = verb->get_name() + (name.empty() ? "" : " ") + name;
  }
  return name;
}

// CLI11 words its mistakes itself; ours adds the nearest option and where to read on.
int explain(const CLI::App& app, const CLI::ParseError& mistake) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  std::string text = mistake.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::vector<std::string> options;
  for (const auto* option : at->get_options()) {
    for (const auto& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (const auto& word : at->remaining(true)) {
    if (word.starts_with("--")) text += did_you_mean(word.substr(0, word.find('=')), options);
  }
  return usage(text + "; see `hansa " + full_name(at) + (at == &app ? "" : " ") + "--help`");
}

}  // namespace

std::string_view overview() { return kOverview; }

std::string_view exit_meaning(int code) {
  switch (code) {
    case kExitOk: return "done";
    case kExitRefused: return "refused: the request, the state or a file does not permit it";
    case kExitUsage: return "the words or the configuration have a mistake; nothing was begun";
    case kExitUnavailable: return "not now: try again, as the error's retry class says";
    case kExitVerificationFailed: return "what was checked does not hold";
    default: return "a fault of hansa itself";
  }
}

int exit_code(Errc code) {
  switch (code) {
    case Errc::kBadConfig:
      return kExitUsage;
    case Errc::kUnavailable:
    case Errc::kNotYet:
    case Errc::kUnknownOutcome:
    case Errc::kRateLimited:
    case Errc::kDataInUse:
    case Errc::kLedgerStopped:
      return kExitUnavailable;
    case Errc::kChainBroken:
    case Errc::kLogBehind:
    case Errc::kDigestDiffers:
      return kExitVerificationFailed;
    case Errc::kInternal:
      return kExitInternal;
    default:
      return kExitRefused;
  }
}

int report(const Error& error) {
  std::string line = "hansa: " + std::string(error_info(error.code).name) + ": " + error.detail;
  if (!error.pointer.empty()) line += " (" + error.pointer + ")";
  say(line);
  return exit_code(error.code);
}

int usage(const std::string& message) {
  say("hansa: " + message);
  return kExitUsage;
}

void set_example(CLI::App& verb, const std::string& lines) { verb.footer("Example:\n" + lines); }

void add_remote_server(CLI::App& verb, RemoteServer& options) {
  verb.add_option("--server", options.url, "Address of the server")
      ->envname("HANSA_SERVER")
      ->capture_default_str();
  add_credentials(verb, options);
}

void add_credentials(CLI::App& verb, RemoteServer& options) {
  verb.add_option("--key", options.key, "API key or token; better given in HANSA_KEY")
      ->envname("HANSA_KEY");
  verb.add_option("--authorities", options.trust.authorities,
                  "Whose certificates of servers are taken, a file in PEM; else the system's")
      ->envname("HANSA_AUTHORITIES");
  auto* certificate =
      verb.add_option("--certificate", options.trust.certificate,
                      "Own certificate in PEM, for a server that asks for one")
          ->envname("HANSA_CERTIFICATE");
  auto* key = verb.add_option("--certificate-key", options.trust.certificate_key, "Its private key")
                  ->envname("HANSA_CERTIFICATE_KEY");
  certificate->needs(key);
  key->needs(certificate);
}

Result<Client> connect(const RemoteServer& options) {
  return Client::open(options.url, options.key, options.trust);
}

void print_line(const std::string& text) { std::fprintf(stdout, "%s\n", text.c_str()); }

void say(const std::string& text) {
  // Where a progress may stand in the line.
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  std::fprintf(stderr, "%s%s\n", terminal ? "\r\x1b[K" : "", text.c_str());
}

void print_table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(header.size());
  for (size_t i = 0; i < header.size(); ++i) widths[i] = header[i].size();
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    print_line(line);
  };
  print(header);
  for (const auto& row : rows) print(row);
}

int run_cli(int count, char** words) {
  // Bytes that cannot be read are told of once, in our words.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app("hansa keeps the ledgers of a league of cities.", "hansa");
  app.require_subcommand(0, 1);
  Chosen chosen;
  add_verbs(app, chosen);
  if (const auto wrong = wrong_verb(app, count, words); !wrong.empty()) return usage(wrong);
  try {
    app.parse(count, words);
  } catch (const CLI::CallForHelp&) {
    std::fputs(deepest_help(app).c_str(), stdout);
    return kExitOk;
  } catch (const CLI::ParseError& mistake) {
    return explain(app, mistake);
  }
  if (!chosen.run) {
    std::fputs(deepest_help(app).c_str(), stdout);
    return app.get_subcommands().empty() ? kExitOk : kExitUsage;
  }
  try {
    return chosen.run();
  } catch (const std::exception& exception) {
    return report(Error{Errc::kInternal, exception.what()});
  }
}

}  // namespace hansa::ops
