// Goal: of several nodes one decides; what comes to another is decided once, by the leader or, if
// it is silent, here; no forged, old or forbidden command gets in by way of a node; a node refuses
// nobody for what it has not read yet. Method: two cities of one ledger on one thread over a
// simulated log; the test carries what is forwarded, or loses it.
#include <gtest/gtest.h>

#include <deque>

#include "core/base/durations.h"
#include "projections/forward.h"
#include "streams/simulated_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::City;
using testing::found;
using testing::kStartUs;
using testing::report;
using testing::ScratchFolder;
using testing::staff;

struct Outcome {
  bool done = false;
  Result<v1::Receipt> result;

  Answer answer() {
    return [this](Result<v1::Receipt> answered) {
      result = std::move(answered);
      done = true;
    };
  }
};

// Hears of its entries late, if it is told to hold the answers.
class LateAnswers final : public streams::Log {
 public:
  explicit LateAnswers(streams::SimulatedStore& store) : log_(store) {}

  Result<Offset> end(const LedgerId& ledger) override { return log_.end(ledger); }
  Result<streams::ReadResult> read(const LedgerId& ledger, Offset from,
                                   size_t bytes_max) override {
    return log_.read(ledger, from, bytes_max);
  }
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override {
    log_.append(ledger, std::move(values), expected_end,
                [this, delivered = std::move(delivered)](auto deliveries) mutable {
                  if (!holds) return delivered(std::move(deliveries));
                  held_.push_back([delivered = std::move(delivered),
                                   deliveries = std::move(deliveries)]() mutable {
                    delivered(std::move(deliveries));
                  });
                });
  }
  bool has_more(const LedgerId& ledger, Offset from) override {
    return log_.has_more(ledger, from);
  }
  void renew_writer(const LedgerId& ledger) override { log_.renew_writer(ledger); }

  void release() {
    holds = false;
    for (auto& answer : std::exchange(held_, {})) answer();
  }
  size_t held() const { return held_.size(); }

  bool holds = false;

 private:
  streams::SimulatedLog log_;
  std::deque<std::function<void()>> held_;
};

v1::ImportCase imported_row() {
  v1::ImportCase row;
  row.set_source_name("old-system");
  row.set_source_id("17");
  row.set_kind(v1::Kind::problem);
  row.set_source(v1::Source::hotline);
  row.set_service("rubbish");
  *row.mutable_place() = report().place();
  row.set_state(v1::State::closed);
  row.set_reported_time_us(kStartUs - 2 * kHourUs);
  row.set_closed_time_us(kStartUs - kHourUs);
  return row;
}

class KeeperLeadTest : public ::testing::Test {
 protected:
  // One process of the ledger.
  struct Site {
    explicit Site(KeeperLeadTest& test) : log(test.store_), city(log, folder, test.env_) {
      city.forward = [this](std::string bytes) { sent.push_back(std::move(bytes)); };
      city.timers_fire_alone = test.timers_fire_alone_;
    }
    ScratchFolder folder;
    LateAnswers log;
    std::deque<std::string> sent;
    City city;
  };

  KeeperLeadTest() : env_(3, "keeper_lead_test", kStartUs), store_(9) {}

  void start() {
    is_started_ = true;
    EXPECT_TRUE(leader_.city.open().has_value());
    EXPECT_TRUE(follower_.city.open().has_value());
    leader_.city.turn = [this] { turn(follower_); };
    follower_.city.turn = [this] { turn(leader_); };
    leader_.city.keeper().take_lead(Lead::kHere);
    found(leader_.city);
    follower_.city.keeper().take_lead(Lead::kElsewhere);
    catch_up(follower_);
  }
  ~KeeperLeadTest() override {
    // Each closes alone: the other may be gone.
    for (Site* site : {&follower_, &leader_}) {
      if (!is_started_) return;
      site->city.turn = [this] { store_.step(); };
      site->city.close();
    }
  }

  void turn(Site& other) {
    store_.step();
    if (other.city.loop().stopped()) other.city.loop().restart();
    other.city.loop().poll();
    while (carries_ && !follower_.sent.empty()) carry();
  }
  void carry() {
    const std::string bytes = std::move(follower_.sent.front());
    follower_.sent.pop_front();
    EXPECT_TRUE(leader_.city.door().enter_forwarded(bytes).has_value());
  }
  void catch_up(Site& site) {
    const Seq seq = leader_.city.keeper().health().landed_seq;
    site.city.run_until([&] { return site.city.keeper().health().landed_seq >= seq; });
  }
  Seq valid_entries() {
    const auto health = [this] { return follower_.city.keeper().health(); };
    store_.run_until_idle();
    const size_t records = store_.records({"city", "example"}).size();
    follower_.city.run_until([&] { return health().next_offset >= records; });
    return health().landed_seq;
  }

  const Principal hotline_ = staff("hotline-1", {v1::Role::hotline});
  const Principal admin_ = staff("admin", {v1::Role::city_admin});
  const Principal operator_ = staff("operator-1", {v1::Role::operator_});
  SeededEnv env_;
  streams::SimulatedStore store_;
  bool timers_fire_alone_ = false;
  bool is_started_ = false;
  bool carries_ = true;  // what is forwarded reaches the leader
  Site leader_{*this};
  Site follower_{*this};
};

TEST_F(KeeperLeadTest, CommandAtAFollowerIsDecidedByTheLeaderAndAnsweredHere) {
  start();
  const CommandId id = follower_.city.new_id();
  const auto receipt = follower_.city.call(report(), hotline_, id);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  EXPECT_EQ(follower_.city.keeper().health().forwarded_commands, 1u);
  EXPECT_EQ(follower_.city.keeper().health().forward_timeouts, 0u);
  const auto again = leader_.city.call(report(), hotline_, id);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->SerializeAsString(), receipt->SerializeAsString());
  EXPECT_EQ(valid_entries(), receipt->seq());
}

// A witness is asked at whichever node is reached, for as long as it takes.
TEST_F(KeeperLeadTest, WhatOthersAskOfAFollowerIsDecidedThereAndWhatItsOwnLinksBringIsNot) {
  start();
  const auto submit = [this](bool is_asked) {
    Submission submission;
    submission.command = std::make_unique<v1::CosignCheckpoint>();
    submission.kind = v1::CauseKind::input;
    submission.is_asked = is_asked;
    Outcome outcome;
    follower_.city.keeper().submit(std::move(submission), outcome.answer());
    follower_.city.run_until([&] { return outcome.done; });
    return outcome.result;
  };
  const auto brought = submit(false);
  ASSERT_FALSE(brought.has_value());
  EXPECT_EQ(brought.error().code, Errc::kUnavailable) << brought.error().detail;
  const auto asked = submit(true);
  ASSERT_FALSE(asked.has_value());
  EXPECT_NE(asked.error().code, Errc::kUnavailable) << asked.error().detail;
  EXPECT_EQ(follower_.city.keeper().health().forwarded_commands, 0u);
}

TEST_F(KeeperLeadTest, LeaderIsSilent_TheCommandIsDecidedHereAndLateWordOfItDoesNothing) {
  start();
  carries_ = false;
  const CommandId id = follower_.city.new_id();
  const auto receipt = follower_.city.call(report(), hotline_, id);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  EXPECT_EQ(follower_.city.keeper().health().forward_timeouts, 1u);
  ASSERT_EQ(follower_.sent.size(), 1u);
  carry();
  catch_up(follower_);
  const auto again = leader_.city.call(report(), hotline_, id);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->seq(), receipt->seq());
  EXPECT_EQ(valid_entries(), receipt->seq());
  // Whoever waited in vain does not wait again.
  ASSERT_TRUE(follower_.city.call(report(), hotline_).has_value());
  EXPECT_EQ(follower_.sent.size(), 0u);
}

TEST_F(KeeperLeadTest, ClockIsSetBackWhileACommandIsAtTheLeader_ItIsNotRefused) {
  start();
  carries_ = false;
  env_.advance_us(kHourUs);
  const CommandId id = follower_.city.new_id();
  Outcome outcome;
  follower_.city.send(report(), hotline_, id, outcome.answer());
  follower_.city.run_until([&] { return !follower_.sent.empty(); });
  env_.advance_us(-kHourUs);  // the id is from the future now
  follower_.city.run(outcome.done);
  ASSERT_FALSE(outcome.result.has_value());
  EXPECT_EQ(outcome.result.error().code, Errc::kUnknownOutcome);
  env_.advance_us(kHourUs);
  carry();
  const auto landed = leader_.city.call(report(), hotline_, id);
  ASSERT_TRUE(landed.has_value()) << landed.error().detail;
  catch_up(follower_);
  env_.advance_us(-kHourUs);
  const auto again = follower_.city.call(report(), hotline_, id);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->seq(), landed->seq());
}

TEST_F(KeeperLeadTest, LeadComesHereWhileACommandWaits_ItIsDecidedAtOnce) {
  start();
  carries_ = false;
  Outcome outcome;
  follower_.city.send(report(), hotline_, std::nullopt, outcome.answer());
  follower_.city.run_until([&] { return !follower_.sent.empty(); });
  follower_.city.keeper().take_lead(Lead::kHere);
  follower_.city.run(outcome.done);
  EXPECT_TRUE(outcome.result.has_value());
  EXPECT_EQ(follower_.city.keeper().health().forward_timeouts, 0u);
}

TEST_F(KeeperLeadTest, ImportedRowsAtAFollowerAreAnsweredAsImported) {
  start();
  const auto imported = follower_.city.call(imported_row(), admin_);
  ASSERT_TRUE(imported.has_value()) << imported.error().detail;
  EXPECT_FALSE(imported->entry_sha256().empty());
  const auto again = follower_.city.call(imported_row(), admin_);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_TRUE(again->entry_sha256().empty()) << "known rows are unchanged, without the leader";
  EXPECT_EQ(follower_.city.keeper().health().forwarded_commands, 1u);
}

// Whoever waits is not told of another's row as of its own; and of an import no answer is kept, so
// that its refusal changes no row.
TEST_F(KeeperLeadTest, EntryThatRefusesAnotherRowOfTheSameNameIsCommittedLikeAnother) {
  start();
  carries_ = false;
  Outcome outcome;
  follower_.city.send(imported_row(), admin_, std::nullopt, outcome.answer());
  follower_.city.run_until([&] { return !follower_.sent.empty(); });
  auto other = imported_row();
  other.set_other_content("differs");
  ASSERT_TRUE(leader_.city.call(other, admin_).has_value());
  const Seq before = valid_entries();
  follower_.city.run(outcome.done);
  ASSERT_FALSE(outcome.result.has_value());
  EXPECT_EQ(outcome.result.error().code, Errc::kSourceConflict) << outcome.result.error().detail;
  ASSERT_EQ(valid_entries(), before + 1);
  for (Site* site : {&leader_, &follower_}) {
    site->city.run_until([&] { return site->city.keeper().health().committed_seq > before; });
  }
}

// ---- newer and older binaries

TEST_F(KeeperLeadTest, LevelIsRaisedWhileANodeIsOld_ItStopsInFrontOfItAndTheOtherGoesOn) {
  follower_.city.schema_level_known = kFirstSchemaLevel;
  start();
  v1::RaiseSchemaLevel raise;
  raise.set_level(kSchemaLevel);
  const auto raised = leader_.city.call(raise, operator_);
  ASSERT_TRUE(raised.has_value()) << raised.error().detail;
  const auto health = [this] { return follower_.city.keeper().health(); };
  follower_.city.run_until([&] { return health().stopped.has_value(); });
  EXPECT_EQ(health().waits_for, Waits::kUpgrade);
  EXPECT_NE(health().stopped->detail.find("install a newer one"), std::string::npos)
      << health().stopped->detail;
  EXPECT_EQ(health().landed_seq, raised->seq() - 1);
  const auto refused = follower_.city.call(report(), hotline_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kLedgerStopped) << refused.error().detail;
  const auto receipt = leader_.city.call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  const auto records = store_.records({"city", "example"});
  EXPECT_EQ(decode_entry(records.front())->envelope.schema_level, kFirstSchemaLevel);
  EXPECT_EQ(decode_entry(records.back())->envelope.schema_level, kSchemaLevel);
  // It gets the newer binary.
  follower_.city.abandon();
  follower_.city.schema_level_known = kSchemaLevel;
  ASSERT_TRUE(follower_.city.open().has_value());
  EXPECT_EQ(health().landed_seq, receipt->seq());
}

TEST_F(KeeperLeadTest, OldLeaderRaisesNothingThatItDoesNotKnow) {
  leader_.city.schema_level_known = kFirstSchemaLevel;
  start();
  const Seq before = valid_entries();
  v1::RaiseSchemaLevel raise;
  raise.set_level(kSchemaLevel);
  const auto refused = leader_.city.call(raise, operator_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUpgradeNeeded) << refused.error().detail;
  EXPECT_EQ(valid_entries(), before);
}

TEST_F(KeeperLeadTest, NobodyIsRefusedForWhatANodeHasNotReadYet) {
  start();
  const auto receipt = leader_.city.call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  v1::VerifyCase verify;
  verify.set_case_(receipt->subject_id());
  const auto verifier = staff("verifier-1", {v1::Role::verifier});
  const auto verified = follower_.city.call(verify, verifier);
  ASSERT_TRUE(verified.has_value()) << verified.error().detail;
  const auto refused = follower_.city.call(verify, verifier);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kWrongState);
  EXPECT_EQ(refused.error().seq, verified->seq());
  // The same of a leader, when another has decided meanwhile.
  carries_ = false;
  const auto other = follower_.city.call(report(), hotline_);
  ASSERT_TRUE(other.has_value());
  verify.set_case_(other->subject_id());
  EXPECT_TRUE(leader_.city.call(verify, verifier).has_value());
}

TEST_F(KeeperLeadTest, AnswerIsLate_NobodyIsRefusedForWhatAnotherWroteMeanwhile) {
  leader_.city.ticks_alone = false;  // a commit that is due would keep it from deciding
  start();
  follower_.city.keeper().take_lead(Lead::kHere);
  leader_.log.holds = true;
  Outcome own;
  leader_.city.send(report(), hotline_, std::nullopt, own.answer());
  leader_.city.run_until([&] { return leader_.log.held() == 1; });
  const auto other = follower_.city.call(report(), hotline_);
  ASSERT_TRUE(other.has_value()) << other.error().detail;
  v1::VerifyCase verify;
  verify.set_case_(other->subject_id());
  Outcome verified;
  leader_.city.send(verify, staff("verifier-1", {v1::Role::verifier}), std::nullopt,
                    verified.answer());
  auto shown = std::optional<Result<std::shared_ptr<const Snapshot>>>();
  leader_.city.keeper().wait_for_end(5 * kSecondUs, [&](auto rows) { shown = std::move(rows); });
  leader_.city.loop().restart();
  leader_.city.loop().poll();
  EXPECT_FALSE(own.done || verified.done || shown);
  leader_.log.release();
  leader_.city.run_until([&] { return verified.done && shown; });
  EXPECT_TRUE(own.result.has_value());
  EXPECT_TRUE(verified.result.has_value()) << verified.result.error().detail;
  ASSERT_TRUE(shown->has_value());
  EXPECT_GE((**shown)->meta().position.seq, other->seq());
}

TEST_F(KeeperLeadTest, WhoAsksForTheEndIsShownWhatOtherNodesWrote) {
  start();
  leader_.city.turn = [this] { store_.step(); };  // the follower stands still meanwhile
  const auto receipt = leader_.city.call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  EXPECT_LT(follower_.city.keeper().health().landed_seq, receipt->seq());
  const auto shown = follower_.city.wait_for_end();
  ASSERT_TRUE(shown.has_value()) << shown.error().detail;
  EXPECT_GE((*shown)->meta().position.seq, receipt->seq());
  streams::SimulatedFaults faults;
  faults.unreachable = 1000;
  store_.set_faults(faults);
  const auto unread = follower_.city.wait_for_end();
  ASSERT_FALSE(unread.has_value());
  EXPECT_EQ(unread.error().code, Errc::kUnavailable) << unread.error().detail;
  store_.set_faults({});
}

TEST_F(KeeperLeadTest, LogCannotBeRead_NobodyIsRefusedForWhatStandsInIt) {
  start();
  leader_.city.turn = [this] { store_.step(); };  // the follower stands still meanwhile
  const auto receipt = leader_.city.call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  v1::VerifyCase verify;
  verify.set_case_(receipt->subject_id());
  const auto verifier = staff("verifier-1", {v1::Role::verifier});
  streams::SimulatedFaults faults;
  faults.unreachable = 1000;
  store_.set_faults(faults);
  const auto refused = follower_.city.call(verify, verifier);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUnavailable) << refused.error().detail;
  store_.set_faults({});
}

TEST_F(KeeperLeadTest, NobodyIsToldThatNothingIsToDoForWhatANodeHasNotReadYet) {
  start();
  const auto admin = staff("admin", {v1::Role::city_admin});
  v1::DefineUnit unit;
  unit.set_unit("roads");
  EXPECT_TRUE(follower_.city.call(unit, admin)->entry_sha256().empty()) << "it is known as it is";
  v1::DefineUnit renamed = unit;
  renamed.mutable_title()->set_en("Roads and bridges");
  leader_.city.turn = [this] { store_.step(); };  // the follower stands still meanwhile
  const auto changed = leader_.city.call(renamed, admin);
  ASSERT_TRUE(changed.has_value());
  leader_.city.turn = [this] { turn(follower_); };
  const auto back = follower_.city.call(unit, admin);
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(back->seq(), changed->seq() + 1);
}

TEST_F(KeeperLeadTest, OnlyTheLeaderFiresTimers) {
  timers_fire_alone_ = true;
  Site alone(*this);
  ASSERT_TRUE(alone.city.open().has_value());
  alone.city.turn = [this] { store_.step(); };
  alone.city.keeper().take_lead(Lead::kHere);
  found(alone.city);
  const auto receipt = alone.city.call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  alone.city.keeper().take_lead(Lead::kElsewhere);
  env_.advance_us(3 * kHourUs);
  alone.city.run_until([&, turns = 0]() mutable { return ++turns > 300; });
  EXPECT_EQ(alone.city.keeper().health().landed_seq, receipt->seq());
  alone.city.keeper().take_lead(Lead::kHere);
  alone.city.run_until(
      [&] { return alone.city.keeper().health().landed_seq == receipt->seq() + 1; });
  alone.city.close();
}

TEST_F(KeeperLeadTest, WrongClock_NothingIsDecidedAndKnownAnswersStand) {
  start();
  follower_.city.keeper().take_lead(Lead::kForbidden);
  const auto refused = follower_.city.call(report(), hotline_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_TRUE(follower_.sent.empty());
}

TEST_F(KeeperLeadTest, ForgedOldAndForbiddenForwardsAreRefused) {
  start();
  carries_ = false;
  Outcome outcome;
  follower_.city.send(report(), hotline_, std::nullopt, outcome.answer());
  follower_.city.run_until([&] { return !follower_.sent.empty(); });
  const std::string bytes = follower_.sent.front();
  follower_.sent.clear();
  auto& door = leader_.city.door();
  const auto code = [&](std::string_view forwarded) {
    const auto entered = door.enter_forwarded(forwarded);
    return entered ? Errc::kInternal : entered.error().code;
  };
  for (size_t at = 0; at < bytes.size(); at += 7) {
    std::string forged = bytes;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    EXPECT_EQ(code(forged), Errc::kForbidden) << at;
  }
  EXPECT_EQ(code(""), Errc::kForbidden);
  const LedgerId ledger{"city", "example"};
  const std::string secret(32, 's');
  Submission submission;
  submission.command = std::make_unique<v1::ReportCase>(report());
  static_cast<v1::ReportCase&>(*submission.command).set_city("example");
  submission.principal = staff("nobody", {v1::Role::auditor});
  EXPECT_EQ(code(write_forward(submission, ledger, secret, env_.now_us())), Errc::kForbidden);
  submission.principal = hotline_;
  EXPECT_EQ(code(write_forward(submission, {"city", "other"}, secret, env_.now_us())),
            Errc::kForbidden);
  EXPECT_EQ(code(write_forward(submission, ledger, std::string(32, 'x'), env_.now_us())),
            Errc::kForbidden);
  for (const int64_t off_us : {-kForwardAgeUsMax - 1, kForwardAgeUsMax + 1}) {
    EXPECT_EQ(code(write_forward(submission, ledger, secret, env_.now_us() + off_us)),
              Errc::kRequestTimeout);
  }
  submission.command = std::make_unique<v1::TimerDue>();
  EXPECT_EQ(code(write_forward(submission, ledger, secret, env_.now_us())), Errc::kUpgradeNeeded);
  follower_.city.run(outcome.done);
  EXPECT_TRUE(outcome.result.has_value());
}

}  // namespace
}  // namespace hansa::projections
