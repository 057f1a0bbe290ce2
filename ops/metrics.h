// Metrics: what this process counts and measures, for Prometheus.
//
// Shape:   names `hansa_<layer>_<what>_<unit>`; ops/metrics_catalogue.h lists them. Every series
//          stands at 0 from the first scrape. observer() is what keepers report to; http_... is
//          what the server reports; text() is one scrape, given what is read as it stands.
// Units:   seconds and bytes in what is scraped, microseconds in what is reported here.
// Threads: everything from any.
// Limits:  no label takes its values from callers: methods, codes, statuses, configured ledgers.
#pragma once

#include <memory>
#include <string>

#include "core/base/errc.h"
#include "ops/scrape.h"
#include "projections/keeper.h"

namespace hansa::ops {

// What has an address but is no method of the schema.
enum class PlainRoute : uint8_t { kStart, kOpenapi, kHealth, kReady, kErrors, kTlog, kNone };
// The number under which a route is counted: methods() first, then the plain ones.
size_t route_number(PlainRoute route);

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
  void tls_refused();
  void tls_read(int64_t expires_s, bool is_stale);
  void token_keys_read(const std::string& issuer, bool is_stale);

  std::string text(const Scrape& scrape) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::ops
