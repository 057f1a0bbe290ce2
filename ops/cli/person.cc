#include "core/base/ids.h"
#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct PersonOptions {
  std::string city;
  std::string phone;
  std::string email;
  std::string person;
  bool dry_run = false;
  bool json = false;
  RemoteServer server;
};

int find_persons(const PersonOptions& options) {
  if (options.phone.empty() && options.email.empty()) {
    return usage("expected --phone or --email");
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::FindPersons request;
  request.set_city(options.city);
  request.set_phone(options.phone);
  request.set_email(options.email);
  v1::PersonsAnswer answer;
  if (auto found = client->call(request, answer); !found) return report(found.error());
  if (options.json) {
    print_line(to_json(answer));
  } else {
    for (const auto& person : answer.persons()) print_line(person);
  }
  say(std::to_string(answer.persons_size()) + " found");
  return kExitOk;
}

int erase_person(const PersonOptions& options) {
  if (!parse_hex<PersonId>(options.person)) {
    return usage("expected a person id of 32 hexadecimal digits; `hansa person find` gives it");
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  if (options.dry_run) {
    v1::ListCases request;
    request.set_city(options.city);
    request.set_reporter(options.person);
    request.set_page_size(1000);
    v1::CasesAnswer answer;
    if (auto found = client->call(request, answer); !found) return report(found.error());
    print_line("would destroy the key of " + options.person + ", the reporter of " +
               std::to_string(answer.cases_size()) +
               (answer.next_page_token().empty() ? "" : " or more") +
               " cases; their personal texts could then never be read again");
    return kExitOk;
  }
  v1::ErasePerson request;
  request.set_city(options.city);
  request.set_person(options.person);
  v1::Receipt receipt;
  if (auto erased = client->call(request, receipt); !erased) return report(erased.error());
  print_line(to_json(receipt));
  return kExitOk;
}

}  // namespace

void add_person(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("person", "The persons behind reports: find, erase");
  verb->require_subcommand(0, 1);
  set_example(*verb,
              "  hansa setup setup\n"
              "  hansa person find --city example --phone '+86 512 0000 0000'");
  auto options = std::make_shared<PersonOptions>();

  auto* find = verb->add_subcommand("find", "Person ids known for a phone number or address");
  find->add_option("--city", options->city, "The city")->required();
  find->add_option("--phone", options->phone, "Phone number");
  find->add_option("--email", options->email, "E-mail address");
  find->add_flag("--json", options->json, "The whole answer as JSON");
  add_remote_server(*find, options->server);
  set_example(*find,
              "  hansa setup setup\n"
              "  hansa person find --city example --phone '+86 512 0000 0000'");
  find->callback([&chosen, options] { chosen.run = [options] { return find_persons(*options); }; });

  auto* erase = verb->add_subcommand(
      "erase", "Destroys a person's key: what was sealed for them can never be read again");
  erase->add_option("PERSON", options->person, "Person id, 32 hexadecimal digits")->required();
  erase->add_option("--city", options->city, "The city")->required();
  erase->add_flag("--dry-run", options->dry_run, "Only says what would happen");
  add_remote_server(*erase, options->server);
  set_example(*erase,
              "  hansa setup setup\n"
              "  hansa person erase 00112233445566778899aabbccddeeff --city example --dry-run");
  erase->callback(
      [&chosen, options] { chosen.run = [options] { return erase_person(*options); }; });
}

}  // namespace hansa::ops
