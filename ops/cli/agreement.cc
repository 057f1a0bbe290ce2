#include "core/alliance/agreement.h"

#include "core/base/schema.h"
#include "core/metrics/metric.h"
#include "ops/cli/cli.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

constexpr uint32_t kHeartbeatS = 60;

std::string fields_left_out(const v1::Grant& grant, const std::vector<GrantedField>& granted) {
  std::string text;
  const auto* event = find_city_event(grant.event());
  for (int i = 0; i < event->field_count(); ++i) {
    const auto* field = event->field(i);
    const bool leaves = std::any_of(granted.begin(), granted.end(), [&](const GrantedField& one) {
      return one.path.front() == field;
    });
    if (!leaves) text += (text.empty() ? "" : ", ") + field->name();
  }
  return text;
}

Result<void> print_grant(const v1::Grant& grant) {
  HANSA_TRY(const auto granted, granted_fields(grant));
  print_line("\nOf every " + grant.event() + " these fields leave a city that ratifies:");
  std::vector<std::vector<std::string>> rows;
  for (const auto& field : granted) {
    rows.push_back({"  " + field.name, v1::DataClass_Name(field.data_class)});
  }
  print_table({"  FIELD", "CLASS"}, rows);
  const std::string kept = fields_left_out(grant, granted);
  if (!kept.empty()) print_line("  Not these: " + kept + ".");
  return {};
}

std::string validity_text(const v1::Agreement& agreement) {
  std::string text = agreement.valid_from_time_us() == 0
                         ? "It holds from the moment it is in force"
                         : "It holds from " + time_text(agreement.valid_from_time_us());
  return text + (agreement.valid_until_time_us() == 0
                     ? " until it is ended."
                     : " until " + time_text(agreement.valid_until_time_us()) + ".");
}

Result<void> print_in_words(const v1::Agreement& agreement) {
  print_line("Purpose: " + agreement.purpose());
  for (const auto& grant : agreement.grants()) HANSA_CHECK(print_grant(grant));
  for (const auto& grant : agreement.metrics()) {
    HANSA_TRY(const auto* metric, find_metric(grant.metric()));
    std::string scopes;
    for (const auto& scope : grant.scopes()) scopes += (scopes.empty() ? "" : ", ") + scope;
    print_line("\nThe figure \"" + std::string(metric->title) + "\" (" + grant.metric() +
               ", version " + std::to_string(metric->version) + ") is published by: " + scopes +
               ".");
  }
  const uint32_t heartbeat_s = agreement.heartbeat_s() == 0 ? kHeartbeatS
                                                            : agreement.heartbeat_s();
  print_line("\nWho reads: the members that ratified this version. Those who ratify later " +
             std::string(agreement.shares_past() ? "may" : "may not") +
             " read what was shared before.");
  print_line("Nothing else leaves: no name, phone number, e-mail address or account, and no text "
             "that is sealed.");
  print_line("What the stream discloses besides: how many entries a city made, and when; it is "
             "never silent for more than " + std::to_string(heartbeat_s) + " s.");
  print_line(validity_text(agreement));
  print_line("\nCities ratify exactly this text, as SHA-256 " + agreement_sha256(agreement));
  return {};
}

int check(const std::string& file, bool json) {
  const auto text = read_file(file);
  if (!text) return report(text.error());
  v1::Agreement agreement;
  if (auto read = from_json(*text, agreement); !read) return report(read.error());
  if (auto valid = validate(agreement); !valid) return report(valid.error());
  if (auto checked = check_agreement(agreement); !checked) return report(checked.error());
  if (json) {
    print_line("{\"sha256\":" + json_text(agreement_sha256(agreement)) + ",\"agreement\":" +
               to_json(agreement) + "}");
    return kExitOk;
  }
  if (auto printed = print_in_words(agreement); !printed) return report(printed.error());
  return kExitOk;
}

}  // namespace

void add_agreement(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("agreement", "What the cities of an alliance share");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                      "  hansa agreement check delta/agreement.json");
  auto* checked = verb->add_subcommand(
      "check", "Which fields of which events would leave a city, in words; or what is wrong");
  auto file = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  checked->add_option("FILE", *file, "The agreement as JSON")->required();
  checked->add_flag("--json", *json, "One JSON object: sha256, agreement");
  set_example(*checked, "  hansa init alliance delta --dir delta\n"
                      "  hansa agreement check delta/agreement.json");
  checked->callback([&chosen, file, json] {
    chosen.run = [file, json] { return check(*file, *json); };
  });
}

}  // namespace hansa::ops
