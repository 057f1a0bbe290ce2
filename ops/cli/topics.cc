#include "ops/cli/cli.h"
#include "ops/json.h"
#include "ops/kafka_rights.h"
#include "ops/open_log.h"
#include "streams/kafka_topics.h"

namespace hansa::ops {
namespace {

struct TopicsOptions {
  std::string config = "hansa.yaml";
  bool json = false;
  std::string principal = "User:hansa";
  std::string creator;
  std::vector<std::string> shares;
};

Result<Config> kafka_config(const TopicsOptions& options) {
  HANSA_TRY(auto config, read_config(options.config, process_environment()));
  if (config.log.is_kafka()) return config;
  return fail(Errc::kBadConfig, options.config + ": log.kind: expected `kafka`, got `" +
                                    config.log.kind + "`: an embedded log has no topics");
}

int create(const TopicsOptions& options) {
  const auto config = kafka_config(options);
  if (!config) return report(config.error());
  const auto made = streams::create_topics(kafka_options(*config), topics_of(*config));
  if (!made) return report(made.error());
  for (const auto& topic : *made) print_line("made " + topic);
  const size_t there = topics_of(*config).size() - made->size();
  if (there > 0) print_line(std::to_string(there) + " stood there already");
  return kExitOk;
}

std::string finding_json(const streams::TopicFinding& finding) {
  return "{\"topic\":" + json_text(finding.topic) +
         ",\"setting\":" + json_text(finding.setting) +
         ",\"expected\":" + json_text(finding.expected) +
         ",\"found\":" + json_text(finding.found) + ",\"mend\":" + json_text(finding.mend) + "}";
}

int check(const TopicsOptions& options) {
  const auto config = kafka_config(options);
  if (!config) return report(config.error());
  const auto findings = streams::check_topics(kafka_options(*config), topics_of(*config));
  if (!findings) return report(findings.error());
  for (const auto& finding : *findings) {
    print_line(options.json ? finding_json(finding) : finding.text());
  }
  if (!findings->empty()) {
    return report(Error{Errc::kBadConfig, std::to_string(findings->size()) +
                                              " settings are not as ledgers need them; a ledger "
                                              "on such a topic is not served"});
  }
  if (!options.json) print_line(std::to_string(topics_of(*config).size()) + " topics: ok");
  return kExitOk;
}

std::string right_json(const KafkaRight& right, const std::string& principal) {
  std::string operations;
  for (const auto& one : right.operations) {
    operations += (operations.empty() ? "" : ",") + json_text(one);
  }
  return "{\"bootstrap\":" + json_text(right.bootstrap) + ",\"principal\":" +
         json_text(principal) + ",\"kind\":" + json_text(right.kind) + ",\"name\":" +
         json_text(right.name) + ",\"operations\":[" + operations + "]}";
}

int acls(const TopicsOptions& options) {
  const auto config = kafka_config(options);
  if (!config) return report(config.error());
  std::vector<LedgerId> shares;
  for (const auto& text : options.shares) {
    const auto share = LedgerId::parse("share/" + text);
    if (!share) return usage("expected --share ALLIANCE/CITY, like delta/wuxi, got `" + text + "`");
    shares.push_back(*share);
  }
  const auto print = [&](const std::vector<KafkaRight>& rights, const std::string& principal) {
    for (const auto& right : rights) {
      print_line(options.json ? right_json(right, principal) : command_text(right, principal));
    }
  };
  print(rights_of(*config, shares), options.principal);
  if (!options.creator.empty()) print(rights_to_create(*config), options.creator);
  return kExitOk;
}

void add_acls(CLI::App& topics, Chosen& chosen, const std::shared_ptr<TopicsOptions>& options) {
  auto* verb = topics.add_subcommand(
      "acls", "Lists the rights that a node needs at the brokers, one command of Kafka each");
  verb->add_option("--config", options->config, "The configuration")->capture_default_str();
  verb->add_option("--principal", options->principal, "Whom the brokers know the node as")
      ->capture_default_str();
  verb->add_option("--creator", options->creator,
                   "Whoever makes and checks the topics: lists their rights, too");
  verb->add_option("--share", options->shares,
                   "ALLIANCE/CITY, several times: what a city of this node shares with an "
                   "alliance, or what an alliance of this node reads");
  verb->add_flag("--json", options->json, "One JSON object a right");
  set_example(*verb, "  hansa topics acls --config hansa-kafka.yaml --share delta/example");
  verb->callback([&chosen, options] { chosen.run = [options] { return acls(*options); }; });
}

}  // namespace

void add_topics(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("topics", "The Kafka topics of the configured ledgers");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa topics create --config hansa-kafka.yaml\n"
                     "  hansa topics check --config hansa-kafka.yaml");
  auto options = std::make_shared<TopicsOptions>();
  auto* made = verb->add_subcommand("create", "Makes those that are not there");
  auto* checked = verb->add_subcommand("check", "Says what is wrong and what mends it");
  for (auto* one : {made, checked}) {
    one->add_option("--config", options->config, "The configuration")->capture_default_str();
  }
  checked->add_flag("--json", options->json, "One JSON object a finding");
  set_example(*made, "  hansa topics create --config hansa-kafka.yaml");
  set_example(*checked, "  hansa topics create --config hansa-kafka.yaml\n"
                        "  hansa topics check --config hansa-kafka.yaml");
  add_acls(*verb, chosen, options);
  made->callback([&chosen, options] { chosen.run = [options] { return create(*options); }; });
  checked->callback([&chosen, options] { chosen.run = [options] { return check(*options); }; });
}

}  // namespace hansa::ops
