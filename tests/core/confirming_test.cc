// Goal: it is known whose witnesses confirmed an alliance's ledger last, whatever its members do
// behind that, and nothing is confirmed by members who are none any more at its size.
// Method: an alliance in memory, whose confirmations the test records.
#include "core/alliance/confirming.h"

#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

class ConfirmingTest : public ::testing::Test {
 protected:
  // With a witness, and joined.
  void bring(const std::string& city, char digit) {
    auto command = admission(city, digit);
    command.set_witness_key(hex_of(digit, 63) + "3");
    ASSERT_EQ(alliance_.send(command), "CityAdmitted");
    v1::TakeShared words;
    words.set_city(city);
    words.add_acts()->mutable_event()->mutable_alliance_joined()->set_alliance("delta");
    ASSERT_EQ(alliance_.send(words), "CityJoined");
  }
  void confirm() {
    v1::Event event;
    event.mutable_checkpoint_confirmed()->set_size(alliance_.seq);
    ASSERT_TRUE(evolve_event_of_ledger(alliance_.rows, event, {alliance_.seq + 1, kStart, {}}));
  }
  std::string refused(Seq size) {
    v1::ConfirmCheckpoint command;
    command.mutable_confirmed()->set_size(size);
    const auto checked = check_members_stand(alliance_.rows, command);
    return checked ? "" : std::string(error_info(checked.error().code).name);
  }
  std::string known() {
    const auto* row = alliance_.rows.find(kConfirmingMembersTable, "");
    std::string cities;
    if (row == nullptr) return "none";
    for (const auto& member : row->members()) cities += member.city() + " ";
    return cities;
  }

  TestAlliance alliance_;
};

TEST_F(ConfirmingTest, TheyAreThoseOfTheSizeThatWasConfirmedLast) {
  bring("wuxi", 'a');
  bring("suzhou", 'b');
  EXPECT_EQ(known(), "") << "nothing was confirmed yet";
  confirm();
  EXPECT_EQ(known(), "suzhou wuxi ");
  ASSERT_EQ(alliance_.send(on_city<v1::ExpelCity>("wuxi")), "CityExpelled");
  bring("puppet", 'c');
  EXPECT_EQ(known(), "suzhou wuxi ") << "whatever came behind it";
  confirm();
  EXPECT_EQ(known(), "puppet suzhou ");
}

TEST_F(ConfirmingTest, WhoHasNoWitnessIsNoneOfThem) {
  bring("wuxi", 'a');
  ASSERT_EQ(alliance_.send(admission("jiaxing", 'b')), "CityAdmitted");
  v1::TakeShared words;
  words.set_city("jiaxing");
  words.add_acts()->mutable_event()->mutable_alliance_joined()->set_alliance("delta");
  ASSERT_EQ(alliance_.send(words), "CityJoined");
  confirm();
  EXPECT_EQ(known(), "wuxi ");
}

TEST_F(ConfirmingTest, ASizeBeforeAChangeOfMembersIsConfirmedNoMore) {
  EXPECT_EQ(refused(1), "") << "nobody was a member";
  bring("wuxi", 'a');
  const Seq changed = alliance_.seq;
  EXPECT_EQ(refused(changed - 1), "wrong_state");
  EXPECT_EQ(refused(changed), "");
  confirm();
  v1::ProposeAgreement proposal;
  proposal.set_alliance("delta");
  proposal.mutable_agreement()->set_purpose("nothing about members");
  proposal.mutable_agreement()->add_grants()->set_event("CaseClosed");
  proposal.mutable_agreement()->mutable_grants(0)->add_fields("case");
  ASSERT_EQ(alliance_.send(proposal), "AgreementProposed");
  EXPECT_EQ(refused(changed), "") << "what does not change them is no matter";
}

TEST_F(ConfirmingTest, ALedgerWithoutMembersKeepsNothing) {
  confirm();
  EXPECT_EQ(known(), "none");
}

TEST_F(ConfirmingTest, WhatIsKnownIsNotGatheredAgainBeforeAMemberChanges) {
  bring("wuxi", 'a');
  confirm();
  const auto kept = alliance_.rows.find(kConfirmingMembersTable, "")->SerializeAsString();
  alliance_.rows.put(kMemberTable, "wuxi").add_ratified(1);
  confirm();
  EXPECT_EQ(alliance_.rows.find(kConfirmingMembersTable, "")->SerializeAsString(), kept);
}

}  // namespace
}  // namespace hansa
