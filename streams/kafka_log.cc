#include "streams/kafka_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/assert.h"
#include "streams/kafka_client.h"
#include "streams/kafka_producer.h"

namespace hansa::streams {
namespace {

constexpr int kQueryMs = 5'000;
// While no broker can be reached: those who ask shall hear it soon.
constexpr int kQueryAwayMs = 100;
constexpr int kWaitMs = 100;
// As the client's statistics say it of a broker.
constexpr const char* kBrokerIsUp = R"("state":"UP")";
// So many waits without a message, and a read gives up; twice meanwhile it asks for the end again,
// which may take kQueryMs each time. While no broker can be reached it asks at once.
constexpr int kWaitsMax = 20;
constexpr int kWaitsUntilEndAsked = 10;

// A topic that was made, or a leader that was chosen, a moment ago is not known everywhere yet. So
// long a broker that led before may say of the topic what was true then.
constexpr int kAttemptsMax = 20;
constexpr std::chrono::milliseconds kAttemptPause{100};

bool passes_soon(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return true;
    default:
      return false;
  }
}

bool is_out_of_range(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
         error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
}

}  // namespace

struct KafkaLog::Consumer {
  static void on_error(rd_kafka_t*, int error, const char*, void* self) {
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) static_cast<Consumer*>(self)->away = true;
  }

  static int on_statistics(rd_kafka_t*, char* text, size_t size, void* self) {
    auto& consumer = *static_cast<Consumer*>(self);
    std::string all(text, size);
    // One that is far away may take longer to answer than anybody waits while none is there.
    if (all.find(kBrokerIsUp) != std::string::npos) consumer.away = false;
    consumer.statistics.keep(std::move(all));
    return 0;  // the text stays the client's
  }

  ClientStatistics statistics;
  std::atomic<bool> away{false};  // no broker could be reached, and none has come back since
  KafkaClient client;
};

struct KafkaLog::Cursor {
  // What has_more() came upon first, then what the client gives out next.
  KafkaMessage next_message(int wait_ms) {
    if (seen != nullptr) return std::move(seen);
    return KafkaMessage(rd_kafka_consume(topic.get(), kPartition, wait_ms));
  }
  // The record at `from` was looked at already and is the next to be given out.
  bool has_arrived(Offset from) const {
    return started && next == from && seen != nullptr && seen->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
           static_cast<Offset>(seen->offset) == from;
  }
  void stop() {
    rd_kafka_consume_stop(topic.get(), kPartition);
    started = false;
    seen.reset();
  }

  // Called by the client while it holds the queue: the queue is not to be touched here.
  static void on_arrival(rd_kafka_t*, void* self) {
    auto& cursor = *static_cast<Cursor*>(self);
    const std::lock_guard lock(cursor.arrived_mutex);
    if (cursor.arrived) cursor.arrived();
  }
  void watch(std::function<void()> caller) {
    const std::lock_guard lock(arrived_mutex);
    arrived = std::move(caller);
  }

  void reaches(Offset end) {
    Offset known = end_known;
    while (known < end && !end_known.compare_exchange_weak(known, end)) continue;
  }

  std::mutex mutex;
  KafkaTopic topic;
  bool started = false;
  bool in_doubt = false;  // a gap was seen here and is looked at again
  KafkaMessage seen;     // taken from the client and not given out yet
  Offset next = 0;       // of the next message that is given out
  std::atomic<Offset> end_known{0};  // the topic was once seen to reach here

  struct FreeQueue {
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  };
  std::mutex arrived_mutex;
  std::function<void()> arrived;  // guarded by arrived_mutex
  std::unique_ptr<rd_kafka_queue_t, FreeQueue> queue;  // of the topic's messages; set once
};

KafkaLog::KafkaLog(KafkaOptions options)
    : options_(std::move(options)), consumer_(std::make_unique<Consumer>()) {}

Result<std::unique_ptr<KafkaLog>> KafkaLog::open(KafkaOptions options) {
  std::unique_ptr<KafkaLog> log(new KafkaLog(std::move(options)));
  const ClientCallbacks callbacks{.opaque = log->consumer_.get(),
                                  .failed = Consumer::on_error,
                                  .statistics = Consumer::on_statistics};
  HANSA_TRY(log->consumer_->client, make_consumer(log->options_, callbacks));
  if (!log->options_.reads_only) {
    HANSA_TRY(log->producer_, KafkaProducer::make(log->options_));
  }
  log->consumer_thread_ = std::thread([raw = log.get()] { raw->poll_consumer(); });
  return log;
}

KafkaLog::~KafkaLog() {
  stopping_ = true;
  if (consumer_thread_.joinable()) consumer_thread_.join();
  for (auto& [name, cursor] : cursors_) {
    if (cursor->queue != nullptr) {
      rd_kafka_queue_cb_event_enable(cursor->queue.get(), nullptr, nullptr);
    }
    if (cursor->started) rd_kafka_consume_stop(cursor->topic.get(), kPartition);
  }
}

// Serves the client's own events; messages wait in queues of their partitions.
void KafkaLog::poll_consumer() {
  while (!stopping_) rd_kafka_poll(consumer_->client.get(), kWaitMs);
}

std::vector<std::string> KafkaLog::statistics() const {
  std::vector<std::string> all = {consumer_->statistics.text()};
  const std::lock_guard lock(producer_mutex_);
  if (producer_ != nullptr) all.push_back(producer_->statistics());
  return all;
}

KafkaLog::Cursor& KafkaLog::cursor(const LedgerId& ledger) {
  const std::lock_guard lock(cursors_mutex_);
  auto& found = cursors_[ledger.text()];
  if (found == nullptr) {
    found = std::make_unique<Cursor>();
    const std::string topic = ledger.topic();
    found->topic.reset(rd_kafka_topic_new(consumer_->client.get(), topic.c_str(), nullptr));
    found->queue.reset(
        rd_kafka_queue_get_partition(consumer_->client.get(), topic.c_str(), kPartition));
    if (found->queue != nullptr) {
      rd_kafka_queue_cb_event_enable(found->queue.get(), Cursor::on_arrival, found.get());
    }
  }
  return *found;
}

// ---- reading

// By the question for times, of which "latest" is one: the question for watermarks knows no time
// limit while a broker is away (librdkafka 2.0). The client tells the broker no leader epoch, so
// that one which led before and has not heard that it does no more gives an end of then: an end
// before what is known is asked for again, of whoever leads by now.
Result<Offset> KafkaLog::query_end(Cursor& cursor, const LedgerId& ledger, Offset from) {
  const std::string topic = ledger.topic();
  const TopicList list(rd_kafka_topic_partition_list_new(1));
  auto error = RD_KAFKA_RESP_ERR_NO_ERROR;
  int64_t end = 0;
  Offset known = cursor.end_known;
  const auto expected = static_cast<int64_t>(std::max(known, from));
  for (int attempt = 0; attempt < kAttemptsMax && !stopping_; ++attempt) {
    if (attempt > 0) look_around(cursor);
    rd_kafka_topic_partition_list_del(list.get(), topic.c_str(), kPartition);
    auto* asked = rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), kPartition);
    asked->offset = RD_KAFKA_OFFSET_END;
    error = rd_kafka_offsets_for_times(consumer_->client.get(), list.get(),
                                       consumer_->away ? kQueryAwayMs : kQueryMs);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = list->elems[0].err;
    end = list->elems[0].offset;
    const bool is_before = error == RD_KAFKA_RESP_ERR_NO_ERROR && end < expected;
    if (!is_before && !passes_soon(error)) break;
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || end < 0) {
    return fail(kafka_error(error, topic, "asking for the end of"));
  }
  consumer_->away = false;
  const auto found = static_cast<Offset>(end);
  if (found < known) cursor.end_known.compare_exchange_strong(known, found);
  cursor.reaches(found);
  return found;
}

// Waits a little and asks any broker who leads; the client keeps the answer, also one that is late.
void KafkaLog::look_around(Cursor& cursor) {
  std::this_thread::sleep_for(kAttemptPause);
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(consumer_->client.get(), 0, cursor.topic.get(), &found,
                                       kQueryAwayMs);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(found);
}

Result<Offset> KafkaLog::end(const LedgerId& ledger) {
  return query_end(cursor(ledger), ledger, 0);
}

Result<ReadResult> KafkaLog::read(const LedgerId& ledger, Offset from, size_t bytes_max) {
  Cursor& found = cursor(ledger);
  const std::lock_guard lock(found.mutex);
  if (from >= found.end_known && !found.has_arrived(from)) {
    HANSA_TRY(const Offset end, query_end(found, ledger, from));
    if (from > end) {
      return fail(Errc::kLogBehind,
                  ledger.topic() + " ends at offset " + std::to_string(end) +
                      ", expected at least " + std::to_string(from));
    }
    if (from == end) return ReadResult{{}, from};
  }
  HANSA_CHECK(move_to(found, ledger, from));
  auto taken = take(found, ledger, from, bytes_max);
  if (taken) {
    found.reaches(taken->next);
    if (taken->next < found.end_known) wake_fetcher(ledger);
  }
  return taken;
}

// A client whose queue was full looks again only when something else wakes it, or after a second
// (librdkafka 2.0). Any question does; nobody waits for the answer to this one.
void KafkaLog::wake_fetcher(const LedgerId& ledger) {
  const TopicList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), ledger.topic().c_str(), kPartition)->offset =
      RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(consumer_->client.get(), list.get(), 0);
}

bool KafkaLog::has_more(const LedgerId& ledger, Offset from) {
  Cursor& found = cursor(ledger);
  const std::unique_lock lock(found.mutex, std::try_to_lock);
  if (!lock.owns_lock()) return false;  // somebody reads
  if (from < found.end_known) return true;
  if (!move_to(found, ledger, from)) return true;
  if (found.seen == nullptr) found.seen = found.next_message(0);
  if (found.seen == nullptr) return false;
  const bool is_end = found.seen->err == RD_KAFKA_RESP_ERR__PARTITION_EOF &&
                      static_cast<Offset>(found.seen->offset) == from;
  if (is_end) found.seen.reset();
  return !is_end;
}

void KafkaLog::watch(const LedgerId& ledger, std::function<void()> arrived) {
  cursor(ledger).watch(std::move(arrived));
}

// A client that was told that an offset is out of range fetches no more, and cannot seek either:
// it starts anew.
Result<void> KafkaLog::move_to(Cursor& cursor, const LedgerId& ledger, Offset from) {
  if (cursor.started && cursor.next == from) return {};
  const auto offset = static_cast<int64_t>(from);
  cursor.seen.reset();
  if (cursor.started && rd_kafka_seek(cursor.topic.get(), kPartition, offset, kQueryMs) !=
                            RD_KAFKA_RESP_ERR_NO_ERROR) {
    cursor.stop();
  }
  if (!cursor.started && rd_kafka_consume_start(cursor.topic.get(), kPartition, offset) != 0) {
    return fail(kafka_error(rd_kafka_last_error(), ledger.topic(), "reading"));
  }
  cursor.started = true;
  cursor.next = from;
  return {};
}

// Whether [next, found) must be looked at again before it counts as empty: the cursor then stops,
// to start anew where the gap begins.
bool KafkaLog::is_gap(Cursor& cursor, ReadResult& result, Offset found) {
  if (found <= result.next) return false;
  if (std::exchange(cursor.in_doubt, !cursor.in_doubt)) {
    result.next = cursor.next = found;
    return false;
  }
  cursor.stop();
  return true;
}

// Waits for the first message, then takes what is there already.
Result<ReadResult> KafkaLog::take(Cursor& cursor, const LedgerId& ledger, Offset from,
                                  size_t bytes_max) {
  ReadResult result{{}, from};
  size_t bytes = 0;
  int waits = 0;
  int refusals = 0;
  while (bytes < bytes_max || result.records.empty()) {
    const bool has_some = result.next > from;
    const KafkaMessage message = cursor.next_message(has_some ? 0 : kWaitMs);
    if (message == nullptr || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message != nullptr && is_gap(cursor, result, static_cast<Offset>(message->offset))) {
        if (result.next > from) return result;
        HANSA_CHECK(move_to(cursor, ledger, from));
        continue;
      }
      if (result.next > from) return result;
      if (++waits > kWaitsMax) {
        return fail(Errc::kUnavailable, "reading " + ledger.topic() +
                                            ": nothing came from offset " + std::to_string(from) +
                                            "; try again later");
      }
      if (waits % kWaitsUntilEndAsked != 0 && !consumer_->away) continue;
      HANSA_TRY(const Offset end, query_end(cursor, ledger, from));
      if (end > from) continue;
      if (end == from) return result;
      return fail(kafka_error(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ledger.topic(), "reading"));
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      cursor.stop();
      if (!is_out_of_range(message->err) || ++refusals == kAttemptsMax) {
        return fail(kafka_error(message->err, ledger.topic(), "reading"));
      }
      // A broker that led before may lack what its successor has.
      if (result.next > from) return result;
      look_around(cursor);
      HANSA_CHECK(move_to(cursor, ledger, from));
      continue;
    }
    const auto offset = static_cast<Offset>(message->offset);
    if (offset < result.next) continue;
    if (is_gap(cursor, result, offset)) {
      if (result.next > from) return result;
      HANSA_CHECK(move_to(cursor, ledger, from));
      continue;
    }
    cursor.in_doubt = false;
    const auto* value = static_cast<const char*>(message->payload);
    result.records.push_back({offset, std::string(value, value == nullptr ? 0 : message->len)});
    result.next = cursor.next = offset + 1;
    bytes += message->len;
  }
  return result;
}

// ---- appending

void KafkaLog::append(const LedgerId& ledger, std::vector<std::string> values, Offset,
                      Delivered delivered) {
  std::shared_ptr<KafkaProducer> producer;
  {
    const std::lock_guard lock(producer_mutex_);
    producer = producer_;
  }
  HANSA_ASSERT(producer != nullptr, "a log that only reads was to append");
  producer->append(ledger, std::move(values),
                   [&to = cursor(ledger), delivered = std::move(delivered)](
                       std::vector<Delivery> deliveries) {
                     for (const auto& delivery : deliveries) {
                       if (delivery.offset) to.reaches(*delivery.offset + 1);
                     }
                     delivered(std::move(deliveries));
                   });
}

void KafkaLog::renew_writer(const LedgerId&) {
  const std::lock_guard lock(producer_mutex_);
  if (producer_ == nullptr || !producer_->has_failed()) return;
  // With the same options that made the first one; if it cannot be made the old one goes on to
  // refuse, and the next call tries again.
  auto fresh = KafkaProducer::make(options_);
  if (!fresh) return;
  // A client that has failed may take long to go (librdkafka 2.0): nobody waits for it here.
  retired_ = std::async(std::launch::async, [failed = std::exchange(producer_, *fresh),
                                             before = std::move(retired_)]() mutable {
    failed.reset();
  });
}

}  // namespace hansa::streams
