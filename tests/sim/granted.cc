#include "tests/sim/granted.h"

#include <google/protobuf/text_format.h>

#include <algorithm>

#include "core/base/schema.h"

namespace hansa::sim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Heard = v1::AllianceHeard;
using Membership = v1::Membership;

const FieldDescriptor* field_of(const v1::Event& event) {
  return event.GetReflection()->GetOneofFieldDescriptor(event,
                                                        v1::Event::descriptor()->oneof_decl(0));
}

void add_leaves(const Message& message, const std::string& prefix, bool only_public,
                std::vector<std::string>& all) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const auto* field : present) {
    if (only_public && data_class(*field) != v1::PUBLIC) continue;
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const auto& inner = field->is_repeated()
                                ? reflection->GetRepeatedMessage(message, field, i)
                                : reflection->GetMessage(message, field);
        add_leaves(inner, prefix + field->name() + ".", only_public, all);
        continue;
      }
      std::string value;
      google::protobuf::TextFormat::PrintFieldValueToString(message, field,
                                                            field->is_repeated() ? i : -1, &value);
      all.push_back(prefix + field->name() + "=" + value);
    }
  }
}

std::set<std::string> named(const v1::Agreement& agreement, const std::string& event) {
  std::set<std::string> fields;
  for (const auto& grant : agreement.grants()) {
    if (grant.event() == event) fields.insert(grant.fields().begin(), grant.fields().end());
  }
  return fields;
}

bool covers(const v1::Agreement& agreement, int64_t time_us) {
  return time_us >= agreement.valid_from_time_us() &&
         (agreement.valid_until_time_us() == 0 || time_us < agreement.valid_until_time_us());
}

}  // namespace

std::vector<std::string> leaves(const Message& message) {
  std::vector<std::string> all;
  add_leaves(message, "", false, all);
  return all;
}

const Message* content_of(const v1::Event& event) {
  const auto* field = field_of(event);
  return field == nullptr ? nullptr : &event.GetReflection()->GetMessage(event, field);
}

GrantedBy::GrantedBy(const std::vector<LedgerEntry>& entries, const std::string& alliance)
    : alliance_(alliance) {
  Standing standing;
  in_effect_.resize(2);  // before entries 0, which is none, and 1
  for (const auto& entry : entries) {
    for (const auto& event : entry.payload.events()) take(standing, event);
    const auto* agreement = standing.in_effect();
    in_effect_.push_back(agreement == nullptr ? std::optional<v1::Agreement>() : *agreement);
  }
}

const v1::Agreement* GrantedBy::Standing::in_effect() const {
  if (!joined || membership != Membership::admitted || suspended) return nullptr;
  const auto found = ratified.find(in_force);
  return found == ratified.end() ? nullptr : &found->second;
}

void GrantedBy::take(Standing& standing, const v1::Event& event) const {
  if (event.alliance_joined().alliance() == alliance_) {
    standing.joined = true;
    const bool is_kept = standing.membership == Membership::suspended ||
                         standing.membership == Membership::expelled;
    if (!is_kept) standing.membership = Membership::unspecified;
  } else if (event.alliance_left().alliance() == alliance_) {
    standing.joined = false;
    standing.ratified.clear();
  } else if (event.agreement_ratified().alliance() == alliance_) {
    const auto& ratified = event.agreement_ratified();
    standing.ratified[ratified.version()] = ratified.agreement();
  } else if (event.ratification_revoked().alliance() == alliance_) {
    standing.ratified.erase(event.ratification_revoked().version());
  } else if (event.alliance_heard().alliance() == alliance_) {
    hear(standing, event.alliance_heard());
  }
}

void GrantedBy::hear(Standing& standing, const Heard& heard) const {
  switch (heard.change_case()) {
    case Heard::kAgreementTookEffect:
      standing.in_force = heard.agreement_took_effect().version();
      standing.suspended = false;
      // It stands for all that was ratified before it.
      std::erase_if(standing.ratified,
                    [&](const auto& each) { return each.first < standing.in_force; });
      return;
    case Heard::kAgreementSuspended: standing.suspended = true; return;
    case Heard::kAgreementResumed: standing.suspended = false; return;
    case Heard::kAgreementRevoked:
    case Heard::kAgreementExpired:
      standing.suspended = false;
      standing.in_force = 0;
      return;
    case Heard::kCityJoined:
      if (standing.membership != Membership::suspended) standing.membership = Membership::admitted;
      return;
    case Heard::kCityReinstated:
    case Heard::kCityReadmitted: standing.membership = Membership::admitted; return;
    case Heard::kCityWithdrew:
      if (standing.membership == Membership::admitted) standing.membership = Membership::withdrawn;
      return;
    case Heard::kCitySuspended: standing.membership = Membership::suspended; return;
    case Heard::kCityExpelled: standing.membership = Membership::expelled; return;
    default: return;
  }
}

std::optional<std::vector<std::string>> GrantedBy::expected(const LedgerEntry& entry, int index,
                                                            Seq newest) const {
  const auto& event = entry.payload.events(index);
  const auto* field = field_of(event);
  if (field == nullptr) return std::nullopt;
  const auto& content = *content_of(event);
  std::vector<std::string> all;
  if (field->options().GetExtension(v1::to_alliance) && !event.alliance_heard().has_peer_heard()) {
    add_leaves(content, "", true, all);
    const auto is_to = [&](const std::string& leaf) {
      return leaf == "alliance=\"" + alliance_ + "\"";
    };
    if (std::none_of(all.begin(), all.end(), is_to)) return std::nullopt;
    return all;
  }
  if (newest + 1 >= in_effect_.size()) return std::nullopt;
  const auto& then = in_effect_[entry.seq];
  const auto& now = in_effect_[newest + 1];
  const int64_t time_us = entry.payload.time_us();
  if (!then || !now || !covers(*then, time_us) || !covers(*now, time_us)) return std::nullopt;
  const auto then_named = named(*then, field->message_type()->name());
  auto both = named(*now, field->message_type()->name());
  std::erase_if(both, [&](const auto& name) { return !then_named.contains(name); });
  if (both.empty()) return std::nullopt;
  all = leaves(content);
  std::erase_if(all, [&](const std::string& leaf) {
    return !both.contains(leaf.substr(0, leaf.find('=')));
  });
  return all;
}

}  // namespace hansa::sim
