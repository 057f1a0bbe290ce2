// Goal: a note is read in exactly its format, and a key's signature counts only over exactly its
// text. Method: the example of the specification; round trips; every rule of the format broken
// once; cosignatures against the message written out.
#include "core/evidence/note.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/base/base64.h"
#include "core/base/hash.h"

namespace hansa {
namespace {

constexpr std::string_view kExampleKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view kExampleText = "This is an example message.\n";
constexpr std::string_view kExampleSignature =
    "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mF"
    "XmRKuwHjG1Yu72IneyaQM=\n";

std::string example() {
  return std::string(kExampleText).append("\n").append(kExampleSignature);
}

std::string seed(int number) { return std::string(sha256("key " + std::to_string(number)).view()); }

NoteKey key_of(const std::string& name, int number, NoteKeyType type = NoteKeyType::kEd25519) {
  return {name, type, public_key_of(seed(number))};
}

constexpr auto kCosignature = NoteKeyType::kCosignature;
const std::string kText = "hansa.example/delta\n7\nAAAA\n";

TEST(NoteKey, OfTheSpecificationIsMadeAnew) {
  const auto bytes = *parse_base64("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  const NoteKey key{"example.com/foo", NoteKeyType::kEd25519, *PublicKey::from(bytes.substr(1))};
  EXPECT_EQ(key_id(key), 0x530D903AU);
  EXPECT_EQ(vkey_text(key), kExampleKey);
  EXPECT_EQ(*parse_vkey(kExampleKey), key);
}

TEST(NoteKey, HasAnotherIdPerNameAndType) {
  EXPECT_NE(key_id(key_of("a", 1)), key_id(key_of("b", 1)));
  EXPECT_NE(key_id(key_of("a", 1)), key_id(key_of("a", 2)));
  EXPECT_NE(key_id(key_of("a", 1)), key_id(key_of("a", 1, kCosignature)));
  for (const auto& key : {key_of("a", 1), key_of("hansa.example/delta", 2, kCosignature)}) {
    EXPECT_EQ(*parse_vkey(vkey_text(key)), key);
  }
}

TEST(NoteKey, RefusesEveryOtherText) {
  const auto of_type = [](char type) {
    auto key = key_of("a", 1);
    key.type = static_cast<NoteKeyType>(type);
    return vkey_text(key);
  };
  ASSERT_TRUE(parse_vkey(of_type(4)).has_value());
  for (const std::string& text : std::vector<std::string>{
           "", "a", "a+530d903a", "++", "+530d903a" + std::string(kExampleKey.substr(24)),
           "x" + std::string(kExampleKey),
           std::string(kExampleKey) + "A", std::string(kExampleKey) + "\n",
           std::string(kExampleKey.substr(0, kExampleKey.size() - 4)),
           "example.com/foo+530D903A" + std::string(kExampleKey.substr(24)),
           "example.com/foo+530d903b" + std::string(kExampleKey.substr(24)),
           "example.com/foo+530d903a+", vkey_text(key_of("a b", 1)), vkey_text(key_of("a+b", 1)),
           of_type(0), of_type(2), of_type(5), of_type(6), of_type('\xFF')}) {
    const auto key = parse_vkey(text);
    ASSERT_FALSE(key.has_value()) << text;
    EXPECT_EQ(key.error().code, Errc::kBadRequest);
  }
}

TEST(NoteName, HasNoSpaceOfAnyKindNoPlusAndNoControl) {
  for (const auto* name : {"a", "hansa.example/delta", "\u57CE\u5E02", "a\u2014b", "-"}) {
    EXPECT_TRUE(is_note_name(name)) << name;
  }
  for (const auto* name : {"", "a b", "a+b", "a\tb", "a\nb", "a\x01", "a\u0085", "a\u00A0",
                           "\u1680", "\u2000", "\u2005", "a\u200A", "\u2028", "\u2029", "\u202F",
                           "\u205F", "\u3000", "\xFF", "a\xE2\x80"}) {
    EXPECT_FALSE(is_note_name(name)) << name;
  }
}

TEST(Note, OfTheSpecificationIsReadAndIsSigned) {
  const auto note = parse_note(example());
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->text, kExampleText);
  EXPECT_EQ(note_text(*note), example());
  const auto signed_at = signed_by(*note, *parse_vkey(kExampleKey));
  ASSERT_TRUE(signed_at.has_value());
  EXPECT_EQ(*signed_at, 0);
}

TEST(Note, IsPartedAtItsLastEmptyLine) {
  Note note{"one\n\n\ntwo\n\n", {sign_note("a", seed(1), "one\n\n\ntwo\n\n")}};
  EXPECT_EQ(*parse_note(note_text(note)), note);
  EXPECT_EQ(**signed_by(*parse_note(note_text(note)), key_of("a", 1)), 0);
}

RC_GTEST_PROP(Note, ComesBack, ()) {
  Note note;
  for (const auto& line : *rc::gen::container<std::vector<std::string>>(
           rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~')))) {
    note.text += line + "\n";
  }
  note.text += "end\n";
  const auto count = *rc::gen::inRange(1, 20);
  for (int number = 0; number < count; ++number) {
    note.signatures.push_back({"name-" + std::to_string(number), *rc::gen::arbitrary<uint32_t>(),
                               "x" + *rc::gen::arbitrary<std::string>()});
  }
  const auto read = parse_note(note_text(note));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == note);
}

TEST(Note, IsRefusedWithAnyRuleBroken) {
  const std::string good = example();
  ASSERT_TRUE(parse_note(good).has_value());
  const auto line = std::string(kExampleSignature);
  const auto text = std::string(kExampleText);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto broken = good;
    return broken.replace(broken.find(from), from.size(), to);
  };
  for (const std::string& broken : std::vector<std::string>{
           "", text, line, "\n" + line, text + line, text + "\n", text + "\n\n",
           good.substr(0, good.size() - 1), good + "\n", good + "x", good + text,
           good + "\n" + line + line.substr(0, line.size() - 1), with("\u2014 ", "- "),
           with("\u2014 ", "\u2013 "), with("\u2014 ", "\u2014"), with("\u2014 ", " \u2014 "),
           with("\u2014 ", "\u2014  "), with("foo ", "foo  "), with("foo ", "foo"),
           with("/foo", "+foo"), with("/foo", "\u00A0foo"), with("example.com/foo ", " "),
           with("M=\n", "M\n"), with("M=\n", "N=\n"), with("M=\n", "M==\n"), with("M=\n", "M= \n"),
           with("M=\n", "M=\r\n"), with("Uw2Q", "Uw-Q"), with("message", "mess\tage"),
           with("message", "mess\x01"), with("message", std::string("mess\0age", 8)),
           with("message", "mess\xFF"), with("message", "mess\xC0\x80"),
           text + "\n\u2014 example.com/foo\n", text + "\n\u2014 example.com/foo \n",
           text + "\n\u2014 example.com/foo Uw2QOg==\n"}) {
    const auto note = parse_note(broken);
    ASSERT_FALSE(note.has_value()) << broken;
    EXPECT_EQ(note.error().code, Errc::kBadRequest);
  }
  EXPECT_TRUE(parse_note(text + "\n\u2014 example.com/foo Uw2QOkk=\n").has_value())
      << "one byte behind the key id: a signature of a kind unknown here";
}

TEST(Note, HasLimits) {
  Note note{kText, {}};
  for (size_t i = 0; i < kNoteSignaturesMax; ++i) {
    note.signatures.push_back({"witness-" + std::to_string(i), 7, "x"});
  }
  note.signatures[60] = sign_note("a", seed(1), kText);
  const auto read = parse_note(note_text(note));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(**signed_by(*read, key_of("a", 1)), 0);
  note.signatures.push_back({"one-more", 7, "x"});
  EXPECT_EQ(parse_note(note_text(note)).error().code, Errc::kBadRequest);

  const auto line = example().size() - kExampleText.size();
  const auto of_size = [&](size_t bytes) {
    return std::string(bytes - line - 1, 'x') + "\n\n" + std::string(kExampleSignature);
  };
  EXPECT_TRUE(parse_note(of_size(kNoteBytesMax)).has_value());
  EXPECT_EQ(parse_note(of_size(kNoteBytesMax + 1)).error().code, Errc::kBadRequest);
}

TEST(SignedBy, IgnoresOtherKeysAndRefusesAFalseClaim) {
  Note note{kText, {sign_note("a", seed(1), kText), {"b", 7, "unknown"}}};
  EXPECT_EQ(**signed_by(note, key_of("a", 1)), 0);
  EXPECT_EQ(*signed_by(note, key_of("b", 1)), std::nullopt);
  EXPECT_EQ(*signed_by(note, key_of("a", 2)), std::nullopt);
  EXPECT_EQ(*signed_by(note, key_of("a", 1, kCosignature)), std::nullopt);

  auto other_name = note;
  other_name.signatures[0].name = "c";
  EXPECT_EQ(*signed_by(other_name, key_of("a", 1)), std::nullopt);
  auto other_text = note;
  other_text.text += "x\n";
  EXPECT_EQ(signed_by(other_text, key_of("a", 1)).error().code, Errc::kBadSignature);
  EXPECT_EQ(*signed_by(other_text, key_of("a", 2)), std::nullopt);
  for (const auto& bytes : {std::string(), std::string("short"), std::string(64, 'x'),
                            note.signatures[0].bytes + "x", "x" + note.signatures[0].bytes}) {
    auto forged = note;
    forged.signatures[0].bytes = bytes;
    EXPECT_EQ(signed_by(forged, key_of("a", 1)).error().code, Errc::kBadSignature);
  }
  auto second_is_false = note;
  second_is_false.signatures.push_back({"a", key_id(key_of("a", 1)), std::string(64, 'x')});
  EXPECT_EQ(signed_by(second_is_false, key_of("a", 1)).error().code, Errc::kBadSignature);
}

TEST(SignedBy, KnowsTwoKeysOfOneNameWhileTheyAreExchanged) {
  const Note note{kText, {sign_note("a", seed(1), kText), sign_note("a", seed(2), kText)}};
  const auto read = *parse_note(note_text(note));
  EXPECT_EQ(**signed_by(read, key_of("a", 1)), 0);
  EXPECT_EQ(**signed_by(read, key_of("a", 2)), 0);
  EXPECT_EQ(*signed_by(read, key_of("a", 3)), std::nullopt);
}

TEST(Cosignature, IsOverTimeAndText) {
  const int64_t time_s = 1'700'000'000;
  const auto cosignature = cosign_note("w", seed(1), kText, time_s);
  ASSERT_EQ(cosignature.bytes.size(), 72U);
  EXPECT_EQ(to_hex(cosignature.bytes.substr(0, 8)), "000000006553f100");
  EXPECT_EQ(cosignature.bytes.substr(8),
            sign(seed(1), "cosignature/v1\ntime 1700000000\n" + kText).view());
  EXPECT_EQ(cosignature.key_id, key_id(key_of("w", 1, kCosignature)));
  EXPECT_EQ(**signed_by({kText, {cosignature}}, key_of("w", 1, kCosignature)), time_s);
}

TEST(Cosignature, ClaimsNoOtherTimeTextOrType) {
  const auto key = key_of("w", 1, kCosignature);
  const auto cosignature = cosign_note("w", seed(1), kText, 7);
  const auto refused = [&](const std::string& bytes, const std::string& text = kText) {
    const auto read = signed_by({text, {{"w", key_id(key), bytes}}}, key);
    return !read.has_value() && read.error().code == Errc::kBadSignature;
  };
  ASSERT_FALSE(refused(cosignature.bytes));
  auto later = cosignature.bytes;
  later[7] = 8;
  EXPECT_TRUE(refused(later));
  EXPECT_TRUE(refused(cosignature.bytes, kText + "x\n"));
  EXPECT_TRUE(refused(cosignature.bytes.substr(8)));
  EXPECT_TRUE(refused(cosignature.bytes.substr(0, 7)));
  EXPECT_TRUE(refused(cosignature.bytes + "x"));
  EXPECT_TRUE(refused(std::string(8, '\0') + sign_note("w", seed(1), kText).bytes));
  const std::string past_all_time =
      std::string(8, '\xFF')
          .append(sign(seed(1), "cosignature/v1\ntime 18446744073709551615\n" + kText).view());
  EXPECT_TRUE(refused(past_all_time));
}

TEST(Cosignature, OfSeveralTheLatestCounts) {
  const Note note{kText,
                  {cosign_note("w", seed(1), kText, 7), cosign_note("w", seed(1), kText, 9),
                   cosign_note("w", seed(1), kText, 8), cosign_note("v", seed(2), kText, 10)}};
  EXPECT_EQ(**signed_by(note, key_of("w", 1, kCosignature)), 9);
}

}  // namespace
}  // namespace hansa
