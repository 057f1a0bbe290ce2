#include "ops/open_log.h"

#include <algorithm>

#include "core/alliance/identity.h"
#include "ops/cluster.h"
#include "ops/dead_letters.h"
#include "ops/files.h"
#include "ops/keyring_topic.h"
#include "ops/outlet.h"
#include "streams/embedded_log.h"
#include "streams/kafka_log.h"
#include "streams/kafka_leadership.h"
#include "streams/peer_log.h"

namespace hansa::ops {
namespace {

// A node asks again soon.
constexpr int kCheckMs = 5'000;

}  // namespace

streams::KafkaOptions kafka_options(const Config& config) {
  return kafka_options(config, config.log);
}

streams::KafkaOptions kafka_options(const Config& config, const ClusterSettings& cluster) {
  streams::KafkaOptions options;
  options.bootstrap = cluster.bootstrap;
  options.properties = cluster.properties;
  options.properties.emplace("client.id", "hansa-" + config.node.id);
  options.ledgers_max = config.ledgers.size();
  return options;
}

std::vector<streams::Topic> topics_of(const Config& config, const LedgerSettings& row) {
  using enum streams::TopicUse;
  std::vector<streams::Topic> topics = {row.ledger,
                                        {streams::forward_topic(row.ledger), kPassing},
                                        {keyring_topic(row.ledger), kTable},
                                        {kNodesTopic, kTable}};
  if (row.outlet) topics.push_back(outlet_topic(row.ledger));
  for (const auto& alliance : row.feeds) {
    topics.push_back(outlet_topic(share_ledger(alliance, row.ledger.id)));
  }
  for (const auto& inbox : config.inboxes) {
    if (inbox.ledger != row.ledger) continue;
    topics.emplace_back(inbox.topic, kInbox, inbox.personal_in_clear_days);
    topics.emplace_back(dead_topic(row.ledger), kDead);
  }
  return topics;
}

std::vector<streams::Topic> topics_of(const Config& config) {
  std::vector<streams::Topic> topics;
  for (const auto& row : config.ledgers) {
    for (auto& topic : topics_of(config, row)) {
      if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
        topics.push_back(std::move(topic));
      }
    }
  }
  return topics;
}

Result<std::unique_ptr<streams::Log>> open_log(const Config& config, size_t more_ledgers) {
  if (config.log.is_kafka()) {
    auto options = kafka_options(config);
    options.ledgers_max += more_ledgers;
    HANSA_TRY(auto log, streams::KafkaLog::open(options));
    return std::unique_ptr<streams::Log>(std::move(log));
  }
  streams::EmbeddedLogOptions options;
  options.folder = config.node.data_dir + "/log";
  options.fsync = config.log.fsync;
  HANSA_CHECK(make_folders(options.folder, 0700));
  HANSA_TRY(auto log, streams::EmbeddedLog::open(options));
  return std::unique_ptr<streams::Log>(std::move(log));
}

Result<std::unique_ptr<streams::Log>> open_read_log(const Config& config, size_t more_ledgers) {
  const auto open = [](streams::KafkaOptions options) {
    options.reads_only = true;
    return streams::KafkaLog::open(std::move(options));
  };
  auto options = kafka_options(config);
  options.ledgers_max += more_ledgers;
  HANSA_TRY(auto own, open(options));
  streams::PeerLog::Peers peers;
  for (const auto& peer : config.peers) {
    options = kafka_options(config, peer);
    options.ledgers_max = peer.ledgers.size();
    HANSA_TRY(auto theirs, open(options));
    const std::shared_ptr<streams::Log> shared = std::move(theirs);
    for (const auto& ledger : peer.ledgers) peers.emplace(ledger, shared);
  }
  return std::unique_ptr<streams::Log>(
      std::make_unique<streams::PeerLog>(std::move(own), std::move(peers)));
}

Result<void> check_log(const Config& config, const LedgerId& ledger) {
  if (!config.log.is_kafka()) return {};
  auto options = kafka_options(config);
  options.topics_timeout_ms = kCheckMs;
  const auto* row = config.find_ledger(ledger);
  HANSA_TRY(const auto findings,
            streams::check_topics(options, row == nullptr ? std::vector<streams::Topic>{ledger}
                                                          : topics_of(config, *row)));
  if (findings.empty()) return {};
  const std::string more =
      findings.size() == 1 ? "" : " (and " + std::to_string(findings.size() - 1) + " more)";
  return fail(Errc::kBadConfig, findings.front().text() + more);
}

Result<void> prepare_log(const Config& config, const LedgerId& ledger) {
  if (!config.log.is_kafka()) return {};
  if (auto made = streams::create_topics(kafka_options(config), {ledger}); !made) {
    return fail(made.error().code, "making the topic " + ledger.topic() + " of " + ledger.text() +
                                       ": " + made.error().detail);
  }
  return check_log(config, ledger);
}

}  // namespace hansa::ops
