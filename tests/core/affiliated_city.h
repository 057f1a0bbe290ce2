// AffiliatedCity: a city's ledger as its relays read it, with how it stands to alliances at every
// entry; FilledEvents: events of which every leaf is known again wherever it turns up.
//
// Shape:   send() decides a command of the city on its rows and records the entry; hear() takes
//          events of an alliance's ledger; record() writes any events down. at(alliance, seq) is
//          the row Affiliation behind that entry. ShareLedger holds what is relayed.
//          A text is `~<n>~`, n used once; a number is used once.
// Threads: one.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <vector>

#include "core/alliance/agreement.h"
#include "core/alliance/share.h"
#include "core/city/affiliation.h"
#include "core/city/witness.h"
#include "core/rules.h"
#include "tests/core/test_city.h"

namespace hansa {

class FilledEvents {
 public:
  std::string text() { return "~" + std::to_string(next_++) + "~"; }

  // Two items of every list.
  void fill(google::protobuf::Message& message) {
    const auto* type = message.GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      set(message, *type->field(i));
      if (type->field(i)->is_repeated()) set(message, *type->field(i));
    }
  }

  v1::Event filled(const google::protobuf::FieldDescriptor& event) {
    v1::Event all;
    fill(*all.GetReflection()->MutableMessage(&all, &event));
    return all;
  }

 private:
  using Field = google::protobuf::FieldDescriptor;

  void set(google::protobuf::Message& message, const Field& field) {
    const auto* reflection = message.GetReflection();
    const bool list = field.is_repeated();
    const uint32_t number = next_++;
    const auto* of = &field;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_MESSAGE:
        return fill(list ? *reflection->AddMessage(&message, of)
                         : *reflection->MutableMessage(&message, of));
      case Field::CPPTYPE_STRING:
        return list ? reflection->AddString(&message, of, text())
                    : reflection->SetString(&message, of, text());
      case Field::CPPTYPE_UINT32:
        return list ? reflection->AddUInt32(&message, of, number)
                    : reflection->SetUInt32(&message, of, number);
      case Field::CPPTYPE_INT32:
        return list ? reflection->AddInt32(&message, of, static_cast<int32_t>(number))
                    : reflection->SetInt32(&message, of, static_cast<int32_t>(number));
      case Field::CPPTYPE_UINT64:
        return list ? reflection->AddUInt64(&message, of, number)
                    : reflection->SetUInt64(&message, of, number);
      case Field::CPPTYPE_INT64:
        return list ? reflection->AddInt64(&message, of, number)
                    : reflection->SetInt64(&message, of, number);
      case Field::CPPTYPE_BOOL: return reflection->SetBool(&message, of, true);
      case Field::CPPTYPE_ENUM: {
        const auto* values = field.enum_type();
        return reflection->SetEnumValue(&message, of,
                                        values->value(values->value_count() - 1)->number());
      }
      default: FAIL() << "no event has a field like " << field.full_name();
    }
  }

  uint32_t next_ = 100'000'000;
};

// The events that can stand in a city's ledger and are no word to an alliance.
inline std::vector<const google::protobuf::FieldDescriptor*> city_event_fields() {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto* field = all->field(i);
    if (field->number() < v1::Event::kCityFounded) continue;  // of any ledger, granted by none
    if (field->number() >= v1::Event::kAllianceFounded) continue;
    if (!field->options().GetExtension(v1::to_alliance)) fields.push_back(field);
  }
  return fields;
}

inline v1::JoinAlliance joining(const std::string& alliance) {
  v1::JoinAlliance command;
  command.set_city("test");
  command.set_alliance(alliance);
  command.set_founding_id(std::string(32, 'a'));
  command.set_public_key(std::string(64, 'b'));
  command.set_recovery_key(std::string(64, 'c'));
  return command;
}

template <typename Command>
Command to_alliance(const std::string& alliance, uint32_t version = 0) {
  Command command;
  command.set_city("test");
  command.set_alliance(alliance);
  if constexpr (requires { command.set_version(version); }) command.set_version(version);
  return command;
}

class AffiliatedCity {
 public:
  AffiliatedCity() {
    rows.put(kCityTable, "");
    entries.resize(1);  // so that an entry stands at its seq
    standings.resize(1);
  }

  std::string send(const google::protobuf::Message& command,
                   const std::vector<v1::Event>& together_with = {}) {
    const DecideContext context{kAdmin, {}, now_us, seq() + 1};
    last = decide_command(kCityKind, rows, command, context);
    if (!last) return std::string(error_info(last.error().code).name);
    auto events = together_with;
    events.insert(events.end(), last->events.begin(), last->events.end());
    record(events);
    for (const auto& event : last->events) {
      if (const auto evolved = evolve_witness(rows, event, {seq(), now_us, {}})) {
        EXPECT_TRUE(*evolved) << evolved->error().detail;
      }
    }
    return outcome(last);
  }

  std::string ratify(const std::string& alliance, uint32_t version) {
    auto command = to_alliance<v1::RatifyAgreement>(alliance, version);
    const auto* heard = rows.find(kHeardAgreementTable, heard_key(alliance, version));
    if (heard != nullptr) command.set_sha256(heard->sha256());
    return send(command);
  }

  std::string hear(const std::string& alliance, const std::vector<v1::Event>& events) {
    v1::TakeHeard command;
    command.set_alliance(alliance);
    command.set_city("test");
    for (const auto& event : events) {
      auto& heard = *command.add_heard();
      heard.set_seq(++alliance_seq);
      *heard.mutable_event() = event;
    }
    return send(command);
  }

  template <typename Fill>
  std::string hear_one(const Fill& fill, const std::string& alliance = "delta") {
    v1::Event event;
    fill(event);
    return hear(alliance, {event});
  }

  void hear_proposal(const v1::Agreement& agreement, const std::string& alliance = "delta") {
    v1::Event event;
    auto& proposed = *event.mutable_agreement_proposed();
    proposed.set_version(++versions[alliance]);
    *proposed.mutable_agreement() = agreement;
    proposed.set_sha256(agreement_sha256(agreement));
    ASSERT_EQ(hear(alliance, {event}), "AllianceHeard");
  }

  // Joined, admitted, ratified and in force, as the next version.
  void bring_in_force(const v1::Agreement& agreement, const std::string& alliance = "delta") {
    if (find(alliance) == nullptr) {
      ASSERT_EQ(send(joining(alliance)), "AllianceJoined");
      hear_one([](auto& e) { e.mutable_city_joined()->set_city("test"); }, alliance);
    }
    hear_proposal(agreement, alliance);
    const uint32_t version = versions[alliance];
    ASSERT_EQ(ratify(alliance, version), "AgreementRatified");
    hear_one([&](auto& e) { e.mutable_agreement_took_effect()->set_version(version); },
             alliance);
  }

  void record(const std::vector<v1::Event>& events) {
    auto& source = entries.emplace_back();
    source.set_seq(entries.size() - 1);
    source.set_sha256(to_hex(sha256(std::to_string(source.seq()))));
    source.set_next_offset(2 * source.seq());
    source.mutable_payload()->set_time_us(now_us);
    for (const auto& event : events) {
      *source.mutable_payload()->add_events() = event;
      const auto evolved = evolve_affiliation(rows, event, {source.seq(), now_us, {}});
      if (!evolved) continue;
      EXPECT_TRUE(*evolved) << evolved->error().detail;
    }
    auto& standing = standings.emplace_back();
    for (const char* alliance : {"delta", "bay"}) {
      if (const auto* row = find(alliance)) standing[alliance] = *row;
    }
  }

  const v1::Affiliation* find(const std::string& alliance) {
    return rows.find(kAffiliationTable, alliance);
  }
  const v1::Affiliation& at(const std::string& alliance, Seq behind) const {
    const auto found = standings[behind].find(alliance);
    return found == standings[behind].end() ? v1::Affiliation::default_instance() : found->second;
  }
  Seq seq() const { return entries.size() - 1; }

  MapRows rows;
  std::vector<v1::RelayEntries::Source> entries;
  std::vector<std::map<std::string, v1::Affiliation>> standings;
  std::map<std::string, uint32_t> versions;
  int64_t now_us = kStart;
  uint64_t alliance_seq = 0;
  Result<Decision> last = fail(Errc::kInternal, "nothing sent yet");
};

class ShareLedger {
 public:
  explicit ShareLedger(std::string alliance = "delta") : alliance_(std::move(alliance)) {}

  // The next entries up to `to`, looked at behind entry `newest`.
  v1::RelayEntries next(const AffiliatedCity& city, Seq to, Seq newest) {
    v1::RelayEntries command;
    command.set_alliance(alliance_);
    command.set_city("test");
    for (Seq seq = reached() + 1; seq <= to; ++seq) *command.add_entries() = city.entries[seq];
    command.set_newest_seq(newest);
    *command.mutable_newest() = city.at(alliance_, newest);
    return command;
  }

  std::string relay(const v1::RelayEntries& command) {
    const DecideContext context{kAdmin, {}, kStart, 1};
    last = decide_command(kShareKind, rows, command, context);
    if (!last) return std::string(error_info(last.error().code).name);
    for (const auto& event : last->events) {
      const auto evolved = evolve_event_of_ledger(rows, event, {++seq, kStart, {}});
      EXPECT_TRUE(evolved) << evolved.error().detail;
    }
    return outcome(last);
  }

  // All that the city has, as one range where nothing ends within it.
  std::string relay_all(const AffiliatedCity& city) {
    return relay(next(city, city.seq(), city.seq()));
  }

  const v1::EntriesShared& shared() const { return last->events[0].entries_shared(); }
  Seq reached() {
    const auto* row = rows.find(kShareReachedTable, "");
    return row == nullptr ? 0 : row->seq();
  }

  MapRows rows;
  Seq seq = 0;
  Result<Decision> last = fail(Errc::kInternal, "nothing sent yet");

 private:
  std::string alliance_;
};

}  // namespace hansa
