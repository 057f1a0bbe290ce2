// Goal:   the envelope alone decides validity, so exactly its form is taken and nothing near it.
// Method: a valid entry is encoded, then every byte, every length and every field is changed.
#include "core/ledger/envelope.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/base/env.h"
#include "core/base/hash.h"
#include "core/ledger/chain.h"

namespace hansa {
namespace {

Envelope some_envelope() {
  SeededEnv env(1, "envelope");
  Envelope envelope;
  envelope.schema_level = 1;
  envelope.founding_id = env.random_id<FoundingId>();
  envelope.seq = 0x0102030405060708;
  envelope.prev = env.random_id<Hash>();
  envelope.base_seq = 0x0001020304050607;
  envelope.base_head = env.random_id<HashHead>();
  envelope.writer = env.random_id<WriterId>();
  envelope.salt = env.random_id<Salt>();
  return envelope;
}

// The layout is stored for ever and read by other cities: it is pinned byte by byte.
TEST(Envelope, LayoutIsTheOneInTheHeader) {
  const Envelope envelope = some_envelope();
  const std::string value = *encode_entry(envelope, "payload");
  ASSERT_EQ(value.size(), kEnvelopeBytes + 7);
  EXPECT_EQ(value.substr(0, 8), std::string("HNSA\x01\x00\x00\x01", 8));
  EXPECT_EQ(value.substr(8, 16), envelope.founding_id.view());
  EXPECT_EQ(value.substr(24, 8), std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8));
  EXPECT_EQ(value.substr(32, 32), envelope.prev.view());
  EXPECT_EQ(value.substr(64, 8), std::string("\x00\x01\x02\x03\x04\x05\x06\x07", 8));
  EXPECT_EQ(value.substr(72, 8), envelope.base_head.view());
  EXPECT_EQ(value.substr(80, 16), envelope.writer.view());
  EXPECT_EQ(value.substr(96, 16), envelope.salt.view());
  EXPECT_EQ(value.substr(112, 4), std::string("\x00\x00\x00\x07", 4));
  EXPECT_EQ(value.substr(116), "payload");
}

TEST(Envelope, DecodesWhatWasEncoded) {
  const bool held = rc::check("decode inverts encode", [](const std::string& payload) {
    Envelope envelope = some_envelope();
    envelope.seq = *rc::gen::arbitrary<Seq>();
    envelope.schema_level = *rc::gen::arbitrary<uint16_t>();
    const auto value = *encode_entry(envelope, payload);
    const auto entry = decode_entry(value);
    RC_ASSERT(entry.has_value());
    RC_ASSERT(entry->payload == payload);
    RC_ASSERT(*encode_entry(entry->envelope, entry->payload) == value);
  });
  EXPECT_TRUE(held);
}

TEST(Envelope, DecodesNothingFromArbitraryBytes) {
  const bool held = rc::check("garbage is void", [](const std::string& bytes) {
    RC_ASSERT(!decode_entry(bytes));
  });
  EXPECT_TRUE(held);
}

TEST(Envelope, EveryOtherLengthIsVoid) {
  const std::string value = *encode_entry(some_envelope(), "payload");
  for (size_t length = 0; length < value.size(); ++length) {
    EXPECT_FALSE(decode_entry(value.substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_entry(value + "x"));
  EXPECT_TRUE(decode_entry(value));
}

TEST(Envelope, MagicVersionAndReservedByteMustMatch) {
  const std::string value = *encode_entry(some_envelope(), "payload");
  for (size_t at = 0; at < 6; ++at) {
    for (int change = 1; change < 256; ++change) {
      std::string changed = value;
      changed[at] = static_cast<char>(changed[at] ^ change);
      EXPECT_FALSE(decode_entry(changed)) << at;
    }
  }
}

TEST(Envelope, PayloadLengthMustMatch) {
  const std::string value = *encode_entry(some_envelope(), "payload");
  for (size_t at = 112; at < 116; ++at) {
    std::string changed = value;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(decode_entry(changed)) << at;
  }
}

// Against a ledger's tip: a flipped bit anywhere makes the record void, or another entry whose hash
// no honest follower names. Nothing changed passes as the original.
TEST(Envelope, EveryFlippedByteIsVoidOrAnotherHash) {
  SeededEnv env(2, "chain");
  const auto founding = env.random_id<FoundingId>();
  Envelope envelope = some_envelope();
  envelope.founding_id = founding;
  envelope.seq = 1;
  envelope.prev = founding_hash(founding);
  envelope.base_seq = 0;
  envelope.base_head = head_of(envelope.prev);
  const std::string value = *encode_entry(envelope, "some payload");
  Chain sound(founding);
  const Hash original = sound.apply(0, value).hash;
  int voids = 0;
  for (size_t at = 0; at < value.size(); ++at) {
    std::string changed = value;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    Chain chain(founding);
    chain.skip_to(1);
    const Verdict verdict = chain.apply(1, changed);
    if (verdict.kind == VerdictKind::kValid) {
      EXPECT_NE(verdict.hash, original) << at;
      EXPECT_TRUE(at >= 80) << "only writer, salt and payload may differ in a valid entry: " << at;
    } else {
      ++voids;
    }
  }
  EXPECT_EQ(voids, 84) << "the first 80 bytes and the payload length";
}

TEST(Envelope, AnEntryIsAtMostItsLimit) {
  const Envelope envelope = some_envelope();
  const std::string longest(kEntryBytesMax - kEnvelopeBytes, 'x');
  auto value = encode_entry(envelope, longest);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->size(), kEntryBytesMax);
  EXPECT_TRUE(decode_entry(*value));
  std::string longer = *value + "x";
  const size_t length = longest.size() + 1;
  for (size_t i = 0; i < 4; ++i) longer[112 + i] = static_cast<char>(length >> (24 - 8 * i));
  EXPECT_FALSE(decode_entry(longer)) << "though its length is stated rightly";
  auto refused = encode_entry(envelope, longest + "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace hansa
