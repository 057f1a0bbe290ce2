// Goal: what the keeper promises its callers holds: nothing unlanded leaves, one answer per command
// id, the same rows after every restart. Method: one city on one thread over an embedded log, or
// over a simulated log whose landings the test decides step by step.
#include "projections/keeper.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/durations.h"
#include "streams/appender.h"
#include "streams/embedded_log.h"
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

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() : env_(1, "keeper_test", kStartUs) {
    log_ = *streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false});
    city_ = std::make_unique<City>(*log_, folder_, env_);
    EXPECT_TRUE(city_->open().has_value());
    found(*city_);
  }

  void restart() {
    city_ = std::make_unique<City>(*log_, folder_, env_);
    ASSERT_TRUE(city_->open().has_value());
  }

  const Principal hotline_ = staff("hotline-1", {v1::Role::hotline});
  ScratchFolder folder_;
  SeededEnv env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<City> city_;
};

TEST_F(KeeperTest, AcceptedCommandIsShownAtItsSeq) {
  const auto receipt = city_->call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  EXPECT_EQ(receipt->subject_id(), "c" + std::to_string(receipt->seq()));
  const auto shown = city_->wait_for(receipt->seq(), 5'000'000);
  ASSERT_TRUE(shown.has_value());
  const auto row = (*shown)->find(kCaseTable, case_key(receipt->subject_id()));
  ASSERT_TRUE(row.has_value() && row->has_value());
  EXPECT_EQ((*row)->state(), v1::State::reported);
  EXPECT_GE((*shown)->meta().position.seq, receipt->seq());
}

TEST_F(KeeperTest, SameIdThreeTimesIsOneCaseAndOneReceipt_AlsoAfterRestart) {
  const CommandId id = city_->new_id();
  const auto first = city_->call(report(), hotline_, id);
  const auto second = city_->call(report(), hotline_, id);
  city_->close();
  restart();
  const auto third = city_->call(report(), hotline_, id);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  EXPECT_EQ(first->SerializeAsString(), third->SerializeAsString());
  EXPECT_EQ(city_->keeper().health().landed_seq, first->seq());
}

TEST_F(KeeperTest, SameIdTwiceInOneRoundIsOneCase) {
  const CommandId id = city_->new_id();
  std::vector<Result<v1::Receipt>> answers;
  bool done = false;
  for (int i = 0; i < 2; ++i) {
    city_->send(report(), hotline_, id, [&](Result<v1::Receipt> answer) {
      answers.push_back(std::move(answer));
      done = answers.size() == 2;
    });
  }
  city_->run(done);
  ASSERT_TRUE(answers[0] && answers[1]);
  EXPECT_EQ(answers[0]->SerializeAsString(), answers[1]->SerializeAsString());
}

TEST_F(KeeperTest, SameIdForAnotherRequestIsRefused) {
  const CommandId id = city_->new_id();
  ASSERT_TRUE(city_->call(report("one"), hotline_, id).has_value());
  const auto other = city_->call(report("two"), hotline_, id);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Errc::kIdempotencyMismatch);
}

TEST_F(KeeperTest, SameIdOfAnotherCallerIsAnotherCommand) {
  const CommandId id = city_->new_id();
  const auto mine = city_->call(report(), hotline_, id);
  const auto theirs = city_->call(report(), staff("hotline-2", {v1::Role::hotline}), id);
  ASSERT_TRUE(mine && theirs);
  EXPECT_NE(mine->seq(), theirs->seq());
}

TEST_F(KeeperTest, IdOutsideItsWindowIsRefused_SoThatForgettingLosesNothing) {
  const CommandId old = city_->new_id();
  ASSERT_TRUE(city_->call(report(), hotline_, old).has_value());
  env_.advance_us(47 * kHourUs);
  EXPECT_TRUE(city_->call(report(), hotline_, old).has_value());
  env_.advance_us(2 * kHourUs);
  const auto late = city_->call(report(), hotline_, old);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::kBadIdempotencyKey);
  const auto ahead = city_->call(report(), hotline_, make_uuid_v7(env_.now_us() / 1000 + 301'000,
                                                                  {}));
  ASSERT_FALSE(ahead.has_value());
  EXPECT_EQ(ahead.error().code, Errc::kBadIdempotencyKey);
}

TEST_F(KeeperTest, AnswersDieAfterTheWindow_SoThatRowsDoNotGrowForEver) {
  const CommandId old = city_->new_id();
  ASSERT_TRUE(city_->call(report(), hotline_, old).has_value());
  env_.advance_us(50 * kHourUs);
  const auto last = city_->call(report(), hotline_);
  ASSERT_TRUE(last.has_value());
  const auto shown = city_->wait_for(last->seq(), 5'000'000);
  ASSERT_TRUE(shown.has_value());
  size_t answers = 0;
  const auto scanned = (*shown)->scan(stored_key(kAnsweredTable.id, big_endian(1)),
                                      stored_key(kAnsweredTable.id, big_endian(~0ULL)),
                                      [&](std::string_view, std::string_view) {
                                        ++answers;
                                        return true;
                                      });
  ASSERT_TRUE(scanned.has_value());
  EXPECT_EQ(answers, 1u);
}

TEST_F(KeeperTest, RefusalNamesTheSeqItLookedAtAndLeavesNoEntry) {
  const auto receipt = city_->call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  v1::FileCase file;
  file.set_case_(receipt->subject_id());
  const auto refused = city_->call(file, staff("d", {v1::Role::dispatcher}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kWrongState);
  EXPECT_EQ(refused.error().seq, receipt->seq());
  EXPECT_EQ(city_->keeper().health().landed_seq, receipt->seq());
}

TEST_F(KeeperTest, CrashBeforeCommit_RowsAreFoldedAgainFromTheLog) {
  const auto receipt = city_->call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  city_->abandon();
  restart();
  const auto shown = city_->wait_for(receipt->seq(), 0);
  ASSERT_TRUE(shown.has_value());
  const auto row = (*shown)->find(kCaseTable, case_key(receipt->subject_id()));
  EXPECT_TRUE(row.has_value() && row->has_value());
}

// Every part of the rows but the first, which holds the position, is changed a little.
TEST_F(KeeperTest, RowsAreDamaged_CommandThatFindsItOutHearsSoAtOnce) {
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(city_->call(report(), hotline_).has_value());
  city_.reset();
  for (const auto& item : std::filesystem::directory_iterator(folder_.path("rows"))) {
    if (item.path().extension() != ".sst") continue;
    std::fstream file(item.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(item.path());
    for (size_t at = 6'000; at < size / 2; at += 500) file.seekp(at).put('?');
  }
  restart();
  const auto answer = city_->call(report(), hotline_);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::kLedgerStopped);
  EXPECT_NE(answer.error().detail.find("stop the node and run `hansa projection rebuild"),
            std::string::npos)
      << answer.error().detail;
}

TEST_F(KeeperTest, DigestIsTheSameHoweverTheRowsWereCommitted) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(city_->call(report(), hotline_).has_value());
  city_->close();
  restart();
  const Digest live = city_->keeper().store()->meta().digest;
  city_->close();
  std::filesystem::remove_all(folder_.path("rows"));
  restart();
  EXPECT_EQ(city_->keeper().store()->meta().digest, live);
}

TEST_F(KeeperTest, WaitBeyondTheEndIsBounded) {
  const auto shown = city_->wait_for(1'000'000, 200'000);
  ASSERT_FALSE(shown.has_value());
  EXPECT_EQ(shown.error().code, Errc::kNotYet);
}

TEST_F(KeeperTest, TimerThatIsDueBecomesAnEntryOnce) {
  const auto receipt = city_->call(report(), hotline_);
  ASSERT_TRUE(receipt.has_value());
  city_->fire_timers();
  EXPECT_EQ(city_->keeper().health().landed_seq, receipt->seq());
  env_.advance_us(3 * kHourUs);
  city_->fire_timers();
  city_->fire_timers();
  EXPECT_EQ(city_->keeper().health().landed_seq, receipt->seq() + 1);
  const auto shown = city_->wait_for(receipt->seq() + 1, 5'000'000);
  const auto row = (*shown)->find(kCaseTable, case_key(receipt->subject_id()));
  EXPECT_TRUE((*row)->first_response_breached());
  EXPECT_EQ(city_->keeper().health().breached_deadlines, 1U);
}

TEST_F(KeeperTest, WhatLandsAfterAQuietHourIsNotAnHourBehind) {
  city_->close();
  city_ = std::make_unique<City>(*log_, folder_, env_);
  city_->ticks_alone = false;
  ASSERT_TRUE(city_->open().has_value());
  env_.advance_us(kHourUs);
  const auto first = city_->call(report(), hotline_);
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  env_.advance_us(20 * kSecondUs);
  const auto second = city_->call(report(), hotline_);
  ASSERT_LT(city_->keeper().health().committed_seq, first->seq());
  EXPECT_GE(city_->keeper().health().oldest_unprocessed_age_us, 20 * kSecondUs);
  EXPECT_LT(city_->keeper().health().oldest_unprocessed_age_us, 21 * kSecondUs);
  ASSERT_TRUE(city_->wait_for(second->seq(), 5 * kSecondUs).has_value());
  EXPECT_EQ(city_->keeper().health().oldest_unprocessed_age_us, 0);
  env_.advance_us(kHourUs);
  ASSERT_TRUE(city_->call(report(), hotline_).has_value());
  ASSERT_LT(city_->keeper().health().committed_seq, city_->keeper().health().landed_seq);
  EXPECT_LT(city_->keeper().health().oldest_unprocessed_age_us, kSecondUs);
}

TEST_F(KeeperTest, ACityThatWasFoundedJustNowIsNotBehindSince1970) {
  const ScratchFolder folder;
  const auto log = *streams::EmbeddedLog::open({.folder = folder.path("log"), .fsync = false});
  City city(*log, folder, env_);
  city.ticks_alone = false;
  ASSERT_TRUE(city.open().has_value());
  found(city);
  ASSERT_LT(city.keeper().health().committed_seq, city.keeper().health().landed_seq);
  EXPECT_LT(city.keeper().health().oldest_unprocessed_age_us, kSecondUs);
}

TEST_F(KeeperTest, ClockThatJumpedADayNeedsAnOperatorsWord) {
  city_->close();
  env_.advance_us(25 * kHourUs);
  restart();
  const auto refused = city_->call(report(), hotline_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_EQ(city_->keeper().health().waits_for, Waits::kClock);
  EXPECT_NE(city_->keeper().health().waits.find("--accept-clock-jump"), std::string::npos);
  city_->close();
  city_ = std::make_unique<City>(*log_, folder_, env_);
  city_->accept_clock_jump = true;
  ASSERT_TRUE(city_->open().has_value());
  EXPECT_TRUE(city_->call(report(), hotline_).has_value());
}

TEST_F(KeeperTest, FullQueueIsRefusedInsteadOfGrowing) {
  city_->close();
  KeeperLimits limits;
  limits.queue_commands_max = 2;
  city_ = std::make_unique<City>(*log_, folder_, env_, limits);
  ASSERT_TRUE(city_->open().has_value());
  int refused = 0;
  int answered = 0;
  bool done = false;
  for (int i = 0; i < 3; ++i) {
    city_->send(report(), hotline_, std::nullopt, [&](Result<v1::Receipt> answer) {
      if (!answer && answer.error().code == Errc::kRateLimited) ++refused;
      done = ++answered == 3;
    });
  }
  city_->run(done);
  EXPECT_EQ(refused, 1);
}

TEST_F(KeeperTest, ErasedPersonsTextsAreGoneAndTheLedgerStillFolds) {
  v1::ReportCase request = report();
  request.mutable_contact()->set_phone("+86 512 5555 0101");
  const auto receipt = city_->call(request, hotline_);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  const auto persons = city_->door().find_persons("+8651255550101", "");
  ASSERT_TRUE(persons.has_value());
  ASSERT_EQ(persons->size(), 1u);
  v1::ErasePerson erase;
  erase.set_person(to_hex(persons->front()));
  ASSERT_TRUE(city_->call(erase, staff("admin", {v1::Role::city_admin})).has_value());
  EXPECT_FALSE(city_->keyring().knows(persons->front()));
  EXPECT_TRUE(city_->door().find_persons("+8651255550101", "")->empty());
  const auto shown = city_->wait_for(receipt->seq(), 5'000'000);
  auto row = **(*shown)->find(kCaseTable, case_key(receipt->subject_id()));
  EXPECT_TRUE(row.contact().phone().starts_with(kSealedPrefix));
  city_->door().show(row, hotline_);
  EXPECT_EQ(row.contact().phone(), "");
}

TEST_F(KeeperTest, CitizenCannotSealTheirContactUnderAnotherPersonsKey) {
  v1::ReportCase request = report();
  request.set_source(v1::Source::web);
  request.set_reporter(std::string(32, 'a'));
  request.mutable_contact()->set_phone("+86 512 5555 0102");
  const auto refused = city_->call(request, staff("citizen-1", {v1::Role::citizen}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kNotReporter);
  EXPECT_FALSE(city_->keyring().knows(*parse_hex<PersonId>(std::string(32, 'a'))));
}

// ---- over a simulated log

class KeeperOnSimulatedLog : public ::testing::Test {
 protected:
  KeeperOnSimulatedLog() : env_(2, "keeper_test", kStartUs), store_(7), log_(store_) {
    city_ = std::make_unique<City>(log_, folder_, env_);
    EXPECT_TRUE(city_->open().has_value());
    city_->turn = [this] { store_.step(); };
    found(*city_);
  }

  // Another node disconnects the source of our reports.
  void append_as_rival() {
    const FoundingId founding = *FoundingId::from(std::string(16, 'f'));
    streams::SimulatedLog rival_log(store_);
    const LedgerId ledger{"city", "example"};
    streams::Appender rival(rival_log, ledger, founding, ChainPosition{0, founding_hash(founding)},
                            env_);
    ASSERT_TRUE(rival.follow().has_value());
    v1::Payload payload;
    payload.set_time_us(kStartUs);
    payload.add_events()->mutable_source_disconnected()->set_source(v1::Source::hotline);
    ASSERT_TRUE(rival.stamp(payload.SerializeAsString()).has_value());
    rival.send([](streams::Appender::FlightId, const std::vector<streams::Delivery>&) {});
    store_.run_until_idle();
  }

  const Principal hotline_ = staff("hotline-1", {v1::Role::hotline});
  ScratchFolder folder_;
  SeededEnv env_;
  streams::SimulatedStore store_;
  streams::SimulatedLog log_;
  std::unique_ptr<City> city_;
};

TEST_F(KeeperOnSimulatedLog, NothingUnlandedLeaves_NeitherReceiptNorRefusalNorRows) {
  const Seq before = city_->keeper().health().landed_seq;
  city_->turn = nullptr;  // the log stands still
  int answers = 0;
  v1::VerifyCase verify;
  verify.set_case_("c" + std::to_string(before + 1));
  v1::FileCase file;
  file.set_case_(verify.case_());
  city_->send(report(), hotline_, std::nullopt, [&](const Result<v1::Receipt>&) { ++answers; });
  // A refusal that depends on the entry before it.
  city_->send(file, staff("d", {v1::Role::dispatcher}), std::nullopt,
              [&](const Result<v1::Receipt>& answer) {
                EXPECT_EQ(answer.error().code, Errc::kWrongState);
                ++answers;
              });
  city_->loop().restart();
  for (int i = 0; i < 200; ++i) city_->loop().run_one_for(std::chrono::milliseconds(1));
  EXPECT_EQ(answers, 0);
  EXPECT_EQ(city_->keeper().snapshot()->meta().position.seq <= before, true);
  bool done = false;
  city_->turn = [&] {
    store_.step();
    done = answers == 2;
  };
  city_->run(done);
  EXPECT_EQ(city_->keeper().health().landed_seq, before + 1);
  city_->turn = [this] { store_.step(); };  // closing takes turns, too
}

TEST_F(KeeperOnSimulatedLog, RivalLandsFirst_OursIsDecidedAgainOnItsState) {
  // The rival closes the door first: it disconnects the source that our command needs.
  append_as_rival();
  const auto refused = city_->call(report(), hotline_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUnknownSource);
}

TEST_F(KeeperOnSimulatedLog, WhatOthersAppendIsShownToReadersWithoutACommandOfOurs) {
  const Seq before = city_->keeper().health().landed_seq;
  append_as_rival();
  const auto shown = city_->wait_for(before + 1, 60'000'000);
  ASSERT_TRUE(shown.has_value()) << shown.error().detail;
  EXPECT_EQ((*shown)->meta().position.seq, before + 1);
}

TEST_F(KeeperOnSimulatedLog, LostAnswer_CommandIsFoundInTheLogAndNotDoneTwice) {
  streams::SimulatedFaults faults;
  faults.lost_answer = 1000;
  store_.set_faults(faults);
  const Seq before = city_->keeper().health().landed_seq;
  bool done = false;
  Result<v1::Receipt> answer;
  city_->send(report(), hotline_, std::nullopt, [&](Result<v1::Receipt> answered) {
    answer = std::move(answered);
    done = true;
  });
  city_->run(done);
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->seq(), before + 1);
  EXPECT_EQ(city_->keeper().health().landed_seq, before + 1);
}

TEST_F(KeeperOnSimulatedLog, UnreachableLog_NewCommandsHearUnavailableAndWorkResumes) {
  streams::SimulatedFaults faults;
  faults.unreachable = 1000;
  faults.lost_answer = 1000;
  store_.set_faults(faults);
  bool first_done = false;
  Result<v1::Receipt> first;
  city_->send(report(), hotline_, std::nullopt, [&](Result<v1::Receipt> answer) {
    first = std::move(answer);
    first_done = true;
  });
  city_->loop().restart();
  for (int i = 0; i < 200; ++i) {
    store_.step();
    city_->loop().run_one_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(first_done);  // sent, and nobody can say what became of it
  const auto second = city_->call(report(), hotline_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kUnavailable);
  EXPECT_FALSE(city_->keeper().health().ready);
  store_.set_faults({});
  city_->run(first_done);
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  EXPECT_TRUE(city_->call(report(), hotline_).has_value());
}

TEST_F(KeeperOnSimulatedLog, EveryFaultAtOnce_EveryCommandIsAnsweredOnceAndStandsOnce) {
  store_.set_faults(streams::SimulatedFaults::all(60));
  int answered = 0;
  std::map<Seq, int> seqs;
  bool done = false;
  constexpr int kCommands = 60;
  // What the log could not take for the moment is sent again under its id, as callers do.
  std::vector<CommandId> again;
  const auto send = [&](const CommandId& id) {
    city_->send(report(), hotline_, id, [&, id](const Result<v1::Receipt>& answer) {
      if (!answer) {
        EXPECT_TRUE(answer.error().code == Errc::kUnavailable ||
                    answer.error().code == Errc::kUnknownOutcome);
        return again.push_back(id);
      }
      ++seqs[answer->seq()];
      done = ++answered == kCommands;
    });
  };
  city_->turn = [&] {
    store_.step();
    for (const auto& id : std::exchange(again, {})) send(id);
  };
  for (int i = 0; i < kCommands; ++i) send(city_->new_id());
  city_->run(done);
  city_->turn = [this] { store_.step(); };
  for (const auto& [seq, count] : seqs) EXPECT_EQ(count, 1) << "seq " << seq;
  EXPECT_EQ(seqs.size(), static_cast<size_t>(kCommands));
}

}  // namespace
}  // namespace hansa::projections
