// Goal:   each rule of DESIGN §4 that the appender carries (L1-L7, L9, L10) holds in the very
//         situation it was made for.
// Method: a mini keeper on a simulated log without chance faults; each test brings about one fault
//         by hand: a rival's record, a lost or altered answer, a late original, a replaced tail.
//         A log that writes down what was asked of it stands in between.
#include <gtest/gtest.h>

#include "streams/simulated_log.h"
#include "tests/streams/mini_keeper.h"

namespace hansa::streams {
namespace {

// Passes everything on and remembers it; can be told to answer nothing.
class WatchedLog final : public Log {
 public:
  explicit WatchedLog(SimulatedStore& store) : inner_(store) {}
  Result<Offset> end(const LedgerId& ledger) override {
    ++ends;
    if (unreachable) return fail(Errc::kUnavailable, "unreachable for this test");
    return inner_.end(ledger);
  }
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override {
    reads.push_back(from);
    if (unreachable) return fail(Errc::kUnavailable, "unreachable for this test");
    return inner_.read(ledger, from, bytes_max);
  }
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override {
    expected_ends.push_back(expected_end);
    sent.insert(sent.end(), values.begin(), values.end());
    inner_.append(ledger, std::move(values), expected_end, std::move(delivered));
  }
  void renew_writer(const LedgerId& ledger) override {
    ++renewals;
    inner_.renew_writer(ledger);
  }

  int ends = 0;
  int renewals = 0;
  bool unreachable = false;
  std::vector<Offset> reads;
  std::vector<Offset> expected_ends;
  std::vector<std::string> sent;

 private:
  SimulatedLog inner_;
};

class AppenderRules : public testing::Test {
 protected:
  // Sends one flight with this one command; its answers wait in keeper.answers.
  void send(const std::string& command) {
    keeper.demand(command);
    ASSERT_TRUE(keeper.round());
    store.run_until_idle();
  }
  MiniKeeper::Answer next_answer() {
    EXPECT_FALSE(keeper.answers.empty());
    MiniKeeper::Answer answer = std::move(keeper.answers.front());
    keeper.answers.pop_front();
    return answer;
  }
  static MiniKeeper::Answer without_offset(MiniKeeper::Answer answer) {
    answer.deliveries[0].offset.reset();
    return answer;
  }
  static MiniKeeper::Answer with_error(MiniKeeper::Answer answer, Errc code) {
    answer.deliveries[0] = {std::nullopt, Error{code, "altered by the test"}};
    return answer;
  }
  std::vector<std::string> commands() const {
    std::vector<std::string> result;
    for (const auto& entry : keeper.prefix()) result.push_back(entry.command);
    return result;
  }
  using Texts = std::vector<std::string>;

  SeededEnv env{11, "rules"};
  FoundingId founding = env.random_id<FoundingId>();
  SimulatedStore store{3};
  WatchedLog log{store};
  MiniKeeper keeper{log, founding, env};
  EntryWriter rival{founding, 99};
};

TEST_F(AppenderRules, L1_RecordsThatAreNoEntriesChangeNothing) {
  store.inject(kTestLedger, "garbage");
  send("a");
  keeper.deliver();
  store.inject(kTestLedger, std::string(200, 'x'));
  store.inject(kTestLedger, log.sent[0]);  // our own entry once more
  keeper.follow();
  EXPECT_EQ(commands(), Texts{"a"});
  EXPECT_EQ(keeper.appender.landed().voids, 3u);
  EXPECT_EQ(keeper.appender.landed().next_offset, 4u);
}

TEST_F(AppenderRules, L1_AnEntryWhosePayloadNobodyUnderstandsIsStillValid) {
  const std::string payload("\xff\xff\0 no message", 14);
  store.inject(kTestLedger, rival.next(payload));
  keeper.follow();
  EXPECT_EQ(commands(), Texts{payload});
}

TEST_F(AppenderRules, L1_AnotherLedgersLogIsRefused) {
  EntryWriter stranger(env.random_id<FoundingId>(), 5);
  store.inject(kTestLedger, stranger.next("a"));
  keeper.follow();
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kChainBroken);
  EXPECT_FALSE(keeper.appender.stamp("b")) << "a stopped ledger takes nothing";
}

TEST_F(AppenderRules, L1_AStoredPositionMustStandInTheLog) {
  send("a");
  keeper.deliver();
  ChainPosition other = keeper.appender.landed();
  other.tip.bytes[0] ^= 1;
  MiniKeeper misled(log, founding, env, other, keeper.prefix());
  misled.follow();
  ASSERT_TRUE(misled.error);
  EXPECT_EQ(misled.error->code, Errc::kChainBroken);

  ChainPosition ahead = keeper.appender.landed();
  ahead.next_offset += 5;
  MiniKeeper early(log, founding, env, ahead, keeper.prefix());
  early.follow();
  ASSERT_TRUE(early.error);
  EXPECT_EQ(early.error->code, Errc::kLogBehind);
}

TEST_F(AppenderRules, L1_AStoredPositionBehindVoidsIsFound) {
  send("a");
  keeper.deliver();
  for (int i = 0; i < 30; ++i) store.inject(kTestLedger, "void");
  keeper.follow();
  MiniKeeper later(log, founding, env, keeper.appender.landed(), keeper.prefix());
  later.follow();
  EXPECT_FALSE(later.error);
  EXPECT_TRUE(later.appender.check_tail());
}

TEST_F(AppenderRules, L2_NothingIsLandedThatAReaderCallsVoid) {
  keeper.demand("a");
  keeper.round();
  store.inject(kTestLedger, rival.next("theirs"));  // arrives before ours does
  store.run_until_idle();
  auto answer = next_answer();
  ASSERT_EQ(answer.deliveries[0].offset, Offset{1}) << "the log itself says all is well";
  const auto steps = keeper.deliver(answer);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].kind, Step::Kind::kUndo);
  EXPECT_EQ(steps[1].kind, Step::Kind::kForeign);
  EXPECT_TRUE(keeper.acknowledged().empty());
  EXPECT_EQ(commands(), Texts{"theirs"});
}

TEST_F(AppenderRules, L2_OffsetsAreAppliedWithoutGaps) {
  store.inject(kTestLedger, "void");
  store.inject(kTestLedger, "void");
  send("a");
  keeper.deliver();
  EXPECT_EQ(keeper.appender.landed().next_offset, 3u);
  EXPECT_EQ(keeper.appender.landed().voids, 2u) << "the two before ours were read";
  EXPECT_EQ(commands(), Texts{"a"});
}

// The second answer looks dense behind the one that is missing, but is not where it claims to be.
TEST_F(AppenderRules, L2_AFollowerTakesWhatHasArrivedAndAsksNobodyForTheEnd) {
  Appender follower(log, kTestLedger, founding, {0, founding_hash(founding), 0, 0}, env);
  ASSERT_TRUE(follower.follow());
  for (const char* command : {"a", "b"}) store.inject(kTestLedger, rival.next(command));
  store.inject(kTestLedger, "no entry");
  store.run_until_idle();
  log.ends = 0;
  const auto steps = follower.take_arrived();
  ASSERT_TRUE(steps) << steps.error().detail;
  ASSERT_EQ(steps->size(), 2u);
  EXPECT_EQ(steps->back().entry.payload(), "b");
  EXPECT_EQ(follower.landed().seq, 2u);
  EXPECT_EQ(follower.landed().next_offset, 3u) << "a void is read past";
  EXPECT_EQ(log.ends, 0);
  const auto stamped = follower.stamp("c");
  ASSERT_TRUE(stamped) << "what others appended is what it builds on";
  EXPECT_EQ(stamped->seq, 3u);
}

TEST_F(AppenderRules, L3_AnAnswerWithoutOffsetPoisonsTheOnesBehindIt) {
  send("a");
  store.inject(kTestLedger, "void");
  send("b");
  auto first = without_offset(next_answer());
  auto second = next_answer();
  ASSERT_EQ(second.deliveries[0].offset, Offset{2});
  second.deliveries[0].offset = 1;
  auto steps = keeper.deliver(first);
  const auto more = keeper.deliver(second);
  steps.insert(steps.end(), more.begin(), more.end());
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1].kind, Step::Kind::kLanded);
  EXPECT_EQ(steps[1].entry.offset, 2u);
  EXPECT_EQ(log.renewals, 1);
  EXPECT_EQ(keeper.appender.landed().voids, 1u);
  EXPECT_TRUE(keeper.appender.check_tail());
}

TEST_F(AppenderRules, L3_AnErrorInOneFlightPoisonsTheRestOfIt) {
  keeper.demand("a");
  keeper.demand("b");
  keeper.round();
  store.inject(kTestLedger, "void");
  store.run_until_idle();
  auto answer = with_error(next_answer(), Errc::kUnavailable);
  answer.deliveries[1].offset = 0;
  const auto steps = keeper.deliver(answer);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].entry.offset, 1u);
  EXPECT_EQ(steps[1].entry.offset, 2u);
  EXPECT_EQ(log.renewals, 1);
}

TEST_F(AppenderRules, L3_AnswersAreJudgedInSendOrder) {
  send("a");
  send("b");
  auto first = next_answer();
  auto second = next_answer();
  EXPECT_TRUE(keeper.deliver(second).empty());
  EXPECT_EQ(keeper.deliver(first).size(), 2u);
  EXPECT_EQ(commands(), (Texts{"a", "b"}));
  EXPECT_EQ(log.renewals, 0);
}

TEST_F(AppenderRules, L3_AnErrorOfAnUndoneFlightStillPoisonsLaterOnes) {
  send("a");
  auto undone = next_answer();
  send("b");
  auto undone_too = next_answer();
  store.replace_tail(kTestLedger, 0, {rival.next("theirs")});
  keeper.deliver(with_error(undone, Errc::kLogConflict));
  ASSERT_EQ(keeper.undone, 1u);
  ASSERT_EQ(log.renewals, 0);
  keeper.deliver(with_error(undone_too, Errc::kUnavailable));
  EXPECT_EQ(log.renewals, 1);
}

// L4 is the keeper's; the appender owes it the complete ancestor chain, each entry once.
TEST_F(AppenderRules, L4_EveryValidEntryReachesTheKeeperOnceAlsoALateOriginal) {
  send("a");
  auto lost = next_answer();
  const std::string original = store.records(kTestLedger)[0];
  store.replace_tail(kTestLedger, 0, {});  // not there yet ...
  keeper.deliver(with_error(lost, Errc::kUnavailable));
  EXPECT_EQ(keeper.undone, 1u);
  keeper.round();                       // the same command again ...
  store.inject(kTestLedger, original);  // ... but the original arrives first
  store.run_until_idle();
  keeper.deliver();
  EXPECT_EQ(commands(), Texts{"a"});
  EXPECT_EQ(keeper.foreign, 1u);
  EXPECT_EQ(keeper.acknowledged().at("a"), 1u);
  EXPECT_FALSE(keeper.round()) << "what the chain holds is not put on it again";
}

TEST_F(AppenderRules, L5_TwoAttemptsOfOneCommandAreNeverTheSameBytes) {
  send("a");
  store.replace_tail(kTestLedger, 0, {});
  keeper.deliver(with_error(next_answer(), Errc::kUnavailable));
  keeper.round();
  ASSERT_EQ(log.sent.size(), 2u);
  const auto first = decode_entry(log.sent[0]);
  const auto second = decode_entry(log.sent[1]);
  EXPECT_EQ(first->envelope.seq, second->envelope.seq);
  EXPECT_EQ(first->envelope.prev, second->envelope.prev);
  EXPECT_NE(first->envelope.salt, second->envelope.salt);
  EXPECT_FALSE(second->envelope.salt.is_zero());
}

TEST_F(AppenderRules, L6_WhatLandedBehindALostAnswerIsLanded) {
  send("a");
  const auto steps = keeper.deliver(with_error(next_answer(), Errc::kUnavailable));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, Step::Kind::kLanded);
  EXPECT_EQ(log.renewals, 1);
  EXPECT_EQ(keeper.undone, 0u);
}

TEST_F(AppenderRules, L6_WhatDidNotLandIsUndoneAndTheWriterIsNew) {
  keeper.demand("a");
  keeper.round();  // still on its way
  MiniKeeper::Answer answer{keeper.last_flight,
                            {{std::nullopt, Error{Errc::kUnavailable, "timed out"}}}};
  const auto steps = keeper.deliver(answer);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, Step::Kind::kUndo);
  EXPECT_EQ(log.renewals, 1);
  keeper.round();
  store.run_until_idle();
  keeper.deliver();
  EXPECT_EQ(store.records(kTestLedger).size(), 1u) << "the old writer's queue was forgotten";
  EXPECT_EQ(keeper.acknowledged().at("a"), 1u);
}

TEST_F(AppenderRules, L6_ALateOriginalBehindItsRetryIsVoid) {
  send("a");
  const std::string original = store.records(kTestLedger)[0];
  store.replace_tail(kTestLedger, 0, {});
  keeper.deliver(with_error(next_answer(), Errc::kUnavailable));
  send("a");
  keeper.deliver();
  store.inject(kTestLedger, original);
  keeper.follow();
  EXPECT_EQ(commands(), Texts{"a"});
  EXPECT_EQ(keeper.appender.landed().voids, 1u);
}

TEST_F(AppenderRules, L6_AnOutcomeThatCannotBeReadIsReadLater) {
  send("a");
  log.unreachable = true;
  keeper.deliver(with_error(next_answer(), Errc::kUnavailable));
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kUnavailable);
  EXPECT_TRUE(keeper.appender.must_follow());
  EXPECT_FALSE(keeper.appender.stamp("b")) << "nothing is built on an unknown outcome";
  log.unreachable = false;
  const auto steps = keeper.follow();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, Step::Kind::kLanded);
  EXPECT_FALSE(keeper.appender.must_follow());
}

TEST_F(AppenderRules, L6_WhatWasFoundBeforeAReadFailedIsNotLost) {
  send("a");
  store.inject(kTestLedger, "void");
  send("b");
  log.unreachable = true;
  auto first = next_answer();
  auto second = next_answer();
  keeper.deliver(second);
  EXPECT_EQ(keeper.deliver(first).size(), 1u) << "a needs no reading";
  EXPECT_TRUE(keeper.appender.must_follow());
  log.unreachable = false;
  keeper.follow();
  EXPECT_EQ(commands(), (Texts{"a", "b"}));
}

TEST_F(AppenderRules, L7_AVoidBetweenOursCostsNeitherWriterNorChain) {
  send("a");
  store.inject(kTestLedger, "void");
  send("b");
  log.reads.clear();
  log.ends = 0;
  keeper.deliver();
  EXPECT_EQ(commands(), (Texts{"a", "b"}));
  EXPECT_EQ(keeper.undone, 0u);
  EXPECT_EQ(log.renewals, 0);
  EXPECT_EQ(log.reads, std::vector<Offset>{1}) << "just the missing offset";
  EXPECT_EQ(log.ends, 0);
}

TEST_F(AppenderRules, L7_ARivalsEntryUndoesOursButKeepsTheWriter) {
  send("a");
  keeper.deliver();
  MiniKeeper other(log, founding, env);
  other.follow();
  other.demand("theirs");
  other.round();
  store.run_until_idle();
  send("b");
  send("c");
  keeper.deliver();
  EXPECT_EQ(commands(), (Texts{"a", "theirs"}));
  EXPECT_EQ(keeper.undone, 1u) << "b and c die together";
  EXPECT_EQ(log.renewals, 0);
  keeper.round();
  store.run_until_idle();
  keeper.deliver();
  EXPECT_EQ(commands(), (Texts{"a", "theirs", "b", "c"}));
}

TEST_F(AppenderRules, L7_AFlightThatFollowsItsUndoneOneStandsOnTheNewTip) {
  send("a");
  auto conflict = with_error(next_answer(), Errc::kLogConflict);
  conflict.deliveries[0].offset.reset();
  store.replace_tail(kTestLedger, 0, {rival.next("theirs")});
  keeper.deliver(conflict);
  EXPECT_EQ(log.renewals, 0) << "a conflict is sure: nothing was appended";
  EXPECT_EQ(keeper.undone, 1u);
  send("a");
  keeper.deliver();
  EXPECT_EQ(commands(), (Texts{"theirs", "a"}));
  EXPECT_EQ(log.expected_ends, (std::vector<Offset>{0, 1}));
}

TEST_F(AppenderRules, L7_AConflictWithAVoidUndoesToo) {
  send("a");
  auto conflict = with_error(next_answer(), Errc::kLogConflict);
  store.replace_tail(kTestLedger, 0, {"void"});
  const auto steps = keeper.deliver(conflict);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, Step::Kind::kUndo);
  send("a");
  keeper.deliver();
  EXPECT_EQ(commands(), Texts{"a"});
}

TEST_F(AppenderRules, L7_AnUndoneFlightThatIsStillOutHoldsNoPlaceInTheExpectedEnd) {
  send("a");
  send("b");
  auto conflict = with_error(next_answer(), Errc::kLogConflict);
  auto still_out = next_answer();
  store.replace_tail(kTestLedger, 0, {rival.next("theirs")});
  keeper.deliver(conflict);
  send("a");
  EXPECT_EQ(log.expected_ends, (std::vector<Offset>{0, 1, 1}));
  keeper.deliver(with_error(still_out, Errc::kLogConflict));
  keeper.deliver();
  EXPECT_EQ(commands(), (Texts{"theirs", "a", "b"}));
}

TEST_F(AppenderRules, L7_FlightsOnOneChainExpectTheEndBehindEachOther) {
  send("a");
  send("b");
  keeper.demand("c");
  keeper.round();
  EXPECT_EQ(log.expected_ends, (std::vector<Offset>{0, 1, 2}));
}

TEST_F(AppenderRules, L9_WhatIsTooLargeIsRefusedBeforeAnythingMoves) {
  auto refused = keeper.appender.stamp(std::string(kEntryBytesMax, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_FALSE(keeper.appender.has_stamped());
  send("a");
  keeper.deliver();
  EXPECT_EQ(commands(), Texts{"a"});
}

TEST_F(AppenderRules, L9_APermanentErrorStopsTheLedgerInsteadOfLooping) {
  send("a");
  keeper.deliver(with_error(next_answer(), Errc::kChainBroken));
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kChainBroken);
  EXPECT_EQ(log.renewals, 0);
  EXPECT_EQ(keeper.appender.follow().error().code, Errc::kChainBroken);
}

TEST_F(AppenderRules, L10_AReplacedTailIsSeenByReadingTheTipAgain) {
  send("a");
  keeper.deliver();
  EXPECT_TRUE(keeper.appender.check_tail());
  store.replace_tail(kTestLedger, 0, {rival.next("another a")});
  keeper.follow();
  EXPECT_FALSE(keeper.error) << "the end alone shows nothing";
  auto checked = keeper.appender.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kChainBroken);
  EXPECT_FALSE(keeper.appender.stamp("b")) << "nothing is acknowledged on a second history";
}

// Each of a and b is acknowledged; in their place the log has another history of the same length.
TEST_F(AppenderRules, L10_WhoWritesOnTopOfAReplacedTailFindsItAllTheSame) {
  send("a");
  keeper.deliver();
  EXPECT_TRUE(keeper.appender.check_tail());
  send("b");
  keeper.deliver();
  EntryWriter other{founding, 100};
  other.go_behind(log.sent[0]);
  store.replace_tail(kTestLedger, 1, {other.next("another b")});
  send("c");
  keeper.deliver();
  EXPECT_EQ(keeper.appender.landed().seq, 3u) << "a tip that stands in the log";
  const auto checked = keeper.appender.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kChainBroken);
  EXPECT_FALSE(keeper.appender.stamp("d"));
}

TEST_F(AppenderRules, L10_WhoReadsOnBehindAReplacedTailFindsIt) {
  for (const char* command : {"a", "b"}) store.inject(kTestLedger, rival.next(command));
  Appender follower(log, kTestLedger, founding, {0, founding_hash(founding), 0, 0}, env);
  ASSERT_TRUE(follower.follow());
  ASSERT_TRUE(follower.check_tail());
  store.replace_tail(kTestLedger, 1, {"no entry"});
  store.inject(kTestLedger, rival.next("c"));
  ASSERT_TRUE(follower.follow());
  EXPECT_EQ(follower.landed().seq, 3u);
  const auto checked = follower.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kChainBroken);
}

TEST_F(AppenderRules, L10_WhoWritesBeforeItHasReadAnythingStillKnowsItsTip) {
  store.inject(kTestLedger, rival.next("a"));
  keeper.follow();
  Appender late(log, kTestLedger, founding, keeper.appender.landed(), env);
  store.replace_tail(kTestLedger, 0, {"no entry"});
  const auto value = late.stamp("b")->value;
  store.inject(kTestLedger, std::string(value));
  late.send([](Appender::FlightId, const std::vector<Delivery>&) {});
  ASSERT_TRUE(late.settle(1, {{Offset{1}, std::nullopt}}));
  EXPECT_EQ(late.landed().seq, 2u);
  const auto checked = late.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kChainBroken);
}

TEST_F(AppenderRules, L10_AnAnswerFromAmongWhatWasReadShowsThatTheLogLostIt) {
  send("a");
  keeper.deliver();
  send("b");
  keeper.deliver();
  store.replace_tail(kTestLedger, 1, {});
  send("c");
  keeper.deliver();
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kChainBroken);
  EXPECT_EQ(keeper.acknowledged().size(), 2u) << "c stands where b stood";
}

TEST_F(AppenderRules, L10_ALongTailIsReadAgainInPieces) {
  Texts values;
  const std::string long_text(50'000, 'x');
  for (int i = 0; i < 60; ++i) values.push_back(rival.next(std::to_string(i) + long_text));
  for (const auto& value : values) store.inject(kTestLedger, value);
  keeper.follow();
  EntryWriter other{founding, 100};
  other.go_behind(values[58]);
  store.replace_tail(kTestLedger, 59, {other.next("another")});
  EXPECT_TRUE(keeper.appender.check_tail()) << "not so far yet";
  const auto checked = keeper.appender.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kChainBroken);
}

TEST_F(AppenderRules, L10_ATailThatIsGoneIsSeen) {
  send("a");
  keeper.deliver();
  store.replace_tail(kTestLedger, 0, {});
  keeper.follow();
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kLogBehind);
  auto checked = keeper.appender.check_tail();
  ASSERT_FALSE(checked);
  EXPECT_TRUE(checked.error().code == Errc::kChainBroken ||
              checked.error().code == Errc::kLogBehind);
}

TEST_F(AppenderRules, L10_AfterAnErrorTheTipIsComparedBeforeGoingOn) {
  send("a");
  keeper.deliver();
  store.replace_tail(kTestLedger, 0, {rival.next("another a")});
  send("b");
  keeper.deliver(with_error(next_answer(), Errc::kUnavailable));
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kChainBroken);
}

// A writer that saw the old history goes on: what it writes fits nowhere, but tells of it.
TEST_F(AppenderRules, L10_AnEntryOnABaseThatIsNotOursProvesASecondHistory) {
  send("a");
  keeper.deliver();
  EntryWriter old_history(founding, 17);
  old_history.next("a of the old history");
  store.inject(kTestLedger, old_history.next("b of the old history"));
  keeper.follow();
  ASSERT_TRUE(keeper.error);
  EXPECT_EQ(keeper.error->code, Errc::kChainBroken);
}

}  // namespace
}  // namespace hansa::streams
