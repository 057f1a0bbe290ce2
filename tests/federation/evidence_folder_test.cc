// Goal: whoever holds a copy of a log and its key finds everything that was done to it, and is told
// what it is first. Method: a share ledger written entry by entry, stored as a copy, then spoilt
// bit by bit, or made anew as its owner could, who has the key.
#include "federation/evidence_folder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/alliance/identity.h"
#include "federation/checkpoint.h"
#include "federation/evidence_files.h"
#include "federation/missing_entries.h"
#include "streams/embedded_log.h"
#include "tests/federation/vouched_tree.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {
namespace {

using streams::EntryWriter;
using streams::TempFolder;

const LedgerId kShare = share_ledger("delta", "wuxi");
const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));
const std::string kSeed(kSeedBytes, 's');
const std::string kOtherSeed(kSeedBytes, 'o');

KeyRanges only(const std::string& seed) { return only_key(to_hex(public_key_of(seed))); }

// What a share ledger's keeper would write, and what it would not.
class Ledger {
 public:
  explicit Ledger(const FoundingId& founding_id = kFounding)
      : writer_(founding_id, 1), tree_(kShare, founding_id) {}

  void write(v1::Payload payload, int64_t step_us = 1'000) {
    time_us_ += step_us;
    payload.set_time_us(time_us_);
    values.push_back(writer_.next(payload.SerializeAsString()));
    tree_.add(values.back());
  }
  v1::EntriesShared range(uint64_t count) {
    v1::EntriesShared shared;
    shared.set_alliance("delta");
    shared.set_city("wuxi");
    shared.set_from_seq(told_ + 1);
    shared.set_to_seq(told_ += count);
    for (uint64_t seq = shared.from_seq(); seq <= shared.to_seq(); ++seq) {
      auto& event = *shared.add_events();
      event.set_seq(seq);
      event.mutable_event()->mutable_unit_defined()->set_unit("unit-" + std::to_string(seq));
    }
    return shared;
  }
  void share(const v1::EntriesShared& shared) {
    v1::Payload payload;
    *payload.add_events()->mutable_entries_shared() = shared;
    write(payload);
  }
  void sign(const v1::CheckpointSigned& checkpoint) {
    v1::Payload payload;
    *payload.add_events()->mutable_checkpoint_signed() = checkpoint;
    write(payload);
  }
  Ledger& fill(int count) {
    for (int i = 0; i < count; ++i) {
      share(range(2));
      if (i % 10 == 9) sign(checkpoint(kSeed));
    }
    return *this;
  }
  v1::CheckpointSigned checkpoint(const std::string& seed) const {
    return sign_checkpoint(seed, tree_.head());
  }
  const VouchedTree& tree() const { return tree_; }
  Note note(const std::string& seed = kSeed) const { return note_of(checkpoint(seed)); }

  std::vector<std::string> values;

 private:
  EntryWriter writer_;
  VouchedTree tree_;
  int64_t time_us_ = 1'700'000'000'000'000;
  uint64_t told_ = 0;
};

class EvidenceFolderTest : public ::testing::Test {
 protected:
  void store_copy(const std::vector<std::string>& values, const Note& note) {
    EvidenceWriter writer(folder_.path(), kShare);
    ASSERT_TRUE(writer.begin());
    for (const auto& value : values) ASSERT_TRUE(writer.add(value));
    const auto origin = origin_of("localhost", kShare, kFounding);
    ASSERT_TRUE(writer.finish(
        note, vkey_text({origin, NoteKeyType::kEd25519, public_key_of(kSeed)})));
  }
  void store_copy(const Ledger& ledger) { store_copy(ledger.values, ledger.note()); }

  // What is wrong first; "" nothing.
  std::string wrong(const KeyRanges& keys = only(kSeed), const FoundingId& founding = kFounding) {
    const auto read = EvidenceFolder(folder_.path(), kShare).read({kShare, founding, keys}, {});
    return read ? "" : read.error().detail;
  }
  void expect_wrong(const std::string& sentence, const KeyRanges& keys = only(kSeed)) {
    const auto found = wrong(keys);
    EXPECT_NE(found.find(sentence), std::string::npos)
        << "expected \"" << sentence << "\", found \"" << found << '"';
  }
  std::string file(const std::string& name) const {
    return evidence_path(folder_.path(), kShare) + "/" + name;
  }

  TempFolder folder_;
};

TEST_F(EvidenceFolderTest, AGoodCopyGivesItsEntriesInOrder) {
  const auto ledger = Ledger().fill(600);
  store_copy(ledger);
  const EvidenceFolder folder(folder_.path(), kShare);
  std::vector<std::string> values;
  const auto read = folder.read({kShare, kFounding, only(kSeed)}, [&](const EvidenceEntry& entry) {
    values.emplace_back(entry.value);
    EXPECT_EQ(entry.seq, values.size());
    EXPECT_EQ(entry.hash, sha256(entry.value));
    EXPECT_EQ(entry.payload.events_size(), 1);
    return Result<void>();
  });
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(values, ledger.values);
  EXPECT_EQ(read->checkpoint.tree.size, 660U);
  EXPECT_EQ(read->checkpoint.tip, ledger.tree().head().tip);
}

TEST_F(EvidenceFolderTest, EachEntryCanBeProved) {
  const auto ledger = Ledger().fill(300);
  store_copy(ledger);
  const NoteKey key{origin_of("localhost", kShare, kFounding), NoteKeyType::kEd25519,
                    public_key_of(kSeed)};
  for (const Seq seq : {1, 2, 255, 256, 257, 330}) {
    const auto proof = EvidenceFolder(folder_.path(), kShare).prove(seq);
    ASSERT_TRUE(proof) << proof.error().detail;
    EXPECT_TRUE(check_proof(*proof, ledger.values[seq - 1], key));
    EXPECT_FALSE(check_proof(*proof, ledger.values[seq % 300], key));
  }
}

TEST_F(EvidenceFolderTest, AnyBitThatIsFlippedIsFound) {
  store_copy(Ledger().fill(280));
  ASSERT_EQ(wrong(), "");
  SeededEnv env(1, "flips");
  int files = 0;
  for (const auto& item :
       std::filesystem::recursive_directory_iterator(evidence_path(folder_.path(), kShare))) {
    if (item.is_directory()) continue;
    ++files;
    std::string bytes;
    ASSERT_TRUE(load(item.path(), bytes));
    for (int i = 0; i < 150; ++i) {
      const auto random = env.random_bytes(4);
      size_t bit = 0;
      for (const char byte : random) bit = bit * 256 + static_cast<uint8_t>(byte);
      bit %= bytes.size() * 8;
      auto spoilt = bytes;
      spoilt[bit / 8] = static_cast<char>(spoilt[bit / 8] ^ (1 << bit % 8));
      ASSERT_TRUE(store(item.path(), spoilt));
      EXPECT_NE(wrong(), "") << item.path() << " bit " << bit;
    }
    ASSERT_TRUE(store(item.path(), bytes));
  }
  EXPECT_EQ(files, 7) << "checkpoint, vkey, two bundles, two tiles and the one above them";
  EXPECT_EQ(wrong(), "");
}

TEST_F(EvidenceFolderTest, AnEntryThatWasChangedIsNamed) {
  auto ledger = Ledger().fill(20);
  ledger.values[6].back() ^= 1;
  store_copy(ledger);
  expect_wrong("entry 8 of share/delta/wuxi does not follow the one before it");
}

TEST_F(EvidenceFolderTest, AnEntryThatWasDroppedIsNamed) {
  auto ledger = Ledger().fill(20);
  ledger.values.erase(ledger.values.begin() + 4);
  store_copy(ledger);
  // The number of files' entries is another before any is read.
  expect_wrong("is no part of a log of 22 entries");
  auto shorter = Ledger().fill(300);
  shorter.values.erase(shorter.values.begin() + 4);
  shorter.values.push_back(shorter.values.back());
  store_copy(shorter);
  expect_wrong("where entry 5 of share/delta/wuxi must stand is entry 6");
}

TEST_F(EvidenceFolderTest, EntriesThatWereSwappedAreNamed) {
  auto ledger = Ledger().fill(20);
  std::swap(ledger.values[8], ledger.values[9]);
  store_copy(ledger);
  expect_wrong("where entry 9 of share/delta/wuxi must stand is entry 10");
}

TEST_F(EvidenceFolderTest, AnEntryThatWasAppendedIsFound) {
  auto ledger = Ledger().fill(20);
  const auto note = ledger.note();
  ledger.share(ledger.range(1));
  store_copy(ledger.values, note);
  expect_wrong("tile/0/000.p/23 is no part of a log of 22 entries");
  // In the very bundle that the checkpoint covers.
  std::filesystem::remove_all(file("tile/0"));
  std::filesystem::rename(file("tile/entries/000.p/23"), file("tile/entries/000.p/22"));
  expect_wrong("tile/entries/000.p/22 has 23 entries; the checkpoint is signed for 22 in it");
}

TEST_F(EvidenceFolderTest, AForeignEntryIsNamed) {
  auto ledger = Ledger().fill(20);
  const auto foreign = Ledger(*FoundingId::from(std::string(16, 'x'))).fill(20);
  ledger.values[4] = foreign.values[4];
  store_copy(ledger);
  expect_wrong("entry 5 of share/delta/wuxi is of the founding 7878");
}

TEST_F(EvidenceFolderTest, WhatItsOwnerDatesBackIsFound) {
  Ledger ledger;
  ledger.fill(5);
  v1::Payload payload;
  *payload.add_events()->mutable_entries_shared() = ledger.range(1);
  ledger.write(payload, -1);
  ledger.fill(5);
  store_copy(ledger);
  expect_wrong("entry 6 of share/delta/wuxi is dated back");
}

TEST_F(EvidenceFolderTest, WhatItsOwnerRewritesHasAnotherRoot) {
  const auto ledger = Ledger().fill(20);
  Ledger other;
  other.fill(19);
  other.share(other.range(2));
  other.sign(ledger.checkpoint(kSeed));
  ASSERT_EQ(other.values.size(), ledger.values.size());
  auto note = ledger.note();
  store_copy(other.values, note);
  expect_wrong("the checkpoint in entry 22 of share/delta/wuxi is of 22 entries");
  auto last = ledger.values;
  last.back().back() ^= 1;
  store_copy(last, note);
  EXPECT_NE(wrong(), "");
}

TEST_F(EvidenceFolderTest, TheLastEntryIsHeldByTheRoot) {
  auto ledger = Ledger().fill(5);
  const auto note = ledger.note();
  auto& last = ledger.values.back();
  const auto at = last.rfind("unit-10");
  ASSERT_NE(at, std::string::npos);
  last[at + 6] = '1';
  store_copy(ledger.values, note);
  expect_wrong("the tree over these 5 entries of share/delta/wuxi has the root ");
}

TEST_F(EvidenceFolderTest, TheTipIsThatOfTheLastEntry) {
  const auto ledger = Ledger().fill(5);
  auto head = ledger.tree().head();
  head.tip = ledger.tree().head(4).tip;
  store_copy(ledger.values, note_of(sign_checkpoint(kSeed, head)));
  expect_wrong("the checkpoint is signed over the last hash " + to_hex(head.tip));
}

// ---- keys

TEST_F(EvidenceFolderTest, ACheckpointByAnUnknownKeyCountsForNothing) {
  const auto ledger = Ledger().fill(5);
  store_copy(ledger.values, ledger.note(kOtherSeed));
  expect_wrong("at size 5 is signed by no key of the ledger, which is known by " +
               to_hex(public_key_of(kSeed)));
}

TEST_F(EvidenceFolderTest, ACheckpointByARetiredKeyCountsForItsSizesOnly) {
  auto keys = only(kSeed);
  apply_change(keys, to_hex(public_key_of(kOtherSeed)), 4);
  const auto ledger = Ledger().fill(5);
  store_copy(ledger);
  expect_wrong("which does not count for it", keys);
  store_copy(ledger.values, ledger.note(kOtherSeed));
  EXPECT_EQ(wrong(keys), "");
  apply_end(keys, to_hex(public_key_of(kOtherSeed)), 4, true);
  expect_wrong("which does not count for it", keys);
}

TEST_F(EvidenceFolderTest, ALogOfAnotherFoundingIsAnotherLog) {
  store_copy(Ledger().fill(5));
  EXPECT_NE(wrong(only(kSeed), *FoundingId::from(std::string(16, 'x'))).find("is that of another"),
            std::string::npos);
}

TEST_F(EvidenceFolderTest, ACheckpointOfAnotherSizeIsNotThatOfTheCopy) {
  const auto ledger = Ledger().fill(20);
  for (const Seq size : {1, 21}) {
    store_copy(ledger.values, note_of(sign_checkpoint(kSeed, ledger.tree().head(size))));
    expect_wrong("is no part of a log of " + std::to_string(size) + " entries");
  }
  auto later = ledger.tree().head();
  later.size = 23;
  store_copy(ledger.values, note_of(sign_checkpoint(kSeed, later)));
  expect_wrong("is no part of a log of 23 entries");
}

TEST_F(EvidenceFolderTest, AMissingBundleIsNamed) {
  store_copy(Ledger().fill(300));
  std::filesystem::remove(file("tile/entries/000"));
  expect_wrong("tile/entries/000: cannot be read");
}

// ---- what stands in the ledger

TEST_F(EvidenceFolderTest, ACheckpointInTheLedgerIsOfWhatStandsBeforeIt) {
  Ledger ledger;
  ledger.fill(3);
  auto head = ledger.tree().head();
  head.root = ledger.tree().head(2).root;
  ledger.sign(sign_checkpoint(kSeed, head));
  store_copy(ledger);
  expect_wrong("the checkpoint in entry 4 of share/delta/wuxi is of another history");
}

TEST_F(EvidenceFolderTest, ACheckpointInTheLedgerDoesNotFallBack) {
  Ledger ledger;
  ledger.fill(3);
  ledger.sign(ledger.checkpoint(kSeed));
  ledger.sign(sign_checkpoint(kSeed, ledger.tree().head(2)));
  store_copy(ledger);
  expect_wrong("the checkpoint in entry 5 of share/delta/wuxi is of 2 entries, an earlier one of "
               "3");
}

TEST_F(EvidenceFolderTest, ACheckpointInTheLedgerIsByAKeyThatCounts) {
  Ledger ledger;
  ledger.fill(3);
  ledger.sign(ledger.checkpoint(kOtherSeed));
  store_copy(ledger);
  expect_wrong("the checkpoint in entry 4 of share/delta/wuxi is made with the key " +
               to_hex(public_key_of(kOtherSeed)));
}

TEST_F(EvidenceFolderTest, AConfirmationIsOfWhatStandsBeforeIt) {
  Ledger ledger;
  ledger.fill(3);
  ledger.sign(ledger.checkpoint(kSeed));
  for (const bool good : {true, false}) {
    v1::Payload payload;
    auto& confirmed = *payload.add_events()->mutable_checkpoint_confirmed();
    auto head = ledger.tree().head(3);
    if (!good) head.root = ledger.tree().head(2).root;
    confirmed.set_size(3);
    confirmed.set_root_sha256(to_hex(head.root));
    confirmed.set_note(note_text(note_of(sign_checkpoint(kSeed, head))));
    ledger.write(payload);
    store_copy(ledger);
    expect_wrong(good ? "" : "the confirmation in entry 6 of share/delta/wuxi is of another");
    EXPECT_EQ(wrong().empty(), good);
  }
}

TEST_F(EvidenceFolderTest, RangesFollowOneAnotherAndAreOfTheirCity) {
  struct Spoil {
    std::function<void(v1::EntriesShared&)> change;
    std::string sentence;
  };
  const Spoil spoils[] = {
      {[](auto& shared) { shared.set_from_seq(8); }, "tells of the city's entries 8 to 8; those"},
      {[](auto& shared) { shared.set_to_seq(5); }, "tells of the city's entries 7 to 5"},
      {[](auto& shared) { shared.set_city("suzhou"); }, "shares entries of suzhou with delta"},
      {[](auto& shared) { shared.mutable_events(0)->set_seq(9); },
       "shares an event of the city's entry 9, which is outside"}};
  for (const auto& spoil : spoils) {
    Ledger ledger;
    ledger.fill(3);
    auto shared = ledger.range(2);
    spoil.change(shared);
    ledger.share(shared);
    store_copy(ledger);
    expect_wrong("entry 4 of share/delta/wuxi " + spoil.sentence);
  }
}

// ---- made from a log

TEST_F(EvidenceFolderTest, ACopyReachesToTheNewestCheckpointThatIsConfirmed) {
  Ledger ledger;
  ledger.fill(3);
  ledger.sign(ledger.checkpoint(kSeed));
  v1::Payload payload;
  auto& confirmed = *payload.add_events()->mutable_checkpoint_confirmed();
  confirmed.set_size(3);
  confirmed.set_root_sha256(to_hex(ledger.tree().head(3).root));
  auto note = note_of(sign_checkpoint(kSeed, ledger.tree().head(3)));
  note.signatures.push_back(cosign_note("hansa/witness/suzhou/00", kOtherSeed, note.text, 1));
  confirmed.set_note(note_text(note));
  ledger.write(payload);
  ledger.sign(ledger.checkpoint(kSeed));
  const auto log = *streams::EmbeddedLog::open({.folder = folder_ / "log", .fsync = false});
  EXPECT_EQ(write_evidence(*log, kShare, kFounding, folder_.path(), false).error().code,
            Errc::kNotYet);
  streams::append_now(*log, kShare, ledger.values, 0);
  for (const bool newest : {false, true}) {
    const auto head = write_evidence(*log, kShare, kFounding, folder_.path(), newest);
    ASSERT_TRUE(head) << head.error().detail;
    EXPECT_EQ(head->checkpoint.tree.size, newest ? 5U : 3U);
    EXPECT_EQ(head->note.signatures.size(), newest ? 1U : 2U);
    EXPECT_EQ(wrong(), "");
  }
}

// ---- what a log lost, given back from a copy

class MissingEntriesTest : public EvidenceFolderTest {
 protected:
  MissingEntriesTest() : ledger_(Ledger().fill(600)) { store_copy(ledger_); }

  void keep(std::vector<std::string> values) { streams::append_now(*log_, kShare, values, 0); }
  std::vector<std::string> first(size_t count) const {
    return {ledger_.values.begin(), ledger_.values.begin() + static_cast<ptrdiff_t>(count)};
  }
  Result<MissingReport> restore(const KeyRanges& keys = only(kSeed)) {
    return append_missing(EvidenceFolder(folder_.path(), kShare), {kShare, kFounding, keys},
                          *log_);
  }
  std::vector<std::string> kept() { return streams::read_all(*log_, kShare); }

  Ledger ledger_;
  std::unique_ptr<streams::EmbeddedLog> log_ =
      *streams::EmbeddedLog::open({.folder = folder_ / "log", .fsync = false});
};

TEST_F(MissingEntriesTest, ALogIsGivenBackWhatItLostByteForByte) {
  keep(first(100));
  const auto report = restore();
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->here, 100U);
  EXPECT_EQ(report->added, 560U);
  EXPECT_EQ(kept(), ledger_.values);
  EXPECT_EQ(restore()->added, 0U) << "done twice, it is done once";
}

TEST_F(MissingEntriesTest, ALogThatHasNothingLeftIsGivenAll) {
  ASSERT_TRUE(restore());
  EXPECT_EQ(kept(), ledger_.values);
}

TEST_F(MissingEntriesTest, NoEntryOfASpoiltCopyIsAppended) {
  keep(first(100));
  auto values = ledger_.values;
  values[650][kEnvelopeBytes] ^= 1;
  store_copy(values, ledger_.note());
  EXPECT_FALSE(restore());
  EXPECT_EQ(kept().size(), 100U) << "also not those before the spoilt one";
  store_copy(ledger_);
  const auto report = restore(only(kOtherSeed));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::kBadSignature);
  EXPECT_EQ(kept().size(), 100U);
}

TEST_F(MissingEntriesTest, ALogWithAnotherHistoryIsLeftAsItIs) {
  EntryWriter other(kFounding, 2);
  keep({other.next("one"), other.next("another")});
  const auto report = restore();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::kForkFound);
  EXPECT_EQ(report.error().seq, 2U);
  const auto tried = find_missing(EvidenceFolder(folder_.path(), kShare),
                                  {kShare, kFounding, only(kSeed)}, *log_);
  ASSERT_FALSE(tried) << "a trial says what the real thing would";
  EXPECT_EQ(tried.error().code, Errc::kForkFound);
  EXPECT_EQ(kept().size(), 2U);
}

TEST_F(MissingEntriesTest, ALogThatHasMoreThanTheCopyKeepsIt) {
  Ledger longer = ledger_;
  longer.share(longer.range(1));
  keep(longer.values);
  const auto report = restore();
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->added, 0U);
  EXPECT_EQ(kept(), longer.values);
}

}  // namespace
}  // namespace hansa::federation
