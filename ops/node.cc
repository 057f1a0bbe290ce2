#include "ops/node.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "core/base/assert.h"
#include "ops/files.h"
#include "ops/json_log.h"
#include "ops/key_file.h"
#include "ops/ledger_check.h"
#include "projections/keyring.h"
#include "streams/embedded_log.h"

namespace hansa::ops {
namespace {

// Up to this many records the whole chain is read before a ledger is served, in some ten
// milliseconds; longer ones are read while they are served.
constexpr Offset kCheckedFirstMax = 20'000;

projections::Door::Unsealed log_unsealing(const LedgerId& ledger) {
  return [ledger](const Principal& principal, std::string_view person, std::string_view subject) {
    JsonLine(LogLevel::kInfo, "personal_read")
        .field("ledger", ledger.text())
        .field("issuer", principal.issuer)
        .field("caller", principal.subject)
        .field("person", person)
        .field("subject", subject);
  };
}

}  // namespace

struct Node::Impl {
  struct Hosted {
    LedgerSettings settings;
    std::unique_ptr<projections::Keyring> keyring;
    std::shared_ptr<projections::Keeper> keeper;
    std::unique_ptr<projections::Door> door;
    std::optional<Error> refused;  // guarded by mutex
  };

  Impl(Config config, Env& env, Metrics& metrics)
      : config(std::move(config)), env(env), metrics(metrics),
        pool(this->config.node.keeper_threads) {}

  Result<void> open_log();
  void open_ledger(Hosted& hosted);
  Result<void> try_open(Hosted& hosted);
  Result<void> check_chain(const Hosted& hosted);
  void check_long_chains();
  void close(int64_t deadline_ms_max);

  Config config;
  Env& env;
  Metrics& metrics;
  boost::asio::thread_pool pool;
  std::unique_ptr<streams::EmbeddedLog> log;
  std::shared_ptr<projections::StoreBudget> budget;
  std::shared_ptr<projections::RebuildPermits> rebuild_permits;
  // Stable addresses: doors and keepers refer to what is beside them.
  std::map<std::string, std::unique_ptr<Hosted>> hosted;  // by LedgerId::text()
  mutable std::mutex mutex;
  std::atomic<bool> closing{false};
  std::thread checker;
};

Result<void> Node::Impl::open_log() {
  HANSA_CHECK(make_folders(config.node.data_dir, 0700));
  HANSA_CHECK(make_folders(config.node.data_dir + "/log", 0700));
  HANSA_CHECK(make_folders(config.node.data_dir + "/keyring", 0700));
  streams::EmbeddedLogOptions options;
  options.folder = config.node.data_dir + "/log";
  options.fsync = config.log.fsync;
  HANSA_TRY(log, streams::EmbeddedLog::open(options));
  rebuild_permits = std::make_shared<projections::RebuildPermits>(config.limits.rebuilds_max);
  budget = projections::make_store_budget(config.memory.block_cache_mib, config.memory.write_mib);
  return {};
}

Result<void> Node::Impl::check_chain(const Hosted& row) {
  LogRecords records(*log, row.settings.ledger);
  auto checked = check_ledger(records, row.settings.ledger, row.settings.founding_id, {},
                              [&](Offset) { return !closing.load(); });
  if (!checked) return fail(std::move(checked).error());
  return {};
}

Result<void> Node::Impl::try_open(Hosted& row) {
  const auto& ledger = row.settings.ledger;
  HANSA_TRY(const auto keys, read_key_file(row.settings.key_file));
  if (keys.founding_id != row.settings.founding_id) {
    return fail(Errc::kBadConfig, row.settings.key_file + ": belongs to founding id " +
                                      to_hex(keys.founding_id) + ", the configuration says " +
                                      to_hex(row.settings.founding_id));
  }
  HANSA_TRY(const auto end, log->end(ledger));
  if (end <= kCheckedFirstMax) HANSA_CHECK(check_chain(row));
  HANSA_TRY(row.keyring,
            projections::Keyring::open(config.node.data_dir + "/keyring", ledger.id,
                                       keys.keyring_master, env, config.log.fsync));
  projections::KeeperConfig keeper;
  keeper.ledger = ledger;
  keeper.founding_id = row.settings.founding_id;
  keeper.secret = keys.ledger_secret;
  keeper.directory = store_folder(config.node.data_dir, ledger);
  keeper.rebuild_permits = rebuild_permits;
  keeper.accept_clock_jump = config.accept_clock_jump;
  keeper.limits.queue_commands_max = config.limits.queue_commands_max;
  keeper.limits.row_cache_mib = config.memory.row_cache_mib;
  HANSA_CHECK(make_folders(keeper.directory, 0700));
  HANSA_TRY(row.keeper, projections::Keeper::open(keeper, *log, env, budget, *row.keyring,
                                                  pool.get_executor(),
                                                  &metrics.observer()));
  row.door = std::make_unique<projections::Door>(row.keeper, *row.keyring, env,
                                                 log_unsealing(ledger));
  return {};
}

void Node::Impl::open_ledger(Hosted& row) {
  auto opened = try_open(row);
  if (opened) return;
  row.refused = opened.error();
  row.door.reset();
  JsonLine(LogLevel::kError, "ledger_refused")
      .field("ledger", row.settings.ledger.text())
      .field("code", error_info(row.refused->code).name)
      .field("seq", row.refused->seq)
      .field("detail", row.refused->detail);
}

void Node::Impl::check_long_chains() {
  for (const auto& [name, row] : hosted) {
    if (row->door == nullptr || closing) continue;
    const auto end = log->end(row->settings.ledger);
    if (!end || *end <= kCheckedFirstMax) continue;
    auto checked = check_chain(*row);
    if (checked || checked.error().code == Errc::kUnavailable || closing) continue;
    std::lock_guard lock(mutex);
    row->refused = checked.error();
  }
}

void Node::Impl::close(int64_t deadline_ms_max) {
  if (closing.exchange(true)) return;
  if (checker.joinable()) checker.join();
  auto left = std::make_shared<std::pair<std::mutex, std::condition_variable>>();
  auto open_keepers = std::make_shared<size_t>(0);
  for (const auto& [name, row] : hosted) {
    if (row->keeper != nullptr) ++*open_keepers;
  }
  for (const auto& [name, row] : hosted) {
    if (row->keeper == nullptr) continue;
    row->keeper->close([left, open_keepers] {
      std::lock_guard lock(left->first);
      --*open_keepers;
      left->second.notify_all();
    });
  }
  {
    std::unique_lock lock(left->first);
    left->second.wait_for(lock, std::chrono::milliseconds(deadline_ms_max),
                          [&] { return *open_keepers == 0; });
  }
  pool.stop();
  pool.join();
  for (const auto& [name, row] : hosted) {
    row->door.reset();
    row->keeper.reset();
    row->keyring.reset();
  }
  log.reset();
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() { close(impl_->config.limits.stop_ms_max); }

Result<std::unique_ptr<Node>> Node::open(const Config& config, Env& env, Metrics& metrics) {
  auto impl = std::make_unique<Impl>(config, env, metrics);
  HANSA_CHECK(impl->open_log());
  for (const auto& settings : config.ledgers) {
    auto row = std::make_unique<Impl::Hosted>();
    row->settings = settings;
    impl->open_ledger(*row);
    impl->hosted.emplace(settings.ledger.text(), std::move(row));
  }
  impl->checker = std::thread([raw = impl.get()] { raw->check_long_chains(); });
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

const Config& Node::config() const { return impl_->config; }
streams::Log& Node::log() { return *impl_->log; }
Env& Node::env() { return impl_->env; }
void Node::close(int64_t deadline_ms_max) { impl_->close(deadline_ms_max); }

projections::Door* Node::door(std::string_view city) {
  const auto it = impl_->hosted.find("city/" + std::string(city));
  if (it == impl_->hosted.end()) return nullptr;
  std::lock_guard lock(impl_->mutex);
  return it->second->refused ? nullptr : it->second->door.get();
}

std::vector<LedgerStatus> Node::status() const {
  std::vector<LedgerStatus> rows;
  for (const auto& [name, hosted] : impl_->hosted) {
    LedgerStatus row{hosted->settings.ledger, std::nullopt, {}};
    {
      std::lock_guard lock(impl_->mutex);
      row.refused = hosted->refused;
    }
    if (hosted->keeper != nullptr) {
      row.health = hosted->keeper->health();
      if (!row.refused) row.refused = row.health.stopped;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Readiness Node::readiness() const {
  Readiness readiness;
  for (const auto& row : status()) {
    if (row.refused) {
      readiness.waits.push_back(row.ledger.text() + " is not served: " + row.refused->detail);
    } else if (!row.health.ready) {
      readiness.waits.push_back(row.ledger.text() + ": " + row.health.waits);
    }
  }
  if (impl_->closing) readiness.waits.push_back("the server is stopping");
  readiness.ready = readiness.waits.empty();
  return readiness;
}

}  // namespace hansa::ops
