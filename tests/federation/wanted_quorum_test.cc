// Goal: who reads a ledger acts on nothing that fewer witnesses have cosigned than the agreement in
// force at that size asks for, and on what was confirmed before however the figure changes. Method:
// ledgers written entry by entry, cosigned by as many as the test wants.
#include "tests/federation/signed_reader_fixture.h"

namespace hansa::federation {
namespace {

class WantedQuorumTest : public ConfirmedReaderTest {
 protected:
  void write_agreement(uint32_t version, uint32_t wanted) {
    v1::Payload payload;
    auto& proposed = *payload.add_events()->mutable_agreement_proposed();
    proposed.set_version(version);
    proposed.mutable_agreement()->set_witness_quorum(wanted);
    payload.add_events()->mutable_agreement_took_effect()->set_version(version);
    write(payload);
  }
  void write_shared(uint64_t seq, uint32_t version) {
    v1::Payload payload;
    auto& shared = *payload.add_events()->mutable_entries_shared();
    shared.set_from_seq(seq);
    shared.set_to_seq(seq);
    shared.set_agreement_version(version);
    write(payload);
  }
  void write_confirmed_checkpoint(Seq size) {
    write_checkpoint(checkpoint(size));
    confirm(size, {"a"});
  }
};

TEST_F(WantedQuorumTest, AMajorityConfirmsNothingWhereTheAgreementInForceAsksForMore) {
  write_agreement(1, 3);
  write_checkpoint(checkpoint(1));
  confirm(1, {"a", "b"});
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  EXPECT_EQ(taken.confirmed_seq(), 0U);
  EXPECT_TRUE(taken.awaits_witnesses());
  confirm(1, {"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>{1});
  EXPECT_FALSE(error_);
}

TEST_F(WantedQuorumTest, WhatWasConfirmedBeforeAChangeOfTheFigureStaysSo) {
  write_words(2);
  write_checkpoint(checkpoint(2));
  confirm(2, {"a", "b"});
  write_agreement(1, 3);  // entry 5
  write_checkpoint(checkpoint(4));
  confirm(4, {"b", "c"});
  write_checkpoint(checkpoint(5));
  confirm(5, {"b", "c"});
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{1, 2, 3, 4})) << "up to where it was in force";
  confirm(5, {"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>{5});
  v1::Payload revoked;
  revoked.add_events()->mutable_agreement_revoked()->set_version(1);
  write(revoked);  // entry 11
  write_checkpoint(checkpoint(10));
  confirm(10, {"a", "b"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  write_checkpoint(checkpoint(11));
  confirm(11, {"a", "b"});
  EXPECT_EQ(read_all(taken), (std::vector<Seq>{6, 7, 8, 9, 10, 11})) << "no version asks for more";
  EXPECT_FALSE(error_);
}

TEST_F(WantedQuorumTest, AVersionNobodyHasHeardOfIsConfirmedByAllAlone) {
  v1::Payload payload;
  payload.add_events()->mutable_agreement_took_effect()->set_version(7);
  write(payload);
  write_checkpoint(checkpoint(1));
  confirm(1, {"a", "b"});
  auto taken = confirmed_reader({"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>());
  confirm(1, {"a", "b", "c"});
  EXPECT_EQ(read_all(taken), std::vector<Seq>{1});
}

TEST_F(WantedQuorumTest, OfAShareEachCheckpointIsJudgedByTheVersionThatItSharesBy) {
  write_words(1);
  write_confirmed_checkpoint(1);  // by none
  write_shared(1, 1);             // entry 4
  write_confirmed_checkpoint(4);
  write_shared(2, 0);  // entry 7: none is in effect, and nothing ends it
  write_confirmed_checkpoint(7);
  write_shared(3, 2);  // entry 10
  write_confirmed_checkpoint(9);
  write_confirmed_checkpoint(10);
  v1::Payload ended;
  ended.add_events()->mutable_share_ended()->set_agreement_version(2);
  write(ended);  // entry 15
  write_confirmed_checkpoint(15);
  using Asked = std::vector<std::pair<Seq, std::optional<uint32_t>>>;
  for (const bool confirms : {true, false}) {
    Asked asked;
    SignedReader::Source source{kShare, kFounding, kKeys};
    source.confirms = [&](const Note& note, std::optional<uint32_t> version) {
      asked.emplace_back(read_ledger_note(note)->tree.size, version);
      return confirms;
    };
    SignedReader taken(*log_, source, {0, founding_hash(kFounding), 0, 0});
    read_all(taken);
    EXPECT_EQ(asked, (Asked{{1, 0}, {4, 1}, {7, 1}, {9, 1}, {10, 2}, {15, 0}})) << confirms;
    EXPECT_EQ(taken.confirmed_seq(), confirms ? 15U : 0U);
  }
}

TEST(SharedVersion, WhatItDoesNotKnowItDoesNotSay) {
  const auto shared = [](uint32_t version) {
    v1::Payload payload;
    payload.add_events()->mutable_entries_shared()->set_agreement_version(version);
    return payload;
  };
  SharedVersion late(7);
  EXPECT_EQ(late.at(9), std::nullopt);
  late.take(8, shared(3));
  EXPECT_EQ(late.at(7), std::nullopt);
  EXPECT_EQ(late.at(8), 3U);
  SharedVersion restless(0);
  for (Seq seq = 1; seq <= SharedVersion::kChangesMax + 1; ++seq) {
    restless.take(seq, shared(1 + seq % 2));
  }
  EXPECT_EQ(restless.at(1), std::nullopt) << "it is forgotten";
  EXPECT_EQ(restless.at(2), 1U);
}

}  // namespace
}  // namespace hansa::federation
