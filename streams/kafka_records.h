// Kafka records: topics that are no ledgers, written and read record by record.
//
// Shape:   RecordWriter.send() appends records to partition 0 of a topic and returns when all of
//          them stand there, with the broker's time of the last (0 where the topic keeps the
//          producer's). A record without a value is a tombstone: it deletes its key in a compacted
//          topic.
//          RecordReader reads one topic: range() asks what it holds, seek() says where read() goes
//          on, read() gives what comes within a time, nothing if nothing does; read_all() gives
//          everything that the topic holds at this moment, and leaves off there.
// Errors:  kafka_error() (kafka_client.h). After an error of send() a beginning of the records may
//          stand in the topic, and what is sent again may stand there twice: readers tell by what
//          the records say. kLogBehind from read(): the topic no longer holds the place.
// Threads: one at a time for each object.
// Limits:  KafkaOptions.message_timeout_ms for a send; kReadBytesMax fetched ahead.
// Source:  DESIGN §4.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "streams/kafka_options.h"

namespace hansa::streams {

struct KafkaRecord {
  std::string key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> value;
  // As read; a writer ignores them.
  Offset offset = 0;
  int64_t time_us = 0;

  const std::string* header(std::string_view name) const;
};

class RecordWriter {
 public:
  // Does not wait for a broker.
  static Result<std::unique_ptr<RecordWriter>> open(const KafkaOptions& options);
  ~RecordWriter();

  Result<int64_t> send(const std::string& topic, const std::vector<KafkaRecord>& records);

 private:
  struct Impl;
  explicit RecordWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct TopicRange {
  Offset first = 0;  // of what it still holds
  Offset end = 0;
};

class RecordReader {
 public:
  static Result<std::unique_ptr<RecordReader>> open(const KafkaOptions& options,
                                                    const std::string& topic);
  ~RecordReader();

  Result<TopicRange> range();
  Result<void> seek(Offset next);
  // At most `count_max` records, those that come within `wait_ms`; only what is there already once
  // one has come.
  Result<std::vector<KafkaRecord>> read(size_t count_max, int wait_ms);
  Result<void> read_all(const std::function<void(KafkaRecord)>& visit);
  // One past what was read, and past offsets seen to hold nothing.
  Offset next() const;

 private:
  struct Impl;
  explicit RecordReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::streams
