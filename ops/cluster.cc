#include "ops/cluster.h"

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "ops/json_log.h"
#include "ops/open_log.h"
#include "ops/version.h"
#include "streams/kafka_leadership.h"
#include "streams/kafka_records.h"

namespace hansa::ops {
namespace {

constexpr std::chrono::seconds kReportPause{1};
constexpr int kReportMs = 2'000;

}  // namespace

struct Cluster::Impl {
  Impl(const Config& config, Env& environment, ClusterHooks called)
      : node(config.node.id), env(environment), hooks(std::move(called)) {}

  void run();
  void report(v1::NodeReport report);
  void refuse(std::optional<Error> why);
  void measure(int64_t before_us, int64_t after_us, int64_t broker_us);
  bool is_apart() const {
    const std::lock_guard lock(mutex);
    return last_health.clock_apart;
  }
  void stand(std::vector<LedgerId> could_lead);
  void dealt(const LedgerId& ledger, bool leads);
  void received(const LedgerId& ledger, const std::string& bytes);
  bool wait();

  const std::string node;
  Env& env;
  const ClusterHooks hooks;
  std::string instance;
  int64_t started_us = 0;
  std::unique_ptr<streams::RecordWriter> writer;
  std::unique_ptr<streams::KafkaLeadership> leadership;
  bool measured = false;         // of the thread
  bool report_refused = false;   // of the thread

  mutable std::mutex mutex;
  std::condition_variable stopping_begun;
  bool stopping = false;  // guarded by mutex
  ClusterHealth last_health;  // guarded by mutex
  std::thread thread;
};

void Cluster::Impl::run() {
  do {
    std::vector<LedgerId> could_lead;
    report(hooks.report(could_lead));
    stand(std::move(could_lead));
  } while (wait());
  (void)writer->send(kNodesTopic, {{.key = node}});
}

bool Cluster::Impl::wait() {
  std::unique_lock lock(mutex);
  return !stopping_begun.wait_for(lock, kReportPause, [this] { return stopping; });
}

void Cluster::Impl::report(v1::NodeReport report) {
  report.set_node(node);
  report.set_version(std::string(kVersion));
  report.set_instance(instance);
  report.set_started_time_us(started_us);
  {
    const std::lock_guard lock(mutex);
    report.set_clock_ahead_us(last_health.clock_ahead_us);
  }
  const int64_t before_us = env.now_us();
  report.set_time_us(before_us);
  const auto taken =
      writer->send(kNodesTopic, {{.key = node, .value = report.SerializeAsString()}});
  if (taken && *taken > 0) measure(before_us, env.now_us(), *taken);
  const bool was_refused =
      std::exchange(report_refused, !taken && taken.error().code == Errc::kLedgerStopped);
  if (report_refused) refuse(taken.error());
  if (was_refused && !report_refused) refuse(std::nullopt);
}

void Cluster::Impl::refuse(std::optional<Error> why) {
  const std::lock_guard lock(mutex);
  if (why && (!last_health.refused || last_health.refused->detail != why->detail)) {
    JsonLine(LogLevel::kError, "right_missing").field("detail", why->detail);
  }
  last_health.refused = std::move(why);
}

// The broker took the report at some moment between the two; its time has whole milliseconds.
void Cluster::Impl::measure(int64_t before_us, int64_t after_us, int64_t broker_us) {
  const int64_t ahead_us = before_us > broker_us + 1'000 ? before_us - broker_us
                           : after_us < broker_us        ? after_us - broker_us
                                                         : 0;
  const bool apart = std::abs(ahead_us) > kClockApartUsMax;
  measured = true;
  const std::lock_guard lock(mutex);
  last_health.clock_ahead_us = ahead_us;
  if (apart == std::exchange(last_health.clock_apart, apart)) return;
  JsonLine(apart ? LogLevel::kError : LogLevel::kInfo, apart ? "clock_apart" : "clock_right")
      .field("ahead_ms", ahead_us / 1'000)
      .field("detail", apart ? "this node decides nothing until its clock is set right" : "");
}

void Cluster::Impl::stand(std::vector<LedgerId> could_lead) {
  if (!measured) return;
  if (is_apart()) {
    leadership->stand_for({});
    for (const auto& ledger : could_lead) hooks.lead(ledger, projections::Lead::kForbidden);
  } else {
    leadership->stand_for(could_lead);
  }
}

void Cluster::Impl::dealt(const LedgerId& ledger, bool leads) {
  hooks.lead(ledger, is_apart()   ? projections::Lead::kForbidden
                     : leads      ? projections::Lead::kHere
                                  : projections::Lead::kElsewhere);
}

void Cluster::Impl::received(const LedgerId& ledger, const std::string& bytes) {
  const auto taken = hooks.forwarded(ledger, bytes);
  if (taken || taken.error().code == Errc::kRequestTimeout) return;
  JsonLine(LogLevel::kWarning, "forward_refused")
      .field("ledger", ledger.text())
      .field("code", error_info(taken.error().code).name)
      .field("detail", taken.error().detail);
}

Cluster::Cluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cluster::~Cluster() { leave(); }

Result<std::unique_ptr<Cluster>> Cluster::open(const Config& config, Env& env,
                                               ClusterHooks hooks) {
  auto impl = std::make_unique<Impl>(config, env, std::move(hooks));
  impl->instance = env.random_bytes(8);
  impl->started_us = env.now_us();
  auto report_options = kafka_options(config);
  report_options.message_timeout_ms = kReportMs;
  HANSA_TRY(impl->writer, streams::RecordWriter::open(report_options));
  auto* raw = impl.get();
  streams::KafkaLeadership::Listener listener;
  listener.dealt = [raw](const LedgerId& ledger, bool leads) { raw->dealt(ledger, leads); };
  listener.refused = [raw](Error why) { raw->refuse(std::move(why)); };
  listener.received = [raw](const LedgerId& ledger, const std::string& bytes) {
    raw->received(ledger, bytes);
  };
  HANSA_TRY(impl->leadership,
            streams::KafkaLeadership::open(kafka_options(config), std::move(listener)));
  impl->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Cluster>(new Cluster(std::move(impl)));
}

void Cluster::forward(const LedgerId& ledger, const std::string& bytes) {
  impl_->leadership->forward(ledger, bytes);
}

ClusterHealth Cluster::health() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->last_health;
}

void Cluster::leave() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->stopping, true)) return;
  }
  impl_->leadership->leave();
  impl_->stopping_begun.notify_all();
  impl_->thread.join();
}

Result<std::vector<v1::NodeReport>> read_reports(const Config& config) {
  HANSA_TRY(const auto reader, streams::RecordReader::open(kafka_options(config), kNodesTopic));
  std::map<std::string, v1::NodeReport> newest;
  HANSA_CHECK(reader->read_all([&](const streams::KafkaRecord& record) {
    v1::NodeReport report;
    if (!record.value) {
      newest.erase(record.key);
    } else if (report.ParseFromString(*record.value)) {
      newest[record.key] = std::move(report);
    }
  }));
  std::vector<v1::NodeReport> reports;
  for (auto& [node, report] : newest) reports.push_back(std::move(report));
  return reports;
}

}  // namespace hansa::ops
