// Scrape: what is read as it stands whenever Prometheus asks, as series.
//
// Shape:   of each ledger and each link, of the process and its machine, and of the Kafka clients.
//          What is counted as it happens is ops/metrics.h.
// Units:   seconds and bytes in the series, microseconds in what is given.
// Threads: free for all.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "federation/relay.h"
#include "projections/keeper.h"

namespace hansa::ops {

// Microseconds and counts as Prometheus takes them.
inline double in_seconds(int64_t us) { return static_cast<double>(us) / 1e6; }
inline double amount(uint64_t count) { return static_cast<double>(count); }

struct FeedFigures {
  LedgerId share;
  Seq given_seq = 0;
  bool waits = false;
};

struct LedgerFigures {
  LedgerId ledger;
  std::optional<Errc> refused;  // why it could not be opened
  projections::KeeperHealth health;
  Seq outlet_seq = 0;  // up to which events were given out
  bool outlet_waits = false;
  std::vector<FeedFigures> feeds;
  uint64_t inboxes_waiting = 0;
  uint64_t dead_letters_open = 0;
  // RocksDB's property and its value; 0 while the ledger is refused.
  std::vector<std::pair<std::string, uint64_t>> rocksdb;
};
// The RocksDB properties that LedgerFigures carries.
const std::vector<std::string>& rocksdb_properties();

struct ProcessFigures {
  int64_t started_us = 0;  // since 1970, as the next
  int64_t now_us = 0;
  int64_t clock_ahead_us = 0;  // of the brokers'
  uint64_t disk_free_bytes = 0;
  uint64_t disk_size_bytes = 0;
  uint64_t resident_bytes = 0;
  int64_t cpu_us = 0;
  uint64_t audit_records = 0;
  bool audit_fails = false;
};
// What the system says of this process and of the disk that `folder` is on; the rest stays 0.
ProcessFigures read_process(const std::string& folder);

struct Scrape {
  ProcessFigures process;
  std::vector<LedgerFigures> ledgers;
  std::vector<federation::LinkHealth> links;
  std::vector<std::string> log_statistics;  // of streams::Log::statistics()
};
std::vector<prometheus::MetricFamily> scraped_families(const Scrape& scrape);

}  // namespace hansa::ops
