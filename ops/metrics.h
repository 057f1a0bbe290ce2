// Metrics: what this process counts and measures, for Prometheus.
//
// Shape:   names `hansa_<layer>_<what>_<unit>`; the list is in ops/README.md. Every series of the
//          process stands at 0 from the first scrape. observer() is what keepers report to;
//          http_... is what the server reports; text() is one scrape, given the ledgers' figures.
// Units:   seconds and bytes in what is scraped, microseconds in what is reported here.
// Threads: everything from any.
// Limits:  no label takes its values from callers: methods, codes, statuses, configured ledgers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/errc.h"
#include "federation/relay.h"
#include "projections/keeper.h"

namespace hansa::ops {

// What has an address but is no method of the schema.
enum class PlainRoute : uint8_t { kStart, kOpenapi, kHealth, kReady, kErrors, kTlog, kNone };
// The number under which a route is counted: methods() first, then the plain ones.
size_t route_number(PlainRoute route);

struct FeedFigures {
  LedgerId share;
  Seq given_seq = 0;
  bool waits = false;
};

struct LedgerFigures {
  LedgerId ledger;
  bool refused = false;
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

struct HttpMeasure {
  size_t route = 0;
  int status = 0;
  int64_t took_us = 0;
  size_t bytes_in = 0;
  size_t bytes_out = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  projections::KeeperObserver& observer();

  void http_answered(const HttpMeasure& measure);
  void http_problem(Errc code);
  void connection_opened();
  void connection_closed();
  void connection_refused();

  // `log_statistics`: of streams::Log::statistics().
  std::string text(const std::vector<LedgerFigures>& ledgers,
                   const std::vector<std::string>& log_statistics = {},
                   const std::vector<federation::LinkHealth>& links = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::ops
