// Inbox: what another system sends to a city by way of a topic of its own.
//
// Shape:   topic `hansa.inbox.<kind>.<id>.<source>`, partition 0; records as ops/inbox_record.h
//          says, in the name of the configured actor. The node that leads the ledger takes them in
//          order; how far it is stands in the ledger's entries, so that a record is taken once,
//          whoever leads. A record that is refused becomes a dead letter (ops/dead_letters.h), and
//          so does every later one of its key until it is taken, or given up. Records that cause
//          nothing move the position by themselves, every kAdvanceRecords or kAdvanceUs.
// Errors:  health(): what it waits for. It stops, and says so, where the ledger's position is
//          outside the topic's range: records were lost, or the topic was replaced.
// Threads: one of its own.
// Limits:  kBatchRecords on their way at once.
// Source:  DESIGN §4.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ops/config.h"
#include "ops/dead_letters.h"
#include "ops/inbox_record.h"
#include "projections/door.h"

namespace hansa::ops {

inline constexpr size_t kBatchRecords = 256;
inline constexpr uint64_t kAdvanceRecords = 1'000;
inline constexpr int64_t kAdvanceUs = 5'000'000;

struct InboxHealth {
  std::string topic;
  Offset taken = 0;            // everything before was taken, or is a dead letter
  std::optional<Error> waits;  // why it does not go on
};

class Inbox {
 public:
  struct Plan {
    InboxSettings settings;
    streams::KafkaOptions kafka;
    projections::Door* door = nullptr;
    projections::Keyring* keyring = nullptr;
    DeadLetters* letters = nullptr;
  };
  explicit Inbox(Plan plan);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  InboxHealth health() const;

 private:
  void run();
  Result<void> turn();
  Result<void> resume();
  Result<void> take(const std::vector<streams::KafkaRecord>& records);
  size_t send(const std::vector<streams::KafkaRecord>& records, size_t from);
  Result<size_t> settle(const std::vector<streams::KafkaRecord>& records, size_t from,
                        size_t count);
  Result<void> bury(const streams::KafkaRecord& record, const Error& reason, bool is_parked);
  Result<void> advance_if_due();
  Result<void> take_letters();
  Result<void> retry(const v1::DeadLetter& letter);
  Result<void> finish(const v1::DeadLetter& letter);
  std::string key_mac(const streams::KafkaRecord& record) const;
  bool is_letter(const streams::KafkaRecord& record) const;
  Offset committed() const;

  Plan plan_;
  std::unique_ptr<streams::RecordReader> reader_;
  bool resumed_ = false;
  Offset written_ = 0;      // the position in the ledger
  Offset consumed_ = 0;     // everything before was settled
  int64_t advanced_us_ = 0;
  bool letter_waits_ = false;  // for the position to be written behind it
  uint64_t letters_seen_ = 0;  // the version of the letters that was looked through
  std::vector<Result<v1::Receipt>> outcomes_;  // of what is on its way, in order

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t open_ = 0;         // answers that are waited for; guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  InboxHealth health_;      // guarded by mutex_
  std::thread thread_;
};

}  // namespace hansa::ops
