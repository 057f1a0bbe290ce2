// Goal: what this process remembers never makes a signature good that is not. Method: one is found
// good, then every byte of what it depends on is changed in turn; the memory is filled over its
// limit, and asked by several threads at once.
#include "federation/verified.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/base/hash.h"

namespace hansa::federation {
namespace {

const std::string kSeed(kSeedBytes, 's');
const std::string kText = "hansa.example/delta\n7\nAAAA\n";

Hash fact(size_t number) { return sha256(std::to_string(number)); }

TEST(Verified, AChangedByteOfKeyTextOrSignatureIsBadAfterASuccess) {
  const auto key = public_key_of(kSeed);
  const auto signature = sign(kSeed, kText);
  for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(is_signed_as_known(key, kText, signature));
  for (size_t i = 0; i < key.bytes.size(); ++i) {
    auto changed = key;
    changed.bytes[i] ^= 1;
    EXPECT_FALSE(is_signed_as_known(changed, kText, signature)) << "byte " << i << " of the key";
  }
  for (size_t i = 0; i < signature.bytes.size(); ++i) {
    auto changed = signature;
    changed.bytes[i] ^= 1;
    EXPECT_FALSE(is_signed_as_known(key, kText, changed)) << "byte " << i << " of the signature";
  }
  for (size_t i = 0; i < kText.size(); ++i) {
    auto changed = kText;
    changed[i] ^= 1;
    EXPECT_FALSE(is_signed_as_known(key, changed, signature)) << "byte " << i << " of the text";
  }
  EXPECT_FALSE(is_signed_as_known(key, kText + "\n", signature));
  EXPECT_FALSE(is_signed_as_known(key, "", signature));
  EXPECT_TRUE(is_signed_as_known(key, kText, signature));
}

TEST(Verified, AChangedByteOfACosignatureIsBadAfterASuccess) {
  const NoteKey key{"w", NoteKeyType::kCosignature, public_key_of(kSeed)};
  const Note note{kText, {{"log", 7, "x"}, cosign_note("w", kSeed, kText, 1'700'000'000)}};
  for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(has_cosigned(note, key));
  for (size_t i = 0; i < note.signatures[1].bytes.size(); ++i) {
    auto changed = note;
    changed.signatures[1].bytes[i] ^= 1;
    EXPECT_FALSE(has_cosigned(changed, key)) << "byte " << i << " of time and signature";
  }
  for (size_t i = 0; i < kText.size(); ++i) {
    auto changed = note;
    changed.text[i] ^= 1;
    EXPECT_FALSE(has_cosigned(changed, key)) << "byte " << i << " of the text";
  }
  auto changed = note;
  changed.signatures[1].key_id ^= 1;
  EXPECT_FALSE(has_cosigned(changed, key)) << "that of another key";
  changed = note;
  changed.signatures.pop_back();
  EXPECT_FALSE(has_cosigned(changed, key)) << "none at all";
  changed = note;
  changed.signatures.push_back(note.signatures[1]);
  changed.signatures.back().bytes.back() ^= 1;
  EXPECT_FALSE(has_cosigned(changed, key)) << "a second one that does not hold spoils the note";
  for (const NoteKey& other : std::vector<NoteKey>{
           {"v", key.type, key.public_key},
           {"w", NoteKeyType::kEd25519, key.public_key},
           {"w", key.type, public_key_of(std::string(kSeedBytes, 'o'))}}) {
    EXPECT_FALSE(has_cosigned(note, other)) << vkey_text(other);
  }
  EXPECT_TRUE(has_cosigned(note, key));
}

TEST(Verified, WhatWasBadIsReckonedAgainAndWhatIsGoodIsNotForgottenForIt) {
  const auto key = public_key_of(kSeed);
  const auto signature = sign(kSeed, "to come");
  EXPECT_FALSE(is_signed_as_known(key, "before", signature));
  EXPECT_FALSE(is_signed_as_known(key, "before", signature));
  EXPECT_TRUE(is_signed_as_known(key, "to come", signature));
}

TEST(VerifiedFacts, TheNewestHalfIsAlwaysThereAndTheLimitHolds) {
  constexpr size_t kMax = 20;
  VerifiedFacts facts(kMax);
  for (size_t number = 0; number < 1'000; ++number) {
    EXPECT_FALSE(facts.knows(fact(number)));
    facts.add(fact(number));
    EXPECT_LE(facts.size(), kMax);
    for (size_t back = 0; back < std::min(number + 1, kMax / 2); ++back) {
      ASSERT_TRUE(facts.knows(fact(number - back))) << number << " " << back;
    }
  }
  EXPECT_FALSE(facts.knows(fact(0)));
}

TEST(Verified, ManyThreadsAtOnceAreAnsweredAsOneIs) {
  const auto key = public_key_of(kSeed);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&key] {
      for (int i = 0; i < 200; ++i) {
        const auto text = "text " + std::to_string(i % 20);
        const auto signature = sign(kSeed, text);
        EXPECT_TRUE(is_signed_as_known(key, text, signature));
        EXPECT_FALSE(is_signed_as_known(key, text + "!", signature));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace hansa::federation
