#include "streams/kafka_outlet.h"

#include "streams/kafka_client.h"

namespace hansa::streams {
namespace {

constexpr int kPartition = 0;
constexpr int kAnswerMs = 5'000;
// Beyond the time after which the client itself gives a record up.
constexpr int kFlushGraceMs = 1'000;

// What became of the records of one send; reports come while it polls.
struct Reports {
  size_t open = 0;
  rd_kafka_resp_err_t first_error = RD_KAFKA_RESP_ERR_NO_ERROR;

  static void take(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto& reports = *static_cast<Reports*>(self);
    --reports.open;
    if (reports.first_error == RD_KAFKA_RESP_ERR_NO_ERROR) reports.first_error = message->err;
  }
};

}  // namespace

struct KafkaOutlet::Impl {
  KafkaOptions options;
  std::string name;
  Reports reports;
  KafkaClient producer;

  Result<void> make_producer_if_gone();
  Result<void> produce(const OutletRecord& record);
};

KafkaOutlet::KafkaOutlet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaOutlet::~KafkaOutlet() = default;

Result<std::unique_ptr<KafkaOutlet>> KafkaOutlet::open(const KafkaOptions& options,
                                                       const LedgerId& topic) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->name = topic.topic();
  HANSA_CHECK(impl->make_producer_if_gone());
  return std::unique_ptr<KafkaOutlet>(new KafkaOutlet(std::move(impl)));
}

Result<void> KafkaOutlet::Impl::make_producer_if_gone() {
  if (producer != nullptr) return {};
  reports = {};
  HANSA_TRY(producer, make_producer(options, {.opaque = &reports, .delivered = Reports::take}));
  return {};
}

Result<std::optional<std::map<std::string, std::string>>> KafkaOutlet::last_headers() {
  using Headers = std::map<std::string, std::string>;
  HANSA_TRY(const KafkaClient consumer, make_consumer(impl_->options, {}));
  const KafkaTopic topic(rd_kafka_topic_new(consumer.get(), impl_->name.c_str(), nullptr));
  int64_t low = 0;
  int64_t high = 0;
  auto error = rd_kafka_query_watermark_offsets(consumer.get(), impl_->name.c_str(), kPartition,
                                                &low, &high, kAnswerMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(error, impl_->name, "reading"));
  if (high == low) return std::optional<Headers>();
  if (rd_kafka_consume_start(topic.get(), kPartition, high - 1) != 0) {
    return fail(kafka_error(rd_kafka_last_error(), impl_->name, "reading"));
  }
  const KafkaMessage message(rd_kafka_consume(topic.get(), kPartition, kAnswerMs));
  rd_kafka_consume_stop(topic.get(), kPartition);
  error = message == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : message->err;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(error, impl_->name, "reading"));
  Headers headers;
  rd_kafka_headers_t* all = nullptr;
  if (rd_kafka_message_headers(message.get(), &all) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::optional<Headers>(std::move(headers));
  }
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(all, i, &name, &value, &size) == 0; ++i) {
    headers[name] = std::string(static_cast<const char*>(value), size);
  }
  return std::optional<Headers>(std::move(headers));
}

Result<void> KafkaOutlet::Impl::produce(const OutletRecord& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.c_str(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  const auto error = rd_kafka_producev(
      producer.get(), RD_KAFKA_V_TOPIC(name.c_str()), RD_KAFKA_V_PARTITION(kPartition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data()), record.value.size()),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++reports.open;
    return {};
  }
  rd_kafka_headers_destroy(headers);  // the client's only when it took the record
  return fail(kafka_error(error, name, "giving out to"));
}

Result<void> KafkaOutlet::send(const std::vector<OutletRecord>& records) {
  HANSA_CHECK(impl_->make_producer_if_gone());
  Result<void> result;
  for (const auto& record : records) {
    result = impl_->produce(record);
    if (!result) break;
    rd_kafka_poll(impl_->producer.get(), 0);
  }
  rd_kafka_flush(impl_->producer.get(), impl_->options.message_timeout_ms + kFlushGraceMs);
  const auto error =
      impl_->reports.open > 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : impl_->reports.first_error;
  if (result && error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    result = fail(kafka_error(error, impl_->name, "giving out to"));
  }
  // What is still on its way shall not mix with what is sent again.
  if (!result) impl_->producer.reset();
  return result;
}

}  // namespace hansa::streams
