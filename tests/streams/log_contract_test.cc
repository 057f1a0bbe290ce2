// Goal:   every log keeps the contract of streams/log.h, so that the rules above it need not know
//         which one they run on.
// Method: one suite over each kind of log; a new kind adds one line at the end. A log in memory is
//         stepped until it is idle, one with threads of its own is waited for. What must hold even
//         when messages are lost runs on the simulated log with faults too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "core/base/assert.h"
#include "streams/embedded_log.h"
#include "streams/kafka_log.h"
#include "streams/kafka_topics.h"
#include "streams/simulated_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

struct LogUnderTest {
  virtual ~LogUnderTest() = default;
  // Ledgers that nobody has written to.
  virtual LedgerId ledger() { return kTestLedger; }
  virtual LedgerId other_ledger() { return {"city", "otherburg"}; }
  virtual Log& log() = 0;
  virtual void step() {}
  virtual bool enforces_end() const = 0;
};

struct EmbeddedUnderTest : LogUnderTest {
  EmbeddedUnderTest() {
    EmbeddedLogOptions options;
    options.folder = folder / "log";
    options.fsync = false;
    embedded = std::move(EmbeddedLog::open(options)).value();
  }
  Log& log() override { return *embedded; }
  bool enforces_end() const override { return true; }

  TempFolder folder;
  std::unique_ptr<EmbeddedLog> embedded;
};

struct SimulatedUnderTest : LogUnderTest {
  explicit SimulatedUnderTest(const SimulatedFaults& faults = {}) : store(7, faults) {}
  Log& log() override { return simulated; }
  void step() override { store.run_until_idle(); }
  bool enforces_end() const override { return false; }

  SimulatedStore store;
  SimulatedLog simulated{store};
};

// On the broker at HANSA_KAFKA; each test has topics of its own there.
struct KafkaUnderTest : LogUnderTest {
  KafkaUnderTest() {
    const char* bootstrap = std::getenv("HANSA_KAFKA");
    HANSA_ASSERT(bootstrap != nullptr, "HANSA_KAFKA names a broker that tests may use");
    KafkaOptions options;
    options.bootstrap = bootstrap;
    const auto made = create_topics(options, {ledger(), other_ledger()});
    HANSA_ASSERT(made.has_value(), (made.has_value() ? "" : made.error().detail.c_str()));
    kafka = std::move(KafkaLog::open(options)).value();
  }
  Log& log() override { return *kafka; }
  bool enforces_end() const override { return false; }
  LedgerId ledger() override { return {"city", "t" + name}; }
  LedgerId other_ledger() override { return {"city", "o" + name}; }

  const std::string name = fresh_name();
  std::unique_ptr<KafkaLog> kafka;
};

struct Kind {
  const char* name;
  std::unique_ptr<LogUnderTest> (*make)();
};

class LogContract : public testing::TestWithParam<Kind> {
 protected:
  std::vector<Delivery> append(std::vector<std::string> values, Offset expected_end,
                               const std::optional<LedgerId>& to = std::nullopt) {
    return append_now(log(), to.value_or(ledger_), std::move(values), expected_end,
                      [this] { kind_->step(); });
  }
  Log& log() { return kind_->log(); }

  std::unique_ptr<LogUnderTest> kind_ = GetParam().make();
  const LedgerId ledger_ = kind_->ledger();
};

// What holds on a log that loses nothing.
class SoundLogContract : public LogContract {};

TEST_P(SoundLogContract, ALedgerBeginsEmpty) {
  EXPECT_EQ(log().end(ledger_), Offset{0});
  auto read = log().read(ledger_, 0, 1000);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->records.empty());
  EXPECT_EQ(read->next, 0u);
}

TEST_P(SoundLogContract, AnswersDenseOffsetsInSendOrder) {
  auto first = append({"a", "b", "c"}, 0);
  auto second = append({"d"}, 3);
  ASSERT_EQ(first.size(), 3u);
  ASSERT_EQ(second.size(), 1u);
  for (Offset i = 0; i < 3; ++i) EXPECT_EQ(first[i].offset, i);
  EXPECT_EQ(second[0].offset, Offset{3});
  EXPECT_EQ(log().end(ledger_), Offset{4});
  EXPECT_EQ(read_all(log(), ledger_), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_P(SoundLogContract, GivesBackTheVeryBytes) {
  SeededEnv env(1, "bytes");
  const std::vector<std::string> values{std::string("\0\xff\n", 3), env.random_bytes(60 * 1024),
                                        "", std::string(5000, 'x')};
  append(values, 0);
  EXPECT_EQ(read_all(log(), ledger_), values);
}

TEST_P(SoundLogContract, ReadsAtLeastOneRecordHoweverSmallTheLimit) {
  append({std::string(1000, 'a'), std::string(1000, 'b')}, 0);
  auto read = log().read(ledger_, 0, 1);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->records.size(), 1u);
  EXPECT_EQ(read->next, 1u);
  EXPECT_EQ(log().read(ledger_, 1, 1)->records[0].offset, 1u);
}

TEST_P(SoundLogContract, ReadKeepsToItsLimit) {
  append(std::vector<std::string>(100, std::string(1000, 'a')), 0);
  auto read = log().read(ledger_, 0, 10000);
  ASSERT_TRUE(read);
  EXPECT_GE(read->records.size(), 5u);
  EXPECT_LE(read->records.size(), 11u);
}

TEST_P(SoundLogContract, RefusesToReadBeyondTheEnd) {
  append({"a"}, 0);
  EXPECT_TRUE(log().read(ledger_, 1, 1000)->records.empty());
  auto beyond = log().read(ledger_, 2, 1000);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kLogBehind);
}

TEST_P(SoundLogContract, LedgersDoNotMix) {
  const LedgerId other = kind_->other_ledger();
  append({"a"}, 0);
  append({"x", "y"}, 0, other);
  append({"b"}, 1);
  EXPECT_EQ(read_all(log(), ledger_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_all(log(), other), (std::vector<std::string>{"x", "y"}));
}

TEST_P(SoundLogContract, FlightsLandInSendOrder) {
  std::atomic<int> answered{0};
  std::promise<void> all;
  std::vector<std::string> expected;
  for (int flight = 0; flight < 20; ++flight) {
    std::vector<std::string> values;
    for (int i = 0; i < 5; ++i) values.push_back(std::to_string(flight * 5 + i));
    expected.insert(expected.end(), values.begin(), values.end());
    const Offset expected_end = static_cast<Offset>(flight) * 5;
    log().append(ledger_, std::move(values), expected_end,
                 [&, expected_end](std::vector<Delivery> deliveries) {
                   EXPECT_EQ(deliveries.size(), 5u);
                   EXPECT_EQ(deliveries[4].offset, expected_end + 4);
                   if (++answered == 20) all.set_value();
                 });
  }
  kind_->step();
  all.get_future().get();
  EXPECT_EQ(read_all(log(), ledger_), expected);
}

TEST_P(SoundLogContract, WhatIsAnsweredIsReadable) {
  std::promise<Offset> end_when_answered;
  log().append(ledger_, {"a", "b"}, 0, [&](std::vector<Delivery>) {
    end_when_answered.set_value(*log().end(ledger_));
  });
  kind_->step();
  EXPECT_EQ(end_when_answered.get_future().get(), 2u);
}

TEST_P(SoundLogContract, RenewingTheWriterTakesNothingBack) {
  append({"a"}, 0);
  log().renew_writer(ledger_);
  append({"b"}, 1);
  EXPECT_EQ(read_all(log(), ledger_), (std::vector<std::string>{"a", "b"}));
}

TEST_P(SoundLogContract, AWrongExpectedEndAppendsNothingOrIsNotEnforced) {
  append({"a"}, 0);
  auto answers = append({"b", "c"}, 0);
  ASSERT_EQ(answers.size(), 2u);
  if (!kind_->enforces_end()) {
    EXPECT_EQ(answers[1].offset, Offset{2});
    return;
  }
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->code, Errc::kLogConflict);
    EXPECT_FALSE(answer.offset);
  }
  EXPECT_EQ(read_all(log(), ledger_), std::vector<std::string>{"a"});
  EXPECT_EQ(append({"b"}, 1)[0].offset, Offset{1});
}

TEST_P(LogContract, EveryFlightIsAnsweredExactlyOnceWithOneAnswerPerValue) {
  std::mutex mutex;
  std::vector<int> answers(50, 0);
  std::promise<void> all;
  int total = 0;
  for (int flight = 0; flight < 50; ++flight) {
    const size_t size = 1 + static_cast<size_t>(flight) % 4;
    log().append(ledger_, std::vector<std::string>(size, "x"), 0,
                 [&, flight, size](std::vector<Delivery> deliveries) {
                   EXPECT_EQ(deliveries.size(), size);
                   std::unique_lock lock(mutex);
                   ++answers[static_cast<size_t>(flight)];
                   const bool last = ++total == 50;
                   // The test's frame, and this mutex with it, may end as soon as it is told.
                   lock.unlock();
                   if (last) all.set_value();
                 });
    if (flight == 25) log().renew_writer(ledger_);
  }
  kind_->step();
  all.get_future().get();
  EXPECT_EQ(answers, std::vector<int>(50, 1));
}

TEST_P(LogContract, AnOffsetThatWasAnsweredHoldsThatVeryRecord) {
  std::vector<std::pair<Offset, std::string>> claims;
  for (int i = 0; i < 200; ++i) {
    const std::string value = "value " + std::to_string(i);
    auto end = log().end(ledger_);
    auto answers = append({value}, end ? *end : 0);
    if (answers[0].offset) claims.emplace_back(*answers[0].offset, value);
  }
  EXPECT_GT(claims.size(), 50u);
  for (const auto& [offset, value] : claims) {
    auto read = log().read(ledger_, offset, 1);
    if (!read) continue;
    EXPECT_EQ(read->records[0].offset, offset);
    EXPECT_EQ(read->records[0].value, value);
  }
}

// Whoever follows a ledger would take it for lost entries.
TEST_P(LogContract, AnEndIsNeverBelowWhatTheSameLogHasShown) {
  Offset shown = 0;
  const auto expect_end = [&] {
    const auto end = log().end(ledger_);
    if (!end) return;
    EXPECT_GE(*end, shown);
    shown = *end;
  };
  for (int i = 0; i < 100; ++i) {
    const auto answers = append({"value " + std::to_string(i)}, shown);
    if (answers[0].offset) shown = std::max(shown, *answers[0].offset + 1);
    expect_end();
    if (const auto read = log().read(ledger_, shown, 1)) shown = read->next;
    expect_end();
  }
  EXPECT_GT(shown, 50u);
}

TEST_P(LogContract, ReadProvesThatNothingElseLiesInBetween) {
  for (int i = 0; i < 100; ++i) append({"value " + std::to_string(i)}, static_cast<Offset>(i));
  auto end = log().end(ledger_);
  if (!end) return;
  Offset next = 0;
  for (int attempts = 0; next < *end && attempts < 10000; ++attempts) {
    auto read = log().read(ledger_, next, 100);
    if (!read) continue;
    for (const auto& record : read->records) EXPECT_EQ(record.offset, next++);
    EXPECT_EQ(read->next, next);
  }
  EXPECT_EQ(next, *end);
}

const Kind kEmbedded{"Embedded", []() -> std::unique_ptr<LogUnderTest> {
                       return std::make_unique<EmbeddedUnderTest>();
                     }};
const Kind kSimulated{"Simulated", []() -> std::unique_ptr<LogUnderTest> {
                        return std::make_unique<SimulatedUnderTest>();
                      }};
const Kind kFaulty{"SimulatedWithFaults", []() -> std::unique_ptr<LogUnderTest> {
                     return std::make_unique<SimulatedUnderTest>(SimulatedFaults::all(50));
                   }};
const Kind kKafka{"OnABroker", []() -> std::unique_ptr<LogUnderTest> {
                    return std::make_unique<KafkaUnderTest>();
                  }};
const auto kNameOf = [](const testing::TestParamInfo<Kind>& info) { return info.param.name; };

INSTANTIATE_TEST_SUITE_P(Logs, SoundLogContract, testing::Values(kEmbedded, kSimulated), kNameOf);
INSTANTIATE_TEST_SUITE_P(Logs, LogContract, testing::Values(kEmbedded, kSimulated, kFaulty),
                         kNameOf);
INSTANTIATE_TEST_SUITE_P(Kafka, SoundLogContract, testing::Values(kKafka), kNameOf);
INSTANTIATE_TEST_SUITE_P(Kafka, LogContract, testing::Values(kKafka), kNameOf);

}  // namespace
}  // namespace hansa::streams
