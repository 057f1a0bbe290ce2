// Goal: what a city says has exactly the effect that its standing allows, in order, and what has
// none is written down; a version takes effect at half of the members, not before.
// Method: the tables of core/alliance/README.md are walked cell by cell; quorums of every size.
#include "core/alliance/acts.h"

#include "core/alliance/identity.h"
#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

using Membership = v1::Membership;
using AgreementState = v1::AgreementState;

v1::Agreement closings(const std::string& purpose = "cleaner borders") {
  v1::Agreement terms;
  terms.set_purpose(purpose);
  terms.add_grants()->set_event("CaseClosed");
  terms.mutable_grants(0)->add_fields("case");
  return terms;
}

v1::Event act_joined() {
  v1::Event event;
  event.mutable_alliance_joined()->set_alliance("delta");
  return event;
}

v1::Event act_left() {
  v1::Event event;
  event.mutable_alliance_left()->set_alliance("delta");
  return event;
}

v1::Event act_ratified(uint32_t version, const v1::Agreement& terms = closings()) {
  v1::Event event;
  auto& ratified = *event.mutable_agreement_ratified();
  ratified.set_version(version);
  *ratified.mutable_agreement() = terms;
  ratified.set_sha256(agreement_sha256(terms));
  return event;
}

v1::Event act_revoked(uint32_t version) {
  v1::Event event;
  event.mutable_ratification_revoked()->set_version(version);
  return event;
}

v1::TakeShared words(const std::string& city, const std::vector<v1::Event>& acts) {
  v1::TakeShared command;
  command.set_city(city);
  for (const auto& act : acts) {
    auto& shared = *command.add_acts();
    shared.set_seq(70 + static_cast<Seq>(command.acts_size()));
    *shared.mutable_event() = act;
  }
  return command;
}

class Acts : public TestAlliance {
 public:
  std::string say(const std::string& city, const std::vector<v1::Event>& acts) {
    return send(words(city, acts));
  }
  // Its outcome; of an act without effect, the code.
  std::string say_one(const std::string& city, const v1::Event& act) {
    const auto names = say(city, {act});
    return names == "ActDisregarded" ? last->events[0].act_disregarded().code() : names;
  }

  void propose(const v1::Agreement& terms = closings()) {
    v1::ProposeAgreement command;
    command.set_alliance("delta");
    *command.mutable_agreement() = terms;
    ASSERT_EQ(send(command), "AgreementProposed");
  }

  void admit(int cities) {
    for (int i = 0; i < cities; ++i) {
      const auto digit = static_cast<char>("123456789bcdef"[i]);
      ASSERT_EQ(send(admission("m" + std::to_string(i), digit)), "CityAdmitted");
    }
  }

  const v1::Member& member(const std::string& city) { return *rows.find(kMemberTable, city); }
  AgreementState::Value state(uint32_t version) {
    const auto* row = rows.find(kAgreementTable, big_endian(version));
    return row == nullptr ? AgreementState::unspecified : row->state();
  }
  uint32_t in_force() { return rows.find(kAllianceTable, "")->version_in_force(); }
};

// ---- the tables

v1::Event act_named(const std::string& name) {
  if (name == "AllianceJoined") return act_joined();
  if (name == "AllianceLeft") return act_left();
  if (name == "AgreementRatified") return act_ratified(1);
  EXPECT_EQ(name, "RatificationRevoked");
  return act_revoked(1);
}

// As the column says, with version 1 proposed, and ratified by the city where it may take it back.
void lead_to(Acts& alliance, const std::string& standing, bool ratified) {
  alliance.admit(3);
  alliance.propose();
  if (standing == "none") return;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  if (standing == "admitted") return;
  ASSERT_EQ(alliance.say("wuxi", {act_joined()}), "CityJoined");
  if (ratified) {
    ASSERT_EQ(alliance.say("wuxi", {act_ratified(1)}), "CityRatified");
  }
  if (standing == "suspended") alliance.send(on_city<v1::SuspendCity>("wuxi"));
  if (standing == "expelled") alliance.send(on_city<v1::ExpelCity>("wuxi"));
  if (standing == "withdrawn") alliance.say("wuxi", {act_left()});
}

TEST(ActsTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Act");
  ASSERT_EQ(table.size(), 5U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), 7U);
    for (size_t column = 1; column < 7; ++column) {
      Acts alliance;
      lead_to(alliance, table[0][column], table[row][0] == "RatificationRevoked");
      const auto before = alliance.rows.dump();
      EXPECT_EQ(alliance.say_one("wuxi", act_named(table[row][0])), table[row][column])
          << table[row][0] << " of a city that is " << table[0][column];
      if (!alliance.last) {
        EXPECT_EQ(alliance.rows.dump(), before);
      }
    }
  }
}

void lead_to(Acts& alliance, AgreementState::Value state) {
  if (state == AgreementState::unspecified) return;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  alliance.say("wuxi", {act_joined()});
  alliance.propose();
  v1::DropAgreement drop;
  drop.set_version(1);
  v1::SuspendAgreement suspend;
  suspend.set_version(1);
  v1::RevokeAgreement revoke;
  revoke.set_version(1);
  if (state == AgreementState::dropped) alliance.send(drop);
  if (state == AgreementState::dropped || state == AgreementState::proposed) return;
  ASSERT_EQ(alliance.say("wuxi", {act_ratified(1)}), "CityRatified + AgreementTookEffect");
  if (state == AgreementState::suspended) alliance.send(suspend);
  if (state == AgreementState::revoked) alliance.send(revoke);
  if (state == AgreementState::superseded) {
    alliance.propose();
    alliance.say("wuxi", {act_ratified(2)});
  }
  if (state == AgreementState::expired) {
    v1::Event event;
    event.mutable_agreement_expired()->set_version(1);
    ASSERT_TRUE(evolve_event_of_ledger(alliance.rows, event, {}));
  }
}

std::string command_on_version(Acts& alliance, const std::string& name, uint32_t version = 1) {
  const auto send = [&](auto command) {
    command.set_alliance("delta");
    command.set_version(version);
    return alliance.send(command);
  };
  if (name == "DropAgreement") return send(v1::DropAgreement());
  if (name == "SuspendAgreement") return send(v1::SuspendAgreement());
  if (name == "ResumeAgreement") return send(v1::ResumeAgreement());
  EXPECT_EQ(name, "RevokeAgreement");
  return send(v1::RevokeAgreement());
}

TEST(VersionTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Command | none | proposed");
  ASSERT_EQ(table.size(), 5U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), 9U);
    for (size_t column = 1; column < 9; ++column) {
      AgreementState::Value state = AgreementState::unspecified;
      if (table[0][column] != "none") {
        ASSERT_TRUE(AgreementState::Value_Parse(table[0][column], &state));
      }
      Acts alliance;
      lead_to(alliance, state);
      ASSERT_EQ(alliance.state(1), state) << table[0][column];
      const auto before = alliance.rows.dump();
      EXPECT_EQ(command_on_version(alliance, table[row][0]), table[row][column])
          << table[row][0] << " of a version that is " << table[0][column];
      EXPECT_EQ(alliance.rows.dump() == before, !alliance.last.has_value());
      if (!alliance.last) continue;
      EXPECT_EQ(alliance.last->state, AgreementState::Value_Name(alliance.state(1)));
      const bool held = alliance.state(1) == AgreementState::in_force ||
                        alliance.state(1) == AgreementState::suspended;
      EXPECT_EQ(alliance.in_force(), held ? 1U : 0U) << "a suspended one counts as in force";
    }
  }
}

// ---- acts

TEST(Acts, JoiningLeavingAndJoiningAgain) {
  Acts alliance;
  alliance.admit(1);
  alliance.propose();
  ASSERT_EQ(alliance.say("m0", {act_joined()}), "CityJoined");
  EXPECT_GT(alliance.member("m0").joined_time_us(), 1);
  alliance.say("m0", {act_ratified(1)});
  ASSERT_EQ(alliance.say("m0", {act_left()}), "CityWithdrew");
  EXPECT_EQ(alliance.member("m0").membership(), Membership::withdrawn);
  EXPECT_EQ(alliance.member("m0").joined_time_us(), 0);
  EXPECT_EQ(alliance.member("m0").ratified_size(), 0);
  ASSERT_EQ(alliance.say("m0", {act_joined()}), "CityJoined");
  EXPECT_EQ(alliance.member("m0").membership(), Membership::admitted);
}

TEST(Acts, LeavingEndsNeitherASuspensionNorAnExpulsion) {
  Acts alliance;
  alliance.admit(2);
  for (const auto* city : {"m0", "m1"}) ASSERT_EQ(alliance.say(city, {act_joined()}), "CityJoined");
  alliance.send(on_city<v1::SuspendCity>("m0"));
  alliance.send(on_city<v1::ExpelCity>("m1"));
  for (const auto* city : {"m0", "m1"}) ASSERT_EQ(alliance.say(city, {act_left()}), "CityWithdrew");
  ASSERT_EQ(alliance.say("m0", {act_joined()}), "CityJoined");
  EXPECT_EQ(alliance.member("m0").membership(), Membership::suspended);
  EXPECT_EQ(alliance.member("m1").membership(), Membership::expelled);
  alliance.send(on_city<v1::ReadmitCity>("m1"));
  EXPECT_EQ(alliance.member("m1").joined_time_us(), 0) << "it has to join again itself";
}

TEST(Acts, JoiningEndsNoSuspension) {
  Acts alliance;
  alliance.admit(1);
  ASSERT_EQ(alliance.send(on_city<v1::SuspendCity>("m0")), "CitySuspended");
  ASSERT_EQ(alliance.say("m0", {act_joined()}), "CityJoined");
  EXPECT_EQ(alliance.member("m0").membership(), Membership::suspended);
}

TEST(Acts, SeveralInOneEntrySeeEachOther) {
  Acts alliance;
  alliance.admit(3);
  alliance.propose();
  alliance.say("m1", {act_joined(), act_ratified(1)});
  EXPECT_EQ(alliance.say("m0", {act_joined(), act_ratified(1), act_ratified(1), act_revoked(1),
                                act_revoked(1), act_left(), act_left(), act_joined()}),
            "CityJoined + CityRatified + AgreementTookEffect + ActDisregarded + "
            "CityRevokedRatification + ActDisregarded + CityWithdrew + ActDisregarded + "
            "CityJoined");
  EXPECT_EQ(alliance.in_force(), 1U);
  EXPECT_EQ(alliance.member("m0").membership(), Membership::admitted);
  EXPECT_EQ(alliance.member("m0").ratified_size(), 0);
  EXPECT_EQ(alliance.member("m0").acts_disregarded(), 3U);
}

TEST(Acts, WhatIsNoWordToTheAllianceMakesNothing) {
  Acts alliance;
  alliance.admit(1);
  v1::Event heard;
  heard.mutable_alliance_heard()->mutable_city_expelled()->set_city("m0");
  v1::Event closed;
  closed.mutable_case_closed()->set_case_("c1");
  v1::Event forged;  // only the alliance itself says so
  forged.mutable_city_admitted()->set_city("another");
  EXPECT_EQ(alliance.say("m0", {heard, closed, forged, v1::Event()}), "nothing");
}

TEST(Acts, WhatHasNoEffectIsCountedWithItsReasonAndChangesNothingElse) {
  Acts alliance;
  alliance.admit(2);
  alliance.propose();
  alliance.say("m0", {act_joined()});
  auto before = alliance.rows.dump();
  ASSERT_EQ(alliance.say("m0", {act_ratified(9)}), "ActDisregarded");
  const auto& said = alliance.last->events[0].act_disregarded();
  EXPECT_EQ(said.city(), "m0");
  EXPECT_EQ(said.city_seq(), 71U);
  EXPECT_EQ(said.event(), "AgreementRatified");
  EXPECT_EQ(said.code(), "unknown_agreement");
  EXPECT_FALSE(said.detail().empty());
  EXPECT_EQ(alliance.member("m0").acts_disregarded(), 1U);
  auto& member = alliance.rows.put(kMemberTable, "m0");
  member.clear_acts_disregarded();
  v1::Member was;
  ASSERT_TRUE(was.ParseFromString(before[stored_key(TableId::kMember, "m0")]));
  member.set_changed_time_us(was.changed_time_us());
  EXPECT_EQ(alliance.rows.dump(), before);
}

TEST(Acts, OnlyTheProposedBytesAreRatified) {
  Acts alliance;
  alliance.admit(1);
  alliance.propose();
  alliance.say("m0", {act_joined()});
  EXPECT_EQ(alliance.say_one("m0", act_ratified(1, closings("other"))), "agreement_differs");
  auto forged = act_ratified(1, closings("other"));
  forged.mutable_agreement_ratified()->set_sha256(agreement_sha256(closings()));
  EXPECT_EQ(alliance.say_one("m0", forged), "agreement_differs") << "hash of one, bytes of another";
  auto renamed = act_ratified(1);
  renamed.mutable_agreement_ratified()->set_sha256(agreement_sha256(closings("other")));
  EXPECT_EQ(alliance.say_one("m0", renamed), "agreement_differs");
  EXPECT_EQ(alliance.say_one("m0", act_ratified(2)), "unknown_agreement");
  EXPECT_EQ(alliance.say("m0", {act_ratified(1)}), "CityRatified + AgreementTookEffect");
}

TEST(Acts, AVersionThatCanNoLongerBeInForceIsNotRatified) {
  for (const auto& [state, outcome] : std::vector<std::pair<AgreementState::Value, std::string>>{
           {AgreementState::proposed, "CityRatified + AgreementTookEffect"},
           {AgreementState::dropped, "wrong_state"},
           {AgreementState::in_force, "CityRatified"},
           {AgreementState::suspended, "CityRatified"},
           {AgreementState::superseded, "wrong_state"},
           {AgreementState::revoked, "wrong_state"},
           {AgreementState::expired, "wrong_state"}}) {
    Acts alliance;
    lead_to(alliance, state);
    alliance.admit(1);
    alliance.say("m0", {act_joined()});
    EXPECT_EQ(alliance.say_one("m0", act_ratified(1)), outcome)
        << AgreementState::Value_Name(state);
    const bool now = outcome.ends_with("TookEffect");
    EXPECT_EQ(alliance.state(1), now ? AgreementState::in_force : state);
  }
}

TEST(Acts, AVersionBehindTheOneInForceIsNotRatified) {
  Acts alliance;
  alliance.admit(2);
  alliance.propose();
  alliance.propose();
  alliance.say("m0", {act_joined(), act_ratified(2)});
  ASSERT_EQ(alliance.in_force(), 2U);
  EXPECT_EQ(alliance.state(1), AgreementState::proposed);
  EXPECT_EQ(alliance.say_one("m0", act_ratified(1)), "wrong_state");
}

TEST(Acts, AVersionBehindOneThatNeverWasInForceMayBeRatified) {
  for (const bool is_dropped : {false, true}) {
    Acts alliance;
    alliance.admit(2);
    alliance.propose();
    alliance.propose();
    if (is_dropped) {
      ASSERT_EQ(command_on_version(alliance, "DropAgreement", 2), "AgreementDropped");
    }
    EXPECT_EQ(alliance.say("m0", {act_joined(), act_ratified(1)}),
              "CityJoined + CityRatified + AgreementTookEffect");
  }
}

TEST(Acts, AVersionBehindOneThatWasInForceIsNotRatifiedThoughThatOneHasEnded) {
  Acts alliance;
  alliance.admit(2);
  alliance.propose();
  alliance.say("m0", {act_joined()});
  alliance.say("m1", {act_joined()});
  alliance.propose();
  alliance.say("m1", {act_ratified(2)});
  ASSERT_EQ(alliance.in_force(), 2U);
  ASSERT_EQ(command_on_version(alliance, "RevokeAgreement", 2), "AgreementRevoked");
  ASSERT_EQ(alliance.in_force(), 0U);
  EXPECT_EQ(alliance.say_one("m0", act_ratified(1)), "wrong_state")
      << "cities have forgotten by now what they ratified before version 2";
  alliance.propose();
  EXPECT_EQ(alliance.say("m0", {act_ratified(3)}), "CityRatified + AgreementTookEffect");
}

// ---- quorum

TEST(Quorum, IsReachedExactlyAtHalfOfTheMembers) {
  for (int members = 1; members <= 7; ++members) {
    Acts alliance;
    alliance.admit(members);
    alliance.propose();
    const int needed = (members + 1) / 2;
    for (int i = 0; i < members; ++i) {
      const std::string city = "m" + std::to_string(i);
      const auto names = alliance.say(city, {act_joined(), act_ratified(1)});
      const bool now = i + 1 == needed;
      EXPECT_EQ(names, now ? "CityJoined + CityRatified + AgreementTookEffect"
                           : "CityJoined + CityRatified") << i << " of " << members;
      EXPECT_EQ(alliance.in_force(), i + 1 >= needed ? 1U : 0U);
    }
  }
}

TEST(Quorum, CountsNeitherTheExpelledNorTheWithdrawnNorWhatWasTakenBack) {
  Acts alliance;
  alliance.admit(7);
  alliance.propose();
  for (const char* city : {"m0", "m1", "m2", "m3"}) alliance.say(city, {act_joined()});
  alliance.say("m0", {act_ratified(1)});
  alliance.say("m1", {act_ratified(1), act_revoked(1)});
  alliance.say("m2", {act_ratified(1), act_left()});
  // One of five that are left; m6 is gone as well.
  ASSERT_EQ(alliance.send(on_city<v1::ExpelCity>("m6")), "CityExpelled");
  EXPECT_EQ(alliance.say("m3", {act_ratified(1)}), "CityRatified") << "two of five";
  ASSERT_EQ(alliance.send(on_city<v1::ExpelCity>("m3")), "CityExpelled");
  EXPECT_EQ(alliance.in_force(), 0U) << "only a ratification puts it in force";
  EXPECT_EQ(alliance.say("m1", {act_ratified(1)}), "CityRatified + AgreementTookEffect")
      << "m0 and m1 of m0, m1, m4, m5; what the expelled m3 said does not count";
}

TEST(Quorum, ALaterVersionTakesThePlaceOfTheEarlierOneAlsoOfASuspendedOne) {
  for (const bool held : {false, true}) {
    Acts alliance;
    lead_to(alliance, held ? AgreementState::suspended : AgreementState::in_force);
    alliance.propose();
    EXPECT_EQ(alliance.in_force(), 1U);
    EXPECT_EQ(alliance.say("wuxi", {act_ratified(2)}), "CityRatified + AgreementTookEffect");
    EXPECT_EQ(alliance.state(1), AgreementState::superseded);
    EXPECT_EQ(alliance.state(2), AgreementState::in_force);
    EXPECT_EQ(alliance.in_force(), 2U);
    EXPECT_EQ(command_on_version(alliance, "ResumeAgreement"), "wrong_state");
  }
}

TEST(Quorum, WhatIsTakenBackAfterwardsEndsNothingForTheOthers) {
  Acts alliance;
  lead_to(alliance, AgreementState::in_force);
  EXPECT_EQ(alliance.say("wuxi", {act_revoked(1)}), "CityRevokedRatification");
  EXPECT_EQ(alliance.state(1), AgreementState::in_force);
  EXPECT_EQ(alliance.say("wuxi", {act_left()}), "CityWithdrew");
  EXPECT_EQ(alliance.state(1), AgreementState::in_force);
}

// ---- inputs that cannot be read on

TEST(Input, IsQuarantinedInEveryKindOfLedgerAndReleasedOnce) {
  Acts alliance;
  alliance.admit(1);
  v1::ReleaseInput release;
  release.set_alliance("delta");
  release.set_city("m0");
  release.set_reason("looked into");
  EXPECT_EQ(alliance.send(release), "wrong_state");
  const std::string input = share_ledger("delta", "m0").text();
  EXPECT_EQ(input, "share/delta/m0");
  v1::QuarantineInput quarantine;
  quarantine.mutable_quarantined()->set_input(input);
  quarantine.mutable_quarantined()->set_seq(7);
  quarantine.mutable_quarantined()->set_code("bad_chain");
  alliance.rows.put(kInputTable, input).set_seq(6);
  ASSERT_EQ(alliance.send(quarantine), "InputQuarantined + FindingRaised");
  const auto* row = alliance.rows.find(kInputTable, input);
  EXPECT_EQ(row->quarantined().seq(), 7U);
  EXPECT_EQ(row->quarantined().code(), "bad_chain");
  EXPECT_EQ(row->seq(), 6U) << "how far it was read stays";
  auto other = release;
  other.set_city("m1");
  EXPECT_EQ(alliance.send(other), "wrong_state");
  ASSERT_EQ(alliance.send(release), "InputReleased + FindingSettled");
  EXPECT_FALSE(alliance.rows.find(kInputTable, input)->has_quarantined());
  EXPECT_EQ(alliance.rows.find(kInputTable, input)->seq(), 6U);
  EXPECT_EQ(alliance.send(release), "wrong_state");
  for (const auto kind : {kCityKind, kShareKind}) {
    MapRows rows;
    const DecideContext context{kAdmin, {}, kStart, 1};
    const auto decision = decide_command(kind, rows, quarantine, context);
    ASSERT_EQ(outcome(decision), "InputQuarantined") << kind;
    ASSERT_TRUE(evolve_event_of_ledger(rows, decision->events[0], {}));
    EXPECT_TRUE(rows.find(kInputTable, input)->has_quarantined());
  }
}

TEST(Acts, AreFoldedOnlyForCitiesThatWereAdmitted) {
  MapRows rows;
  std::vector<v1::Event> events(5);
  events[0].mutable_city_joined()->set_city("nowhere");
  events[1].mutable_city_withdrew()->set_city("nowhere");
  events[2].mutable_city_ratified()->set_city("nowhere");
  events[3].mutable_city_revoked_ratification()->set_city("nowhere");
  events[4].mutable_act_disregarded()->set_city("nowhere");
  for (const auto& event : events) {
    const auto evolved = evolve_event_of_ledger(rows, event, {});
    ASSERT_FALSE(evolved);
    EXPECT_EQ(evolved.error().code, Errc::kInternal);
  }
  EXPECT_TRUE(rows.dump().empty());
}

TEST(Acts, WhoWasExpelledBeforeItJoinedHasNothingToLeave) {
  Acts alliance;
  alliance.admit(1);
  ASSERT_EQ(alliance.send(on_city<v1::ExpelCity>("m0")), "CityExpelled");
  EXPECT_EQ(alliance.say_one("m0", act_left()), "wrong_state");
  EXPECT_EQ(alliance.say_one("m0", v1::Event()), "nothing") << "a word that nobody knows here";
}

TEST(Acts, OfManyRatificationsTheNewestAreShown) {
  Acts alliance;
  alliance.admit(1);
  ASSERT_EQ(alliance.say("m0", {act_joined()}), "CityJoined");
  for (uint32_t version = 1; version <= 21; ++version) {
    alliance.propose();
    ASSERT_EQ(alliance.say("m0", {act_ratified(version)}), "CityRatified + AgreementTookEffect");
  }
  const auto& shown = alliance.member("m0").ratified();
  ASSERT_EQ(shown.size(), 20);
  EXPECT_EQ(shown.Get(0), 2U);
  EXPECT_EQ(shown.Get(19), 21U);
}

// ---- who is expected to speak

TEST(Heartbeat, IsExpectedOfWhoMaySpeakByTheAgreementInForceAlone) {
  MapRows nothing;
  EXPECT_EQ(expected_heartbeat_us(nothing, "m0"), 0) << "no alliance";
  Acts alliance;
  const auto expected = [&](const std::string& city) {
    return expected_heartbeat_us(alliance.rows, city);
  };
  alliance.admit(4);
  EXPECT_EQ(expected("m0"), 0) << "no agreement";
  for (const auto* city : {"m0", "m1", "m2"}) alliance.say(city, {act_joined()});
  auto terms = closings();
  alliance.propose(terms);
  EXPECT_EQ(alliance.say("m0", {act_ratified(1)}), "CityRatified");
  EXPECT_EQ(expected("m0"), 0) << "proposed only";
  ASSERT_EQ(alliance.say("m1", {act_ratified(1)}), "CityRatified + AgreementTookEffect");
  EXPECT_EQ(expected("m0"), int64_t{kHeartbeatSDefault} * kSecond);
  EXPECT_EQ(expected("nobody"), 0);
  EXPECT_EQ(expected("m2"), 0) << "it has not ratified";
  EXPECT_EQ(expected("m3"), 0) << "it has not joined";
  alliance.send(on_city<v1::SuspendCity>("m1"));
  EXPECT_EQ(expected("m1"), 0) << "it is suspended";
  EXPECT_NE(expected("m0"), 0) << "whatever becomes of others";
  v1::SuspendAgreement suspend;
  suspend.set_alliance("delta");
  suspend.set_version(1);
  ASSERT_EQ(alliance.send(suspend), "AgreementSuspended");
  EXPECT_EQ(expected("m0"), 0) << "the agreement is suspended";
  terms.set_heartbeat_s(90);
  alliance.propose(terms);
  alliance.say("m0", {act_ratified(2, terms)});
  ASSERT_EQ(alliance.say("m2", {act_ratified(2, terms)}), "CityRatified + AgreementTookEffect");
  EXPECT_EQ(expected("m0"), 90 * kSecond) << "as it says itself";
}

}  // namespace
}  // namespace hansa
