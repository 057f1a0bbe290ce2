// Kafka outlet: one topic to which records with headers are given out, in order, and taken up again
// where its last record says.
//
// Shape:   last_headers() reads the newest record's headers; send() appends records to partition 0
//          and returns when all of them stand there.
// Errors:  kafka_error() (kafka_client.h). After an error of send() a beginning of the records may
//          stand in the topic, and what is sent again may stand there twice: readers tell by ids.
// Threads: one at a time.
// Limits:  KafkaOptions.message_timeout_ms for a send.
// Source:  DESIGN §4.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "streams/kafka_options.h"

namespace hansa::streams {

struct OutletRecord {
  std::string key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string value;
};

class KafkaOutlet {
 public:
  // Does not wait for a broker. `topic` is where a ledger of this name would stand.
  static Result<std::unique_ptr<KafkaOutlet>> open(const KafkaOptions& options,
                                                   const LedgerId& topic);
  ~KafkaOutlet();

  // nullopt: nothing was given out yet.
  Result<std::optional<std::map<std::string, std::string>>> last_headers();
  Result<void> send(const std::vector<OutletRecord>& records);

 private:
  struct Impl;
  explicit KafkaOutlet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::streams
