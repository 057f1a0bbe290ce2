// The log of a configuration: the embedded one in its data folder, or Kafka.
//
// Shape:   open_log() makes it; open_read_log() one that is only read, and reads the ledgers of
//          section `peers` from the clusters of others; topics_of() names the topics that the
//          configuration, or one ledger of it, needs on Kafka; check_log() says whether a ledger
//          may be kept in it: on Kafka, that its topics stand with the settings of
//          streams/kafka_topics.h; prepare_log() makes the topic of one that begins while the node
//          runs, a share, and says the same of it.
// Errors:  open_log: those of the log. check_log, prepare_log: kBadConfig, with the command that
//          mends the first finding and the number of the others; kUnavailable: the cluster does
//          not answer.
// Threads: any.
#pragma once

#include <memory>

#include "ops/config.h"
#include "streams/kafka_options.h"
#include "streams/kafka_topics.h"
#include "streams/log.h"

namespace hansa::ops {

streams::KafkaOptions kafka_options(const Config& config);
streams::KafkaOptions kafka_options(const Config& config, const ClusterSettings& cluster);
std::vector<streams::Topic> topics_of(const Config& config);
std::vector<streams::Topic> topics_of(const Config& config, const LedgerSettings& ledger);
// `more_ledgers`: that are read beside those of the configuration, in the same memory.
Result<std::unique_ptr<streams::Log>> open_log(const Config& config, size_t more_ledgers = 0);
// Of a log of kind kafka.
Result<std::unique_ptr<streams::Log>> open_read_log(const Config& config, size_t more_ledgers);
Result<void> check_log(const Config& config, const LedgerId& ledger);
Result<void> prepare_log(const Config& config, const LedgerId& ledger);

}  // namespace hansa::ops
