// Goal: a ledger signs nothing before its witnesses have said what they saw of it, and is confirmed
// by as many as must; what a witness says wrongly neither stops nor confirms anything. Method: an
// alliance's keeper over an embedded log, and five witnesses that answer as the test says.
#include "federation/confirmation.h"

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <future>
#include <thread>

#include "core/base/durations.h"
#include "core/evidence/tree_rows.h"
#include "federation/checkpoint.h"
#include "projections/keyring.h"
#include "projections/snapshot_rows.h"
#include "streams/embedded_log.h"
#include "tests/core/test_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::federation {
namespace {

using projections::Lead;
using projections::testing::kStartUs;

const LedgerId kLedger{"alliance", "delta"};
const LedgerId kReporter{"city", "wuxi"};
const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));

struct FakeWitness {
  Seq size = 0;
  std::string note;  // of that size, cosigned
  bool is_away = false;
  bool forges = false;
  std::optional<Seq> says_once;  // a node of it that lags answers the next question
  std::vector<Seq> asked_from;   // to cosign
};

class FakeCaller final : public WitnessCaller {
 public:
  void add_checkpoint(const v1::Member& member, const WitnessRequest& request,
                      Cosigned cosigned) override {
    auto& one = witnesses[member.city()];
    one.asked_from.push_back(request.old_size);
    if (one.is_away) return cosigned(fail(Errc::kUnavailable, "away"));
    if (one.says_once || request.old_size != one.size) {
      Error error{Errc::kOtherSize, "another size"};
      error.seq = std::exchange(one.says_once, std::nullopt).value_or(one.size);
      return cosigned(fail(std::move(error)));
    }
    const auto note = *parse_note(request.note);
    const auto signer = one.forges ? "mallory" : member.city();
    const auto signature = cosign_note(witness_key(member)->name, seed_of(signer), note.text, 5);
    one.size = read_ledger_note(note)->tree.size;
    cosigned(signature);
  }
  void newest(const v1::Member& member, const LedgerId&, const std::string&,
              NewestCosigned answer) override {
    ++newest_asked;
    auto& one = witnesses[member.city()];
    if (one.is_away) return answer(fail(Errc::kUnavailable, "away"));
    if (holds_answers) return held.push_back(std::move(answer));
    if (one.note.empty()) return answer(std::optional<Note>());
    answer(std::optional(*parse_note(one.note)));
  }

  std::map<std::string, FakeWitness> witnesses;
  int newest_asked = 0;
  bool holds_answers = false;
  std::vector<NewestCosigned> held;
};

v1::Member member(const std::string& city) {
  v1::Member row;
  row.set_city(city);
  row.set_founding_id(to_hex(sha256(city)).substr(0, 32));
  row.set_membership(v1::Membership::admitted);
  row.set_joined_time_us(1);
  row.set_witness_key(key_of(city));
  return row;
}

class ConfirmationTest : public ::testing::Test {
 protected:
  ConfirmationTest() {
    log_ = *streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false});
    for (const char* city : {"a", "b", "c", "d", "e"}) members_.push_back(member(city));
    keeper_ = open(kLedger, kFounding, &keyring_, true);
    v1::FoundAlliance found;
    found.set_alliance("delta");
    submit(*keeper_, found);
    begin();
  }
  ~ConfirmationTest() override {
    confirmation_.reset();
    for (auto* keeper : {&reporter_, &keeper_}) {
      if (*keeper == nullptr) continue;
      std::promise<void> closed;
      (*keeper)->close([&] { closed.set_value(); });
      closed.get_future().wait();
    }
    pool_.stop();
    pool_.join();
  }

  std::shared_ptr<projections::Keeper> open(const LedgerId& ledger, const FoundingId& founding_id,
                                            std::unique_ptr<projections::Keyring>* keyring,
                                            bool signs) {
    const std::string folder = folder_.path(ledger.folder());
    std::filesystem::create_directories(folder + "/keyring");
    *keyring = *projections::Keyring::open(folder + "/keyring", ledger.id, std::string(32, 'm'),
                                           env_, false);
    projections::KeeperConfig config;
    config.ledger = ledger;
    config.founding_id = founding_id;
    config.secret = std::string(32, 's');
    config.directory = folder + "/rows";
    config.accept_clock_jump = true;
    config.limits.commit_interval_us = 1'000;
    if (signs) {
      config.forward = [](const std::string&) {};
      config.may_sign = [gate = gate_] { return gate->load(); };
      config.sign = signer_of({{seed_of("delta")}, ledger, founding_id, "localhost"});
    }
    auto keeper = *projections::Keeper::open(config, *log_, env_,
                                             projections::make_store_budget(8, 8), **keyring,
                                             pool_.get_executor(), nullptr);
    if (signs) keeper->take_lead(Lead::kHere);
    return keeper;
  }

  void begin() {
    Confirmation::Plan plan;
    plan.keeper = keeper_;
    plan.gate = gate_;
    plan.keys = only_key(key_of("delta"));
    plan.origin = origin_of("localhost", kLedger, kFounding);
    plan.witnesses = [this]() -> Result<std::vector<v1::Member>> { return members_; };
    plan.wanted_quorum = [this] { return wanted_quorum_; };
    plan.confirmed_by = [this]() -> Result<std::vector<v1::Member>> { return confirmed_by_; };
    plan.caller = &caller_;
    plan.reporter = reporter_ == nullptr ? keeper_ : reporter_;
    plan.env = &env_;
    confirmation_ = std::make_unique<Confirmation>(std::move(plan));
  }

  template <typename Command>
  void submit(projections::Keeper& keeper, const Command& command) {
    projections::Submission submission;
    submission.command = std::make_unique<Command>(command);
    submission.kind = v1::CauseKind::input;
    std::promise<Result<v1::Receipt>> answer;
    keeper.submit(std::move(submission),
                  [&](Result<v1::Receipt> receipt) { answer.set_value(std::move(receipt)); });
    const auto receipt = answer.get_future().get();
    ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
  }
  // Of the city that is told of witnesses that forgot; answers where its log ends.
  Offset open_reporter() {
    reporter_ = open(kReporter, *FoundingId::from(std::string(16, 'w')), &reporter_keyring_, false);
    v1::FoundCity found;
    found.set_city("wuxi");
    submit(*reporter_, found);
    v1::JoinAlliance join;
    join.set_city("wuxi");
    join.set_alliance("delta");
    join.set_founding_id(to_hex(kFounding));
    join.set_public_key(key_of("delta"));
    join.set_recovery_key(key_of("recovery"));
    submit(*reporter_, join);
    return *log_->end(kReporter);
  }
  void do_something() {
    v1::AdmitCity command;
    const std::string id = to_hex(sha256("city " + std::to_string(++deeds_)));
    command.set_alliance("delta");
    command.set_city("city-" + std::to_string(deeds_));
    command.set_founding_id(id.substr(0, 32));
    command.set_public_key(id);
    command.set_recovery_key(to_hex(sha256(id)));
    submit(*keeper_, command);
  }

  v1::LedgerHead head() { return row<v1::LedgerHead>(*keeper_, kLedgerHeadTable, ""); }
  std::string confirmed_note() {
    return row<v1::LedgerHead>(*keeper_, kLedgerHeadTable, std::string(kConfirmedKey))
        .confirmed_note();
  }
  template <typename Row>
  Row row(projections::Keeper& keeper, Table<Row> table, const std::string& key) {
    const auto found = keeper.snapshot()->find(table, key);
    return found && *found ? **found : Row();
  }

  // They show the founding, which is all that there is.
  void wait_for_rows() {
    std::promise<bool> shown;
    keeper_->wait_for(1, 10 * kSecondUs,
                      [&](auto rows) { shown.set_value(rows.has_value()); });
    ASSERT_TRUE(shown.get_future().get());
  }

  // Pokes until it holds; the keeper writes on its own thread meanwhile.
  bool until(const std::function<bool()>& holds) {
    for (int i = 0; i < 5'000; ++i) {
      if (holds()) return true;
      confirmation_->poke();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return holds();
  }
  bool until_confirmed() {
    return until([this] {
      return head().deed_seq() > 0 && head().confirmed_size() >= head().deed_seq();
    });
  }
  bool until_waits(Errc code) {
    return until([&] {
      const auto waits = confirmation_->health().waits;
      return waits && waits->code == code;
    });
  }
  // It has asked and judged: nothing more comes of it however often it is poked.
  void poke_in_vain() {
    for (int i = 0; i < 50; ++i) confirmation_->poke();
  }
  FakeWitness& witness(const std::string& city) { return caller_.witnesses[city]; }

  // This ledger's own checkpoint over its first entries, as a witness would have seen it.
  std::string own_note(Seq size, const std::string& root = "") {
    const auto rows = keeper_->snapshot();
    projections::SnapshotRows view(*rows);
    v1::CheckpointSigned event;
    event.set_origin(origin_of("localhost", kLedger, kFounding));
    event.set_size(size);
    event.set_sha256(to_hex(sha256("tip")));
    event.set_root_sha256(root.empty() ? to_hex(*root_at(size, tiles_of(view))) : root);
    Note note;
    note.text = signed_text(event);
    note.signatures.push_back(sign_note(event.origin(), seed_of("delta"), note.text));
    return note_text(note);
  }

  projections::testing::ScratchFolder folder_;
  SeededEnv env_{1, "confirmation", kStartUs};
  std::unique_ptr<streams::EmbeddedLog> log_;
  boost::asio::thread_pool pool_{2};
  SigningGate gate_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<projections::Keyring> keyring_;
  std::unique_ptr<projections::Keyring> reporter_keyring_;
  std::shared_ptr<projections::Keeper> keeper_;
  std::shared_ptr<projections::Keeper> reporter_;
  std::vector<v1::Member> members_;
  std::vector<v1::Member> confirmed_by_;
  uint32_t wanted_quorum_ = 0;
  FakeCaller caller_;
  std::unique_ptr<Confirmation> confirmation_;
  int deeds_ = 0;
};

TEST_F(ConfirmationTest, WhatItDoesIsConfirmedByItsWitnesses) {
  ASSERT_TRUE(until_confirmed());
  const auto note = *parse_note(confirmed_note());
  int good = 0;
  for (const auto& one : members_) {
    const auto time_s = signed_by(note, *witness_key(one));
    good += time_s && *time_s ? 1 : 0;
  }
  EXPECT_GE(good, 3) << "more than half of five";
  const auto before = head().confirmed_size();
  do_something();
  ASSERT_TRUE(until([&] { return head().confirmed_size() > before; }));
  EXPECT_FALSE(confirmation_->health().waits);
}

TEST_F(ConfirmationTest, NothingIsSignedBeforeOneOfEveryQuorumHasSaidWhatItSaw) {
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = true;
  ASSERT_TRUE(until_waits(Errc::kUnavailable));
  EXPECT_FALSE(gate_->load());
  const int asked = caller_.newest_asked;
  poke_in_vain();
  EXPECT_EQ(caller_.newest_asked, asked) << "it asks again a second later";
  witness("a").is_away = false;
  env_.advance_us(kSecondUs);
  ASSERT_TRUE(until([&] { return gate_->load(); })) << "three of five: one of every three is heard";
  EXPECT_FALSE(confirmation_->health().waits);
}

TEST_F(ConfirmationTest, ALargerQuorumThanBeforeHidesNothingThatASmallerOneConfirmed) {
  wanted_quorum_ = 5;
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = true;
  ASSERT_TRUE(until_waits(Errc::kUnavailable)) << "those three may have confirmed more";
  EXPECT_FALSE(gate_->load());
}

TEST_F(ConfirmationTest, TheGateOpensWithTheLastAnswerThatIsNeeded) {
  caller_.holds_answers = true;
  ASSERT_TRUE(until([&] { return caller_.held.size() == 5; }));
  for (int i = 0; i < 3; ++i) {
    poke_in_vain();
    EXPECT_FALSE(gate_->load()) << i << " answered";
    caller_.held[i](std::optional<Note>());
  }
  EXPECT_TRUE(until([&] { return gate_->load(); }));
  caller_.held[3](fail(Errc::kUnavailable, "too late"));
  caller_.held[4](std::optional<Note>());
}

TEST_F(ConfirmationTest, WhereNobodyCouldWitnessItMaySignAtOnce) {
  members_.clear();
  EXPECT_TRUE(until([&] { return head().size() > 0; }));
  EXPECT_EQ(head().confirmed_size(), 0U);
}

TEST_F(ConfirmationTest, WhoWasAskedAndHasSeenMoreKeepsItFromSigning) {
  wait_for_rows();
  const auto end = *log_->end(kLedger);
  witness("b").note = own_note(2, to_hex(sha256("more")));
  ASSERT_TRUE(until_waits(Errc::kLogBehind));
  env_.advance_us(kSecondUs);
  poke_in_vain();
  EXPECT_FALSE(gate_->load());
  EXPECT_EQ(*log_->end(kLedger), end) << "something was signed";
}

TEST_F(ConfirmationTest, AnotherHistoryThanTheOneItShowsIsAFork) {
  wait_for_rows();
  const auto end = *log_->end(kLedger);
  witness("b").note = own_note(1, to_hex(sha256("another")));
  ASSERT_TRUE(until_waits(Errc::kForkFound));
  witness("b").note.clear();
  env_.advance_us(10 * kSecondUs);
  poke_in_vain();
  EXPECT_FALSE(gate_->load()) << "until somebody looked into it";
  EXPECT_EQ(*log_->end(kLedger), end);
}

TEST_F(ConfirmationTest, ANoteThatItsOwnKeyDidNotSignSaysNothing) {
  wait_for_rows();
  auto note = *parse_note(own_note(50, to_hex(sha256("more"))));
  note.signatures = {sign_note(origin_of("localhost", kLedger, kFounding), seed_of("mallory"),
                               note.text)};
  witness("b").note = note_text(note);
  EXPECT_TRUE(until_confirmed());
}

TEST_F(ConfirmationTest, WhereAWitnessIsAwayTheOthersConfirm) {
  witness("a").is_away = witness("b").is_away = true;
  EXPECT_TRUE(until_confirmed());
}

TEST_F(ConfirmationTest, TooFewConfirmNothingUntilTheyAreBackASecondLater) {
  ASSERT_TRUE(until_confirmed());
  const auto before = head().confirmed_size();
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = true;
  do_something();
  ASSERT_TRUE(until_waits(Errc::kUnavailable));
  EXPECT_EQ(head().confirmed_size(), before);
  const size_t asked = witness("d").asked_from.size();
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = false;
  poke_in_vain();
  EXPECT_EQ(witness("d").asked_from.size(), asked) << "it tries again a second later";
  env_.advance_us(kSecondUs);
  EXPECT_TRUE(until([&] { return head().confirmed_size() > before; }));
}

TEST_F(ConfirmationTest, AForgedCosignatureDoesNotCount) {
  for (const char* city : {"a", "b", "c"}) witness(city).forges = true;
  ASSERT_TRUE(until_waits(Errc::kUnavailable));
  EXPECT_NE(confirmation_->health().waits->detail.find("admitted with"), std::string::npos);
  EXPECT_EQ(head().confirmed_size(), 0U);
  witness("a").forges = false;
  env_.advance_us(kSecondUs);
  EXPECT_TRUE(until_confirmed());
  const auto note = *parse_note(confirmed_note());
  for (const auto& signature : note.signatures) {
    EXPECT_EQ(signature.name.find("witness/b"), std::string::npos);
  }
}

TEST_F(ConfirmationTest, WhoConfirmedItLastIsAskedTooHoweverMembersHaveChanged) {
  confirmed_by_ = {member("a"), member("x"), member("y")};
  for (const char* city : {"x", "y"}) witness(city).is_away = true;
  ASSERT_TRUE(until_waits(Errc::kUnavailable)) << "they may have seen more";
  EXPECT_FALSE(gate_->load());
  EXPECT_NE(confirmation_->health().waits->detail.find("1 of the 3 that confirmed it before"),
            std::string::npos) << confirmation_->health().waits->detail;
  witness("y").is_away = false;
  env_.advance_us(kSecondUs);
  ASSERT_TRUE(until_confirmed());
  const auto note = *parse_note(confirmed_note());
  int before = 0;
  for (const auto& one : confirmed_by_) {
    const auto time_s = signed_by(note, *witness_key(one));
    before += time_s && *time_s ? 1 : 0;
  }
  EXPECT_EQ(before, 2) << "more than half of three";
  EXPECT_EQ(note.signatures.size(), 5U) << "its own, three of five, one of them of both, and y's";
  witness("y").is_away = true;
  const auto size = head().confirmed_size();
  do_something();
  ASSERT_TRUE(until_waits(Errc::kUnavailable));
  EXPECT_EQ(head().confirmed_size(), size);
}

// It was asked by another node before, or through another of its doors.
TEST_F(ConfirmationTest, AWitnessThatNamesAnotherSizeIsAskedFromThere) {
  ASSERT_TRUE(until([&] { return gate_->load(); }));
  ASSERT_TRUE(until_confirmed());
  const auto before = head().confirmed_size();
  for (auto& [city, one] : caller_.witnesses) one.size = before + 1;
  do_something();
  ASSERT_TRUE(until([&] { return head().confirmed_size() > before; }));
  const auto& asked = witness("a").asked_from;
  ASSERT_GE(asked.size(), 2U);
  EXPECT_EQ(asked[asked.size() - 2], before);
  EXPECT_EQ(asked.back(), before + 1);
}

TEST_F(ConfirmationTest, AWitnessThatForgotIsReportedAndAskedFromWhereItStands) {
  const auto reporter_end = open_reporter();
  begin();
  ASSERT_TRUE(until_confirmed());
  const auto before = head().confirmed_size();
  witness("a").size = before - 1;
  do_something();
  ASSERT_TRUE(until([&] { return *log_->end(kReporter) > reporter_end; }));
  const auto read = log_->read(kReporter, 0, 1 << 20);
  ASSERT_TRUE(read.has_value());
  Chain chain(*FoundingId::from(std::string(16, 'w')));
  v1::Payload payload;
  for (const auto& record : read->records) {
    const auto verdict = chain.apply(record.offset, record.value);
    ASSERT_TRUE(payload.ParseFromArray(verdict.payload.data(),
                                       static_cast<int>(verdict.payload.size())));
  }
  ASSERT_EQ(payload.events_size(), 1);
  ASSERT_TRUE(payload.events(0).has_witness_forgot());
  const auto& forgot = payload.events(0).witness_forgot();
  EXPECT_EQ(forgot.alliance(), "delta");
  EXPECT_EQ(forgot.witness(), "a");
  EXPECT_EQ(forgot.ledger(), "alliance/delta");
  EXPECT_EQ(forgot.size_said(), before - 1);
  const auto note = *parse_note(forgot.cosigned_note());
  EXPECT_EQ(read_ledger_note(note)->tree.size, before);
  const auto time_s = signed_by(note, *witness_key(member("a")));
  EXPECT_TRUE(time_s && *time_s) << "its own cosignature is the evidence";
  ASSERT_TRUE(until([&] { return head().confirmed_size() > before; }));
  EXPECT_EQ(witness("a").asked_from.back(), before - 1);
}

// Such a word would stand in two ledgers for ever, of a city that did nothing wrong.
TEST_F(ConfirmationTest, AWitnessOfWhichANodeLaggedIsNotReported) {
  const auto reporter_end = open_reporter();
  begin();
  ASSERT_TRUE(until_confirmed());
  const auto before = head().confirmed_size();
  witness("a").says_once = before - 1;
  witness("a").asked_from.clear();
  do_something();
  ASSERT_TRUE(until([&] { return head().confirmed_size() > before; }));
  EXPECT_EQ(witness("a").asked_from, (std::vector<Seq>{before, before - 1, before}));
  v1::LeaveAlliance leave;
  leave.set_city("wuxi");
  leave.set_alliance("delta");
  submit(*reporter_, leave);
  EXPECT_EQ(*log_->end(kReporter), reporter_end + 1) << "the leaving, and nothing before it";
}

TEST_F(ConfirmationTest, WhoLostTheLeadAsksAgainBeforeItSigns) {
  ASSERT_TRUE(until_confirmed());
  keeper_->take_lead(Lead::kElsewhere);
  ASSERT_TRUE(until([&] { return keeper_->health().lead == Lead::kElsewhere; }));
  confirmation_->poke();
  EXPECT_FALSE(gate_->load());
  const int asked = caller_.newest_asked;
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = true;
  keeper_->take_lead(Lead::kHere);
  ASSERT_TRUE(until_waits(Errc::kUnavailable));
  EXPECT_FALSE(gate_->load());
  EXPECT_GT(caller_.newest_asked, asked);
  for (const char* city : {"a", "b", "c"}) witness(city).is_away = false;
  env_.advance_us(kSecondUs);
  EXPECT_TRUE(until([&] { return gate_->load(); }));
}

}  // namespace
}  // namespace hansa::federation
