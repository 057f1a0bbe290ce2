// Kafka topics: made with the settings that their use needs, and held to them (L9).
//
// Shape:   every topic has one partition and the settings of its use.
//          create_topics() makes those that are not there yet and says which it made.
//          check_topics() answers what is wrong, one finding a topic and setting, with the command
//          that mends it; none: all is well. A cluster of three brokers or more must keep three
//          copies, two of them in sync; a smaller one keeps what it can, and a loss of its disks is
//          a loss of the ledger. What the user may not see or ask for is a finding, too.
// Errors:  kUnavailable: the cluster does not answer;
//          create_topics: what the cluster says of the first topic that it refuses.
// Threads: any; every call has a client of its own and waits for the cluster at most
//          topics_timeout_ms for each of its questions.
// Source:  DESIGN §4 L9.
#pragma once

#include <string>
#include <vector>

#include "core/base/ids.h"
#include "streams/kafka_client.h"

namespace hansa::streams {

enum class TopicUse : uint8_t {
  kLedger,   // every record for ever
  kTable,    // the newest record of every key
  kPassing,  // records that nobody wants after an hour
  kDead,     // the newest record of every key, for 30 days
  kInbox,    // other systems' records; its owner says for how long
};

struct Topic {
  std::string name;
  TopicUse use = TopicUse::kLedger;
  uint32_t days_max = 0;  // of an inbox that may hold personal data in clear

  Topic(std::string topic, TopicUse topic_use, uint32_t days = 0)
      : name(std::move(topic)), use(topic_use), days_max(days) {}
  Topic(const LedgerId& ledger) : name(ledger.topic()) {}  // NOLINT: a ledger is its topic
  auto operator<=>(const Topic&) const = default;
};

struct TopicFinding {
  std::string topic;
  std::string setting;   // like retention.ms; `topic` when there is none
  std::string expected;
  std::string found;
  std::string mend;      // a command, for people
  std::string text() const;
};

// The names of those it made.
Result<std::vector<std::string>> create_topics(const KafkaOptions& options,
                                               const std::vector<Topic>& topics);
Result<std::vector<TopicFinding>> check_topics(const KafkaOptions& options,
                                               const std::vector<Topic>& topics);

}  // namespace hansa::streams
