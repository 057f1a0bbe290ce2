#include "core/base/ratio.h"
#include "hansa/v1/evidence_reads.pb.h"
#include "hansa/v1/figures.pb.h"
#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

constexpr int kShownDecimals = 4;

struct PublishOptions {
  v1::PublishMetric city_figure;
  v1::PublishAllianceMetric own_figure;
  std::string alliance;
  std::string metric;
  bool dry_run = false;
  RemoteServer server;
};

struct ListOptions {
  std::string alliance;
  std::string city;
  bool json = false;
  bool dry_run = false;
  RemoteServer server;
};

std::string value_text(const v1::FigureCell& cell) {
  if (!cell.has_value()) return "-";
  const auto value = to_ratio(cell.value());
  if (value) return rounded_text(*value, kShownDecimals);
  return cell.value().numerator() + "/" + cell.value().denominator();
}

// In a city's ledger nobody judges: what it claims is said as a claim.
std::string standing_text(const v1::FigureRecord& record, bool is_citys) {
  switch (record.standing()) {
    case v1::FigureStanding::proved: return "proved";
    case v1::FigureStanding::attested: return "attested";
    case v1::FigureStanding::does_not_follow: return "does not follow";
    default: break;
  }
  if (!is_citys) return "not judged yet";
  return record.figure().claim() == v1::FigureStanding::proved ? "claimed as proved" : "attested";
}

void print_records(const v1::PublishedFiguresAnswer& answer, bool is_citys) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : answer.figures()) {
    const auto& figure = record.figure();
    const auto add = [&](const std::string& scope, const v1::FigureCell& cell,
                         const std::string& word) {
      rows.push_back({record.city(), record.publication(), figure.metric(), scope,
                      figure.from_day() + " to " + figure.to_day(), value_text(cell),
                      std::to_string(cell.sample()), word});
    };
    add(figure.is_suppressed() ? "all (parts too small)" : "all", figure.total(),
        standing_text(record, is_citys));
    for (const auto& cell : figure.cells()) add(figure.scope() + " " + cell.id(), cell, "");
    if (record.difference().empty()) continue;
    say("hansa: " + record.publication() + ": " + record.difference());
  }
  print_table({"city", "id", "metric", "of", "days", "value", "sample", "standing"}, rows);
  say("as of seq " + std::to_string(answer.seq()) + " of " + answer.ledger());
}

template <typename Request>
int list_all(Request request, const ListOptions& options, bool is_citys) {
  request.set_alliance(options.alliance);
  if (options.dry_run) {
    print_line("would ask " + options.server.url + " for " + to_json(request));
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::PublishedFiguresAnswer all;
  do {
    v1::PublishedFiguresAnswer page;
    if (auto called = client->call(request, page); !called) return report(called.error());
    all.mutable_figures()->MergeFrom(page.figures());
    all.set_seq(page.seq());
    all.set_confirmed_seq(page.confirmed_seq());
    all.set_ledger(page.ledger());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (options.json) {
    print_line(to_json(all));
  } else {
    print_records(all, is_citys);
  }
  return kExitOk;
}

int list_figures(const ListOptions& options) {
  if (options.city.empty()) return list_all(v1::ListPublishedFigures(), options, false);
  v1::ListCityFigures request;
  request.set_city(options.city);
  return list_all(std::move(request), options, true);
}

template <typename Request>
int send(Request request, const PublishOptions& options) {
  request.set_alliance(options.alliance);
  request.set_metric(options.metric);
  if (options.dry_run) {
    print_line("would send " + to_json(request));
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::Receipt receipt;
  if (auto done = client->call(request, receipt); !done) return report(done.error());
  print_line(receipt.subject_id() + " is published to " + options.alliance + " with entry " +
             std::to_string(receipt.seq()) + " of " + receipt.ledger() + ", claimed as " +
             receipt.state());
  return kExitOk;
}

int publish_figure(const PublishOptions& options) {
  const auto& figure = options.city_figure;
  const bool has_days = !figure.from_day().empty() && !figure.to_day().empty();
  if (options.own_figure.year() != 0) {
    if (has_days || !figure.city().empty()) {
      return usage("--year is for a figure of the whole alliance; leave --city and the days out");
    }
    return send(options.own_figure, options);
  }
  if (figure.city().empty() || !has_days) {
    return usage("expected --city, --from and --to, or --year for a figure of the alliance");
  }
  return send(figure, options);
}

void add_publish(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("publish", "Publish a figure of a closed period, once");
  auto options = std::make_shared<PublishOptions>();
  auto* figure = &options->city_figure;
  verb->add_option("ALLIANCE", options->alliance, "The alliance")->required();
  verb->add_option("METRIC", options->metric, "Its definition, like on_time_rate@1")->required();
  const auto add_text = [&](const std::string& name, const std::string& help, auto set) {
    verb->add_option_function<std::string>(name, set, help);
  };
  figure->set_scope("city");
  add_text("--city", "The city that publishes",
           [figure](const std::string& text) { figure->set_city(text); });
  add_text("--scope", "city, district, street, unit, service or kind; city",
           [figure](const std::string& text) { figure->set_scope(text); });
  add_text("--from", "First local day, like 2025-01-01",
           [figure](const std::string& text) { figure->set_from_day(text); });
  add_text("--to", "Last local day",
           [figure](const std::string& text) { figure->set_to_day(text); });
  verb->add_option_function<uint32_t>(
      "--year", [options](const uint32_t& year) { options->own_figure.set_year(year); },
      "Of the whole alliance: air_change@1 of this year");
  verb->add_flag("--dry-run", options->dry_run, "Only say what would be sent");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa figure publish delta on_time_rate@1 --city wuxi --from 2025-01-01 "
              "--to 2025-01-31 --dry-run\n"
              "  hansa figure publish delta air_change@1 --year 2015 --dry-run");
  verb->callback(
      [&chosen, options] { chosen.run = [options] { return publish_figure(*options); }; });
}

void add_list(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "list", "What is published: proved, attested, does not follow, or not judged yet");
  auto options = std::make_shared<ListOptions>();
  verb->add_option("ALLIANCE", options->alliance, "The alliance")->required();
  verb->add_option("--city", options->city, "By this city's own ledger");
  verb->add_flag("--json", options->json, "One JSON object");
  verb->add_flag("--dry-run", options->dry_run, "Only say what would be asked");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa figure list delta --dry-run\n"
                     "  hansa figure list delta --city wuxi --dry-run");
  verb->callback(
      [&chosen, options] { chosen.run = [options] { return list_figures(*options); }; });
}

}  // namespace

void add_figure(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("figure", "Published figures, and whether they can be proved");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa figure publish delta air_change@1 --year 2015 --dry-run");
  add_publish(*verb, chosen);
  add_list(*verb, chosen);
}

}  // namespace hansa::ops
