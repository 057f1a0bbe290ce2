// Goal: deny by default: only who the schema names may call a method, only in their own cities and
// alliance. Method: the matrix method x role x own, every, other or no city (or alliance) is walked
// and held against the roles in the method's options, read here a second time; credentials are
// tried in every form.
#include "ops/access/access.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/schema.h"

namespace hansa::ops {
namespace {

const LedgerId kWuxi{"city", "wuxi"};

std::vector<v1::Role::Value> all_roles() {
  std::vector<v1::Role::Value> roles;
  const auto* type = v1::Role::Value_descriptor();
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() == 0) continue;
    roles.push_back(static_cast<v1::Role::Value>(type->value(i)->number()));
  }
  return roles;
}

bool names_role(const MethodInfo& method, v1::Role::Value role) {
  const auto& roles = method.rule.roles();
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Principal caller(v1::Role::Value role, std::vector<std::string> cities) {
  Principal principal;
  principal.issuer = "key";
  principal.subject = "someone";
  principal.roles = {role};
  principal.cities = std::move(cities);
  return principal;
}

// What counts in cities counts in no alliance, and the other way round.
Principal caller_at(std::string_view kind, const std::string& place, v1::Role::Value role) {
  const bool is_alliance = kind == kAllianceKind;
  auto principal = caller(role, {});
  principal.alliance = is_alliance ? place : "*";
  const std::string city = is_alliance ? "*" : place;
  if (!city.empty()) principal.cities = {city};
  return principal;
}

ApiKey make_key(const std::string& key, const std::string& id) {
  ApiKey made;
  made.id = id;
  made.sha256 = sha256(key);
  made.principal = caller(v1::Role::dispatcher, {"wuxi"});
  made.principal.subject = id;
  return made;
}

TEST(AccessMatrix, EveryMethodAdmitsItsRolesWhereTheyCountAndNobodyElse) {
  size_t allowed = 0;
  size_t refused = 0;
  for (const auto& method : methods()) {
    const LedgerId ledger{std::string(method.ledger_kind), "own"};
    const bool is_public = names_role(method, v1::Role::public_);
    for (const auto role : all_roles()) {
      for (const std::string place : {"own", "*", "other", ""}) {
        const bool is_there = place == "own" || place == "*";
        const bool expected = is_public || (is_there && names_role(method, role));
        const auto may = permit_caller(method.rule, caller_at(ledger.kind, place, role), ledger);
        EXPECT_EQ(may.has_value(), expected) << method.name << " " << role_name(role) << place;
        if (!may) {
          EXPECT_EQ(may.error().code, Errc::kForbidden);
        }
        ++(expected ? allowed : refused);
      }
    }
  }
  EXPECT_GT(allowed, 100u);
  EXPECT_GT(refused, 1000u);
}

TEST(AccessMatrix, WithoutCredentialsOnlyWhatIsPublic) {
  Access access({}, nullptr, {});
  const auto anonymous = access.authenticate("", "", 1);
  ASSERT_TRUE(anonymous);
  for (const auto& method : methods()) {
    const auto may = permit_caller(method.rule, **anonymous, kWuxi);
    EXPECT_EQ(may.has_value(), names_role(method, v1::Role::public_)) << method.name;
    if (!may) {
      EXPECT_EQ(may.error().code, Errc::kUnauthenticated) << method.name;
    }
    EXPECT_FALSE(may.has_value() && method.is_command) << method.name;
  }
}

TEST(AccessMatrix, EveryMethodHasRoles) {
  for (const auto& method : methods()) EXPECT_GT(method.rule.roles_size(), 0) << method.name;
}

TEST(Credentials, KeysAreTakenInBothHeaders) {
  Access access({make_key("first-key", "a"), make_key("second-key", "b")}, nullptr, {});
  EXPECT_EQ((*access.authenticate("Bearer first-key", "", 1))->subject, "a");
  EXPECT_EQ((*access.authenticate("bearer first-key", "", 1))->subject, "a");
  EXPECT_EQ((*access.authenticate("", "second-key", 1))->subject, "b");
}

TEST(Credentials, WhatIsNoKeyIsRefusedAndNeverAnonymous) {
  Access access({make_key("first-key", "a")}, nullptr, {});
  for (const auto& [authorization, key] :
       std::vector<std::pair<std::string, std::string>>{{"Bearer other", ""},
                                                        {"Basic Zmlyc3Qta2V5", ""},
                                                        {"first-key", ""},
                                                        {"", "First-key"},
                                                        {"Bearer first-key ", ""}}) {
    const auto who = access.authenticate(authorization, key, 1);
    ASSERT_FALSE(who) << authorization << key;
    EXPECT_EQ(who.error().code, Errc::kUnauthenticated);
  }
}

TEST(RateLimit, EachCallerHasOnesOwnAndItFillsAgain) {
  Limits limits;
  limits.requests_per_second_max = 2;
  Access access({make_key("first-key", "a"), make_key("second-key", "b")}, nullptr, limits);
  EXPECT_TRUE(access.authenticate("", "first-key", 1'000'000));
  EXPECT_TRUE(access.authenticate("", "first-key", 1'000'000));
  EXPECT_EQ(access.authenticate("", "first-key", 1'000'000).error().code, Errc::kRateLimited);
  EXPECT_TRUE(access.authenticate("", "second-key", 1'000'000));
  EXPECT_TRUE(access.authenticate("", "first-key", 1'500'000));
  EXPECT_FALSE(access.authenticate("", "first-key", 1'500'000));
}

TEST(RateLimit, OneCityDoesNotUseUpAnothers) {
  Limits limits;
  limits.ledger_requests_per_second_max = 1;
  Access access({}, nullptr, limits);
  EXPECT_TRUE(access.admit(kWuxi, 1'000'000));
  const auto again = access.admit(kWuxi, 1'000'000);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kRateLimited);
  EXPECT_NE(again.error().detail.find("1 requests a second about one city"), std::string::npos);
  EXPECT_TRUE(access.admit({"city", "shanghai"}, 1'000'000));
  EXPECT_TRUE(access.admit(kWuxi, 2'000'000));
}

TEST(RateLimit, AFloodOfNamesForgetsOnlyThoseThatRested) {
  RateLimit limit(1, "from one caller");
  ASSERT_TRUE(limit.take("busy", 1));
  for (size_t i = 0; i < 2 * RateLimit::kNamesMax; ++i) {
    const auto taken = limit.take("name " + std::to_string(i), 2);
    EXPECT_EQ(taken.has_value(), i <= RateLimit::kNamesMax - 1) << i;
  }
  EXPECT_FALSE(limit.take("busy", 3));
  EXPECT_TRUE(limit.take("busy", 1'000'001));
  EXPECT_TRUE(limit.take("a new one", 3'000'000));
}

}  // namespace
}  // namespace hansa::ops
