#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/csv_answer.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct MetricsOptions {
  v1::ListFigures query;
  bool list = false;
  bool csv = false;
  bool json = false;
  RemoteServer server;
};

std::string shown(const v1::Figure& figure) {
  if (!figure.has_value()) return "-";
  const std::string& value = figure.value().value();
  return figure.unit() == "seconds" ? value + " s" : value;
}

std::string bucketed(bool known, uint64_t seconds) {
  return known ? "<= " + std::to_string(seconds) + " s" : "";
}

std::string parts(const v1::Figure& figure) {
  if (figure.unit() == "seconds") return std::to_string(figure.sample());
  return std::to_string(figure.met()) + " / " + std::to_string(figure.sample());
}

void print_figures(const v1::FiguresAnswer& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& figure : answer.figures()) {
    const std::string scope = figure.scope() + (figure.id().empty() ? "" : " ") + figure.id();
    rows.push_back({figure.metric(), scope, shown(figure), parts(figure),
                    bucketed(figure.has_median_bucketed_s(), figure.median_bucketed_s()),
                    bucketed(figure.has_p90_bucketed_s(), figure.p90_bucketed_s())});
  }
  print_table({"metric", "scope", "value", "of", "median", "p90"}, rows);
  say("as of seq " + std::to_string(answer.seq()) + " of " + answer.ledger());
}

int list_metrics(const MetricsOptions& options) {
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::ListMetrics request;
  request.set_city(options.query.city());
  v1::MetricsAnswer answer;
  if (auto called = client->call(request, answer); !called) return report(called.error());
  if (options.json || options.csv) {
    print_line(options.json ? to_json(answer) : csv_of(answer, "metrics", v1::PUBLIC));
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : answer.metrics()) {
    rows.push_back({metric.metric(), metric.title(), metric.formula(),
                    metric.target_policy().empty()
                        ? ""
                        : metric.target().value() + " (" + metric.target_policy() + ")"});
  }
  print_table({"metric", "title", "formula", "target"}, rows);
  return kExitOk;
}

int show_metrics(MetricsOptions options) {
  if (options.list) return list_metrics(options);
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::FiguresAnswer all;
  do {
    v1::FiguresAnswer page;
    if (auto called = client->call(options.query, page); !called) return report(called.error());
    if (!all.figures().empty() && page.seq() != all.seq()) {
      say("hansa: the city went on from seq " + std::to_string(all.seq()) + " to " +
          std::to_string(page.seq()) + " between two pages");
    }
    all.mutable_figures()->MergeFrom(page.figures());
    all.set_seq(page.seq());
    all.set_ledger(page.ledger());
    options.query.set_page_token(page.next_page_token());
  } while (!options.query.page_token().empty());
  if (options.json) {
    print_line(to_json(all));
  } else if (options.csv) {
    print_line(csv_of(all, "figures", v1::PUBLIC));
  } else {
    print_figures(all);
  }
  return kExitOk;
}

template <typename Set>
void add_text(CLI::App& verb, const std::string& name, const std::string& help, Set set) {
  verb.add_option_function<std::string>(name, set, help);
}

}  // namespace

void add_metrics(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("metrics", "Figures of a city, exact, for any range of days");
  auto options = std::make_shared<MetricsOptions>();
  auto* query = &options->query;
  add_text(*verb, "METRIC", "One figure, like on_time_rate; without it all of them",
           [query](const std::string& text) { query->set_metric(text); });
  verb->add_option_function<std::string>(
          "--city", [query](const std::string& text) { query->set_city(text); }, "The city's id")
      ->required();
  add_text(*verb, "--scope", "city, district, street, unit, service or kind; city",
           [query](const std::string& text) { query->set_scope(text); });
  add_text(*verb, "--id", "Only this one of the scope, like `north` or `north/river-street`",
           [query](const std::string& text) { query->set_id(text); });
  add_text(*verb, "--from", "First local day, like 2025-01-01",
           [query](const std::string& text) { query->set_from(text); });
  add_text(*verb, "--to", "Last local day",
           [query](const std::string& text) { query->set_to(text); });
  verb->add_flag("--list", options->list, "What each figure means");
  verb->add_flag("--csv", options->csv, "A table for spreadsheets");
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa setup setup\n"
              "  hansa metrics --city example\n"
              "  hansa metrics handling_time --city example --scope district --csv");
  verb->callback([&chosen, options] { chosen.run = [options] { return show_metrics(*options); }; });
}

}  // namespace hansa::ops
