// Kafka rights: what the login of a node needs at its brokers, and nothing more.
//
// Shape:   one row for a topic, or for the group in which leaders are found, with the operations
//          that a node does on it, as Kafka's access lists name them; Describe goes with Read and
//          Write. Names are literal, none is a prefix. Where a share is kept depends on what a city
//          joined, which stands in its ledger: `shares` names those beyond the feeds. A share of a
//          city that is hosted here is made and written, any other is read; so is the alliance
//          that it belongs to. What section peers names is asked of the peer's brokers.
//          rights_to_create() is for whoever runs `hansa topics create` and `hansa topics check`.
// Threads: plain functions.
// Source:  DESIGN §8, "ACLs are literal, one writer per ledger".
#pragma once

#include <string>
#include <vector>

#include "ops/config.h"

namespace hansa::ops {

struct KafkaRight {
  std::string bootstrap;  // of the cluster
  std::string kind;       // topic or group
  std::string name;
  std::vector<std::string> operations;

  bool operator==(const KafkaRight&) const = default;
};

std::vector<KafkaRight> rights_of(const Config& config, const std::vector<LedgerId>& shares);
std::vector<KafkaRight> rights_to_create(const Config& config);
// The command of Kafka's own tools that gives it to `principal`, like User:hansa.
std::string command_text(const KafkaRight& right, const std::string& principal);

}  // namespace hansa::ops
