#include "streams/kafka_topics.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>

namespace hansa::streams {
namespace {

constexpr int kCopies = 3;
constexpr int kCopiesInSync = 2;

struct FreeQueue {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct FreeEvent {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct FreeNewTopic {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
struct FreeResource {
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
};
struct FreeOptions {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};
struct FreeMetadata {
  void operator()(const rd_kafka_metadata_t* all) const { rd_kafka_metadata_destroy(all); }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, FreeQueue>;
using Event = std::unique_ptr<rd_kafka_event_t, FreeEvent>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, FreeNewTopic>;
using Resource = std::unique_ptr<rd_kafka_ConfigResource_t, FreeResource>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, FreeOptions>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, FreeMetadata>;

using Settings = std::map<std::string, std::string>;

// Append time is the clock of the brokers, against which a leader holds its own. What a table or
// a passing topic has dropped shall be gone from its files within a day.
Settings wanted_settings(const Topic& topic, int brokers) {
  if (topic.use == TopicUse::kInbox) {
    Settings settings = {{"cleanup.policy", "delete"}};
    if (topic.days_max > 0) {
      settings["retention.ms"] = std::to_string(topic.days_max * 86'400'000ull);
      // Whole segments are dropped: a long one would keep its oldest records beyond their days.
      settings["segment.ms"] = "3600000";
    }
    return settings;
  }
  Settings settings = {{"cleanup.policy", "delete"},
                       {"compression.type", "producer"},
                       {"max.message.bytes", "1048588"},
                       {"message.timestamp.type", "LogAppendTime"},
                       {"retention.bytes", "-1"},
                       {"retention.ms", "-1"},
                       {"unclean.leader.election.enable", "false"}};
  settings["min.insync.replicas"] = brokers >= kCopies ? std::to_string(kCopiesInSync) : "1";
  switch (topic.use) {
    case TopicUse::kLedger:
    case TopicUse::kInbox: break;
    case TopicUse::kTable:
      settings["cleanup.policy"] = "compact";
      settings["max.compaction.lag.ms"] = "43200000";
      settings["segment.ms"] = "3600000";
      break;
    case TopicUse::kPassing:
      settings["retention.ms"] = "3600000";
      settings["segment.ms"] = "3600000";
      break;
    case TopicUse::kDead:
      settings["cleanup.policy"] = "compact,delete";
      settings["retention.ms"] = "2592000000";
      break;
  }
  return settings;
}

int wanted_copies(int brokers) { return std::clamp(brokers, 1, kCopies); }

// Larger is right too; of the days of an inbox fewer.
bool fits(const Topic& topic, const std::string& setting, const std::string& wanted,
          const std::string& found) {
  const bool shorter = found.size() < wanted.size() ||
                       (found.size() == wanted.size() && found < wanted);
  if (topic.use == TopicUse::kInbox && setting == "retention.ms") {
    return found == wanted || (shorter && found != "-1");
  }
  if (setting != "max.message.bytes" && setting != "min.insync.replicas") return found == wanted;
  return !shorter;
}

// Why brokers are not reached, in the words of the client: that none is says less than the first
// reason why one is not.
struct Reason {
  std::string text;

  static void take(rd_kafka_t*, int error, const char* reason, void* self) {
    auto& known = static_cast<Reason*>(self)->text;
    if (known.empty() || error == RD_KAFKA_RESP_ERR__AUTHENTICATION) known = reason;
  }
};

Result<Metadata> ask_metadata(rd_kafka_t* client, int timeout_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 1, nullptr, &metadata, timeout_ms);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Metadata(metadata);
  rd_kafka_poll(client, 0);
  const auto* why = static_cast<const Reason*>(rd_kafka_opaque(client));
  return fail(kafka_error(error, "the cluster" + (why->text.empty() ? "" : " (" + why->text + ")"),
                          "asking for the topics of"));
}

const rd_kafka_metadata_topic_t* find_topic(const rd_kafka_metadata_t& metadata,
                                          const std::string& name) {
  for (int i = 0; i < metadata.topic_cnt; ++i) {
    const auto& topic = metadata.topics[i];
    if (name == topic.topic && topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) return &topic;
  }
  return nullptr;
}

// Not all topics, but this one: of what the user may not see the others say nothing.
Result<bool> may_see(rd_kafka_t* client, const std::string& name, int timeout_ms) {
  const KafkaTopic topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 0, topic.get(), &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(kafka_error(error, name, "asking for"));
  }
  const Metadata all(metadata);
  return all->topic_cnt != 1 || all->topics[0].err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

Result<Event> wait_for(rd_kafka_queue_t* queue, int timeout_ms, const std::string& doing) {
  Event event(rd_kafka_queue_poll(queue, timeout_ms));
  if (event == nullptr) {
    return fail(kafka_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "topics", doing));
  }
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(kafka_error(error, "topics", doing));
  }
  return event;
}

// The controller answers for what it has made; the brokers hear of it a moment later.
Result<void> wait_until_known(rd_kafka_t* client, const std::vector<std::string>& topics,
                              int timeout_ms) {
  constexpr int kPauseMs = 20;
  for (int waited_ms = 0;; waited_ms += kPauseMs) {
    HANSA_TRY(const Metadata metadata, ask_metadata(client, timeout_ms));
    const auto unknown = std::find_if(topics.begin(), topics.end(), [&](const auto& name) {
      return find_topic(*metadata, name) == nullptr;
    });
    if (unknown == topics.end()) return {};
    if (waited_ms >= timeout_ms) {
      return fail(
          kafka_error(RD_KAFKA_RESP_ERR__TIMED_OUT, *unknown, "waiting for brokers to know"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
  }
}

Result<NewTopic> new_topic(const Topic& wanted, int brokers) {
  std::array<char, 512> reason{};
  NewTopic topic(rd_kafka_NewTopic_new(wanted.name.c_str(), 1, wanted_copies(brokers),
                                       reason.data(), reason.size()));
  if (topic == nullptr) return fail(Errc::kBadRequest, reason.data());
  for (const auto& [name, value] : wanted_settings(wanted, brokers)) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  return topic;
}

// nullopt: the user may not ask.
Result<std::optional<Settings>> ask_settings(rd_kafka_t* client, int timeout_ms,
                                             const std::string& topic) {
  const Resource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const Queue queue(rd_kafka_queue_new(client));
  rd_kafka_ConfigResource_t* asked = resource.get();
  rd_kafka_DescribeConfigs(client, &asked, 1, nullptr, queue.get());
  HANSA_TRY(const Event event, wait_for(queue.get(), timeout_ms, "asking for the settings of"));
  size_t count = 0;
  const auto* const* answers = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  Settings settings;
  for (size_t i = 0; i < count; ++i) {
    if (const auto error = rd_kafka_ConfigResource_error(answers[i]);
        error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return std::nullopt;
      return fail(kafka_error(error, topic, "asking for the settings of"));
    }
    size_t entries = 0;
    const auto* const* entry = rd_kafka_ConfigResource_configs(answers[i], &entries);
    for (size_t e = 0; e < entries; ++e) {
      const char* value = rd_kafka_ConfigEntry_value(entry[e]);
      settings[rd_kafka_ConfigEntry_name(entry[e])] = value == nullptr ? "" : value;
    }
  }
  return std::optional(std::move(settings));
}

class Check {
 public:
  Check(const KafkaOptions& options, int brokers) : options_(options), brokers_(brokers) {}

  void missing(const Topic& wanted) {
    add(wanted, "topic", wanted.name, "none", "hansa topics create");
  }

  void hidden(const Topic& wanted, const std::string& right) {
    add(wanted, "right", right, "none", "the commands that `hansa topics acls` lists");
  }

  void shape(const Topic& wanted, const rd_kafka_metadata_topic_t& topic) {
    if (topic.partition_cnt != 1) {
      add(wanted, "partitions", "1", std::to_string(topic.partition_cnt),
          "a topic's partitions cannot be taken back: copy the ledger to a new topic");
    }
    const int copies = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
    if (copies < wanted_copies(brokers_)) {
      add(wanted, "replication factor", std::to_string(wanted_copies(brokers_)),
          std::to_string(copies),
          "kafka-reassign-partitions.sh --bootstrap-server " + options_.bootstrap +
              " --execute --reassignment-json-file FILE");
    }
  }

  void settings(const Topic& wanted, const Settings& found) {
    for (const auto& [name, right] : wanted_settings(wanted, brokers_)) {
      const auto it = found.find(name);
      const std::string value = it == found.end() ? "" : it->second;
      if (fits(wanted, name, right, value)) continue;
      add(wanted, name, right, value,
          "kafka-configs.sh --bootstrap-server " + options_.bootstrap +
              " --alter --entity-type topics --entity-name " + wanted.name +
              " --add-config " + name + "=" + right);
    }
  }

  std::vector<TopicFinding> findings() { return std::move(findings_); }

 private:
  void add(const Topic& topic, std::string setting, std::string expected, std::string found,
           std::string mend) {
    findings_.push_back({topic.name, std::move(setting), std::move(expected), std::move(found),
                         std::move(mend)});
  }

  const KafkaOptions& options_;
  const int brokers_;
  std::vector<TopicFinding> findings_;
};

}  // namespace

std::string TopicFinding::text() const {
  return topic + ": expected " + setting + " " + expected + ", found " + found +
         "; mend it with: " + mend;
}

Result<std::vector<std::string>> create_topics(const KafkaOptions& options,
                                               const std::vector<Topic>& topics) {
  Reason reason;
  HANSA_TRY(const KafkaClient client,
            make_admin(options, {.opaque = &reason, .failed = Reason::take}));
  HANSA_TRY(const Metadata metadata, ask_metadata(client.get(), options.topics_timeout_ms));
  std::vector<std::string> made;
  std::vector<NewTopic> fresh;
  std::vector<rd_kafka_NewTopic_t*> pointers;
  for (const auto& wanted : topics) {
    if (find_topic(*metadata, wanted.name) != nullptr) continue;
    HANSA_TRY(auto topic, new_topic(wanted, metadata->broker_cnt));
    made.push_back(wanted.name);
    pointers.push_back(topic.get());
    fresh.push_back(std::move(topic));
  }
  if (made.empty()) return made;
  const AdminOptions waits(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  const int made_within_ms = options.topics_timeout_ms / 2;
  rd_kafka_AdminOptions_set_operation_timeout(waits.get(), made_within_ms, nullptr, 0);
  const Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_CreateTopics(client.get(), pointers.data(), pointers.size(), waits.get(), queue.get());
  HANSA_TRY(const Event event, wait_for(queue.get(), options.topics_timeout_ms, "making"));
  size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    // Another node was faster.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    return fail(kafka_error(error, rd_kafka_topic_result_name(results[i]), "making"));
  }
  HANSA_CHECK(wait_until_known(client.get(), made, options.topics_timeout_ms));
  return made;
}

Result<std::vector<TopicFinding>> check_topics(const KafkaOptions& options,
                                               const std::vector<Topic>& topics) {
  Reason reason;
  HANSA_TRY(const KafkaClient client,
            make_admin(options, {.opaque = &reason, .failed = Reason::take}));
  HANSA_TRY(const Metadata metadata, ask_metadata(client.get(), options.topics_timeout_ms));
  Check check(options, metadata->broker_cnt);
  for (const auto& wanted : topics) {
    const auto* topic = find_topic(*metadata, wanted.name);
    if (topic == nullptr) {
      HANSA_TRY(const bool is_seen,
                may_see(client.get(), wanted.name, options.topics_timeout_ms));
      is_seen ? check.missing(wanted) : check.hidden(wanted, "Read");
      continue;
    }
    check.shape(wanted, *topic);
    HANSA_TRY(const auto settings,
              ask_settings(client.get(), options.topics_timeout_ms, wanted.name));
    settings ? check.settings(wanted, *settings) : check.hidden(wanted, "DescribeConfigs");
  }
  return check.findings();
}

}  // namespace hansa::streams
