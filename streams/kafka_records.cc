#include "streams/kafka_records.h"

#include <algorithm>

#include "streams/kafka_client.h"

namespace hansa::streams {
namespace {

constexpr int kAnswerMs = 5'000;
constexpr size_t kReadRecords = 1'000;
// Beyond the time after which the client itself gives a record up.
constexpr int kFlushGraceMs = 1'000;

// What became of the records of one send; reports come while it polls.
struct Reports {
  size_t open = 0;
  rd_kafka_resp_err_t first_error = RD_KAFKA_RESP_ERR_NO_ERROR;
  int64_t time_us = 0;

  static void take(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto& reports = *static_cast<Reports*>(self);
    --reports.open;
    if (reports.first_error == RD_KAFKA_RESP_ERR_NO_ERROR) reports.first_error = message->err;
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const int64_t time_ms = rd_kafka_message_timestamp(message, &type);
    reports.time_us = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? time_ms * 1000 : 0;
  }
};

KafkaRecord record_of(const rd_kafka_message_t& message) {
  KafkaRecord record;
  if (message.key != nullptr) {
    record.key.assign(static_cast<const char*>(message.key), message.key_len);
  }
  if (message.payload != nullptr) {
    record.value.emplace(static_cast<const char*>(message.payload), message.len);
  }
  record.offset = static_cast<Offset>(message.offset);
  record.time_us = std::max<int64_t>(0, rd_kafka_message_timestamp(&message, nullptr)) * 1000;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
    record.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  return record;
}

}  // namespace

const std::string* KafkaRecord::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

// ---- writing

struct RecordWriter::Impl {
  KafkaOptions options;
  Reports reports;
  KafkaClient producer;

  Result<void> make_producer_if_gone();
  Result<void> produce(const std::string& topic, const KafkaRecord& record);
};

RecordWriter::RecordWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordWriter::~RecordWriter() = default;

Result<std::unique_ptr<RecordWriter>> RecordWriter::open(const KafkaOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  HANSA_CHECK(impl->make_producer_if_gone());
  return std::unique_ptr<RecordWriter>(new RecordWriter(std::move(impl)));
}

Result<void> RecordWriter::Impl::make_producer_if_gone() {
  if (producer != nullptr) return {};
  reports = {};
  HANSA_TRY(producer, make_producer(options, {.opaque = &reports, .delivered = Reports::take}));
  return {};
}

Result<void> RecordWriter::Impl::produce(const std::string& topic, const KafkaRecord& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.c_str(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  const char* const value = record.value ? record.value->data() : nullptr;
  const size_t size = record.value ? record.value->size() : 0;
  const auto error = rd_kafka_producev(
      producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(kPartition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value), size),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++reports.open;
    return {};
  }
  rd_kafka_headers_destroy(headers);  // the client's only when it took the record
  return fail(kafka_error(error, topic, "writing to"));
}

Result<int64_t> RecordWriter::send(const std::string& topic,
                                   const std::vector<KafkaRecord>& records) {
  HANSA_CHECK(impl_->make_producer_if_gone());
  Result<void> result;
  for (const auto& record : records) {
    result = impl_->produce(topic, record);
    if (!result) break;
    rd_kafka_poll(impl_->producer.get(), 0);
  }
  rd_kafka_flush(impl_->producer.get(), impl_->options.message_timeout_ms + kFlushGraceMs);
  const auto error =
      impl_->reports.open > 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : impl_->reports.first_error;
  if (result && error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    result = fail(kafka_error(error, topic, "writing to"));
  }
  if (result) return impl_->reports.time_us;
  // What is still on its way shall not mix with what is sent again.
  impl_->producer.reset();
  return fail(std::move(result).error());
}

// ---- reading

struct RecordReader::Impl {
  KafkaClient client;
  KafkaTopic topic;
  std::string name;
  bool started = false;
  Offset next = 0;

  void stop() {
    if (started) rd_kafka_consume_stop(topic.get(), kPartition);
    started = false;
  }
  Result<void> start() {
    if (started) return {};
    if (rd_kafka_consume_start(topic.get(), kPartition, static_cast<int64_t>(next)) != 0) {
      return fail(kafka_error(rd_kafka_last_error(), name, "reading"));
    }
    started = true;
    return {};
  }
};

RecordReader::RecordReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordReader::~RecordReader() { impl_->stop(); }

Result<std::unique_ptr<RecordReader>> RecordReader::open(const KafkaOptions& options,
                                                         const std::string& topic) {
  auto impl = std::make_unique<Impl>();
  HANSA_TRY(impl->client, make_consumer(options, {}));
  impl->topic.reset(rd_kafka_topic_new(impl->client.get(), topic.c_str(), nullptr));
  impl->name = topic;
  return std::unique_ptr<RecordReader>(new RecordReader(std::move(impl)));
}

Result<TopicRange> RecordReader::range() {
  int64_t first = 0;
  int64_t end = 0;
  const auto error = rd_kafka_query_watermark_offsets(impl_->client.get(), impl_->name.c_str(),
                                                      kPartition, &first, &end, kAnswerMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(error, impl_->name, "reading"));
  return TopicRange{static_cast<Offset>(first), static_cast<Offset>(end)};
}

Result<void> RecordReader::seek(Offset next) {
  impl_->stop();
  impl_->next = next;
  return impl_->start();
}

Offset RecordReader::next() const { return impl_->next; }

Result<std::vector<KafkaRecord>> RecordReader::read(size_t count_max, int wait_ms) {
  HANSA_CHECK(impl_->start());
  std::vector<KafkaRecord> records;
  while (records.size() < count_max) {
    const KafkaMessage message(
        rd_kafka_consume(impl_->topic.get(), kPartition, records.empty() ? wait_ms : 0));
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      impl_->next = std::max(impl_->next, static_cast<Offset>(message->offset));
      if (records.empty() && wait_ms > 0) continue;
      break;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      impl_->stop();
      return fail(kafka_error(message->err, impl_->name, "reading"));
    }
    records.push_back(record_of(*message));
    impl_->next = records.back().offset + 1;
  }
  return records;
}

Result<void> RecordReader::read_all(const std::function<void(KafkaRecord)>& visit) {
  HANSA_TRY(const auto holds, range());
  HANSA_CHECK(seek(holds.first));
  while (impl_->next < holds.end) {
    HANSA_TRY(auto records, read(kReadRecords, kAnswerMs));
    if (records.empty() && impl_->next < holds.end) {
      return fail(Errc::kUnavailable,
                  impl_->name + ": the cluster does not give it out; try again later");
    }
    for (auto& record : records) visit(std::move(record));
  }
  return {};
}

}  // namespace hansa::streams
