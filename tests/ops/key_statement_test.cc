// Goal: a change of key is planned once, from a size that is not signed yet, is kept whole in a key
// file that older binaries refuse, and is a statement that whoever records it takes.
// Method: files written, read and spoilt; plans judged by the rules of core; a log whose
// checkpoints the test writes.
#include "ops/key_statement.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "ops/files.h"
#include "ops/init.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"
#include "tests/streams/log_helpers.h"

namespace hansa::ops {
namespace {

using projections::testing::ScratchFolder;

const LedgerId kWuxi{"city", "wuxi"};
const LedgerId kShare = share_ledger("delta", "wuxi");
const LedgerId kOther = share_ledger("river", "wuxi");
const std::string kRecoverySeed(kSeedBytes, 'r');

std::string hex_key(const std::string& seed) { return to_hex(hansa::public_key_of(seed)); }
std::string seed_of(char letter) { return std::string(kSeedBytes, letter); }

KeyFile some_keys() {
  SeededEnv env(7, "keys");
  auto keys = make_keys(env);
  keys.signing.first = seed_of('a');
  return keys;
}

KnownKeys known_of(const KeyFile& keys, const LedgerId& ledger = kShare) {
  return {ledger, to_hex(keys.founding_id), hex_key(kRecoverySeed),
          only_key(hex_key(keys.signing.first)), 0};
}

std::string code_of(const Error& error) { return std::string(error_info(error.code).name); }

TEST(KeyFileChanges, AreKeptInOrderAndReadAgain) {
  const ScratchFolder folder;
  const auto name = folder.path("keys/city-wuxi.key");
  auto keys = some_keys();
  ASSERT_TRUE(write_key_file(name, keys));
  keys.signing.changes = {{kShare, 41, seed_of('b')}, {kOther, 7, seed_of('c')},
                          {kShare, 90, seed_of('d')}};
  ASSERT_TRUE(replace_key_file(name, keys));
  struct stat info;
  ASSERT_EQ(::stat(name.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto read = read_key_file(name);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->founding_id, keys.founding_id);
  EXPECT_EQ(read->ledger_secret, keys.ledger_secret);
  EXPECT_EQ(read->keyring_master, keys.keyring_master);
  EXPECT_EQ(read->signing.first, keys.signing.first);
  ASSERT_EQ(read->signing.changes.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->signing.changes[i].ledger, keys.signing.changes[i].ledger);
    EXPECT_EQ(read->signing.changes[i].from_size, keys.signing.changes[i].from_size);
    EXPECT_EQ(read->signing.changes[i].seed, keys.signing.changes[i].seed);
  }
}

// A binary that knows `name: hexadecimal digits` alone must not sign on with the old key.
TEST(KeyFileChanges, AreNoLineThatAnOlderBinaryWouldPassOver) {
  const ScratchFolder folder;
  const auto name = folder.path("keys/city-wuxi.key");
  auto keys = some_keys();
  keys.signing.changes = {{kShare, 41, seed_of('b')}};
  ASSERT_TRUE(write_key_file(name, keys));
  const auto text = read_file(name);
  ASSERT_TRUE(text);
  const auto line = text->substr(text->find("signing_change"));
  EXPECT_FALSE(from_hex(line.substr(line.find(": ") + 2, line.find('\n') - line.find(": ") - 2)));
}

TEST(KeyFileChanges, AreRefusedWhereTheyAreSpoilt) {
  const ScratchFolder folder;
  const auto name = folder.path("keys/city-wuxi.key");
  ASSERT_TRUE(write_key_file(name, some_keys()));
  const auto whole = read_file(name);
  ASSERT_TRUE(whole);
  const auto unchecked = whole->substr(0, whole->find("check: "));
  const auto seed = to_hex(seed_of('b'));
  for (const auto& line :
       {std::string("share/delta/wuxi 41"), "share/delta/wuxi 0 " + seed,
        "share/delta/wuxi many " + seed, "shore/delta/wuxi 41 " + seed,
        "share/delta/wuxi 41 " + seed.substr(2), "share/delta/wuxi 41 " + seed + " more",
        "share/delta/wuxi -1 " + seed, "share/delta/wuxi 41x " + seed}) {
    ASSERT_TRUE(write_file(name, unchecked + "signing_change: " + line + "\n", 0600));
    const auto refused = read_key_file(name);
    ASSERT_FALSE(refused) << line;
    EXPECT_EQ(refused.error().code, Errc::kBadFile);
    EXPECT_NE(refused.error().detail.find("signing_change: LEDGER SIZE SEED"), std::string::npos)
        << refused.error().detail;
  }
}

TEST(KeyFileBits, NoFlippedOneMakesAnotherSecret) {
  const ScratchFolder folder;
  const auto name = folder.path("keys/city-wuxi.key");
  const auto keys = some_keys();
  ASSERT_TRUE(write_key_file(name, keys));
  const auto whole = read_file(name);
  ASSERT_TRUE(whole);
  for (size_t bit = 0; bit < whole->size() * 8; ++bit) {
    auto text = *whole;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    std::ofstream(name, std::ios::binary | std::ios::trunc) << text;
    const auto read = read_key_file(name);
    if (!read) continue;
    EXPECT_EQ(read->founding_id, keys.founding_id) << bit;
    EXPECT_EQ(read->ledger_secret, keys.ledger_secret) << bit;
    EXPECT_EQ(read->keyring_master, keys.keyring_master) << bit;
    EXPECT_EQ(read->signing.first, keys.signing.first) << bit;
  }
}

TEST(KeyChange, IsPlannedFromTheFirstSizeThatIsNotSigned) {
  const auto plan = plan_change(some_keys(), kShare, 40, 0, seed_of('b'), "");
  ASSERT_TRUE(plan) << plan.error().detail;
  EXPECT_TRUE(plan->is_new);
  EXPECT_EQ(plan->change.from_size, 41U);
  EXPECT_EQ(plan->keys.signing.of(kShare, 40), seed_of('a'));
  EXPECT_EQ(plan->keys.signing.of(kShare, 41), seed_of('b'));
  EXPECT_EQ(plan->keys.signing.of(kOther, 41), seed_of('a')) << "with others nothing changes";
  EXPECT_EQ(plan->change.public_key, hex_key(seed_of('b')));
  const auto taken = check_change(known_of(some_keys()), plan->change);
  ASSERT_TRUE(taken) << taken.error().detail;
  EXPECT_FALSE(*taken) << "signed with the key before";
  EXPECT_FALSE(check_change(known_of(some_keys(), kOther), plan->change));
}

TEST(KeyChange, BeginsLaterWhereItIsToldToAndNeverBeforeWhatIsSigned) {
  EXPECT_EQ(plan_change(some_keys(), kShare, 40, 90, seed_of('b'), "")->change.from_size, 90U);
  EXPECT_EQ(code_of(plan_change(some_keys(), kShare, 40, 40, seed_of('b'), "").error()),
            "wrong_state");
  const auto first = plan_change(some_keys(), kShare, 0, 0, seed_of('b'), "");
  ASSERT_TRUE(first);
  EXPECT_TRUE(check_change(known_of(some_keys()), first->change)) << first->change.from_size;
  KeyFile old = some_keys();
  old.signing.first.clear();
  EXPECT_EQ(code_of(plan_change(old, kShare, 0, 0, seed_of('b'), "").error()), "wrong_state");
}

TEST(KeyChange, ThatHasSignedNothingYetIsSaidAgainAndNotMadeTwice) {
  const auto plan = plan_change(some_keys(), kShare, 40, 0, seed_of('b'), "");
  ASSERT_TRUE(plan);
  const auto again = plan_change(plan->keys, kShare, 40, 0, seed_of('c'), "");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->change.public_key, plan->change.public_key);
  EXPECT_EQ(again->change.signature, plan->change.signature);
  EXPECT_EQ(again->keys.signing.changes.size(), 1U);
  EXPECT_FALSE(plan_change(plan->keys, kShare, 40, 50, seed_of('c'), ""));
  // Once it has signed, the next one is another, and signed with it.
  const auto next = plan_change(plan->keys, kShare, 45, 0, seed_of('c'), "");
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->is_new);
  auto known = known_of(some_keys());
  EXPECT_FALSE(check_change(known, next->change));
  apply_change(known.keys, plan->change.public_key, plan->change.from_size);
  EXPECT_TRUE(check_change(known, next->change));
}

TEST(KeyChange, IsSignedWithTheRecoveryKeyWhereTheOtherIsLost) {
  const auto plan = plan_change(some_keys(), kShare, 40, 0, seed_of('b'), kRecoverySeed);
  ASSERT_TRUE(plan);
  const auto taken = check_change(known_of(some_keys()), plan->change);
  ASSERT_TRUE(taken) << taken.error().detail;
  EXPECT_TRUE(*taken);
}

TEST(KeyEndStatement, IsOfTheNewestKeyOrTheOneNamed) {
  auto plan = plan_change(some_keys(), kShare, 40, 0, seed_of('b'), "");
  ASSERT_TRUE(plan);
  auto known = known_of(some_keys());
  apply_change(known.keys, plan->change.public_key, plan->change.from_size);
  const auto newest = make_end(plan->keys, kShare, {"", 60, true, ""}, kRecoverySeed);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->public_key, hex_key(seed_of('b')));
  const auto by_recovery = check_end(known, *newest);
  ASSERT_TRUE(by_recovery) << by_recovery.error().detail;
  EXPECT_TRUE(*by_recovery);
  const auto first = make_end(plan->keys, kShare, {hex_key(seed_of('a')), 30, true, ""}, "");
  ASSERT_TRUE(first);
  const auto by_key = check_end(known, *first);
  ASSERT_TRUE(by_key) << by_key.error().detail;
  EXPECT_FALSE(*by_key);
}

TEST(RecoverySeed, IsReadFromTheFileOfInitAndOfThisLedgerOnly) {
  const ScratchFolder folder;
  SeededEnv env(3, "init");
  const auto plan = plan_init(kWuxi, folder.path("wuxi"), env);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(write_init(*plan));
  const auto file = folder.path("wuxi/recovery-city-wuxi.key");
  const auto seed = read_recovery_seed(file, kWuxi);
  ASSERT_TRUE(seed) << seed.error().detail;
  EXPECT_EQ(hex_key(*seed), plan->identity.recovery_key);
  EXPECT_EQ(code_of(read_recovery_seed(file, {"city", "suzhou"}).error()), "bad_file");
  EXPECT_EQ(code_of(read_recovery_seed(folder.path("wuxi/identity.json"), kWuxi).error()),
            "bad_file");
}

TEST(SignedSize, IsTheLargestOfTheCheckpoints) {
  const ScratchFolder folder;
  const auto log = *streams::EmbeddedLog::open({.folder = folder.path("log"), .fsync = false});
  EXPECT_EQ(*signed_size(*log, kShare), 0U) << "nothing was written yet";
  streams::EntryWriter writer(*FoundingId::from(std::string(16, 'f')), 1);
  for (const Seq size : {1U, 2U, 4U}) {
    v1::Payload words;
    words.add_events()->mutable_city_joined()->set_city("wuxi");
    v1::Payload checkpoint;
    checkpoint.add_events()->mutable_checkpoint_signed()->set_size(size);
    for (const auto& payload : {words, checkpoint}) {
      streams::append_now(*log, kShare, {writer.next(payload.SerializeAsString())},
                          *log->end(kShare));
    }
  }
  EXPECT_EQ(*signed_size(*log, kShare), 4U);
  EXPECT_EQ(*signed_size(*log, kOther), 0U);
}

}  // namespace
}  // namespace hansa::ops
