// Goal: a ledger's identity is the same wherever it is read, and one changed digit shows.
// Method: the first test vector of RFC 8032 for the key; files written, read, and spoilt one part
// at a time.
#include "ops/identity.h"

#include <gtest/gtest.h>

#include <set>

#include "ops/files.h"
#include "ops/init.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::ops {
namespace {

using projections::testing::ScratchFolder;

Identity some_identity() {
  return {{"city", "wuxi"}, std::string(32, 'a'), std::string(64, 'b'), std::string(64, 'c')};
}

TEST(Identity, ThePublicKeyIsThatOfTheSeed) {
  const auto seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(public_key_of(*seed),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

TEST(Identity, EveryPartShowsInTheFingerprint) {
  const auto whole = some_identity();
  EXPECT_EQ(fingerprint(whole).size(), 39U);
  std::set<std::string> seen = {fingerprint(whole)};
  auto other = whole;
  other.ledger.id = "wuxj";
  seen.insert(fingerprint(other));
  for (auto Identity::* part :
       {&Identity::founding_id, &Identity::public_key, &Identity::recovery_key}) {
    other = whole;
    (other.*part).back() = 'd';
    seen.insert(fingerprint(other));
  }
  other = whole;
  std::swap(other.public_key, other.recovery_key);
  seen.insert(fingerprint(other));
  EXPECT_EQ(seen.size(), 6U);
}

TEST(Identity, WhatIsReadIsWhatWasWrittenAndWhatIsSpoiltIsNamed) {
  const ScratchFolder folder;
  const auto file = folder.path("identity.json");
  const auto text = identity_json(some_identity());
  ASSERT_TRUE(write_file(file, text));
  const auto read = read_identity(file);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(fingerprint(*read), fingerprint(some_identity()));
  struct Spoilt {
    std::string from, to, named;
  };
  for (const auto& [from, to, named] :
       {Spoilt{"city/wuxi", "town/wuxi", "`ledger`"}, Spoilt{"ledger", "Ledger", "`ledger`"},
        Spoilt{std::string(32, 'a'), std::string(31, 'a'), "`founding_id`"},
        Spoilt{"bb\"", "bx\"", "`public_key`"}, Spoilt{"recovery_key", "key", "`recovery_key`"},
        Spoilt{"{", "[", "`ledger`"}}) {
    auto spoilt = text;
    spoilt.replace(spoilt.find(from), from.size(), to);
    ASSERT_TRUE(write_file(file, spoilt));
    const auto refused = read_identity(file);
    ASSERT_FALSE(refused) << to;
    EXPECT_EQ(refused.error().code, Errc::kBadFile);
    EXPECT_NE(refused.error().detail.find(named), std::string::npos) << refused.error().detail;
  }
  EXPECT_FALSE(read_identity(folder.path("nothing.json")));
}

TEST(Identity, InitNamesWhereTheWitnessAnswers) {
  const ScratchFolder folder;
  SeededEnv env(4, "init");
  const std::string url = "http://wuxi.example:8080/tlog";
  const auto plan = plan_init({"city", "wuxi"}, folder.path("wuxi"), env, url);
  ASSERT_TRUE(plan) << plan.error().detail;
  ASSERT_TRUE(write_init(*plan));
  EXPECT_EQ(read_identity(folder.path("wuxi/identity.json"))->witness_url, url);
  const auto refused = plan_init({"city", "suzhou"}, folder.path("suzhou"), env, "suzhou:80");
  EXPECT_EQ(refused.error().code, Errc::kBadRequest);
}

TEST(Identity, InitWritesItsKeysApartAndNoneOfThemTwice) {
  const ScratchFolder folder;
  SeededEnv env(3, "init");
  const auto plan = plan_init({"city", "wuxi"}, folder.path("wuxi"), env);
  ASSERT_TRUE(plan) << plan.error().detail;
  ASSERT_TRUE(write_init(*plan));
  const auto identity = read_identity(folder.path("wuxi/identity.json"));
  ASSERT_TRUE(identity) << identity.error().detail;
  const auto keys = read_key_file(key_file_name(folder.path("wuxi/data"), identity->ledger));
  ASSERT_TRUE(keys) << keys.error().detail;
  EXPECT_EQ(identity->founding_id, to_hex(keys->founding_id));
  EXPECT_EQ(identity->public_key, public_key_of(keys->signing.first));
  const auto recovery = read_file(folder.path("wuxi/recovery-city-wuxi.key"));
  ASSERT_TRUE(recovery);
  const auto seed = from_hex(recovery->substr(recovery->find("seed: ") + 6, 64));
  ASSERT_TRUE(seed);
  EXPECT_EQ(identity->recovery_key, public_key_of(*seed));
  const auto again = write_init(*plan);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kAlreadyExists);
}

}  // namespace
}  // namespace hansa::ops
