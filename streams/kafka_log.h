// Kafka log: every ledger is a topic with one partition; the log of several nodes.
//
// Shape:   ledger `city/suzhou-js` is topic `hansa.city.suzhou-js`, partition 0; a record's value
//          is the message's value, keys and headers are not used. One producer and one consumer
//          serve all ledgers of a process. expected_end is not enforced: the chain decides.
//          The producer is idempotent and never transactional. After a fatal error renew_writer
//          puts a new one in its place; flights of the old one are answered before it goes.
//          A read goes on where the ledger's last one ended, from what was fetched ahead; one that
//          begins elsewhere moves the fetching there. Offsets that hold nothing (a foreign
//          producer's transaction markers) are believed when a second fetch shows the same.
//          With KafkaOptions.reads_only there is no producer, and nothing may be appended.
//          What a broker says of a topic may be of a moment ago, when it led (librdkafka 2.0 knows
//          no leader epochs): that a topic ends before what is known, or does not hold what is
//          asked for, is believed after two seconds of asking whoever leads.
// Errors:  as streams/log.h and kafka_error() (kafka_client.h) say. An append that the client's
//          queue has no room for is kUnavailable from there on: nothing behind it was sent.
// Threads: as streams/log.h. Deliveries are called on the producer's thread: post, do not work
//          there, and neither renew a writer nor destroy the log from there.
// Limits:  a value up to kValueBytesMax; KafkaOptions bound memory and time.
// Source:  DESIGN §4, LIBRARIES §1.
#pragma once

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "streams/kafka_options.h"
#include "streams/log.h"

namespace hansa::streams {

class KafkaProducer;

class KafkaLog final : public Log {
 public:
  static constexpr size_t kValueBytesMax = 60 * 1024;

  // Does not wait for a broker.
  static Result<std::unique_ptr<KafkaLog>> open(KafkaOptions options);
  ~KafkaLog() override;

  Result<Offset> end(const LedgerId& ledger) override;
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override;
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override;
  bool has_more(const LedgerId& ledger, Offset from) override;
  void watch(const LedgerId& ledger, std::function<void()> arrived) override;
  std::vector<std::string> statistics() const override;
  // After a fatal error of the producer, which all ledgers share: a new one.
  void renew_writer(const LedgerId& ledger) override;

 private:
  struct Consumer;
  struct Cursor;  // where the fetching of one ledger stands

  explicit KafkaLog(KafkaOptions options);
  Cursor& cursor(const LedgerId& ledger);
  void wake_fetcher(const LedgerId& ledger);
  // What is known, or asked to be read from, is expected to be there.
  Result<Offset> query_end(Cursor& cursor, const LedgerId& ledger, Offset from);
  void look_around(Cursor& cursor);
  Result<void> move_to(Cursor& cursor, const LedgerId& ledger, Offset from);
  bool is_gap(Cursor& cursor, ReadResult& result, Offset found);
  Result<ReadResult> take(Cursor& cursor, const LedgerId& ledger, Offset from, size_t bytes_max);
  void poll_consumer();

  const KafkaOptions options_;
  std::unique_ptr<Consumer> consumer_;
  std::mutex cursors_mutex_;
  std::map<std::string, std::unique_ptr<Cursor>> cursors_;  // by LedgerId::text()
  mutable std::mutex producer_mutex_;
  std::shared_ptr<KafkaProducer> producer_;  // guarded by producer_mutex_
  std::future<void> retired_;  // guarded by it too; ready when the failed ones are gone
  std::atomic<bool> stopping_{false};
  std::thread consumer_thread_;
};

}  // namespace hansa::streams
