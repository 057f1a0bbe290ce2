// Goal: an entry that a stranger put into a ledger's log never passes for the ledger's own.
// Method: entries marked by a key, with each byte changed; sequences of marked and unmarked entries
// and checkpoints against the rule.
#include "core/ledger/authorship.h"

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/ledger/envelope.h"

namespace hansa {
namespace {

const LedgerId kLedger{"share", "delta/wuxi"};

std::string entry(Seq seq, std::string_view payload) {
  Envelope envelope;
  envelope.seq = seq;
  envelope.salt = *Salt::from(std::string(16, 's'));
  return *encode_entry(envelope, payload);
}

std::string marked(Seq seq, std::string_view payload, std::string_view key) {
  std::string value = entry(seq, payload);
  mark_author(value, key);
  return value;
}

v1::Payload checkpoint_over(Seq size) {
  v1::Payload payload;
  payload.add_events()->mutable_checkpoint_signed()->set_size(size);
  return payload;
}

class AuthorshipTest : public testing::Test {
 protected:
  // The next entry, by the ledger's own key or by nobody's.
  void take(bool own, const v1::Payload& payload = {}) {
    const std::string bytes = payload.SerializeAsString();
    ++seq_;
    authorship_.take(seq_, own ? marked(seq_, bytes, key_) : entry(seq_, bytes), payload);
  }
  // 0: all are its own.
  Seq first_foreign() const {
    const auto own = authorship_.all_own();
    if (own) return 0;
    EXPECT_EQ(own.error().code, Errc::kForeignEntry);
    return own.error().seq;
  }

  const std::string key_ = author_key(std::string(32, 'k'));
  Authorship authorship_{kLedger, key_, 0};
  Seq seq_ = 0;
};

TEST_F(AuthorshipTest, NoBitOfAMarkedEntryCanBeChanged) {
  const std::string value = marked(3, "what was done", key_);
  ASSERT_TRUE(bears_mark(value, key_));
  for (size_t i = 0; i < value.size(); ++i) {
    std::string changed = value;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(bears_mark(changed, key_)) << "byte " << i;
  }
  EXPECT_FALSE(bears_mark(value + '\0', key_));
  EXPECT_FALSE(bears_mark(value.substr(0, kEnvelopeBytes - 1), key_)) << "no envelope";
}

TEST_F(AuthorshipTest, AnotherLedgersSecretMakesNoMark) {
  EXPECT_FALSE(bears_mark(marked(3, "", author_key(std::string(32, 'o'))), key_));
}

TEST_F(AuthorshipTest, AMarkedEntryIsStillAnEntry) {
  const std::string value = marked(3, "what was done", key_);
  const auto decoded = decode_entry(value);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->payload, "what was done");
  EXPECT_EQ(decoded->envelope.salt.view().substr(0, 8), std::string(8, 's'));
}

TEST_F(AuthorshipTest, TheFirstForeignEntryIsNamed) {
  take(true);
  EXPECT_EQ(first_foreign(), 0U);
  take(false);
  take(true);
  take(false);
  EXPECT_EQ(first_foreign(), 2U);
}

TEST_F(AuthorshipTest, AStrangersCheckpointCoversNothing) {
  take(false);
  take(false, checkpoint_over(2));
  EXPECT_EQ(first_foreign(), 1U);
}

TEST_F(AuthorshipTest, AnOwnCheckpointCoversWhatCameBeforeTheKey) {
  take(false);
  take(false);
  take(true, checkpoint_over(1));
  EXPECT_EQ(first_foreign(), 1U) << "the second is not covered yet";
  v1::Payload together;
  together.add_events()->mutable_unit_defined()->set_unit("parks");
  take(true, together);
  EXPECT_EQ(first_foreign(), 1U) << "what is no checkpoint covers nothing";
  *together.add_events() = checkpoint_over(3).events(0);
  take(true, together);
  EXPECT_EQ(first_foreign(), 0U);
  take(false);
  EXPECT_EQ(first_foreign(), 6U);
}

TEST_F(AuthorshipTest, AnOperatorsWordEndsWhereItSays) {
  authorship_ = {kLedger, key_, 2};
  take(false);
  take(false);
  EXPECT_EQ(first_foreign(), 0U);
  take(false);
  EXPECT_EQ(first_foreign(), 3U);
}

TEST_F(AuthorshipTest, ALedgerThatNobodyElseReadsAsksNobody) {
  authorship_ = {kLedger, "", 0};
  take(false);
  EXPECT_EQ(first_foreign(), 0U);
}

}  // namespace
}  // namespace hansa
