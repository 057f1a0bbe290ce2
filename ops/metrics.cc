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
#include "ops/kafka_metrics.h"

namespace hansa::ops {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::MetricFamily;

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

double seconds(int64_t us) { return static_cast<double>(us) / 1e6; }

using projections::RebuildPhase;

class Observer : public projections::KeeperObserver {
 public:
  explicit Observer(prometheus::Registry& registry)
      : decide_(latency(registry, "decide", "Deciding one command")),
        append_(latency(registry, "append", "From handing entries to the log until they landed")),
        fold_(latency(registry, "fold", "Folding one batch of entries read from the log")),
        commit_(latency(registry, "commit", "Writing changed rows and position to the store")),
        answer_(latency(registry, "answer", "From submitting a command until its answer")),
        appended_(counter(registry, "hansa_projections_appended_entries_total",
                          "Entries appended that landed")),
        folded_(counter(registry, "hansa_projections_folded_entries_total",
                        "Entries folded from the log")),
        committed_(counter(registry, "hansa_projections_committed_rows_total",
                           "Rows written to the store")) {
    auto& commands = prometheus::BuildCounter()
                         .Name("hansa_projections_commands_total")
                         .Help("Commands by method and outcome")
                         .Register(registry);
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
    auto& rebuilds = prometheus::BuildCounter()
                         .Name("hansa_projections_rebuilds_total")
                         .Help("Rebuilds that ended, by outcome")
                         .Register(registry);
    for (const auto phase :
         {RebuildPhase::kDone, RebuildPhase::kCancelled, RebuildPhase::kFailed}) {
      rebuilds_.emplace(phase, &rebuilds.Add({{"outcome", phase_name(phase)}}));
    }
    auto& codes = prometheus::BuildCounter()
                      .Name("hansa_projections_command_codes_total")
                      .Help("Commands by the code of their answer")
                      .Register(registry);
    codes_.emplace("ok", &codes.Add({{"code", "ok"}}));
    for (const auto& info : error_table()) {
      const std::string name(info.name);
      codes_.emplace(name, &codes.Add({{"code", name}}));
    }
  }

  void decided(std::string_view method, std::string_view outcome_code, int64_t took_us) override {
    decide_.Observe(seconds(took_us));
    if (auto row = commands_.find(std::string(method)); row != commands_.end()) {
      row->second[outcome_index(outcome_code)]->Increment();
    }
    if (auto code = codes_.find(std::string(outcome_code)); code != codes_.end()) {
      code->second->Increment();
    }
  }
  void appended(size_t entries, int64_t until_landed_us) override {
    append_.Observe(seconds(until_landed_us));
    appended_.Increment(static_cast<double>(entries));
  }
  void folded(size_t entries, int64_t took_us) override {
    fold_.Observe(seconds(took_us));
    folded_.Increment(static_cast<double>(entries));
  }
  void committed(size_t rows, int64_t took_us) override {
    commit_.Observe(seconds(took_us));
    committed_.Increment(static_cast<double>(rows));
  }
  void answered(int64_t since_submitted_us) override {
    answer_.Observe(seconds(since_submitted_us));
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
  static Histogram& latency(prometheus::Registry& registry, const std::string& what,
                            const std::string& help) {
    return prometheus::BuildHistogram()
        .Name("hansa_projections_" + what + "_seconds")
        .Help(help)
        .Register(registry)
        .Add({}, kSeconds);
  }
  static Counter& counter(prometheus::Registry& registry, const std::string& name,
                          const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
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

using Read = double (*)(const LedgerFigures&);

struct LedgerSeries {
  const char* name;
  const char* help;
  prometheus::MetricType type;
  Read read;
};

constexpr auto kGauge = prometheus::MetricType::Gauge;
constexpr auto kCounter = prometheus::MetricType::Counter;

double number(uint64_t value) { return static_cast<double>(value); }

double progress_ratio(const projections::CatchUpProgress& progress) {
  if (progress.end_offset == 0) return 0.0;
  return number(progress.next_offset) / number(progress.end_offset);
}

const LedgerSeries kLedgerSeries[] = {
    {"hansa_projections_ready_bool", "1 while the ledger takes commands", kGauge,
     [](const LedgerFigures& l) { return !l.refused && l.health.ready ? 1.0 : 0.0; }},
    {"hansa_projections_refused_bool", "1 when the ledger could not be opened or has stopped",
     kGauge, [](const LedgerFigures& l) { return l.refused || l.health.stopped ? 1.0 : 0.0; }},
    {"hansa_projections_landed_entries", "Seq of the last entry known to have landed", kGauge,
     [](const LedgerFigures& l) { return number(l.health.landed_seq); }},
    {"hansa_projections_committed_entries", "Seq that reads see", kGauge,
     [](const LedgerFigures& l) { return number(l.health.committed_seq); }},
    {"hansa_streams_end_records", "End of the log", kGauge,
     [](const LedgerFigures& l) { return number(l.health.end_offset); }},
    {"hansa_projections_position_records", "Next record of the log to be folded", kGauge,
     [](const LedgerFigures& l) { return number(l.health.next_offset); }},
    {"hansa_projections_oldest_unprocessed_age_seconds",
     "Age of the oldest entry that is not folded yet; the main figure of health", kGauge,
     [](const LedgerFigures& l) { return seconds(l.health.oldest_unprocessed_age_us); }},
    {"hansa_projections_tip_time_seconds", "Time of the last entry, seconds since 1970", kGauge,
     [](const LedgerFigures& l) { return seconds(l.health.tip_time_us); }},
    {"hansa_streams_voids_total", "Records that are no entries of the ledger", kCounter,
     [](const LedgerFigures& l) { return number(l.health.voids); }},
    {"hansa_projections_leads_bool", "1 while this node decides for the ledger", kGauge,
     [](const LedgerFigures& l) {
       return !l.refused && l.health.lead == projections::Lead::kHere ? 1.0 : 0.0;
     }},
    {"hansa_projections_forwarded_commands_total", "Commands sent on to the node that leads",
     kCounter, [](const LedgerFigures& l) { return number(l.health.forwarded_commands); }},
    {"hansa_projections_forward_timeouts_total",
     "Forwarded commands that brought no entry in time and were decided here", kCounter,
     [](const LedgerFigures& l) { return number(l.health.forward_timeouts); }},
    {"hansa_ops_outlet_entries", "Seq up to which events were given out; 0 without an outlet",
     kGauge, [](const LedgerFigures& l) { return number(l.outlet_seq); }},
    {"hansa_ops_outlet_waiting_bool", "1 while an outlet cannot give events out", kGauge,
     [](const LedgerFigures& l) { return l.outlet_waits ? 1.0 : 0.0; }},
    {"hansa_ops_inboxes_waiting", "Inboxes that cannot go on; the log says why", kGauge,
     [](const LedgerFigures& l) { return number(l.inboxes_waiting); }},
    {"hansa_ops_dead_letters", "Records of inboxes that were not taken and wait for somebody",
     kGauge, [](const LedgerFigures& l) { return number(l.dead_letters_open); }},
    {"hansa_projections_waiting_commands", "Commands that wait to be decided", kGauge,
     [](const LedgerFigures& l) { return number(l.health.queued_commands); }},
    {"hansa_projections_dirty_rows", "Changed rows that are not committed yet", kGauge,
     [](const LedgerFigures& l) { return number(l.health.dirty_rows); }},
    {"hansa_projections_rebuild_running_bool", "1 while rows are folded anew beside these", kGauge,
     [](const LedgerFigures& l) { return l.health.rebuild.runs() ? 1.0 : 0.0; }},
    {"hansa_projections_rebuild_progress_ratio", "Records folded of those there are, last rebuild",
     kGauge, [](const LedgerFigures& l) { return progress_ratio(l.health.rebuild.progress); }},
    {"hansa_projections_rebuild_digest_differed_bool",
     "1 if the last rebuild found the rows to be wrong", kGauge,
     [](const LedgerFigures& l) { return l.health.rebuild.digest_differed ? 1.0 : 0.0; }},
    {"hansa_projections_row_cache_hits_total", "Rows found in memory", kCounter,
     [](const LedgerFigures& l) { return number(l.health.cache_hits); }},
    {"hansa_projections_row_cache_misses_total", "Rows read from the store", kCounter,
     [](const LedgerFigures& l) { return number(l.health.cache_misses); }},
    {"hansa_projections_row_cache_bytes", "Memory of the row cache", kGauge,
     [](const LedgerFigures& l) { return number(l.health.cache_bytes); }},
};

struct RocksdbSeries {
  const char* property;
  const char* name;
  const char* help;
};

constexpr RocksdbSeries kRocksdbSeries[] = {
    {"rocksdb.block-cache-usage", "hansa_projections_rocksdb_block_cache_bytes",
     "Block cache in use; shared by all ledgers"},
    {"rocksdb.cur-size-all-mem-tables", "hansa_projections_rocksdb_memtable_bytes",
     "Rows in memory that are not in files yet"},
    {"rocksdb.estimate-pending-compaction-bytes",
     "hansa_projections_rocksdb_pending_compaction_bytes", "Work that compaction is behind"},
    {"rocksdb.total-sst-files-size", "hansa_projections_rocksdb_file_bytes", "Size of the files"},
    {"rocksdb.estimate-table-readers-mem", "hansa_projections_rocksdb_table_reader_bytes",
     "Memory of open files' indexes"},
    {"rocksdb.is-write-stopped", "hansa_projections_rocksdb_write_stopped_bool",
     "1 while RocksDB takes no writes"},
    {"rocksdb.background-errors", "hansa_projections_rocksdb_background_errors",
     "Errors of flush and compaction since the start"},
};

void add_value(MetricFamily& family, const LedgerId& ledger, double value) {
  prometheus::ClientMetric metric;
  metric.label.push_back({"ledger", ledger.text()});
  if (family.type == kCounter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

std::vector<MetricFamily> ledger_families(const std::vector<LedgerFigures>& ledgers) {
  std::vector<MetricFamily> families;
  for (const auto& series : kLedgerSeries) {
    MetricFamily family{series.name, series.help, series.type, {}};
    for (const auto& ledger : ledgers) add_value(family, ledger.ledger, series.read(ledger));
    families.push_back(std::move(family));
  }
  for (const auto& series : kRocksdbSeries) {
    MetricFamily family{series.name, series.help, kGauge, {}};
    for (const auto& ledger : ledgers) {
      uint64_t value = 0;
      for (const auto& [property, found] : ledger.rocksdb) {
        if (property == series.property) value = found;
      }
      add_value(family, ledger.ledger, number(value));
    }
    families.push_back(std::move(family));
  }
  return families;
}

std::vector<MetricFamily> feed_families(const std::vector<LedgerFigures>& ledgers) {
  std::vector<MetricFamily> families = {
      {"hansa_ops_feed_entries", "Seq of the share ledger up to which its events were given out",
       kGauge, {}},
      {"hansa_ops_feed_waiting_bool", "1 while a feed cannot give events out", kGauge, {}},
  };
  for (const auto& ledger : ledgers) {
    for (const auto& feed : ledger.feeds) {
      add_value(families[0], feed.share, number(feed.given_seq));
      add_value(families[1], feed.share, feed.waits ? 1.0 : 0.0);
    }
  }
  return families;
}

std::vector<MetricFamily> link_families(const std::vector<federation::LinkHealth>& links) {
  std::vector<MetricFamily> families = {
      {"hansa_federation_link_behind_records", "Entries of the source that are not taken yet",
       kGauge, {}},
      {"hansa_federation_link_behind_seconds", "Age of the oldest of them", kGauge, {}},
      {"hansa_federation_link_waiting_bool", "1 while the link cannot go on", kGauge, {}},
  };
  for (const auto& link : links) {
    const double values[] = {number(link.behind_records), seconds(link.behind_us),
                             link.waits ? 1.0 : 0.0};
    for (size_t i = 0; i < families.size(); ++i) {
      prometheus::ClientMetric metric;
      metric.label.push_back({"link", link.link});
      metric.gauge.value = values[i];
      families[i].metric.push_back(std::move(metric));
    }
  }
  return families;
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Observer observer{registry};
  std::vector<std::array<Counter*, kStatuses.size()>> requests;  // by route
  Histogram* duration[2] = {};                                   // read, command
  std::unordered_map<int, Counter*> problems;
  Gauge* connections = nullptr;
  Counter* refused_connections = nullptr;
  Counter* bytes_in = nullptr;
  Counter* bytes_out = nullptr;

  Impl() {
    auto& counts = prometheus::BuildCounter()
                       .Name("hansa_ops_http_requests_total")
                       .Help("Requests by route and status")
                       .Register(registry);
    auto add = [&](const std::string& route) {
      auto& row = requests.emplace_back();
      for (size_t i = 0; i < kStatuses.size(); ++i) {
        row[i] = &counts.Add({{"route", route}, {"status", std::to_string(kStatuses[i])}});
      }
    };
    for (const auto& method : methods()) add(method.name);
    for (const auto* plain : kPlainRoutes) add(plain);
    auto& durations = prometheus::BuildHistogram()
                          .Name("hansa_ops_http_request_seconds")
                          .Help("From the whole request to the whole answer")
                          .Register(registry);
    duration[0] = &durations.Add({{"kind", "read"}}, kSeconds);
    duration[1] = &durations.Add({{"kind", "command"}}, kSeconds);
    auto& codes = prometheus::BuildCounter()
                      .Name("hansa_ops_http_problems_total")
                      .Help("Problem documents by code")
                      .Register(registry);
    for (const auto& info : error_table()) {
      problems[static_cast<int>(info.code)] = &codes.Add({{"code", std::string(info.name)}});
    }
    connections = &prometheus::BuildGauge()
                       .Name("hansa_ops_http_connections")
                       .Help("Open connections")
                       .Register(registry)
                       .Add({});
    auto count = [&](const char* name, const char* help) {
      return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
    };
    refused_connections = count("hansa_ops_http_refused_connections_total",
                                "Connections over the limit, answered 503");
    bytes_in = count("hansa_ops_http_received_bytes_total", "Bytes of request bodies");
    bytes_out = count("hansa_ops_http_sent_bytes_total", "Bytes of answers");
  }
};

size_t route_number(PlainRoute route) { return methods().size() + static_cast<size_t>(route); }

const std::vector<std::string>& rocksdb_properties() {
  static const std::vector<std::string> kProperties = [] {
    std::vector<std::string> names;
    for (const auto& series : kRocksdbSeries) names.emplace_back(series.property);
    return names;
  }();
  return kProperties;
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

projections::KeeperObserver& Metrics::observer() { return impl_->observer; }

void Metrics::http_answered(const HttpMeasure& measure) {
  impl_->requests[measure.route][status_index(measure.status)]->Increment();
  const bool is_command = measure.route < methods().size() && methods()[measure.route].is_command;
  impl_->duration[is_command ? 1 : 0]->Observe(seconds(measure.took_us));
  impl_->bytes_in->Increment(number(measure.bytes_in));
  impl_->bytes_out->Increment(number(measure.bytes_out));
}

void Metrics::http_problem(Errc code) { impl_->problems.at(static_cast<int>(code))->Increment(); }
void Metrics::connection_opened() { impl_->connections->Increment(); }
void Metrics::connection_closed() { impl_->connections->Decrement(); }
void Metrics::connection_refused() { impl_->refused_connections->Increment(); }

std::string Metrics::text(const std::vector<LedgerFigures>& ledgers,
                          const std::vector<std::string>& log_statistics,
                          const std::vector<federation::LinkHealth>& links) const {
  auto families = impl_->registry.Collect();
  for (auto own : {ledger_families(ledgers), feed_families(ledgers),
                   kafka_families(log_statistics), link_families(links)}) {
    families.insert(families.end(), std::make_move_iterator(own.begin()),
                    std::make_move_iterator(own.end()));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace hansa::ops
