#include "ops/keyring_topic.h"

#include <chrono>

#include "ops/json_log.h"

namespace hansa::ops {
namespace {

using projections::SharedSlot;

constexpr size_t kReadRecords = 1'000;
constexpr int kFollowMs = 200;
constexpr std::chrono::milliseconds kRetryPause{200};
// Somebody who reports waits for it.
constexpr int kPublishMs = 3'000;

SharedSlot slot_of(streams::KafkaRecord record) {
  return {std::move(record.key), std::move(record.value)};
}

}  // namespace

std::string keyring_topic(const LedgerId& ledger) {
  return "hansa.keyring." + ledger.kind + "." + ledger.id;
}

KeyringTopic::KeyringTopic(std::string topic, projections::Keyring& keyring)
    : topic_(std::move(topic)), keyring_(keyring) {}

KeyringTopic::~KeyringTopic() { stop(); }

Result<std::unique_ptr<KeyringTopic>> KeyringTopic::open(const streams::KafkaOptions& options,
                                                         const LedgerId& ledger,
                                                         projections::Keyring& keyring) {
  std::unique_ptr<KeyringTopic> topic(new KeyringTopic(keyring_topic(ledger), keyring));
  auto publishing = options;
  publishing.message_timeout_ms = kPublishMs;
  HANSA_TRY(topic->writer_, streams::RecordWriter::open(publishing));
  HANSA_TRY(topic->reader_, streams::RecordReader::open(options, topic->topic_));
  std::vector<SharedSlot> all;
  HANSA_CHECK(topic->reader_->read_all(
      [&](streams::KafkaRecord record) { all.push_back(slot_of(std::move(record))); }));
  HANSA_CHECK(keyring.join(*topic, all));
  topic->thread_ = std::thread([raw = topic.get()] { raw->follow(); });
  return topic;
}

void KeyringTopic::follow() {
  while (!stopping_) {
    auto records = reader_->read(kReadRecords, kFollowMs);
    // What was compacted away is known by what replaced it; the reader goes on by itself.
    if (!records) std::this_thread::sleep_for(kRetryPause);
    if (!records || records->empty()) continue;
    std::vector<SharedSlot> changes;
    for (auto& record : *records) changes.push_back(slot_of(std::move(record)));
    if (const size_t foreign = keyring_.learn(changes); foreign > 0) {
      JsonLine(LogLevel::kWarning, "keyring_foreign")
          .field("topic", topic_)
          .field("records", foreign)
          .field("detail", "not written by a node with the city's master key; left out");
    }
  }
}

Result<void> KeyringTopic::publish(const std::vector<SharedSlot>& changes) {
  std::vector<streams::KafkaRecord> records;
  for (const auto& change : changes) records.push_back({.key = change.name, .value = change.value});
  if (auto sent = writer_->send(topic_, records); !sent) return fail(std::move(sent).error());
  return {};
}

void KeyringTopic::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace hansa::ops
