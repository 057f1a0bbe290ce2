// Goal: a city's word to an alliance is its own, once, and over exact bytes; what it hears changes
// how it stands as declared; it shares by an agreement only where all five conditions hold (law 4).
// Method: every refusal by its code with unchanged rows; every kind of news on every standing; all
// combinations of the conditions.
#include "core/city/affiliation.h"

#include <gtest/gtest.h>

#include "tests/core/affiliated_city.h"

namespace hansa {
namespace {

using Joined = v1::AffiliationState;
using Membership = v1::Membership;
using AgreementState = v1::AgreementState;

v1::Agreement closings(const std::string& purpose = "cleaner borders") {
  v1::Agreement terms;
  terms.set_purpose(purpose);
  terms.add_grants()->set_event("CaseClosed");
  terms.mutable_grants(0)->add_fields("case");
  return terms;
}

// Joined and admitted, with one version proposed.
AffiliatedCity member() {
  AffiliatedCity city;
  EXPECT_EQ(city.send(joining("delta")), "AllianceJoined");
  EXPECT_EQ(city.hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); }),
            "AllianceHeard + AllianceHeard") << "of itself, and of a member";
  city.hear_proposal(closings());
  return city;
}

void refused(AffiliatedCity& city, const google::protobuf::Message& command,
             const std::string& code) {
  const auto before = city.rows.dump();
  EXPECT_EQ(city.send(command), code) << command.ShortDebugString();
  EXPECT_EQ(city.rows.dump(), before);
}

AgreementState::Value heard_state(AffiliatedCity& city, uint32_t version) {
  const auto* row = city.rows.find(kHeardAgreementTable, heard_key("delta", version));
  return row == nullptr ? AgreementState::unspecified : row->state();
}

// ---- joining and leaving

TEST(Affiliation, IsJoinedByKeysThatAreKeys) {
  AffiliatedCity city;
  for (const auto* name : {"founding_id", "public_key", "recovery_key"}) {
    const auto* field = v1::JoinAlliance::descriptor()->FindFieldByName(name);
    const size_t digits = name == std::string("founding_id") ? 32 : 64;
    for (const auto& wrong : {std::string("no key"), std::string(digits, '0'),
                              std::string(digits, 'A'), std::string(digits - 2, 'a')}) {
      auto command = joining("delta");
      command.GetReflection()->SetString(&command, field, wrong);
      refused(city, command, "bad_request");
      EXPECT_EQ(city.last.error().pointer, std::string("/") + name);
    }
  }
  auto one_key = joining("delta");
  one_key.set_recovery_key(one_key.public_key());
  refused(city, one_key, "bad_request");
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  EXPECT_EQ(city.last->state, "joined");
  const auto* row = city.find("delta");
  EXPECT_EQ(row->founding_id(), joining("delta").founding_id());
  EXPECT_EQ(row->public_key(), joining("delta").public_key());
  EXPECT_EQ(row->recovery_key(), joining("delta").recovery_key());
  EXPECT_EQ(row->membership(), Membership::unspecified) << "the alliance has not said so yet";
  refused(city, joining("delta"), "already_exists");
}

TEST(Affiliation, IsJoinedAgainOnlyWhereItIsTheSameAlliance) {
  auto city = member();
  ASSERT_EQ(city.ratify("delta", 1), "AgreementRatified");
  ASSERT_EQ(city.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  EXPECT_EQ(city.find("delta")->ratified_size(), 0) << "leaving takes back what was ratified";
  auto another = joining("delta");
  another.set_founding_id(std::string(32, 'd'));
  refused(city, another, "already_exists");
  EXPECT_EQ(city.last.error().pointer, "/founding_id");
  auto new_key = joining("delta");
  new_key.set_public_key(std::string(64, 'd'));
  ASSERT_EQ(city.send(new_key), "AllianceJoined");
  EXPECT_EQ(city.find("delta")->public_key(), new_key.public_key());
  EXPECT_EQ(city.find("delta")->membership(), Membership::unspecified);
  EXPECT_EQ(city.ratify("delta", 1), "AgreementRatified") << "what was heard is still known";
}

TEST(Affiliation, NothingIsSaidToAnAllianceThatIsNotJoined) {
  AffiliatedCity never;
  auto left = member();
  ASSERT_EQ(left.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  for (auto* city : {&never, &left}) {
    refused(*city, to_alliance<v1::LeaveAlliance>("delta"), "unknown_alliance");
    refused(*city, to_alliance<v1::RatifyAgreement>("delta", 1), "unknown_alliance");
    refused(*city, to_alliance<v1::RevokeRatification>("delta", 1), "unknown_alliance");
  }
  MapRows rows;
  v1::Event event;
  event.mutable_alliance_heard()->set_alliance("delta");
  const auto evolved = evolve_affiliation(rows, event, {});
  ASSERT_TRUE(evolved.has_value());
  EXPECT_FALSE(*evolved) << "news of an alliance that was never joined";
  EXPECT_TRUE(rows.dump().empty());
}

TEST(Affiliation, AlliancesAreLimitedAndOneThatWasLeftMayBeJoinedAgain) {
  AffiliatedCity city;
  for (int i = 0; i < kAffiliationsMax; ++i) {
    ASSERT_EQ(city.send(joining("a" + std::to_string(i))), "AllianceJoined") << i;
  }
  refused(city, joining("one-more"), "limit_reached");
  ASSERT_EQ(city.send(to_alliance<v1::LeaveAlliance>("a3")), "AllianceLeft");
  refused(city, joining("one-more"), "limit_reached");
  EXPECT_EQ(city.send(joining("a3")), "AllianceJoined");
}

TEST(Affiliation, LeavingAndJoiningAgainWashesNobodyClean) {
  using Fill = std::function<void(v1::Event&)>;
  const std::vector<std::pair<Fill, Membership::Value>> all = {
      {[](auto&) {}, Membership::unspecified},
      {[](auto& e) { e.mutable_city_suspended()->set_city("test"); }, Membership::suspended},
      {[](auto& e) { e.mutable_city_expelled()->set_city("test"); }, Membership::expelled}};
  for (const auto& [fill, stays] : all) {
    auto city = member();
    city.hear_one(fill);
    ASSERT_EQ(city.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
    ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
    EXPECT_EQ(city.find("delta")->membership(), stays);
  }
}

TEST(Affiliation, IsChangedByNoEventOfTheCityItself) {
  v1::Affiliation row;
  v1::Event event;
  event.mutable_unit_defined()->set_unit("parks");
  EXPECT_FALSE(apply_to_affiliation(row, event, kStart));
  EXPECT_EQ(row.changed_time_us(), 0);
}

// ---- ratifying

TEST(Ratification, IsOfTheExactBytesThatWereHeard) {
  auto city = member();
  auto command = to_alliance<v1::RatifyAgreement>("delta", 2);
  command.set_sha256(agreement_sha256(closings()));
  refused(city, command, "unknown_agreement");
  command.set_version(1);
  command.set_sha256(agreement_sha256(closings("cleaner borders.")));
  refused(city, command, "agreement_differs");
  command.set_sha256(agreement_sha256(closings()));
  ASSERT_EQ(city.send(command), "AgreementRatified");
  const auto* ratified = find_ratified(*city.find("delta"), 1);
  ASSERT_NE(ratified, nullptr);
  EXPECT_EQ(agreement_sha256(ratified->agreement()), command.sha256());
  EXPECT_EQ(ratified->sha256(), command.sha256());
  refused(city, command, "wrong_state");
}

TEST(Ratification, OfATextWhoseHashTheAllianceMisstatesIsRefused) {
  auto city = member();
  const auto meant = closings("only closures");
  auto wider = closings("only closures");
  wider.mutable_grants(0)->add_fields("with_parent");
  city.hear_one([&](auto& e) {
    auto& proposed = *e.mutable_agreement_proposed();
    proposed.set_version(2);
    *proposed.mutable_agreement() = wider;
    proposed.set_sha256(agreement_sha256(meant));
  });
  auto command = to_alliance<v1::RatifyAgreement>("delta", 2);
  command.set_sha256(agreement_sha256(meant));
  refused(city, command, "agreement_differs");
  command.set_sha256(agreement_sha256(wider));
  refused(city, command, "agreement_differs");
}

TEST(Ratification, OfTermsThatThisBinaryCannotReadIsRefused) {
  auto city = member();
  auto newer = closings();
  auto& grant = *newer.mutable_grants(0);
  grant.GetReflection()->MutableUnknownFields(&grant)->AddVarint(900, 1);
  city.hear_proposal(newer);
  auto command = to_alliance<v1::RatifyAgreement>("delta", city.versions["delta"]);
  command.set_sha256(agreement_sha256(newer));
  refused(city, command, "upgrade_needed");
  auto other = closings();
  other.add_metrics()->set_metric("on_time_rate@2");
  city.hear_proposal(other);
  command = to_alliance<v1::RatifyAgreement>("delta", city.versions["delta"]);
  command.set_sha256(agreement_sha256(other));
  refused(city, command, "upgrade_needed");
}

TEST(Ratification, OfAProposalThatALaterVersionPassedOverIsRefused) {
  auto city = member();
  city.hear_proposal(closings("passed over"));
  const uint32_t passed_over = city.versions["delta"];
  city.bring_in_force(closings("later"));
  EXPECT_EQ(city.ratify("delta", passed_over), "wrong_state");
}

TEST(Affiliation, AQuarantinedAllianceIsReleasedOnceAndWithAReason) {
  auto city = member();
  auto release = to_alliance<v1::ReleaseAlliance>("delta");
  release.set_reason("the alliance restored its ledger");
  refused(city, release, "wrong_state");
  v1::InputQuarantined quarantined;
  quarantined.set_input("alliance/delta");
  *city.rows.put(kInputTable, "alliance/delta").mutable_quarantined() = quarantined;
  ASSERT_EQ(city.send(release), "InputReleased");
  EXPECT_EQ(city.last->events.at(0).input_released().input(), "alliance/delta");
  EXPECT_EQ(city.last->events.at(0).input_released().reason(), release.reason());
}

TEST(Ratification, NeedsAVersionThatCanStillBeInForce) {
  using Fill = std::function<void(v1::Event&)>;
  const Fill took_effect = [](auto& e) { e.mutable_agreement_took_effect()->set_version(1); };
  const Fill second = [](auto& e) { e.mutable_agreement_took_effect()->set_version(2); };
  const Fill second_revoked = [](auto& e) { e.mutable_agreement_revoked()->set_version(2); };
  const Fill dropped = [](auto& e) { e.mutable_agreement_dropped()->set_version(1); };
  const Fill suspended = [](auto& e) { e.mutable_agreement_suspended()->set_version(1); };
  const Fill resumed = [](auto& e) { e.mutable_agreement_resumed()->set_version(1); };
  const Fill revoked = [](auto& e) { e.mutable_agreement_revoked()->set_version(1); };
  const Fill expired = [](auto& e) { e.mutable_agreement_expired()->set_version(1); };
  struct Case {
    std::vector<Fill> news;
    AgreementState::Value state;
    std::string outcome;
  };
  const std::vector<Case> cases = {
      {{}, AgreementState::proposed, "AgreementRatified"},
      {{dropped}, AgreementState::dropped, "wrong_state"},
      {{took_effect}, AgreementState::in_force, "AgreementRatified"},
      {{took_effect, suspended}, AgreementState::suspended, "AgreementRatified"},
      {{took_effect, suspended, resumed}, AgreementState::in_force, "AgreementRatified"},
      {{took_effect, second}, AgreementState::superseded, "wrong_state"},
      {{took_effect, suspended, second}, AgreementState::superseded, "wrong_state"},
      {{took_effect, revoked}, AgreementState::revoked, "wrong_state"},
      {{took_effect, expired}, AgreementState::expired, "wrong_state"},
      {{took_effect, revoked, second}, AgreementState::revoked, "wrong_state"},
      {{second}, AgreementState::proposed, "wrong_state"},
      {{second, second_revoked}, AgreementState::proposed, "wrong_state"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    auto city = member();
    city.hear_proposal(closings());
    city.hear_proposal(closings());
    for (const auto& fill : cases[i].news) ASSERT_EQ(city.hear_one(fill), "AllianceHeard");
    EXPECT_EQ(heard_state(city, 1), cases[i].state) << i;
    EXPECT_EQ(city.ratify("delta", 1), cases[i].outcome) << i;
  }
}

TEST(Ratification, IsTakenBackOnceAndMayBeGivenAgain) {
  auto city = member();
  refused(city, to_alliance<v1::RevokeRatification>("delta", 1), "wrong_state");
  ASSERT_EQ(city.ratify("delta", 1), "AgreementRatified");
  ASSERT_EQ(city.send(to_alliance<v1::RevokeRatification>("delta", 1)), "RatificationRevoked");
  EXPECT_EQ(find_ratified(*city.find("delta"), 1), nullptr);
  refused(city, to_alliance<v1::RevokeRatification>("delta", 1), "wrong_state");
  EXPECT_EQ(city.ratify("delta", 1), "AgreementRatified");
}

TEST(Ratification, OfALaterVersionThatTakesEffectForgetsTheEarlierOnes) {
  auto city = member();
  city.hear_proposal(closings());
  city.hear_proposal(closings());
  for (const uint32_t version : {3U, 1U, 2U}) {
    ASSERT_EQ(city.ratify("delta", version), "AgreementRatified");
  }
  std::vector<uint32_t> versions;
  for (const auto& one : city.find("delta")->ratified()) versions.push_back(one.version());
  EXPECT_EQ(versions, (std::vector<uint32_t>{1, 2, 3})) << "ascending, however they came";
  city.hear_one([](auto& e) { e.mutable_agreement_took_effect()->set_version(2); });
  ASSERT_EQ(city.find("delta")->ratified_size(), 2);
  EXPECT_EQ(city.find("delta")->ratified(0).version(), 2U);
  refused(city, to_alliance<v1::RevokeRatification>("delta", 1), "wrong_state");
}

TEST(Ratification, HasALimitUntilALaterVersionTakesEffect) {
  auto city = member();
  for (uint32_t version = 1; version <= kRatifiedMax; ++version) {
    ASSERT_EQ(city.ratify("delta", version), "AgreementRatified");
    city.hear_proposal(closings());
  }
  EXPECT_EQ(city.ratify("delta", kRatifiedMax + 1), "limit_reached");
  city.hear_one([](auto& e) { e.mutable_agreement_took_effect()->set_version(2); });
  EXPECT_EQ(city.ratify("delta", kRatifiedMax + 1), "AgreementRatified");
}

// ---- hearing

TEST(Heard, WhatBecomesOfAnotherCityChangesNothingForThisOne) {
  auto city = member();
  const auto before = *city.find("delta");
  v1::Event other;
  other.mutable_city_expelled()->set_city("another");
  EXPECT_EQ(city.hear("delta", {other}), "AllianceHeard") << "it witnesses for it no more";
  EXPECT_TRUE(city.last->events[0].alliance_heard().has_peer_heard());
  EXPECT_EQ(city.find("delta")->SerializeAsString(), before.SerializeAsString());
}

TEST(Heard, NewsOfOtherCitiesAndOfNothingThatConcernsACityIsLeftOut) {
  auto city = member();
  const auto before = city.rows.dump();
  v1::Event other;
  other.mutable_city_ratified()->set_city("another");
  v1::Event founded;
  founded.mutable_alliance_founded();
  v1::Event ratified;
  ratified.mutable_city_ratified()->set_city("test");
  EXPECT_EQ(city.hear("delta", {other, founded, ratified, v1::Event()}), "nothing");
  EXPECT_EQ(city.rows.dump(), before);
  v1::Event own;
  own.mutable_city_expelled()->set_city("test");
  EXPECT_EQ(city.hear("delta", {other, own, founded}), "AllianceHeard + AllianceHeard");
  EXPECT_TRUE(city.last->events[0].alliance_heard().has_peer_heard());
  const auto& heard = city.last->events[1].alliance_heard();
  EXPECT_EQ(heard.alliance(), "delta");
  EXPECT_EQ(heard.alliance_seq(), city.alliance_seq - 1);
  EXPECT_EQ(city.find("delta")->alliance_seq(), city.alliance_seq - 1);
  EXPECT_EQ(city.find("delta")->membership(), Membership::expelled);
}

TEST(Heard, EachKindOfNewsSetsTheMembershipFromEveryOther) {
  using Fill = std::function<void(v1::Event&)>;
  struct News {
    Fill fill;
    Membership::Value becomes;
  };
  const std::vector<News> all = {
      {[](auto& e) { e.mutable_city_joined()->set_city("test"); }, Membership::admitted},
      {[](auto& e) { e.mutable_city_withdrew()->set_city("test"); }, Membership::withdrawn},
      {[](auto& e) { e.mutable_city_suspended()->set_city("test"); }, Membership::suspended},
      {[](auto& e) { e.mutable_city_reinstated()->set_city("test"); }, Membership::admitted},
      {[](auto& e) { e.mutable_city_expelled()->set_city("test"); }, Membership::expelled},
      {[](auto& e) { e.mutable_city_readmitted()->set_city("test"); }, Membership::admitted},
  };
  for (const auto& first : all) {
    for (const auto& second : all) {
      auto city = member();
      city.hear_one(first.fill);
      EXPECT_EQ(city.find("delta")->membership(), first.becomes);
      city.hear_one(second.fill);
      v1::Event event;
      second.fill(event);
      // Joining does not end a suspension; leaving ends neither it nor an expulsion.
      const bool stays =
          (event.has_city_joined() && first.becomes == Membership::suspended) ||
          (event.has_city_withdrew() && first.becomes != Membership::admitted);
      EXPECT_EQ(city.find("delta")->membership(), stays ? first.becomes : second.becomes);
    }
  }
}

TEST(Heard, ACitySuspendedBeforeItJoinedIsNotAMemberByJoining) {
  AffiliatedCity city;
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  city.hear_one([](auto& e) { e.mutable_city_suspended()->set_city("test"); });
  city.hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); });
  city.hear_proposal(closings());
  city.ratify("delta", 1);
  city.hear_one([](auto& e) { e.mutable_agreement_took_effect()->set_version(1); });
  EXPECT_EQ(city.find("delta")->membership(), Membership::suspended);
  EXPECT_EQ(agreement_in_effect(*city.find("delta")), nullptr);
  city.hear_one([](auto& e) { e.mutable_city_reinstated()->set_city("test"); });
  EXPECT_NE(agreement_in_effect(*city.find("delta")), nullptr);
}

TEST(Heard, NobodyGetsRidOfASuspensionByLeavingAndComingBack) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.hear_one([](auto& e) { e.mutable_city_suspended()->set_city("test"); });
  v1::LeaveAlliance leave;
  leave.set_alliance("delta");
  ASSERT_EQ(city.send(leave), "AllianceLeft");
  city.hear_one([](auto& e) { e.mutable_city_withdrew()->set_city("test"); });
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  city.hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); });
  EXPECT_EQ(city.find("delta")->membership(), Membership::suspended);
}

TEST(Heard, ALaterVersionTakesEffectAlsoWhileTheOneBeforeIsSuspended) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.hear_one([](auto& e) { e.mutable_agreement_suspended()->set_version(1); });
  EXPECT_EQ(agreement_in_effect(*city.find("delta")), nullptr);
  EXPECT_EQ(city.find("delta")->version_in_force(), 1U) << "a suspended one counts as in force";
  city.bring_in_force(closings());
  ASSERT_NE(agreement_in_effect(*city.find("delta")), nullptr);
  EXPECT_EQ(agreement_in_effect(*city.find("delta"))->version(), 2U);
  EXPECT_EQ(heard_state(city, 1), AgreementState::superseded);
  city.hear_one([](auto& e) { e.mutable_agreement_suspended()->set_version(2); });
  city.hear_one([](auto& e) { e.mutable_agreement_revoked()->set_version(2); });
  EXPECT_EQ(city.find("delta")->version_in_force(), 0U);
  EXPECT_FALSE(city.find("delta")->agreement_suspended()) << "there is nothing to hold";
}

TEST(Heard, ACityThatJoinsAgainIsNotInUntilTheAllianceSaysSoAndItRatifiesAnew) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  ASSERT_NE(agreement_in_effect(*city.find("delta")), nullptr);
  ASSERT_EQ(city.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  EXPECT_EQ(agreement_in_effect(*city.find("delta")), nullptr);
  city.hear_one([](auto& e) { e.mutable_city_withdrew()->set_city("test"); });
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  ASSERT_EQ(city.ratify("delta", 1), "AgreementRatified");
  EXPECT_EQ(agreement_in_effect(*city.find("delta")), nullptr) << "not admitted again";
  city.hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); });
  EXPECT_NE(agreement_in_effect(*city.find("delta")), nullptr);
  ASSERT_EQ(city.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  city.hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); });
  EXPECT_EQ(agreement_in_effect(*city.find("delta")), nullptr) << "not ratified again";
}

// ---- the five conditions

TEST(AgreementInEffect, NeedsAllFiveConditions) {
  for (int missing = 0; missing < 32; ++missing) {
    v1::Affiliation row;
    row.set_state((missing & 1) != 0 ? Joined::left : Joined::joined);
    row.set_membership((missing & 2) != 0 ? Membership::suspended : Membership::admitted);
    row.set_agreement_suspended((missing & 4) != 0);
    row.set_version_in_force((missing & 8) != 0 ? 0 : 2);
    row.add_ratified()->set_version(1);
    if ((missing & 16) == 0) row.add_ratified()->set_version(2);
    const auto* found = agreement_in_effect(row);
    EXPECT_EQ(found != nullptr, missing == 0) << missing;
    if (found == nullptr) continue;
    EXPECT_EQ(found->version(), 2U);
  }
  v1::Affiliation row;
  EXPECT_EQ(agreement_in_effect(row), nullptr);
  row.set_state(Joined::joined);
  row.set_version_in_force(1);
  row.add_ratified()->set_version(1);
  for (const auto other : {Membership::unspecified, Membership::suspended, Membership::expelled,
                           Membership::withdrawn}) {
    row.set_membership(other);
    EXPECT_EQ(agreement_in_effect(row), nullptr) << Membership::Value_Name(other);
  }
}

}  // namespace
}  // namespace hansa
