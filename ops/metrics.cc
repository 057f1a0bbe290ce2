#include "ops/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <chrono>
#include <map>
#include <sstream>
#include <unordered_map>

#include "core/base/schema.h"
#include "ops/json_log.h"
#include "ops/metrics_catalogue.h"

namespace hansa::ops {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array kPlainRoutes = {"start",  "openapi", "healthz", "readyz",
                                     "errors", "tlog",    "none"};
constexpr std::array kStatuses = {200, 201, 204, 400, 401, 403, 404, 405, 408,
                                  409, 413, 415, 422, 429, 431, 500, 503, 504};
constexpr std::array kOutcomes = {"ok", "refused", "unavailable", "unknown"};

size_t status_index(int status) {
  for (size_t i = 0; i < kStatuses.size(); ++i) {
    if (kStatuses[i] == status) return i;
  }
  return status_index(500);
}

size_t outcome_index(std::string_view code) {
  if (code == "ok") return 0;
  const auto errc = find_errc(code);
  if (!errc) return 1;
  switch (*errc) {
    case Errc::kUnavailable:
    case Errc::kNotYet:
    case Errc::kRateLimited:
    case Errc::kLedgerStopped:
    case Errc::kInternal:
      return 2;
    case Errc::kUnknownOutcome:
      return 3;
    default:
      return 1;
  }
}

const Histogram::BucketBoundaries kSeconds = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005,
                                              0.001,   0.0025,   0.005,   0.01,   0.025,   0.05,
                                              0.1,     0.25,     0.5,     1,      2.5,     5};

template <typename Builder>
auto& registered(Builder builder, prometheus::Registry& registry, std::string_view name) {
  const auto& info = series_info(name);
  return builder.Name(std::string(info.name)).Help(std::string(info.meaning)).Register(registry);
}
auto& counters(prometheus::Registry& registry, std::string_view name) {
  return registered(prometheus::BuildCounter(), registry, name);
}
auto& gauges(prometheus::Registry& registry, std::string_view name) {
  return registered(prometheus::BuildGauge(), registry, name);
}
auto& histograms(prometheus::Registry& registry, std::string_view name) {
  return registered(prometheus::BuildHistogram(), registry, name);
}

using projections::RebuildPhase;

class Observer : public projections::KeeperObserver {
 public:
  explicit Observer(prometheus::Registry& registry)
      : decide_(latency(registry, "hansa_projections_decide_seconds")),
        append_(latency(registry, "hansa_projections_append_seconds")),
        fold_(latency(registry, "hansa_projections_fold_seconds")),
        commit_(latency(registry, "hansa_projections_commit_seconds")),
        answer_(latency(registry, "hansa_projections_answer_seconds")),
        appended_(counters(registry, "hansa_projections_appended_entries_total").Add({})),
        folded_(counters(registry, "hansa_projections_folded_entries_total").Add({})),
        committed_(counters(registry, "hansa_projections_committed_rows_total").Add({})) {
    auto& commands = counters(registry, "hansa_projections_commands_total");
    auto add = [&](const std::string& method) {
      auto& row = commands_[method];
      for (size_t i = 0; i < kOutcomes.size(); ++i) {
        row[i] = &commands.Add({{"method", method}, {"outcome", kOutcomes[i]}});
      }
    };
    for (const auto& method : methods()) {
      if (method.is_command) add(method.name);
    }
    add("TimerDue");
    auto& rebuilds = counters(registry, "hansa_projections_rebuilds_total");
    for (const auto phase :
         {RebuildPhase::kDone, RebuildPhase::kCancelled, RebuildPhase::kFailed}) {
      rebuilds_.emplace(phase, &rebuilds.Add({{"outcome", phase_name(phase)}}));
    }
    auto& codes = counters(registry, "hansa_projections_command_codes_total");
    codes_.emplace("ok", &codes.Add({{"code", "ok"}}));
    for (const auto& info : error_table()) {
      const std::string name(info.name);
      codes_.emplace(name, &codes.Add({{"code", name}}));
    }
  }

  void decided(std::string_view method, std::string_view outcome_code, int64_t took_us) override {
    decide_.Observe(in_seconds(took_us));
    if (auto row = commands_.find(std::string(method)); row != commands_.end()) {
      row->second[outcome_index(outcome_code)]->Increment();
    }
    if (auto code = codes_.find(std::string(outcome_code)); code != codes_.end()) {
      code->second->Increment();
    }
  }
  void appended(size_t entries, int64_t until_landed_us) override {
    append_.Observe(in_seconds(until_landed_us));
    appended_.Increment(static_cast<double>(entries));
  }
  void folded(size_t entries, int64_t took_us) override {
    fold_.Observe(in_seconds(took_us));
    folded_.Increment(static_cast<double>(entries));
  }
  void committed(size_t rows, int64_t took_us) override {
    commit_.Observe(in_seconds(took_us));
    committed_.Increment(static_cast<double>(rows));
  }
  void answered(int64_t since_submitted_us) override {
    answer_.Observe(in_seconds(since_submitted_us));
  }
  void rebuilt(const LedgerId& ledger, const projections::RebuildStatus& status) override {
    rebuilds_.at(status.phase)->Increment();
    const bool well = status.phase == RebuildPhase::kDone && !status.digest_differed;
    JsonLine(well ? LogLevel::kInfo : LogLevel::kWarning, "rebuild_ended")
        .field("ledger", ledger.text())
        .field("outcome", phase_name(status.phase))
        .field("seq", status.progress.seq)
        .field("digest_differed", status.digest_differed)
        .field("detail", status.detail);
  }
  int64_t monotonic_us() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }

 private:
  static Histogram& latency(prometheus::Registry& registry, std::string_view name) {
    return histograms(registry, name).Add({}, kSeconds);
  }

  Histogram& decide_;
  Histogram& append_;
  Histogram& fold_;
  Histogram& commit_;
  Histogram& answer_;
  Counter& appended_;
  Counter& folded_;
  Counter& committed_;
  std::map<RebuildPhase, Counter*> rebuilds_;
  std::unordered_map<std::string, std::array<Counter*, kOutcomes.size()>> commands_;
  std::unordered_map<std::string, Counter*> codes_;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Observer observer{registry};
  std::vector<std::array<Counter*, kStatuses.size()>> requests;  // by route
  Histogram* duration[2] = {};                                   // read, command
  std::unordered_map<int, Counter*> problems;
  Gauge* connections = nullptr;
  Counter* refused_connections = nullptr;
  Counter* refused_handshakes = nullptr;
  Gauge* certificate_end = nullptr;
  Gauge* certificate_stale = nullptr;
  prometheus::Family<Gauge>* token_keys_stale = nullptr;
  Counter* bytes_in = nullptr;
  Counter* bytes_out = nullptr;

  Impl() {
    auto& counts = counters(registry, "hansa_ops_http_requests_total");
    auto add = [&](const std::string& route) {
      auto& row = requests.emplace_back();
      for (size_t i = 0; i < kStatuses.size(); ++i) {
        row[i] = &counts.Add({{"route", route}, {"status", std::to_string(kStatuses[i])}});
      }
    };
    for (const auto& method : methods()) add(method.name);
    for (const auto* plain : kPlainRoutes) add(plain);
    auto& durations = histograms(registry, "hansa_ops_http_request_seconds");
    duration[0] = &durations.Add({{"kind", "read"}}, kSeconds);
    duration[1] = &durations.Add({{"kind", "command"}}, kSeconds);
    auto& codes = counters(registry, "hansa_ops_http_problems_total");
    for (const auto& info : error_table()) {
      problems[static_cast<int>(info.code)] = &codes.Add({{"code", std::string(info.name)}});
    }
    connections = &gauges(registry, "hansa_ops_http_connections").Add({});
    refused_connections =
        &counters(registry, "hansa_ops_http_refused_connections_total").Add({});
    refused_handshakes = &counters(registry, "hansa_ops_tls_refused_total").Add({});
    certificate_end = &gauges(registry, "hansa_ops_tls_certificate_end_seconds").Add({});
    certificate_stale = &gauges(registry, "hansa_ops_tls_stale_bool").Add({});
    token_keys_stale = &gauges(registry, "hansa_ops_token_keys_stale_bool");
    bytes_in = &counters(registry, "hansa_ops_http_received_bytes_total").Add({});
    bytes_out = &counters(registry, "hansa_ops_http_sent_bytes_total").Add({});
  }
};

size_t route_number(PlainRoute route) { return methods().size() + static_cast<size_t>(route); }

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

projections::KeeperObserver& Metrics::observer() { return impl_->observer; }

void Metrics::http_answered(const HttpMeasure& measure) {
  impl_->requests[measure.route][status_index(measure.status)]->Increment();
  const bool is_command = measure.route < methods().size() && methods()[measure.route].is_command;
  impl_->duration[is_command ? 1 : 0]->Observe(in_seconds(measure.took_us));
  impl_->bytes_in->Increment(amount(measure.bytes_in));
  impl_->bytes_out->Increment(amount(measure.bytes_out));
}

void Metrics::http_problem(Errc code) { impl_->problems.at(static_cast<int>(code))->Increment(); }
void Metrics::connection_opened() { impl_->connections->Increment(); }
void Metrics::connection_closed() { impl_->connections->Decrement(); }
void Metrics::connection_refused() { impl_->refused_connections->Increment(); }
void Metrics::tls_refused() { impl_->refused_handshakes->Increment(); }

void Metrics::tls_read(int64_t expires_s, bool is_stale) {
  impl_->certificate_end->Set(static_cast<double>(expires_s));
  impl_->certificate_stale->Set(is_stale ? 1 : 0);
}

void Metrics::token_keys_read(const std::string& issuer, bool is_stale) {
  impl_->token_keys_stale->Add({{"issuer", issuer}}).Set(is_stale ? 1 : 0);
}

std::string Metrics::text(const Scrape& scrape) const {
  auto families = impl_->registry.Collect();
  auto scraped = scraped_families(scrape);
  families.insert(families.end(), std::make_move_iterator(scraped.begin()),
                  std::make_move_iterator(scraped.end()));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace hansa::ops
