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

TEST_F(EvidenceLeagueTest, MembersAreChangedByTheMembersBefore) {
  v1::ExpelCity expel;
  expel.set_alliance("delta");
  expel.set_city("suzhou");
  league_.must(kDelta, expel);
  const auto read = [&] { return read_alliance(folder_.path(), delta()); };
  const auto is_of_one = [&] {
    const auto alliance = read();
    return alliance && alliance->head.witnesses == 1 && alliance->head.cosigned == 1;
  };
  for (int tries = 0; tries < 2'000 && !is_of_one(); ++tries) {
    league_.settle();
    copy();
  }
  auto alliance = read();
  ASSERT_TRUE(alliance) << alliance.error().detail;
  EXPECT_EQ(confirmation_text(alliance->head), "confirmed by 1 of 1 witness");
  EXPECT_EQ(alliance->head.witnesses_before, 2U);
  keep_signatures(kDelta, [](const NoteSignature& one) {
    return one.name.find("/suzhou/") == std::string::npos;
  });
  alliance = read();
  ASSERT_TRUE(alliance) << alliance.error().detail;
  const auto text = confirmation_text(alliance->head);
  EXPECT_TRUE(text.starts_with("unconfirmed: cosigned by 1 of 1 witness, 1 needed; of the 2 that "
                               "confirmed it before by 1, 2 needed")) << text;
  EXPECT_LT(alliance->head.confirmed, alliance->head.size());
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

// ---- an agreement that asks for more than half

const std::vector<std::string> kFour = {"suzhou", "hefei", "ningbo", "wuxi"};

class WantedEvidenceTest : public LinksTest {
 protected:
  // Version 1 asks for nothing; `folder_` is a copy under it. Version 2 asks for all four.
  WantedEvidenceTest() {
    for (const auto& city : kFour) bring({"city", city});
    agree(1, 0);
    league_.must(kWuxi, unit(kWuxi, 0));
    settle();
    copy(folder_.path());
    agree(2, 4);
    league_.must(kWuxi, unit(kWuxi, 1));
    settle();
    copy(later_.path());
  }

  void agree(uint32_t version, uint32_t wanted) {
    v1::ProposeAgreement proposal;
    proposal.set_alliance("delta");
    proposal.mutable_agreement()->set_purpose("Who works where.");
    proposal.mutable_agreement()->set_witness_quorum(wanted);
    auto& grant = *proposal.mutable_agreement()->add_grants();
    grant.set_event("UnitDefined");
    grant.add_fields("unit");
    league_.must(kDelta, proposal);
    settle();
    for (const auto& city : kFour) ratify({"city", city}, version);
    settle();
  }
  // Cosignatures come on threads of their own.
  void settle() {
    for (int tries = 0; tries < 2'000; ++tries) {
      league_.settle();
      const auto alliance = league_.row(kDelta, kLedgerHeadTable, "");
      const auto share = league_.links().share(kShareOfWuxi);
      const auto is_whole = [](const auto& head) {
        return head && head->confirmed_size() >= head->deed_seq();
      };
      if (!is_whole(alliance)) continue;
      if (share == nullptr || is_whole(*share->snapshot()->find(kLedgerHeadTable, ""))) return;
    }
    FAIL() << "it is never confirmed";
  }
  EvidenceSource delta() {
    return {kDelta, league_.founding_id(kDelta), only_key(league_.public_key(kDelta))};
  }
  void copy(const std::string& folder) {
    const auto share_id =
        share_founding_id(league_.founding_id(kDelta), league_.founding_id(kWuxi));
    ASSERT_TRUE(write_evidence(league_.log(), kDelta, league_.founding_id(kDelta), folder, false));
    ASSERT_TRUE(write_evidence(league_.log(), kShareOfWuxi, share_id, folder, false));
  }
  // Leaves this many of the witnesses' signatures to the checkpoint.
  void keep_cosignatures(const std::string& folder, const LedgerId& ledger, size_t count) {
    const auto file = evidence_path(folder, ledger) + "/checkpoint";
    std::string text;
    ASSERT_TRUE(load(file, text));
    auto note = *parse_note(text);
    ASSERT_GT(note.signatures.size(), count);
    note.signatures.resize(1 + count);
    ASSERT_TRUE(store(file, note_text(note)));
  }

  streams::TempFolder folder_;
  streams::TempFolder later_;
};

TEST_F(WantedEvidenceTest, AMajorityIsUnconfirmedWhereTheVersionInForceAsksForMore) {
  auto alliance = read_alliance(later_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  EXPECT_EQ(confirmation_text(alliance->head), "confirmed by 4 of 4 witnesses");
  auto share = read_share(later_.path(), *alliance, "wuxi", {});
  ASSERT_TRUE(share) << share.error().detail;
  EXPECT_EQ(confirmation_text(*share), "confirmed by 3 of 3 witnesses");
  keep_cosignatures(later_.path(), kDelta, 3);
  keep_cosignatures(later_.path(), kShareOfWuxi, 2);
  alliance = read_alliance(later_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  const auto text = confirmation_text(alliance->head);
  EXPECT_TRUE(text.starts_with("unconfirmed: cosigned by 3 of 4 witnesses, 4 needed")) << text;
  EXPECT_LT(alliance->head.confirmed, alliance->head.size());
  share = read_share(later_.path(), *alliance, "wuxi", {});
  ASSERT_TRUE(share) << share.error().detail;
  const auto of_share = confirmation_text(*share);
  EXPECT_TRUE(of_share.starts_with("unconfirmed: cosigned by 2 of 3 witnesses, 3 needed"))
      << of_share;
}

TEST_F(WantedEvidenceTest, WhatWasConfirmedBeforeTheChangeStaysSo) {
  auto before = read_alliance(folder_.path(), delta());
  ASSERT_TRUE(before) << before.error().detail;
  EXPECT_EQ(confirmation_text(before->head), "confirmed by 3 of 4 witnesses");
  auto share = read_share(folder_.path(), *before, "wuxi", {});
  ASSERT_TRUE(share) << share.error().detail;
  EXPECT_EQ(confirmation_text(*share), "confirmed by 2 of 3 witnesses");
  auto later = read_alliance(later_.path(), delta());
  ASSERT_TRUE(later) << later.error().detail;
  const auto again = count_cosigners(before->head.head, *later, "");
  ASSERT_TRUE(again);
  EXPECT_EQ(confirmation_text(*again), "confirmed by 3 of 4 witnesses") << "of its own size";
  share = read_share(folder_.path(), *later, "wuxi", {});
  ASSERT_TRUE(share) << share.error().detail;
  EXPECT_EQ(confirmation_text(*share), "confirmed by 2 of 3 witnesses") << "by its version";
}

TEST_F(WantedEvidenceTest, RowsSayTheSameAsTheLedger) {
  auto alliance = read_alliance(later_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  const auto of_alliance = league_.keeper(kDelta).snapshot();
  const auto of_city = league_.keeper(kWuxi).snapshot();
  const auto heard = wanted_quorum_heard(*of_city, "delta");
  ASSERT_TRUE(heard);
  EXPECT_EQ(alliance->wanted.in_force(), 4U);
  EXPECT_EQ(heard->in_force(), 4U);
  EXPECT_EQ(wanted_in_alliance(*of_alliance, std::nullopt), 4U);
  for (const uint32_t version : {0U, 1U, 2U, 3U}) {
    const uint32_t expected = version < 2 ? 0 : version == 2 ? 4 : kEveryWitness;
    EXPECT_EQ(alliance->wanted.of(version), expected) << version;
    EXPECT_EQ(heard->of(version), expected) << version;
    EXPECT_EQ(wanted_in_alliance(*of_alliance, version), expected) << version;
    EXPECT_EQ(wanted_in_city(*of_city, "delta", version), expected) << version;
  }
}

TEST_F(WantedEvidenceTest, ACityThatGoesOnReadingHoldsToTheFigureThatItHasHeard) {
  const auto alliance = read_alliance(later_.path(), delta());
  ASSERT_TRUE(alliance) << alliance.error().detail;
  const auto witnesses = witnesses_heard_of(*league_.keeper(kWuxi).snapshot(), "delta");
  ASSERT_TRUE(witnesses) << witnesses.error().detail;
  auto note = alliance->head.head.note;
  EXPECT_TRUE(witnesses->confirms(note));
  note.signatures.pop_back();
  EXPECT_FALSE(witnesses->confirms(note)) << "three of four";
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
