#include "ops/scrape.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "core/base/durations.h"
#include "ops/kafka_metrics.h"
#include "ops/metrics_catalogue.h"
#include "ops/version.h"

namespace hansa::ops {
namespace {

using projections::Waits;
using prometheus::MetricFamily;

using Labels = std::vector<prometheus::ClientMetric::Label>;
using Read = double (*)(const LedgerFigures&);

struct LedgerSeries {
  const char* name;
  Read read;
};

struct Reason {
  Waits waits;
  const char* name;
};
constexpr Reason kReasons[] = {
    {Waits::kStopped, "stopped"}, {Waits::kUpgrade, "upgrade"}, {Waits::kRebuild, "rebuild"},
    {Waits::kClock, "clock"},     {Waits::kRows, "rows"},       {Waits::kLog, "log"},
};

double bit(bool value) { return value ? 1.0 : 0.0; }

bool shows_second_history(const LedgerFigures& l) {
  const auto found = l.health.stopped ? std::optional(l.health.stopped_by) : l.refused;
  return found == Errc::kChainBroken || found == Errc::kLogBehind;
}

double progress_ratio(const projections::CatchUpProgress& progress) {
  if (progress.end_offset == 0) return 0.0;
  return amount(progress.next_offset) / amount(progress.end_offset);
}

const LedgerSeries kLedgerSeries[] = {
    {"hansa_projections_ready_bool",
     [](const LedgerFigures& l) { return bit(!l.refused && l.health.ready); }},
    {"hansa_projections_refused_bool",
     [](const LedgerFigures& l) { return bit(l.refused || l.health.stopped); }},
    {"hansa_projections_second_history_bool",
     [](const LedgerFigures& l) { return bit(shows_second_history(l)); }},
    {"hansa_projections_landed_entries",
     [](const LedgerFigures& l) { return amount(l.health.landed_seq); }},
    {"hansa_projections_committed_entries",
     [](const LedgerFigures& l) { return amount(l.health.committed_seq); }},
    {"hansa_streams_end_records",
     [](const LedgerFigures& l) { return amount(l.health.end_offset); }},
    {"hansa_projections_position_records",
     [](const LedgerFigures& l) { return amount(l.health.next_offset); }},
    {"hansa_projections_oldest_unprocessed_age_seconds",
     [](const LedgerFigures& l) { return in_seconds(l.health.oldest_unprocessed_age_us); }},
    {"hansa_projections_tip_time_seconds",
     [](const LedgerFigures& l) { return in_seconds(l.health.tip_time_us); }},
    {"hansa_streams_voids_total", [](const LedgerFigures& l) { return amount(l.health.voids); }},
    {"hansa_projections_breached_deadlines_total",
     [](const LedgerFigures& l) { return amount(l.health.breached_deadlines); }},
    {"hansa_projections_keyring_failing_bool",
     [](const LedgerFigures& l) { return bit(l.health.keyring_fails); }},
    {"hansa_projections_leads_bool",
     [](const LedgerFigures& l) {
       return bit(!l.refused && l.health.lead == projections::Lead::kHere);
     }},
    {"hansa_projections_forwarded_commands_total",
     [](const LedgerFigures& l) { return amount(l.health.forwarded_commands); }},
    {"hansa_projections_forward_timeouts_total",
     [](const LedgerFigures& l) { return amount(l.health.forward_timeouts); }},
    {"hansa_ops_outlet_entries", [](const LedgerFigures& l) { return amount(l.outlet_seq); }},
    {"hansa_ops_outlet_waiting_bool", [](const LedgerFigures& l) { return bit(l.outlet_waits); }},
    {"hansa_ops_inboxes_waiting", [](const LedgerFigures& l) { return amount(l.inboxes_waiting); }},
    {"hansa_ops_dead_letters", [](const LedgerFigures& l) { return amount(l.dead_letters_open); }},
    {"hansa_projections_waiting_commands",
     [](const LedgerFigures& l) { return amount(l.health.queued_commands); }},
    {"hansa_projections_dirty_rows",
     [](const LedgerFigures& l) { return amount(l.health.dirty_rows); }},
    {"hansa_projections_rebuild_running_bool",
     [](const LedgerFigures& l) { return bit(l.health.rebuild.runs()); }},
    {"hansa_projections_rebuild_progress_ratio",
     [](const LedgerFigures& l) { return progress_ratio(l.health.rebuild.progress); }},
    {"hansa_projections_rebuild_digest_differed_bool",
     [](const LedgerFigures& l) { return bit(l.health.rebuild.digest_differed); }},
    {"hansa_projections_row_cache_hits_total",
     [](const LedgerFigures& l) { return amount(l.health.cache_hits); }},
    {"hansa_projections_row_cache_misses_total",
     [](const LedgerFigures& l) { return amount(l.health.cache_misses); }},
    {"hansa_projections_row_cache_bytes",
     [](const LedgerFigures& l) { return amount(l.health.cache_bytes); }},
};

struct RocksdbSeries {
  const char* property;
  const char* name;
};

constexpr RocksdbSeries kRocksdbSeries[] = {
    {"rocksdb.block-cache-usage", "hansa_projections_rocksdb_block_cache_bytes"},
    {"rocksdb.cur-size-all-mem-tables", "hansa_projections_rocksdb_memtable_bytes"},
    {"rocksdb.estimate-pending-compaction-bytes",
     "hansa_projections_rocksdb_pending_compaction_bytes"},
    {"rocksdb.total-sst-files-size", "hansa_projections_rocksdb_file_bytes"},
    {"rocksdb.estimate-table-readers-mem", "hansa_projections_rocksdb_table_reader_bytes"},
    {"rocksdb.is-write-stopped", "hansa_projections_rocksdb_write_stopped_bool"},
    {"rocksdb.background-errors", "hansa_projections_rocksdb_background_errors"},
};

std::string_view link_kind_name(federation::LinkKind kind) {
  using federation::LinkKind;
  switch (kind) {
    case LinkKind::kRelay:
      return "relay";
    case LinkKind::kInput:
      return "input";
    case LinkKind::kComparison:
      return "comparison";
    case LinkKind::kConfirmation:
      return "confirmation";
    case LinkKind::kFigures:
      return "figures";
    case LinkKind::kOpening:
      return "opening";
  }
  return "";
}

void add_value(MetricFamily& family, Labels labels, double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

std::vector<MetricFamily> ledger_families(const std::vector<LedgerFigures>& ledgers) {
  std::vector<MetricFamily> families;
  for (const auto& series : kLedgerSeries) {
    auto& family = families.emplace_back(empty_family(series.name));
    for (const auto& l : ledgers) add_value(family, {{"ledger", l.ledger.text()}}, series.read(l));
  }
  auto& waiting = families.emplace_back(empty_family("hansa_projections_waiting_bool"));
  for (const auto& l : ledgers) {
    for (const auto& reason : kReasons) {
      add_value(waiting, {{"ledger", l.ledger.text()}, {"reason", reason.name}},
                bit(!l.refused && l.health.waits_for == reason.waits));
    }
  }
  for (const auto& series : kRocksdbSeries) {
    auto& family = families.emplace_back(empty_family(series.name));
    for (const auto& l : ledgers) {
      uint64_t value = 0;
      for (const auto& [property, found] : l.rocksdb) {
        if (property == series.property) value = found;
      }
      add_value(family, {{"ledger", l.ledger.text()}}, amount(value));
    }
  }
  return families;
}

std::vector<MetricFamily> feed_families(const std::vector<LedgerFigures>& ledgers) {
  std::vector<MetricFamily> families = {empty_family("hansa_ops_feed_entries"),
                                        empty_family("hansa_ops_feed_waiting_bool")};
  for (const auto& l : ledgers) {
    for (const auto& feed : l.feeds) {
      const Labels share = {{"ledger", feed.share.text()}};
      add_value(families[0], share, amount(feed.given_seq));
      add_value(families[1], share, bit(feed.waits));
    }
  }
  return families;
}

std::vector<MetricFamily> link_families(const std::vector<federation::LinkHealth>& links) {
  std::vector<MetricFamily> families = {
      empty_family("hansa_federation_link_behind_records"),
      empty_family("hansa_federation_link_behind_seconds"),
      empty_family("hansa_federation_link_waiting_bool"),
      empty_family("hansa_federation_link_quarantined_bool"),
      empty_family("hansa_federation_link_second_history_bool"),
      empty_family("hansa_federation_link_silent_bool"),
  };
  for (const auto& link : links) {
    const Labels labels = {{"link", link.link}, {"kind", std::string(link_kind_name(link.kind))}};
    const double values[] = {amount(link.behind_records),
                             in_seconds(link.behind_us),
                             bit(link.waits.has_value()),
                             bit(link.is_quarantined),
                             bit(link.waits && link.waits->code == Errc::kForkFound),
                             bit(link.is_silent)};
    for (size_t i = 0; i < families.size(); ++i) add_value(families[i], labels, values[i]);
  }
  return families;
}

std::vector<MetricFamily> process_families(const ProcessFigures& process) {
  std::vector<MetricFamily> families;
  auto add = [&](const char* name, double value, Labels labels = {}) {
    add_value(families.emplace_back(empty_family(name)), std::move(labels), value);
  };
  add("hansa_ops_build_info", 1, {{"version", std::string(kVersion)}});
  add("hansa_ops_start_time_seconds", in_seconds(process.started_us));
  add("hansa_ops_clock_time_seconds", in_seconds(process.now_us));
  add("hansa_ops_clock_ahead_seconds", in_seconds(process.clock_ahead_us));
  add("hansa_ops_disk_free_bytes", amount(process.disk_free_bytes));
  add("hansa_ops_disk_size_bytes", amount(process.disk_size_bytes));
  add("hansa_ops_resident_bytes", amount(process.resident_bytes));
  add("hansa_ops_cpu_seconds_total", in_seconds(process.cpu_us));
  add("hansa_ops_audit_records_total", amount(process.audit_records));
  add("hansa_ops_audit_failing_bool", bit(process.audit_fails));
  return families;
}

int64_t us_of(const timeval& time) {
  return int64_t{time.tv_sec} * kSecondUs + time.tv_usec;
}

}  // namespace

const std::vector<std::string>& rocksdb_properties() {
  static const std::vector<std::string> kProperties = [] {
    std::vector<std::string> names;
    for (const auto& series : kRocksdbSeries) names.emplace_back(series.property);
    return names;
  }();
  return kProperties;
}

ProcessFigures read_process(const std::string& folder) {
  ProcessFigures figures;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) == 0) {
    figures.disk_free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
    figures.disk_size_bytes = uint64_t{disk.f_blocks} * disk.f_frsize;
  }
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    figures.cpu_us = us_of(used.ru_utime) + us_of(used.ru_stime);
  }
  uint64_t all_pages = 0;
  uint64_t resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> all_pages >> resident_pages) {
    figures.resident_bytes = resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return figures;
}

std::vector<MetricFamily> scraped_families(const Scrape& scrape) {
  std::vector<MetricFamily> families;
  for (auto own : {ledger_families(scrape.ledgers), feed_families(scrape.ledgers),
                   link_families(scrape.links), process_families(scrape.process),
                   kafka_families(scrape.log_statistics)}) {
    families.insert(families.end(), std::make_move_iterator(own.begin()),
                    std::make_move_iterator(own.end()));
  }
  return families;
}

}  // namespace hansa::ops
