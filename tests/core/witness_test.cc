// Goal: what a city cosigns of a ledger is always one history that only grows, whatever it is
// shown; what it refuses it names. Method: every refusal by its code with unchanged rows; then a
// random growing log with honest and forged requests, of which all that was cosigned is held
// against every history that there is.
#include "core/city/witness.h"

#include <gtest/gtest.h>

#include "core/base/env.h"
#include "tests/core/affiliated_city.h"
#include "tests/core/test_log.h"

namespace hansa {
namespace {

const FoundingId kDeltaId = *parse_hex<FoundingId>(std::string(32, 'd'));
const FoundingId kWuxiId = *parse_hex<FoundingId>(std::string(32, 'e'));
const FoundingId kTestId = *parse_hex<FoundingId>(std::string(32, 'f'));

TestLog share_of(const std::string& city, const FoundingId& id) {
  return {share_ledger("delta", city), share_founding_id(kDeltaId, id), city};
}
TestLog wuxi_share() { return share_of("wuxi", kWuxiId); }
TestLog delta_log() { return {{"alliance", "delta"}, kDeltaId, "delta"}; }

// The city `test`, a member of delta beside wuxi; away is admitted and has not joined.
class WitnessingCity : public AffiliatedCity {
 public:
  WitnessingCity() {
    auto join = joining("delta");
    join.set_founding_id(to_hex(kDeltaId));
    join.set_public_key(key_of("delta"));
    EXPECT_EQ(send(join), "AllianceJoined");
    admit("test", kTestId);
    admit("wuxi", kWuxiId);
    admit("away", kTestId, false);
  }

  void admit(const std::string& name, const FoundingId& id, bool joins = true) {
    hear_one([&](auto& event) {
      auto& admitted = *event.mutable_city_admitted();
      admitted.set_city(name);
      admitted.set_founding_id(to_hex(id));
      admitted.set_public_key(key_of(name));
    });
    if (joins) hear_one([&](auto& event) { event.mutable_city_joined()->set_city(name); });
  }
};

class WitnessTest : public ::testing::Test {
 protected:
  template <typename Command>
  void refuse(const Command& command, const std::string& code) {
    const auto before = city_.rows.dump();
    EXPECT_EQ(city_.send(command), code) << command.DebugString();
    EXPECT_EQ(city_.rows.dump(), before);
  }

  const v1::Witnessed* row(TestLog& log) {
    return city_.rows.find(kWitnessedTable, log.ledger().text());
  }

  WitnessingCity city_;
};

TEST_F(WitnessTest, CosignsWhatExtendsWhatItSaw) {
  auto alliance = delta_log();
  auto share = wuxi_share();
  for (auto* one : {&alliance, &share}) {
    auto& log = *one;
    EXPECT_EQ(city_.send(log.request(0, 3)), "CheckpointCosigned");
    EXPECT_EQ(city_.send(log.request(3, 8)), "CheckpointCosigned");
    ASSERT_NE(row(log), nullptr);
    EXPECT_EQ(row(log)->size(), 8U);
    EXPECT_EQ(row(log)->root_sha256(), to_hex(log.root(8)));
    EXPECT_EQ(row(log)->origin(), log.origin());
    EXPECT_EQ(row(log)->note(), log.note(8));
    EXPECT_EQ(row(log)->seq(), city_.seq());
    EXPECT_EQ(city_.send(log.request(8, 8)), "nothing") << "it is cosigned already";
    EXPECT_TRUE(city_.last->unchanged);
  }
}

TEST_F(WitnessTest, ItsSignatureIsOfTheTextAndTheTimeOfTheEntry) {
  auto log = wuxi_share();
  ASSERT_EQ(city_.send(log.request(0, 3)), "CheckpointCosigned");
  const auto name = witness_name("test", to_hex(kTestId));
  const NoteKey key{name, NoteKeyType::kCosignature, public_key_of(seed_of("witness"))};
  auto note = *parse_note(log.note(3));
  note.signatures.push_back(cosignature_of(*row(log), name, seed_of("witness")));
  const auto time_s = signed_by(note, key);
  ASSERT_TRUE(time_s && *time_s);
  EXPECT_EQ(**time_s, city_.now_us / 1'000'000);
}

TEST_F(WitnessTest, WhatOthersPutBesideTheSignatureIsNotRecorded) {
  auto log = wuxi_share();
  auto command = log.request(0, 3);
  command.set_note(cosigned(log.note(3), "hansa/witness/other", "other"));
  ASSERT_EQ(city_.send(command), "CheckpointCosigned");
  EXPECT_EQ(row(log)->note(), log.note(3));
}

TEST_F(WitnessTest, LedgersThatAreNotItsBusinessAreUnknown) {
  TestLog other_alliance({"alliance", "bay"}, kDeltaId, "delta");
  TestLog other_share(share_ledger("bay", "wuxi"), share_founding_id(kDeltaId, kWuxiId), "wuxi");
  TestLog own = share_of("test", kTestId);
  TestLog stranger = share_of("nobody", kWuxiId);
  TestLog not_joined = share_of("away", kTestId);
  TestLog city({"city", "wuxi"}, kWuxiId, "wuxi");
  city_.admit("delta", kDeltaId);
  TestLog city_of_its_name({"city", "delta"}, share_founding_id(kDeltaId, kDeltaId), "delta");
  TestLog founded_otherwise({"alliance", "delta"}, kWuxiId, "delta");
  TestLog shared_otherwise(share_ledger("delta", "wuxi"), kWuxiId, "wuxi");
  for (auto* log : {&other_alliance, &other_share, &own, &stranger, &not_joined, &city,
                    &city_of_its_name, &founded_otherwise, &shared_otherwise}) {
    refuse(log->request(0, 3), "unknown_log");
  }
}

TEST_F(WitnessTest, OfALeftAllianceItsOwnLedgerAloneIsWitnessed) {
  auto log = wuxi_share();
  ASSERT_EQ(city_.send(log.request(0, 3)), "CheckpointCosigned");
  ASSERT_EQ(city_.send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  refuse(log.request(3, 4), "unknown_log");
  auto alliance = delta_log();
  EXPECT_EQ(city_.send(alliance.request(0, 3)), "CheckpointCosigned") << "it says that it left";
}

TEST_F(WitnessTest, AMemberThatIsGoneIsWitnessedNoMore) {
  auto log = wuxi_share();
  city_.hear_one([](auto& event) { event.mutable_city_withdrew()->set_city("wuxi"); });
  refuse(log.request(0, 3), "unknown_log");
}

TEST_F(WitnessTest, AMemberThatWasAdmittedByNoFoundingIdIsNotWitnessed) {
  city_.hear_one([](auto& event) {
    event.mutable_city_admitted()->set_city("nobody");
    event.mutable_city_admitted()->set_founding_id("none");
  });
  city_.hear_one([](auto& event) { event.mutable_city_joined()->set_city("nobody"); });
  auto log = share_of("nobody", kWuxiId);
  refuse(log.request(0, 3), "internal");
}

TEST_F(WitnessTest, WhatWasCosignedIsANoteOfALedgerOrStopsTheFold) {
  for (const std::string note : {"no note", "a text\nof no ledger\n\n\u2014 a AAAAAAAA\n"}) {
    v1::Event event;
    event.mutable_checkpoint_cosigned()->set_ledger("share/delta/wuxi");
    event.mutable_checkpoint_cosigned()->set_note(note);
    MapRows rows;
    const auto evolved = evolve_witness(rows, event, {1, kStart, {}});
    ASSERT_TRUE(evolved.has_value());
    ASSERT_FALSE(evolved->has_value()) << note;
    EXPECT_EQ(evolved->error().code, Errc::kInternal);
    EXPECT_TRUE(rows.dump().empty());
  }
}

// A log keeps its name: under another one a second history could be shown.
TEST_F(WitnessTest, TheSameLedgerFromAnotherHostIsAnotherLog) {
  auto log = wuxi_share();
  ASSERT_EQ(city_.send(log.request(0, 3)), "CheckpointCosigned");
  auto command = log.request(3, 4);
  Note note;
  note.text = "elsewhere.org" + log.text(4).substr(std::string("localhost").size());
  const auto origin = note.text.substr(0, note.text.find('\n'));
  note.signatures.push_back(sign_note(origin, seed_of("wuxi"), note.text));
  command.set_note(note_text(note));
  refuse(command, "unknown_log");
}

TEST_F(WitnessTest, OnlyTheKeyThatCountsForTheSizeSigns) {
  auto log = wuxi_share();
  auto command = log.request(0, 5);
  command.set_note(log.note_by("mallory", 5));
  refuse(command, "bad_signature");
  command.set_note(log.note(5));
  command.mutable_note()->at(command.note().size() - 6) ^= 1;
  refuse(command, "bad_signature");
  command.set_note(log.note(5));
  city_.hear_one([](auto& event) {
    auto& changed = *event.mutable_city_key_changed();
    changed.set_city("wuxi");
    changed.set_public_key(key_of("new"));
    changed.set_from_size(10);
  });
  ASSERT_EQ(city_.send(command), "CheckpointCosigned");
  refuse(log.request(5, 10), "bad_signature");
  command = log.request(5, 9);
  command.set_note(log.note_by("new", 9));
  refuse(command, "bad_signature");
  command = log.request(5, 10);
  command.set_note(log.note_by("new", 10));
  ASSERT_EQ(city_.send(command), "CheckpointCosigned");
  city_.hear_one([](auto& event) {
    auto& revoked = *event.mutable_city_key_revoked();
    revoked.set_city("wuxi");
    revoked.set_public_key(key_of("new"));
    revoked.set_last_good_size(10);
  });
  command = log.request(10, 11);
  command.set_note(log.note_by("new", 11));
  refuse(command, "bad_signature");
}

TEST_F(WitnessTest, ARequestThatIsNoneIsBad) {
  auto log = wuxi_share();
  ASSERT_EQ(city_.send(log.request(0, 3)), "CheckpointCosigned");
  auto command = log.request(3, 5);
  command.set_old_size(6);
  refuse(command, "bad_request");
  command = log.request(3, 5);
  command.set_note("no note");
  refuse(command, "bad_request");
  Note note{.text = "a text\nof no ledger\n", .signatures = {}};
  note.signatures.push_back(sign_note(log.origin(), seed_of("wuxi"), note.text));
  command.set_note(note_text(note));
  refuse(command, "bad_request");
  command.set_note(log.note(5) + std::string(kWitnessedNoteBytesMax, 'x'));
  refuse(command, "bad_request");
  command = log.request(3, 5);
  command.mutable_proof(0)->pop_back();
  refuse(command, "bad_request");
}

TEST_F(WitnessTest, OfAnotherSizeItNamesItsOwn) {
  auto log = wuxi_share();
  const auto names = [this](Seq size) {
    return city_.last.error().detail.ends_with("up to size " + std::to_string(size) +
                                               "; prove from there");
  };
  refuse(log.request(2, 5), "other_size");
  EXPECT_TRUE(names(0));
  ASSERT_EQ(city_.send(log.request(0, 5)), "CheckpointCosigned");
  for (const Seq old_size : {0U, 4U, 6U}) {
    refuse(log.request(old_size, 9), "other_size");
    EXPECT_TRUE(names(5));
  }
  refuse(log.request(2, 4), "other_size");
  EXPECT_TRUE(names(5)) << "what is smaller than what it cosigned";
}

TEST_F(WitnessTest, AProofThatDoesNotLeadThereIsNone) {
  auto log = wuxi_share();
  auto begins = log.request(0, 5);
  begins.add_proof(std::string(log.root(5).view()));
  refuse(begins, "bad_proof");
  ASSERT_EQ(city_.send(log.request(0, 5)), "CheckpointCosigned");
  const auto good = log.request(5, 9);
  auto command = good;
  command.mutable_proof(0)->at(7) ^= 1;
  refuse(command, "bad_proof");
  command = good;
  command.mutable_proof()->RemoveLast();
  refuse(command, "bad_proof");
  command = good;
  command.add_proof(std::string(32, 'x'));
  refuse(command, "bad_proof");
  auto other = log.branch(4);
  refuse(other.request(5, 9), "bad_proof");
  command = log.request(5, 5);
  command.add_proof(std::string(32, 'x'));
  refuse(command, "bad_proof");
  command = good;
  while (command.proof_size() <= kWitnessProofHashesMax) command.add_proof(good.proof(0));
  refuse(command, "bad_proof");
  EXPECT_EQ(city_.send(good), "CheckpointCosigned");
}

TEST_F(WitnessTest, AForkIsFoundWithBothNotesAndNothingIsCosignedAfterIt) {
  auto log = wuxi_share();
  auto other = log.branch(4);
  ASSERT_EQ(city_.send(log.request(0, 5)), "CheckpointCosigned");
  const auto second = other.request(5, 5);
  ASSERT_EQ(city_.send(second), "ForkFound");
  EXPECT_EQ(city_.last->state, "forked");
  const auto& found = city_.last->events[0].fork_found();
  EXPECT_EQ(found.alliance(), "delta");
  EXPECT_EQ(found.ledger(), "share/delta/wuxi");
  EXPECT_EQ(found.cosigned_note(), log.note(5));
  EXPECT_EQ(found.other_note(), other.note(5));
  EXPECT_TRUE(row(log)->is_forked());
  EXPECT_EQ(row(log)->size(), 5U) << "what was cosigned before stands";
  for (const auto& command : {second, log.request(5, 5), log.request(5, 9)}) {
    refuse(command, "fork_found");
  }
  auto alliance = delta_log();
  EXPECT_EQ(city_.send(alliance.request(0, 3)), "CheckpointCosigned") << "others are";
}

TEST_F(WitnessTest, AnotherTipOverTheSameTreeIsAForkToo) {
  auto log = wuxi_share();
  ASSERT_EQ(city_.send(log.request(0, 5)), "CheckpointCosigned");
  auto command = log.request(5, 5);
  Note note;
  note.text = log.text(5);
  const auto tip = to_hex(sha256("another entry"));
  note.text.replace(note.text.find("tip ") + 4, tip.size(), tip);
  note.signatures.push_back(sign_note(log.origin(), seed_of("wuxi"), note.text));
  command.set_note(note_text(note));
  EXPECT_EQ(city_.send(command), "ForkFound");
}

TEST_F(WitnessTest, ALedgerThatOthersWereShownOtherwiseIsReportedOnce) {
  auto here = delta_log();
  auto there = here.branch(4);
  v1::ReportFork report;
  auto& found = *report.mutable_found();
  found.set_alliance("delta");
  found.set_ledger("alliance/delta");
  found.set_cosigned_note(here.note(9));
  found.set_other_note(there.note_by("mallory", 6));
  refuse(report, "bad_signature");
  found.set_other_note(wuxi_share().note(6));
  refuse(report, "bad_request");
  found.set_other_note(there.note(6));
  WitnessingCity unaware;
  EXPECT_EQ(unaware.send(report), "ForkFound") << "that never cosigned anything of it";
  ASSERT_EQ(city_.send(here.request(0, 9)), "CheckpointCosigned") << "nothing is known of it yet";
  ASSERT_EQ(city_.send(report), "ForkFound");
  EXPECT_EQ(city_.send(report), "nothing") << "it is known";
  refuse(here.request(0, 3), "fork_found");
}

TEST_F(WitnessTest, OfALedgerOfWhichAForkIsAllThatIsKnownNoTextIsSigned) {
  auto log = delta_log();
  v1::Event event;
  event.mutable_fork_found()->set_ledger("alliance/delta");
  MapRows rows;
  ASSERT_TRUE(*evolve_witness(rows, event, {1, kStart, {}}));
  const auto name = witness_name("test", to_hex(kTestId));
  const NoteKey key{name, NoteKeyType::kCosignature, public_key_of(seed_of("witness"))};
  const auto& forked = *rows.find(kWitnessedTable, "alliance/delta");
  for (Seq size = 1; size <= 9; ++size) {
    auto note = *parse_note(log.note(size));
    note.signatures.push_back(cosignature_of(forked, name, seed_of("witness")));
    const auto time_s = signed_by(note, key);
    EXPECT_FALSE(time_s && *time_s) << size;
  }
}

TEST_F(WitnessTest, AForgetfulWitnessIsReportedToAnAllianceOfTheCity) {
  v1::ReportForgotten report;
  report.mutable_forgotten()->set_alliance("delta");
  report.mutable_forgotten()->set_witness("wuxi");
  report.mutable_forgotten()->set_size_said(2);
  EXPECT_EQ(city_.send(report), "WitnessForgot");
  report.mutable_forgotten()->set_alliance("bay");
  EXPECT_NE(city_.send(report), "WitnessForgot");
}

TEST(WitnessQuorum, IsMoreThanHalfAndAtMostAll) {
  EXPECT_EQ(witness_quorum(0, 5), 0U) << "nobody could";
  for (uint32_t witnesses = 1; witnesses < 20; ++witnesses) {
    for (uint32_t wanted = 0; wanted < 25; ++wanted) {
      const auto quorum = witness_quorum(witnesses, wanted);
      EXPECT_GT(2 * quorum, witnesses);
      EXPECT_LE(quorum, witnesses);
      EXPECT_GE(quorum, std::min(wanted, witnesses));
    }
  }
}

TEST(WitnessQuorum, FitsIntoANoteBesideTwoSignaturesOfTheLedger) {
  for (uint32_t witnesses = 1; witnesses <= kWitnessesMax; ++witnesses) {
    ASSERT_LE(witness_quorum(witnesses, kQuorumMax) + 2, kNoteSignaturesMax) << witnesses;
  }
  Note note{"log\n7\nAAAA\n", {}};
  for (uint32_t i = 0; i < witness_quorum(kWitnessesMax, 0) + 2; ++i) {
    note.signatures.push_back({"witness-" + std::to_string(i), 7, "x"});
  }
  EXPECT_EQ(note.signatures.size(), kNoteSignaturesMax);
  EXPECT_TRUE(parse_note(note_text(note)));
}

// Requests from several histories that part at random, by the ledger's own key and by others.
TEST_F(WitnessTest, WhateverItIsShownWhatItCosignedIsOneHistory) {
  SeededEnv chance(17, "witness");
  const auto below = [&](uint64_t limit) {
    const auto bytes = chance.random_bytes(2);
    return (static_cast<uint8_t>(bytes[0]) * 256U + static_cast<uint8_t>(bytes[1])) % limit;
  };
  for (int run = 0; run < 60; ++run) {
    WitnessingCity fresh;
    auto honest = wuxi_share();
    auto second = honest.branch(below(30));
    auto third = honest.branch(below(30));
    const std::array<TestLog*, 3> histories{&honest, &second, &third};
    std::vector<v1::CheckpointCosigned> told;
    bool is_forked = false;
    for (int step = 0; step < 60; ++step) {
      auto& history = *histories[below(4) == 0 ? 1 + below(2) : 0];
      const Seq known = told.empty() ? 0 : told.back().size();
      const Seq size = 1 + below(TestLog::kEntries);
      const Seq old_size = below(4) == 0 ? below(size + 1) : std::min(known, size);
      auto command = history.request(old_size, size);
      if (below(8) == 0) command.set_note(history.note_by("mallory", size));
      if (below(8) == 0 && !command.proof().empty()) command.mutable_proof()->RemoveLast();
      const std::string outcome = fresh.send(command);
      EXPECT_FALSE(is_forked && outcome == "CheckpointCosigned") << "cosigned after a fork";
      is_forked = is_forked || outcome == "ForkFound";
      if (outcome != "CheckpointCosigned") continue;
      told.push_back(fresh.last->events[0].checkpoint_cosigned());
      EXPECT_GT(told.back().size(), known) << "a size fell";
      for (const auto& one : told) {
        EXPECT_EQ(one.root_sha256(), to_hex(history.root(one.size())))
            << "run " << run << ": sizes " << one.size() << " and " << size;
      }
    }
    EXPECT_FALSE(told.empty());
  }
}

}  // namespace
}  // namespace hansa
