// Goal:   the checker of leagues names each breach between ledgers, and says nothing where none is.
// Method: the ledgers of a league made by hand, each sound but for one thing.
#include "tests/sim/league_checker.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "core/alliance/identity.h"
#include "core/base/hash.h"
#include "core/base/schema.h"
#include "federation/checkpoint.h"
#include "tests/federation/vouched_tree.h"
#include "tests/sim/granted.h"
#include "tests/streams/log_helpers.h"

namespace hansa::sim {
namespace {

using google::protobuf::Message;
using Events = std::vector<v1::Event>;

constexpr int64_t kStartUs = 1'735'689'600'000'000;
const LedgerId kAlliance{"alliance", "delta"};
const LedgerId kWuxi{"city", "wuxi"};
const LedgerId kSuzhou{"city", "suzhou"};

// One ledger, written entry by entry.
struct Written {
  explicit Written(const LedgerId& ledger)
      : founding_id(*FoundingId::from(sha256(ledger.text()).view().substr(0, 16))),
        writer(founding_id, 1),
        tree(ledger, founding_id) {}

  Seq put(const v1::Payload& payload) {
    values.push_back(writer.next(payload.SerializeAsString()));
    tree.add(values.back());
    payloads.push_back(payload);
    return values.size();
  }

  FoundingId founding_id;
  streams::EntryWriter writer;
  federation::VouchedTree tree;
  std::vector<std::string> values;
  std::vector<v1::Payload> payloads;
};

class LeagueCheckerTest : public ::testing::Test {
 protected:
  LeagueCheckerTest() {
    for (const auto& ledger : {kAlliance, kWuxi, kSuzhou}) ledgers_.emplace(ledger, ledger);
    for (const auto& city : {kWuxi, kSuzhou}) {
      ledgers_.emplace(share_of(city), share_of(city));
      say(city, {joined()});
      v1::Event event;
      event.mutable_city_joined()->set_city(city.id);
      take(city, {event});
    }
    hear_all();
  }

  static LedgerId share_of(const LedgerId& city) { return share_ledger("delta", city.id); }
  static v1::Event joined() {
    v1::Event event;
    event.mutable_alliance_joined()->set_alliance("delta");
    return event;
  }
  static v1::Payload payload(const Events& events) {
    v1::Payload payload;
    payload.set_time_us(kStartUs);
    payload.mutable_cause()->set_kind(v1::CauseKind::input);
    for (const auto& event : events) *payload.add_events() = event;
    return payload;
  }
  Seq say(const LedgerId& city, const Events& events) {
    return ledgers_.at(city).put(payload(events));
  }

  // What its share ledger lacks is shared as one range: words to the alliance, and of units what
  // is granted.
  v1::EntriesShared range(const LedgerId& city, bool shares_units = false) {
    const auto& source = ledgers_.at(city);
    v1::EntriesShared shared;
    shared.set_alliance("delta");
    shared.set_city(city.id);
    shared.set_from_seq(reached_[city] + 1);
    shared.set_to_seq(source.values.size());
    shared.set_newest_seq(source.values.size());
    shared.set_source_sha256(to_hex(sha256(source.values.back())));
    for (Seq seq = shared.from_seq(); seq <= shared.to_seq(); ++seq) {
      const auto& events = source.payloads[seq - 1].events();
      for (int i = 0; i < events.size(); ++i) {
        if (events[i].has_case_referred_out() || events[i].has_case_closed()) continue;
        if (events[i].has_unit_defined() && !shares_units) continue;
        auto& one = *shared.add_events();
        one.set_seq(seq);
        one.set_index(static_cast<uint32_t>(i));
        *one.mutable_event() = events[i];
        if (one.event().has_unit_defined()) {
          one.mutable_event()->mutable_unit_defined()->clear_title();
        }
        remove_above(*one.mutable_event(), v1::PUBLIC);
      }
    }
    reached_[city] = shared.to_seq();
    return shared;
  }
  void share(const LedgerId& city, const v1::EntriesShared& shared) {
    v1::Event event;
    *event.mutable_entries_shared() = shared;
    ledgers_.at(share_of(city)).put(payload({event}));
  }

  // The city's words so far are relayed, and the alliance takes them with these events.
  void take(const LedgerId& city, const Events& events) {
    if (reached_[city] < ledgers_.at(city).values.size()) share(city, range(city));
    auto entry = payload(events);
    auto& position = *entry.add_positions()->mutable_ledger();
    const auto& source = ledgers_.at(share_of(city));
    position.set_ledger(share_of(city).text());
    position.set_seq(source.values.size());
    position.set_sha256(std::string(sha256(source.values.back()).view()));
    ledgers_.at(kAlliance).put(entry);
  }

  // Both cities hear what is new for them; a case that was taken is referred out.
  void hear_all() {
    for (const auto& city : {kWuxi, kSuzhou}) {
      const auto& said = ledgers_.at(kAlliance).payloads;
      for (Seq seq = heard_[city] + 1; seq <= said.size(); ++seq) {
        Events events;
        for (const auto& event : said[seq - 1].events()) add_heard(city, seq, event, events);
        if (!events.empty()) say(city, events);
      }
      heard_[city] = said.size();
    }
  }
  void add_heard(const LedgerId& city, Seq seq, const v1::Event& event, Events& events) {
    const auto& content = *content_of(event);
    const bool is_other = event.city_joined().city() == (city == kWuxi ? "suzhou" : "wuxi") ||
                          event.city_ratified().city() != "";
    if (is_other) return;
    v1::Event heard;
    auto& one = *heard.mutable_alliance_heard();
    one.set_alliance("delta");
    one.set_alliance_seq(seq);
    for (int i = 0; i < one.GetDescriptor()->field_count(); ++i) {
      const auto* field = one.GetDescriptor()->field(i);
      if (field->message_type() != content.GetDescriptor()) continue;
      one.GetReflection()->MutableMessage(&one, field)->CopyFrom(content);
    }
    events.push_back(heard);
    if (!event.has_handover_taken() || city != kWuxi) return;
    v1::Event referred;
    referred.mutable_case_referred_out()->set_case_("c1");
    referred.mutable_case_referred_out()->set_to("suzhou");
    events.push_back(referred);
  }

  // ---- a case over the border

  void offer() {
    v1::Event event;
    auto& offered = *event.mutable_case_offered();
    offered.set_alliance("delta");
    offered.set_from_city("wuxi");
    offered.set_to_city("suzhou");
    offered.set_handover("h" + std::to_string(ledgers_.at(kWuxi).values.size() + 1));
    offered.mutable_offered()->set_case_("c1");
    handover_ = offered.handover();
    say(kWuxi, {event});
    take(kWuxi, {about_handover<v1::HandoverOffered>()});
    hear_all();
  }
  template <typename Change>
  v1::Event about_handover() const {
    Change change;
    change.add_cities("wuxi");
    change.add_cities("suzhou");
    change.set_handover(handover_);
    v1::Event event;
    if constexpr (std::is_same_v<Change, v1::HandoverOffered>) {
      *event.mutable_handover_offered() = change;
    } else if constexpr (std::is_same_v<Change, v1::HandoverTaken>) {
      *event.mutable_handover_taken() = change;
    } else {
      *event.mutable_handover_returned() = change;
    }
    return event;
  }
  v1::Event taken() const {
    v1::Event event;
    auto& taken = *event.mutable_offer_taken();
    taken.set_alliance("delta");
    taken.set_from_city("wuxi");
    taken.set_handover(handover_);
    return event;
  }
  v1::Event declined() const {
    v1::Event event;
    auto& declined = *event.mutable_offer_declined();
    declined.set_alliance("delta");
    declined.set_from_city("wuxi");
    declined.set_handover(handover_);
    return event;
  }
  void take_offer() {
    say(kSuzhou, {taken()});
    take(kSuzhou, {about_handover<v1::HandoverTaken>()});
    hear_all();
  }

  // ---- an agreement on the names of units

  void agree() {
    v1::Event effect;
    effect.mutable_agreement_took_effect()->set_version(1);
    ledgers_.at(kAlliance).put(payload({effect}));
    hear_all();
    v1::Event event;
    auto& ratified = *event.mutable_agreement_ratified();
    ratified.set_alliance("delta");
    ratified.set_version(1);
    auto& grant = *ratified.mutable_agreement()->add_grants();
    grant.set_event("UnitDefined");
    grant.add_fields("unit");
    say(kWuxi, {event});
    v1::Event heard;
    heard.mutable_city_ratified()->set_city("wuxi");
    take(kWuxi, {heard});
  }
  static v1::Event unit() {
    v1::Event event;
    event.mutable_unit_defined()->set_unit("roads");
    event.mutable_unit_defined()->mutable_title()->set_en("Roads");
    return event;
  }

  LeagueEvidence evidence() {
    LeagueEvidence evidence{"delta", {}, notes_};
    for (auto& [ledger, written] : ledgers_) {
      auto& one = evidence.ledgers[ledger];
      one.founding_id = written.founding_id;
      one.records = written.values;
      one.ledger_kind = ledger.kind;
      one.has_links = true;
      one.secrets = {"+86 512 7"};
    }
    return evidence;
  }
  // What is found once all is shared that was said; ledgers made by hand fold into nothing.
  using Names = std::vector<std::string>;
  Names names() {
    for (const auto& city : {kWuxi, kSuzhou}) {
      if (reached_[city] < ledgers_.at(city).values.size()) share(city, range(city));
    }
    return names_as_is();
  }
  Names names_as_is() {
    std::set<std::string> found;
    for (const auto& finding : check_league(evidence())) {
      if (finding.name != "fold_failed") found.insert(finding.name);
    }
    return {found.begin(), found.end()};
  }

  std::map<LedgerId, Written> ledgers_;
  std::map<LedgerId, Seq> reached_;
  std::map<LedgerId, Seq> heard_;
  std::vector<std::string> notes_;
  std::string handover_;
};

TEST_F(LeagueCheckerTest, SoundLeague_NothingIsFound) {
  offer();
  take_offer();
  agree();
  say(kWuxi, {unit()});
  share(kWuxi, range(kWuxi, true));
  auto& share = ledgers_.at(share_of(kWuxi));
  v1::Event checkpoint;
  *checkpoint.mutable_checkpoint_signed() =
      federation::sign_checkpoint(std::string(32, 's'), share.tree.head());
  notes_.push_back(note_text(note_of(checkpoint.checkpoint_signed())));
  share.put(payload({checkpoint}));
  EXPECT_EQ(names(), Names{});
}

TEST_F(LeagueCheckerTest, TakenTwiceOrAfterDeclining_CaseInTwo) {
  offer();
  take_offer();
  say(kSuzhou, {taken()});
  take(kSuzhou, {about_handover<v1::HandoverTaken>()});
  hear_all();
  EXPECT_EQ(names(), Names{"case_in_two"});
}

TEST_F(LeagueCheckerTest, GivenBackAndTaken_CaseInTwo) {
  offer();
  say(kSuzhou, {declined()});
  take(kSuzhou, {about_handover<v1::HandoverReturned>()});
  hear_all();
  EXPECT_EQ(names(), Names{});
  take_offer();
  EXPECT_EQ(names(), Names{"case_in_two"});
}

TEST_F(LeagueCheckerTest, GoneOnWithWhileItIsOffered_CaseInTwo) {
  offer();
  v1::Event closed;
  closed.mutable_case_closed()->set_case_("c1");
  say(kWuxi, {closed});
  take_offer();
  EXPECT_EQ(names(), Names{"case_in_two"});
}

TEST_F(LeagueCheckerTest, NeverAnswered_CaseInNone) {
  offer();
  EXPECT_EQ(names(), Names{"case_in_none"});
}

TEST_F(LeagueCheckerTest, HeardThatItWasTakenByNobody_CaseInNone) {
  offer();
  ledgers_.at(kAlliance).put(payload({about_handover<v1::HandoverTaken>()}));
  hear_all();
  EXPECT_EQ(names(), (Names{"case_in_none", "heard_twice"}));
}

TEST_F(LeagueCheckerTest, SharedWithoutAnAgreement_NotGranted) {
  say(kWuxi, {unit()});
  share(kWuxi, range(kWuxi, true));
  EXPECT_EQ(names(), Names{"not_granted"});
}

TEST_F(LeagueCheckerTest, SharedThoughTakenBackByNow_NotGranted) {
  agree();
  say(kWuxi, {unit()});
  v1::Event revoked;
  revoked.mutable_ratification_revoked()->set_alliance("delta");
  revoked.mutable_ratification_revoked()->set_version(1);
  say(kWuxi, {revoked});
  share(kWuxi, range(kWuxi, true));
  v1::Event heard;
  heard.mutable_city_revoked_ratification()->set_city("wuxi");
  take(kWuxi, {heard});
  hear_all();
  const auto found = names();
  EXPECT_TRUE(std::find(found.begin(), found.end(), "not_granted") != found.end());
}

TEST_F(LeagueCheckerTest, AFieldMoreThanIsGranted_NotGranted) {
  agree();
  say(kWuxi, {unit()});
  auto shared = range(kWuxi, true);
  auto& one = *shared.mutable_events(shared.events_size() - 1)->mutable_event();
  one.mutable_unit_defined()->mutable_title()->set_en("Roads");
  share(kWuxi, shared);
  EXPECT_EQ(names(), Names{"not_granted"});
}

TEST_F(LeagueCheckerTest, GrantedAndNotShared_Withheld) {
  agree();
  say(kWuxi, {unit()});
  share(kWuxi, range(kWuxi));
  EXPECT_EQ(names(), Names{"withheld"});
}

TEST_F(LeagueCheckerTest, DeedsThatAreNeverShared_Withheld) {
  say(kWuxi, {unit()});
  EXPECT_EQ(names_as_is(), Names{"withheld"});
}

TEST_F(LeagueCheckerTest, SkippedOrDoubled_Range) {
  say(kWuxi, {unit()});
  auto shared = range(kWuxi);
  share(kWuxi, shared);
  EXPECT_EQ(names(), Names{});
  share(kWuxi, shared);
  EXPECT_EQ(names(), Names{"range"});
}

TEST_F(LeagueCheckerTest, OfAnotherHistory_Range) {
  say(kWuxi, {unit()});
  auto shared = range(kWuxi);
  shared.set_source_sha256(to_hex(sha256("another")));
  share(kWuxi, shared);
  EXPECT_EQ(names(), Names{"range"});
}

TEST_F(LeagueCheckerTest, BackwardsOrElsewhere_InputPosition) {
  take(kWuxi, {});
  EXPECT_EQ(names(), Names{});
  take(kWuxi, {});
  EXPECT_EQ(names(), Names{"input_position"});
}

TEST_F(LeagueCheckerTest, AWordWithoutEffect_NeverHeard) {
  v1::Event left;
  left.mutable_alliance_left()->set_alliance("delta");
  say(kWuxi, {left});
  take(kWuxi, {});
  EXPECT_EQ(names(), Names{"never_heard"});
}

TEST_F(LeagueCheckerTest, AWordTakenTwice_HeardTwice) {
  v1::Event again;
  again.mutable_city_joined()->set_city("wuxi");
  ledgers_.at(kAlliance).put(payload({again}));
  hear_all();
  EXPECT_EQ(names(), Names{"heard_twice"});
}

TEST_F(LeagueCheckerTest, TheAlliancesWordTwiceOrNotAtAll) {
  v1::Event dropped;
  dropped.mutable_agreement_dropped()->set_version(1);
  const Seq seq = ledgers_.at(kAlliance).put(payload({dropped}));
  EXPECT_EQ(names(), Names{"never_heard"});
  hear_all();
  EXPECT_EQ(names(), Names{});
  Events again;
  add_heard(kWuxi, seq, dropped, again);
  say(kWuxi, again);
  EXPECT_EQ(names(), Names{"heard_twice"});
}

TEST_F(LeagueCheckerTest, CheckpointOfEntriesThatAreNotThere_UnlandedSigned) {
  auto& share = ledgers_.at(share_of(kWuxi));
  v1::Event event;
  auto head = share.tree.head();
  *event.mutable_checkpoint_signed() = federation::sign_checkpoint(std::string(32, 's'), head);
  share.put(payload({event}));
  EXPECT_EQ(names(), Names{});
  head.tip = sha256("it never landed");
  *event.mutable_checkpoint_signed() = federation::sign_checkpoint(std::string(32, 's'), head);
  share.put(payload({event}));
  EXPECT_EQ(names(), Names{"unlanded_signed"});
}

TEST_F(LeagueCheckerTest, ShownToAWitnessAndNeverLanded_UnlandedSigned) {
  auto head = ledgers_.at(share_of(kWuxi)).tree.head();
  ++head.size;
  const auto event = federation::sign_checkpoint(std::string(32, 's'), head);
  notes_.push_back(note_text(note_of(event)));
  EXPECT_EQ(names(), Names{"unlanded_signed"});
}

TEST_F(LeagueCheckerTest, StoppedInputsAndAlarms) {
  v1::Event event;
  event.mutable_input_quarantined()->set_input("share/delta/wuxi");
  ledgers_.at(kAlliance).put(payload({event}));
  EXPECT_EQ(names(), Names{"quarantined"});
  v1::Event fork;
  fork.mutable_fork_found()->set_alliance("delta");
  say(kWuxi, {fork});
  EXPECT_EQ(names(), (Names{"false_alarm", "quarantined"}));
}

TEST_F(LeagueCheckerTest, PersonalTextInAShare_ClearText) {
  ledgers_.at(share_of(kWuxi)).values.push_back("a void with +86 512 7 in it");
  EXPECT_EQ(names(), Names{"clear_text"});
}

}  // namespace
}  // namespace hansa::sim
