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

constexpr std::string_view kReferenceHead =
    "# Errors\n\n"
    "Every code that a caller can get, over HTTP as the problem document's `code` (RFC 9457), on\n"
    "the command line as `hansa: CODE: what happened`; this page is what\n"
    "`hansa error --markdown` prints.\n"
    "Codes stay as they are; the sentence beside them may be worded anew. `hansa error CODE` and\n"
    "`GET /v1/errors/CODE` tell one.\n\n"
    "What to do about an error is its retry class:\n\n"
    "| Retry | What the caller does |\n|---|---|\n";

std::string_view retry_meaning(Retry retry) {
  switch (retry) {
    case Retry::kNever: return "gives up: this request can never succeed as it is";
    case Retry::kAfterChange: return "changes the request, or waits until the state has changed";
    case Retry::kLater: return "sends the same request again after a pause (`Retry-After`)";
    case Retry::kSameId: return "asks again with the same Idempotency-Key, to learn the outcome";
    case Retry::kUpgrade: return "nothing: an operator installs a newer release";
  }
  return "";
}

void print_markdown() {
  std::string text(kReferenceHead);
  for (const auto retry : {Retry::kNever, Retry::kAfterChange, Retry::kLater, Retry::kSameId,
                           Retry::kUpgrade}) {
    text += "| `" + std::string(retry_name(retry)) + "` | " + std::string(retry_meaning(retry)) +
            " |\n";
  }
  text += "\nThe exit code of `hansa`:\n\n| Exit | Meaning |\n|---|---|\n";
  for (int code = kExitOk; code <= kExitInternal; ++code) {
    text += "| " + std::to_string(code) + " | " + std::string(exit_meaning(code)) + " |\n";
  }
  text += "\n| Code | HTTP | Exit | Retry | What it means and what to do |\n"
          "|---|---|---|---|---|\n";
  for (const auto& row : error_table()) {
    text += "| `" + std::string(row.name) + "` | " + std::to_string(row.http_status) + " | " +
            std::to_string(exit_code(row.code)) + " | `" + std::string(retry_name(row.retry)) +
            "` | " + std::string(row.meaning) + " |\n";
  }
  print_line(text.substr(0, text.size() - 1));
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
  auto* as_json = verb->add_flag("--json", *json, "JSON instead of text");
  auto markdown = std::make_shared<bool>(false);
  verb->add_flag("--markdown", *markdown, "The page docs/reference/errors.md")->excludes(as_json);
  set_example(*verb, "  hansa error wrong_state");
  verb->callback([&chosen, code, json, markdown] {
    chosen.run = [code, json, markdown] {
      if (*markdown) {
        print_markdown();
        return static_cast<int>(kExitOk);
      }
      return code->empty() ? list_errors(*json)
                           : explain_error(*code, *json);
    };
  });
}

}  // namespace hansa::ops
