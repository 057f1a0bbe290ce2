// Goal: a damaged ledger is told from a whole one, and the first broken entry is named. Method: a
// small ledger in memory, in which one byte of one entry is flipped, in the envelope or in the
// payload, first, in the middle and near the end; records of rivals that lost a race are harmless.
#include "ops/ledger_check.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/env.h"
#include "core/base/hash.h"
#include "core/ledger/envelope.h"
#include "ops/files.h"
#include "ops/key_file.h"

namespace hansa::ops {
namespace {

const LedgerId kLedger{"city", "example"};
constexpr Seq kEntries = 9;

class MemoryRecords final : public Records {
 public:
  Result<streams::ReadResult> read(Offset from) override {
    streams::ReadResult result{{}, from};
    for (; result.next < values.size(); ++result.next) {
      result.records.push_back({result.next, values[result.next]});
    }
    return result;
  }
  bool has_rivals() const override { return rivals; }
  std::vector<std::string> values;
  bool rivals = false;
};

std::string entry(const FoundingId& founding_id, Seq seq, const Hash& prev, Seq base_seq,
                  const Hash& base, const std::string& payload) {
  Envelope envelope;
  envelope.founding_id = founding_id;
  envelope.seq = seq;
  envelope.prev = prev;
  envelope.base_seq = base_seq;
  envelope.base_head = head_of(base);
  return *encode_entry(envelope, payload);
}

class LedgerCheckTest : public ::testing::Test {
 protected:
  // `flight`: how many entries were written on one base.
  void fill(Seq flight) {
    Hash tip = founding_hash(founding_id_);
    Hash base = tip;
    Seq base_seq = 0;
    for (Seq seq = 1; seq <= kEntries; ++seq) {
      if ((seq - 1) % flight == 0) {
        base = tip;
        base_seq = seq - 1;
      }
      records_.values.push_back(
          entry(founding_id_, seq, tip, base_seq, base, "payload " + std::to_string(seq)));
      tip = sha256(records_.values.back());
    }
  }
  // The seq that the check names; 0: nothing is broken.
  Seq broken() {
    const auto check = check_ledger(records_, kLedger, founding_id_, {});
    if (check) return 0;
    EXPECT_EQ(check.error().code, Errc::kChainBroken);
    EXPECT_NE(check.error().detail.find(std::to_string(check.error().seq)), std::string::npos);
    return check.error().seq;
  }

  FoundingId founding_id_{{1, 2, 3}};
  MemoryRecords records_;
};

TEST_F(LedgerCheckTest, AcceptsAWholeLedgerAndARivalsVoid) {
  fill(1);
  EXPECT_EQ(broken(), 0u);
  const Hash first = sha256(records_.values[0]);
  records_.values.insert(records_.values.begin() + 5,
                         entry(founding_id_, 2, first, 1, first, "came late"));
  const auto check = check_ledger(records_, kLedger, founding_id_, {});
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->position.seq, kEntries);
  EXPECT_EQ(check->position.voids, 1u);
}

// A flight of a rival's that lost: its first entry is late, the others build on it; one of them
// came without the one before it; and somebody copied the last record.
TEST_F(LedgerCheckTest, AFlightThatLostIsHarmlessWhereWritersAreSeveral) {
  records_.rivals = true;
  fill(1);
  const Hash first = sha256(records_.values[0]);
  const auto late = entry(founding_id_, 2, first, 1, first, "lost");
  const auto next = entry(founding_id_, 3, sha256(late), 1, first, "lost too");
  const auto orphan = entry(founding_id_, 5, Hash{}, 1, first, "without the one before it");
  const auto at = records_.values.begin() + 2;
  records_.values.insert(at, {late, next, orphan});
  records_.values.push_back(records_.values.back());
  const auto check = check_ledger(records_, kLedger, founding_id_, {});
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->position.seq, kEntries);
  EXPECT_EQ(check->position.voids, 4u);
}

TEST_F(LedgerCheckTest, AWholeFlightThatLostIsToldFromDamage) {
  fill(1);
  const Hash first = sha256(records_.values[0]);
  const auto late = entry(founding_id_, 2, first, 1, first, "lost");
  const auto next = entry(founding_id_, 3, sha256(late), 1, first, "lost too");
  records_.values.insert(records_.values.begin() + 2, {late, next});
  EXPECT_EQ(broken(), 0u);
  // The same without the entry that it builds on is what a changed entry looks like.
  records_.values.erase(records_.values.begin() + 2);
  EXPECT_NE(broken(), 0u);
}

TEST_F(LedgerCheckTest, ASecondHistoryIsSeenAmongRivalsToo) {
  records_.rivals = true;
  for (Seq seq = 1; seq < kEntries - 1; ++seq) {
    records_.values.clear();
    fill(1);
    records_.values[seq - 1].back() ^= 1;
    EXPECT_NE(broken(), 0u) << seq;
  }
}

TEST_F(LedgerCheckTest, NamesTheEntryWhosePayloadWasChanged) {
  for (const Seq flight : {Seq{1}, Seq{3}}) {
    for (Seq seq = 1; seq < kEntries; ++seq) {
      records_.values.clear();
      fill(flight);
      records_.values[seq - 1].back() ^= 1;
      EXPECT_EQ(broken(), seq) << "flight " << flight;
    }
  }
}

TEST_F(LedgerCheckTest, NamesTheEntryWhoseEnvelopeWasChanged) {
  // Magic, founding id, seq, prev, base hash.
  for (const size_t at : {0u, 8u, 31u, 40u, 75u}) {
    for (Seq seq = 2; seq < kEntries; ++seq) {
      records_.values.clear();
      fill(1);
      records_.values[seq - 1][at] ^= 1;
      EXPECT_EQ(broken(), seq) << "byte " << at;
    }
  }
}

TEST_F(LedgerCheckTest, NamesTheFirstMissingEntry) {
  fill(1);
  records_.values.erase(records_.values.begin() + 3);
  EXPECT_EQ(broken(), 4u);
}

TEST(KeyFileTest, IsOnlyForItsOwnerAndNeverReplaced) {
  const auto folder = ::testing::TempDir() + "hansa-key-file";
  std::filesystem::remove_all(folder);
  SeededEnv env(7, "keys");
  const auto keys = make_keys(env);
  const auto name = key_file_name(folder, kLedger);
  ASSERT_TRUE(write_key_file(name, keys));
  const auto read = read_key_file(name);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->ledger_secret, keys.ledger_secret);
  EXPECT_EQ(read->signing.first, "") << "a file from before signing has none";
  EXPECT_EQ(write_key_file(name, keys).error().code, Errc::kAlreadyExists);
  std::filesystem::permissions(name, std::filesystem::perms(0644));
  const auto open = read_key_file(name);
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().detail.find("chmod 600"), std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hansa::ops
