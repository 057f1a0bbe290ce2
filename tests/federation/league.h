// A league in one process: cities and alliances with their keepers over one embedded log, and the
// links between them, which move only when the test says so.
//
// Shape:   League league; league.add("city", "wuxi"); league.call(ledger, command);
//          league.settle().
//          close() and open() are a restart; abandon(), then open(), is a crash of the process.
//          Given other LeagueOptions it stands in for a node: the benches do that.
// Threads: the test's; keepers share their own.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <future>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "federation/checkpoint.h"
#include "federation/links.h"
#include "projections/keyring.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation::testing {

using projections::testing::kStartUs;

struct LeagueOptions {
  Env* env = nullptr;  // none: a clock that stands still
  bool fsync = false;
  size_t threads = 1;  // of the keepers
  size_t block_cache_mib = 8;
  size_t write_mib = 8;
  size_t row_cache_mib = 4;
  int64_t commit_interval_us = 2'000;
  int64_t alliance_pause_us = 0;  // between confirmations
  int64_t share_pause_us = 0;
};

class League {
 public:
  explicit League(const LeagueOptions& options = {})
      : options_(options), env_(1, "league", kStartUs), test_env_(2, "test", kStartUs) {
    open();
  }
  ~League() { close(); }

  void open() {
    log_ = *streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = options_.fsync});
    pool_ = std::make_unique<boost::asio::thread_pool>(options_.threads);
    budget_ = projections::make_store_budget(options_.block_cache_mib, options_.write_mib);
    Links::Plan plan;
    plan.log = plan.read_log = log_.get();
    plan.env = &clock();
    plan.budget = budget_;
    plan.projections_dir = folder_.path("shares");
    plan.executor = pool_->get_executor();
    plan.alliance_pause_us = options_.alliance_pause_us;
    plan.share_pause_us = options_.share_pause_us;
    plan.accepted_to = accepted_to_;
    plan.waits_long = [this](const LinkHealth& link) { long_waits_.push_back(link.link); };
    links_ = std::make_unique<Links>(std::move(plan));
    for (auto& [ledger, one] : ledgers_) open_ledger(ledger, one);
  }

  void close() {
    if (links_ == nullptr) return;
    links_->stop();
    for (auto& [ledger, one] : ledgers_) {
      std::promise<void> closed;
      one.keeper->close([&] { closed.set_value(); });
      closed.get_future().wait();
    }
    abandon();
  }

  // What was not committed is gone from the rows.
  void abandon() {
    pool_->stop();
    pool_->join();
    links_.reset();
    for (auto& [ledger, one] : ledgers_) one.keeper.reset();
    for (auto& [ledger, one] : ledgers_) one.keyring.reset();
    pool_.reset();
    log_.reset();
  }

  // Between close() and open(): of the log of `ledger` only the first records are there, as from a
  // backup, and its rows are made anew.
  void restore(const LedgerId& ledger, size_t records) {
    std::filesystem::rename(folder_.path("log"), folder_.path("lost"));
    const auto lost = *streams::EmbeddedLog::open({.folder = folder_.path("lost"), .fsync = false});
    const auto log = *streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false});
    std::vector<LedgerId> all;
    for (const auto& [name, one] : ledgers_) {
      all.push_back(name);
      if (name.kind == kCityKind) all.push_back(share_ledger("delta", name.id));
    }
    for (const auto& name : all) {
      auto values = streams::read_all(*lost, name);
      if (name == ledger) values.resize(records);
      if (!values.empty()) streams::append_now(*log, name, values, 0);
    }
    std::filesystem::remove_all(folder_.path(ledger.folder()) + "/rows");
  }

  // Links of which it was told that they wait for long.
  const std::vector<std::string>& long_waits() const { return long_waits_; }

  // Between close() and open().
  std::unique_ptr<streams::EmbeddedLog> closed_log() {
    return *streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false});
  }

  void add(const std::string& kind, const std::string& id) {
    const LedgerId ledger{kind, id};
    open_ledger(ledger, ledgers_[ledger]);
  }

  FoundingId founding_id(const LedgerId& ledger) const {
    return *FoundingId::from(sha256(ledger.text()).view().substr(0, 16));
  }
  std::string seed(const LedgerId& ledger) const {
    return std::string(sha256("seed " + ledger.text()).view());
  }
  std::string public_key(const LedgerId& ledger) const {
    return to_hex(public_key_of(seed(ledger)));
  }
  std::string recovery_seed(const LedgerId& ledger) const {
    return std::string(sha256("recovery " + ledger.text()).view());
  }
  std::string recovery_key(const LedgerId& ledger) const {
    return to_hex(public_key_of(recovery_seed(ledger)));
  }
  std::string witness_seed(const LedgerId& ledger) const {
    return std::string(sha256("witness " + ledger.text()).view());
  }
  std::string witness_key(const LedgerId& ledger) const {
    return to_hex(public_key_of(witness_seed(ledger)));
  }
  // Of the keeper of `ledger`, from the next open() on.
  void change_seed(const LedgerId& ledger, SeedChange change) {
    ledgers_.at(ledger).seed_changes.push_back(std::move(change));
  }

  void submit(const LedgerId& ledger, const google::protobuf::Message& command,
              projections::Answer answer) {
    projections::Submission submission;
    submission.command.reset(command.New());
    submission.command->CopyFrom(command);
    std::array<uint8_t, 10> random{};
    test_env_.random(random.data(), random.size());
    submission.id = make_uuid_v7(clock().now_us() / 1000, random);
    submission.principal = projections::testing::staff("somebody", {v1::Role::city_admin});
    submission.principal.alliance = "*";
    submission.request_mac = std::string(16, 'm');
    ledgers_.at(ledger).keeper->submit(std::move(submission), std::move(answer));
  }
  Result<v1::Receipt> call(const LedgerId& ledger, const google::protobuf::Message& command) {
    std::promise<Result<v1::Receipt>> answer;
    submit(ledger, command,
           [&](Result<v1::Receipt> receipt) { answer.set_value(std::move(receipt)); });
    return answer.get_future().get();
  }
  template <typename Command>
  void must(const LedgerId& ledger, const Command& command) {
    const auto receipt = call(ledger, command);
    ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  }

  // Until nothing moves; rows are committed by the keepers' own ticks.
  void settle() { ASSERT_TRUE(links_->settle(20'000)) << "the links do not come to rest"; }

  template <typename Row>
  std::optional<Row> row(const LedgerId& ledger, Table<Row> table, const std::string& key) {
    std::promise<std::shared_ptr<const projections::Snapshot>> shown;
    auto& keeper = *ledgers_.at(ledger).keeper;
    keeper.wait_for(keeper.health().landed_seq, 5'000'000,
                    [&](Result<std::shared_ptr<const projections::Snapshot>> rows) {
                      shown.set_value(rows ? *rows : nullptr);
                    });
    const auto rows = shown.get_future().get();
    if (rows == nullptr) return std::nullopt;
    return *rows->find(table, key);
  }

  // An operator's word on a share ledger, from the next open() on.
  void accept_to(const LedgerId& ledger, Seq seq) { accepted_to_[ledger] = seq; }

  // Of the rows, from the next open() on.
  void commit_each(int64_t interval_us) { options_.commit_interval_us = interval_us; }

  // Between confirmations of share ledgers, from the next open() on.
  void pause_shares(int64_t pause_us) { options_.share_pause_us = pause_us; }

  Seq landed_seq(const LedgerId& ledger) {
    return ledgers_.at(ledger).keeper->health().landed_seq;
  }

  projections::Keeper& keeper(const LedgerId& ledger) { return *ledgers_.at(ledger).keeper; }
  Links& links() { return *links_; }
  streams::Log& log() { return *log_; }
  SeededEnv& env() { return env_; }

 private:
  struct One {
    std::unique_ptr<projections::Keyring> keyring;
    std::shared_ptr<projections::Keeper> keeper;
    std::vector<SeedChange> seed_changes;
  };

  Env& clock() { return options_.env == nullptr ? env_ : *options_.env; }
  SigningSeeds seeds(const LedgerId& ledger) const {
    return {seed(ledger), ledgers_.at(ledger).seed_changes};
  }

  void open_ledger(const LedgerId& ledger, One& one) {
    const std::string folder = folder_.path(ledger.folder());
    std::filesystem::create_directories(folder + "/keyring");
    one.keyring = *projections::Keyring::open(folder + "/keyring", ledger.id,
                                              std::string(32, 'm'), clock(), options_.fsync);
    projections::KeeperConfig config;
    config.ledger = ledger;
    config.founding_id = founding_id(ledger);
    config.secret = std::string(32, 's');
    config.directory = folder + "/rows";
    config.accept_clock_jump = true;
    config.limits.row_cache_mib = options_.row_cache_mib;
    config.limits.commit_interval_us = options_.commit_interval_us;
    config.forward = [](const std::string&) {};
    SigningGate gate;
    if (ledger.kind == kAllianceKind) {
      gate = std::make_shared<std::atomic<bool>>(false);
      config.may_sign = [gate] { return gate->load(); };
      config.sign = signer_of({seeds(ledger), ledger, config.founding_id, "localhost"});
    }
    auto opened = projections::Keeper::open(config, *log_, clock(), budget_, *one.keyring,
                                            pool_->get_executor(), nullptr);
    HANSA_ASSERT(opened, opened.error().detail.c_str());
    one.keeper = *std::move(opened);
    one.keeper->take_lead(projections::Lead::kHere);
    links_->add({one.keeper, one.keyring.get(), seeds(ledger),
                 ledger.kind == kCityKind ? witness_seed(ledger) : std::string(), gate});
  }

  LeagueOptions options_;
  projections::testing::ScratchFolder folder_;
  SeededEnv env_;
  SeededEnv test_env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<boost::asio::thread_pool> pool_;
  std::shared_ptr<projections::StoreBudget> budget_;
  std::vector<std::string> long_waits_;
  std::unique_ptr<Links> links_;
  std::map<LedgerId, One> ledgers_;
  std::map<LedgerId, Seq> accepted_to_;
};

}  // namespace hansa::federation::testing
