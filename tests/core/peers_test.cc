// Goal: a city knows the members of its alliance as the alliance does, whatever became of them and
// of their keys, whenever it joined. Method: after every change the rows of each city are held
// against the alliance's own, in a league whose clock stands still.
#include "core/city/peers.h"

#include <gtest/gtest.h>

#include "core/alliance/ledger_keys.h"
#include "tests/core/test_league.h"
#include "tests/core/test_log.h"

namespace hansa {
namespace {

std::map<std::string, std::string> members_in(Rows& rows, const std::string& prefix) {
  std::map<std::string, std::string> found;
  rows.scan(TableId::kMember, prefix, prefix + "\xff", [&](std::string_view key, const auto& row) {
    auto member = static_cast<const v1::Member&>(row);
    // What an agreement is ratified by is no concern of another city's.
    member.clear_ratified();
    member.clear_acts_disregarded();
    found[std::string(key.substr(prefix.size()))] = member.SerializeAsString();
    return true;
  });
  return found;
}

void expect_known(TestLeague& league, const std::string& after) {
  league.carry();
  const auto members = members_in(league.alliance.rows, "");
  for (auto& [city, ledger] : league.cities) {
    EXPECT_EQ(members_in(ledger.rows, peer_prefix("delta")), members) << city << " " << after;
  }
  league.check_replay();
}

template <typename Command>
Command about(const std::string& city) {
  Command command;
  command.set_alliance("delta");
  command.set_city(city);
  return command;
}

v1::Event key_event(bool revokes) {
  v1::Event event;
  if (revokes) {
    event.mutable_city_key_revoked()->set_city("wuxi");
    event.mutable_city_key_revoked()->set_public_key(key_of("next"));
    event.mutable_city_key_revoked()->set_last_good_size(12);
  } else {
    event.mutable_city_key_changed()->set_city("wuxi");
    event.mutable_city_key_changed()->set_public_key(key_of("next"));
    event.mutable_city_key_changed()->set_from_size(10);
  }
  return event;
}

TEST(Peers, AreKnownAsTheAllianceKnowsItsMembers) {
  TestLeague league({"shanghai", "suzhou", "wuxi"});
  expect_known(league, "from the beginning");
  league.add_city("changzhou");
  expect_known(league, "behind a fourth");
  EXPECT_EQ(league.send(about<v1::SuspendCity>("suzhou")), "CitySuspended");
  expect_known(league, "behind a suspension");
  EXPECT_EQ(league.send(about<v1::ReinstateCity>("suzhou")), "CityReinstated");
  expect_known(league, "behind its end");
  EXPECT_EQ(league.send(about<v1::ExpelCity>("suzhou")), "CityExpelled");
  expect_known(league, "behind an expulsion");
  EXPECT_EQ(league.send(about<v1::ReadmitCity>("suzhou")), "CityReadmitted");
  expect_known(league, "behind its end");
  v1::LeaveAlliance leave;
  EXPECT_EQ(league.act("shanghai", leave), "AllianceLeft");
  expect_known(league, "behind a leaving");
  const auto* gone = find_peer(league.cities.at("wuxi").rows, "delta", "shanghai");
  ASSERT_NE(gone, nullptr);
  EXPECT_FALSE(is_member(*gone));
}

TEST(Peers, TheirKeysAreKnownForTheirSizes) {
  TestLeague league({"suzhou", "wuxi"});
  const auto first = find_peer(league.cities.at("suzhou").rows, "delta", "wuxi")->public_key();
  for (const bool revokes : {false, true}) {
    ASSERT_EQ(league.hear_event("suzhou", key_event(revokes)), "AllianceHeard");
  }
  const auto* wuxi = find_peer(league.cities.at("suzhou").rows, "delta", "wuxi");
  ASSERT_NE(wuxi, nullptr);
  const auto keys = keys_of(*wuxi);
  EXPECT_EQ(key_for(keys, 9)->public_key(), first);
  EXPECT_EQ(key_for(keys, 10)->public_key(), key_of("next"));
  EXPECT_EQ(key_for(keys, 13), nullptr);
  EXPECT_EQ(find_peer(league.cities.at("suzhou").rows, "bay", "wuxi"), nullptr);
}

// An alliance that contradicts itself must not stop the city that hears it.
TEST(Peers, WhatIsNoMembersBusinessMakesNobodyKnown) {
  v1::Event event;
  EXPECT_FALSE(peer_heard_of(event));
  event.mutable_agreement_took_effect()->set_version(1);
  EXPECT_FALSE(peer_heard_of(event));
  v1::AllianceHeard nothing;
  nothing.set_alliance("delta");
  nothing.mutable_peer_heard();
  MapRows rows;
  EXPECT_TRUE(evolve_peer(rows, nothing, {1, kStart, {}}));
  nothing.mutable_peer_heard()->mutable_city_expelled()->set_city("never-admitted");
  EXPECT_TRUE(evolve_peer(rows, nothing, {2, kStart, {}}));
  EXPECT_TRUE(rows.dump().empty());
}

}  // namespace
}  // namespace hansa
