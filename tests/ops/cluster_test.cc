// Goal: nodes share the leadership of their ledgers, reach each other, and hand over when one
// leaves; a node whose clock is not the brokers' stands for nothing. Method: clusters of one
// process on a real broker, each with a clock of its own that the test sets.
#include "ops/cluster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>

#include "core/base/assert.h"
#include "ops/open_log.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

using projections::Lead;

class SkewedEnv final : public Env {
 public:
  int64_t now_us() override { return system_.now_us() + ahead_us; }
  void random(uint8_t* out, size_t length) override { system_.random(out, length); }

  std::atomic<int64_t> ahead_us{0};

 private:
  SystemEnv system_;
};

Config config_of(const std::string& node, const std::vector<LedgerId>& ledgers) {
  const char* broker = std::getenv("HANSA_KAFKA");
  HANSA_ASSERT(broker != nullptr, "run by cmake/kafka/broker run");
  Config config;
  config.node.id = node;
  config.log.kind = "kafka";
  config.log.bootstrap = broker;
  for (const auto& ledger : ledgers) config.ledgers.emplace_back().ledger = ledger;
  return config;
}

class TestNode {
 public:
  TestNode(const std::string& name, const std::vector<LedgerId>& ledgers)
      : config(config_of(name, ledgers)) {}

  void open() {
    ClusterHooks hooks;
    hooks.report = [this](std::vector<LedgerId>& could_lead) {
      for (const auto& row : config.ledgers) could_lead.push_back(row.ledger);
      v1::NodeReport report;
      report.add_ledgers()->set_ledger("of " + config.node.id);
      return report;
    };
    hooks.lead = [this](const LedgerId& ledger, Lead lead) {
      const std::lock_guard lock(mutex_);
      leads_[ledger] = lead;
      changed_.notify_all();
    };
    hooks.forwarded = [this](const LedgerId& ledger, const std::string& bytes) -> Result<void> {
      const std::lock_guard lock(mutex_);
      received_.push_back(ledger.text() + " " + bytes);
      changed_.notify_all();
      return {};
    };
    cluster = std::move(Cluster::open(config, env, std::move(hooks))).value();
  }

  size_t count(Lead lead) {
    const std::lock_guard lock(mutex_);
    size_t count = 0;
    for (const auto& [ledger, found] : leads_) count += found == lead ? 1 : 0;
    return count;
  }
  void wait_for(Lead lead, size_t wanted) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      size_t found = 0;
      for (const auto& [ledger, one] : leads_) found += one == lead ? 1 : 0;
      return found == wanted;
    });
  }
  LedgerId led() {
    const std::lock_guard lock(mutex_);
    for (const auto& [ledger, lead] : leads_) {
      if (lead == Lead::kHere) return ledger;
    }
    return {};
  }
  void wait_for_received(const std::string& text) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return std::find(received_.begin(), received_.end(), text) != received_.end();
    });
  }

  const Config config;
  SkewedEnv env;
  std::unique_ptr<Cluster> cluster;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<LedgerId, Lead> leads_;
  std::vector<std::string> received_;
};

class ClusterTest : public testing::Test {
 protected:
  ClusterTest() {
    static int number = 0;
    const std::string name = "c" + std::to_string(getpid()) + "-" + std::to_string(++number);
    for (int i = 0; i < 2; ++i) {
      ledgers_.push_back({"city", name + "-" + std::to_string(i)});
    }
    const auto config = config_of("any", ledgers_);
    const auto made = streams::create_topics(kafka_options(config), topics_of(config));
    EXPECT_TRUE(made.has_value()) << made.error().detail;
  }

  std::vector<LedgerId> ledgers_;
};

TEST_F(ClusterTest, NodesShareLeadReachEachOtherAndHandOver) {
  TestNode east("east", ledgers_);
  TestNode west("west", ledgers_);
  east.open();
  east.wait_for(Lead::kHere, 2);
  west.open();
  west.wait_for(Lead::kHere, 1);
  east.wait_for(Lead::kElsewhere, 1);
  const LedgerId led = west.led();
  east.cluster->forward(led, "a command");
  west.wait_for_received(led.text() + " a command");
  const auto reports = read_reports(east.config);
  ASSERT_TRUE(reports.has_value()) << reports.error().detail;
  ASSERT_EQ(reports->size(), 2u);
  EXPECT_EQ((*reports)[1].node(), "west");
  EXPECT_EQ((*reports)[1].ledgers(0).ledger(), "of west");
  west.cluster->leave();
  east.wait_for(Lead::kHere, 2);
  const auto after = read_reports(east.config);
  ASSERT_TRUE(after.has_value()) << after.error().detail;
  ASSERT_EQ(after->size(), 1u) << "who leaves takes its report back";
  EXPECT_EQ((*after)[0].node(), "east");
}

TEST_F(ClusterTest, WrongClock_NothingIsLedUntilItIsRight) {
  TestNode node("wrong", ledgers_);
  node.env.ahead_us = kClockApartUsMax + 8'000'000;
  node.open();
  node.wait_for(Lead::kForbidden, 2);
  EXPECT_TRUE(node.cluster->health().clock_apart);
  EXPECT_GT(node.cluster->health().clock_ahead_us, kClockApartUsMax);
  node.env.ahead_us = 0;
  node.wait_for(Lead::kHere, 2);
  EXPECT_FALSE(node.cluster->health().clock_apart);
  node.env.ahead_us = -kClockApartUsMax - 8'000'000;
  node.wait_for(Lead::kForbidden, 2);
  EXPECT_LT(node.cluster->health().clock_ahead_us, -kClockApartUsMax);
}

}  // namespace
}  // namespace hansa::ops
