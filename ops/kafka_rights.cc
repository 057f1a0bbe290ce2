#include "ops/kafka_rights.h"

#include <algorithm>

#include "core/alliance/identity.h"
#include "ops/keyring_topic.h"
#include "ops/open_log.h"
#include "streams/kafka_leadership.h"

namespace hansa::ops {
namespace {

using Operations = std::vector<std::string>;

const Operations kReads = {"Read"};
const Operations kTakes = {"Read", "DescribeConfigs"};
const Operations kKeeps = {"Read", "Write", "DescribeConfigs"};
const Operations kMakes = {"Create", "Read", "Write", "DescribeConfigs"};

const std::string& bootstrap_of(const Config& config, const LedgerId& ledger) {
  for (const auto& peer : config.peers) {
    const bool is_theirs =
        std::find(peer.ledgers.begin(), peer.ledgers.end(), ledger) != peer.ledgers.end();
    if (is_theirs) return peer.bootstrap;
  }
  return config.log.bootstrap;
}

void add(std::vector<KafkaRight>& rights, KafkaRight right) {
  const auto is_known = [&](const KafkaRight& other) {
    return other.bootstrap == right.bootstrap && other.kind == right.kind &&
           other.name == right.name;
  };
  if (std::none_of(rights.begin(), rights.end(), is_known)) rights.push_back(std::move(right));
}

void add_share(const Config& config, const LedgerId& share, std::vector<KafkaRight>& rights) {
  const auto slash = share.id.find('/');
  const LedgerId city{std::string(kCityKind), share.id.substr(slash + 1)};
  const LedgerId alliance{std::string(kAllianceKind), share.id.substr(0, slash)};
  const bool is_kept = config.find_ledger(city) != nullptr;
  add(rights, {bootstrap_of(config, share), "topic", share.topic(), is_kept ? kMakes : kReads});
  add(rights, {bootstrap_of(config, alliance), "topic", alliance.topic(), kReads});
}

}  // namespace

std::vector<KafkaRight> rights_of(const Config& config, const std::vector<LedgerId>& shares) {
  std::vector<KafkaRight> rights;
  const auto& own = config.log.bootstrap;
  std::vector<std::string> only_read;
  for (const auto& inbox : config.inboxes) only_read.push_back(inbox.topic);
  for (const auto& row : config.ledgers) {
    // An alliance knows no persons.
    if (row.ledger.kind == kAllianceKind) only_read.push_back(keyring_topic(row.ledger));
  }
  for (const auto& topic : topics_of(config)) {
    const bool takes =
        std::find(only_read.begin(), only_read.end(), topic.name) != only_read.end();
    add(rights, {own, "topic", topic.name, takes ? kTakes : kKeeps});
  }
  for (const auto& row : config.ledgers) {
    for (const auto& alliance : row.feeds) {
      add_share(config, share_ledger(alliance, row.ledger.id), rights);
    }
  }
  for (const auto& peer : config.peers) {
    for (const auto& ledger : peer.ledgers) {
      add(rights, {peer.bootstrap, "topic", ledger.topic(), kReads});
    }
  }
  for (const auto& share : shares) add_share(config, share, rights);
  add(rights, {own, "group", streams::kLeadersGroup, kReads});
  return rights;
}

std::vector<KafkaRight> rights_to_create(const Config& config) {
  std::vector<KafkaRight> rights;
  for (const auto& topic : topics_of(config)) {
    add(rights, {config.log.bootstrap, "topic", topic.name,
                 {"Create", "Describe", "DescribeConfigs"}});
  }
  return rights;
}

std::string command_text(const KafkaRight& right, const std::string& principal) {
  std::string text = "kafka-acls.sh --bootstrap-server " + right.bootstrap +
                     " --add --allow-principal " + principal;
  for (const auto& operation : right.operations) text += " --operation " + operation;
  return text + " --" + right.kind + " " + right.name;
}

}  // namespace hansa::ops
