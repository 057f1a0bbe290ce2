// Goal:   a reader's state is a pure function of the records: one history, whatever lies between
//         its entries (L1), and a second history is never taken for a rival (L10).
// Method: entries are built by hand, each wrong in exactly one way, and put to the chain rule.
#include "core/ledger/chain.h"

#include <gtest/gtest.h>

#include "core/base/env.h"
#include "core/base/hash.h"

namespace hansa {
namespace {

class ChainTest : public testing::Test {
 protected:
  // An envelope that fits the chain as it stands.
  Envelope fitting() {
    Envelope envelope;
    envelope.founding_id = founding;
    envelope.seq = chain.position().seq + 1;
    envelope.prev = chain.position().tip;
    envelope.base_seq = chain.position().seq;
    envelope.base_head = head_of(chain.position().tip);
    envelope.salt = env.random_id<Salt>();
    return envelope;
  }
  Verdict apply(const Envelope& envelope, std::string_view payload = "p") {
    value = *encode_entry(envelope, payload);
    return chain.apply(chain.position().next_offset, value);
  }
  void expect_void(const Envelope& envelope) {
    const ChainPosition before = chain.position();
    EXPECT_EQ(apply(envelope).kind, VerdictKind::kVoid);
    EXPECT_EQ(chain.position().seq, before.seq);
    EXPECT_EQ(chain.position().tip, before.tip);
    EXPECT_EQ(chain.position().voids, before.voids + 1);
    EXPECT_EQ(chain.position().next_offset, before.next_offset + 1);
  }
  void expect_stop(const Envelope& envelope, Errc code) {
    const ChainPosition before = chain.position();
    const Verdict verdict = apply(envelope);
    EXPECT_EQ(verdict.kind, VerdictKind::kStop);
    EXPECT_EQ(verdict.error.code, code) << verdict.error.detail;
    EXPECT_EQ(chain.position().next_offset, before.next_offset) << "a stop changes nothing";
    EXPECT_EQ(chain.position().voids, before.voids);
  }
  void grow(int entries) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_EQ(apply(fitting(), std::to_string(i)).kind, VerdictKind::kValid);
    }
  }

  SeededEnv env{1, "chain"};
  FoundingId founding = env.random_id<FoundingId>();
  Chain chain{founding};
  std::string value;
};

TEST_F(ChainTest, BeginsAtTheFounding) {
  EXPECT_EQ(chain.position().seq, 0u);
  EXPECT_EQ(chain.position().tip, sha256(founding.view()));
  EXPECT_EQ(chain.position().next_offset, 0u);
}

TEST_F(ChainTest, AFittingEntryIsValidAndBecomesTheTip) {
  const Verdict verdict = apply(fitting(), "hello");
  EXPECT_EQ(verdict.kind, VerdictKind::kValid);
  EXPECT_EQ(verdict.payload, "hello");
  EXPECT_EQ(verdict.hash, sha256(value));
  EXPECT_EQ(chain.position().seq, 1u);
  EXPECT_EQ(chain.position().tip, verdict.hash);
}

TEST_F(ChainTest, APayloadIsNeverLookedAt) {
  EXPECT_EQ(apply(fitting(), "").kind, VerdictKind::kValid);
  EXPECT_EQ(apply(fitting(), std::string(1000, '\xff')).kind, VerdictKind::kValid);
}

TEST_F(ChainTest, WrongFoundingSeqOrPrevIsVoid) {
  grow(3);
  Envelope envelope = fitting();
  envelope.founding_id.bytes[0] ^= 1;
  expect_void(envelope);
  for (int64_t difference : {-3, -1, 1, 2, 1000}) {
    envelope = fitting();
    envelope.seq += static_cast<Seq>(difference);
    expect_void(envelope);
  }
  envelope = fitting();
  envelope.prev.bytes[31] ^= 1;
  expect_void(envelope);
  EXPECT_EQ(apply(fitting()).kind, VerdictKind::kValid) << "voids stand in nobody's way";
}

TEST_F(ChainTest, AStrangersRecordIsVoidWhateverItClaims) {
  grow(3);
  Envelope envelope = fitting();
  envelope.founding_id.bytes[5] ^= 1;
  EXPECT_FALSE(chain.fits(envelope));
  envelope.base_head.bytes[0] ^= 1;
  envelope.schema_level = kSchemaLevel + 1;
  expect_void(envelope);
}

TEST_F(ChainTest, TheSameRecordAgainIsVoid) {
  grow(1);
  EXPECT_EQ(chain.apply(5, value).kind, VerdictKind::kVoid);
  EXPECT_EQ(chain.position().seq, 1u);
}

TEST_F(ChainTest, OfTwoRivalsTheFirstIsValid) {
  grow(2);
  const Envelope ours = fitting();
  const Envelope theirs = fitting();
  EXPECT_EQ(apply(theirs).kind, VerdictKind::kValid);
  expect_void(ours);
}

TEST_F(ChainTest, GarbageIsVoid) {
  EXPECT_EQ(chain.apply(0, "").kind, VerdictKind::kVoid);
  EXPECT_EQ(chain.apply(1, std::string(500, 'x')).kind, VerdictKind::kVoid);
  EXPECT_EQ(chain.position().voids, 2u);
  EXPECT_EQ(apply(fitting()).kind, VerdictKind::kValid);
}

TEST_F(ChainTest, Record0OfAnotherFoundingStops) {
  Envelope envelope = fitting();
  envelope.founding_id.bytes[3] ^= 1;
  expect_stop(envelope, Errc::kChainBroken);
}

TEST_F(ChainTest, AnUnknownSchemaLevelStopsOnlyWhenTheEntryFits) {
  grow(2);
  Envelope envelope = fitting();
  envelope.schema_level = kSchemaLevel + 1;
  expect_stop(envelope, Errc::kUpgradeNeeded);
  envelope.seq += 1;
  expect_void(envelope);
}

TEST_F(ChainTest, ABaseOutsideThePrefixIsASecondHistory) {
  grow(5);
  Envelope envelope = fitting();
  envelope.base_head.bytes[0] ^= 1;
  expect_stop(envelope, Errc::kChainBroken);
  envelope = fitting();
  envelope.base_seq = chain.position().seq + 1;
  expect_stop(envelope, Errc::kChainBroken);
  envelope = fitting();
  envelope.base_seq = 0;
  expect_stop(envelope, Errc::kChainBroken);
  EXPECT_EQ(apply(fitting()).kind, VerdictKind::kValid);
}

// Whoever wrote on a history that is not ours will hardly fit ours: the base tells all the same.
TEST_F(ChainTest, ABaseOutsideThePrefixTellsAlsoInARecordThatDoesNotFit) {
  grow(5);
  Envelope envelope = fitting();
  envelope.seq += 3;
  envelope.base_head.bytes[0] ^= 1;
  expect_stop(envelope, Errc::kChainBroken);
}

TEST_F(ChainTest, AnHonestLateRecordsBaseIsInThePrefix) {
  grow(2);
  const Envelope late = fitting();
  grow(10);
  expect_void(late);
}

TEST_F(ChainTest, ABaseOlderThanTheWindowIsBelieved) {
  grow(2);
  Envelope envelope = fitting();
  grow(static_cast<int>(Chain::kBaseWindow));
  envelope.base_head.bytes[0] ^= 1;
  expect_void(envelope);
  envelope.base_seq += 2;
  expect_stop(envelope, Errc::kChainBroken);
}

TEST_F(ChainTest, GoesOnFromAStoredPosition) {
  grow(3);
  const ChainPosition stored = chain.position();
  const Envelope next = fitting();
  chain = Chain(founding, stored);
  EXPECT_EQ(apply(next).kind, VerdictKind::kValid);
  EXPECT_EQ(chain.position().seq, 4u);
  Envelope second_history = fitting();
  second_history.base_seq = 3;
  second_history.base_head.bytes[0] ^= 1;
  expect_stop(second_history, Errc::kChainBroken);
}

TEST_F(ChainTest, ProvenEmptyOffsetsAreSkipped) {
  grow(1);
  chain.skip_to(10);
  EXPECT_EQ(chain.position().next_offset, 10u);
  EXPECT_EQ(chain.position().voids, 0u);
  chain.skip_to(4);
  EXPECT_EQ(chain.position().next_offset, 10u) << "never back";
  EXPECT_EQ(apply(fitting()).kind, VerdictKind::kValid);
  EXPECT_EQ(chain.position().next_offset, 11u);
}

}  // namespace
}  // namespace hansa
