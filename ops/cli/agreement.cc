#include "core/alliance/agreement.h"

#include <algorithm>

#include "core/base/schema.h"
#include "hansa/v1/affiliation.pb.h"
#include "hansa/v1/affiliation_reads.pb.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/confirmed.h"
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

Result<void> print_grant(const v1::Grant& grant, const std::string& leaver) {
  HANSA_TRY(const auto granted, granted_fields(grant));
  print_line("\nOf every " + grant.event() + " these fields leave " + leaver + ":");
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

// `city` may be empty: any.
Result<void> print_in_words(const v1::Agreement& agreement, const std::string& city) {
  const std::string leaver = city.empty() ? "a city that ratifies" : city + " once it ratifies";
  print_line("Purpose: " + agreement.purpose());
  for (const auto& grant : agreement.grants()) HANSA_CHECK(print_grant(grant, leaver));
  for (const auto& grant : agreement.metrics()) {
    HANSA_TRY(const auto figure, granted_figure(grant));
    std::string scopes;
    for (const auto& scope : grant.scopes()) scopes += (scopes.empty() ? "" : ", ") + scope;
    print_line("\nThe figure \"" + std::string(figure.title) + "\" (" + std::string(figure.id) +
               ", version " + std::to_string(figure.version) + ") is published by: " + scopes +
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

// Those that may ratify; by name.
Result<std::vector<v1::Member>> members_of(Client& client, const std::string& alliance) {
  v1::ListMembers request;
  request.set_alliance(alliance);
  std::vector<v1::Member> members;
  HANSA_CHECK(client.call_all<v1::MembersAnswer>(request, [&](auto& page) -> Result<void> {
    for (auto& member : page.members()) {
      if (member.membership() == v1::Membership::admitted ||
          member.membership() == v1::Membership::suspended) {
        members.push_back(member);
      }
    }
    return {};
  }));
  return members;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out.empty() ? "nobody" : out;
}

struct CheckOptions {
  std::string file;
  std::string city;
  std::string alliance;
  bool json = false;
  RemoteServer server;
};

Result<void> print_members(const CheckOptions& options) {
  HANSA_TRY(auto client, connect(options.server));
  HANSA_TRY(const auto members, members_of(client, options.alliance));
  std::vector<std::string> cities;
  for (const auto& member : members) cities.push_back(member.city());
  print_line("\nWho may ratify it in " + options.alliance + ", and then shares and reads: " +
             joined(cities) + ". It is in force when " + std::to_string((cities.size() + 1) / 2) +
             " of these " + std::to_string(cities.size()) + " have ratified it.");
  return {};
}

int check(const CheckOptions& options) {
  const auto agreement = read_agreement(options.file);
  if (!agreement) return report(agreement.error());
  if (options.json) {
    print_line("{\"sha256\":" + json_text(agreement_sha256(*agreement)) + ",\"agreement\":" +
               to_json(*agreement) + "}");
    return kExitOk;
  }
  auto printed = print_in_words(*agreement, options.city);
  if (printed && !options.alliance.empty()) printed = print_members(options);
  return printed ? kExitOk : report(printed.error());
}

struct StatusOptions {
  std::string alliance;
  bool dry_run = false;
  bool json = false;
  RemoteServer server;
};

struct Ratifiers {
  std::vector<std::string> have;
  std::vector<std::string> have_not;
};

Ratifiers ratifiers_of(const v1::AgreementVersion& version,
                       const std::vector<v1::Member>& members) {
  Ratifiers split;
  for (const auto& member : members) {
    const auto& ratified = member.ratified();
    const bool has = std::find(ratified.begin(), ratified.end(), version.version()) !=
                     ratified.end();
    (has ? split.have : split.have_not).push_back(member.city());
  }
  return split;
}

std::string names_json(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ",") + json_text(name);
  return "[" + out + "]";
}

void print_version(const v1::AgreementVersion& version, const std::vector<v1::Member>& members,
                   bool json) {
  const auto split = ratifiers_of(version, members);
  const auto state = v1::AgreementState::Value_Name(version.state());
  if (json) {
    print_line("{\"version\":" + std::to_string(version.version()) + ",\"state\":" +
               json_text(state) + ",\"sha256\":" + json_text(version.sha256()) +
               ",\"ratified\":" + names_json(split.have) + ",\"not_ratified\":" +
               names_json(split.have_not) + "}");
    return;
  }
  print_line("version " + std::to_string(version.version()) + "  " + state + "  since " +
             time_text(version.changed_time_us()) + "  SHA-256 " + version.sha256());
  print_line("  ratified:     " + joined(split.have));
  print_line("  not ratified: " + joined(split.have_not));
}

int status(const StatusOptions& options) {
  if (options.dry_run) {
    print_line("would read " + options.server.url + "/v1/alliances/" + options.alliance +
               "/agreements, and the members beside it");
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto members = members_of(*client, options.alliance);
  if (!members) return report(members.error());
  v1::ListAgreements request;
  request.set_alliance(options.alliance);
  auto read = client->call_all<v1::AgreementsAnswer>(request, [&](auto& page) -> Result<void> {
    for (const auto& version : page.agreements()) print_version(version, *members, options.json);
    if (page.next_page_token().empty()) {
      say("as of entry " + std::to_string(page.seq()) + " of " + page.ledger() + ", " +
          confirmed_text(page.seq(), page.confirmed_seq()));
    }
    return {};
  });
  return read ? kExitOk : report(read.error());
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
    auto printed = print_in_words(*agreement, options.city);
    return printed ? kExitOk : report(printed.error());
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

void add_check(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand(
      "check", "Which fields of which events would leave a city, in words; or what is wrong");
  auto options = std::make_shared<CheckOptions>();
  verb->add_option("FILE", options->file, "The agreement as JSON")->required();
  verb->add_option("--city", options->city, "In the words of this city");
  verb->add_option("--alliance", options->alliance,
                   "Asks the server who its members are, and names them");
  verb->add_flag("--json", options->json, "One JSON object: sha256, agreement");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                     "  hansa agreement check delta/agreement.json --city example");
  verb->callback([&chosen, options] { chosen.run = [options] { return check(*options); }; });
}

void add_status(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand("status", "Each version: who has ratified it, who has not");
  auto options = std::make_shared<StatusOptions>();
  verb->add_option("ALLIANCE", options->alliance, "The alliance")->required();
  verb->add_flag("--dry-run", options->dry_run, "Only says what would be read");
  verb->add_flag("--json", options->json, "One JSON object a version");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa agreement status delta --dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return status(*options); }; });
}

}  // namespace

void add_agreement(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("agreement", "What the cities of an alliance share");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa init alliance delta --dir delta\n"
                      "  hansa agreement check delta/agreement.json");
  add_check(*verb, chosen);
  add_status(*verb, chosen);
  add_ratify(*verb, chosen);
}

}  // namespace hansa::ops
