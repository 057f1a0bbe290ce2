#include "hansa/v1/inbox.pb.h"
#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

struct DeadOptions {
  std::string city;
  std::string letter;
  bool all = false;
  bool json = false;
  RemoteServer server;
};

int list(const DeadOptions& options) {
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::ListDeadLetters request;
  request.set_city(options.city);
  v1::LettersAnswer answer;
  if (auto listed = client->call(request, answer); !listed) return report(listed.error());
  if (options.json) {
    print_line(to_json(answer));
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& letter : answer.letters()) {
    rows.push_back({letter.letter(), letter.reason(), letter.pointer(),
                    time_text(letter.time_us() / 1'000'000 * 1'000'000),
                    letter.sha256().substr(0, 12), letter.retry_asked() ? "asked for" : ""});
  }
  if (!rows.empty()) print_table({"LETTER", "REASON", "FIELD", "SINCE", "SHA-256", "RETRY"}, rows);
  say(std::to_string(answer.open()) + " open");
  return kExitOk;
}

template <typename Request>
Result<v1::LetterShown> act_on(Client& client, const DeadOptions& options,
                               const std::string& letter) {
  Request request;
  request.set_city(options.city);
  request.set_letter(letter);
  v1::LetterShown shown;
  HANSA_CHECK(client.call(request, shown));
  return shown;
}

// Each that is open now. One that went meanwhile, by itself or by somebody else, is no failure.
template <typename Request>
int act_on_all(Client& client, const DeadOptions& options, const std::string& done) {
  v1::ListDeadLetters request;
  request.set_city(options.city);
  v1::LettersAnswer open;
  if (auto listed = client.call(request, open); !listed) return report(listed.error());
  size_t count = 0;
  for (const auto& letter : open.letters()) {
    auto shown = act_on<Request>(client, options, letter.letter());
    if (!shown && shown.error().code == Errc::kUnknownCode) continue;
    if (!shown) return report(shown.error());
    if (options.json) print_line(to_json(*shown));
    ++count;
  }
  if (!options.json) print_line(std::to_string(count) + " of " + std::to_string(open.open()) +
                                ": " + done);
  return kExitOk;
}

template <typename Request>
int act(const DeadOptions& options, const std::string& done) {
  if (options.all != options.letter.empty()) {
    return report({Errc::kBadRequest, "expected one LETTER or --all"});
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  if (options.all) return act_on_all<Request>(*client, options, done);
  auto answered = act_on<Request>(*client, options, options.letter);
  if (!answered) return report(answered.error());
  const auto& shown = *answered;
  if (options.json || done.empty()) {
    print_line(to_json(shown));
  } else {
    print_line(shown.letter() + ": " + done);
  }
  return kExitOk;
}

template <typename Request>
void add_act(CLI::App& parent, Chosen& chosen, std::shared_ptr<DeadOptions> options,
             const std::string& name, const std::string& summary, const std::string& done) {
  auto* verb = parent.add_subcommand(name, summary);
  verb->add_option("LETTER", options->letter, "As `hansa dead list` names it");
  if (!done.empty()) verb->add_flag("--all", options->all, "All that are open");
  verb->add_option("--city", options->city, "The city")->required();
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa dead list --city example");
  verb->callback([&chosen, options, done] {
    chosen.run = [options, done] { return act<Request>(*options, done); };
  });
}

}  // namespace

void add_dead(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("dead", "Records of inboxes that were not taken");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa dead list --city example");
  auto options = std::make_shared<DeadOptions>();
  auto* listed = verb->add_subcommand("list", "Those that are open, the oldest of each first");
  listed->add_option("--city", options->city, "The city")->required();
  listed->add_flag("--json", options->json, "The whole answer as JSON");
  add_remote_server(*listed, options->server);
  set_example(*listed, "  hansa dead list --city example");
  listed->callback([&chosen, options] { chosen.run = [options] { return list(*options); }; });
  add_act<v1::GetDeadLetter>(*verb, chosen, options, "show",
                             "One of them: what was wrong, and the record as it came", "");
  add_act<v1::RetryDeadLetter>(*verb, chosen, options, "retry",
                               "Has it tried again; what waits behind it follows",
                               "will be tried again");
  add_act<v1::DropDeadLetter>(*verb, chosen, options, "drop",
                              "Gives it up; what waits behind it is tried", "given up");
}

}  // namespace hansa::ops
