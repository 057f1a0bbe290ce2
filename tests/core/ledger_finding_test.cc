// Goal: what cannot be true of a ledger, a witness or a member becomes a finding with both sides,
// once, and only where the evidence holds by itself.
// Method: the table in core/alliance/README.md is read and walked cell by cell; then every forged
// or misread piece of evidence, by its code.
#include "core/alliance/ledger_finding.h"

#include <gtest/gtest.h>

#include "tests/core/readme_table.h"
#include "tests/core/test_league.h"
#include "tests/core/test_log.h"

namespace hansa {
namespace {

using Kind = v1::FindingKind;

const FoundingId kFounding = *parse_hex<FoundingId>(std::string(32, 'd'));

TestLog share_of(const std::string& city) {
  return {share_ledger("delta", city), kFounding, city};
}

// Suzhou and Wuxi, and a third city whose keys are keys.
class KeyedLeague : public TestLeague {
 public:
  KeyedLeague() : TestLeague({"suzhou", "wuxi"}) {
    admit("keyed", 'e');
    v1::Event joined;
    joined.mutable_alliance_joined()->set_alliance("delta");
    EXPECT_EQ(say_event("keyed", joined), "CityJoined");
  }

  void admit(const std::string& city, char digit) {
    v1::AdmitCity admit;
    admit.set_alliance("delta");
    admit.set_city(city);
    admit.set_founding_id(std::string(32, digit));
    admit.set_public_key(key_of(city));
    admit.set_recovery_key(key_of("recovery of " + city));
    admit.set_witness_key(key_of("witness of " + city));
    EXPECT_EQ(send(admit), "CityAdmitted");
  }
};

v1::Event fork_of(TestLog& log, TestLog& other, Seq size = 5) {
  v1::Event event;
  auto& found = *event.mutable_fork_found();
  found.set_alliance("delta");
  found.set_ledger(log.ledger().text());
  found.set_cosigned_note(log.note(size));
  found.set_other_note(other.note(size));
  return event;
}
v1::Event keyed_fork() {
  auto log = share_of("keyed");
  auto other = log.branch(3);
  return fork_of(log, other);
}

v1::Event forgot_of(const LedgerId& ledger, const std::string& signer = "witness of keyed") {
  TestLog log(ledger, kFounding, "wuxi");
  v1::Event event;
  auto& forgot = *event.mutable_witness_forgot();
  forgot.set_alliance("delta");
  forgot.set_witness("keyed");
  forgot.set_ledger(ledger.text());
  forgot.set_cosigned_note(
      cosigned(log.note(5), witness_name("keyed", std::string(32, 'e')), signer));
  forgot.set_size_said(4);
  return event;
}

std::string report(TestLeague& league, const std::string& name) {
  if (name == "ForkFound") return league.say_event("suzhou", keyed_fork());
  if (name == "WitnessForgot") {
    return league.say_event("wuxi", forgot_of(share_ledger("delta", "wuxi")));
  }
  if (name == "ReportForgotten") {
    v1::ReportForgotten command;
    *command.mutable_forgotten() = forgot_of({"alliance", "delta"}).witness_forgot();
    return league.send(command);
  }
  if (name.starts_with("ReportSilence")) {
    v1::ReportSilence command;
    command.set_city("keyed");
    command.set_seq(7);
    command.set_time_us(kStart);
    command.set_is_heard_again(name.ends_with("again"));
    return league.send(command);
  }
  if (name == "ReleaseInput") {
    v1::ReleaseInput command;
    command.set_alliance("delta");
    command.set_city("keyed");
    command.set_reason("mended");
    return league.send(command);
  }
  v1::QuarantineInput command;
  command.mutable_quarantined()->set_input("share/delta/keyed");
  command.mutable_quarantined()->set_seq(9);
  command.mutable_quarantined()->set_sha256(std::string(64, 'a'));
  command.mutable_quarantined()->set_code("fork_found");
  command.mutable_quarantined()->set_detail("a range is left out");
  return league.send(command);
}

// What raises the finding that `name` is about.
std::string raiser_of(const std::string& name) {
  if (name == "ReleaseInput") return "QuarantineInput";
  return name.substr(0, name.find(','));
}

void lead_to(TestLeague& league, const std::string& state) {
  const auto id = league.findings().at(0).raised().finding();
  v1::Event word;
  if (state == "acknowledged" || state == "explained") {
    word.mutable_finding_acknowledged()->set_finding(id);
    ASSERT_EQ(league.say_event("keyed", word), "CityAcknowledgedFinding");
  }
  if (state == "explained") {
    word.mutable_finding_explained()->set_finding(id);
    ASSERT_EQ(league.say_event("keyed", word), "CityExplainedFinding");
  }
  if (state == "settled") {
    ASSERT_EQ(league.send(settlement(id)), "FindingSettled");
  }
}

TEST(LedgerFindingTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Ledger report");
  ASSERT_EQ(table.size(), 8U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      KeyedLeague league;
      if (table[0][column] != "none") {
        report(league, raiser_of(table[row][0]));
        lead_to(league, table[0][column]);
      }
      EXPECT_EQ(report(league, table[row][0]), table[row][column])
          << table[row][0] << " where it is " << table[0][column];
      league.check_replay();
    }
  }
}

const v1::FindingRaised& raised_by(TestLeague& league, const std::string& name) {
  static v1::FindingRaised raised;
  EXPECT_NE(report(league, name).find("FindingRaised"), std::string::npos) << name;
  raised = league.findings().at(0).raised();
  EXPECT_EQ(raised.evidence_size(), 2) << name;
  EXPECT_EQ(raised.campaign(), "");
  EXPECT_EQ(raised.cities_size(), 1);
  EXPECT_EQ(raised.cities(0), "keyed");
  return raised;
}

TEST(LedgerFinding, HoldsBothSidesWithTheirSources) {
  KeyedLeague forked;
  const auto& fork = raised_by(forked, "ForkFound");
  EXPECT_EQ(fork.kind(), Kind::fork);
  EXPECT_EQ(fork.ledger(), "share/delta/keyed");
  EXPECT_EQ(fork.evidence(0).by(), "suzhou");
  EXPECT_EQ(fork.evidence(0).note(), keyed_fork().fork_found().cosigned_note());
  EXPECT_EQ(fork.evidence(1).by(), "keyed");
  EXPECT_EQ(fork.evidence(1).note(), keyed_fork().fork_found().other_note());
  EXPECT_EQ(fork.evidence(1).seq(), 5U);

  KeyedLeague forgetful;
  const auto& forgotten = raised_by(forgetful, "WitnessForgot");
  EXPECT_EQ(forgotten.kind(), Kind::forgotten);
  EXPECT_EQ(forgotten.ledger(), "share/delta/wuxi");
  EXPECT_EQ(forgotten.evidence(0).by(), "keyed");
  EXPECT_EQ(forgotten.evidence(0).seq(), 5U);
  EXPECT_EQ(forgotten.evidence(1).by(), "wuxi");
  EXPECT_EQ(forgotten.evidence(1).seq(), 4U);

  KeyedLeague stopped;
  const auto& refused = raised_by(stopped, "QuarantineInput");
  EXPECT_EQ(refused.kind(), Kind::refused);
  EXPECT_EQ(refused.evidence(0).by(), "");
  EXPECT_EQ(refused.evidence(1).by(), "keyed");
  EXPECT_EQ(refused.evidence(1).seq(), 9U);
  EXPECT_EQ(refused.evidence(1).sha256(), std::string(64, 'a'));
  EXPECT_EQ(refused.evidence(1).text(), "fork_found: a range is left out");

  KeyedLeague silent;
  const auto& silence = raised_by(silent, "ReportSilence");
  EXPECT_EQ(silence.kind(), Kind::silence);
  EXPECT_EQ(silence.evidence(1).text(), "its last word is entry 7 of 2025-01-06");
}

TEST(LedgerFinding, IsHeardByTheCityItConcerns) {
  TestLeague league({"suzhou", "wuxi"});
  v1::ReportSilence command;
  command.set_city("wuxi");
  ASSERT_EQ(league.send(command), "FindingRaised");
  league.carry();
  const auto id = league.findings().at(0).raised().finding();
  auto& wuxi = league.cities.at("wuxi").rows;
  ASSERT_NE(find_heard_finding(wuxi, "delta", id), nullptr);
  EXPECT_EQ(find_heard_finding(wuxi, "delta", id)->raised().kind(), Kind::silence);
  EXPECT_EQ(find_heard_finding(league.cities.at("suzhou").rows, "delta", id), nullptr);
  v1::AcknowledgeFinding acknowledge;
  acknowledge.set_finding(id);
  ASSERT_EQ(league.act("wuxi", acknowledge), "FindingAcknowledged");
  command.set_is_heard_again(true);
  league.carry();
  ASSERT_EQ(league.send(command), "FindingSettled");
  league.carry();
  EXPECT_EQ(find_heard_finding(wuxi, "delta", id)->state(), v1::FindingState::settled);
  league.check_replay();
}

TEST(LedgerFinding, AForkIsTwoDifferentNotesOfOneLedgerByItsKey) {
  KeyedLeague league;
  auto log = share_of("keyed");
  auto other = log.branch(3);
  auto wuxi = share_of("wuxi");
  auto wuxi_other = wuxi.branch(3);
  TestLog elsewhere(share_ledger("bay", "keyed"), kFounding, "keyed");
  auto elsewhere_other = elsewhere.branch(3);
  TestLog founded_otherwise(log.ledger(), *FoundingId::from(std::string(16, 'x')), "keyed");
  const auto outcome = [&](const v1::Event& event) { return league.say_event("suzhou", event); };
  EXPECT_EQ(outcome(fork_of(log, log)), "bad_request");
  EXPECT_EQ(outcome(fork_of(log, founded_otherwise)), "bad_request");
  EXPECT_EQ(outcome(fork_of(elsewhere, elsewhere_other)), "unknown_member");
  EXPECT_EQ(outcome(fork_of(wuxi, wuxi_other)), "bad_signature") << "wuxi has another key";
  auto event = fork_of(log, other);
  event.mutable_fork_found()->set_other_note(other.note(6));
  EXPECT_EQ(outcome(event), "bad_request") << "of two sizes";
  event = fork_of(log, other);
  event.mutable_fork_found()->set_other_note(other.note_by("mallory", 5));
  EXPECT_EQ(outcome(event), "bad_signature");
  event.mutable_fork_found()->set_other_note("no note");
  EXPECT_EQ(outcome(event), "bad_request");
  event = fork_of(log, other);
  event.mutable_fork_found()->set_ledger("share/delta/wuxi");
  EXPECT_EQ(outcome(event), "bad_request") << "of another ledger than it says";
  event = fork_of(log, other);
  event.mutable_fork_found()->set_other_note(wuxi.note(5));
  EXPECT_EQ(outcome(event), "bad_request") << "of two ledgers";
  auto nobodys = share_of("nobody");
  auto nobodys_other = nobodys.branch(3);
  EXPECT_EQ(outcome(fork_of(nobodys, nobodys_other)), "unknown_member");
  EXPECT_TRUE(league.findings().empty());
  EXPECT_EQ(outcome(fork_of(log, other)), "FindingRaised");
}

// The alliance's own ledger has the entries of `own`, and eight of them are signed.
void stand_on(TestLeague& league, TestLog& own) {
  own.grow(league.alliance.rows);
  v1::CheckpointSigned head;
  head.set_origin(own.origin());
  head.set_size(8);
  head.set_sha256(to_hex(sha256("the last")));
  head.set_root_sha256(to_hex(own.root(8)));
  head.set_public_key(key_of("delta"));
  head.set_signature(to_hex(sign(seed_of("delta"), signed_text(head))));
  evolve_checkpoint(league.alliance.rows, head);
}

TEST(LedgerFinding, OfTheAlliancesOwnForkOneSideMustStandHere) {
  KeyedLeague league;
  TestLog own({"alliance", "delta"}, kFounding, "delta");
  auto shown = own.branch(3);
  auto third = own.branch(2);
  EXPECT_EQ(league.say_event("suzhou", fork_of(own, shown)), "bad_request") << "nothing is signed";
  stand_on(league, own);
  TestLog founded_otherwise(own.ledger(), *FoundingId::from(std::string(16, 'x')), "delta");
  auto its_branch = founded_otherwise.branch(3);
  EXPECT_EQ(league.say_event("suzhou", fork_of(founded_otherwise, its_branch)), "bad_request")
      << "of another alliance of the same name";
  EXPECT_EQ(league.say_event("suzhou", fork_of(shown, third)), "bad_request");
  EXPECT_EQ(league.say_event("suzhou", fork_of(own, shown, 9)), "bad_request") << "not signed yet";
  auto of_two_sizes = fork_of(own, own);
  of_two_sizes.mutable_fork_found()->set_other_note(own.note(4));
  EXPECT_EQ(league.say_event("suzhou", of_two_sizes), "bad_request") << "both stand here";
  of_two_sizes.mutable_fork_found()->set_other_note(third.note(4));
  of_two_sizes.mutable_fork_found()->set_cosigned_note(shown.note(5));
  EXPECT_EQ(league.say_event("suzhou", of_two_sizes), "bad_request") << "none stands here";
  ASSERT_EQ(league.say_event("suzhou", fork_of(shown, own)), "FindingRaised");
  EXPECT_EQ(league.findings().at(0).raised().cities(0), "suzhou");
  EXPECT_EQ(league.findings().at(0).raised().evidence(1).by(), "");
  KeyedLeague other;
  stand_on(other, own);
  EXPECT_EQ(other.say_event("suzhou", fork_of(own, shown)), "FindingRaised")
      << "whichever side comes first";
}

TEST(LedgerFinding, AWitnessIsAccusedByItsOwnCosignatureOnly) {
  KeyedLeague league;
  const auto ledger = share_ledger("delta", "wuxi");
  const auto outcome = [&](const v1::Event& event) { return league.say_event("wuxi", event); };
  EXPECT_EQ(outcome(forgot_of(ledger, "mallory")), "bad_signature");
  auto event = forgot_of(ledger);
  auto& forgot = *event.mutable_witness_forgot();
  forgot.set_size_said(5);
  EXPECT_EQ(outcome(event), "bad_request") << "it says what it cosigned";
  forgot.set_size_said(4);
  forgot.set_witness("suzhou");
  EXPECT_EQ(outcome(event), "unknown_member") << "suzhou has no witness";
  forgot.set_witness("nobody");
  EXPECT_EQ(outcome(event), "unknown_member");
  event = forgot_of(share_ledger("delta", "suzhou"));
  event.mutable_witness_forgot()->set_ledger(ledger.text());
  EXPECT_EQ(outcome(event), "bad_request") << "a note of another ledger";
  event = forgot_of(ledger);
  event.mutable_witness_forgot()->set_cosigned_note(share_of("wuxi").note(5));
  EXPECT_EQ(outcome(event), "bad_signature");
  EXPECT_EQ(outcome(forgot_of(share_ledger("delta", "suzhou"))), "bad_request")
      << "of another city's ledger";
  EXPECT_TRUE(league.findings().empty());
}

// Rows as a node has them: what a scan shows is there while it is shown.
class PassingRows final : public RowsView {
 public:
  explicit PassingRows(RowsView& rows) : rows_(rows) {}
  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override {
    shown_.emplace_back(row_prototype(table)->New());
    rows_.scan(table, from, to, [&](std::string_view key, const auto& row) {
      shown_.back()->CopyFrom(row);
      return visit(key, *shown_.back());
    });
    shown_.back()->Clear();
  }

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override {
    return rows_.find_any(table, key);
  }

 private:
  RowsView& rows_;
  std::vector<std::unique_ptr<google::protobuf::Message>> shown_;
};

TEST(LedgerFinding, IsSettledByItsNameAlsoWhereRowsPassBy) {
  KeyedLeague league;
  ASSERT_EQ(report(league, "ReportSilence"), "FindingRaised");
  v1::ReportSilence command;
  command.set_city("keyed");
  command.set_is_heard_again(true);
  PassingRows rows(league.alliance.rows);
  const auto decision =
      decide_command(kAllianceKind, rows, command, {Principal(), {}, league.now_us, 9});
  ASSERT_TRUE(decision.has_value());
  ASSERT_EQ(decision->events.size(), 1U);
  EXPECT_EQ(decision->events[0].finding_settled().finding(),
            league.findings().at(0).raised().finding());
}

TEST(LedgerFinding, SilenceIsExpectedOfWhoMaySpeak) {
  KeyedLeague league;
  v1::SuspendCity suspend;
  suspend.set_alliance("delta");
  suspend.set_city("keyed");
  ASSERT_EQ(league.send(suspend), "CitySuspended");
  EXPECT_EQ(report(league, "ReportSilence"), "nothing");
  v1::ReportSilence command;
  command.set_city("nobody");
  EXPECT_EQ(league.send(command), "unknown_member");
  league.admit("absent", 'f');
  command.set_city("absent");
  EXPECT_EQ(league.send(command), "nothing") << "it has not joined";
}

TEST(LedgerFinding, OneOfThemHidesNoOther) {
  KeyedLeague league;
  league.admit("second", 'f');
  const auto forgot = [&](const LedgerId& ledger, const std::string& witness, char digit) {
    v1::ReportForgotten command;
    auto& forgotten = *command.mutable_forgotten();
    forgotten = forgot_of(ledger).witness_forgot();
    forgotten.set_witness(witness);
    forgotten.set_cosigned_note(cosigned(TestLog(ledger, kFounding, "wuxi").note(5),
                                         witness_name(witness, std::string(32, digit)),
                                         "witness of " + witness));
    return league.send(command);
  };
  const LedgerId own{"alliance", "delta"};
  for (const char* outcome : {"FindingRaised", "nothing"}) {
    EXPECT_EQ(report(league, "ReportSilence"), outcome);
    EXPECT_EQ(forgot(own, "keyed", 'e'), outcome);
    EXPECT_EQ(forgot(own, "second", 'f'), outcome) << "another witness";
    EXPECT_EQ(forgot(share_ledger("delta", "wuxi"), "keyed", 'e'), outcome) << "another ledger";
  }
  EXPECT_EQ(league.findings().size(), 4U);
}

TEST(LedgerFinding, MembersOfWhomNothingWasReadAreSilentEachByItself) {
  KeyedLeague league;
  v1::ReportSilence command;
  for (const char* outcome : {"FindingRaised", "nothing", "FindingSettled"}) {
    for (const char* city : {"wuxi", "keyed"}) {
      command.set_city(city);
      command.set_is_heard_again(outcome == std::string("FindingSettled"));
      EXPECT_EQ(league.send(command), outcome) << city;
    }
  }
}

TEST(LedgerFinding, SilenceIsOfTheLedgerThatIsReadHere) {
  KeyedLeague league;
  v1::QuarantineInput quarantine;
  for (const char* input : {"no ledger", "share/delta/keyed", "share/delta/wuxi"}) {
    quarantine.mutable_quarantined()->set_input(input);
    EXPECT_EQ(league.send(quarantine), input == std::string("no ledger")
                                           ? "InputQuarantined"
                                           : "InputQuarantined + FindingRaised");
  }
  quarantine.mutable_quarantined()->set_input("share/delta/nobody");
  EXPECT_EQ(league.send(quarantine), "InputQuarantined") << "it concerns no member";
  v1::ReportSilence command;
  for (const char* city : {"wuxi", "keyed"}) {
    command.set_city(city);
    ASSERT_EQ(league.send(command), "FindingRaised") << city;
    EXPECT_EQ(league.last->events[0].finding_raised().ledger(),
              std::string("share/delta/") + city);
  }
  command.set_is_heard_again(true);
  ASSERT_EQ(league.send(command), "FindingSettled");
  EXPECT_FALSE(find_open_finding(league.alliance.rows, Kind::silence, "share/delta/keyed"));
  EXPECT_TRUE(find_open_finding(league.alliance.rows, Kind::silence, "share/delta/wuxi"));
}

}  // namespace
}  // namespace hansa
