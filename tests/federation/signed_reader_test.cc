// Goal: of another ledger nothing is acted on but what its own key vouches for; a fork, a rollback,
// a foreign key and a spoilt signature are named and nothing behind them is taken; a subscriber who
// begins anywhere gets the same entries. Method: ledgers written entry by entry into an embedded
// log, with checkpoints that say what the test wants.
#include "federation/share_reader.h"
#include "tests/federation/signed_reader_fixture.h"

namespace hansa::federation {
namespace {

TEST_F(SignedReaderTest, NothingIsHandedOutBeforeACheckpointCoversIt) {
  write_words(3);
  auto taken = reader();
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  write_checkpoint(checkpoint(2));
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  EXPECT_EQ(taken.covered_seq(), 2U);
  EXPECT_EQ(taken.known_seq(), 4U);
  write_checkpoint(checkpoint(4));
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{3, 4}));
  EXPECT_FALSE(error_);
}

TEST_F(SignedReaderTest, AnotherKeyCoversNothing) {
  write_words(2);
  write_checkpoint(checkpoint(1));
  write_checkpoint(checkpoint(2, kOtherSeed));
  write_checkpoint(checkpoint(3));
  auto taken = reader();
  EXPECT_EQ(read_all(taken), std::vector<Seq>{1}) << "what was covered before it is good";
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kBadSignature);
  EXPECT_EQ(error_->seq, 4U);
  EXPECT_EQ(read_all(taken), std::vector<Seq>()) << "and it stays where it is";
  EXPECT_TRUE(error_);
}

// ---- keys that count for some sizes

v1::KeyRange range_of(const std::string& seed, Seq from, Seq to, bool compromised = false) {
  v1::KeyRange range;
  range.set_public_key(to_hex(public_key_of(seed)));
  range.set_from_size(from);
  range.set_to_size(to);
  range.set_compromised(compromised);
  return range;
}

KeyRanges keys_in_order(std::initializer_list<v1::KeyRange> ranges) {
  return {ranges.begin(), ranges.end()};
}

TEST_F(SignedReaderTest, EachSizeIsCoveredByTheKeyThatCountsForIt) {
  const auto keys = keys_in_order({range_of(kSeed, 1, 3), range_of(kOtherSeed, 4, 0)});
  write_words(3);
  write_checkpoint(checkpoint(3));
  write_checkpoint(checkpoint(4, kOtherSeed));
  write_words(1);
  write_checkpoint(checkpoint(6, kOtherSeed));
  auto taken = reader_by(keys);
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2, 3, 4, 5, 6}));
  EXPECT_FALSE(error_) << error_->detail;
  const auto page = read_share(*log_, {kShare, kFounding, keys}, 1, 10);
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->size(), 6U);
  write_checkpoint(checkpoint(7));
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_) << "the retired key counts no more";
  EXPECT_EQ(error_->code, Errc::kBadSignature);
  EXPECT_EQ(error_->seq, 8U);
  for (const auto& part :
       {std::string("size 7"), to_hex(public_key_of(kSeed)) + " for sizes 1 to 3",
        to_hex(public_key_of(kOtherSeed)) + " from size 4"}) {
    EXPECT_NE(error_->detail.find(part), std::string::npos) << error_->detail;
  }
  EXPECT_EQ(read_share(*log_, {kShare, kFounding, keys}, 1, 10)->size(), 6U);
}

TEST_F(SignedReaderTest, AKeyCoversNothingBeforeItsRange) {
  write_words(3);
  write_checkpoint(checkpoint(2));
  write_checkpoint(checkpoint(3, kOtherSeed));
  auto taken = reader_by(keys_in_order({range_of(kSeed, 1, 3), range_of(kOtherSeed, 4, 0)}));
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kBadSignature);
  EXPECT_EQ(error_->seq, 5U);
}

TEST_F(SignedReaderTest, AStolenKeyCoversWhatWasGoodAndNothingElse) {
  const auto stolen = range_of(kSeed, 1, 2, true);
  write_words(3);
  write_checkpoint(checkpoint(2));
  auto taken = reader_by(keys_in_order({stolen}));
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  EXPECT_FALSE(error_);
  write_checkpoint(checkpoint(3));
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kBadSignature);
  auto never_good = reader_by(keys_in_order({range_of(kSeed, 1, 0, true)}));
  EXPECT_EQ(read_all(never_good), std::vector<Seq>());
  EXPECT_TRUE(error_);
}

// Who has taken entries beyond the last good size goes on behind them under the next key.
TEST_F(SignedReaderTest, TheNextKeyGoesOnBehindWhatTheStolenOneCovered) {
  write_words(3);
  write_checkpoint(checkpoint(3));
  auto before = reader();
  ASSERT_EQ(read_all(before).size(), 3U);
  write_checkpoint(checkpoint(4, kOtherSeed));
  auto taken = reader_by(
      keys_in_order({range_of(kSeed, 1, 2, true), range_of(kOtherSeed, 3, 0)}),
      {4, tree_.head(4).tip, 4, 0});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  EXPECT_FALSE(error_) << error_->detail;
  write_checkpoint(checkpoint(5, kOtherSeed));
  EXPECT_EQ(read_all(taken), std::vector<Seq>{5});
}

TEST(SigningSeeds, EachLedgerAndSizeHasItsSeed) {
  const auto other = share_ledger("river", "wuxi");
  SigningSeeds seeds{kSeed, {{kShare, 5, kOtherSeed}, {other, 2, "x"}, {kShare, 9, "y"}}};
  EXPECT_EQ(seeds.of(kShare, 4), kSeed);
  EXPECT_EQ(seeds.of(kShare, 5), kOtherSeed);
  EXPECT_EQ(seeds.of(kShare, 8), kOtherSeed);
  EXPECT_EQ(seeds.of(kShare, 9), "y");
  EXPECT_EQ(seeds.of(other, 1), kSeed);
  EXPECT_EQ(seeds.of(other, 9), "x");
  seeds.changes[1].seed = seeds.changes[2].seed = kSeed;
  EXPECT_EQ(keys_text(seeds.keys_of(kShare)),
            keys_text(keys_in_order({range_of(kSeed, 1, 4), range_of(kOtherSeed, 5, 8),
                                     range_of(kSeed, 9, 0)})));
}

TEST_F(SignedReaderTest, ASignatureThatIsNotOfThisTextCoversNothing) {
  write_words(2);
  for (int part = 0; part < 4; ++part) {
    auto spoilt = checkpoint(2);
    if (part == 0) spoilt.mutable_signature()->at(5) ^= 1;
    if (part == 1) spoilt.set_size(1);
    if (part == 2) spoilt.set_sha256(to_hex(tree_.head(1).tip));
    if (part == 3) spoilt.set_signature("");
    EXPECT_EQ(verify_checkpoint(spoilt, kKeys, kShare, kFounding).error().code,
              Errc::kBadSignature)
        << part;
  }
  const auto other_ledger = share_ledger("river", "wuxi");
  EXPECT_FALSE(verify_checkpoint(checkpoint(2), kKeys, other_ledger, kFounding));
  const auto other_founding = *FoundingId::from(std::string(16, 'g'));
  EXPECT_FALSE(verify_checkpoint(checkpoint(2), kKeys, kShare, other_founding));
  EXPECT_TRUE(verify_checkpoint(checkpoint(2), kKeys, kShare, kFounding));
}

// Its text would not be what it says, and no reader may fall over it.
TEST_F(SignedReaderTest, WhatHasNotTheFormOfACheckpointCoversNothing) {
  write_words(3);
  const auto good = checkpoint(3);
  auto two_lines = good;
  two_lines.set_origin("a\nb" + good.origin().substr(good.origin().find('/')));
  auto no_hash = good;
  no_hash.set_sha256(good.sha256() + "\n");
  auto no_root = good;
  no_root.set_root_sha256("");
  for (const auto& bad : {two_lines, no_hash, no_root, v1::CheckpointSigned()}) {
    EXPECT_EQ(verify_checkpoint(bad, kKeys, kShare, kFounding).error().code, Errc::kBadSignature);
  }
  write_checkpoint(two_lines);
  auto taken = reader();
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kBadSignature);
}

TEST_F(SignedReaderTest, ACheckpointOfAnotherHistoryIsAFork) {
  write_words(3);
  VouchedHead other = tree_.head(2);
  other.tip = sha256("another entry");
  write_checkpoint(sign_checkpoint(kSeed, other));
  auto taken = reader();
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kForkFound);
}

TEST_F(SignedReaderTest, ACheckpointThatFallsBackOrRunsAheadIsAFork) {
  write_words(3);
  write_checkpoint(checkpoint(3));
  write_checkpoint(checkpoint(2));
  auto taken = reader();
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2, 3}));
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kForkFound);
}

TEST_F(SignedReaderTest, ACheckpointOfWhatIsNotThereYetIsAFork) {
  write_words(1);
  VouchedHead later = tree_.head();
  later.size = 9;
  write_checkpoint(sign_checkpoint(kSeed, later));
  auto taken = reader();
  read_all(taken);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kForkFound);
}

// A checkpoint may follow entries that it does not cover: who begins between must not take the
// older one for a rollback.
TEST_F(SignedReaderTest, ReadingGoesOnAnywhere) {
  write_words(2);
  write_checkpoint(checkpoint(1));  // entry 3
  write_words(1);
  write_checkpoint(checkpoint(4));  // entry 5
  write_checkpoint(checkpoint(5));  // entry 6
  for (Seq from = 1; from <= 4; ++from) {
    auto taken = reader({from, tree_.head(from).tip, from, 0});
    std::vector<Seq> expected;
    for (Seq seq = from + 1; seq <= 5; ++seq) expected.push_back(seq);
    EXPECT_EQ(read_all(taken), expected) << from;
    EXPECT_FALSE(error_) << error_->detail;
  }
}

TEST_F(SignedReaderTest, VoidRecordsAreNeverHandedOut) {
  EntryWriter rival(kFounding, 2);
  write_words(1);
  put(rival.next(words("suzhou").SerializeAsString()));  // another entry 1
  write_words(1);
  put("no entry at all");
  write_checkpoint(checkpoint(2));
  auto taken = reader();
  const auto read = taken.read();
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 2U);
  for (const auto& entry : *read) EXPECT_EQ(entry.payload.events(0).city_joined().city(), "wuxi");
  const SignedReader::Source source{kShare, kFounding, kKeys};
  for (Seq from = 1; from <= 2; ++from) {
    const auto page = read_share(*log_, source, from, 10);
    ASSERT_TRUE(page.has_value()) << page.error().detail;
    ASSERT_EQ(page->size(), 3 - from);
    for (const auto& record : *page) EXPECT_EQ(record.hash, tree_.head(record.seq).tip);
  }
}

TEST_F(SignedReaderTest, APageBeginsAnywhereAndEndsWithWhatIsCovered) {
  const SignedReader::Source source{kShare, kFounding, kKeys};
  EXPECT_TRUE(read_share(*log_, source, 1, 10)->empty()) << "nothing was written yet";
  write_words(3);
  EXPECT_TRUE(read_share(*log_, source, 1, 10)->empty()) << "nothing is covered yet";
  write_checkpoint(checkpoint(3));
  write_words(2);
  for (Seq from = 0; from <= 7; ++from) {
    for (size_t most = 1; most <= 4; ++most) {
      const auto page = read_share(*log_, source, from, most);
      ASSERT_TRUE(page.has_value()) << page.error().detail;
      const Seq first = std::max<Seq>(1, from);
      const size_t expected = first > 3 ? 0 : std::min<size_t>(most, 4 - first);
      ASSERT_EQ(page->size(), expected) << from << " " << most;
      for (size_t i = 0; i < page->size(); ++i) {
        EXPECT_EQ((*page)[i].seq, first + i);
        EXPECT_EQ(sha256((*page)[i].value), tree_.head(first + i).tip);
      }
    }
  }
}

TEST_F(SignedReaderTest, AFoundingThatIsAnothersIsRefused) {
  write_words(1);
  write_checkpoint(checkpoint(1));
  const auto other = *FoundingId::from(std::string(16, 'x'));
  SignedReader taken(*log_, {kShare, other, kKeys},
                     {0, founding_hash(other), 0, 0});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kChainBroken);
}

// ---- witnesses

TEST_F(ConfirmedReaderTest, OnlyWhatIsConfirmedIsHandedOut) {
  write_words(3);
  write_checkpoint(checkpoint(3));
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  EXPECT_EQ(taken.covered_seq(), 3U);
  EXPECT_EQ(taken.confirmed_seq(), 0U);
  confirm(3, {"a", "c"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2, 3}));
  EXPECT_EQ(taken.confirmed_seq(), 3U);
  EXPECT_FALSE(error_);
}

TEST_F(ConfirmedReaderTest, TooFewOrWrongCosignaturesConfirmNothing) {
  write_words(3);
  write_checkpoint(checkpoint(3));
  confirm(3, {"a"});
  confirm(3, {"a", "mallory"});
  confirm(3, {"a", "a"});
  Note forged = note_of(checkpoint(3));
  for (const char* city : {"a", "b"}) {
    forged.signatures.push_back(
        cosign_note(witness_key(member(city))->name, seed_of("mallory"), forged.text, 5));
  }
  write_confirmed(3, note_text(forged));
  write_confirmed(2, cosigned_by(note_of(checkpoint(3)), {"a", "b"}));
  write_confirmed(3, "no note");
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  EXPECT_FALSE(error_) << error_->detail;
  confirm(3, {"b", "c"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2, 3}));
}

TEST_F(ConfirmedReaderTest, WhoJoinsMustCosignFromThereOn) {
  write_words(2);
  write_checkpoint(checkpoint(2));
  confirm(2, {"a"});
  write_joined("b");  // entry 5
  write_checkpoint(checkpoint(5));
  confirm(5, {"a"});
  auto taken = confirmed_reader({"a"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2})) << "of two, more than half are two";
  confirm(5, {"a", "b"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{3, 4, 5}));
  EXPECT_FALSE(error_);
}

TEST_F(ConfirmedReaderTest, WhereNobodyCouldWitnessAllThatIsCoveredIsHandedOutUntilSomebodyCan) {
  write_words(2);
  write_checkpoint(checkpoint(2));
  auto taken = confirmed_reader({});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  write_joined("b");
  write_checkpoint(checkpoint(4));
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  confirm(4, {"b"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{3, 4}));
}

// A ledger that expels everybody but one, or admits its own, shown to that one alone.
TEST_F(ConfirmedReaderTest, AChangeOfMembersIsConfirmedByThoseBeforeIt) {
  write_words(2);
  write_checkpoint(checkpoint(2));
  confirm(2, {"a", "b"});
  for (const char* city : {"a", "b"}) write_expelled(city);
  for (const char* city : {"puppet-1", "puppet-2"}) write_joined(city);
  write_checkpoint(checkpoint(8));
  confirm(8, {"c", "puppet-1", "puppet-2"});
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  EXPECT_TRUE(taken.awaits_witnesses());
  confirm(8, {"a", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>()) << "nor by those before it alone";
  confirm(8, {"c", "a", "puppet-1"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{3, 4, 5, 6, 7, 8}));
  write_words(1);
  write_checkpoint(checkpoint(13));
  confirm(13, {"puppet-1", "puppet-2"});
  EXPECT_EQ(read_all(taken).size(), 5U) << "from there on it is theirs";
}

TEST_F(ConfirmedReaderTest, ThatTheLastWitnessLeavesIsConfirmedByIt) {
  write_words(2);
  write_checkpoint(checkpoint(2));
  confirm(2, {"a"});
  write_expelled("a");
  write_words(1);
  write_checkpoint(checkpoint(6));
  auto taken = confirmed_reader({"a"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2}));
  confirm(6, {"a"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{3, 4, 5, 6}));
  write_words(1);
  write_checkpoint(checkpoint(9));
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{7, 8, 9})) << "there is no witness any more";
}

// The members behind the entry where it stopped are none that anything was confirmed by.
TEST_F(ConfirmedReaderTest, WhoStoppedWithinWhatWasConfirmedGoesOnByThoseAtItsEnd) {
  write_words(1);
  write_joined("b");  // entry 2: of two, two must
  write_joined("c");
  write_checkpoint(checkpoint(3));
  confirm(3, {"a", "c"});
  const auto whole = confirmed_from({"a"}, 0, 0);
  EXPECT_EQ(whole, (std::vector<Seq>{1, 2, 3}));
  EXPECT_EQ(confirmed_from({"a", "b"}, 2, 0), std::vector<Seq>()) << "what it is kept from";
  EXPECT_EQ(confirmed_from({"a", "b"}, 2, 3), std::vector<Seq>{3});
  write_words(1);
  write_checkpoint(checkpoint(6));
  confirm(6, {"a", "c"});
  EXPECT_EQ(confirmed_from({"a", "b"}, 2, 3), (std::vector<Seq>{3, 4, 5, 6}));
  EXPECT_EQ(confirmed_from({"a", "b"}, 2, 3, sha256("another")), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kForkFound);
  EXPECT_EQ(error_->seq, 3U);
}

TEST_F(SignedReaderTest, WhatWasTakenIsNotConfirmedForThatReason) {
  write_words(3);
  write_checkpoint(checkpoint(3));
  const ChainPosition behind{3, tree_.head(3).tip, 3, 0};
  EXPECT_EQ(reader(behind).confirmed_seq(), 0U);
  const SignedReader::Confirmed known{2, Hash()};
  const SignedReader again(*log_, {kShare, kFounding, kKeys}, behind, std::nullopt, known);
  EXPECT_EQ(again.confirmed_seq(), 2U);
}

TEST_F(ConfirmedReaderTest, TheHashesOfWhatIsCoveredAreKnown) {
  write_words(4);
  write_checkpoint(checkpoint(3));
  auto taken = confirmed_reader({"a"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  for (Seq seq = 1; seq <= 3; ++seq) {
    ASSERT_NE(taken.covered_hash(seq), nullptr);
    EXPECT_EQ(*taken.covered_hash(seq), tree_.head(seq).tip);
  }
  EXPECT_EQ(taken.covered_hash(4), nullptr) << "not covered";
  EXPECT_EQ(taken.covered_hash(0), nullptr);
  EXPECT_EQ(taken.covered_by().size(), 3U);
}

TEST_F(ConfirmedReaderTest, ACosignedTipThatDiffersIsAFork) {
  VouchedHead other = written();
  other.tip = sha256("another entry");
  expect_fork(other);
}

TEST_F(ConfirmedReaderTest, ACosignedRootThatDiffersIsAFork) {
  VouchedHead other = written();
  other.root = leaf_hash("another tree");
  expect_fork(other);
}

TEST_F(ConfirmedReaderTest, ACheckpointWithAnotherRootIsAFork) {
  write_words(3);
  VouchedHead other = tree_.head(3);
  other.root = leaf_hash("another tree");
  write_checkpoint(sign_checkpoint(kSeed, other));
  auto taken = confirmed_reader({"a"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::kForkFound);
  EXPECT_EQ(error_->seq, 4U);
}

}  // namespace
}  // namespace hansa::federation
