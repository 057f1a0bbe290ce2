// Goal: checkpoints, proof files and bundles are read in exactly their format, and a proof file
// proves its value and no other. Method: round trips; every line left out, doubled or changed.
#include "core/evidence/proof_file.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/base/base64.h"
#include "core/base/hash.h"
#include "core/evidence/entry_bundle.h"
#include "core/evidence/lines.h"
#include "tests/core/merkle_reference.h"

namespace hansa {
namespace {

const std::string kOrigin = "hansa.example/delta";
const std::string kRoot = "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=";

std::string seed() { return std::string(sha256("the log's seed").view()); }
NoteKey log_key() { return {kOrigin, NoteKeyType::kEd25519, public_key_of(seed())}; }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (const auto line = take_line(text)) lines.emplace_back(*line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// Value 5 of 12.
ProofFile proof_of_five() {
  MerkleReference tree;
  const auto text = checkpoint_text({kOrigin, 12, tree.root(0, 12), {}});
  return {"seen in Suzhou", 5, *inclusion_proof(5, 12, tree.tiles(12)),
          Note{text, {sign_note(kOrigin, seed(), text)}}};
}

Errc code_of(const ProofFile& proof, const std::string& value, const NoteKey& key = log_key()) {
  const auto checked = check_proof(proof, value, key);
  return checked.has_value() ? Errc::kInternal : checked.error().code;
}

TEST(Checkpoint, ComesBackWithItsExtensionLines) {
  const std::string text = kOrigin + "\n1234\n" + kRoot + "\nfirst extension\nsecond\n";
  const auto checkpoint = parse_checkpoint(text);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(*checkpoint,
            (TreeCheckpoint{kOrigin, 1234, leaf_hash(""), {"first extension", "second"}}));
  EXPECT_EQ(checkpoint_text(*checkpoint), text);
  EXPECT_EQ(checkpoint_text({"a", 0, TreeFrontier().root(), {}}),
            "a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
}

TEST(Checkpoint, RefusesEveryOtherText) {
  const auto with_size = [](const std::string& size) {
    return kOrigin + "\n" + size + "\n" + kRoot + "\n";
  };
  ASSERT_TRUE(parse_checkpoint(with_size("18446744073709551615")).has_value());
  ASSERT_TRUE(parse_checkpoint(with_size("0")).has_value());
  for (const std::string& text : std::vector<std::string>{
           "", "\n", kOrigin, kOrigin + "\n", kOrigin + "\n7", kOrigin + "\n7\n",
           kOrigin + "\n7\n" + kRoot, "\n7\n" + kRoot + "\n", with_size(""), with_size("07"),
           with_size("00"), with_size("+7"), with_size("-7"), with_size(" 7"), with_size("7 "),
           with_size("0x7"), with_size("18446744073709551616"), kOrigin + "\n7\n\n",
           kOrigin + "\n7\n" + kRoot.substr(4) + "\n", kOrigin + "\n7\n " + kRoot + "\n",
           kOrigin + "\n7\n" + kRoot.substr(0, 43) + "\n", with_size("7") + "\n",
           with_size("7") + "extension", with_size("7") + "one\n\ntwo\n"}) {
    const auto checkpoint = parse_checkpoint(text);
    ASSERT_FALSE(checkpoint.has_value()) << text;
    EXPECT_EQ(checkpoint.error().code, Errc::kBadRequest);
  }
}

TEST(ProofFile, ComesBackAndProvesItsValue) {
  auto proof = proof_of_five();
  const auto text = proof_text(proof);
  const auto lines = lines_of(text);
  EXPECT_EQ(lines[0], "c2sp.org/tlog-proof@v1");
  EXPECT_EQ(lines[1], "extra " + to_base64("seen in Suzhou"));
  EXPECT_EQ(lines[2], "index 5");
  EXPECT_EQ(lines[3], tree_hash_text(leaf_hash(MerkleReference::value(4))));
  EXPECT_EQ(lines[7], "");
  EXPECT_EQ(lines[8], kOrigin);
  EXPECT_EQ(*parse_proof(text), proof);
  const auto checkpoint = check_proof(*parse_proof(text), MerkleReference::value(5), log_key());
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->origin, kOrigin);
  EXPECT_EQ(checkpoint->size, 12U);

  proof.extra.reset();
  EXPECT_EQ(*parse_proof(proof_text(proof)), proof);
  EXPECT_TRUE(check_proof(proof, MerkleReference::value(5), log_key()).has_value());
}

TEST(ProofFile, OfTheOnlyValueHasNoHashes) {
  MerkleReference tree;
  const auto text = checkpoint_text({kOrigin, 1, tree.root(0, 1), {}});
  const ProofFile proof{{}, 0, {}, Note{text, {sign_note(kOrigin, seed(), text)}}};
  EXPECT_EQ(*parse_proof(proof_text(proof)), proof);
  EXPECT_TRUE(check_proof(proof, MerkleReference::value(0), log_key()).has_value());
}

TEST(ProofFile, ProvesNothingElse) {
  const auto proof = proof_of_five();
  const auto value = MerkleReference::value(5);
  EXPECT_EQ(code_of(proof, MerkleReference::value(6)), Errc::kForkFound);
  for (const auto& wrong : neighbours_of(proof.hashes)) {
    auto changed = proof;
    changed.hashes = wrong;
    EXPECT_EQ(code_of(changed, value), Errc::kForkFound);
  }
  for (const uint64_t index : {4U, 6U, 12U, 17U}) {
    auto moved = proof;
    moved.index = index;
    EXPECT_EQ(code_of(moved, value), Errc::kForkFound) << index;
  }
  auto other_size = proof;
  other_size.checkpoint.text.replace(kOrigin.size() + 1, 2, "13");
  EXPECT_EQ(code_of(other_size, value), Errc::kBadSignature);
  auto other_key = log_key();
  other_key.name = "hansa.example/other";
  EXPECT_EQ(code_of(proof, value, other_key), Errc::kBadSignature) << "it has not signed";
  auto no_checkpoint = proof;
  no_checkpoint.checkpoint = {"hello\n", {sign_note(kOrigin, seed(), "hello\n")}};
  EXPECT_EQ(code_of(no_checkpoint, value), Errc::kBadRequest);
}

TEST(ProofFile, IsRefusedWithAnyLineMissingDoubledOrSpoiled) {
  const auto good = lines_of(proof_text(proof_of_five()));
  const auto proves = [](const std::vector<std::string>& lines) {
    const auto proof = parse_proof(joined(lines));
    return proof.has_value() &&
           check_proof(*proof, MerkleReference::value(5), log_key()).has_value();
  };
  ASSERT_TRUE(proves(good));
  constexpr size_t kExtraLine = 1;
  for (size_t i = 0; i < good.size(); ++i) {
    SCOPED_TRACE("line " + std::to_string(i) + ": " + good[i]);
    auto missing = good;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(proves(missing), i == kExtraLine);
    auto doubled = good;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), good[i]);
    EXPECT_EQ(proves(doubled), i == good.size() - 1) << "the log may sign twice";
    auto spoiled = good;
    spoiled[i] += "x";
    EXPECT_FALSE(proves(spoiled));
    auto before = good;
    before[i].insert(0, "x");
    EXPECT_FALSE(proves(before));
  }
}

TEST(ProofFile, IsRefusedInAnyOtherForm) {
  const auto good = lines_of(proof_text(proof_of_five()));
  const auto refused = [&](size_t line, const std::string& text) {
    auto lines = good;
    lines[line] = text;
    const auto proof = parse_proof(joined(lines));
    return !proof.has_value() && proof.error().code == Errc::kBadRequest;
  };
  ASSERT_FALSE(refused(2, "index 5"));
  EXPECT_TRUE(refused(0, "c2sp.org/tlog-proof@v2"));
  for (const auto* extra : {"extra", "extra QQ", "extra  QQ==", "extra QQ= ", "Extra QQ=="}) {
    EXPECT_TRUE(refused(1, extra)) << extra;
  }
  for (const auto* index : {"index", "index ", "index 05", "index -5", "index  5", "index 5 ",
                            "index 18446744073709551616", "Index 5", "5"}) {
    EXPECT_TRUE(refused(2, index)) << index;
  }
  EXPECT_TRUE(refused(3, good[3].substr(4)));
  EXPECT_TRUE(refused(3, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1="));
  EXPECT_EQ(parse_proof("").error().code, Errc::kBadRequest);
  EXPECT_EQ(parse_proof("c2sp.org/tlog-proof@v1\nindex 5\n").error().code, Errc::kBadRequest);
  EXPECT_EQ(parse_proof("c2sp.org/tlog-proof@v1\nindex 5\n\n").error().code, Errc::kBadRequest);
}

TEST(ProofFile, HasLimits) {
  auto proof = proof_of_five();
  proof.hashes.assign(kProofHashesMax, leaf_hash(""));
  proof.extra = std::string(kProofExtraBytesMax, 'x');
  EXPECT_TRUE(parse_proof(proof_text(proof)).has_value());
  proof.hashes.push_back(leaf_hash(""));
  EXPECT_EQ(parse_proof(proof_text(proof)).error().code, Errc::kBadRequest);
  proof.hashes.pop_back();
  *proof.extra += "x";
  EXPECT_EQ(parse_proof(proof_text(proof)).error().code, Errc::kBadRequest);
}

TEST(EntryBundle, HasTheLengthBeforeEachValue) {
  std::string bundle;
  append_to_bundle(bundle, "ab");
  append_to_bundle(bundle, "");
  append_to_bundle(bundle, std::string(258, 'c'));
  EXPECT_EQ(bundle, std::string("\0\2ab\0\0\1\2", 8) + std::string(258, 'c'));
  EXPECT_EQ(*parse_bundle(bundle),
            (std::vector<std::string_view>{"ab", "", bundle.substr(8)}));
  EXPECT_TRUE(parse_bundle("")->empty());
}

RC_GTEST_PROP(EntryBundle, ComesBack, (const std::vector<std::string>& values)) {
  std::string bundle;
  for (const auto& value : values) append_to_bundle(bundle, value);
  const auto read = parse_bundle(bundle);
  RC_ASSERT(read.has_value());
  RC_ASSERT(std::vector<std::string>(read->begin(), read->end()) == values);
}

TEST(EntryBundle, TakesTheLargestValueAndAFullTile) {
  const std::string largest(kBundleValueBytesMax, 'v');
  std::string bundle;
  for (uint32_t i = 0; i < kTileWidth; ++i) append_to_bundle(bundle, largest);
  EXPECT_EQ(parse_bundle(bundle)->size(), kTileWidth);
  EXPECT_EQ(parse_bundle(bundle)->back(), largest);
  append_to_bundle(bundle, "one more");
  EXPECT_EQ(parse_bundle(bundle).error().code, Errc::kBadRequest);
}

TEST(EntryBundle, IsRefusedWhenItIsCut) {
  std::string bundle;
  append_to_bundle(bundle, "first");
  append_to_bundle(bundle, "second");
  for (size_t bytes = 1; bytes < bundle.size(); ++bytes) {
    const auto cut = parse_bundle(std::string_view(bundle).substr(0, bytes));
    EXPECT_EQ(cut.has_value() ? Errc::kInternal : cut.error().code,
              bytes == 7 ? Errc::kInternal : Errc::kBadRequest)
        << bytes << " bytes";
  }
}

}  // namespace
}  // namespace hansa
