#include "streams/kafka_producer.h"

#include <optional>
#include <utility>

namespace hansa::streams {
namespace {

constexpr int kPollMs = 100;
constexpr int kFlushMs = 1'000;

}  // namespace

struct KafkaProducer::Flight {
  std::string topic;
  std::vector<Delivery> deliveries;
  size_t open = 0;
  Log::Delivered delivered;
};

struct KafkaProducer::Sent {
  Flight* flight;
  size_t index;
};

Result<std::shared_ptr<KafkaProducer>> KafkaProducer::make(const KafkaOptions& options) {
  std::shared_ptr<KafkaProducer> producer(new KafkaProducer());
  HANSA_TRY(producer->client_, make_producer(options, {.opaque = producer.get(),
                                                       .delivered = on_delivery,
                                                       .failed = on_error,
                                                       .statistics = on_statistics}));
  producer->thread_ = std::thread([raw = producer.get()] { raw->poll(); });
  return producer;
}

KafkaProducer::~KafkaProducer() {
  if (client_ == nullptr) return;
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  stopping_ = true;
  thread_.join();
  rd_kafka_flush(client_.get(), kFlushMs);  // reports of what was given up
  topics_.clear();
  client_.reset();
  // What the client never reported on is not known either.
  for (Flight* flight : std::exchange(open_, {})) {
    for (auto& delivery : flight->deliveries) {
      if (delivery.offset || delivery.error) continue;
      delivery.error = kafka_error(RD_KAFKA_RESP_ERR__DESTROY, flight->topic, "appending to");
    }
    flight->delivered(std::move(flight->deliveries));
    delete flight;
  }
}

void KafkaProducer::poll() {
  while (!stopping_) rd_kafka_poll(client_.get(), kPollMs);
}

rd_kafka_topic_t* KafkaProducer::topic(const LedgerId& ledger) {
  const std::string name = ledger.topic();
  const std::lock_guard lock(mutex_);
  auto& found = topics_[name];
  if (found == nullptr) {
    found.reset(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  }
  return found.get();
}

void KafkaProducer::append(const LedgerId& ledger, std::vector<std::string> values,
                           Log::Delivered delivered) {
  rd_kafka_topic_t* const to = topic(ledger);
  auto* flight = new Flight{ledger.topic(), std::vector<Delivery>(values.size()), values.size(),
                            std::move(delivered)};
  {
    const std::lock_guard lock(mutex_);
    open_.insert(flight);
  }
  // A report may come, and the flight go, before the last value is sent: counted before.
  const size_t count = values.size();
  std::optional<Error> refused;
  for (size_t index = 0; index < count; ++index) {
    auto sent = std::make_unique<Sent>(Sent{flight, index});
    if (!refused) {
      const int result =
          rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, values[index].data(), values[index].size(),
                           nullptr, 0, sent.get());
      if (result == 0) {
        (void)sent.release();
        continue;
      }
      const auto code = rd_kafka_last_error();
      if (code == RD_KAFKA_RESP_ERR__FATAL) failed_ = true;
      refused = kafka_error(code, ledger.topic(), "appending to");
    }
    answered(*flight, index, {std::nullopt, refused});
  }
}

// On the client's thread, or on the caller's for what was not even taken.
void KafkaProducer::answered(Flight& flight, size_t index, Delivery delivery) {
  {
    const std::lock_guard lock(mutex_);
    flight.deliveries[index] = std::move(delivery);
    if (--flight.open > 0) return;
    open_.erase(&flight);
  }
  const std::unique_ptr<Flight> done(&flight);
  done->delivered(std::move(done->deliveries));
}

// A duplicate of what the broker has already is reported without an error and without an offset:
// where it stands is not known (L3).
void KafkaProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  const std::unique_ptr<Sent> sent(static_cast<Sent*>(message->_private));
  Delivery delivery;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery.error = kafka_error(message->err, sent->flight->topic, "appending to");
  } else if (message->offset >= 0) {
    delivery.offset = static_cast<Offset>(message->offset);
  }
  static_cast<KafkaProducer*>(self)->answered(*sent->flight, sent->index, std::move(delivery));
}

int KafkaProducer::on_statistics(rd_kafka_t*, char* text, size_t size, void* self) {
  static_cast<KafkaProducer*>(self)->statistics_.keep(std::string(text, size));
  return 0;  // the text stays the client's
}

void KafkaProducer::on_error(rd_kafka_t*, int error, const char*, void* self) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) static_cast<KafkaProducer*>(self)->failed_ = true;
}

}  // namespace hansa::streams
