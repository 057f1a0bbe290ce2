#include "core/alliance/agreement.h"

#include "core/base/schema.h"
#include "core/metrics/metric.h"
#include "hansa/v1/affiliation.pb.h"
#include "hansa/v1/affiliation_reads.pb.h"
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

Result<v1::Agreement> read_agreement(const std::string& file) {
  HANSA_TRY(const auto text, read_file(file));
  v1::Agreement agreement;
  HANSA_CHECK(from_json(text, agreement));
  HANSA_CHECK(validate(agreement));
  HANSA_CHECK(check_agreement(agreement));
  return agreement;
}

int check(const std::string& file, bool json) {
  const auto agreement = read_agreement(file);
  if (!agreement) return report(agreement.error());
  if (json) {
    print_line("{\"sha256\":" + json_text(agreement_sha256(*agreement)) + ",\"agreement\":" +
               to_json(*agreement) + "}");
    return kExitOk;
  }
  if (auto printed = print_in_words(*agreement); !printed) return report(printed.error());
  return kExitOk;
}

struct RatifyOptions {
  std::string file;
  std::string city;
  std::string alliance;
  bool dry_run = false;
  RemoteServer server;
};

// The version that the city has heard of with exactly this text.
Result<uint32_t> find_version(Client& client, const RatifyOptions& options,
                              const std::string& sha256) {
  v1::ListHeardAgreements request;
  request.set_city(options.city);
  request.set_alliance(options.alliance);
  v1::HeardAgreementsAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  std::string heard;
  for (const auto& row : answer.agreements()) {
    if (row.sha256() == sha256) return row.version();
    heard += "; version " + std::to_string(row.version()) + " has " + row.sha256();
  }
  return fail(Errc::kAgreementDiffers, "no version that " + options.city + " has heard of is " +
                                           options.file + ", whose SHA-256 is " + sha256 +
                                           (heard.empty() ? "; none was heard of yet" : heard));
}

// What is ratified is what was read: the text of the file, not whatever a server shows.
int ratify(const RatifyOptions& options) {
  const auto agreement = read_agreement(options.file);
  if (!agreement) return report(agreement.error());
  const std::string sha256 = agreement_sha256(*agreement);
  if (options.dry_run) {
    if (auto printed = print_in_words(*agreement); !printed) return report(printed.error());
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto version = find_version(*client, options, sha256);
  if (!version) return report(version.error());
  v1::RatifyAgreement request;
  request.set_city(options.city);
  request.set_alliance(options.alliance);
  request.set_version(*version);
  request.set_sha256(sha256);
  v1::Receipt receipt;
  if (auto done = client->call(request, receipt); !done) return report(done.error());
  print_line(options.city + " has ratified version " + std::to_string(*version) +
             " of the agreement of " + options.alliance + " with entry " +
             std::to_string(receipt.seq()) + " of its ledger");
  return kExitOk;
}

void add_ratify(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("ratify", "Ratifies exactly the text of a file");
  auto options = std::make_shared<RatifyOptions>();
  verb->add_option("FILE", options->file, "The agreement as JSON")->required();
  verb->add_option("--city", options->city, "The city that ratifies")->required();
  verb->add_option("--alliance", options->alliance, "The alliance")->required();
  verb->add_flag("--dry-run", options->dry_run, "Only says what would leave the city");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                     "  hansa agreement ratify delta/agreement.json --city example --alliance "
                     "delta --dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return ratify(*options); }; });
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
  add_ratify(*verb, chosen);
  checked->callback([&chosen, file, json] {
    chosen.run = [file, json] { return check(*file, *json); };
  });
}

}  // namespace hansa::ops
