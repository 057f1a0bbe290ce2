// Kafka producer: the writing half of the Kafka log; one incarnation, from its making to its first
// fatal error.
//
// Shape:   append() sends a flight's values in order and calls back once with a delivery each.
//          has_failed(): it takes nothing any more; make another. The destructor gives up what is
//          queued and in flight, and answers it.
// Errors:  in deliveries, by kafka_error().
// Threads: append from any, one flight of a ledger after the other. Callbacks come from a thread of
//          its own, or from append itself when the client takes none of the values.
// Limits:  the client's queue, 512 MiB: what has no room is kUnavailable, and so is all behind it.
// Source:  DESIGN §4 L3, L6.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/ids.h"
#include "streams/kafka_client.h"
#include "streams/log.h"

namespace hansa::streams {

class KafkaProducer {
 public:
  static Result<std::shared_ptr<KafkaProducer>> make(const KafkaOptions& options);
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  void append(const LedgerId& ledger, std::vector<std::string> values, Log::Delivered delivered);
  bool has_failed() const { return failed_; }
  std::string statistics() const { return statistics_.text(); }

 private:
  struct Flight;
  struct Sent;  // one value of a flight, on its way

  KafkaProducer() = default;
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  static int on_statistics(rd_kafka_t*, char* text, size_t size, void* self);
  static void on_error(rd_kafka_t* client, int error, const char* reason, void* self);
  rd_kafka_topic_t* topic(const LedgerId& ledger);
  void answered(Flight& flight, size_t index, Delivery delivery);
  void poll();

  KafkaClient client_;
  std::mutex mutex_;
  std::map<std::string, KafkaTopic> topics_;  // guarded by mutex_
  std::set<Flight*> open_;                    // guarded by mutex_
  ClientStatistics statistics_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hansa::streams
