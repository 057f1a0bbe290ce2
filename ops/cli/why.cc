#include <algorithm>
#include <map>

#include "core/base/day.h"
#include "core/metrics/recount.h"
#include "ops/cli/ledger_source.h"
#include "ops/cli/progress.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

constexpr size_t kExamples = 3;

struct WhyOptions : LedgerSource {
  std::string metric;
  std::string scope;
  std::string id;
  std::string from;
  std::string to;
  Seq as_of = 0;
  bool all = false;
  bool json = false;
};

struct Question {
  const MetricInfo* metric = nullptr;
  FigureQuery query;
};

Result<Question> question_of(const WhyOptions& options) {
  Question question;
  HANSA_TRY(question.metric, find_metric(options.metric));
  const auto scope = options.scope.empty() ? Scope::kCity : find_scope(options.scope);
  if (!scope || *scope == Scope::kCommunity || (*scope == Scope::kCity) != options.id.empty()) {
    return fail(Errc::kBadRequest,
                "--scope is one of city, district, street, unit, service, kind; all but city need "
                "--id");
  }
  question.query.scope = *scope;
  question.query.id = options.id;
  if (!options.from.empty()) {
    HANSA_TRY(question.query.days.from, parse_day(options.from, "from"));
  }
  if (!options.to.empty()) {
    HANSA_TRY(question.query.days.to, parse_day(options.to, "to"));
  }
  return question;
}

// What the server shows, if one was asked; its seq is where the recount ends.
Result<std::optional<v1::FigureAnswer>> served_figure(const WhyOptions& options) {
  if (!options.data_dir.empty() || options.as_of != 0) return std::optional<v1::FigureAnswer>();
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return std::optional<v1::FigureAnswer>();  // told where the records are opened
  HANSA_TRY(auto client, connect(options.server));
  v1::GetFigure request;
  request.set_city(ledger->id);
  request.set_metric(options.metric);
  request.set_scope(options.scope);
  request.set_id(options.id);
  request.set_from(options.from);
  request.set_to(options.to);
  v1::FigureAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  return std::optional<v1::FigureAnswer>(std::move(answer));
}

std::string value_text(const v1::Figure& figure) {
  if (!figure.has_value()) return "none: nothing counts";
  const auto& value = figure.value();
  return value.value() + (figure.unit() == "seconds" ? " s" : "") + " = " + value.num() + "/" +
         value.den();
}

std::string command_line(const WhyOptions& options, Seq as_of) {
  std::string line = "hansa why " + options.metric + " --ledger " + options.ledger;
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) line += std::string(" ") + name + " " + text;
  };
  add("--scope", options.scope);
  add("--id", options.id);
  add("--from", options.from);
  add("--to", options.to);
  add("--as-of", std::to_string(as_of));
  add("--data", options.data_dir);
  return line;
}

// Outcomes of one kind, `counted, above the line` or one reason: how many, and the first few.
struct Group {
  size_t count = 0;
  std::vector<const Outcome*> examples;
};

std::string group_name(const Outcome& outcome, bool is_rate) {
  if (!outcome.counted) return "not counted: " + std::string(outcome.reason);
  if (!is_rate) return "counted";
  return outcome.met ? "counted, above the line" : "counted, below the line only";
}

std::map<std::string, Group> groups_of(const std::vector<Outcome>& outcomes, bool is_rate) {
  std::map<std::string, Group> groups;
  for (const auto& outcome : outcomes) {
    auto& group = groups[group_name(outcome, is_rate)];
    ++group.count;
    if (group.examples.size() < kExamples) group.examples.push_back(&outcome);
  }
  return groups;
}

std::string example_text(const Group& group) {
  std::string text;
  for (const auto* outcome : group.examples) {
    text += (text.empty() ? "" : ", ") + outcome->case_id + " (entry " +
            std::to_string(outcome->seq) + " " + outcome->event + ")";
  }
  return text + (group.count > group.examples.size() ? ", …" : "");
}

void print_text(const Question& question, const WhyOptions& options, const v1::Figure& figure,
                const std::vector<Outcome>& outcomes, Seq as_of) {
  const auto& metric = *question.metric;
  print_line(std::string(metric.id) + " v" + std::to_string(metric.version) + ": " +
             std::string(metric.title));
  print_line("  = " + std::string(metric.formula));
  print_line("  " + std::string(metric.counts));
  print_line("of      " + options.ledger + (options.scope.empty() ? "" : ", " + options.scope) +
             (options.id.empty() ? "" : " " + options.id));
  print_line("days    " + (options.from.empty() ? "from the first" : options.from) + " to " +
             (options.to.empty() ? "the last" : options.to));
  print_line("as of   seq " + std::to_string(as_of));
  print_line("value   " + value_text(figure));
  if (outcomes.empty()) {
    print_line("cases   none was ever recorded here; ids are those of `hansa call ListDistricts`, "
               "ListUnits, ListServices");
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, group] : groups_of(outcomes, metric.unit == "ratio")) {
    rows.push_back({std::to_string(group.count), name, example_text(group)});
  }
  if (!rows.empty()) {
    print_line("");
    print_table({"cases", "", "for example"}, rows);
    print_line("");
  }
  print_line("again   " + command_line(options, as_of));
  print_line("        --all lists every case and the entry that decided");
}

void print_all(const std::vector<Outcome>& outcomes) {
  print_line("case,counted,above,day,entry,event,reason");
  for (const auto& outcome : outcomes) {
    print_line(outcome.case_id + "," + (outcome.counted ? "yes" : "no") + "," +
               (outcome.met ? "yes" : "no") + "," +
               (outcome.reason.empty() || outcome.day != 0 ? day_text(outcome.day) : "") + "," +
               std::to_string(outcome.seq) + "," + outcome.event + "," +
               json_text(outcome.reason));
  }
}

void print_json(const WhyOptions& options, const v1::Figure& figure,
                const std::vector<Outcome>& outcomes, Seq as_of) {
  std::string groups;
  for (const auto& [name, group] : groups_of(outcomes, figure.unit() == "ratio")) {
    groups += (groups.empty() ? "" : ",") + json_text(name) + ":" + std::to_string(group.count);
  }
  print_line("{\"ledger\":" + json_text(options.ledger) + ",\"seq\":" +
             json_text(std::to_string(as_of)) + ",\"figure\":" + to_json(figure) +
             ",\"cases\":{" + groups + "},\"again\":" + json_text(command_line(options, as_of)) +
             "}");
}

class Recounting {
 public:
  Recounting(const Question& question, Seq until) : recount_(*question.metric, question.query),
                                                    until_(until) {}

  Result<Seq> run(Records& records, const LedgerId& ledger, const FoundingId& founding_id) {
    Progress progress("reading entries", until_);
    Result<void> outcome;
    const auto check = check_ledger(
        records, ledger, founding_id,
        [&](const SeenRecord& record) {
          if (record.valid && outcome && !reached_end()) outcome = take(record);
          progress.reached(last_);
        },
        [&](Offset) { return outcome.has_value() && !reached_end(); });
    progress.done();
    if (!outcome) return fail(outcome.error());
    if (!check && !reached_end()) return fail(check.error());
    if (until_ != 0 && last_ < until_) {
      return fail(Errc::kBadRequest, ledger.text() + " has " + std::to_string(last_) +
                                         " entries, none of seq " + std::to_string(until_));
    }
    return last_;
  }

  Recount& recount() { return recount_; }

 private:
  bool reached_end() const { return until_ != 0 && last_ >= until_; }

  Result<void> take(const SeenRecord& record) {
    v1::Payload payload;
    if (!payload.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
      return fail(Errc::kUpgradeNeeded, "entry " + std::to_string(record.seq) +
                                            " cannot be read by this binary; install a newer one");
    }
    last_ = record.seq;
    return recount_.take(payload, record.seq);
  }

  Recount recount_;
  const Seq until_;
  Seq last_ = 0;
};

// The server's rows against its own entries.
int compare(const v1::FigureAnswer& served, const v1::Figure& recounted) {
  if (to_json(served.figure()) == to_json(recounted)) {
    say("the server shows the same figure at this entry");
    return kExitOk;
  }
  return report(Error{Errc::kDigestDiffers,
                      "the server shows " + value_text(served.figure()) + ", its entries give " +
                          value_text(recounted) + "; run `hansa projection rebuild`"});
}

int why(const WhyOptions& options) {
  const auto question = question_of(options);
  if (!question) return report(question.error());
  const auto served = served_figure(options);
  if (!served) return report(served.error());
  const Seq until = *served ? (*served)->seq() : options.as_of;
  return on_ledger(options, [&](Records& records, const LedgerId& ledger,
                                const FoundingId& founding_id) {
    Recounting counting(*question, until);
    const auto reached = counting.run(records, ledger, founding_id);
    if (!reached) return report(reached.error());
    const v1::Figure figure = counting.recount().figure();
    const auto outcomes = counting.recount().outcomes();
    if (options.all) {
      print_all(outcomes);
    } else if (options.json) {
      print_json(options, figure, outcomes, *reached);
    } else {
      print_text(*question, options, figure, outcomes, *reached);
    }
    return *served ? compare(**served, figure) : static_cast<int>(kExitOk);
  });
}

}  // namespace

void add_why(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "why", "Reckons a figure anew from the ledger's entries and says what counted and why not");
  auto options = std::make_shared<WhyOptions>();
  verb->add_option("METRIC", options->metric, "The figure, like on_time_rate")->required();
  add_ledger_source(*verb, *options);
  verb->add_option("--scope", options->scope, "district, street, unit, service or kind; city");
  verb->add_option("--id", options->id, "Which one of the scope");
  verb->add_option("--from", options->from, "First local day, like 2025-01-01");
  verb->add_option("--to", options->to, "Last local day");
  verb->add_option("--as-of", options->as_of,
                   "As of this seq; without it as of what the server shows, or of the end");
  verb->add_flag("--all", options->all, "Every case, as CSV");
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb,
              "  hansa demo --once --cities 1 --days 3 --data demo-data\n"
              "  hansa why verification_rate --data demo-data --ledger city/suzhou-js");
  verb->callback([&chosen, options] { chosen.run = [options] { return why(*options); }; });
}

}  // namespace hansa::ops
