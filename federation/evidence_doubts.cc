#include "federation/evidence_doubts.h"

#include <filesystem>
#include <map>

#include "core/alliance/agreement.h"
#include "core/alliance/alliance.h"
#include "core/alliance/alliance_fold.h"
#include "core/base/durations.h"
#include "core/city/witness.h"
#include "core/evidence/tree.h"

namespace hansa::federation {
namespace {

using Kind = v1::FindingKind;

// What one city says of one joint action.
struct Account {
  std::string city;
  std::string text;
};
// By action_name().
using Accounts = std::map<std::string, std::vector<Account>>;

std::string action_name(const std::string& campaign, const std::string& joint_id,
                        const std::string& city, const std::string& partner) {
  return campaign + " " + joint_id + " of " + std::min(city, partner) + " and " +
         std::max(city, partner);
}

void take_accounts(const std::string& city, const v1::Payload& payload, Accounts& accounts) {
  for (const auto& event : payload.events()) {
    for (const auto& shared : event.entries_shared().events()) {
      const auto& recorded = shared.event().campaign_action_recorded();
      const auto& action = recorded.recorded();
      if (action.joint_id().empty()) continue;
      const auto key =
          action_name(recorded.campaign(), action.joint_id(), city, action.partner());
      accounts[key].push_back({city, action.day() + ", " + std::to_string(action.quantity()) +
                                         " " + action.unit()});
    }
  }
}

// The newest finding of the same counts.
void name_finding(Doubt& doubt, const v1::Finding& finding) {
  doubt.finding = finding.raised().finding();
  doubt.is_settled = finding.state() == v1::FindingState::settled;
}

std::vector<Doubt> differing(const LedgerId& alliance, const Accounts& accounts,
                             const std::vector<v1::Finding>& findings) {
  std::vector<Doubt> doubts;
  for (const auto& [key, told] : accounts) {
    if (told.size() != 2 || told[0].city == told[1].city || told[0].text == told[1].text) continue;
    doubts.push_back({Kind::differing, share_ledger(alliance.id, told[0].city).text(),
                      key + ": " + told[0].city + " tells of " + told[0].text + ", " +
                          told[1].city + " of " + told[1].text});
    for (const auto& finding : findings) {
      const auto& raised = finding.raised();
      if (raised.kind() != Kind::differing || raised.cities_size() != 2) continue;
      const auto name = action_name(raised.campaign(), raised.joint_id(), raised.cities(0),
                                    raised.cities(1));
      if (name == key) name_finding(doubts.back(), finding);
    }
  }
  return doubts;
}

// The alliance as its own log makes it.
class Fold {
 public:
  Result<void> take(const EvidenceEntry& entry) {
    time_us_ = entry.payload.time_us();
    for (const auto& event : entry.payload.events()) {
      const auto evolved = evolve_alliance(rows_, event, {entry.seq, time_us_, {}});
      if (!evolved || *evolved) continue;
      return fail(Errc::kChainBroken, "entry " + std::to_string(entry.seq) +
                                          " contradicts those before it: " +
                                          evolved->error().detail);
    }
    return {};
  }
  int64_t heartbeat_us(const std::string& city) { return expected_heartbeat_us(rows_, city); }
  std::vector<v1::Finding> findings() {
    std::vector<v1::Finding> all;
    rows_.scan(TableId::kFinding, "", "\xff", [&](std::string_view, const auto& row) {
      all.push_back(static_cast<const v1::Finding&>(row));
      return true;
    });
    return all;
  }
  int64_t time_us() const { return time_us_; }

 private:
  MapRows rows_;
  int64_t time_us_ = 0;
};

// ---- findings that bear their proof

struct ReadNote {
  Note note;
  LedgerCheckpoint checkpoint;
};

Result<ReadNote> read_note(const v1::FindingEvidence& evidence) {
  ReadNote read;
  HANSA_TRY(read.note, parse_note(evidence.note()));
  HANSA_TRY(read.checkpoint, read_ledger_note(read.note));
  return read;
}

Error not_borne_out(const v1::FindingRaised& raised, const std::string& why) {
  return {Errc::kDoesNotFollow,
          "finding " + raised.finding() + " is not borne out by its notes: " + why};
}

Result<KeyRanges> keys_for(AllianceEvidence& alliance, const std::string& ledger) {
  if (ledger == alliance.source.ledger.text()) return alliance.source.keys;
  const auto city = ledger.substr(ledger.rfind('/') + 1);
  HANSA_TRY(const auto source, share_source(alliance, city));
  return source.keys;
}

// The size of the shorter copy, read whole; and what the longer one has there.
Result<SignedHead> read_whole(const std::string& folder, const EvidenceSource& source, Seq size,
                              TreeHash& root) {
  TreeFrontier tree;
  return EvidenceFolder(folder, source.ledger)
      .read(source, [&](const EvidenceEntry& entry) -> Result<void> {
        if (entry.seq > size) return {};
        tree.append(leaf_hash(entry.value));
        if (entry.seq == size) root = tree.root();
        return {};
      });
}

// Of two sizes they are no proof by themselves: one must be of the copy, and the other not.
Result<bool> is_of_copy(const std::string& folder, const EvidenceSource& source,
                        const ReadNote& read) {
  TreeHash root;
  HANSA_TRY(const auto head, read_whole(folder, source, read.checkpoint.tree.size, root));
  if (read.checkpoint.tree.size > head.checkpoint.tree.size) {
    return fail(Errc::kNotYet, "the copy of " + source.ledger.text() + " has " +
                                   std::to_string(head.checkpoint.tree.size) +
                                   " entries, a finding has a checkpoint of " +
                                   std::to_string(read.checkpoint.tree.size) +
                                   "; copy it again");
  }
  return root == read.checkpoint.tree.root;
}

Result<void> check_two_sizes(const std::string& folder, const EvidenceSource& source,
                             const v1::FindingRaised& raised, const ReadNote& one,
                             const ReadNote& other) {
  if (raised.ledger() != source.ledger.text()) {
    return fail(not_borne_out(raised, "they are no two histories of one size"));
  }
  HANSA_TRY(const bool first, is_of_copy(folder, source, one));
  HANSA_TRY(const bool second, is_of_copy(folder, source, other));
  if (first != second) return {};
  return fail(not_borne_out(raised, first ? "both are of the copy's entries"
                                          : "none of them is of the copy's entries"));
}

Result<Doubt> check_fork(const std::string& folder, AllianceEvidence& alliance,
                         const v1::FindingRaised& raised) {
  HANSA_TRY(const auto keys, keys_for(alliance, raised.ledger()));
  HANSA_TRY(const auto one, read_note(raised.evidence(0)));
  HANSA_TRY(const auto other, read_note(raised.evidence(1)));
  for (const auto* note : {&one, &other}) {
    HANSA_CHECK(check_signed(note->note, note->checkpoint, keys));
    if (note->checkpoint.ledger.text() == raised.ledger()) continue;
    return fail(not_borne_out(raised, "one is of " + note->checkpoint.ledger.text()));
  }
  const auto size = one.checkpoint.tree.size;
  const auto size_of_other = other.checkpoint.tree.size;
  if (one.note.text == other.note.text) {
    return fail(not_borne_out(raised, "they are the same"));
  }
  if (size != size_of_other) {
    HANSA_CHECK(check_two_sizes(folder, alliance.source, raised, one, other));
  }
  return Doubt{Kind::fork, raised.ledger(),
               "its key has signed two histories: " + std::to_string(size) +
                   " entries with the root " + to_hex(one.checkpoint.tree.root) + ", " +
                   std::to_string(size_of_other) + " with " +
                   to_hex(other.checkpoint.tree.root)};
}

Result<Doubt> check_forgotten(AllianceEvidence& alliance, const v1::FindingRaised& raised) {
  const auto& city = raised.cities(0);
  const auto* member = alliance.members.find(city);
  const auto key = member == nullptr ? std::nullopt : witness_key(*member);
  if (!key) return fail(not_borne_out(raised, city + " is no witness"));
  HANSA_TRY(const auto read, read_note(raised.evidence(0)));
  HANSA_TRY(const auto time_s, signed_by(read.note, *key));
  const auto size = read.checkpoint.tree.size;
  const Seq said = raised.evidence(1).seq();
  if (!time_s || size <= said || read.checkpoint.ledger.text() != raised.ledger()) {
    return fail(not_borne_out(raised, city + " has not cosigned more than it said"));
  }
  return Doubt{Kind::forgotten, raised.ledger(),
               "the witness of " + city + " has cosigned " + std::to_string(size) +
                   " entries of it, and said that it had seen " + std::to_string(said)};
}

Result<void> add_proved(const std::string& folder, AllianceEvidence& alliance,
                        const std::vector<v1::Finding>& findings, std::vector<Doubt>& doubts) {
  for (const auto& finding : findings) {
    const auto& raised = finding.raised();
    const bool has_both = raised.evidence_size() == 2 && raised.cities_size() == 1;
    if (raised.kind() != Kind::fork && raised.kind() != Kind::forgotten) continue;
    if (!has_both) return fail(not_borne_out(raised, "there are not two sides"));
    HANSA_TRY(auto doubt, raised.kind() == Kind::fork ? check_fork(folder, alliance, raised)
                                                      : check_forgotten(alliance, raised));
    name_finding(doubt, finding);
    doubts.push_back(std::move(doubt));
  }
  return {};
}

}  // namespace

Result<LeagueDoubts> find_doubts(const std::string& folder, const EvidenceSource& source) {
  Fold fold;
  HANSA_TRY(auto alliance,
            read_alliance(folder, source, [&](const auto& entry) { return fold.take(entry); }));
  LeagueDoubts league{std::move(alliance), {}, {}};
  const auto findings = fold.findings();
  Accounts accounts;
  for (const auto& member : league.alliance.members.all()) {
    const auto ledger = share_ledger(source.ledger.id, member.city());
    if (!std::filesystem::exists(EvidenceFolder(folder, ledger).path() + "/checkpoint")) continue;
    int64_t last_us = 0;
    HANSA_TRY(auto head, read_share(folder, league.alliance, member.city(),
                                    [&](const EvidenceEntry& entry) {
                                      last_us = entry.payload.time_us();
                                      take_accounts(member.city(), entry.payload, accounts);
                                      return Result<void>();
                                    }));
    league.shares.push_back(std::move(head));
    const int64_t heartbeat_us = fold.heartbeat_us(member.city());
    const int64_t quiet_us = fold.time_us() - last_us;
    if (heartbeat_us == 0 || quiet_us < kHeartbeatsMissed * heartbeat_us + kCopiedWithinUs) {
      continue;
    }
    league.doubts.push_back(
        {Kind::silence, ledger.text(),
         "its last entry is " + std::to_string(quiet_us / kSecondUs) +
             " s older than that of the alliance, and a heartbeat is due every " +
             std::to_string(heartbeat_us / kSecondUs) + " s"});
    for (const auto& finding : findings) {
      const bool is_it = finding.raised().kind() == Kind::silence &&
                         finding.raised().ledger() == ledger.text() &&
                         finding.state() != v1::FindingState::settled;
      if (is_it) name_finding(league.doubts.back(), finding);
    }
  }
  for (auto& doubt : differing(source.ledger, accounts, findings)) {
    league.doubts.push_back(std::move(doubt));
  }
  HANSA_CHECK(add_proved(folder, league.alliance, findings, league.doubts));
  return league;
}

Result<void> check_one_history(const std::string& folder, const std::string& other,
                               const EvidenceSource& source) {
  HANSA_TRY(const auto one, EvidenceFolder(folder, source.ledger).head(source));
  HANSA_TRY(const auto two, EvidenceFolder(other, source.ledger).head(source));
  const Seq size = std::min(one.checkpoint.tree.size, two.checkpoint.tree.size);
  TreeHash first;
  TreeHash second;
  HANSA_CHECK(read_whole(folder, source, size, first));
  HANSA_CHECK(read_whole(other, source, size, second));
  if (first == second) return {};
  return fail(Errc::kForkFound, source.ledger.text() + ": its key has signed two histories; of "
                                    "the first " + std::to_string(size) + " entries " + folder +
                                    " has the root " + to_hex(first) + ", " + other + " has " +
                                    to_hex(second));
}

}  // namespace hansa::federation
