// Kafka client: librdkafka's handles with the settings that ledgers need, and what its errors mean.
//
// Shape:   make_producer, make_consumer, make_group_member and make_admin give a handle that owns
//          its client; a caller sets callbacks through ClientCallbacks.
// Errors:  kBadConfig: librdkafka does not take a property; the text says which and why.
//          kafka_error(): kLogBehind: the topic does not hold the offset; kLedgerStopped: the user
//          has no right to it; kTooLarge; else kUnavailable: try later, also of a topic that is
//          not there.
// Threads: handles may be used from any thread.
// Source:  LIBRARIES §1.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "streams/kafka_options.h"

namespace hansa::streams {

inline constexpr int kPartition = 0;  // of every topic the only one

struct ClientCallbacks {
  void* opaque = nullptr;
  void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr;
  void (*failed)(rd_kafka_t*, int error, const char* reason, void*) = nullptr;
  int (*statistics)(rd_kafka_t*, char* json, size_t size, void*) = nullptr;
  void (*rebalanced)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                     void*) = nullptr;
};

// The last that a client reported of itself (librdkafka's STATISTICS.md), once a second.
class ClientStatistics {
 public:
  void keep(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

struct CloseClient {
  void operator()(rd_kafka_t* client) const;
};
using KafkaClient = std::unique_ptr<rd_kafka_t, CloseClient>;

struct FreeTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, FreeTopic>;

struct FreeMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using KafkaMessage = std::unique_ptr<rd_kafka_message_t, FreeMessage>;

struct FreeTopicList {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using TopicList = std::unique_ptr<rd_kafka_topic_partition_list_t, FreeTopicList>;

Result<KafkaClient> make_producer(const KafkaOptions& options, const ClientCallbacks& callbacks);
Result<KafkaClient> make_consumer(const KafkaOptions& options, const ClientCallbacks& callbacks);
// A consumer that shares topics with the others of its group, each topic with one of them; the
// group keeps no positions. `session_ms`: until the group takes it for gone.
Result<KafkaClient> make_group_member(const KafkaOptions& options, const char* group,
                                      int session_ms, const ClientCallbacks& callbacks);
Result<KafkaClient> make_admin(const KafkaOptions& options,
                               const ClientCallbacks& callbacks = {});

Error kafka_error(rd_kafka_resp_err_t code, const std::string& topic, const std::string& doing);

}  // namespace hansa::streams
