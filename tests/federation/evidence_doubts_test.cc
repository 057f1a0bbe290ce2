// Goal: what is false in shared data though each log holds by itself is found by an outsider, who
// has copies of the logs and the alliance's key alone. Method: the lies of falsification_test.cc in
// a league in one process; its ledgers are copied and the copies are asked. Each test is a row of
// federation/FALSIFICATIONS.md.
#include "federation/evidence_doubts.h"

#include "federation/evidence_files.h"
#include "federation/system_command.h"
#include "tests/federation/forged_member.h"

namespace hansa::federation {
namespace {

using Kind = v1::FindingKind;

class EvidenceDoubtsTest : public ForgedMemberTest {
 protected:
  EvidenceSource delta() {
    return {kDelta, league_.founding_id(kDelta), only_key(league_.public_key(kDelta))};
  }
  void copy(const LedgerId& ledger, const std::string& folder) {
    auto founding_id = league_.founding_id(kDelta);
    if (ledger != kDelta) {
      const LedgerId city{"city", ledger.id.substr(ledger.id.find('/') + 1)};
      founding_id = share_founding_id(founding_id, league_.founding_id(city));
    }
    const auto copied = write_evidence(league_.log(), ledger, founding_id, folder, true);
    ASSERT_TRUE(copied) << copied.error().detail;
  }
  std::vector<Doubt> doubts(const std::vector<std::string>& cities) {
    copy(kDelta, folder_.path());
    for (const auto& city : cities) copy(share_ledger("delta", city), folder_.path());
    const auto league = find_doubts(folder_.path(), delta());
    EXPECT_TRUE(league) << league.error().detail;
    if (!league) return {};
    EXPECT_EQ(league->shares.size(), cities.size());
    return league->doubts;
  }

  streams::TempFolder folder_;
};

TEST_F(EvidenceDoubtsTest, OneSideOfAJointActionIsInflated) {
  act_together(120);
  const auto found = doubts({"suzhou", "wuxi"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, Kind::differing);
  EXPECT_EQ(found[0].text,
            "k1 lake of suzhou and wuxi: suzhou tells of 2025-01-01, 120 tonnes, wuxi of "
            "2025-01-01, 12 tonnes");
  EXPECT_FALSE(found[0].is_settled);
  v1::SettleFinding settle;
  settle.set_alliance("delta");
  settle.set_finding(found[0].finding);
  settle.set_reason("Suzhou has counted the mud.");
  league_.must(kDelta, settle);
  league_.settle();
  const auto later = doubts({"suzhou", "wuxi"});
  ASSERT_EQ(later.size(), 1U) << "it is not forgotten";
  EXPECT_TRUE(later[0].is_settled);
}

TEST_F(EvidenceDoubtsTest, TwoHonestAccountsAreNoDoubt) {
  act_together(12);
  EXPECT_TRUE(doubts({"suzhou", "wuxi"}).empty());
}

TEST_F(EvidenceDoubtsTest, AHeartbeatIsWithheld) {
  const auto heard = league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 1));
  ASSERT_TRUE(heard);
  share(1, 1, joined());
  v1::Event word = ratified(1);
  *word.mutable_agreement_ratified()->mutable_agreement() = heard->agreement();
  word.mutable_agreement_ratified()->set_sha256(heard->sha256());
  share(2, 2, word);
  league_.settle();
  league_.env().advance_us(3 * 60 * 1'000'000);
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  auto found = doubts({"wuxi"});
  EXPECT_TRUE(found.empty()) << "Wuxi speaks";
  for (int i = 0; i < 6; ++i) {
    league_.env().advance_us(61 * 1'000'000);
    league_.settle();
  }
  found = doubts({"forged", "suzhou", "wuxi"});
  ASSERT_EQ(found.size(), 1U) << "Wuxi and Suzhou speak";
  EXPECT_EQ(found[0].kind, Kind::silence);
  EXPECT_EQ(found[0].ledger, "share/delta/forged");
  EXPECT_NE(found[0].finding, "") << "the alliance has found it, too";
  EXPECT_NE(found[0].text.find("a heartbeat is due every 60 s"), std::string::npos)
      << found[0].text;
}

TEST_F(EvidenceDoubtsTest, AForkThatAWitnessFoundIsProvedByItsNotes) {
  share(1, 1, joined());
  league_.settle();
  const auto head = tree_.head(1);
  VouchedHead other = head;
  other.root = leaf_hash("another first entry");
  other.tip = sha256("another first entry");
  ASSERT_TRUE(cosign(kWuxi, 0, head));
  ASSERT_FALSE(cosign(kWuxi, 1, other));
  league_.settle();
  const auto found = doubts({});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, Kind::fork);
  EXPECT_EQ(found[0].ledger, "share/delta/forged");
  EXPECT_NE(found[0].text.find(to_hex(other.root)), std::string::npos) << found[0].text;
}

// An alliance can write what it likes into its own ledger; two notes that hold it cannot.
TEST_F(EvidenceDoubtsTest, AForkThatAnAllianceInventsIsNotBorneOutByItsNotes) {
  VouchedTree share(share_ledger("delta", kForged.id), share_of(kForged).founding_id);
  share.add("one");
  auto other = share.head();
  other.root = leaf_hash("another");
  const auto note = [&](const LedgerId& signer, const VouchedHead& head) {
    return note_text(note_of(sign_checkpoint(league_.seed(signer), head)));
  };
  const auto real = note(kForged, share.head());
  const auto told = [&](const std::string& second) {
    v1::Payload payload;
    auto& admitted = *payload.add_events()->mutable_city_admitted();
    admitted.set_city(kForged.id);
    admitted.set_founding_id(to_hex(league_.founding_id(kForged)));
    admitted.set_public_key(league_.public_key(kForged));
    admitted.set_recovery_key(league_.recovery_key(kForged));
    auto& raised = *payload.add_events()->mutable_finding_raised();
    raised.set_finding("f1");
    raised.set_kind(Kind::fork);
    raised.add_cities(kForged.id);
    raised.set_ledger("share/delta/forged");
    raised.add_evidence()->set_note(real);
    raised.add_evidence()->set_note(second);
    streams::EntryWriter writer(league_.founding_id(kDelta), 5);
    VouchedTree tree(kDelta, league_.founding_id(kDelta));
    const auto value = writer.next(payload.SerializeAsString());
    tree.add(value);
    EvidenceWriter alliance(folder_.path(), kDelta);
    EXPECT_TRUE(alliance.begin());
    EXPECT_TRUE(alliance.add(value));
    EXPECT_TRUE(alliance.finish(note_of(sign_checkpoint(league_.seed(kDelta), tree.head())), ""));
    const auto league = find_doubts(folder_.path(), delta());
    return league ? "a fork" : std::string(error_info(league.error().code).name);
  };
  EXPECT_EQ(told(real), "does_not_follow");
  EXPECT_EQ(told(note(kWuxi, other)), "bad_signature");
  EXPECT_EQ(told(note(kForged, other)), "a fork");
}

// Of two sizes: the copy says which of the two is of another history.
TEST_F(EvidenceDoubtsTest, AForkOfTheAllianceIsProvedByTheCopy) {
  const auto head = league_.row(kDelta, kLedgerHeadTable, "");
  ASSERT_TRUE(head);
  const auto report = [&](const std::string& other) {
    auto command = std::make_unique<v1::ReportFork>();
    command->mutable_found()->set_alliance("delta");
    command->mutable_found()->set_ledger(kDelta.text());
    command->mutable_found()->set_cosigned_note(head->note());
    command->mutable_found()->set_other_note(other);
    std::promise<Result<v1::Receipt>> answer;
    league_.keeper(kSuzhou).submit(
        system_command("test", std::move(command)),
        [&](Result<v1::Receipt> receipt) { answer.set_value(std::move(receipt)); });
    ASSERT_TRUE(answer.get_future().get());
    league_.settle();
  };
  const auto origin = read_ledger_note(*parse_note(head->note()))->tree.origin;
  report(note_text(note_of(sign_checkpoint(
      league_.seed(kDelta),
      {head->size() - 1, sha256("another"), leaf_hash("another"), origin}))));
  auto found = doubts({});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, Kind::fork);
  EXPECT_EQ(found[0].ledger, kDelta.text());
  EXPECT_NE(found[0].finding, "");
  EXPECT_NE(found[0].text.find(to_hex(leaf_hash("another"))), std::string::npos) << found[0].text;
}

TEST_F(EvidenceDoubtsTest, AForkShowsWhereTwoReadersCompareTheirCopies) {
  share(1, 1, joined());
  league_.settle();
  const streams::TempFolder others;
  for (const auto& folder : {folder_.path(), others.path()}) {
    copy(share_ledger("delta", kForged.id), folder);
  }
  const auto share_founding = share_of(kForged).founding_id;
  const EvidenceSource source{share_ledger("delta", kForged.id), share_founding,
                              only_key(league_.public_key(kForged))};
  EXPECT_TRUE(check_one_history(folder_.path(), others.path(), source));
  // The others are shown another first entry, by the same key.
  streams::EntryWriter writer(share_founding, 77);
  VouchedTree tree(share_ledger("delta", kForged.id), share_founding);
  v1::Payload payload;
  *payload.add_events() = joined();
  const auto value = writer.next(payload.SerializeAsString());
  tree.add(value);
  EvidenceWriter copy_of_others(others.path(), source.ledger);
  ASSERT_TRUE(copy_of_others.begin());
  ASSERT_TRUE(copy_of_others.add(value));
  const auto note = note_of(sign_checkpoint(league_.seed(kForged), tree.head()));
  ASSERT_TRUE(copy_of_others.finish(note, ""));
  const auto checked = check_one_history(folder_.path(), others.path(), source);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::kForkFound);
  EXPECT_NE(checked.error().detail.find("two histories; of the first 1 entries"),
            std::string::npos)
      << checked.error().detail;
}

TEST_F(EvidenceDoubtsTest, AWitnessForgets) {
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  league_.env().advance_us(10 * 1'000'000);
  league_.settle();
  league_.close();
  league_.restore(kSuzhou, 4);
  league_.open();
  league_.settle();
  league_.must(kWuxi, unit(kWuxi, 2));
  league_.env().advance_us(61 * 1'000'000);
  league_.settle();
  const auto found = doubts({});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].kind, Kind::forgotten);
  EXPECT_NE(found[0].text.find("the witness of suzhou has cosigned "), std::string::npos);
}

}  // namespace
}  // namespace hansa::federation
