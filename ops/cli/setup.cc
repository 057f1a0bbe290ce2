#include "ops/setup.h"

#include "core/base/ids.h"
#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct SetupOptions {
  std::string folder;
  bool dry_run = false;
  bool json = false;
  RemoteServer server;
};

// Reads a list page by page into `rows`.
template <typename Request, typename Answer, typename Row>
Result<void> read_all(Client& client, const std::string& city,
                      google::protobuf::RepeatedPtrField<Row>* (Answer::*rows_of)(),
                      std::vector<Row>& rows) {
  Request request;
  request.set_city(city);
  return client.call_all<Answer>(request, [&](Answer& answer) -> Result<void> {
    for (auto& row : *(answer.*rows_of)()) rows.push_back(std::move(row));
    return {};
  });
}

Result<CityNow> read_city_now(Client& client, const std::string& city) {
  CityNow now;
  v1::GetCity request;
  request.set_city(city);
  v1::CityAnswer answer;
  auto known = client.call(request, answer);
  // Not founded yet: there is nothing to compare with.
  if (!known && known.error().code == Errc::kUnknownCity) return now;
  if (!known) return fail(known.error());
  now.city = answer.city();
  if (now.city.founded_time_us() == 0) return now;
  HANSA_CHECK((read_all<v1::ListDistricts>(client, city, &v1::DistrictsAnswer::mutable_districts,
                                           now.districts)));
  HANSA_CHECK(
      (read_all<v1::ListUnits>(client, city, &v1::UnitsAnswer::mutable_units, now.units)));
  HANSA_CHECK((read_all<v1::ListServices>(client, city, &v1::ServicesAnswer::mutable_services,
                                          now.services)));
  v1::ListPolicies policies;
  policies.set_city(city);
  v1::PoliciesAnswer in_force;
  HANSA_CHECK(client.call(policies, in_force));
  now.policies.assign(in_force.policies().begin(), in_force.policies().end());
  return now;
}

// True: entered; false: the city had it already, although what was read did not show it yet.
Result<bool> enter(Client& client, const google::protobuf::Message& command, Seq& last_seq) {
  v1::Receipt receipt;
  auto entered = client.call(command, receipt);
  if (!entered && entered.error().code == Errc::kAlreadyExists) return false;
  if (!entered) return fail(entered.error());
  last_seq = std::max<Seq>(last_seq, receipt.seq());
  return !receipt.entry_sha256().empty();
}

// What comes next sees what was entered here.
void wait_until_shown(Client& client, const std::string& city, Seq seq) {
  if (seq == 0) return;
  const auto shown = client.call(*find_method("GetCity"), "{\"city\":" + json_text(city) +
                                                              ",\"at_least\":\"" +
                                                              std::to_string(seq) + "\"}");
  if (!shown) say("hansa: entered, but not readable yet: " + shown.error().detail);
}

int setup(const SetupOptions& options) {
  auto wanted = read_setup(options.folder);
  if (!wanted) return report(wanted.error());
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto now = read_city_now(*client, wanted->city);
  if (!now) return report(now.error());
  size_t changed = 0;
  size_t unchanged = 0;
  Seq last_seq = 0;
  std::string json;
  for (const auto& command : wanted->commands) {
    bool same = says_the_same(*command, *now);
    if (!same && !options.dry_run) {
      const auto entered = enter(*client, *command, last_seq);
      if (!entered) {
        say("hansa: refused at " + subject_of(*command) + "; what stands above is entered");
        return report(entered.error());
      }
      same = !*entered;
    }
    ++(same ? unchanged : changed);
    const std::string outcome = same ? "unchanged" : options.dry_run ? "would change" : "changed";
    if (options.json) {
      json += (json.empty() ? "[" : ",\n ") + ("{\"subject\":" + json_text(subject_of(*command))) +
              ",\"outcome\":" + json_text(outcome) + "}";
    } else {
      print_line(outcome + "  " + subject_of(*command));
    }
  }
  if (options.json) print_line(json + "]");
  wait_until_shown(*client, wanted->city, last_seq);
  say(wanted->city + ": " + std::to_string(changed) +
      (options.dry_run ? " would change, " : " changed, ") + std::to_string(unchanged) +
      " unchanged");
  return kExitOk;
}

}  // namespace

void add_setup(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "setup", "Founds a city from a folder of CSV files; running it again changes nothing");
  auto options = std::make_shared<SetupOptions>();
  verb->add_option("DIR", options->folder,
                   "Folder with city.yaml, calendar.yaml, grid.csv, units.csv and services.csv; "
                   "`hansa init` writes one")
      ->required();
  verb->add_flag("--dry-run", options->dry_run, "Only says what would change");
  verb->add_flag("--json", options->json, "A JSON list instead of lines");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa setup setup --dry-run\n  hansa setup setup");
  verb->callback([&chosen, options] { chosen.run = [options] { return setup(*options); }; });
}

}  // namespace hansa::ops
