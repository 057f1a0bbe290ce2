#include "ops/metrics_catalogue.h"

#include <algorithm>

#include "core/base/assert.h"

namespace hansa::ops {
namespace {

constexpr SeriesLabel kLedgerLabel{"ledger", "ledgers of the configuration"};
constexpr SeriesLabel kShareLabel{"ledger", "share ledgers whose feed is configured"};
constexpr SeriesLabel kLinkLabel{"link", "what this node moves between ledgers, by the agreements"};
constexpr SeriesLabel kLinkKindLabel{"kind",
                                "relay, input, comparison, confirmation, figures, opening"};
constexpr SeriesLabel kReasonLabel{"reason", "stopped, upgrade, rebuild, clock, rows, log"};
constexpr SeriesLabel kMethodLabel{"method", "commands of the schema, and TimerDue"};
constexpr SeriesLabel kOutcomeLabel{"outcome", "ok, refused, unavailable, unknown"};
constexpr SeriesLabel kRebuildOutcomeLabel{"outcome", "done, cancelled, failed"};
constexpr SeriesLabel kCodeLabel{"code", "codes of `hansa error`, and ok of commands"};
constexpr SeriesLabel kRouteLabel{
    "route", "methods of the schema, start, openapi, healthz, readyz, errors, tlog, none"};
constexpr SeriesLabel kIssuerLabel{"issuer", "issuers of tokens in the configuration"};
constexpr SeriesLabel kStatusLabel{"status", "HTTP statuses that are answered"};
constexpr SeriesLabel kRequestKindLabel{"kind", "read, command"};
constexpr SeriesLabel kClientLabel{"client", "producer, consumer"};
constexpr SeriesLabel kBrokerLabel{"broker", "brokers of the cluster"};
constexpr SeriesLabel kVersionLabel{"version", "one"};

constexpr auto kCounter = SeriesType::kCounter;
constexpr auto kGauge = SeriesType::kGauge;
constexpr auto kHistogram = SeriesType::kHistogram;

constexpr SeriesInfo kCatalogue[] = {
    // ---- health of ledgers
    {"hansa_projections_oldest_unprocessed_age_seconds", kGauge, {&kLedgerLabel}, 3,
     "How far reads lag behind the log: age of the oldest entry that is not folded; the main "
     "figure of health"},
    {"hansa_projections_ready_bool", kGauge, {&kLedgerLabel}, 6, "The ledger takes commands"},
    {"hansa_projections_refused_bool", kGauge, {&kLedgerLabel}, 2,
     "The ledger could not be opened or has stopped"},
    {"hansa_projections_waiting_bool", kGauge, {&kLedgerLabel, &kReasonLabel}, 6,
     "Why an opened ledger takes no commands: stopped at an impossible state, an entry of a newer "
     "schema level, rows of another binary that are folded anew, a clock that jumped, rows that "
     "cannot be written, a log that cannot be"},
    {"hansa_projections_second_history_bool", kGauge, {&kLedgerLabel}, 2,
     "The ledger has stopped because its log shows another history than was read before"},
    {"hansa_projections_landed_entries", kGauge, {&kLedgerLabel}, 1,
     "Seq of the last entry known to have landed"},
    {"hansa_projections_committed_entries", kGauge, {&kLedgerLabel}, 3, "Seq that reads see"},
    {"hansa_projections_position_records", kGauge, {&kLedgerLabel}, 3,
     "Next record of the log to be folded"},
    {"hansa_projections_tip_time_seconds", kGauge, {&kLedgerLabel}, 1,
     "Time of the last entry, since 1970"},
    {"hansa_projections_waiting_commands", kGauge, {&kLedgerLabel}, 6,
     "Commands that wait to be decided"},
    {"hansa_projections_dirty_rows", kGauge, {&kLedgerLabel}, 3,
     "Changed rows that are not committed yet"},
    {"hansa_projections_breached_deadlines_total", kCounter, {&kLedgerLabel}, 0,
     "Deadlines of cases that passed, of the entries that were folded as they came"},
    {"hansa_projections_keyring_failing_bool", kGauge, {&kLedgerLabel}, 1,
     "Keys of persons could not be made durable at the last try: personal data is refused"},
    {"hansa_projections_leads_bool", kGauge, {&kLedgerLabel}, 2,
     "This node decides for the ledger"},
    {"hansa_projections_forwarded_commands_total", kCounter, {&kLedgerLabel}, 1,
     "Commands sent on to the node that leads"},
    {"hansa_projections_forward_timeouts_total", kCounter, {&kLedgerLabel}, 1,
     "Forwarded commands that brought no entry in time and were decided here"},
    {"hansa_streams_end_records", kGauge, {&kLedgerLabel}, 3, "End of the log"},
    {"hansa_streams_voids_total", kCounter, {&kLedgerLabel}, 2,
     "Records that are no entries of the ledger: of writers that lost a race, or of strangers"},
    // ---- deciding
    {"hansa_projections_commands_total", kCounter, {&kMethodLabel, &kOutcomeLabel}, 1,
     "Commands answered"},
    {"hansa_projections_command_codes_total", kCounter, {&kCodeLabel}, 1,
     "Commands answered, by the code of the answer"},
    {"hansa_projections_decide_seconds", kHistogram, {}, 0, "Deciding one command"},
    {"hansa_projections_append_seconds", kHistogram, {}, 1,
     "From handing entries to the log until they landed"},
    {"hansa_projections_fold_seconds", kHistogram, {}, 3,
     "Folding one batch of entries read from the log"},
    {"hansa_projections_commit_seconds", kHistogram, {}, 3,
     "Writing changed rows and position to the store"},
    {"hansa_projections_answer_seconds", kHistogram, {}, 1,
     "From submitting a command until its answer"},
    {"hansa_projections_appended_entries_total", kCounter, {}, 1, "Entries appended that landed"},
    {"hansa_projections_folded_entries_total", kCounter, {}, 3, "Entries folded from the log"},
    {"hansa_projections_committed_rows_total", kCounter, {}, 3, "Rows written to the store"},
    // ---- rows
    {"hansa_projections_rebuild_running_bool", kGauge, {&kLedgerLabel}, 3,
     "Rows are folded anew beside these"},
    {"hansa_projections_rebuild_progress_ratio", kGauge, {&kLedgerLabel}, 3,
     "Records folded of those there are, last rebuild"},
    {"hansa_projections_rebuild_digest_differed_bool", kGauge, {&kLedgerLabel}, 3,
     "The last rebuild found the rows to be wrong"},
    {"hansa_projections_rebuilds_total", kCounter, {&kRebuildOutcomeLabel}, 3,
     "Rebuilds that ended"},
    {"hansa_projections_row_cache_hits_total", kCounter, {&kLedgerLabel}, 0,
     "Rows found in memory"},
    {"hansa_projections_row_cache_misses_total", kCounter, {&kLedgerLabel}, 0,
     "Rows read from the store"},
    {"hansa_projections_row_cache_bytes", kGauge, {&kLedgerLabel}, 0, "Memory of the row cache"},
    {"hansa_projections_rocksdb_block_cache_bytes", kGauge, {&kLedgerLabel}, 0,
     "Block cache in use; shared by all ledgers"},
    {"hansa_projections_rocksdb_memtable_bytes", kGauge, {&kLedgerLabel}, 0,
     "Rows in memory that are not in files yet"},
    {"hansa_projections_rocksdb_pending_compaction_bytes", kGauge, {&kLedgerLabel}, 0,
     "Work that compaction is behind"},
    {"hansa_projections_rocksdb_file_bytes", kGauge, {&kLedgerLabel}, 0, "Size of the files"},
    {"hansa_projections_rocksdb_table_reader_bytes", kGauge, {&kLedgerLabel}, 0,
     "Memory of open files' indexes"},
    {"hansa_projections_rocksdb_write_stopped_bool", kGauge, {&kLedgerLabel}, 3,
     "RocksDB takes no writes"},
    {"hansa_projections_rocksdb_background_errors", kGauge, {&kLedgerLabel}, 3,
     "Errors of flush and compaction since the start"},
    // ---- between ledgers
    {"hansa_federation_link_behind_records", kGauge, {&kLinkLabel, &kLinkKindLabel}, 5,
     "Entries of the source that are not taken yet"},
    {"hansa_federation_link_behind_seconds", kGauge, {&kLinkLabel, &kLinkKindLabel}, 5,
     "Age of the oldest of them"},
    {"hansa_federation_link_waiting_bool", kGauge, {&kLinkLabel, &kLinkKindLabel}, 6,
     "The link cannot go on, a confirmation for want of cosignatures; the log says why"},
    {"hansa_federation_link_quarantined_bool", kGauge, {&kLinkLabel, &kLinkKindLabel}, 5,
     "What the source shows can never be right: its input stands still until it is released"},
    {"hansa_federation_link_second_history_bool", kGauge, {&kLinkLabel, &kLinkKindLabel}, 5,
     "The source shows another history than it has vouched for before"},
    {"hansa_federation_link_silent_bool", kGauge, {&kLinkLabel, &kLinkKindLabel}, 5,
     "Nothing signed was read of a member for three of its heartbeats"},
    // ---- other systems
    {"hansa_ops_inboxes_waiting", kGauge, {&kLedgerLabel}, 1,
     "Inboxes that cannot go on; the log says why"},
    {"hansa_ops_dead_letters", kGauge, {&kLedgerLabel}, 1,
     "Records of inboxes that were not taken and wait for somebody"},
    {"hansa_ops_outlet_entries", kGauge, {&kLedgerLabel}, 1,
     "Seq up to which events were given out; 0 without an outlet"},
    {"hansa_ops_outlet_waiting_bool", kGauge, {&kLedgerLabel}, 6,
     "The outlet cannot give events out"},
    {"hansa_ops_feed_entries", kGauge, {&kShareLabel}, 5,
     "Seq up to which the events of a share were given out; 0 where another node does"},
    {"hansa_ops_feed_waiting_bool", kGauge, {&kShareLabel}, 6, "The feed cannot give events out"},
    // ---- callers
    {"hansa_ops_http_requests_total", kCounter, {&kRouteLabel, &kStatusLabel}, 0,
     "Requests answered"},
    {"hansa_ops_http_request_seconds", kHistogram, {&kRequestKindLabel}, 0,
     "From the whole request to the whole answer"},
    {"hansa_ops_http_problems_total", kCounter, {&kCodeLabel}, 0, "Problem documents"},
    {"hansa_ops_http_connections", kGauge, {}, 0, "Open connections"},
    {"hansa_ops_http_refused_connections_total", kCounter, {}, 6,
     "Connections over the limit, answered 503"},
    {"hansa_ops_tls_refused_total", kCounter, {}, 0, "Handshakes of TLS that failed"},
    {"hansa_ops_tls_certificate_end_seconds", kGauge, {}, 0,
     "When the server's certificate expires, since 1970; 0 without TLS"},
    {"hansa_ops_tls_stale_bool", kGauge, {}, 0,
     "The files of the certificate have changed and cannot be used; the log says why"},
    {"hansa_ops_token_keys_stale_bool", kGauge, {&kIssuerLabel}, 0,
     "The issuer's keys could not be read at the last try; the log says why"},
    {"hansa_ops_http_received_bytes_total", kCounter, {}, 0, "Bytes of request bodies"},
    {"hansa_ops_http_sent_bytes_total", kCounter, {}, 0, "Bytes of answers"},
    // ---- the process and its machine
    {"hansa_ops_build_info", kGauge, {&kVersionLabel}, 0, "1; the version of this binary"},
    {"hansa_ops_start_time_seconds", kGauge, {}, 0, "When the process started, since 1970"},
    {"hansa_ops_clock_time_seconds", kGauge, {}, 1,
     "The node's clock as it was scraped, since 1970"},
    {"hansa_ops_clock_ahead_seconds", kGauge, {}, 1,
     "How far the node's clock is ahead of the brokers'; 0 without a cluster"},
    {"hansa_ops_disk_free_bytes", kGauge, {}, 1, "Room left on the disk of the data folder"},
    {"hansa_ops_disk_size_bytes", kGauge, {}, 1, "Size of that disk"},
    {"hansa_ops_audit_records_total", kCounter, {}, 0,
     "Records of the audit trail since its beginning"},
    {"hansa_ops_audit_failing_bool", kGauge, {}, 0,
     "The audit trail cannot be written: commands are refused; the log says why"},
    {"hansa_ops_resident_bytes", kGauge, {}, 0, "Memory of the process"},
    {"hansa_ops_cpu_seconds_total", kCounter, {}, 0, "Time on processors"},
    // ---- Kafka, as librdkafka reports it each second; only where the log is a cluster's
    {"hansa_streams_kafka_queued_records", kGauge, {&kClientLabel}, 0,
     "Records that wait to be sent"},
    {"hansa_streams_kafka_queued_bytes", kGauge, {&kClientLabel}, 0, "Bytes that wait to be sent"},
    {"hansa_streams_kafka_sent_records_total", kCounter, {&kClientLabel}, 0, "Records sent"},
    {"hansa_streams_kafka_received_records_total", kCounter, {&kClientLabel}, 0,
     "Records received"},
    {"hansa_streams_kafka_sent_bytes_total", kCounter, {&kClientLabel}, 0, "Bytes sent to brokers"},
    {"hansa_streams_kafka_received_bytes_total", kCounter, {&kClientLabel}, 0,
     "Bytes from brokers"},
    {"hansa_streams_kafka_broker_round_trip_p50_seconds", kGauge, {&kClientLabel, &kBrokerLabel}, 0,
     "From a request to its answer, the last second's median"},
    {"hansa_streams_kafka_broker_round_trip_p99_seconds", kGauge, {&kClientLabel, &kBrokerLabel}, 0,
     "From a request to its answer, the last second's 99th percentile"},
    {"hansa_streams_kafka_broker_waiting_requests", kGauge, {&kClientLabel, &kBrokerLabel}, 0,
     "Requests that wait to be sent"},
    {"hansa_streams_kafka_broker_open_requests", kGauge, {&kClientLabel, &kBrokerLabel}, 0,
     "Requests without an answer yet"},
    {"hansa_streams_kafka_broker_send_errors_total", kCounter, {&kClientLabel, &kBrokerLabel}, 0,
     "Sends that failed"},
    {"hansa_streams_kafka_broker_timeouts_total", kCounter, {&kClientLabel, &kBrokerLabel}, 0,
     "Requests without an answer in time"},
    {"hansa_streams_kafka_broker_disconnects_total", kCounter, {&kClientLabel, &kBrokerLabel}, 0,
     "Connections lost"},
};

constexpr std::array<std::string_view, kLaws + 1> kLawTexts = {
    "",
    "an acknowledged action is never lost and never applied twice",
    "a ledger has one history",
    "rows are the fold of the ledger",
    "nothing leaves a city but what is agreed",
    "what is shared is neither changed nor withheld",
    "a city works while others are down",
};

}  // namespace

std::span<const SeriesInfo> metrics_catalogue() { return kCatalogue; }

const SeriesInfo& series_info(std::string_view name) {
  const auto* found = std::ranges::find(kCatalogue, name, &SeriesInfo::name);
  HANSA_ASSERT(found != std::end(kCatalogue), "expected a series of the catalogue");
  return *found;
}

prometheus::MetricFamily empty_family(std::string_view name) {
  const auto& info = series_info(name);
  const auto type = info.type == SeriesType::kCounter ? prometheus::MetricType::Counter
                                                      : prometheus::MetricType::Gauge;
  return {std::string(info.name), std::string(info.meaning), type, {}};
}

std::string_view type_name(SeriesType type) {
  switch (type) {
    case SeriesType::kCounter:
      return "counter";
    case SeriesType::kGauge:
      return "gauge";
    case SeriesType::kHistogram:
      return "histogram";
  }
  return "";
}

std::string_view unit_of(const SeriesInfo& series) {
  std::string_view name = series.name;
  if (name.ends_with("_total")) name.remove_suffix(std::string_view("_total").size());
  const auto unit = name.substr(name.rfind('_') + 1);
  return unit == "bool" ? "1 or 0" : unit;
}

std::string_view law_text(int number) { return kLawTexts.at(static_cast<size_t>(number)); }

}  // namespace hansa::ops
