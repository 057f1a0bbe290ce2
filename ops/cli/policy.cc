#include "core/base/policy.h"

#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct PolicyOptions {
  std::string city;
  bool json = false;
  RemoteServer server;
};

std::string fraction(const std::string& numerator, const std::string& denominator) {
  return denominator == "1" ? numerator : numerator + "/" + denominator;
}

struct PolicyRow {
  const PolicyInfo* info;
  std::string value;
  std::string version;
};

void print_rows(const std::vector<PolicyRow>& rows, bool as_json) {
  if (as_json) {
    std::string out;
    for (const auto& row : rows) {
      out += (out.empty() ? "[" : ",\n ") + ("{\"policy\":" + json_text(row.info->name)) +
             ",\"value\":" + json_text(row.value) + ",\"version\":" + json_text(row.version) +
             ",\"unit\":" + json_text(policy_unit_name(row.info->unit)) +
             ",\"title\":" + json_text(row.info->title) +
             ",\"section\":" + json_text(row.info->section) + "}";
    }
    return print_line(out.empty() ? "[]" : out + "]");
  }
  std::vector<std::vector<std::string>> lines;
  for (const auto& row : rows) {
    lines.push_back({std::string(row.info->name), row.value,
                     std::string(policy_unit_name(row.info->unit)), row.version,
                     std::string(row.info->title)});
  }
  print_table({"policy", "value", "unit", "version", "title"}, lines);
}

int list_policies(const PolicyOptions& options) {
  std::vector<PolicyRow> rows;
  for (const auto& info : policies()) {
    rows.push_back({&info, fraction(std::to_string(info.numerator),
                                    std::to_string(info.denominator)), "default"});
  }
  if (!options.city.empty()) {
    auto client = connect(options.server);
    if (!client) return report(client.error());
    v1::ListPolicies request;
    request.set_city(options.city);
    v1::PoliciesAnswer answer;
    if (auto read = client->call(request, answer); !read) return report(read.error());
    for (const auto& policy : answer.policies()) {
      for (auto& row : rows) {
        if (row.info->name != policy.policy()) continue;
        row.value = fraction(policy.value().numerator(), policy.value().denominator());
        row.version = std::to_string(policy.version());
      }
    }
  }
  print_rows(rows, options.json);
  return kExitOk;
}

}  // namespace

void add_policy(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("policy", "Policy values: list");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa policy list");
  auto options = std::make_shared<PolicyOptions>();
  auto* list = verb->add_subcommand(
      "list", "The catalogue with its defaults, or with --city the values in force there");
  list->add_option("--city", options->city, "Asks the server for this city's values");
  list->add_flag("--json", options->json, "A JSON list instead of columns");
  add_remote_server(*list, options->server);
  set_example(*list, "  hansa policy list\n"
                     "  hansa setup setup\n"
                     "  hansa policy list --city example");
  list->callback(
      [&chosen, options] { chosen.run = [options] { return list_policies(*options); }; });
}

}  // namespace hansa::ops
