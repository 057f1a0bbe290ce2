// Bench log: the log that a figure is taken on: Kafka where HANSA_KAFKA names a broker, else the
// embedded one in a folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ledger/chain.h"
#include "streams/kafka_options.h"
#include "streams/log.h"

namespace hansa::bench {

// Makes the ledgers' topics if they are not there.
std::unique_ptr<streams::Log> open_bench_log(const std::string& folder, bool fsync,
                                             const std::vector<LedgerId>& ledgers);
// Of the broker in HANSA_KAFKA; gives up without one.
streams::KafkaOptions bench_kafka();

}  // namespace hansa::bench
