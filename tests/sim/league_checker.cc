#include "tests/sim/league_checker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/alliance/identity.h"
#include "core/base/hash.h"
#include "core/evidence/ledger_note.h"
#include "tests/sim/folded_ledger.h"
#include "tests/sim/granted.h"

namespace hansa::sim {
namespace {

using google::protobuf::Message;

std::string name_of(const v1::Event& event) {
  const auto* content = content_of(event);
  return content == nullptr ? "nothing" : content->GetDescriptor()->name();
}

std::string text_of(const Message& message, const std::string& field) {
  const auto* found = message.GetDescriptor()->FindFieldByName(field);
  if (found == nullptr || found->is_repeated() ||
      found->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
    return "";
  }
  return message.GetReflection()->GetString(message, found);
}

// Whom an event of the alliance is about: `city`, or `cities`; empty: everybody.
std::set<std::string> cities_of(const Message& message) {
  std::set<std::string> cities;
  const auto* field = message.GetDescriptor()->FindFieldByName("cities");
  const bool is_list = field != nullptr && field->is_repeated();
  for (int i = 0; is_list && i < message.GetReflection()->FieldSize(message, field); ++i) {
    cities.insert(message.GetReflection()->GetRepeatedString(message, field, i));
  }
  if (message.GetDescriptor()->FindFieldByName("city") != nullptr) {
    cities.insert(text_of(message, "city"));
  }
  return cities;
}

// What the alliance makes of a city's word, each time that it takes one.
const std::map<std::string, std::string> kMeanings = {
    {"AllianceJoined", "CityJoined"},
    {"AllianceLeft", "CityWithdrew"},
    {"AgreementRatified", "CityRatified"},
    {"RatificationRevoked", "CityRevokedRatification"},
    {"CampaignCommitted", "CityCommitted"},
    {"CampaignDeclined", "CityDeclined"},
    {"CampaignActionRecorded", "CityActionRecorded"},
    {"CaseOffered", "HandoverOffered"},
    {"OfferTaken", "HandoverTaken"},
    {"TakenCaseMoved", "HandoverMoved"}};

// What a city hears of the alliance beside who its peers are, if it is for this city.
bool is_for(const v1::Event& event, const std::string& city) {
  static const std::set<std::string> kHeard = {
      "AgreementProposed", "AgreementDropped", "AgreementTookEffect", "AgreementSuspended",
      "AgreementResumed",  "AgreementRevoked", "AgreementExpired",    "CityJoined",
      "CityWithdrew",      "CitySuspended",    "CityReinstated",      "CityExpelled",
      "CityReadmitted",    "ActDisregarded",   "CampaignProposed",    "CampaignLaunched",
      "CampaignLapsed",    "CampaignClosed",   "FindingRaised",       "FindingSettled",
      "HandoverOffered",   "HandoverTaken",    "HandoverReturned",    "HandoverMoved",
      "CityKeyChanged",    "CityKeyRevoked"};
  if (!kHeard.contains(name_of(event))) return false;
  const auto cities = cities_of(*content_of(event));
  return cities.empty() || cities.contains(city);
}

// Where an offered case stands in the ledgers of both cities.
struct Offer {
  std::string name;  // "h7 of wuxi"
  const v1::CaseOffered* offered = nullptr;
  Seq offered_seq = 0;
  std::vector<std::pair<std::string, Seq>> taken;  // by whom, where
  std::optional<Seq> declined;                     // in the city that it is offered to
  std::optional<Seq> heard_taken;                  // in the city that offers it
  std::optional<Seq> given_back;
};

class LeagueCheck {
 public:
  explicit LeagueCheck(const LeagueEvidence& evidence)
      : evidence_(evidence), alliance_{std::string(kAllianceKind), evidence.alliance} {
    for (const auto& [ledger, one] : evidence.ledgers) {
      folded_.emplace(ledger, FoldedLedger(one.founding_id, one.records, one.ledger_kind));
    }
  }

  std::vector<Finding> run() {
    for (const auto& [ledger, one] : evidence_.ledgers) {
      for (auto& finding : check(one)) {
        found(finding.name, ledger.text() + ": " + finding.what);
      }
      check_alarms(ledger);
      check_positions(ledger);
      if (ledger.kind == kShareKind) check_share(ledger);
      if (ledger.kind != kCityKind) check_signed(ledger);
      if (ledger.kind == kCityKind) check_said(ledger.id);
      if (ledger.kind == kCityKind) check_heard(ledger.id);
    }
    check_notes();
    check_offers();
    return std::move(findings_);
  }

 private:
  void found(const std::string& name, std::string what) {
    findings_.push_back({name, std::move(what)});
  }
  const std::vector<LedgerEntry>& entries(const LedgerId& ledger) const {
    static const std::vector<LedgerEntry> kNone;
    const auto it = folded_.find(ledger);
    return it == folded_.end() ? kNone : it->second.entries();
  }
  static std::string at(const LedgerId& ledger, Seq seq) {
    return "entry " + std::to_string(seq) + " of " + ledger.text();
  }

  void check_alarms(const LedgerId& ledger) {
    for (const auto& entry : entries(ledger)) {
      for (const auto& event : entry.payload.events()) {
        const auto& stopped = event.input_quarantined();
        const bool is_key = stopped.code() == "bad_signature" &&
                            evidence_.changed_keys.contains(stopped.input());
        if (event.has_input_quarantined() && !is_key) {
          found("quarantined", at(ledger, entry.seq) + " stops " + stopped.input() + ": " +
                                   stopped.detail());
        }
        if (event.has_fork_found() || event.has_witness_forgot()) {
          found("false_alarm", at(ledger, entry.seq) + " says " + name_of(event));
        }
      }
    }
  }

  // ---- positions, and what was taken with them

  void check_positions(const LedgerId& ledger) {
    std::map<std::string, std::pair<Seq, uint32_t>> last;
    for (const auto& entry : entries(ledger)) {
      for (const auto& position : entry.payload.positions()) {
        if (!position.has_ledger()) continue;
        const auto& input = position.ledger();
        const std::string where =
            at(ledger, entry.seq) + " takes " + input.ledger() + " to " +
            std::to_string(input.seq());
        auto& before = last[input.ledger()];
        const std::pair now{input.seq(), input.begun()};
        if (now <= before) found("input_position", where + ", where it stood before");
        before = now;
        const auto source = LedgerId::parse(input.ledger());
        if (!source) {
          found("input_position", where + ", which is no ledger");
          continue;
        }
        const auto& read = entries(*source);
        const bool is_there = input.seq() <= read.size();
        if (is_there && input.seq() > 0 &&
            read[input.seq() - 1].hash.view() != std::string_view(input.sha256())) {
          found("input_position", where + " with another hash than it has there");
        }
        if (!is_there) found("input_position", where + ", which it does not have");
      }
    }
  }

  // ---- shares

  void check_share(const LedgerId& ledger) {
    const auto city_id = ledger.id.substr(ledger.id.find('/') + 1);
    const LedgerId city{std::string(kCityKind), city_id};
    const auto& source = entries(city);
    const GrantedBy granted(source, evidence_.alliance);
    Seq reached = 0;
    for (const auto& entry : entries(ledger)) {
      for (const auto& event : entry.payload.events()) {
        if (!event.has_entries_shared()) continue;
        const auto& shared = event.entries_shared();
        const std::string where = at(ledger, entry.seq);
        if (shared.from_seq() != reached + 1 || shared.to_seq() + 1 < shared.from_seq()) {
          found("range", where + " tells of " + std::to_string(shared.from_seq()) + " to " +
                             std::to_string(shared.to_seq()) + " behind " +
                             std::to_string(reached));
        }
        reached = shared.to_seq();
        const bool is_there = shared.newest_seq() <= source.size() &&
                              reached <= shared.newest_seq();
        if (!is_there || (reached > 0 && to_hex(source[reached - 1].hash) !=
                                             shared.source_sha256())) {
          found("range", where + " tells of entries up to " + std::to_string(reached) +
                             ", seen from " + std::to_string(shared.newest_seq()) +
                             ", that are not the city's");
          return;
        }
        check_shared(where, shared, source, granted);
      }
    }
    // What comes last may be what it cosigned of others, which waits for the next deed.
    for (Seq seq = reached + 1; seq <= source.size(); ++seq) {
      const auto& events = source[seq - 1].payload.events();
      const bool is_deed = std::any_of(events.begin(), events.end(), [](const auto& event) {
        return !event.has_checkpoint_cosigned();
      });
      if (!is_deed) continue;
      return found("withheld", ledger.text() + " ends with entry " + std::to_string(reached) +
                                   " of the city, and " + at(city, seq) + " is a deed");
    }
  }

  // One range: exactly what both agreements grant of it, in order.
  void check_shared(const std::string& where, const v1::EntriesShared& shared,
                    const std::vector<LedgerEntry>& source, const GrantedBy& granted) {
    int next = 0;
    for (Seq seq = shared.from_seq(); seq <= shared.to_seq(); ++seq) {
      const auto& entry = source[seq - 1];
      for (int i = 0; i < entry.payload.events_size(); ++i) {
        const auto expected = granted.expected(entry, i, shared.newest_seq());
        const auto* one = next < shared.events_size() ? &shared.events(next) : nullptr;
        const bool is_shared = one != nullptr && one->seq() == seq &&
                               one->index() == static_cast<uint32_t>(i);
        const std::string what =
            where + ": " + name_of(entry.payload.events(i)) + " of entry " + std::to_string(seq);
        if (is_shared) ++next;
        if (is_shared && !expected) {
          found("not_granted", what + " was not granted, seen from entry " +
                                   std::to_string(shared.newest_seq()));
        } else if (!is_shared && expected) {
          found("withheld", what + " was granted, seen from entry " +
                                std::to_string(shared.newest_seq()) + ", and is missing: " +
                                reason_of(shared, seq));
        } else if (is_shared) {
          compare(what, leaves(*content_of(one->event())), *expected);
        }
      }
    }
    if (next == shared.events_size()) return;
    found("not_granted", where + " shares an event that its entries do not have: " +
                             name_of(shared.events(next).event()) + " of entry " +
                             std::to_string(shared.events(next).seq()));
  }

  static std::string reason_of(const v1::EntriesShared& shared, Seq seq) {
    for (const auto& range : shared.withheld()) {
      if (range.from_seq() <= seq && seq <= range.to_seq()) {
        return v1::WithheldReason::Value_Name(range.reason());
      }
    }
    return "no reason is given";
  }

  void compare(const std::string& what, const std::vector<std::string>& shared,
               const std::vector<std::string>& expected) {
    for (const auto& leaf : shared) {
      if (std::find(expected.begin(), expected.end(), leaf) == expected.end()) {
        return found("not_granted", what + " shows " + leaf);
      }
    }
    if (shared.size() < expected.size()) found("withheld", what + " lacks granted fields");
  }

  // ---- what was said and what was heard

  // Every word of the city makes what it means, or a note that it means nothing, once.
  void check_said(const std::string& city) {
    std::map<std::string, int> said;
    for (const auto& entry : entries({std::string(kCityKind), city})) {
      for (const auto& event : entry.payload.events()) {
        const auto* content = content_of(event);
        if (content == nullptr || text_of(*content, "alliance") != evidence_.alliance) continue;
        const auto meaning = kMeanings.find(name_of(event));
        if (meaning != kMeanings.end()) ++said[meaning->second];
      }
    }
    std::map<std::string, int> taken;
    for (const auto& entry : entries(alliance_)) {
      for (const auto& event : entry.payload.events()) {
        if (event.act_disregarded().city() == city) {
          const auto meaning = kMeanings.find(event.act_disregarded().event());
          if (meaning != kMeanings.end()) ++taken[meaning->second];
        } else if (speaker_of(event) == city) {
          ++taken[name_of(event)];
        }
      }
    }
    for (const auto& [word, meaning] : kMeanings) {
      if (said[meaning] == taken[meaning]) continue;
      found(said[meaning] > taken[meaning] ? "never_heard" : "heard_twice",
            city + " said " + word + " " + std::to_string(said[meaning]) + " times, and " +
                alliance_.text() + " has taken it " + std::to_string(taken[meaning]) + " times");
    }
  }

  // Whose word made the event: of a handover the city that offers it, or that answers.
  static std::string speaker_of(const v1::Event& event) {
    const auto* content = content_of(event);
    if (content == nullptr) return "";
    if (event.has_handover_offered()) return event.handover_offered().cities(0);
    if (event.has_handover_taken()) return event.handover_taken().cities(1);
    if (event.has_handover_moved()) return event.handover_moved().cities(1);
    return text_of(*content, "city");
  }

  void check_heard(const std::string& city) {
    const LedgerId ledger{std::string(kCityKind), city};
    std::map<Seq, std::vector<std::string>> heard;
    for (const auto& entry : entries(ledger)) {
      for (const auto& event : entry.payload.events()) {
        const auto& one = event.alliance_heard();
        if (one.alliance() != evidence_.alliance || one.has_peer_heard()) continue;
        const auto* change = one.GetReflection()->GetOneofFieldDescriptor(
            one, v1::AllianceHeard::descriptor()->FindOneofByName("change"));
        if (change == nullptr) continue;
        heard[one.alliance_seq()].push_back(change->message_type()->name());
      }
    }
    for (const auto& entry : entries(alliance_)) {
      std::vector<std::string> expected;
      for (const auto& event : entry.payload.events()) {
        if (is_for(event, city)) expected.push_back(name_of(event));
      }
      const auto& taken = heard[entry.seq];
      if (taken == expected) continue;
      found(taken.size() < expected.size() ? "never_heard" : "heard_twice",
            at(alliance_, entry.seq) + " says " + std::to_string(expected.size()) +
                " things to " + city + ", which has heard " + std::to_string(taken.size()));
    }
  }

  // ---- what was signed

  void check_signed(const LedgerId& ledger) {
    TreeFrontier tree;
    auto& roots = roots_[ledger];
    roots.push_back(tree.root());
    for (const auto& entry : entries(ledger)) {
      for (const auto& event : entry.payload.events()) {
        if (!event.has_checkpoint_signed()) continue;
        const auto& checkpoint = event.checkpoint_signed();
        check_head(at(ledger, entry.seq), ledger, checkpoint.size(), checkpoint.sha256(),
                   checkpoint.root_sha256());
      }
      tree.append(entry.leaf.value_or(TreeHash()));
      roots.push_back(tree.root());
    }
  }

  void check_head(const std::string& where, const LedgerId& ledger, Seq size,
                  const std::string& tip, const std::string& root) {
    const auto& roots = roots_[ledger];
    if (size > 0 && size < roots.size() && to_hex(entries(ledger)[size - 1].hash) == tip &&
        to_hex(roots[size]) == root) {
      return;
    }
    found("unlanded_signed", where + " vouches for " + std::to_string(size) + " entries of " +
                                 ledger.text() + " that it does not have");
  }

  void check_notes() {
    for (const auto& text : evidence_.notes) {
      const auto note = parse_note(text);
      const auto read = note ? read_ledger_note(*note)
                             : Result<LedgerCheckpoint>(fail(note.error()));
      if (!read) {
        found("unlanded_signed", "a witness was shown what is no checkpoint");
        continue;
      }
      check_head("a note that a witness was shown", read->ledger, read->tree.size,
                 to_hex(read->tip), to_hex(read->tree.root));
    }
  }

  // ---- cases over the border

  void check_offers() {
    for (const auto& [ledger, one] : evidence_.ledgers) {
      if (ledger.kind == kCityKind) find_offers(ledger.id);
    }
    for (const auto& [ledger, one] : evidence_.ledgers) {
      if (ledger.kind == kCityKind) find_answers(ledger.id);
    }
    for (const auto& [key, offer] : offers_) {
      check_once(offer);
      check_rest(key.first, offer);
    }
  }

  void find_offers(const std::string& city) {
    for (const auto& entry : entries({std::string(kCityKind), city})) {
      for (const auto& event : entry.payload.events()) {
        if (!event.has_case_offered()) continue;
        const auto& offered = event.case_offered();
        auto& offer = offers_[{city, offered.handover()}];
        offer.name = offered.handover() + " of " + city;
        offer.offered = &offered;
        offer.offered_seq = entry.seq;
      }
    }
  }

  void find_answers(const std::string& city) {
    for (const auto& entry : entries({std::string(kCityKind), city})) {
      for (const auto& event : entry.payload.events()) {
        if (event.has_offer_taken()) {
          const auto& taken = event.offer_taken();
          offers_[{taken.from_city(), taken.handover()}].taken.emplace_back(city, entry.seq);
        } else if (event.has_offer_declined()) {
          const auto& declined = event.offer_declined();
          auto& offer = offers_[{declined.from_city(), declined.handover()}];
          if (!offer.declined) offer.declined = entry.seq;
        } else if (event.has_alliance_heard()) {
          take_heard(city, entry.seq, event.alliance_heard());
        }
      }
    }
  }

  void take_heard(const std::string& city, Seq seq, const v1::AllianceHeard& heard) {
    const auto offer_of = [&](const std::string& from, const std::string& handover) -> Offer* {
      const auto it = offers_.find({from, handover});
      return from != city || it == offers_.end() ? nullptr : &it->second;
    };
    if (heard.has_handover_taken()) {
      const auto& taken = heard.handover_taken();
      if (auto* offer = offer_of(taken.cities(0), taken.handover())) offer->heard_taken = seq;
    } else if (heard.has_handover_returned()) {
      const auto& back = heard.handover_returned();
      if (auto* offer = offer_of(back.cities(0), back.handover())) offer->given_back = seq;
    } else if (heard.act_disregarded().event() == "CaseOffered") {
      const auto& refused = heard.act_disregarded();
      auto* offer = offer_of(refused.city(), "h" + std::to_string(refused.city_seq()));
      if (offer != nullptr) offer->given_back = seq;
    }
  }

  void check_once(const Offer& offer) {
    if (offer.offered == nullptr) {
      return found("case_in_two", "a case was taken or declined that nobody offered");
    }
    const std::string which = "case " + offer.offered->offered().case_() + ", offered as " +
                              offer.name + " to " + offer.offered->to_city() + ",";
    if (offer.taken.size() > 1) found("case_in_two", which + " was taken twice");
    for (const auto& [by, seq] : offer.taken) {
      if (by != offer.offered->to_city()) found("case_in_two", which + " was taken by " + by);
      if (offer.declined && *offer.declined < seq) {
        found("case_in_two", which + " was taken by entry " + std::to_string(seq) +
                                 " and declined by entry " + std::to_string(*offer.declined));
      }
    }
    const bool is_taken = !offer.taken.empty();
    if (is_taken && offer.given_back) {
      found("case_in_two", which + " was taken, and given back to the city that offers it");
    }
    if (!is_taken && offer.heard_taken) {
      found("case_in_none", which + " was taken by nobody, and the city that offers it heard so");
    }
    if (!offer.heard_taken && !offer.given_back) {
      found(is_taken ? "case_in_two" : "case_in_none",
            which + (is_taken ? " was taken" : " was not taken") +
                ", and the city that offers it never hears of it");
    }
  }

  // From the offer to its end nothing is done on the case; taken, nothing ever is.
  void check_rest(const std::string& city, const Offer& offer) {
    static const std::set<std::string> kMayBe = {"FeedbackSent", "CitizenRated",
                                                 "FirstResponseRecorded", "DeadlineBreached",
                                                 "CaseOffered"};
    if (offer.offered == nullptr) return;
    const auto& id = offer.offered->offered().case_();
    bool is_referred = false;
    for (const auto& entry : entries({std::string(kCityKind), city})) {
      if (entry.seq <= offer.offered_seq) continue;
      if (offer.given_back && entry.seq >= *offer.given_back) break;
      for (const auto& event : entry.payload.events()) {
        if (event.case_offered().offered().case_() == id) {
          found("case_in_two", "case " + id + " of " + city + " is offered again by entry " +
                                   std::to_string(entry.seq) + ", while " + offer.name +
                                   " is not answered");
        }
        const auto* content = content_of(event);
        if (content == nullptr || text_of(*content, "case") != id) continue;
        const bool refers = event.has_case_referred_out() && offer.heard_taken == entry.seq;
        is_referred = is_referred || refers;
        if (refers || kMayBe.contains(name_of(event))) continue;
        found("case_in_two", "entry " + std::to_string(entry.seq) + " of " + city + " (" +
                                 name_of(event) + ") goes on with case " + id + ", which is " +
                                 "offered as " + offer.name);
      }
    }
  }

  const LeagueEvidence& evidence_;
  const LedgerId alliance_;
  std::map<LedgerId, FoldedLedger> folded_;
  std::map<LedgerId, std::vector<TreeHash>> roots_;
  std::map<std::pair<std::string, std::string>, Offer> offers_;  // by city and name
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_league(const LeagueEvidence& evidence) {
  return LeagueCheck(evidence).run();
}

}  // namespace hansa::sim
