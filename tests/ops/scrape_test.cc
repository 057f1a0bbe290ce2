// Goal: what an alarm asks for shows how a ledger or a link stands, and one that is well raises
// none. Method: figures as a node has them, and the series that are made of them.
#include "ops/scrape.h"

#include <gtest/gtest.h>

#include "tests/ops/series_of.h"

namespace hansa::ops {
namespace {

using federation::LinkHealth;
using federation::LinkKind;
using projections::Waits;

std::map<std::string, double> series(const Scrape& scrape) {
  return testing::series_of(scraped_families(scrape));
}

LedgerFigures figures() {
  LedgerFigures figures;
  figures.ledger = {"city", "wuxi"};
  figures.health.ready = true;
  return figures;
}

double of_ledger(const LedgerFigures& figures, const std::string& name,
                 const std::string& more = "") {
  const auto all = series({.ledgers = {figures}});
  return all.at("hansa_projections_" + name + ",ledger=city/wuxi" + more);
}

double of_link(const LinkHealth& link, const std::string& name) {
  return series({.links = {link}}).at("hansa_federation_link_" + name + ",link=a > b,kind=input");
}

TEST(Scrape, OfALedgerThatIsWellRaisesNoAlarm) {
  const auto all = series({.ledgers = {figures()}});
  for (const auto* reason : {"stopped", "upgrade", "rebuild", "clock", "rows", "log"}) {
    EXPECT_EQ(all.at("hansa_projections_waiting_bool,ledger=city/wuxi,reason=" +
                     std::string(reason)),
              0);
  }
  for (const auto* name : {"refused_bool", "second_history_bool", "keyring_failing_bool"}) {
    EXPECT_EQ(of_ledger(figures(), name), 0) << name;
  }
  EXPECT_EQ(of_ledger(figures(), "ready_bool"), 1);
}

TEST(Scrape, SaysWhyALedgerWaits) {
  const std::pair<Waits, const char*> kReasons[] = {
      {Waits::kStopped, "stopped"}, {Waits::kUpgrade, "upgrade"}, {Waits::kRebuild, "rebuild"},
      {Waits::kClock, "clock"},     {Waits::kRows, "rows"},       {Waits::kLog, "log"}};
  for (const auto& [waits, reason] : kReasons) {
    auto waiting = figures();
    waiting.health.waits_for = waits;
    EXPECT_EQ(of_ledger(waiting, "waiting_bool", std::string(",reason=") + reason), 1) << reason;
  }
}

TEST(Scrape, ASecondHistoryIsToldFromOtherReasonsToStop) {
  for (const auto& [code, expected] : {std::pair{Errc::kChainBroken, 1.0},
                                       {Errc::kLogBehind, 1.0},
                                       {Errc::kUpgradeNeeded, 0.0},
                                       {Errc::kBadFile, 0.0}}) {
    auto stopped = figures();
    stopped.health.stopped = Error{Errc::kLedgerStopped, "why"};
    stopped.health.stopped_by = code;
    EXPECT_EQ(of_ledger(stopped, "second_history_bool"), expected) << error_info(code).name;
    EXPECT_EQ(of_ledger(stopped, "refused_bool"), 1);
    auto refused = figures();
    refused.refused = code;
    EXPECT_EQ(of_ledger(refused, "second_history_bool"), expected) << error_info(code).name;
    EXPECT_EQ(of_ledger(refused, "ready_bool"), 0);
  }
}

TEST(Scrape, SaysHowALinkStands) {
  LinkHealth link;
  link.link = "a > b";
  link.kind = LinkKind::kInput;
  for (const auto* name : {"waiting_bool", "quarantined_bool", "second_history_bool",
                           "silent_bool", "behind_seconds", "behind_records"}) {
    EXPECT_EQ(of_link(link, name), 0) << name;
  }
  link.behind_us = 1'500'000;
  link.behind_records = 7;
  link.is_silent = true;
  link.is_quarantined = true;
  link.waits = Error{Errc::kBadSignature, "why"};
  EXPECT_EQ(of_link(link, "behind_seconds"), 1.5);
  EXPECT_EQ(of_link(link, "behind_records"), 7);
  EXPECT_EQ(of_link(link, "silent_bool"), 1);
  EXPECT_EQ(of_link(link, "quarantined_bool"), 1);
  EXPECT_EQ(of_link(link, "waiting_bool"), 1);
  EXPECT_EQ(of_link(link, "second_history_bool"), 0);
  link.waits = Error{Errc::kForkFound, "why"};
  EXPECT_EQ(of_link(link, "second_history_bool"), 1);
}

TEST(Scrape, OfTheProcessIsWhatTheSystemSays) {
  const auto process = read_process("/");
  EXPECT_GT(process.disk_size_bytes, process.disk_free_bytes);
  EXPECT_GT(process.resident_bytes, 1'000'000U);
  EXPECT_GT(process.cpu_us, 0);
  EXPECT_EQ(read_process("/no/such/folder").disk_size_bytes, 0U);
  Scrape scrape;
  scrape.process = {.started_us = 2'000'000, .now_us = 5'500'000, .clock_ahead_us = -250'000};
  const auto all = series(scrape);
  EXPECT_EQ(all.at("hansa_ops_start_time_seconds"), 2);
  EXPECT_EQ(all.at("hansa_ops_clock_time_seconds"), 5.5);
  EXPECT_EQ(all.at("hansa_ops_clock_ahead_seconds"), -0.25);
}

}  // namespace
}  // namespace hansa::ops
