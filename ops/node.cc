#include "ops/node.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "core/base/assert.h"
#include "federation/checkpoint.h"
#include "ops/backup.h"
#include "ops/cluster.h"
#include "ops/files.h"
#include "ops/json_log.h"
#include "ops/key_file.h"
#include "ops/keyring_topic.h"
#include "ops/ledger_check.h"
#include "ops/open_log.h"
#include "ops/witness_client.h"
#include "projections/keyring.h"
#include "streams/ledger_reader.h"

namespace hansa::ops {
namespace {

// Up to this many records the whole chain is read before a ledger is served, in some ten
// milliseconds; longer ones are read while they are served.
constexpr Offset kCheckedFirstMax = 20'000;
constexpr std::chrono::seconds kReopenPause{1};
// Members of alliances, and alliances of cities, that are read beside the ledgers hosted.
constexpr size_t kLinkedLedgers = 64;
// What the alliance says counts once it is confirmed, and it says little; a share is confirmed once
// a heartbeat at most, since each cosignature is an entry of another city's ledger.
constexpr int64_t kAlliancePauseUs = 1'000'000;
constexpr int64_t kSharePauseUs = 60'000'000;

std::string standing_name(projections::Lead lead) {
  switch (lead) {
    case projections::Lead::kUndecided: return "undecided";
    case projections::Lead::kHere: return "leads";
    case projections::Lead::kElsewhere: return "follows";
    case projections::Lead::kForbidden: return "follows";
  }
  HANSA_ASSERT(false, "a standing out of range");
}

}  // namespace

struct Node::Impl {
  // Doors and keepers refer to what is beside them.
  struct Opened {
    Opened() = default;
    Opened(Opened&&) = default;
    Opened& operator=(Opened&&) = default;
    // What follows the topic speaks to the keyring, which goes before the topic does.
    ~Opened() {
      if (keyring_topic != nullptr) keyring_topic->stop();
    }

    std::unique_ptr<KeyringTopic> keyring_topic;  // on Kafka; outlives the keyring
    std::unique_ptr<projections::Keyring> keyring;
    std::shared_ptr<projections::Keeper> keeper;
    std::unique_ptr<projections::Door> door;
    std::unique_ptr<Outlet> outlet;
    std::map<std::string, std::unique_ptr<Outlet>> feeds;  // by the alliance's id
    std::unique_ptr<DeadLetters> letters;
    federation::SigningSeeds signing;
    std::string witness_seed;
    federation::SigningGate gate;  // of an alliance
    std::vector<std::unique_ptr<Inbox>> inboxes;
  };
  struct Hosted {
    LedgerSettings settings;
    Opened opened;                 // set once, under mutex, and kept until the node closes
    std::optional<Error> refused;  // guarded by mutex
  };

  Impl(Config config, Env& env, Metrics& metrics)
      : config(std::move(config)), env(env), metrics(metrics),
        pool(this->config.node.keeper_threads) {}

  Result<void> open_log();
  void open_ledger(Hosted& hosted);
  Result<Opened> try_open(const LedgerSettings& settings);
  Result<std::unique_ptr<Outlet>> open_outlet(Outlet::Plan plan);
  void open_feeds(Hosted& row);
  Result<void> open_inboxes(const LedgerId& ledger, Opened& row);
  Result<void> open_links();
  Result<void> check_chain(const LedgerSettings& settings);
  void check_long_chain(Hosted& hosted);
  void open_waiting(size_t first);
  void look_after_ledgers();
  void leave();
  Result<void> join_cluster();
  v1::NodeReport report(std::vector<LedgerId>& could_lead) const;
  std::vector<LedgerStatus> status() const;
  void take_lead(const LedgerId& ledger, projections::Lead lead);
  Result<void> enter_forwarded(const LedgerId& ledger, const std::string& bytes);
  void close(int64_t deadline_ms_max);

  Config config;
  Env& env;
  Metrics& metrics;
  boost::asio::thread_pool pool;
  std::unique_ptr<streams::Log> log;
  std::shared_ptr<streams::Log> outlet_log;  // made with the first outlet
  std::shared_ptr<projections::StoreBudget> budget;
  std::shared_ptr<projections::RebuildPermits> rebuild_permits;
  std::map<std::string, std::unique_ptr<Hosted>> hosted;  // by LedgerId::text()
  mutable std::mutex mutex;
  std::atomic<bool> closing{false};
  std::condition_variable closing_begun;
  std::thread checker;
  std::unique_ptr<Cluster> cluster;  // on Kafka
  std::unique_ptr<streams::Log> read_log;  // on Kafka
  std::unique_ptr<AuditTrail> trail;              // outlives doors
  std::unique_ptr<WitnessClient> witness_client;  // outlives links
  std::unique_ptr<federation::Links> links;
};

Result<void> Node::Impl::open_log() {
  HANSA_CHECK(make_folders(config.node.data_dir, 0700));
  HANSA_CHECK(make_folders(config.node.data_dir + "/keyring", 0700));
  HANSA_TRY(log, ops::open_log(config));
  rebuild_permits = std::make_shared<projections::RebuildPermits>(config.limits.rebuilds_max);
  budget = projections::make_store_budget(config.memory.block_cache_mib, config.memory.write_mib);
  return {};
}

Result<void> Node::Impl::check_chain(const LedgerSettings& settings) {
  LogRecords records(*log, settings.ledger);
  auto checked = check_ledger(records, settings.ledger, settings.founding_id, {},
                              [&](Offset) { return !closing.load(); });
  if (!checked) return fail(std::move(checked).error());
  return {};
}

Result<Node::Impl::Opened> Node::Impl::try_open(const LedgerSettings& settings) {
  const auto& ledger = settings.ledger;
  Opened row;
  HANSA_TRY(const auto keys, read_key_file(settings.key_file));
  if (keys.founding_id != settings.founding_id) {
    return fail(Errc::kBadConfig, settings.key_file + ": belongs to founding id " +
                                      to_hex(keys.founding_id) + ", the configuration says " +
                                      to_hex(settings.founding_id));
  }
  HANSA_CHECK(check_log(config, ledger));
  HANSA_TRY(const auto end, log->end(ledger));
  if (end <= kCheckedFirstMax) HANSA_CHECK(check_chain(settings));
  HANSA_CHECK(prove_restored(store_folder(config.node.data_dir, ledger)));
  HANSA_TRY(row.keyring,
            projections::Keyring::open(config.node.data_dir + "/keyring", ledger.id,
                                       keys.keyring_master, env, config.log.fsync));
  if (config.log.is_kafka()) {
    HANSA_TRY(row.keyring_topic, KeyringTopic::open(kafka_options(config), ledger, *row.keyring));
  }
  projections::KeeperConfig keeper;
  keeper.ledger = ledger;
  keeper.founding_id = settings.founding_id;
  keeper.secret = keys.ledger_secret;
  keeper.directory = store_folder(config.node.data_dir, ledger);
  keeper.rebuild_permits = rebuild_permits;
  keeper.accept_clock_jump = config.accept_clock_jump;
  const auto accepted = config.accepted_to.find(keeper.ledger);
  if (accepted != config.accepted_to.end()) keeper.accepted_to = accepted->second;
  if (cluster != nullptr) {
    keeper.forward = [this, ledger](const std::string& bytes) { cluster->forward(ledger, bytes); };
  }
  row.signing = keys.signing;
  row.witness_seed = keys.witness_seed;
  if (ledger.kind == kAllianceKind && !keys.signing.first.empty()) {
    keeper.sign = federation::signer_of(
        {keys.signing, ledger, settings.founding_id, config.node.public_host});
    row.gate = std::make_shared<std::atomic<bool>>(false);
    keeper.may_sign = [gate = row.gate] { return gate->load(); };
  }
  keeper.limits.queue_commands_max = config.limits.queue_commands_max;
  keeper.limits.row_cache_mib = config.memory.row_cache_mib;
  HANSA_CHECK(make_folders(keeper.directory, 0700));
  HANSA_TRY(row.keeper, projections::Keeper::open(keeper, *log, env, budget, *row.keyring,
                                                  pool.get_executor(),
                                                  &metrics.observer()));
  row.door = std::make_unique<projections::Door>(row.keeper, *row.keyring, env,
                                                 record_unsealing(*trail, row.keeper));
  if (settings.outlet) {
    Outlet::Plan plan;
    plan.ledger = ledger;
    plan.founding_id = settings.founding_id;
    HANSA_TRY(row.outlet, open_outlet(std::move(plan)));
  }
  HANSA_CHECK(open_inboxes(settings.ledger, row));
  return row;
}

Result<void> Node::Impl::open_inboxes(const LedgerId& ledger, Opened& row) {
  for (const auto& settings : config.inboxes) {
    if (settings.ledger != ledger) continue;
    const auto options = kafka_options(config);
    if (row.letters == nullptr) {
      HANSA_TRY(row.letters, DeadLetters::open(options, ledger, *row.keyring, env));
    }
    row.inboxes.push_back(std::make_unique<Inbox>(Inbox::Plan{
        settings, options, row.door.get(), row.keyring.get(), row.letters.get()}));
  }
  return {};
}

Result<std::unique_ptr<Outlet>> Node::Impl::open_outlet(Outlet::Plan plan) {
  if (outlet_log == nullptr) {
    size_t feeds = 0;
    for (const auto& row : config.ledgers) feeds += row.feeds.size();
    HANSA_TRY(outlet_log, ops::open_log(config, feeds));
  }
  plan.log = outlet_log;
  plan.kafka = kafka_options(config);
  return std::make_unique<Outlet>(std::move(plan));
}

// A feed begins when its city has joined and the share ledger is there.
void Node::Impl::open_feeds(Hosted& row) {
  for (const auto& alliance : row.settings.feeds) {
    if (row.opened.keeper == nullptr || row.opened.feeds.contains(alliance)) continue;
    const auto share = links->share(share_ledger(alliance, row.settings.ledger.id));
    if (share == nullptr) continue;
    Outlet::Plan plan;
    plan.ledger = share->config().ledger;
    plan.founding_id = share->config().founding_id;
    plan.keys = row.opened.signing.keys_of(plan.ledger);
    plan.leads = [keeper = row.opened.keeper] {
      return keeper->health().lead == projections::Lead::kHere;
    };
    auto feed = open_outlet(std::move(plan));
    if (!feed) continue;
    const std::lock_guard lock(mutex);
    row.opened.feeds.emplace(alliance, std::move(*feed));
  }
}

// Nobody knows the share ledgers before their cities have joined: their topics are made here, where
// the user may; where not, an operator makes them.
Result<void> Node::Impl::open_links() {
  if (config.log.is_kafka()) {
    HANSA_TRY(read_log, ops::open_read_log(config, kLinkedLedgers));
  }
  federation::Links::Plan plan;
  plan.log = log.get();
  plan.read_log = read_log != nullptr ? read_log.get() : log.get();
  plan.env = &env;
  plan.budget = budget;
  plan.projections_dir = config.node.data_dir + "/projections";
  plan.executor = pool.get_executor();
  plan.observer = &metrics.observer();
  plan.public_host = config.node.public_host;
  plan.accepted_to = config.accepted_to;
  const auto& http = config.http;
  HANSA_TRY(auto tls,
            ClientTls::open({http.trusted_authorities, http.tls.certificate, http.tls.key}));
  witness_client = std::make_unique<WitnessClient>(std::move(tls));
  plan.caller = witness_client.get();
  plan.alliance_pause_us = kAlliancePauseUs;
  plan.share_pause_us = kSharePauseUs;
  plan.prepare = [this](const LedgerId& share) { return prepare_log(config, share); };
  plan.waits_long = [](const federation::LinkHealth& link) {
    JsonLine(LogLevel::kWarning, "link_waits")
        .field("link", link.link)
        .field("code", error_info(link.waits->code).name)
        .field("detail", link.waits->detail);
  };
  links = std::make_unique<federation::Links>(std::move(plan));
  return {};
}

void Node::Impl::open_ledger(Hosted& row) {
  auto opened = try_open(row.settings);
  const std::lock_guard lock(mutex);
  if (opened) {
    row.opened = std::move(*opened);
    row.refused.reset();
    if (!row.settings.lead) row.opened.keeper->take_lead(projections::Lead::kElsewhere);
    links->add({row.opened.keeper, row.opened.keyring.get(), row.opened.signing,
                row.opened.witness_seed, row.opened.gate});
    return;
  }
  const bool is_news = !row.refused || row.refused->detail != opened.error().detail;
  row.refused = opened.error();
  if (!is_news) return;
  JsonLine(LogLevel::kError, "ledger_refused")
      .field("ledger", row.settings.ledger.text())
      .field("code", error_info(row.refused->code).name)
      .field("seq", row.refused->seq)
      .field("detail", row.refused->detail);
}

// A ledger whose log could not be reached, or whose topics or key file are not as they must be, is
// opened when it can; its rows serve nobody until then.
void Node::Impl::look_after_ledgers() {
  for (const auto& [name, row] : hosted) check_long_chain(*row);
  for (size_t turn = 0; !closing; ++turn) {
    open_waiting(turn % std::max<size_t>(1, hosted.size()));
    for (const auto& [name, row] : hosted) open_feeds(*row);
    std::unique_lock lock(mutex);
    closing_begun.wait_for(lock, kReopenPause, [this] { return closing.load(); });
  }
}

// What one cannot reach the next one hardly can: each turn begins with another ledger and ends with
// the first that does not reach its log.
void Node::Impl::open_waiting(size_t first) {
  std::vector<Hosted*> rows;
  for (const auto& [name, row] : hosted) rows.push_back(row.get());
  std::rotate(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(first), rows.end());
  const auto waits = [this](const Hosted& row, Errc why) {
    const std::lock_guard lock(mutex);
    return row.refused && row.refused->code == why && row.opened.keeper == nullptr;
  };
  for (Hosted* row : rows) {
    if (closing) return;
    if (!waits(*row, Errc::kUnavailable) && !waits(*row, Errc::kBadConfig)) continue;
    open_ledger(*row);
    if (waits(*row, Errc::kUnavailable)) return;
    check_long_chain(*row);
  }
}

void Node::Impl::check_long_chain(Hosted& row) {
  if (row.opened.door == nullptr || closing) return;
  const auto end = log->end(row.settings.ledger);
  if (!end || *end <= kCheckedFirstMax) return;
  auto checked = check_chain(row.settings);
  if (checked || checked.error().code == Errc::kUnavailable || closing) return;
  const std::lock_guard lock(mutex);
  row.refused = checked.error();
}

void Node::Impl::close(int64_t deadline_ms_max) {
  {
    const std::lock_guard lock(mutex);
    if (closing.exchange(true)) return;
  }
  closing_begun.notify_all();
  leave();
  if (checker.joinable()) checker.join();
  links->stop();
  for (const auto& [name, row] : hosted) {
    row->opened.inboxes.clear();
    row->opened.feeds.clear();
  }
  auto left = std::make_shared<std::pair<std::mutex, std::condition_variable>>();
  auto open_keepers = std::make_shared<size_t>(0);
  for (const auto& [name, row] : hosted) {
    if (row->opened.keeper != nullptr) ++*open_keepers;
  }
  for (const auto& [name, row] : hosted) {
    if (row->opened.keeper == nullptr) continue;
    row->opened.keeper->close([left, open_keepers] {
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
    row->opened.outlet.reset();
    row->opened.letters.reset();
    row->opened.door.reset();
    row->opened.keeper.reset();
    if (row->opened.keyring_topic != nullptr) row->opened.keyring_topic->stop();
    row->opened.keyring.reset();
    row->opened.keyring_topic.reset();
  }
  links.reset();
  witness_client.reset();
  cluster.reset();
  outlet_log.reset();
  read_log.reset();
  log.reset();
}

// ---- the other nodes

Result<void> Node::Impl::join_cluster() {
  if (!config.log.is_kafka()) return {};
  ClusterHooks hooks;
  hooks.report = [this](std::vector<LedgerId>& could_lead) { return report(could_lead); };
  hooks.lead = [this](const LedgerId& ledger, projections::Lead lead) { take_lead(ledger, lead); };
  hooks.forwarded = [this](const LedgerId& ledger, const std::string& bytes) {
    return enter_forwarded(ledger, bytes);
  };
  HANSA_TRY(cluster, Cluster::open(config, env, std::move(hooks)));
  return {};
}

void Node::Impl::leave() {
  if (cluster != nullptr) cluster->leave();
}

v1::NodeReport Node::Impl::report(std::vector<LedgerId>& could_lead) const {
  v1::NodeReport report;
  for (const auto& row : status()) {
    auto& said = *report.add_ledgers();
    const auto& health = row.health;
    said.set_ledger(row.ledger.text());
    said.set_waits(row.refused ? row.refused->detail : health.waits);
    said.set_standing(row.refused ? "refused" : standing_name(health.lead));
    if (row.refused) continue;
    said.set_landed_seq(health.landed_seq);
    said.set_committed_seq(health.committed_seq);
    said.set_next_offset(health.next_offset);
    said.set_tip_sha256(to_hex(health.tip));
    said.set_digest(health.digest.hex());
    said.set_behind_us(health.oldest_unprocessed_age_us);
    const bool may_lead = config.find_ledger(row.ledger)->lead;
    if (may_lead && health.could_lead) could_lead.push_back(row.ledger);
  }
  return report;
}

void Node::Impl::take_lead(const LedgerId& ledger, projections::Lead lead) {
  const std::lock_guard lock(mutex);
  const auto& row = hosted.at(ledger.text());
  if (row->opened.keeper != nullptr) row->opened.keeper->take_lead(lead);
}

Result<void> Node::Impl::enter_forwarded(const LedgerId& ledger, const std::string& bytes) {
  projections::Door* door = nullptr;
  {
    const std::lock_guard lock(mutex);
    const auto& row = hosted.at(ledger.text());
    if (!row->refused) door = row->opened.door.get();
  }
  if (door == nullptr) return fail(Errc::kUnavailable, ledger.text() + " is not served here");
  return door->enter_forwarded(bytes);
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() { close(impl_->config.limits.stop_ms_max); }

Result<std::unique_ptr<Node>> Node::open(const Config& config, Env& env, Metrics& metrics) {
  auto impl = std::make_unique<Impl>(config, env, metrics);
  HANSA_CHECK(impl->open_log());
  HANSA_TRY(impl->trail,
            AuditTrail::open(config.node.data_dir + "/audit", config.audit_days, env));
  HANSA_CHECK(impl->open_links());
  for (const auto& settings : config.ledgers) {
    auto row = std::make_unique<Impl::Hosted>();
    row->settings = settings;
    // A cluster may be away for long; people and probes must be told meanwhile.
    if (config.log.is_kafka()) {
      row->refused = Error{Errc::kUnavailable, "it is being opened; try again soon"};
    } else {
      impl->open_ledger(*row);
    }
    impl->hosted.emplace(settings.ledger.text(), std::move(row));
  }
  HANSA_CHECK(impl->join_cluster());
  impl->checker = std::thread([raw = impl.get()] { raw->look_after_ledgers(); });
  if (config.links_run_alone) impl->links->start();
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

const Config& Node::config() const { return impl_->config; }
streams::Log& Node::log() { return *impl_->log; }
streams::Log& Node::read_log() {
  return impl_->read_log != nullptr ? *impl_->read_log : *impl_->log;
}
Env& Node::env() { return impl_->env; }
AuditTrail& Node::audit_trail() { return *impl_->trail; }
std::vector<federation::LinkHealth> Node::links() const { return impl_->links->health(); }
void Node::leave() { impl_->leave(); }
void Node::close(int64_t deadline_ms_max) { impl_->close(deadline_ms_max); }

projections::Door* Node::door(const LedgerId& ledger) {
  const auto it = impl_->hosted.find(ledger.text());
  if (it == impl_->hosted.end()) return nullptr;
  std::lock_guard lock(impl_->mutex);
  return it->second->refused ? nullptr : it->second->opened.door.get();
}

std::optional<TransparencyLog> Node::transparency_log(const LedgerId& ledger) const {
  const bool is_share = ledger.kind == kShareKind;
  const LedgerId keeper{is_share ? std::string(kCityKind) : ledger.kind,
                        is_share ? ledger.id.substr(ledger.id.find('/') + 1) : ledger.id};
  const auto it = impl_->hosted.find(keeper.text());
  if (it == impl_->hosted.end() || ledger.kind == kCityKind) return std::nullopt;
  TransparencyLog log;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto& opened = it->second->opened;
    if (it->second->refused || opened.signing.first.empty()) return std::nullopt;
    log.keeper = opened.keeper;
    log.keys = opened.signing.keys_of(ledger);
  }
  if (is_share) log.keeper = impl_->links->share(ledger);
  if (log.keeper == nullptr || log.keeper->snapshot() == nullptr) return std::nullopt;
  return log;
}

std::shared_ptr<federation::Witness> Node::witness(const std::string& city) const {
  return impl_->links->witness(city);
}

DeadLetters* Node::dead_letters(const LedgerId& ledger) {
  const auto it = impl_->hosted.find(ledger.text());
  if (it == impl_->hosted.end()) return nullptr;
  std::lock_guard lock(impl_->mutex);
  return it->second->opened.letters.get();
}

void Node::back_up(const LedgerId& ledger, std::function<void(Result<v1::BackupAnswer>)> done) {
  auto* held = door(ledger);
  if (held == nullptr) return done(fail(Errc::kUnavailable, "the ledger is not served"));
  boost::asio::post(impl_->pool, [this, store = held->keeper().store(),
                                  ledger = held->keeper().config().ledger,
                                  founding_id = held->keeper().config().founding_id,
                                  done = std::move(done)] {
    done(ops::back_up({ledger, founding_id}, *store, *impl_->log,
                      impl_->config.node.data_dir + "/backups", impl_->env));
  });
}

std::vector<LedgerStatus> Node::status() const { return impl_->status(); }

std::optional<ClusterHealth> Node::cluster() const {
  if (impl_->cluster == nullptr) return std::nullopt;
  return impl_->cluster->health();
}

std::vector<LedgerStatus> Node::Impl::status() const {
  std::vector<LedgerStatus> rows;
  for (const auto& [name, one] : hosted) {
    LedgerStatus row{one->settings.ledger, std::nullopt, {}, std::nullopt, {}, {}, 0};
    for (const auto& alliance : one->settings.feeds) {
      row.feeds.push_back({share_ledger(alliance, row.ledger.id), {}});
    }
    std::shared_ptr<projections::Keeper> keeper;
    {
      std::lock_guard lock(mutex);
      row.refused = one->refused;
      keeper = one->opened.keeper;
      if (one->opened.outlet != nullptr) row.outlet = one->opened.outlet->health();
      for (size_t i = 0; i < row.feeds.size(); ++i) {
        const auto feed = one->opened.feeds.find(one->settings.feeds[i]);
        if (feed != one->opened.feeds.end()) row.feeds[i].health = feed->second->health();
      }
      for (const auto& inbox : one->opened.inboxes) row.inboxes.push_back(inbox->health());
      if (one->opened.letters != nullptr) row.dead_letters = one->opened.letters->count();
    }
    if (keeper != nullptr) {
      row.health = keeper->health();
      if (!row.refused) row.refused = row.health.stopped;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Readiness Node::readiness() const {
  Readiness readiness;
  const auto seen = cluster();
  if (seen && seen->clock_apart) {
    readiness.waits.push_back("the clock is " + std::to_string(seen->clock_ahead_us / 1'000) +
                              " ms ahead of the brokers'; set it right");
  }
  if (seen && seen->refused) readiness.waits.push_back(seen->refused->detail);
  for (const auto& row : status()) {
    if (row.refused) {
      readiness.waits.push_back(row.ledger.text() + " is not served: " + row.refused->detail);
    } else if (!row.health.ready) {
      readiness.waits.push_back(row.health.waits);
    }
    for (const auto& inbox : row.inboxes) {
      if (inbox.waits && streams::stops_ledger(inbox.waits->code)) {
        readiness.waits.push_back(inbox.waits->detail);
      }
    }
  }
  if (impl_->closing) readiness.waits.push_back("the server is stopping");
  readiness.ready = readiness.waits.empty();
  return readiness;
}

}  // namespace hansa::ops
