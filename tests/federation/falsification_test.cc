// Goal: every falsification of federation/FALSIFICATIONS.md is found by the system, with the
// finding that the table names. Method: a league in one process in which one ledger or one witness
// lies; each test is a row of the table.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/alliance/ledger_finding.h"
#include "core/evidence/tree_rows.h"
#include "core/ledger/envelope.h"
#include "federation/missing_entries.h"
#include "federation/witness.h"
#include "streams/ledger_reader.h"
#include "tests/federation/forged_member.h"

namespace hansa::federation {
namespace {

using Kind = v1::FindingKind;

const LedgerId kForgedShare = share_ledger("delta", "forged");

class FalsificationTest : public ForgedMemberTest {
 protected:
  std::vector<v1::Finding> findings(Kind::Value kind) {
    std::vector<v1::Finding> found;
    for (Seq seq = 1; seq <= league_.landed_seq(kDelta); ++seq) {
      const auto row = league_.row(kDelta, kFindingTable, finding_key(finding_id(seq, 0)));
      if (row && row->raised().kind() == kind) found.push_back(*row);
    }
    return found;
  }
  // The member's ledger is refused with both sides, and the others are read on.
  void expect_refused(const std::string& code, const std::string& part) {
    league_.settle();
    const auto why = quarantined(kDelta, kForgedShare);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code(), code);
    EXPECT_NE(why->detail().find(part), std::string::npos) << why->detail();
    EXPECT_TRUE(input_health().is_quarantined);
    const auto found = findings(Kind::refused);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].raised().cities(0), "forged");
    EXPECT_EQ(found[0].raised().evidence_size(), 2);
    EXPECT_EQ(found[0].raised().evidence(1).seq(), why->seq());
    EXPECT_EQ(found[0].raised().evidence(1).sha256().size(), 64U) << "the entry is cited";
    league_.must(kWuxi, unit(kWuxi, 1));
    league_.settle();
    EXPECT_EQ(units_shared(kWuxi), units(1, 2));
    // Whoever keeps the node is told once why the link stands still: at once of what never passes.
    EXPECT_EQ(league_.long_waits().empty(), !streams::stops_ledger(input_health().waits->code));
    for (int i = 0; i < 2; ++i) {
      league_.env().advance_us(Links::kLongWaitUs);
      league_.settle();
    }
    EXPECT_EQ(std::ranges::count(league_.long_waits(), input_health().link), 1);
  }
  // Of the alliance's input from the member.
  federation::LinkHealth input_health() {
    for (const auto& link : league_.links().health()) {
      if (link.link == kForgedShare.text() + " > " + kDelta.text()) return link;
    }
    ADD_FAILURE() << "no such link";
    return {};
  }
  static v1::Event range(uint64_t from, uint64_t to) {
    v1::Event event;
    event.mutable_entries_shared()->set_alliance("delta");
    event.mutable_entries_shared()->set_city("forged");
    event.mutable_entries_shared()->set_from_seq(from);
    event.mutable_entries_shared()->set_to_seq(to);
    return event;
  }
  void join_and_ratify() {
    const auto heard = league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 1));
    ASSERT_TRUE(heard);
    share(1, 1, joined());
    v1::Event word = ratified(1);
    *word.mutable_agreement_ratified()->mutable_agreement() = heard->agreement();
    word.mutable_agreement_ratified()->set_sha256(heard->sha256());
    share(2, 2, word);
    league_.settle();
  }
  std::optional<Error> waits(const std::string& link) {
    for (const auto& health : league_.links().health()) {
      if (health.link == link) return health.waits;
    }
    return std::nullopt;
  }
};

TEST_F(FalsificationTest, AnEntryIsChangedUnderItsCheckpoint) {
  share(1, 1, joined());
  auto other = writer_;
  vouch(range(2, 2));
  v1::Payload changed;
  *changed.add_events() = range(2, 3);
  writer_ = other;
  append(writer_.next(changed.SerializeAsString()));
  v1::Payload checkpoint;
  *checkpoint.add_events()->mutable_checkpoint_signed() =
      sign_checkpoint(league_.seed(kForged), tree_.head());
  append(writer_.next(checkpoint.SerializeAsString()));
  expect_refused("fork_found", "here it has");
}

TEST_F(FalsificationTest, AnEntryIsDropped) {
  share(1, 1, joined());
  auto before = writer_;
  vouch(range(2, 2));
  vouch(range(3, 3));
  const auto head = tree_.head();
  writer_ = before;  // the chain is mended over the gap
  v1::Payload payload;
  *payload.add_events() = range(3, 3);
  append(writer_.next(payload.SerializeAsString()));
  payload.clear_events();
  *payload.add_events()->mutable_checkpoint_signed() =
      sign_checkpoint(league_.seed(kForged), head);
  append(writer_.next(payload.SerializeAsString()));
  expect_refused("fork_found", "a ledger only grows");
}

TEST_F(FalsificationTest, ARangeOfTheCitysEntriesIsDropped) {
  share(1, 1, joined());
  share(3, 3, ratified(1));
  expect_refused("fork_found", "left out");
}

TEST_F(FalsificationTest, EntriesAreReordered) {
  share(1, 1, joined());
  share(3, 3, joined());
  share(2, 2, joined());
  expect_refused("fork_found", "left out or told twice");
}

TEST_F(FalsificationTest, AnEntryIsBackDated) {
  write(range(1, 1), testing::kStartUs);
  write_checkpoint(testing::kStartUs);
  write(range(2, 2), testing::kStartUs - 1);
  expect_refused("chain_broken", "dated before");
}

TEST_F(FalsificationTest, ACheckpointIsSignedByAnUnknownKey) {
  share(1, 1, joined());
  v1::Event event;
  *event.mutable_checkpoint_signed() = sign_checkpoint(league_.seed(kWuxi), tree_.head());
  write(event);
  expect_refused("bad_signature", "size");
}

TEST_F(FalsificationTest, ACheckpointIsSignedByARetiredKey) {
  share(1, 1, joined());
  league_.settle();
  v1::RevokeCityKey revoke;
  revoke.set_alliance("delta");
  revoke.set_city("forged");
  revoke.set_public_key(league_.public_key(kForged));
  revoke.set_last_good_size(2);
  KeyEnd end{revoke.public_key(), 2, false, ""};
  const auto founding_id = to_hex(league_.founding_id(kForged));
  revoke.set_signature(to_hex(sign(league_.seed(kForged),
                                   end_text(kForgedShare, founding_id, end))));
  league_.must(kDelta, revoke);
  share(2, 2, joined());
  expect_refused("bad_signature", "for sizes 1 to 2");
}

TEST_F(FalsificationTest, AForkIsShownToTwoReaders) {
  share(1, 1, joined());
  league_.settle();
  const auto head = tree_.head(1);
  VouchedHead other = head;
  other.root = leaf_hash("another first entry");
  other.tip = sha256("another first entry");
  ASSERT_TRUE(cosign(kWuxi, 0, head).has_value());
  ASSERT_TRUE(cosign(kSuzhou, 0, other).has_value()) << "alone it cannot know";
  const auto answer = cosign(kWuxi, 1, other);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::kForkFound);
  league_.settle();
  const auto found = findings(Kind::fork);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].raised().ledger(), kForgedShare.text());
  EXPECT_EQ(found[0].raised().cities(0), "forged");
  EXPECT_NE(found[0].raised().evidence(0).note(), found[0].raised().evidence(1).note());
  EXPECT_EQ(cosign(kWuxi, 1, head).error().code, Errc::kForkFound) << "nothing more is cosigned";
}

TEST_F(FalsificationTest, AHeartbeatIsWithheld) {
  join_and_ratify();
  EXPECT_TRUE(findings(Kind::silence).empty());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(findings(Kind::silence).empty()) << i << " heartbeats";
    league_.env().advance_us(61 * 1'000'000);
    league_.settle();
  }
  auto found = findings(Kind::silence);
  ASSERT_EQ(found.size(), 1U) << "Wuxi and Suzhou speak";
  EXPECT_EQ(found[0].raised().cities(0), "forged");
  league_.env().advance_us(61 * 1'000'000);
  league_.settle();
  EXPECT_EQ(findings(Kind::silence).size(), 1U) << "once while it is open";
  EXPECT_EQ(input_health().kind, federation::LinkKind::kInput);
  EXPECT_TRUE(input_health().is_silent);
  write(range(3, 2));
  write_checkpoint();
  league_.settle();
  found = findings(Kind::silence);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].state(), v1::FindingState::settled);
  EXPECT_FALSE(input_health().is_silent);
}

TEST_F(FalsificationTest, PrivateHistoryIsRewrittenAfterACommitment) {
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  const auto records = streams::read_all(league_.log(), kWuxi).size();
  league_.close();
  league_.restore(kWuxi, records - 1);
  league_.open();
  for (int i = 2; i < 6; ++i) league_.must(kWuxi, unit(kWuxi, i));
  ASSERT_TRUE(league_.row(kWuxi, kAffiliationTable, "delta")) << "its rows are made anew";
  league_.settle();
  const auto why = waits("city/wuxi > share/delta/wuxi");
  ASSERT_TRUE(why) << "the relay must not wait in silence";
  EXPECT_EQ(why->code, Errc::kForkFound);
  EXPECT_NE(why->detail.find("was rewritten"), std::string::npos) << why->detail;
  EXPECT_EQ(units_shared(kWuxi), units(1, 2)) << "nothing of another history is shared";
}

// Nothing outside of the city knew of it: the next commitment fixes what it says by then.
TEST_F(FalsificationTest, PrivateHistoryIsRewrittenBeforeACommitment) {
  league_.must(kWuxi, unit(kWuxi, 1));
  const auto records = streams::read_all(league_.log(), kWuxi).size();
  league_.close();
  league_.restore(kWuxi, records - 1);
  league_.open();
  league_.must(kWuxi, unit(kWuxi, 2));
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(2, 3));
  EXPECT_FALSE(waits("city/wuxi > share/delta/wuxi"));
}

TEST_F(FalsificationTest, AWitnessForgets) {
  const auto all = streams::read_all(league_.log(), kSuzhou).size();
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  league_.env().advance_us(10 * 1'000'000);
  league_.settle();
  ASSERT_GT(streams::read_all(league_.log(), kSuzhou).size(), all) << "it has cosigned something";
  league_.close();
  league_.restore(kSuzhou, 4);
  league_.open();
  league_.settle();
  EXPECT_TRUE(findings(Kind::forgotten).empty()) << "a node that shows less may merely lag";
  league_.must(kWuxi, unit(kWuxi, 2));
  league_.env().advance_us(61 * 1'000'000);
  league_.settle();
  const auto found = findings(Kind::forgotten);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].raised().cities(0), "suzhou");
  EXPECT_GT(found[0].raised().evidence(0).seq(), found[0].raised().evidence(1).seq());
}

TEST_F(FalsificationTest, OneSideOfAJointActionIsInflated) {
  act_together(120);
  const auto found = findings(Kind::differing);
  ASSERT_EQ(found.size(), 1U);
  ASSERT_EQ(found[0].raised().accounts_size(), 2);
  EXPECT_EQ(found[0].raised().accounts(0).recorded().quantity(), 120U);
  EXPECT_EQ(found[0].raised().accounts(1).recorded().quantity(), 12U);
}

// The alliance's ledger as it stands, in a log of its own, which goes on otherwise by its own key,
// as it would be shown to Wuxi alone.
class SecondLedgerTest : public FalsificationTest {
 protected:
  SecondLedgerTest() {
    share(1, 1, joined());
    league_.settle();
    const auto values = streams::read_all(league_.log(), kDelta);
    for (const auto& value : values) put(value);
    forger_.go_behind(values.back());
    honest_ = values.size();
  }
  void put(const std::string& value) {
    streams::append_now(*log_, kDelta, {value}, offset_);
    ASSERT_EQ(chain_.apply(offset_++, value).kind, VerdictKind::kValid);
    forged_.add(value);
    ASSERT_TRUE(grow_tree(tiles_, chain_.position().seq, leaf_hash(value)));
  }
  void put_event(const v1::Event& event) {
    v1::Payload payload;
    payload.set_time_us(league_.env().now_us());
    *payload.add_events() = event;
    put(forger_.next(payload.SerializeAsString()));
  }
  void expel(const std::string& city) {
    v1::Event event;
    event.mutable_city_expelled()->set_city(city);
    put_event(event);
  }
  // Who has joined, with a key of the secretariat's.
  void bring_puppet(const std::string& city) {
    v1::Event event;
    auto& admitted = *event.mutable_city_admitted();
    admitted.set_city(city);
    admitted.set_founding_id(to_hex(league_.founding_id({"city", city})));
    admitted.set_witness_key(league_.witness_key({"city", city}));
    put_event(event);
    event.mutable_city_joined()->set_city(city);
    put_event(event);
  }
  // Over all that is there, cosigned by Wuxi and by these puppets.
  void confirm(const std::vector<std::string>& puppets) {
    const auto head = forged_.head();
    v1::Event event;
    *event.mutable_checkpoint_signed() = sign_checkpoint(league_.seed(kDelta), head);
    put_event(event);
    auto note = note_of(event.checkpoint_signed());
    const auto cosigned = cosign_as_wuxi(head);
    ASSERT_TRUE(cosigned) << cosigned.error().detail;
    std::vector<NoteSignature> signatures{*cosigned};
    for (const auto& city : puppets) {
      const LedgerId ledger{"city", city};
      signatures.push_back(cosign_note(witness_name(city, to_hex(league_.founding_id(ledger))),
                                       league_.witness_seed(ledger), note.text, 1'700'000'000));
    }
    note.signatures.insert(note.signatures.end(), signatures.begin(), signatures.end());
    event.mutable_checkpoint_confirmed()->set_size(head.size);
    event.mutable_checkpoint_confirmed()->set_note(note_text(note));
    put_event(event);
  }
  Result<NoteSignature> cosign_as_wuxi(const VouchedHead& head) {
    const auto row = league_.row(kWuxi, kWitnessedTable, kDelta.text());
    WitnessRequest request;
    request.note = note_text(note_of(sign_checkpoint(league_.seed(kDelta), head)));
    request.old_size = row ? row->size() : 0;
    request.proof = *consistency_proof(request.old_size, head.size, tiles_of(tiles_));
    std::promise<Result<NoteSignature>> answer;
    league_.links().witness("wuxi")->add_checkpoint(
        request, [&](Result<NoteSignature> cosigned) { answer.set_value(std::move(cosigned)); });
    return answer.get_future().get();
  }
  // By whoever reads from the first entry on.
  Seq handed_out() {
    const SignedReader::Source source{kDelta, league_.founding_id(kDelta),
                                      only_key(league_.public_key(kDelta))};
    SignedReader reader(*log_, source, {0, founding_hash(source.founding_id), 0, 0},
                        WitnessSet(std::vector<v1::Member>()));
    Seq last = 0;
    for (auto read = reader.read(); read && !read->empty(); read = reader.read()) {
      last = read->back().seq;
    }
    return last;
  }

  const streams::TempFolder folder_;
  std::unique_ptr<streams::EmbeddedLog> log_ =
      *streams::EmbeddedLog::open({.folder = folder_ / "log", .fsync = false});
  Chain chain_{league_.founding_id(kDelta)};
  VouchedTree forged_{kDelta, league_.founding_id(kDelta)};
  MapRows tiles_;
  Offset offset_ = 0;
  streams::EntryWriter forger_{league_.founding_id(kDelta), 5};
  Seq honest_ = 0;
};

TEST_F(SecondLedgerTest, ThatExpelsAllOthersIsHandedOutToNobody) {
  for (const char* city : {"suzhou", "forged"}) expel(city);
  confirm({});
  EXPECT_GT(handed_out(), 0U);
  EXPECT_LE(handed_out(), honest_) << "Wuxi is its quorum, and none of those before it";
}

TEST_F(SecondLedgerTest, ThatAdmitsAMajorityOfPuppetsIsHandedOutToNobody) {
  for (const char* city : {"p1", "p2", "p3"}) bring_puppet(city);
  confirm({"p1", "p2", "p3"});
  EXPECT_GT(handed_out(), 0U);
  EXPECT_LE(handed_out(), honest_) << "four of six are its quorum, one of them of those before it";
}

TEST_F(SecondLedgerTest, IsCosignedByNobodyWhoSawTheFirst) {
  propose();
  league_.settle();  // the true ledger goes on, and its witnesses with it
  const auto row = league_.row(kWuxi, kWitnessedTable, kDelta.text());
  ASSERT_TRUE(row);
  ASSERT_GT(row->size(), honest_);
  while (forged_.head().size <= row->size()) expel("suzhou");
  const auto cosigned = cosign_as_wuxi(forged_.head());
  ASSERT_FALSE(cosigned.has_value());
  EXPECT_EQ(cosigned.error().code, Errc::kBadProof) << "who saw one history cosigns no other";
}

// What Wuxi was shown, and cosigned, the others hold against what they read.
TEST_F(SecondLedgerTest, IsFoundByThoseWhoReadTheFirst) {
  for (const char* city : {"suzhou", "forged"}) expel(city);
  confirm({});
  for (int i = 0; i < 3; ++i) {
    propose();
    league_.settle();
  }
  EXPECT_TRUE(findings(Kind::fork).empty()) << "nobody has asked yet";
  league_.env().advance_us(61 * 1'000'000);
  league_.settle();
  league_.settle();
  const auto found = findings(Kind::fork);
  ASSERT_EQ(found.size(), 1U) << "once, whoever says it";
  const auto& raised = found[0].raised();
  EXPECT_EQ(raised.ledger(), kDelta.text());
  EXPECT_GT(raised.evidence(0).seq(), honest_) << "a checkpoint of what is read here";
  EXPECT_EQ(raised.evidence(1).seq(), honest_ + 2) << "and of what Wuxi was shown";
  for (const auto& city : {kWuxi, kSuzhou}) {
    const auto row = league_.row(city, kWitnessedTable, kDelta.text());
    ASSERT_TRUE(row);
    EXPECT_TRUE(row->is_forked()) << city.text() << " must cosign nothing more";
  }
}

// Entries that fit Wuxi's share ledger, by somebody who may write to its topic and has no key.
class ForeignEntryTest : public FalsificationTest {
 protected:
  ForeignEntryTest() {
    join_and_ratify();
    league_.must(kWuxi, unit(kWuxi, 1));
    league_.settle();
    const auto values = entries();
    forger_.go_behind(values.back());
    honest_ = values.size();
  }
  std::vector<std::string> entries() { return streams::read_all(league_.log(), kShare); }
  void forge(v1::Payload payload) {
    payload.set_time_us(league_.env().now_us());
    streams::append_now(league_.log(), kShare, {forger_.next(payload.SerializeAsString())},
                        *league_.log().end(kShare));
  }
  // What Wuxi never shared; and then it has something to share.
  void forge_range() {
    v1::Payload payload;
    auto& shared = *payload.add_events()->mutable_entries_shared();
    shared.set_alliance("delta");
    shared.set_city("wuxi");
    shared.set_from_seq(league_.landed_seq(kWuxi) + 1);
    shared.set_to_seq(league_.landed_seq(kWuxi) + 1);
    forge(payload);
    league_.must(kWuxi, unit(kWuxi, 2));
    league_.settle();
  }
  auto found_about_wuxi(Kind::Value kind) {
    const auto found = findings(kind);
    return std::count_if(found.begin(), found.end(), [](const auto& finding) {
      return finding.raised().cities(0) == "wuxi";
    });
  }
  std::string stopped() {
    for (const auto& health : league_.links().share_health()) {
      if (health.stopped) return health.stopped->detail;
    }
    return "";
  }
  void reopen() {
    league_.close();
    league_.open();
    league_.settle();
  }

  const LedgerId kShare = share_ledger("delta", "wuxi");
  streams::EntryWriter forger_{share_of(kWuxi).founding_id, 6};
  size_t honest_ = 0;
};

TEST_F(ForeignEntryTest, IsVouchedForByNobody) {
  forge_range();
  const std::string name = "entry " + std::to_string(honest_ + 1) + " of share/delta/wuxi";
  EXPECT_NE(stopped().find(name + " was not made by"), std::string::npos) << stopped();
  EXPECT_EQ(entries().size(), honest_ + 1) << "nothing is built on it";
  EXPECT_EQ(units_shared(kWuxi), units(1, 2)) << "and nobody takes it";
  reopen();
  const auto why = waits(kShare.text());
  ASSERT_TRUE(why) << "it is found before the rows know it, too";
  EXPECT_EQ(why->code, Errc::kForeignEntry) << why->detail;
  EXPECT_EQ(entries().size(), honest_ + 1);
  for (int i = 0; i < 4; ++i) {
    league_.env().advance_us(61 * 1'000'000);
    league_.settle();
  }
  EXPECT_EQ(found_about_wuxi(Kind::silence), 1) << "the alliance misses its word";
}

TEST_F(ForeignEntryTest, IsRefusedByReadersUnderAForeignCheckpoint) {
  forge_range();
  v1::Payload payload;
  const auto origin = origin_of("localhost", kShare, share_of(kWuxi).founding_id);
  *payload.add_events()->mutable_checkpoint_signed() = sign_checkpoint(
      league_.seed(kForged), {honest_ + 1, sha256(entries().back()), TreeHash(), origin});
  forge(payload);
  league_.settle();
  EXPECT_EQ(found_about_wuxi(Kind::refused), 1);
  reopen();
  EXPECT_TRUE(waits(kShare.text())) << "that checkpoint covers nothing for its own node, either";
}

TEST_F(ForeignEntryTest, IsTakenOnAnOperatorsWordAlone) {
  forge({});
  forge({});
  reopen();
  ASSERT_TRUE(waits(kShare.text()));
  league_.accept_to(kShare, honest_ + 1);
  reopen();
  ASSERT_TRUE(waits(kShare.text())) << "the word ends before the last one";
  league_.accept_to(kShare, honest_ + 2);
  reopen();
  EXPECT_FALSE(waits(kShare.text()));
  EXPECT_GT(entries().size(), honest_ + 2) << "it goes on, and vouches for what it has";
  league_.accept_to(kShare, 0);
  reopen();
  EXPECT_FALSE(waits(kShare.text())) << "its own checkpoint covers it from now on";
}

TEST_F(FalsificationTest, TheAllianceIsRestoredFromYesterdaysBackup) {
  const auto records = streams::read_all(league_.log(), kDelta).size();
  propose();
  league_.settle();
  league_.close();
  league_.restore(kDelta, records);
  league_.open();
  league_.settle();
  const auto why = waits("alliance/delta > witnesses");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, Errc::kLogBehind) << why->detail;
  EXPECT_EQ(streams::read_all(league_.log(), kDelta).size(), records) << "nothing was signed";
}

TEST_F(FalsificationTest, WhatABackupLacksComesBackFromAMembersCopy) {
  const auto records = streams::read_all(league_.log(), kDelta).size();
  propose();
  league_.settle();
  const streams::TempFolder folder;
  const EvidenceSource source{kDelta, league_.founding_id(kDelta),
                              only_key(league_.public_key(kDelta))};
  ASSERT_TRUE(write_evidence(league_.log(), kDelta, source.founding_id, folder.path(), true));
  league_.close();
  league_.restore(kDelta, records);
  {
    const auto log = league_.closed_log();
    const auto report = append_missing(EvidenceFolder(folder.path(), kDelta), source, *log);
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_EQ(report->here, records);
    EXPECT_GT(report->added, 0U);
  }
  league_.open();
  league_.settle();
  EXPECT_FALSE(waits("alliance/delta > witnesses")) << "it extends what the witnesses saw";
  const auto again = streams::read_all(league_.log(), kDelta).size();
  propose();
  league_.settle();
  EXPECT_GT(streams::read_all(league_.log(), kDelta).size(), again) << "it signs again";
  EXPECT_FALSE(waits("alliance/delta > witnesses"));
}

}  // namespace
}  // namespace hansa::federation
