// Goal: from copies of their logs and the alliance's key alone an outsider knows who is a member,
// by which key, what each shares, and whether witnesses confirm it. Method: a league in one
// process, whose ledgers are copied and read; then what its own keepers could do to fool somebody.
#include "federation/evidence_league.h"

#include "federation/evidence_files.h"
#include "tests/federation/links_fixture.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {
namespace {

const LedgerId kShareOfWuxi = share_ledger("delta", "wuxi");
const std::string kNewSeed(kSeedBytes, 'n');

class EvidenceLeagueTest : public LinksTest {
 protected:
  EvidenceLeagueTest() {
    bring_two();
    league_.must(kWuxi, unit(kWuxi, 0));
    // Cosignatures come on threads of their own.
    for (int tries = 0; tries < 2'000 && !is_confirmed(); ++tries) {
      league_.settle();
      copy();
    }
  }

  // Whether the copy has both members and the unit.
  bool is_confirmed() {
    auto alliance = read_alliance(folder_.path(), delta());
    if (!alliance || alliance->head.witnesses < 2) return false;
    bool has_unit = false;
    const auto share = read_share(folder_.path(), *alliance, "wuxi", [&](const auto& entry) {
      for (const auto& event : entry.payload.events()) {
        for (const auto& shared : event.entries_shared().events()) {
          has_unit = has_unit || shared.event().has_unit_defined();
        }
      }
      return Result<void>();
    });
    return share && has_unit;
  }

  EvidenceSource delta() {
    return {kDelta, league_.founding_id(kDelta), only_key(league_.public_key(kDelta))};
  }
  void copy(bool newest = false) {
    for (const auto& ledger : {kDelta, kShareOfWuxi}) {
      const auto founding_id =
          ledger == kDelta ? league_.founding_id(kDelta)
                           : share_founding_id(league_.founding_id(kDelta),
                                               league_.founding_id(kWuxi));
      const auto copied =
          write_evidence(league_.log(), ledger, founding_id, folder_.path(), newest);
      ASSERT_TRUE(copied) << copied.error().detail;
    }
  }
  // Rewrites the checkpoint with the signatures that `keep` names.
  void keep_signatures(const LedgerId& ledger,
                       const std::function<bool(const NoteSignature&)>& keep) {
    const auto file = evidence_path(folder_.path(), ledger) + "/checkpoint";
    std::string text;
    ASSERT_TRUE(load(file, text));
    auto note = *parse_note(text);
    std::erase_if(note.signatures, [&](const auto& signature) { return !keep(signature); });
    ASSERT_TRUE(store(file, note_text(note)));
  }

  streams::TempFolder folder_;
};

TEST_F(EvidenceLeagueTest, TheAlliancesKeyAloneLeadsToWhatACityShares) {
  copy();
  auto alliance = read_alliance(folder_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  EXPECT_EQ(alliance->members.all().size(), 2U);
  EXPECT_EQ(confirmation_text(alliance->head), "confirmed by 2 of 2 witnesses");
  std::vector<std::string> units;
  const auto share = read_share(folder_.path(), *alliance, "wuxi", [&](const EvidenceEntry& entry) {
    for (const auto& event : entry.payload.events()) {
      for (const auto& shared : event.entries_shared().events()) {
        if (!shared.event().has_unit_defined()) continue;
        units.push_back(shared.event().unit_defined().unit());
      }
    }
    return Result<void>();
  });
  ASSERT_TRUE(share) << share.error().detail;
  EXPECT_EQ(units, std::vector<std::string>{"unit-0"});
  EXPECT_EQ(confirmation_text(share->head.note.signatures.empty() ? EvidenceHead() : *share),
            "confirmed by 1 of 1 witness");
  EXPECT_EQ(share->confirmed, share->size());
  EXPECT_EQ(read_share(folder_.path(), *alliance, "nowhere", {}).error().code,
            Errc::kUnknownMember);
}

TEST_F(EvidenceLeagueTest, WithoutCosignaturesItIsUnconfirmed) {
  copy(true);
  const auto is_own = [](const NoteSignature& signature) {
    return !signature.name.starts_with("hansa/witness/");
  };
  keep_signatures(kDelta, is_own);
  keep_signatures(kShareOfWuxi, is_own);
  auto alliance = read_alliance(folder_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  const auto share = read_share(folder_.path(), *alliance, "wuxi", {});
  ASSERT_TRUE(share) << share.error().detail;
  ASSERT_GT(share->confirmed, 0U) << "by the confirmations that stand in it";
  EXPECT_LT(share->confirmed, share->size());
  EXPECT_EQ(confirmation_text(*share),
            "unconfirmed: cosigned by 0 of 1 witness, 1 needed; confirmed are the first " +
                std::to_string(share->confirmed));
}

TEST_F(EvidenceLeagueTest, ACosignatureThatDoesNotHoldSpoilsTheNote) {
  copy();
  const auto file = evidence_path(folder_.path(), kShareOfWuxi) + "/checkpoint";
  std::string text;
  ASSERT_TRUE(load(file, text));
  auto note = *parse_note(text);
  ASSERT_EQ(note.signatures.size(), 2U);
  note.signatures.back().bytes.back() ^= 1;
  ASSERT_TRUE(store(file, note_text(note)));
  auto alliance = read_alliance(folder_.path(), delta());
  ASSERT_TRUE(alliance);
  const auto share = read_share(folder_.path(), *alliance, "wuxi", {});
  ASSERT_FALSE(share);
  EXPECT_EQ(share.error().code, Errc::kBadSignature);
  EXPECT_NE(share.error().detail.find("hansa/witness/suzhou/"), std::string::npos);
}

TEST_F(EvidenceLeagueTest, AnotherAlliancesKeyLeadsNowhere) {
  copy();
  auto other = delta();
  other.keys = only_key(to_hex(public_key_of(kNewSeed)));
  EXPECT_EQ(read_alliance(folder_.path(), other).error().code, Errc::kBadSignature);
}

// The alliance only records what a member says of its key.
TEST(MemberList, AKeyIsChangedByItsHoldersWordAlone) {
  const std::string seed(kSeedBytes, 'w');
  v1::Payload payload;
  auto& admitted = *payload.add_events()->mutable_city_admitted();
  admitted.set_city("wuxi");
  admitted.set_founding_id(std::string(32, '1'));
  admitted.set_public_key(to_hex(public_key_of(seed)));
  admitted.set_recovery_key(to_hex(public_key_of(std::string(kSeedBytes, 'r'))));
  for (const bool own_word : {false, true}) {
    MemberList members(kDelta);
    ASSERT_TRUE(members.take(payload));
    KeyChange change{to_hex(public_key_of(kNewSeed)), 5, ""};
    v1::Payload later;
    auto& changed = *later.add_events()->mutable_city_key_changed();
    changed.set_city("wuxi");
    changed.set_public_key(change.public_key);
    changed.set_from_size(5);
    changed.set_signature(to_hex(sign(own_word ? seed : kNewSeed,
                                      change_text(kShareOfWuxi, std::string(32, '1'), change))));
    const auto taken = members.take(later);
    EXPECT_EQ(taken.has_value(), own_word);
    if (!own_word) {
      EXPECT_EQ(taken.error().code, Errc::kBadSignature);
    }
    EXPECT_EQ(members.find("wuxi")->public_key() == change.public_key, own_word);
  }
}

}  // namespace
}  // namespace hansa::federation
