// Keyring topic: the slots of one city's keyring, shared by the nodes that host it.
//
// Shape:   compacted topic `hansa.keyring.<kind>.<id>`; key and value as in
//          projections/keyring_share.h, a tombstone for what is deleted. open() lets the keyring
//          join with all that the topic holds; from then on a thread gives it what others write.
// Errors:  open: kUnavailable: the cluster does not answer; kBadFile: another master key.
//          publish: kUnavailable; nothing may be acknowledged.
// Threads: publish from one at a time. The keyring must end before the topic does, and stop() be
//          called before the keyring ends.
// Source:  DESIGN §9.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "projections/keyring.h"
#include "streams/kafka_options.h"
#include "streams/kafka_records.h"

namespace hansa::ops {

std::string keyring_topic(const LedgerId& ledger);

class KeyringTopic final : public projections::KeyringShare {
 public:
  static Result<std::unique_ptr<KeyringTopic>> open(const streams::KafkaOptions& options,
                                                    const LedgerId& ledger,
                                                    projections::Keyring& keyring);
  ~KeyringTopic() override;

  Result<void> publish(const std::vector<projections::SharedSlot>& changes) override;
  void stop();

 private:
  KeyringTopic(std::string topic, projections::Keyring& keyring);
  void follow();

  const std::string topic_;
  projections::Keyring& keyring_;
  std::unique_ptr<streams::RecordWriter> writer_;
  std::unique_ptr<streams::RecordReader> reader_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hansa::ops
