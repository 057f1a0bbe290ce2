// Options of what speaks to Kafka: where it is, how to get in, and how much it may hold.
//
// Shape:   properties go to librdkafka as they are (security.protocol, sasl.*, ssl.*, client.id,
//          socket.*), but those that keep a ledger safe are not the operator's to set:
//          refused_property() says why. sasl.password.file and ssl.key.password.file name files
//          that hold these two, line break or not; they are read whenever a client is made.
// Units:   as the names say.
// Threads: plain values.
// Source:  LIBRARIES §1, SPEC §2.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace hansa::streams {

struct KafkaOptions {
  std::string bootstrap;  // host:port, several with commas
  std::map<std::string, std::string> properties;
  size_t ledgers_max = 64;                     // that are read through one client
  size_t read_ahead_bytes = 64 * 1024 * 1024;  // kept of all of them together
  int message_timeout_ms = 10'000;             // until an append's outcome is called unknown
  bool reads_only = false;                     // a log without a producer
  int topics_timeout_ms = 30'000;              // until questions about topics are given up
};

// Why an operator may not set this property; empty if it is theirs.
std::string refused_property(const std::string& name);

}  // namespace hansa::streams
