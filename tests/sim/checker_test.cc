// Goal:   the checker names each breach of a law, and says nothing where none is.
// Method: ledgers and histories made by hand, each sound but for one thing.
#include "tests/sim/checker.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "core/base/hash.h"
#include "hansa/v1/case.pb.h"
#include "tests/sim/folded_ledger.h"
#include "tests/streams/log_helpers.h"

namespace hansa::sim {
namespace {

constexpr int64_t kStartUs = 1'735'689'600'000'000;

class CheckerTest : public ::testing::Test {
 protected:
  CheckerTest() { evidence_.founding_id = founding_id_; }

  CommandId id(uint8_t number) const {
    return make_uuid_v7(kStartUs / 1000, {number, number});
  }

  // Appends an entry and answers how a client would be told of it.
  Attempt append(const v1::Payload& payload) {
    evidence_.records.push_back(writer_.next(payload.SerializeAsString()));
    Attempt told;
    told.outcome = Outcome::kOk;
    told.seq = evidence_.records.size();
    told.entry_sha256 = to_hex(sha256(evidence_.records.back()));
    return told;
  }

  v1::Payload payload(uint8_t number, const std::string& method = "FileCase") {
    v1::Payload payload;
    payload.set_time_us(kStartUs);
    auto& cause = *payload.mutable_cause();
    cause.set_kind(v1::CauseKind::command);
    cause.set_command_id(std::string(id(number).view()));
    cause.set_actor(std::string(16, 'a'));
    cause.set_method(method);
    return payload;
  }

  // A command that was sent at one step and answered at a later one.
  Operation& asked(uint8_t number, Attempt attempt, uint64_t from, uint64_t to) {
    attempt.invoked.step = from;
    attempt.completed = Moment{0, to};
    Operation operation;
    operation.id = id(number);
    operation.method = "FileCase";
    operation.attempts.push_back(std::move(attempt));
    return evidence_.history.emplace_back(std::move(operation));
  }

  static Attempt refused(const std::string& code, Seq seq) {
    Attempt attempt;
    attempt.outcome = Outcome::kRefused;
    attempt.code = code;
    attempt.seq = seq;
    return attempt;
  }

  // The names of what is found, each once, in order.
  std::vector<std::string> names() const {
    std::set<std::string> found;
    for (const auto& finding : check(evidence_)) found.insert(finding.name);
    return {found.begin(), found.end()};
  }
  using Names = std::vector<std::string>;

  const FoundingId founding_id_ = *FoundingId::from(std::string(16, 'f'));
  streams::EntryWriter writer_{founding_id_, 1};
  Evidence evidence_;
};

TEST_F(CheckerTest, SoundHistory_NothingIsFound) {
  asked(1, append(payload(1)), 1, 3);
  evidence_.records.push_back("a void");
  Attempt second = append(payload(2));
  second.seq = 2;
  asked(2, second, 4, 6);
  asked(3, refused("wrong_state", 2), 7, 8);
  evidence_.history.back().attempts.push_back(Attempt());
  EXPECT_EQ(names(), Names{});
}

TEST_F(CheckerTest, AcknowledgedAndNotThere_Lost) {
  const Attempt told = append(payload(1));
  evidence_.records.clear();
  asked(1, told, 1, 2);
  EXPECT_EQ(names(), Names{"lost"});
}

TEST_F(CheckerTest, AcknowledgedAndStandsAsRefused_Lost) {
  auto refusal = payload(1);
  refusal.mutable_refusal()->set_code("wrong_state");
  asked(1, append(refusal), 1, 2);
  EXPECT_EQ(names(), Names{"lost"});
}

TEST_F(CheckerTest, CommandTwice_Duplicate) {
  asked(1, append(payload(1)), 1, 2);
  append(payload(1));
  EXPECT_EQ(names(), Names{"duplicate"});
}

v1::Payload imported() {
  v1::Payload import;
  import.set_time_us(kStartUs);
  import.mutable_cause()->set_kind(v1::CauseKind::import);
  auto& row = *import.add_events()->mutable_case_imported();
  row.set_source_name("old");
  row.set_source_id("7");
  return import;
}

TEST_F(CheckerTest, RowImportedTwice_Duplicate) {
  asked(1, append(imported()), 1, 2).import_key = import_key("old", "7");
  append(imported());
  EXPECT_EQ(names(), (Names{"duplicate", "fold_failed"}));
}

TEST_F(CheckerTest, AnotherRowOfTheSameNameIsAcknowledged_AnswerDiffers) {
  Operation& operation = asked(1, append(imported()), 1, 2);
  operation.import_key = import_key("old", "7");
  EXPECT_EQ(names(), Names{});
  operation.address = "elsewhere";
  EXPECT_EQ(names(), Names{"answer_differs"});
}

TEST_F(CheckerTest, TimerTwice_DuplicateAndTooEarly_Phantom) {
  v1::Payload timer;
  timer.set_time_us(kStartUs);
  timer.mutable_cause()->set_kind(v1::CauseKind::timer);
  auto& breach = *timer.add_events()->mutable_deadline_breached();
  breach.set_case_("c1");
  breach.set_due_time_us(kStartUs);
  append(timer);
  append(timer);
  EXPECT_EQ(names(), (Names{"duplicate", "fold_failed"}));
  breach.set_due_time_us(kStartUs + 1);
  append(timer);
  EXPECT_EQ(names(), (Names{"duplicate", "fold_failed", "phantom"}));
}

TEST_F(CheckerTest, NobodyAsked_Phantom) {
  append(payload(1));
  EXPECT_EQ(names(), Names{"phantom"});
}

TEST_F(CheckerTest, AnotherMethodThanAskedFor_Phantom) {
  asked(1, append(payload(1, "VerifyCase")), 1, 2);
  EXPECT_EQ(names(), Names{"phantom"});
}

TEST_F(CheckerTest, OnlyRefusedAndStandsAsAccepted_EffectOfRefusal) {
  append(payload(1));
  Operation& operation = asked(1, refused("unavailable", 0), 1, 2);
  EXPECT_EQ(names(), Names{"effect_of_refusal"});
  // Where one attempt is open, it may have landed.
  operation.attempts.push_back(Attempt());
  EXPECT_EQ(names(), Names{});
}

TEST_F(CheckerTest, ReceiptOfAnotherSeqOrHash_AnswerDiffers) {
  Attempt told = append(payload(1));
  asked(1, told, 1, 2);
  evidence_.history[0].attempts[0].seq = 2;
  EXPECT_EQ(names(), Names{"answer_differs"});
  evidence_.history[0].attempts[0] = told;
  evidence_.history[0].attempts[0].entry_sha256[0] ^= 1;
  EXPECT_EQ(names(), Names{"answer_differs"});
}

TEST_F(CheckerTest, CompletedBeforeAnotherWasAskedForAndStandsBehindIt_Order) {
  Attempt first = append(payload(1));
  Attempt second = append(payload(2));
  asked(1, first, 5, 6);
  asked(2, second, 1, 5);
  EXPECT_EQ(names(), Names{});  // at the same time
  evidence_.history[1].attempts[0].completed->step = 4;
  EXPECT_EQ(names(), Names{"order"});
}

TEST_F(CheckerTest, RefusedFromBeforeWhatWasAcknowledged_StaleAnswer) {
  asked(1, append(payload(1)), 1, 2);
  asked(2, append(payload(2)), 1, 2);
  asked(3, refused("wrong_state", 1), 3, 4);
  EXPECT_EQ(names(), Names{"stale_answer"});
  evidence_.history[2].attempts[0] = refused("unavailable", 1);
  evidence_.history[2].attempts[0].invoked.step = 3;
  EXPECT_EQ(names(), Names{});
  evidence_.history[2].attempts[0].outcome = Outcome::kUnchanged;
  EXPECT_EQ(names(), Names{"stale_answer"});
}

TEST_F(CheckerTest, DatedBackwards_Time) {
  asked(1, append(payload(1)), 1, 2);
  auto earlier = payload(2);
  earlier.set_time_us(kStartUs - 1);
  asked(2, append(earlier), 3, 4);
  EXPECT_EQ(names(), Names{"time"});
}

TEST_F(CheckerTest, AnotherLedgersRecord_ChainBreak) {
  streams::EntryWriter other(*FoundingId::from(std::string(16, 'x')), 1);
  evidence_.records.push_back(other.next(payload(1).SerializeAsString()));
  EXPECT_EQ(names(), Names{"chain_break"});
}

TEST_F(CheckerTest, PayloadThatCannotBeRead_ChainBreak) {
  evidence_.records.push_back(writer_.next("\xff\xff"));
  EXPECT_EQ(names(), Names{"chain_break"});
}

TEST_F(CheckerTest, AnswerBeforeItsEntryCouldBeRead_UnlandedSeen) {
  asked(1, append(payload(1)), 1, 5);
  asked(2, refused("wrong_state", 1), 2, 5);
  evidence_.readable_since = {5};
  EXPECT_EQ(names(), Names{});
  evidence_.readable_since = {6};
  EXPECT_EQ(names(), Names{"unlanded_seen"});
  evidence_.readable_since = {5};
  evidence_.history[1].attempts[0].seq = 2;
  EXPECT_EQ(names(), Names{"unlanded_seen"});
}

TEST_F(CheckerTest, PersonalTextInARecord_ClearText) {
  evidence_.secrets.push_back("+86 512 7");
  evidence_.records.push_back("a void with +86 512 8");
  EXPECT_EQ(names(), Names{});
  evidence_.records.push_back("a void with +86 512 7 in it");
  EXPECT_EQ(names(), Names{"clear_text"});
}

TEST_F(CheckerTest, NodeHeldAnotherEntry_HistoryDiffers) {
  asked(1, append(payload(1)), 1, 2);
  evidence_.shown.push_back({0, 1, sha256(evidence_.records[0]), std::nullopt});
  EXPECT_EQ(names(), Names{});
  evidence_.shown.push_back({1, 1, sha256("another"), std::nullopt});
  EXPECT_EQ(names(), Names{"history_differs"});
  evidence_.shown.back() = {1, 2, sha256("one too many"), std::nullopt};
  EXPECT_EQ(names(), Names{"history_differs"});
}

TEST_F(CheckerTest, RowsAreNotTheFold_ProjectionDiffers) {
  asked(1, append(payload(1)), 1, 2);
  const Hash tip = sha256(evidence_.records[0]);
  const auto digests = FoldedLedger(founding_id_, evidence_.records).fold({1});
  ASSERT_TRUE(digests.has_value());
  evidence_.shown.push_back({0, 1, tip, digests->at(1)});
  evidence_.shown.push_back({0, 0, Hash(), projections::Digest()});
  EXPECT_EQ(names(), Names{});
  evidence_.shown.push_back({1, 1, tip, projections::Digest()});
  EXPECT_EQ(names(), Names{"projection_differs"});
}

}  // namespace
}  // namespace hansa::sim
