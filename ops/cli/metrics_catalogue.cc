#include <algorithm>
#include <utility>

#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/metrics_catalogue.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kReferenceHead =
    "# Metrics\n\n"
    "Every series of `GET /metrics`; this page is what `hansa metrics-catalogue --markdown` "
    "prints.\n"
    "Each series stands at 0 from the first scrape, and no label takes its value from a caller.\n\n"
    "The law that a series watches is one of these:\n\n";

std::string labels_text(const SeriesInfo& series) {
  std::string text;
  for (const auto* label : series.labels) {
    if (label != nullptr) text += (text.empty() ? "" : ", ") + std::string(label->name);
  }
  return text;
}

// Each label with the first series that has it: two may have one name.
std::vector<std::pair<const SeriesLabel*, std::string_view>> label_list() {
  std::vector<std::pair<const SeriesLabel*, std::string_view>> all;
  for (const auto& series : metrics_catalogue()) {
    for (const auto* label : series.labels) {
      const bool is_known = std::ranges::any_of(
          all, [label](const auto& known) { return known.first == label; });
      if (label != nullptr && !is_known) all.emplace_back(label, series.name);
    }
  }
  return all;
}

std::string row_json(const SeriesInfo& series) {
  std::string labels;
  for (const auto* label : series.labels) {
    if (label == nullptr) continue;
    labels += (labels.empty() ? "" : ",") + json_text(label->name) + ":" +
              json_text(label->values);
  }
  return "{\"name\":" + json_text(series.name) + ",\"type\":" + json_text(type_name(series.type)) +
         ",\"unit\":" + json_text(unit_of(series)) + ",\"labels\":{" + labels +
         "},\"meaning\":" + json_text(series.meaning) + ",\"law\":" + std::to_string(series.law) +
         "}";
}

void print_json() {
  std::string all;
  for (const auto& series : metrics_catalogue()) {
    all += (all.empty() ? "[" : ",\n ") + row_json(series);
  }
  print_line(all + "]");
}

void print_markdown() {
  std::string text(kReferenceHead);
  for (int law = 1; law <= kLaws; ++law) {
    text += std::to_string(law) + ". " + std::string(law_text(law)) + "\n";
  }
  text += "\n| Name | Type | Unit | Labels | Law | Meaning |\n|---|---|---|---|---|---|\n";
  for (const auto& series : metrics_catalogue()) {
    text += "| `" + std::string(series.name) + "` | " + std::string(type_name(series.type)) +
            " | " + std::string(unit_of(series)) + " | " + labels_text(series) + " | " +
            (series.law == 0 ? "" : std::to_string(series.law)) + " | " +
            std::string(series.meaning) + " |\n";
  }
  text += "\nWhere labels take their values from:\n\n| Label | Series | Values |\n|---|---|---|\n";
  for (const auto& [label, example] : label_list()) {
    text += "| " + std::string(label->name) + " | `" + std::string(example) + "`, … | " +
            std::string(label->values) + " |\n";
  }
  print_line(text.substr(0, text.size() - 1));
}

void print_text() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& series : metrics_catalogue()) {
    rows.push_back({std::string(series.name), std::string(type_name(series.type)),
                    std::string(unit_of(series)), labels_text(series),
                    series.law == 0 ? "" : std::to_string(series.law),
                    std::string(series.meaning)});
  }
  print_table({"name", "type", "unit", "labels", "law", "meaning"}, rows);
}

}  // namespace

void add_metrics_catalogue(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("metrics-catalogue",
                                  "Every series that a node shows to Prometheus");
  auto json = std::make_shared<bool>(false);
  auto markdown = std::make_shared<bool>(false);
  auto* as_json = verb->add_flag("--json", *json, "JSON instead of text");
  verb->add_flag("--markdown", *markdown, "The page docs/reference/metrics.md")->excludes(as_json);
  set_example(*verb, "  hansa metrics-catalogue | grep behind");
  verb->callback([&chosen, json, markdown] {
    chosen.run = [json, markdown] {
      *json ? print_json() : *markdown ? print_markdown() : print_text();
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace hansa::ops
