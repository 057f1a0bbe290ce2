// Goal: what a ledger serves as a transparency log proves each of its entries to whoever has the
// ledger's key and nothing else, and never says more than was signed.
// Method: an alliance's ledger of more than one tile, with void records between its entries, read
// as a verifier reads it: checkpoint, tiles, bundles and proofs, checked by core/evidence.
#include <gtest/gtest.h>

#include "core/evidence/entry_bundle.h"
#include "core/evidence/proof_file.h"
#include "federation/tlog.h"
#include "tests/federation/links_fixture.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {
namespace {

using projections::Snapshot;

// Notes from where it is read.
class NotingLog final : public streams::Log {
 public:
  explicit NotingLog(streams::Log& log) : log_(log) {}
  Result<Offset> end(const LedgerId& ledger) override { return log_.end(ledger); }
  Result<streams::ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes) override {
    from_.push_back(from);
    return log_.read(ledger, from, bytes);
  }
  void append(const LedgerId&, std::vector<std::string>, Offset, Delivered) override {}
  void renew_writer(const LedgerId&) override {}

  std::vector<Offset> from_;

 private:
  streams::Log& log_;
};

class TlogTest : public LinksTest {
 protected:
  void put_void() {
    streams::append_now(league_.log(), kDelta, {"no entry at all"}, *league_.log().end(kDelta));
  }
  void propose_often(int count) {
    for (int i = 0; i < count; ++i) {
      if (i % 20 == 0) put_void();
      propose();
    }
  }
  std::shared_ptr<const Snapshot> rows() {
    league_.row(kDelta, kAllianceTable, "");  // waits for what has landed
    return league_.keeper(kDelta).snapshot();
  }
  KeyRanges keys() const { return only_key(league_.public_key(kDelta)); }
  NoteKey key(const Snapshot& rows) const {
    const auto vkey = *log_vkey(rows, keys());
    EXPECT_TRUE(vkey.ends_with("\n"));
    return *parse_vkey(std::string_view(vkey).substr(0, vkey.size() - 1));
  }
  Result<std::string> bundle(const Snapshot& rows, uint64_t index, uint32_t width) {
    return bundles_.read(rows, kDelta, league_.log(), index, width);
  }
  // Every value that is signed, in order, by the bundles of a tree of that size.
  std::vector<std::string> values(const Snapshot& rows, Seq size) {
    std::vector<std::string> all;
    for (uint64_t index = 0; index * kTileWidth < size; ++index) {
      const auto read = bundle(rows, index, tile_width({0, index}, size));
      EXPECT_TRUE(read) << read.error().detail;
      if (!read) return all;
      const auto parsed = parse_bundle(*read);
      for (const auto value : *parsed) all.emplace_back(value);
    }
    return all;
  }
  static TreeCheckpoint checkpoint(const std::string& note) {
    return *parse_checkpoint(parse_note(note)->text);
  }

  EntryBundles bundles_;
};

TEST_F(TlogTest, EveryEntryIsProvedByTilesBundlesAndKeyAlone) {
  bring_two();
  propose_often(300);
  league_.settle();
  const auto shown = rows();
  const auto note = newest_checkpoint(*shown);
  ASSERT_TRUE(note) << note.error().detail;
  EXPECT_TRUE(signed_by(*parse_note(*note), key(*shown)).value());
  const auto signed_tree = checkpoint(*note);
  ASSERT_GT(signed_tree.size, kTileWidth) << "less than two tiles";
  const Tiles tiles = [&](const TileId& tile) {
    return hash_tile(*shown, tile, tile_width(tile, signed_tree.size));
  };
  EXPECT_EQ(*root_at(signed_tree.size, tiles), signed_tree.root);
  const auto all = values(*shown, signed_tree.size);
  ASSERT_EQ(all.size(), signed_tree.size);
  TreeFrontier tree;
  for (const auto& value : all) tree.append(leaf_hash(value));
  EXPECT_EQ(tree.root(), signed_tree.root);
  for (Seq seq = 1; seq <= all.size(); ++seq) {
    const auto proof = proof_of(*shown, seq);
    ASSERT_TRUE(proof) << seq << ": " << proof.error().detail;
    EXPECT_TRUE(check_proof(*parse_proof(*proof), all[seq - 1], key(*shown))) << seq;
    EXPECT_FALSE(check_proof(*parse_proof(*proof), all[seq - 1] + "x", key(*shown))) << seq;
  }
}

TEST_F(TlogTest, APartOfATileIsItsBeginning) {
  bring_two();
  propose_often(300);
  const auto shown = rows();
  const auto hashes = hash_tile(*shown, {0, 0}, kTileWidth);
  const auto entries = bundle(*shown, 0, kTileWidth);
  ASSERT_TRUE(hashes && entries) << "less than a tile";
  for (const uint32_t width : {1U, 17U, 255U}) {
    EXPECT_TRUE(*hash_tile(*shown, {0, 0}, width) ==
                hashes->substr(0, width * sizeof(TreeHash::bytes)));
    const auto part = *bundle(*shown, 0, width);
    EXPECT_EQ(parse_bundle(part)->size(), width);
    EXPECT_TRUE(entries->starts_with(part));
  }
}

TEST_F(TlogTest, NothingBehindTheSignedSizeIsServed) {
  bring_two();
  for (const int proposals : {1, 300}) {
    propose_often(proposals);
    const auto shown = rows();
    const Seq size = checkpoint(*newest_checkpoint(*shown)).size;
    ASSERT_GT(shown->meta().position.seq, size) << "its own checkpoint stands behind it at least";
    const TileId last{0, size / kTileWidth};
    const uint32_t width = tile_width(last, size);
    EXPECT_EQ(hash_tile(*shown, last, width + 1).error().code, Errc::kUnknownRoute);
    EXPECT_EQ(bundle(*shown, last.index, width + 1).error().code, Errc::kUnknownRoute);
    EXPECT_EQ(hash_tile(*shown, last, kTileWidth).error().code, Errc::kUnknownRoute);
    EXPECT_EQ(hash_tile(*shown, {0, last.index + 1}, 1).error().code, Errc::kUnknownRoute);
    EXPECT_EQ(hash_tile(*shown, {1, 0}, static_cast<uint32_t>(size / kTileWidth) + 1).error().code,
              Errc::kUnknownRoute);
    EXPECT_EQ(proof_of(*shown, size + 1).error().code, Errc::kUnknownRoute);
    EXPECT_EQ(proof_of(*shown, 0).error().code, Errc::kUnknownRoute);
    EXPECT_TRUE(proof_of(*shown, size));
  }
}

TEST_F(TlogTest, WhereABundleBeginsIsRemembered) {
  bring_two();
  propose_often(300);
  const auto shown = rows();
  NotingLog log(league_.log());
  const auto first = bundles_.read(*shown, kDelta, log, 1, 10);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(log.from_.front(), Offset{kTileWidth});
  log.from_.clear();
  EXPECT_EQ(*bundles_.read(*shown, kDelta, log, 1, 10), *first);
  ASSERT_EQ(log.from_.size(), 1U);
  const auto record = league_.log().read(kDelta, log.from_.front(), 1)->records.front();
  EXPECT_EQ(leaf_hash(record.value).view(), hash_tile(*shown, {0, 1}, 1)->substr(0, 32));
}

TEST_F(TlogTest, TheConfirmedCheckpointBearsTheWitnesses) {
  EXPECT_EQ(confirmed_checkpoint(*rows()).error().code, Errc::kUnknownLog);
  bring_two();
  league_.settle();
  const auto shown = rows();
  const auto note = confirmed_checkpoint(*shown);
  ASSERT_TRUE(note) << note.error().detail;
  size_t witnesses = 0;
  for (const auto& city : {kWuxi, kSuzhou}) {
    const auto member = league_.row(kDelta, kMemberTable, city.id);
    const auto by = signed_by(*parse_note(*note), *witness_key(*member));
    ASSERT_TRUE(by);
    witnesses += *by ? 1 : 0;
  }
  EXPECT_EQ(witnesses, 2U);
  const auto proof = parse_proof(*proof_of(*shown, 1));
  EXPECT_EQ(note_text(proof->checkpoint), *note) << "of an entry that is confirmed";
  EXPECT_LE(checkpoint(*note).size, checkpoint(*newest_checkpoint(*shown)).size);
}

TEST_F(TlogTest, ALogThatLacksEntriesIsNamed) {
  bring_two();
  const auto shown = rows();
  EXPECT_EQ(bundles_.read(*shown, kWuxi, league_.log(), 0, 1).error().code, Errc::kLogBehind);
}

}  // namespace
}  // namespace hansa::federation
