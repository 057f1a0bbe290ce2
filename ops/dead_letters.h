// Dead letters: records of a city's inboxes that were not taken, kept for 30 days.
//
// Shape:   topic `hansa.dead.<kind>.<id>`, key `<source>-<offset>`, value v1.DeadLetter; a
//          tombstone ends it. What the record said is sealed under a key of the city's keyring
//          that is made each day and destroyed 31 days later. Every node follows the topic; who
//          leads the ledger writes letters and takes those again that somebody asked for
//          (ops/inbox.h).
// Errors:  kUnavailable: the cluster does not answer, nothing was written. kUnknownCode: no such
//          letter is open. kPersonErased from open_letter: its 30 days are over.
// Threads: any.
// Limits:  kOpenLettersMax; an inbox waits while so many are open.
// Source:  DESIGN §4.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/env.h"
#include "hansa/v1/inbox.pb.h"
#include "projections/keyring.h"
#include "streams/kafka_options.h"
#include "streams/kafka_records.h"

namespace hansa::ops {

inline constexpr size_t kOpenLettersMax = 1'000;
inline constexpr const char* kParked = "parked";

std::string dead_topic(const LedgerId& ledger);
// `<source>-<offset>`
std::string letter_id(const v1::DeadLetter& letter);

class DeadLetters {
 public:
  // Reads what is open before it returns.
  static Result<std::unique_ptr<DeadLetters>> open(const streams::KafkaOptions& options,
                                                   const LedgerId& ledger,
                                                   projections::Keyring& keyring, Env& env);
  ~DeadLetters();

  std::vector<v1::DeadLetter> list() const;  // in order of topic and offset
  std::optional<v1::DeadLetter> find(const std::string& id) const;
  // Whether a record of this key waits already.
  bool holds_key(const std::string& topic, const std::string& key_mac) const;
  size_t count() const;
  bool is_full() const { return count() >= kOpenLettersMax; }
  uint64_t version() const { return version_; }  // another one after every change; never 0

  struct Opened {
    std::string value;
    std::string detail;
  };
  Result<Opened> open_letter(const v1::DeadLetter& letter) const;

  // Seals and writes a record that was not taken; `reason` with its code and pointer in clear.
  Result<void> put(const std::string& topic, const streams::KafkaRecord& record,
                   const std::string& key_mac, const Error& reason, bool is_parked);
  // The letter again, with what became of a retry, or asking for one.
  Result<void> rewrite(v1::DeadLetter letter, const Error& reason);
  Result<v1::DeadLetter> ask_retry(const std::string& id);
  Result<v1::DeadLetter> end(const std::string& id);
  // Destroys the keys of days that are over, and ends the letters of those days.
  void forget_old_days();

 private:
  DeadLetters(std::string topic, projections::Keyring& keyring, Env& env);
  void follow();
  bool is_own(const streams::KafkaRecord& record);
  void apply(const streams::KafkaRecord& record);
  Result<void> write(const std::string& id, const v1::DeadLetter* letter);
  Result<void> seal(v1::DeadLetter& letter, std::string_view value, std::string_view detail);
  PersonId day_key(int64_t day) const;

  const std::string topic_;
  projections::Keyring& keyring_;
  Env& env_;
  std::unique_ptr<streams::RecordReader> reader_;
  std::mutex writing_;
  std::unique_ptr<streams::RecordWriter> writer_;  // guarded by writing_
  mutable std::mutex mutex_;
  using Place = std::pair<std::string, uint64_t>;  // source and offset
  std::map<Place, v1::DeadLetter> open_;           // guarded by mutex_
  std::map<std::string, size_t> echoes_;  // own writes, by key, that the topic has not shown yet
  std::atomic<uint64_t> version_{1};
  int64_t forgotten_day_ = 0;  // of the caller of forget_old_days
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hansa::ops
