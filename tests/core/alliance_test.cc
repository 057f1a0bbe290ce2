// Goal: a city is a member by what makes it this city, once; its standing changes only as the table
// in core/alliance/README.md says; nothing personal, unknown or wider than said is ever proposed.
// Method: the table is read and walked cell by cell; every field of every event of a city is put
// into a grant of each class.
#include <google/protobuf/text_format.h>

#include <map>

#include "core/alliance/agreement.h"
#include "core/alliance/campaign.h"
#include "core/base/schema.h"
#include "core/city/witness.h"
#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

using Membership = v1::Membership;

std::string send_named(TestAlliance& alliance, const std::string& command) {
  if (command == "AdmitCity") return alliance.send(admission("wuxi", 'a'));
  if (command == "SuspendCity") return alliance.send(on_city<v1::SuspendCity>("wuxi"));
  if (command == "ReinstateCity") return alliance.send(on_city<v1::ReinstateCity>("wuxi"));
  if (command == "ExpelCity") return alliance.send(on_city<v1::ExpelCity>("wuxi"));
  if (command == "ReadmitCity") return alliance.send(on_city<v1::ReadmitCity>("wuxi"));
  return "the test does not know " + command;
}

TEST(AllianceTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Command | none | admitted");
  ASSERT_EQ(table.size(), 6U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      Membership::Value standing = Membership::unspecified;
      if (table[0][column] != "none") {
        ASSERT_TRUE(Membership::Value_Parse(table[0][column], &standing)) << table[0][column];
      }
      TestAlliance alliance;
      alliance.bring("wuxi", standing);
      const auto before = alliance.rows.dump();
      EXPECT_EQ(send_named(alliance, table[row][0]), table[row][column])
          << table[row][0] << " of a city that is " << table[0][column];
      EXPECT_EQ(alliance.rows.dump() == before, !alliance.last.has_value());
      if (!alliance.last) continue;
      EXPECT_EQ(alliance.last->subject_id, "wuxi");
      const auto* member = alliance.rows.find(kMemberTable, "wuxi");
      ASSERT_NE(member, nullptr);
      EXPECT_EQ(alliance.last->state, membership_name(member->membership()));
    }
  }
}

TEST(Alliance, IsFoundedOnceAndBeforeAnythingElse) {
  MapRows rows;
  const Principal who = secretary();
  const DecideContext context{who, {}, kStart, 1};
  EXPECT_EQ(outcome(decide_command(kAllianceKind, rows, admission("wuxi", 'a'), context)),
            "unknown_alliance");
  TestAlliance alliance;
  v1::FoundAlliance again;
  again.set_alliance("delta");
  EXPECT_EQ(alliance.send(again), "already_exists");
}

TEST(Alliance, ACommandOfTheOtherKindOfLedgerIsRefused) {
  TestAlliance alliance;
  v1::FoundCity city;
  city.set_city("wuxi");
  EXPECT_EQ(alliance.send(city), "bad_request");
  TestCity wuxi;
  const DecideContext context{kAdmin, {}, kStart, 1};
  EXPECT_EQ(outcome(decide_command(kCityKind, wuxi.rows, admission("wuxi", 'a'), context)),
            "bad_request");
}

TEST(Alliance, WhatMakesACityThisCityIsHeldByOneMember) {
  TestAlliance alliance;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  const auto second = admission("suzhou", 'b');
  for (const auto* shared : {"founding_id", "public_key", "recovery_key"}) {
    auto copy = second;
    const auto* field = v1::AdmitCity::descriptor()->FindFieldByName(shared);
    const auto* reflection = copy.GetReflection();
    reflection->SetString(&copy, field, reflection->GetString(admission("wuxi", 'a'), field));
    EXPECT_EQ(alliance.send(copy), "already_exists") << shared;
    reflection->SetString(&copy, field, "no key");
    EXPECT_EQ(alliance.send(copy), "bad_request") << shared;
    EXPECT_EQ(alliance.last.error().pointer, std::string("/") + shared);
    const size_t digits = shared == std::string("founding_id") ? 32 : 64;
    reflection->SetString(&copy, field, hex_of('0', digits));
    EXPECT_EQ(alliance.send(copy), "bad_request") << shared << " of zeros";
  }
  auto one_key = second;
  one_key.set_recovery_key(one_key.public_key());
  EXPECT_EQ(alliance.send(one_key), "bad_request");
  EXPECT_EQ(alliance.send(second), "CityAdmitted");
  EXPECT_EQ(alliance.rows.find(kAllianceTable, "")->cities(), 2U);
}

TEST(Alliance, ItAndItsMembersBearTheTitlesThatTheyCameWith) {
  TestAlliance alliance;
  auto command = admission("wuxi", 'a');
  command.mutable_title()->set_en("Wuxi");
  ASSERT_EQ(alliance.send(command), "CityAdmitted");
  EXPECT_EQ(alliance.rows.find(kMemberTable, "wuxi")->title().en(), "Wuxi");
  MapRows rows;
  v1::FoundAlliance found;
  found.set_alliance("delta");
  found.mutable_title()->set_en("The delta");
  const Principal who = secretary();
  const auto decision = decide_command(kAllianceKind, rows, found, {who, {}, kStart, 1});
  ASSERT_EQ(outcome(decision), "AllianceFounded");
  ASSERT_TRUE(evolve_event_of_ledger(rows, decision->events[0], {1, kStart, {}}));
  EXPECT_EQ(rows.find(kAllianceTable, "")->title().en(), "The delta");
}

// An entry that no decision made, as a replaced tail of the log could hold it.
TEST(Alliance, AnEventThatContradictsTheRowsIsNotFolded) {
  TestAlliance alliance;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  for (const char* text : {
           "alliance_founded {}", "city_admitted { city: 'wuxi' }",
           "city_key_changed { city: 'nobody' }", "city_key_revoked { city: 'nobody' }",
           "agreement_proposed { version: 7 }", "agreement_dropped { version: 7 }",
           "agreement_took_effect { version: 7 }", "agreement_expired { version: 7 }",
           "agreement_revoked { version: 7 }", "campaign_proposed { campaign: 'k7' }",
           "city_committed { campaign: 'k7' city: 'wuxi' }", "campaign_closed { campaign: 'k7' }",
           "city_action_recorded { campaign: 'k7' city: 'wuxi' }",
           "joint_action_matched { campaign: 'k7' joint_id: 'j' cities: 'wuxi' }",
           "joint_action_matched { campaign: 'k7' joint_id: 'j' cities: ['a', 'wuxi'] }",
           "city_acknowledged_finding { city: 'wuxi' finding: 'f7' }",
           "finding_settled { finding: 'f7' }", "figure_judged { city: 'wuxi' publication: 'm7' }",
           "handover_taken { cities: ['wuxi', 'a'] handover: 'h7' }",
           "handover_returned { cities: ['wuxi', 'a'] handover: 'h7' }",
           "handover_moved { cities: ['wuxi', 'a'] handover: 'h7' }",
           "member_air_recorded { city: 'nobody' }"}) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    const auto evolved = evolve_event_of_ledger(alliance.rows, event, {9, kStart, {}});
    ASSERT_FALSE(evolved) << text;
    EXPECT_EQ(evolved.error().code, Errc::kInternal) << text;
  }
}

TEST(Alliance, AWitnessHasAKeyOfItsOwn) {
  TestAlliance alliance;
  auto command = admission("wuxi", 'a');
  command.set_witness_key(command.public_key());
  EXPECT_EQ(alliance.send(command), "bad_request");
  EXPECT_EQ(alliance.last.error().pointer, "/witness_key");
  command.set_witness_key(hex_of('a', 63) + "3");
  EXPECT_EQ(alliance.send(command), "CityAdmitted");
}

v1::AdmitCity numbered_admission(int number) {
  auto command = admission("city-" + std::to_string(number), 'a');
  const std::string digits = std::to_string(10'000 + number);
  command.mutable_founding_id()->replace(0, 5, digits);
  command.mutable_public_key()->replace(0, 5, digits);
  command.mutable_recovery_key()->replace(0, 5, digits);
  return command;
}

TEST(Alliance, HasALimitOfMembers) {
  TestAlliance alliance;
  for (int i = 0; i < kMembersMax; ++i) {
    ASSERT_EQ(alliance.send(numbered_admission(i)), "CityAdmitted") << i;
  }
  EXPECT_EQ(alliance.send(admission("one-more", 'c')), "limit_reached");
}

TEST(Alliance, HasNoMoreWitnessesThanANoteCanBearMoreThanHalfOf) {
  TestAlliance alliance;
  const auto with_witness = [](int number) {
    auto command = numbered_admission(number);
    command.set_witness_key(hex_of('e', 64).replace(0, 5, std::to_string(10'000 + number)));
    return command;
  };
  for (int i = 0; i < static_cast<int>(kWitnessesMax); ++i) {
    ASSERT_EQ(alliance.send(with_witness(i)), "CityAdmitted") << i;
  }
  const auto one_more = with_witness(static_cast<int>(kWitnessesMax));
  EXPECT_EQ(alliance.send(one_more), "limit_reached");
  EXPECT_EQ(alliance.last.error().pointer, "/witness_key");
  auto without = one_more;
  without.clear_witness_key();
  EXPECT_EQ(alliance.send(without), "CityAdmitted");
}

// ---- agreements

v1::Grant grant_of(const std::string& event, const std::string& field,
                   v1::DataClass highest = v1::PUBLIC) {
  v1::Grant grant;
  grant.set_event(event);
  grant.add_fields(field);
  grant.set_highest_class(highest);
  return grant;
}

v1::ProposeAgreement proposal(const v1::Grant& grant) {
  v1::ProposeAgreement command;
  command.set_alliance("delta");
  command.mutable_agreement()->set_purpose("cleaner borders");
  *command.mutable_agreement()->add_grants() = grant;
  return command;
}

TEST(Agreement, AsksForNoMoreCosignaturesThanANoteBears) {
  for (const uint32_t wanted : {kQuorumMax, kQuorumMax + 1, UINT32_MAX}) {
    TestAlliance alliance;
    auto command = proposal(grant_of("CaseClosed", "case"));
    command.mutable_agreement()->set_witness_quorum(wanted);
    const bool fits = wanted == kQuorumMax;
    EXPECT_EQ(alliance.send(command), fits ? "AgreementProposed" : "limit_reached") << wanted;
  }
}

// Every leaf of `type`, with the strictest class on the way down, as an own walk finds it.
void collect_leaves(const google::protobuf::Descriptor& type, const std::string& prefix,
                    v1::DataClass above, std::map<std::string, v1::DataClass>& leaves) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto* field = type.field(i);
    const auto own = std::max(above, data_class(*field));
    const std::string name = prefix + field->name();
    if (field->message_type() == nullptr) {
      leaves[name] = own;
    } else {
      collect_leaves(*field->message_type(), name + ".", own, leaves);
    }
  }
}

TEST(Agreement, NoFieldOfAnyEventIsGrantedAboveItsClassAndNothingPersonalEver) {
  size_t walked = 0;
  size_t personal = 0;
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto* event = all->field(i)->message_type();
    if (find_city_event(event->name()) == nullptr) continue;
    std::map<std::string, v1::DataClass> leaves;
    collect_leaves(*event, "", v1::DATA_CLASS_UNSPECIFIED, leaves);
    for (const auto& [name, own] : leaves) {
      for (const auto highest : {v1::PUBLIC, v1::INTERNAL, v1::SENSITIVE, v1::PERSONAL}) {
        const auto granted = granted_fields(grant_of(event->name(), name, highest));
        const bool may = own <= highest && own != v1::PERSONAL && highest != v1::PERSONAL;
        EXPECT_EQ(granted.has_value(), may)
            << event->name() << "." << name << " up to " << v1::DataClass_Name(highest);
        if (!granted) {
          EXPECT_EQ(granted.error().code, Errc::kNotShareable);
        }
        ++walked;
      }
      personal += own == v1::PERSONAL;
    }
  }
  EXPECT_GT(walked, 400U);
  EXPECT_GT(personal, 0U);
}

TEST(Agreement, WhatTheSchemaDoesNotHaveIsNamedWithItsPlace) {
  struct Wrong {
    v1::Grant grant;
    std::string code;
  };
  const std::vector<Wrong> all = {
      {grant_of("CaseForgotten", "case"), "unknown_event"},
      {grant_of("AllianceFounded", "title.en"), "unknown_event"},
      {grant_of("CaseClosed", "colour"), "unknown_event"},
      {grant_of("CaseReported", "place.colour"), "unknown_event"},
      {grant_of("CaseReported", "case.district"), "unknown_event"},
      {grant_of("CaseReported", "place"), "bad_request"},
      {grant_of("CaseReported", "contact.phone", v1::SENSITIVE), "not_shareable"},
      {grant_of("CaseReported", "description"), "not_shareable"},
  };
  for (const auto& [grant, code] : all) {
    TestAlliance alliance;
    EXPECT_EQ(alliance.send(proposal(grant)), code) << grant.ShortDebugString();
    EXPECT_TRUE(alliance.last.error().pointer.starts_with("/agreement/grants/0"));
  }
}

TEST(Agreement, TermsThatContradictThemselvesAreRefused) {
  const auto good = proposal(grant_of("CaseClosed", "case"));
  const auto refused = [&](const auto& spoil, const char* code) {
    auto command = good;
    spoil(*command.mutable_agreement());
    TestAlliance alliance;
    EXPECT_EQ(alliance.send(command), code) << command.ShortDebugString();
  };
  refused([](auto& a) { a.clear_grants(); }, "bad_request");
  refused([](auto& a) { *a.add_grants() = a.grants(0); }, "bad_request");
  refused([](auto& a) { a.mutable_grants(0)->add_fields("case"); }, "bad_request");
  refused([](auto& a) { a.set_heartbeat_s(86'401); }, "bad_request");
  refused([](auto& a) {
    a.set_valid_from_time_us(9);
    a.set_valid_until_time_us(9);
  }, "bad_request");
  for (const char* metric : {"beauty", "beauty@1", "on_time_rate", "on_time_rate@2",
                             "on_time_rate@", "on_time_rate@01", "air_change",
                             "air_change@2", ""}) {
    refused([metric](auto& a) { a.add_metrics()->set_metric(metric); }, "unknown_metric");
  }
  refused([](auto& a) {
    a.add_metrics()->set_metric("on_time_rate@1");
    a.mutable_metrics(0)->add_scopes("moon");
  }, "bad_request");
  refused([](auto& a) {
    a.add_metrics()->set_metric("on_time_rate@1");
    for (int i = 0; i < 2; ++i) a.mutable_metrics(0)->add_scopes("city");
  }, "bad_request");
  refused([](auto& a) {
    while (a.grants_size() <= kGrantsMax) a.add_grants();
  }, "limit_reached");
  refused([](auto& a) {
    for (int i = 0; i <= kGrantsMax; ++i) a.add_metrics();
  }, "limit_reached");
}

TEST(Agreement, AdoptsAFigureByTheVersionOfItsDefinition) {
  for (const char* metric : {"on_time_rate@1", "air_change@1"}) {
    auto command = proposal(grant_of("CaseClosed", "case"));
    auto& grant = *command.mutable_agreement()->add_metrics();
    grant.set_metric(metric);
    grant.add_scopes("city");
    TestAlliance alliance;
    EXPECT_EQ(alliance.send(command), "AgreementProposed") << metric;
  }
}

TEST(Agreement, IsProposedInVersionsOverItsExactBytes) {
  TestAlliance alliance;
  const auto first = proposal(grant_of("CaseClosed", "case"));
  auto second = first;
  second.mutable_agreement()->set_purpose("cleaner borders.");
  ASSERT_EQ(alliance.send(first), "AgreementProposed");
  ASSERT_EQ(alliance.send(second), "AgreementProposed");
  EXPECT_EQ(alliance.last->subject_id, "2");
  const auto* one = alliance.rows.find(kAgreementTable, big_endian(1));
  const auto* two = alliance.rows.find(kAgreementTable, big_endian(2));
  ASSERT_TRUE(one != nullptr && two != nullptr);
  EXPECT_EQ(one->sha256(), to_hex(sha256(first.agreement().SerializeAsString())));
  EXPECT_NE(one->sha256(), two->sha256()) << "one more dot is another agreement";
  EXPECT_EQ(two->state(), v1::AgreementState::proposed);
}

TEST(Agreement, AProposalIsDroppedOnce) {
  TestAlliance alliance;
  ASSERT_EQ(alliance.send(proposal(grant_of("CaseClosed", "case"))), "AgreementProposed");
  v1::DropAgreement drop;
  drop.set_alliance("delta");
  drop.set_version(2);
  EXPECT_EQ(alliance.send(drop), "unknown_agreement");
  drop.set_version(1);
  EXPECT_EQ(alliance.send(drop), "AgreementDropped");
  EXPECT_EQ(alliance.send(drop), "wrong_state");
  EXPECT_EQ(alliance.send(proposal(grant_of("CaseClosed", "case"))), "AgreementProposed");
  EXPECT_EQ(alliance.last->subject_id, "2") << "a version is never used twice";
}

TEST(Agreement, MayNameFiguresAlone) {
  TestAlliance alliance;
  v1::ProposeAgreement command;
  command.set_alliance("delta");
  command.mutable_agreement()->set_purpose("figures");
  auto& named = *command.mutable_agreement()->add_metrics();
  named.set_metric("on_time_rate@1");
  named.add_scopes("city");
  EXPECT_EQ(alliance.send(command), "AgreementProposed");
}

TEST(Alliance, HasALimitOfVersionsAndOfCampaigns) {
  TestAlliance alliance;
  v1::ProposeCampaign campaign;
  campaign.set_alliance("delta");
  campaign.set_commit_by_time_us(kStart + kDay);
  campaign.set_starts_time_us(kStart + kDay);
  campaign.set_ends_time_us(kStart + 2 * kDay);
  auto& row = alliance.rows.put(kAllianceTable, "");
  row.set_agreements(kAgreementsMax - 1);
  row.set_campaigns(kCampaignsMax - 1);
  const auto version = proposal(grant_of("CaseClosed", "case"));
  EXPECT_EQ(alliance.send(version), "AgreementProposed");
  EXPECT_EQ(alliance.send(version), "limit_reached");
  EXPECT_EQ(alliance.send(campaign), "CampaignProposed");
  EXPECT_EQ(alliance.send(campaign), "limit_reached");
}

}  // namespace
}  // namespace hansa
