// Goal:   who reads a ledger afresh gets every valid entry once, in order, and learns of damage the
//         seq that could not be reached.
// Method: entries and voids are put on a simulated log; damage is an answer of the log or an entry
//         that must not be taken.
#include "streams/ledger_reader.h"

#include <gtest/gtest.h>

#include "streams/appender.h"
#include "streams/simulated_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

class LedgerReader : public testing::Test {
 protected:
  Result<ChainPosition> read(const ChainPosition& from = {}) {
    return read_ledger(log, kTestLedger, founding, from, visitor);
  }
  void write(int entries) {
    for (int i = 0; i < entries; ++i) {
      store.inject(kTestLedger, writer.next("p" + std::to_string(++written)));
    }
  }

  SeededEnv env{31, "reader"};
  FoundingId founding = env.random_id<FoundingId>();
  SimulatedStore store{5};
  SimulatedLog log{store};
  EntryWriter writer{founding, 6};
  int written = 0;
  std::vector<std::string> payloads;
  std::vector<Offset> voids;
  LedgerVisitor visitor{
      [this](Seq seq, Offset, const Hash&, std::string_view value) -> Result<void> {
        payloads.emplace_back(payload_of(value));
        EXPECT_EQ(payloads.back(), "p" + std::to_string(seq));
        return {};
      },
      [this](Offset offset, std::string_view) { voids.push_back(offset); }};
};

TEST_F(LedgerReader, GivesEveryEntryOnceAndEveryVoid) {
  write(3);
  store.inject(kTestLedger, "void");
  write(2);
  const auto end = read();
  ASSERT_TRUE(end);
  EXPECT_EQ(payloads.size(), 5u);
  EXPECT_EQ(voids, std::vector<Offset>{3});
  EXPECT_EQ(end->seq, 5u);
  EXPECT_EQ(end->next_offset, 6u);
  EXPECT_EQ(end->voids, 1u);
}

TEST_F(LedgerReader, GoesOnFromAPosition) {
  write(4);
  const auto middle = read();
  ASSERT_TRUE(middle);
  payloads.clear();
  write(3);
  const auto end = read(*middle);
  ASSERT_TRUE(end);
  EXPECT_EQ(payloads, (std::vector<std::string>{"p5", "p6", "p7"}));
  EXPECT_EQ(end->seq, 7u);
}

TEST_F(LedgerReader, AnEmptyLedgerEndsAtItsFounding) {
  const auto end = read();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->seq, 0u);
  EXPECT_EQ(end->tip, founding_hash(founding));
}

TEST_F(LedgerReader, ReadsThroughShortAnswers) {
  write(50);
  SimulatedFaults faults;
  faults.short_read = 900;
  store.set_faults(faults);
  ASSERT_TRUE(read());
  EXPECT_EQ(payloads.size(), 50u);
}

TEST_F(LedgerReader, ReadsUpToTheTargetAndNoFurther) {
  write(5);
  Chain chain(founding);
  const auto apply = [&](Offset offset, std::string_view value) -> Result<void> {
    EXPECT_LT(offset, 3u);
    chain.apply(offset, value);
    return {};
  };
  ASSERT_TRUE(read_records(log, kTestLedger, chain, 3, apply));
  EXPECT_EQ(chain.position().seq, 3u);
}

TEST_F(LedgerReader, ASecondHistoryNamesTheSeq) {
  write(3);
  EntryWriter other(founding, 7);
  for (int i = 0; i < 3; ++i) other.next("other");
  store.inject(kTestLedger, other.next("other"));
  const auto end = read();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::kChainBroken);
  EXPECT_EQ(end.error().seq, 4u);
}

TEST_F(LedgerReader, ALogThatEndsBeforeThePositionNamesTheSeq) {
  write(3);
  ChainPosition position = *read();
  position.next_offset += 2;
  const auto end = read(position);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::kLogBehind);
  EXPECT_EQ(end.error().seq, 4u);
}

// As a broker that led before names it.
class EndOfThen final : public Log {
 public:
  EndOfThen(Log& log, Offset end) : log_(log), end_(end) {}
  Result<Offset> end(const LedgerId&) override { return end_; }
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override {
    return log_.read(ledger, from, bytes_max);
  }
  void append(const LedgerId&, std::vector<std::string>, Offset, Delivered) override {}
  void renew_writer(const LedgerId&) override {}

 private:
  Log& log_;
  Offset end_;
};

TEST_F(LedgerReader, AnEndOfThenIsNotTakenForLostEntries) {
  write(5);
  const auto end = read();
  ASSERT_TRUE(end);
  write(1);
  EndOfThen late(log, 3);
  const auto again = read_ledger(late, kTestLedger, founding, *end, visitor);
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_GE(again->seq, 5u);
  Appender appender(late, kTestLedger, founding, *end, env);
  const auto steps = appender.take_arrived();
  ASSERT_TRUE(steps) << steps.error().detail;
  EXPECT_EQ(appender.landed().seq, 6u);
}

TEST_F(LedgerReader, AVisitorMayStopAtAnEntry) {
  write(5);
  visitor.valid = [](Seq seq, Offset, const Hash&, std::string_view) -> Result<void> {
    if (seq == 3) return fail(Errc::kLedgerStopped, "this one cannot be folded");
    return {};
  };
  const auto end = read();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::kLedgerStopped);
  EXPECT_EQ(end.error().seq, 3u);
}

}  // namespace
}  // namespace hansa::streams
