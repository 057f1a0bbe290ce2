#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

std::string row_json(const ErrorInfo& row) {
  return "{\"code\":" + json_text(row.name) + ",\"http_status\":" +
         std::to_string(row.http_status) + ",\"retry\":" + json_text(retry_name(row.retry)) +
         ",\"meaning\":" + json_text(row.meaning) + "}";
}

int list_errors(bool as_json) {
  if (as_json) {
    std::string all;
    for (const auto& row : error_table()) all += (all.empty() ? "[" : ",\n ") + row_json(row);
    print_line(all + "]");
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : error_table()) {
    rows.push_back({std::string(row.name), std::to_string(row.http_status),
                    std::string(retry_name(row.retry))});
  }
  print_table({"code", "http", "retry"}, rows);
  return kExitOk;
}

int explain_error(const std::string& code, bool as_json) {
  const auto errc = find_errc(code);
  if (!errc) {
    std::vector<std::string> names;
    for (const auto& row : error_table()) names.emplace_back(row.name);
    return report(Error{Errc::kUnknownCode,
                        "no error has the code `" + code + "`" + did_you_mean(code, names)});
  }
  const auto& row = error_info(*errc);
  if (as_json) {
    print_line(row_json(row));
  } else {
    print_line(std::string(row.name) + " (HTTP " + std::to_string(row.http_status) + ", retry: " +
               std::string(retry_name(row.retry)) + ")\n" + std::string(row.meaning));
  }
  return kExitOk;
}

}  // namespace

void add_error(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("error", "What an error code means and what to do about it");
  auto code = std::make_shared<std::string>();
  verb->add_option("CODE", *code, "The code; none lists all of them");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "JSON instead of text");
  set_example(*verb, "  hansa error wrong_state");
  verb->callback([&chosen, code, json] {
    chosen.run = [code, json] {
      return code->empty() ? list_errors(*json)
                           : explain_error(*code, *json);
    };
  });
}

}  // namespace hansa::ops
