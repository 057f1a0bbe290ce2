#include <cstdio>

#include "ops/cli/cli.h"
#include "ops/files.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

struct CallOptions {
  std::string method;
  std::string request = "{}";
  std::string each;
  RemoteServer server;
};

int list_methods() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& method : methods()) {
    rows.push_back({method.name, method.http_verb, method.path, method.rule.summary()});
  }
  print_table({"method", "", "address", "summary"}, rows);
  return kExitOk;
}

int call_each(Client& client, const MethodInfo& method, const std::string& file) {
  const auto text = file == "-" ? read_file("/dev/stdin") : read_file(file);
  if (!text) return report(text.error());
  int worst = kExitOk;
  size_t line_number = 0;
  size_t begin = 0;
  while (begin < text->size()) {
    const auto end = std::min(text->find('\n', begin), text->size());
    const auto line = text->substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto answer = client.call(method, line);
    if (answer) {
      print_line(*answer);
      continue;
    }
    auto error = answer.error();
    error.detail = file + ":" + std::to_string(line_number) + ": " + error.detail;
    worst = std::max(worst, report(error));
    if (error.code == Errc::kUnavailable) return worst;
  }
  return worst;
}

int call(const CallOptions& options) {
  if (options.method.empty()) return list_methods();
  const auto* method = find_method(options.method);
  if (method == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : methods()) names.push_back(known.name);
    return usage("no method is called `" + options.method + "`" +
                 did_you_mean(options.method, names) + "; `hansa call` lists them");
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  if (!options.each.empty()) return call_each(*client, *method, options.each);
  std::string request = options.request;
  if (request.starts_with('@')) {
    auto text = read_file(request.substr(1));
    if (!text) return report(text.error());
    request = *text;
  }
  const auto answer = client->call(*method, request);
  if (!answer) return report(answer.error());
  print_line(*answer);
  return kExitOk;
}

}  // namespace

void add_call(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "call", "Calls any method of the schema; without METHOD lists all of them");
  auto options = std::make_shared<CallOptions>();
  verb->add_option("METHOD", options->method, "Name of the request, like AssignCase");
  verb->add_option("REQUEST", options->request,
                   "The request as JSON, or @FILE; path fields included");
  verb->add_option("--each", options->each,
                   "Calls once for every line of this NDJSON file (- for standard input)");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa setup setup\n"
              "  hansa call ListUnits '{\"city\": \"example\"}'");
  verb->callback([&chosen, options] { chosen.run = [options] { return call(*options); }; });
}

}  // namespace hansa::ops
