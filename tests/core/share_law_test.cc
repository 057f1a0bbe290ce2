// Goal (law 4): nothing stands in a share ledger but what the agreement in effect at its own entry
// *and* the one at the newest entry grant, at a time that both cover; all of that does; the rest is
// named, once, with its reason. The tombstones do not depend on where ranges were cut.
// Method: random histories of a city among two alliances, of its own events and of events of every
// type with texts and numbers that nobody else has; relays that lag at random. What may stand there
// is reckoned a second time, from names and values of leaves, without the code under test.
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "core/base/schema.h"
#include "tests/core/affiliated_city.h"
#include "tests/core/arbitrary_step.h"

namespace hansa {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Reason = v1::WithheldReason;

int draw(int below) {
  return *rc::gen::noShrink(rc::gen::resize(100, rc::gen::inRange(0, below)));
}

// ---- leaves, by name

struct Leaf {
  std::string name;   // as a grant names it
  std::string value;  // with its place in lists
  v1::DataClass highest;
  auto operator<=>(const Leaf&) const = default;
};

void collect(const Message& message, const std::string& name, const std::string& at,
             v1::DataClass above, std::vector<Leaf>& leaves) {
  std::vector<const FieldDescriptor*> present;
  message.GetReflection()->ListFields(message, &present);
  for (const auto* field : present) {
    const int items = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
    for (int i = 0; i < items; ++i) {
      const int index = field->is_repeated() ? i : -1;
      const std::string here = at + "/" + field->name() + std::to_string(i);
      const auto highest = std::max(above, data_class(*field));
      if (field->message_type() != nullptr) {
        const auto& inner = index < 0
                                ? message.GetReflection()->GetMessage(message, field)
                                : message.GetReflection()->GetRepeatedMessage(message, field, i);
        collect(inner, name + field->name() + ".", here, highest, leaves);
        continue;
      }
      std::string value;
      google::protobuf::TextFormat::PrintFieldValueToString(message, field, index, &value);
      leaves.push_back({name + field->name(), here + "=" + value, highest});
    }
  }
}

const Message& content_of(const v1::Event& event) {
  const auto* field = event.GetReflection()->GetOneofFieldDescriptor(
      event, v1::Event::descriptor()->oneof_decl(0));
  return event.GetReflection()->GetMessage(event, field);
}

std::vector<Leaf> leaves_of(const v1::Event& event) {
  std::vector<Leaf> leaves;
  collect(content_of(event), "", "", v1::PUBLIC, leaves);
  return leaves;
}

std::set<std::string> markers_of(const std::string& text) {
  std::set<std::string> found;
  for (size_t at = text.find('~'); at != std::string::npos; at = text.find('~', at + 1)) {
    size_t end = at + 1;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end > at + 1 && end < text.size() && text[end] == '~') {
      found.insert(text.substr(at, end - at));
    }
  }
  return found;
}

bool has_unknown(const Message& message) {
  if (message.GetReflection()->GetUnknownFields(message).field_count() > 0) return true;
  std::vector<const FieldDescriptor*> present;
  message.GetReflection()->ListFields(message, &present);
  for (const auto* field : present) {
    if (field->message_type() == nullptr) continue;
    const auto* reflection = message.GetReflection();
    if (!field->is_repeated()) {
      if (has_unknown(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (has_unknown(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

// Every message that is there is on the way to a granted leaf.
bool is_on_the_way(const Message& message, const std::string& name,
                   const std::set<std::string>& granted) {
  std::vector<const FieldDescriptor*> present;
  message.GetReflection()->ListFields(message, &present);
  for (const auto* field : present) {
    if (field->message_type() == nullptr) continue;
    const std::string below = name + field->name() + ".";
    const auto first = granted.lower_bound(below);
    if (first == granted.end() || !first->starts_with(below)) return false;
    if (field->is_repeated()) continue;
    if (!is_on_the_way(message.GetReflection()->GetMessage(message, field), below, granted)) {
      return false;
    }
  }
  return true;
}

// ---- what may be seen

void collect_names(const google::protobuf::Descriptor& type, const std::string& prefix,
                   v1::DataClass above, std::map<std::string, v1::DataClass>& names) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto* field = type.field(i);
    const auto own = std::max(above, data_class(*field));
    if (field->message_type() == nullptr) {
      names[prefix + field->name()] = own;
    } else {
      collect_names(*field->message_type(), prefix + field->name() + ".", own, names);
    }
  }
}

const auto& names_by_event() {
  static const auto kNames = [] {
    std::map<std::string, std::map<std::string, v1::DataClass>> all;
    for (const auto* field : city_event_fields()) {
      collect_names(*field->message_type(), "", v1::PUBLIC, all[field->message_type()->name()]);
    }
    return all;
  }();
  return kNames;
}

std::set<std::string> granted_names(const v1::Agreement& agreement, const std::string& event) {
  std::set<std::string> names;
  for (const auto& grant : agreement.grants()) {
    if (grant.event() != event) continue;
    for (const auto& name : grant.fields()) {
      const auto own = names_by_event().at(event).at(name);
      if (own > grant.highest_class() || own == v1::PERSONAL) return {};
      names.insert(name);
    }
  }
  return names;
}

const v1::Ratified* in_effect(const v1::Affiliation& row) {
  if (row.state() != v1::AffiliationState::joined) return nullptr;
  if (row.membership() != v1::Membership::admitted || row.agreement_suspended()) return nullptr;
  for (const auto& one : row.ratified()) {
    if (one.version() == row.version_in_force() && one.version() != 0) return &one;
  }
  return nullptr;
}

bool is_in_time(const v1::Agreement& agreement, int64_t time_us) {
  return agreement.valid_from_time_us() <= time_us &&
         (agreement.valid_until_time_us() == 0 || time_us < agreement.valid_until_time_us());
}

// What must be seen of one event of an entry, and nothing else; nullopt: not even that it is there.
struct Sight {
  const v1::Ratified* then;
  const v1::Ratified* now;
  int64_t time_us;
  std::string alliance;

  Reason::Value reason() const {
    if (then == nullptr || now == nullptr) return Reason::not_in_force;
    const bool both = is_in_time(then->agreement(), time_us) &&
                      is_in_time(now->agreement(), time_us);
    return both ? Reason::not_granted : Reason::not_in_time;
  }

  std::set<std::string> names(const std::string& event) const {
    std::set<std::string> both;
    if (reason() != Reason::not_granted) return both;
    const auto of_now = granted_names(now->agreement(), event);
    for (const auto& name : granted_names(then->agreement(), event)) {
      if (of_now.contains(name)) both.insert(name);
    }
    return both;
  }

  std::optional<std::vector<Leaf>> expect(const v1::Event& event) const {
    std::vector<Leaf> seen;
    const auto& content = content_of(event);
    const auto leaves = leaves_of(event);
    // What the alliance said of other members it need not hear again.
    if (event.alliance_heard().has_peer_heard()) return std::nullopt;
    if (!names_by_event().contains(content.GetDescriptor()->name())) {  // a word to an alliance
      if (!leaves.front().value.ends_with("\"" + alliance + "\"")) return std::nullopt;
      for (const auto& leaf : leaves) {
        if (leaf.highest == v1::PUBLIC) seen.push_back(leaf);
      }
      return seen;
    }
    const auto granted = names(content.GetDescriptor()->name());
    if (granted.empty()) return std::nullopt;
    for (const auto& leaf : leaves) {
      if (granted.contains(leaf.name)) seen.push_back(leaf);
    }
    return seen;
  }
};

// ---- histories

class History {
 public:
  void step() {
    city.now_us += draw(3) == 0 ? draw(1'000'000) : 0;
    const std::string alliance = draw(4) == 0 ? "bay" : "delta";
    switch (draw(10)) {
      case 0:
      case 1:
      case 2:
      case 3: return toward_effect(alliance);
      case 4: return disturb(alliance);
      case 5: return real_step();
      default: return city.record(synthetic(1 + draw(3)));
    }
  }

  AffiliatedCity city;

 private:
  v1::Agreement agreement() {
    v1::Agreement terms;
    terms.set_purpose(fill_.text());
    for (const auto& [event, names] : names_by_event()) {
      // A few are granted often, so that agreements have something in common.
      if (draw(6) >= (event.size() % 3 == 0 ? 4 : 2)) continue;
      auto& grant = *terms.add_grants();
      grant.set_event(event);
      grant.set_highest_class(static_cast<v1::DataClass>(1 + draw(3)));
      const bool too_much = draw(30) == 0;  // the schema has become stricter since
      for (const auto& [name, own] : names) {
        if ((own <= grant.highest_class() || too_much) && draw(2) == 0) grant.add_fields(name);
      }
    }
    if (draw(4) == 0) terms.set_valid_from_time_us(city.now_us - 500'000 + draw(1'000'000));
    if (draw(4) == 0) terms.set_valid_until_time_us(city.now_us + draw(4'000'000));
    return terms;
  }

  std::vector<v1::Event> synthetic(int count) {
    const auto fields = city_event_fields();
    std::vector<v1::Event> events;
    for (; count > 0; --count) {
      const auto* field = fields[static_cast<size_t>(draw(static_cast<int>(fields.size())))];
      auto& event = events.emplace_back(fill_.filled(*field));
      if (draw(4) == 0) add_unknown(*event.GetReflection()->MutableMessage(&event, field));
    }
    return events;
  }

  void add_unknown(Message& message) {
    const auto* reflection = message.GetReflection();
    reflection->MutableUnknownFields(&message)->AddLengthDelimited(9'000, fill_.text());
    std::vector<const FieldDescriptor*> present;
    reflection->ListFields(message, &present);
    for (const auto* field : present) {
      if (field->message_type() == nullptr || field->is_repeated()) continue;
      add_unknown(*reflection->MutableMessage(&message, field));
    }
  }

  void toward_effect(const std::string& alliance) {
    const auto* row = city.find(alliance);
    const uint32_t newest = city.versions[alliance];
    using Membership = v1::Membership;
    if (row == nullptr || row->state() != v1::AffiliationState::joined) {
      city.send(joining(alliance), draw(2) == 0 ? synthetic(1) : std::vector<v1::Event>{});
    } else if (row->membership() == Membership::suspended) {
      hear(alliance, [](auto& e) { e.mutable_city_reinstated()->set_city("test"); });
    } else if (row->membership() == Membership::expelled) {
      hear(alliance, [](auto& e) { e.mutable_city_readmitted()->set_city("test"); });
    } else if (row->membership() != Membership::admitted) {
      hear(alliance, [](auto& e) { e.mutable_city_joined()->set_city("test"); });
    } else if (newest == 0 || draw(5) == 0) {
      city.hear_proposal(agreement(), alliance);
    } else if (find_ratified(*row, newest) == nullptr) {
      if (city.ratify(alliance, newest) != "AgreementRatified") {
        city.hear_proposal(agreement(), alliance);
      }
    } else if (row->version_in_force() != newest) {
      hear(alliance, [&](auto& e) { e.mutable_agreement_took_effect()->set_version(newest); });
    } else if (row->agreement_suspended()) {
      hear(alliance, [&](auto& e) { e.mutable_agreement_resumed()->set_version(newest); });
    }
  }

  template <typename Fill>
  void hear(const std::string& alliance, const Fill& fill) {
    v1::Event event;
    fill(event);
    const auto* change = event.GetReflection()->GetOneofFieldDescriptor(
        event, v1::Event::descriptor()->oneof_decl(0));
    if (draw(6) == 0) add_unknown(*event.GetReflection()->MutableMessage(&event, change));
    if (draw(4) == 0) return pending_.push_back(event);
    pending_.push_back(event);
    city.hear(alliance, pending_);
    pending_.clear();
  }

  void disturb(const std::string& alliance) {
    const auto* row = city.find(alliance);
    if (row == nullptr) return;
    const int proposed = static_cast<int>(city.versions[alliance]);
    const auto some = 1 + static_cast<uint32_t>(draw(1 + proposed));
    const uint32_t version = row->version_in_force();
    const std::string why = fill_.text();
    switch (draw(12)) {
      case 0: {
        auto leave = to_alliance<v1::LeaveAlliance>(alliance);
        leave.set_reason(why);
        city.send(leave, synthetic(1));
        return;
      }
      case 1: {
        auto revoke = to_alliance<v1::RevokeRatification>(alliance, version);
        revoke.set_reason(why);
        city.send(revoke);
        return;
      }
      case 2: return hear(alliance, [&](auto& e) {
        e.mutable_agreement_suspended()->set_version(version);
        e.mutable_agreement_suspended()->set_reason(why);
      });
      case 3: return hear(alliance, [&](auto& e) {
        e.mutable_agreement_revoked()->set_version(version);
        e.mutable_agreement_revoked()->set_reason(why);
      });
      case 4: return hear(alliance, [&](auto& e) {
        e.mutable_agreement_expired()->set_version(version);
      });
      case 5: return hear(alliance, [&](auto& e) {
        e.mutable_agreement_dropped()->set_version(some);
        e.mutable_agreement_dropped()->set_reason(why);
      });
      case 6: return hear(alliance, [&](auto& e) {
        e.mutable_agreement_took_effect()->set_version(some);
      });
      case 7: return hear(alliance, [&](auto& e) {
        e.mutable_city_suspended()->set_city("test");
        e.mutable_city_suspended()->set_reason(why);
      });
      case 8: return hear(alliance, [&](auto& e) {
        e.mutable_city_expelled()->set_city(draw(2) == 0 ? "test" : "another");
        e.mutable_city_expelled()->set_reason(why);
      });
      case 9: return hear(alliance, [](auto& e) { e.mutable_city_withdrew()->set_city("test"); });
      case 10: return hear(alliance, [&](auto& e) {
        e.mutable_act_disregarded()->set_city("test");
        e.mutable_act_disregarded()->set_detail(why);
      });
      default: return hear(alliance, [](auto& e) { e.mutable_city_joined()->set_city("test"); });
    }
  }

  // One of the city's own, as its rules make it.
  void real_step() {
    Result<Decision> decision = fail(Errc::kInternal, "none");
    if (case_.empty() || draw(8) == 0) {
      auto command = report();
      command.set_description(fill_.text());
      command.set_address(fill_.text());
      command.mutable_contact()->set_phone("sealed1:" + fill_.text());
      decision = cases_.send(command, kCitizen);
      case_ = decision->subject_id;
    } else {
      const Step next = likely_step(cases_.row(case_), case_, cases_.now_us);
      decision = cases_.send(*next.command, next.by);
    }
    if (decision) city.record(decision->events);
  }

  FilledEvents fill_;
  TestCity cases_;
  std::string case_;
  std::vector<v1::Event> pending_;
};

// ---- the law

struct Counts {
  int shared = 0;
  int words = 0;
  int withheld[4] = {};
  int ended = 0;
  int lagging = 0;
};

void check_range(const AffiliatedCity& city, const v1::EntriesShared& shared, Counts& counts) {
  RC_ASSERT(!has_unknown(shared));
  const v1::Affiliation& newest = city.at("delta", shared.newest_seq());
  std::map<Seq, Reason::Value> withheld;
  for (const auto& range : shared.withheld()) {
    for (Seq seq = range.from_seq(); seq <= range.to_seq(); ++seq) {
      RC_ASSERT(withheld.emplace(seq, range.reason()).second);
    }
  }
  std::set<std::string> markers;
  int next = 0;
  for (Seq seq = shared.from_seq(); seq <= shared.to_seq(); ++seq) {
    const auto& payload = city.entries[seq].payload();
    const Sight sight{in_effect(city.at("delta", seq - 1)), in_effect(newest), payload.time_us(),
                      "delta"};
    const int before = next;
    for (int i = 0; i < payload.events_size(); ++i) {
      const auto expected = sight.expect(payload.events(i));
      if (!expected) continue;
      RC_ASSERT(next < shared.events_size());
      const auto& one = shared.events(next++);
      RC_ASSERT(one.seq() == seq);
      RC_ASSERT(one.index() == static_cast<uint32_t>(i));
      RC_ASSERT(one.time_us() == payload.time_us());
      RC_ASSERT(one.event().event_case() == payload.events(i).event_case());
      RC_ASSERT(leaves_of(one.event()) == *expected);
      for (const auto& leaf : *expected) markers.merge(markers_of(leaf.value));
      const auto& name = content_of(one.event()).GetDescriptor()->name();
      const bool is_word = !names_by_event().contains(name);
      if (!is_word) RC_ASSERT(is_on_the_way(content_of(one.event()), "", sight.names(name)));
      ++(is_word ? counts.words : counts.shared);
    }
    RC_ASSERT(withheld.contains(seq) == (next == before));
    if (next != before) continue;
    RC_ASSERT(withheld[seq] == sight.reason());
    ++counts.withheld[sight.reason()];
    withheld.erase(seq);
  }
  RC_ASSERT(next == shared.events_size());
  RC_ASSERT(withheld.empty());
  RC_ASSERT(markers_of(shared.SerializeAsString()) == markers);
}

// Which entries end which version for this city, whoever relays them and how.
std::map<Seq, uint32_t> ends_of(const AffiliatedCity& city) {
  std::map<Seq, uint32_t> ends;
  uint32_t version = 0;
  for (Seq seq = 1; seq <= city.seq(); ++seq) {
    auto row = city.at("delta", seq);
    if (const auto* now = in_effect(row)) version = now->version();
    row.set_agreement_suspended(false);  // a suspension ends nothing
    if (row.membership() == v1::Membership::suspended) {
      row.set_membership(v1::Membership::admitted);
    }
    if (version == 0 || in_effect(row) != nullptr) continue;
    ends[seq] = version;
    version = 0;
  }
  return ends;
}

void check_same_standing(const AffiliatedCity& city, ShareLedger& share) {
  const auto* row = share.rows.find(kAffiliationTable, "delta");
  auto own = city.at("delta", share.reached());
  RC_ASSERT((row == nullptr) == own.alliance().empty());
  remove_above(own, v1::PUBLIC);
  if (row != nullptr) RC_ASSERT(row->SerializeAsString() == own.SerializeAsString());
  RC_ASSERT(share.rows.find(kAffiliationTable, "bay") == nullptr);
}

void relay_all_at_random(const AffiliatedCity& city, Counts& counts) {
  ShareLedger share;
  std::map<Seq, uint32_t> ends;
  Seq newest = 0;
  while (share.reached() < city.seq()) {
    const Seq from = share.reached();
    const Seq to = std::min<Seq>(from + static_cast<Seq>(draw(12)), city.seq());
    newest = std::max(newest, to);
    if (draw(2) == 0) newest += static_cast<Seq>(draw(static_cast<int>(city.seq() - newest) + 1));
    counts.lagging += newest > to;
    const auto outcome = share.relay(share.next(city, to, newest));
    RC_ASSERT(outcome.starts_with("EntriesShared"));
    const auto& shared = share.shared();
    RC_ASSERT(shared.from_seq() == from + 1);
    RC_ASSERT(shared.to_seq() <= to);
    RC_ASSERT(shared.to_seq() > from || to == from);
    RC_ASSERT(shared.newest_seq() == newest);
    check_range(city, shared, counts);
    check_same_standing(city, share);
    RC_ASSERT(share.last->events.size() <= 2U);
    if (share.last->events.size() < 2) continue;
    const auto& ended = share.last->events[1].share_ended();
    RC_ASSERT(ended.city_seq() == share.reached());
    RC_ASSERT(ends.emplace(ended.city_seq(), ended.agreement_version()).second);
    ++counts.ended;
  }
  RC_ASSERT(ends == ends_of(city));
}

TEST(ShareLaw, NothingLeavesACityButWhatBothAgreementsGrant) {
  Counts counts;
  const bool held = rc::check("whatever happens and however far the relay lags", [&] {
    History history;
    for (int i = 20 + draw(180); i > 0; --i) history.step();
    // The same history twice, cut differently.
    relay_all_at_random(history.city, counts);
    relay_all_at_random(history.city, counts);
  });
  EXPECT_TRUE(held);
  EXPECT_GT(counts.shared, 500);
  EXPECT_GT(counts.words, 500);
  EXPECT_GT(counts.withheld[Reason::not_granted], 100);
  EXPECT_GT(counts.withheld[Reason::not_in_force], 100);
  EXPECT_GT(counts.withheld[Reason::not_in_time], 50);
  EXPECT_GT(counts.ended, 50);
  EXPECT_GT(counts.lagging, 100);
}

TEST(ShareLaw, EveryEventOfACityIsMadeOfLeavesThatATestCanTell) {
  FilledEvents fill;
  std::set<std::string> values;
  for (const auto* field : city_event_fields()) {
    for (const auto& leaf : leaves_of(fill.filled(*field))) {
      if (leaf.value.find('~') == std::string::npos) continue;
      EXPECT_TRUE(values.insert(*markers_of(leaf.value).begin()).second) << leaf.value;
    }
  }
  EXPECT_GT(values.size(), 100U);
}

}  // namespace
}  // namespace hansa
