// Kafka topics of ledgers: made with the settings they need, and held to them (L9).
//
// Shape:   create_topics() makes those that are not there yet and says which it made.
//          check_topics() answers what is wrong, one finding a topic and setting, with the command
//          that mends it; none: all is well. A cluster of three brokers or more must keep three
//          copies, two of them in sync; a smaller one keeps what it can, and a loss of its disks is
//          a loss of the ledger.
// Errors:  kUnavailable: the cluster does not answer; kLedgerStopped: the user may not ask;
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

struct TopicFinding {
  LedgerId ledger;
  std::string setting;   // like retention.ms; `topic` when there is none
  std::string expected;
  std::string found;
  std::string mend;      // a command, for people
  std::string text() const;
};

Result<std::vector<LedgerId>> create_topics(const KafkaOptions& options,
                                            const std::vector<LedgerId>& ledgers);
Result<std::vector<TopicFinding>> check_topics(const KafkaOptions& options,
                                               const std::vector<LedgerId>& ledgers);

}  // namespace hansa::streams
