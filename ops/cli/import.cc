#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <type_traits>

#include "core/base/ids.h"
#include "ops/cli/cli.h"
#include "ops/cli/progress.h"
#include "ops/files.h"
#include "ops/import/dry_run.h"
#include "ops/import/guess.h"
#include "ops/import/ndjson.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;

using std::chrono::milliseconds;

constexpr size_t kRequestsAtOnce = 3;
// A server that is started again is back within it.
constexpr milliseconds kPatience{60'000};
constexpr milliseconds kPauseFirst{100};
constexpr milliseconds kPauseMax{2'000};

volatile std::sig_atomic_t interrupted = 0;

struct ImportOptions {
  std::string mapping;
  std::string file;
  std::string rejects;
  std::string format;
  std::string city;
  bool found = false;
  bool dry_run = false;
  bool guess = false;
  bool json = false;
  RemoteServer server;
};

// One line of a batch's answer: {"line", "receipt"} or {"line", "problem"}. A receipt without the
// hash of an entry says that nothing was appended.
RowOutcome row_outcome(std::string_view line, Seq& newest) {
  if (auto problem = row_problem(line)) return {false, std::move(problem)};
  boost::system::error_code error;
  const auto value = json::parse(json::string_view(line.data(), line.size()), error);
  const auto* receipt = value.is_object() ? value.get_object().if_contains("receipt") : nullptr;
  const auto* hash = receipt != nullptr && receipt->is_object()
                         ? receipt->get_object().if_contains("entry_sha256")
                         : nullptr;
  if (hash == nullptr || !hash->is_string()) {
    return {false, Error{Errc::kInternal, "the server's answer cannot be read"}};
  }
  const auto* seq = receipt->get_object().if_contains("seq");
  if (seq != nullptr && seq->is_string()) {
    newest = std::max<Seq>(newest, std::strtoull(seq->get_string().c_str(), nullptr, 10));
  }
  return {hash->get_string().empty(), std::nullopt};
}

bool may_pass(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kUnknownOutcome ||
         code == Errc::kRateLimited || code == Errc::kNotYet;
}

void pause(milliseconds length) {
  constexpr milliseconds kStep{100};  // how soon an interrupt is heeded
  for (; length.count() > 0 && interrupted == 0; length -= kStep) {
    std::this_thread::sleep_for(kStep);
  }
}

// Asks again while the answer is one that may pass, with longer and longer pauses.
template <typename Ask>
std::invoke_result_t<Ask> ask_patiently(const Ask& ask) {
  static std::atomic<bool> told = false;
  milliseconds waited{0};
  for (auto next = kPauseFirst;; next = std::min(2 * next, kPauseMax)) {
    auto answer = ask();
    if (answer || !may_pass(answer.error().code)) return answer;
    if (waited >= kPatience || interrupted != 0) return answer;
    if (waited >= milliseconds(1'000) && !told.exchange(true)) {
      say("hansa: waiting, up to a minute: " + answer.error().detail);
    }
    pause(next);
    waited += next;
  }
}

class HttpSink final : public ImportSink {
 public:
  explicit HttpSink(Client client) : client_(std::move(client)) {}

  // What the server could not take for the moment is sent again: rows carry their own identity.
  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override {
    return ask_patiently([&]() -> Result<std::vector<RowOutcome>> {
      HANSA_TRY(auto outcomes, send_once(rows));
      for (const auto& outcome : outcomes) {
        if (outcome.refused && may_pass(outcome.refused->code)) {
          return fail(outcome.refused->code,
                      "the server could not take all rows: " + outcome.refused->detail);
        }
      }
      return outcomes;
    });
  }

  Seq newest() const { return newest_; }

 private:
  Result<std::vector<RowOutcome>> send_once(const std::vector<v1::ImportCase>& rows) {
    HttpRequest request{"POST", "/v1/cities/" + rows.front().city() + "/cases:import"};
    request.content_type = "application/x-ndjson";
    for (const auto& row : rows) {
      append_json(request.body, row);
      request.body += '\n';
    }
    HANSA_TRY(const auto answer, client_.request(request));
    if (answer.status >= 400) return fail(problem_error(answer));
    std::vector<RowOutcome> outcomes;
    std::string_view rest = answer.body;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      if (end > 0) outcomes.push_back(row_outcome(rest.substr(0, end), newest_));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return outcomes;
  }

  Client client_;
  Seq newest_ = 0;
};

// Who asks for a figure right after an import means the rows that went in: until then it waits.
Result<void> wait_until_shown(const std::string& city, Seq seq, const RemoteServer& server) {
  HANSA_TRY(auto client, connect(server));
  const HttpRequest request{"GET", "/v1/cities/" + city + "?at_least=" + std::to_string(seq)};
  return ask_patiently([&]() -> Result<void> {
    HANSA_TRY(const auto answer, client.request(request));
    if (answer.status >= 400) return fail(problem_error(answer));
    return {};
  });
}

// A wrong address is said at once: only a server that answered is worth waiting for.
Result<void> find_server(const RemoteServer& server) {
  HANSA_TRY(auto client, connect(server));
  HANSA_CHECK(client.request({"GET", "/healthz"}));
  return {};
}

void print_summary(const ImportSummary& summary, const ImportOptions& options) {
  if (options.json) return print_line(summary.json());
  std::string states;
  for (const auto& [state, count] : summary.by_state) {
    states += (states.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  }
  print_line(std::to_string(summary.rows) + " rows: " + std::to_string(summary.imported) +
             " imported, " + std::to_string(summary.unchanged) + " unchanged, " +
             std::to_string(summary.refused) + " refused" +
             (states.empty() ? "" : " (" + states + ")"));
}

// Defines the places, units and services that the file names; what is there already stays.
Result<void> found_city(const CaseFile& file, const RemoteServer& server) {
  HANSA_TRY(auto client, connect(server));
  for (const auto& command : file.founding(false)) {
    v1::Receipt receipt;
    auto entered = ask_patiently([&] { return client.call(*command, receipt); });
    if (!entered && entered.error().code != Errc::kAlreadyExists) return entered;
  }
  return {};
}

// Said once instead of in every refused row.
void hint_at_founding(const ImportSummary& summary, const std::string& city) {
  if (summary.imported + summary.unchanged > 0) return;
  for (const auto& row : summary.rejects) {
    if (row.reason.starts_with("unknown_")) {
      return say("hansa: " + city + " knows none of the file's places, units or services; define "
                 "them with `hansa setup`, or import with --found");
    }
  }
}

// The file as CSV, whichever of the two forms it has.
Result<TableText> read_table(const ImportOptions& options) {
  HANSA_TRY(auto text, read_file(options.file));
  const auto ending = std::filesystem::path(options.file).extension();
  const bool is_ndjson = options.format.empty() ? ending == ".ndjson" || ending == ".jsonl"
                                                : options.format == "ndjson";
  if (!is_ndjson) return TableText{std::move(text), {}};
  auto table = ndjson_to_csv(text);
  if (!table) return fail(Errc::kBadFile, options.file + ": " + table.error().detail);
  return table;
}

int guess(const ImportOptions& options) {
  const auto table = read_table(options);
  if (!table) return report(table.error());
  const auto draft = guess_mapping(table->csv, std::filesystem::path(options.file).filename());
  if (!draft) return report(draft.error());
  std::fwrite(draft->data(), 1, draft->size(), stdout);
  say("hansa: write this to a file, go through its lines marked CHECK, and try it with "
      "`hansa import --dry-run --mapping FILE " + options.file + "`");
  return kExitOk;
}

void print_dry_run(const DryRun& run, const ImportOptions& options) {
  if (options.json) return print_line(run.json());
  if (!run.unmatched.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : run.unmatched) {
      rows.push_back({row.column, row.value.empty() ? "(empty)" : row.value.substr(0, 40),
                      std::to_string(row.rows), std::to_string(row.first_line),
                      row.refuses ? "refused" : "taken", row.advice});
    }
    print_line("Values that the mapping has no words for:");
    print_table({"column", "value", "rows", "first line", "", "what to do"}, rows);
    print_line("");
  }
  std::string columns;
  for (const auto& name : run.unmapped_columns) columns += (columns.empty() ? "" : ", ") + name;
  if (!columns.empty()) print_line("Columns that nothing reads: " + columns);
  if (run.first_reported_us != 0) {
    print_line("Reported from " + time_text(run.first_reported_us) + " to " +
               time_text(run.last_reported_us));
  }
  print_line("Would define " + std::to_string(run.districts) + " districts with " +
             std::to_string(run.communities) + " communities, " + std::to_string(run.units) +
             " units, " + std::to_string(run.services) + " services");
  print_summary(run.summary, options);
  std::map<std::string, std::pair<size_t, const RejectedRow*>> reasons;  // by code
  for (const auto& row : run.summary.rejects) {
    auto& reason = reasons[row.reason.substr(0, row.reason.find(':'))];
    if (reason.first++ == 0) reason.second = &row;
  }
  for (const auto& [code, rows] : reasons) {
    print_line("  " + std::to_string(rows.first) + " refused, first in line " +
               std::to_string(rows.second->line) + ": " + rows.second->reason);
  }
}

int try_out(CaseFile& file, const ImportOptions& options) {
  Progress progress("dry run", file.rows());
  const auto run = dry_run(file, [&](const ImportSummary& so_far) {
    progress.reached(so_far.rows);
    return interrupted == 0;
  });
  progress.done();
  if (!run) return report(run.error());
  print_dry_run(*run, options);
  return kExitOk;
}

// The command line's way of writing down what was refused.
int keep_rejects(const ImportSummary& summary, const CaseFile& file,
                 const ImportOptions& options) {
  // Nothing refused needs no file, but one of an earlier run must not stay as it was.
  if (summary.rejects.empty() && ::access(options.rejects.c_str(), F_OK) != 0) return kExitOk;
  if (auto written = write_rejects(summary, file.header(), options.rejects); !written) {
    say("hansa: the refused rows could not be written; name another file with --rejects");
    return report(written.error());
  }
  say("refused rows with their reasons: " + options.rejects);
  return kExitOk;
}

int send_rows(CaseFile& file, const ImportOptions& options) {
  std::vector<std::unique_ptr<HttpSink>> sinks;
  std::vector<ImportSink*> all;
  // A parent must be in before its children: then one request after the other, in the file's order.
  const size_t requests = file.mapping().merged_into_column.empty() ? kRequestsAtOnce : 1;
  for (size_t i = 0; i < requests; ++i) {
    auto client = connect(options.server);
    if (!client) return report(client.error());
    sinks.push_back(std::make_unique<HttpSink>(std::move(*client)));
    all.push_back(sinks.back().get());
  }
  Progress progress("import", file.rows());
  const auto summary = import_file(file, all, [&](const ImportSummary& so_far) {
    progress.reached(so_far.imported + so_far.unchanged + so_far.refused);
    return interrupted == 0;
  });
  progress.done();
  const bool whole = !summary.interrupted && !summary.stopped;
  Seq newest = 0;
  for (const auto& sink : sinks) newest = std::max(newest, sink->newest());
  const auto shown = whole ? wait_until_shown(file.mapping().city, newest, options.server)
                           : Result<void>();
  print_summary(summary, options);
  if (!shown) {
    say("hansa: the rows are in, but reads may not show them yet: " + shown.error().detail);
  }
  const int kept = keep_rejects(summary, file, options);
  if (!whole) {
    say("hansa: the import stopped before the end of the file; import the same file again, rows "
        "that are in stay as they are");
    return summary.stopped ? report(*summary.stopped) : kExitUnavailable;
  }
  hint_at_founding(summary, file.mapping().city);
  return kept;
}

int import_cases(ImportOptions options) {
  if (options.guess) return guess(options);
  if (options.mapping.empty()) {
    return usage("expected --mapping FILE; `hansa import --guess " + options.file +
                 "` drafts one");
  }
  if (options.rejects.empty()) options.rejects = options.file + ".rejected.csv";
  auto mapping = read_mapping(options.mapping);
  if (!mapping) return report(mapping.error());
  if (!options.city.empty()) mapping->city = options.city;
  const auto table = read_table(options);
  if (!table) return report(table.error());
  auto file = CaseFile::open(table->csv, options.file, *mapping, table->lines);
  if (!file) return report(file.error());
  std::signal(SIGINT, [](int) { interrupted = 1; });
  if (options.dry_run) return try_out(*file, options);
  if (auto found = find_server(options.server); !found) return report(found.error());
  if (options.found) {
    if (auto founded = found_city(*file, options.server); !founded) return report(founded.error());
  }
  return send_rows(*file, options);
}

}  // namespace

void add_import(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "import", "Takes in cases of another system's CSV; the same file again changes nothing");
  auto options = std::make_shared<ImportOptions>();
  verb->add_option("CSV", options->file, "The file; .ndjson has one JSON object a line")
      ->required();
  verb->add_option("--mapping", options->mapping, "What its columns mean (YAML)");
  verb->add_option("--city", options->city, "Into this city instead of the mapping's");
  verb->add_option("--format", options->format, "csv or ndjson; without it the file's ending says")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  verb->add_option("--rejects", options->rejects,
                   "Where refused rows are written with their reasons; <CSV>.rejected.csv");
  verb->add_flag("--found", options->found,
                 "First founds the city and defines the file's own places, units and services");
  verb->add_flag("--dry-run", options->dry_run,
                 "Needs no server: what would happen, values without a word in the mapping first");
  verb->add_flag("--guess", options->guess, "Drafts a mapping from the header and the first rows");
  verb->add_flag("--json", options->json, "The summary as one JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa setup setup\n"
              "  hansa import --dry-run --mapping setup/cases-mapping.yaml setup/cases.csv\n"
              "  hansa import --mapping setup/cases-mapping.yaml setup/cases.csv");
  verb->callback([&chosen, options] { chosen.run = [options] { return import_cases(*options); }; });
}

}  // namespace hansa::ops
