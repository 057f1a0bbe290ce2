// What the tests of streams share: a folder that goes away, waiting for a log's answer, entries.
//
// Shape:   TempFolder makes a folder and removes it with all in it; append_now appends and waits
//          for the deliveries, letting a simulated log step; entry_value builds a valid entry.
// Errors:  none; a log that never answers fails the test by its timeout.
// Threads: the test's own.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "core/base/env.h"
#include "core/base/hash.h"
#include "core/ledger/chain.h"
#include "core/ledger/envelope.h"
#include "streams/log.h"

namespace hansa::streams {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hansa-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline const LedgerId kTestLedger{"city", "testburg"};

// No other test has it, not even one that runs at the same time.
inline std::string fresh_name() {
  static std::atomic<int> count{0};
  return std::to_string(getpid()) + "-" + std::to_string(++count) + "-" +
         std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

// `step` lets a log without threads of its own go on; it may do nothing.
inline std::vector<Delivery> append_now(Log& log, const LedgerId& ledger,
                                        std::vector<std::string> values, Offset expected_end,
                                        const std::function<void()>& step = [] {}) {
  std::promise<std::vector<Delivery>> promise;
  auto answer = promise.get_future();
  log.append(ledger, std::move(values), expected_end,
             [&](std::vector<Delivery> deliveries) { promise.set_value(std::move(deliveries)); });
  step();
  return answer.get();
}

inline std::vector<std::string> read_all(Log& log, const LedgerId& ledger) {
  std::vector<std::string> values;
  Offset from = 0;
  while (true) {
    auto read = log.read(ledger, from, 4096);
    if (!read || read->next == from) return values;
    for (auto& record : read->records) values.push_back(std::move(record.value));
    from = read->next;
  }
}

// Entries that build on one another, as one honest writer alone would write them.
class EntryWriter {
 public:
  EntryWriter(const FoundingId& founding_id, uint64_t seed)
      : founding_id_(founding_id), env_(seed, "entry writer"), tip_(founding_hash(founding_id)) {}

  // What comes next stands behind this entry, whoever made it.
  void go_behind(std::string_view value) {
    seq_ = decode_entry(value)->envelope.seq;
    tip_ = sha256(value);
  }

  std::string next(std::string_view payload, uint16_t schema_level = kFirstSchemaLevel) {
    Envelope envelope;
    envelope.schema_level = schema_level;
    envelope.founding_id = founding_id_;
    envelope.seq = seq_ + 1;
    envelope.prev = tip_;
    envelope.base_seq = seq_;
    envelope.base_head = head_of(tip_);
    envelope.writer = env_.random_id<WriterId>();
    envelope.salt = env_.random_id<Salt>();
    std::string value = *encode_entry(envelope, payload);
    seq_ = envelope.seq;
    tip_ = sha256(value);
    return value;
  }

 private:
  FoundingId founding_id_;
  SeededEnv env_;
  Seq seq_ = 0;
  Hash tip_;
};

}  // namespace hansa::streams
