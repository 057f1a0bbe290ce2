// Command line: what all verbs share, and the list of verbs.
//
// Shape:   each verb has one file, whose add_…() declares its options on the CLI11 parser and
//          sets Chosen::run when it was chosen. run_cli() parses, runs and answers the exit code:
//          0 ok, 1 refused, 2 usage, 3 unavailable, 4 verification failed, 5 internal.
//          Data goes to standard output, messages to standard error.
// Errors:  report() prints one line `hansa: code: detail` and answers the exit code of its class.
// Threads: the main thread.
// Source:  SPEC §6.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "ops/client.h"

namespace hansa::ops {

enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,
  kExitUsage = 2,
  kExitUnavailable = 3,
  kExitVerificationFailed = 4,
  kExitInternal = 5,
};

struct Chosen {
  std::function<int()> run;
};

int run_cli(int count, char** words);

int exit_code(Errc code);
// What people do when a program ends so, in a few words.
std::string_view exit_meaning(int code);
std::string_view overview();
int report(const Error& error);
int usage(const std::string& message);

// `lines` begin with "  hansa "; they stand under `Example:` at the end of the help.
void set_example(CLI::App& verb, const std::string& lines);

// --server, --key, --authorities, --certificate and --certificate-key, each with a variable of the
// environment behind it.
struct RemoteServer {
  std::string url = "http://127.0.0.1:8080";
  std::string key;
  TlsTrust trust;
};
void add_remote_server(CLI::App& verb, RemoteServer& options);
// All of them but --server, for verbs that name it otherwise.
void add_credentials(CLI::App& verb, RemoteServer& options);
Result<Client> connect(const RemoteServer& options);

// Rows of texts as columns under a header; nothing but the header for none.
void print_table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows);
void print_line(const std::string& text);
// Progress and other messages.
void say(const std::string& text);

void add_init(CLI::App& app, Chosen& chosen);
void add_alliance(CLI::App& app, Chosen& chosen);
void add_agreement(CLI::App& app, Chosen& chosen);
void add_campaign(CLI::App& app, Chosen& chosen);
void add_key(CLI::App& app, Chosen& chosen);
void add_figure(CLI::App& app, Chosen& chosen);
void add_feed(CLI::App& app, Chosen& chosen);
void add_serve(CLI::App& app, Chosen& chosen);
void add_demo(CLI::App& app, Chosen& chosen);
void add_drill(CLI::App& app, Chosen& chosen);
void add_diagnose(CLI::App& app, Chosen& chosen);
void add_import(CLI::App& app, Chosen& chosen);
void add_export(CLI::App& app, Chosen& chosen);
void add_call(CLI::App& app, Chosen& chosen);
void add_ledger(CLI::App& app, Chosen& chosen);
void add_projection(CLI::App& app, Chosen& chosen);
void add_topics(CLI::App& app, Chosen& chosen);
void add_backup(CLI::App& app, Chosen& chosen);
void add_restore(CLI::App& app, Chosen& chosen);
void add_inbox(CLI::App& app, Chosen& chosen);
void add_dead(CLI::App& app, Chosen& chosen);
void add_nodes(CLI::App& app, Chosen& chosen);
void add_metrics(CLI::App& app, Chosen& chosen);
void add_audit_trail(CLI::App& app, Chosen& chosen);
void add_metrics_catalogue(CLI::App& app, Chosen& chosen);
void add_configuration(CLI::App& app, Chosen& chosen);
void add_help(CLI::App& app, Chosen& chosen);
void add_why(CLI::App& app, Chosen& chosen);
void add_policy(CLI::App& app, Chosen& chosen);
void add_person(CLI::App& app, Chosen& chosen);
void add_error(CLI::App& app, Chosen& chosen);
void add_openapi(CLI::App& app, Chosen& chosen);
void add_raise(CLI::App& app, Chosen& chosen);
void add_setup(CLI::App& app, Chosen& chosen);
void add_tlog(CLI::App& app, Chosen& chosen);
void add_verify(CLI::App& app, Chosen& chosen);
void add_version(CLI::App& app, Chosen& chosen);

}  // namespace hansa::ops
