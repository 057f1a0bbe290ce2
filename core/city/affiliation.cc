#include "core/city/affiliation.h"

#include <algorithm>
#include <cstdint>

#include "core/alliance/acts.h"
#include "core/alliance/agreement.h"
#include "core/alliance/identity.h"
#include "core/alliance/ledger_keys.h"
#include "core/city/campaign_acts.h"
#include "core/city/handover.h"
#include "core/city/peers.h"

namespace hansa {
namespace {

using Heard = v1::AllianceHeard;
using Membership = v1::Membership;
using Joined = v1::AffiliationState;
using AgreementState = v1::AgreementState;

Decision about(const std::string& subject, std::string state) {
  Decision decision;
  decision.subject_id = subject;
  decision.state = std::move(state);
  return decision;
}

int count_affiliations(RowsView& view) {
  int count = 0;
  view.scan(TableId::kAffiliation, "", "\xff", [&](std::string_view, const auto&) {
    ++count;
    return true;
  });
  return count;
}

void forget_ratified(v1::Affiliation& row, const std::function<bool(const v1::Ratified&)>& gone) {
  auto& all = *row.mutable_ratified();
  all.erase(std::remove_if(all.begin(), all.end(), gone), all.end());
}

// The alliance answers each joining once, in order.
void count_answered(v1::Affiliation& row, const Heard& heard) {
  const bool is_answer =
      heard.has_city_joined() ||
      heard.act_disregarded().event() == v1::AllianceJoined::descriptor()->name();
  if (!is_answer || row.joinings_unanswered() == 0) return;
  row.set_joinings_unanswered(row.joinings_unanswered() - 1);
}

void apply_heard(v1::Affiliation& row, const Heard& heard) {
  row.set_alliance_seq(heard.alliance_seq());
  count_answered(row, heard);
  switch (heard.change_case()) {
    case Heard::kAgreementTookEffect: {
      const uint32_t version = heard.agreement_took_effect().version();
      row.set_version_in_force(version);
      row.set_agreement_suspended(false);
      forget_ratified(row, [&](const auto& one) { return one.version() < version; });
      return;
    }
    case Heard::kAgreementSuspended: return row.set_agreement_suspended(true);
    case Heard::kAgreementResumed: return row.set_agreement_suspended(false);
    case Heard::kAgreementRevoked:
    case Heard::kAgreementExpired:
      row.set_agreement_suspended(false);
      return row.set_version_in_force(0);
    case Heard::kCityJoined:
      // One that is suspended before it joins stays so.
      if (row.membership() == Membership::suspended) return;
      return row.set_membership(Membership::admitted);
    case Heard::kCityReinstated:
    case Heard::kCityReadmitted: return row.set_membership(Membership::admitted);
    case Heard::kCityWithdrew:
      if (row.membership() != Membership::admitted) return;
      return row.set_membership(Membership::withdrawn);
    case Heard::kCitySuspended: return row.set_membership(Membership::suspended);
    case Heard::kCityExpelled: return row.set_membership(Membership::expelled);
    default: return;
  }
}

void set_heard_state(Rows& rows, const std::string& alliance, uint32_t version,
                     AgreementState::Value state, const EntryContext& entry) {
  const std::string key = heard_key(alliance, version);
  if (rows.find(kHeardAgreementTable, key) == nullptr) return;
  auto& row = rows.put(kHeardAgreementTable, key);
  row.set_state(state);
  row.set_changed_time_us(entry.time_us);
}

// `was`: the version in force before.
void evolve_heard(Rows& rows, const Heard& heard, uint32_t was, const EntryContext& entry) {
  const auto set = [&](uint32_t version, AgreementState::Value state) {
    set_heard_state(rows, heard.alliance(), version, state, entry);
  };
  switch (heard.change_case()) {
    case Heard::kAgreementProposed: {
      const auto& proposed = heard.agreement_proposed();
      auto& row = rows.put(kHeardAgreementTable, heard_key(heard.alliance(), proposed.version()));
      row.set_version(proposed.version());
      *row.mutable_agreement() = proposed.agreement();
      row.set_sha256(proposed.sha256());
      row.set_state(AgreementState::proposed);
      row.set_proposed_time_us(entry.time_us);
      row.set_changed_time_us(entry.time_us);
      return;
    }
    case Heard::kAgreementDropped:
      return set(heard.agreement_dropped().version(), AgreementState::dropped);
    case Heard::kAgreementTookEffect:
      if (was != 0) set(was, AgreementState::superseded);
      return set(heard.agreement_took_effect().version(), AgreementState::in_force);
    case Heard::kAgreementSuspended:
      return set(heard.agreement_suspended().version(), AgreementState::suspended);
    case Heard::kAgreementResumed:
      return set(heard.agreement_resumed().version(), AgreementState::in_force);
    case Heard::kAgreementRevoked:
      return set(heard.agreement_revoked().version(), AgreementState::revoked);
    case Heard::kAgreementExpired:
      return set(heard.agreement_expired().version(), AgreementState::expired);
    default: return;
  }
}

// What names a city, or several, is said to them; all else to everybody.
bool concerns(const google::protobuf::Message& content, const std::string& city) {
  const auto* reflection = content.GetReflection();
  if (const auto* one = content.GetDescriptor()->FindFieldByName("city")) {
    return reflection->GetString(content, one) == city;
  }
  const auto* several = content.GetDescriptor()->FindFieldByName("cities");
  if (several == nullptr || !several->is_repeated()) return true;
  for (int i = 0; i < reflection->FieldSize(content, several); ++i) {
    if (reflection->GetRepeatedString(content, several, i) == city) return true;
  }
  return false;
}

// What an event says, and the change of AllianceHeard that would say it to a city; no target: none.
struct HeardChange {
  const google::protobuf::Message* content = nullptr;
  const google::protobuf::FieldDescriptor* target = nullptr;
};

using EventTargets = std::vector<const google::protobuf::FieldDescriptor*>;

// By the event's number; nullptr: no city is told.
EventTargets heard_targets() {
  const auto* events = v1::Event::descriptor()->oneof_decl(0);
  const auto* changes = Heard::descriptor()->FindOneofByName("change");
  EventTargets targets;
  for (int i = 0; i < events->field_count(); ++i) {
    const auto number = static_cast<size_t>(events->field(i)->number());
    targets.resize(std::max(targets.size(), number + 1));
    for (int j = 0; j < changes->field_count(); ++j) {
      const auto* change = changes->field(j);
      if (change->message_type() == events->field(i)->message_type()) targets[number] = change;
    }
  }
  return targets;
}

HeardChange heard_of(const v1::Event& event) {
  static const EventTargets kTargets = heard_targets();
  HeardChange heard;
  const auto number = static_cast<size_t>(event.event_case());
  if (number < kTargets.size()) heard.target = kTargets[number];
  if (heard.target == nullptr) return heard;
  const auto* reflection = event.GetReflection();
  heard.content = &reflection->GetMessage(
      event, reflection->GetOneofFieldDescriptor(event, v1::Event::descriptor()->oneof_decl(0)));
  return heard;
}

const std::string* alliance_of(const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kAllianceJoined: return &event.alliance_joined().alliance();
    case v1::Event::kAllianceLeft: return &event.alliance_left().alliance();
    case v1::Event::kAgreementRatified: return &event.agreement_ratified().alliance();
    case v1::Event::kRatificationRevoked: return &event.ratification_revoked().alliance();
    case v1::Event::kAllianceHeard: return &event.alliance_heard().alliance();
    case v1::Event::kAllianceKeyChanged: return &event.alliance_key_changed().alliance();
    case v1::Event::kAllianceKeyRevoked: return &event.alliance_key_revoked().alliance();
    default: return nullptr;
  }
}

// Joined again by a key that is known, it is known as before; by another, by that one alone.
void join_by_keys(v1::Affiliation& row, const v1::AllianceJoined& joined) {
  const auto keys = keys_of(row);
  const bool is_known = row.recovery_key() == joined.recovery_key() &&
                        std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
                          return key.public_key() == joined.public_key();
                        });
  if (is_known) return;
  row.set_public_key(joined.public_key());
  row.set_recovery_key(joined.recovery_key());
  row.clear_keys();
}

// The first version behind this one that the city has heard to be, or to have been, in force; 0:
// none.
uint32_t later_in_force(RowsView& view, const std::string& alliance, uint32_t version) {
  uint32_t later = 0;
  view.scan(TableId::kHeardAgreement, heard_key(alliance, version), heard_key(alliance, UINT32_MAX),
            [&](std::string_view, const auto& row) {
              const auto& heard = static_cast<const v1::AgreementVersion&>(row);
              const bool counts = heard.version() > version && has_been_in_force(heard.state());
              if (counts) later = heard.version();
              return !counts;
            });
  return later;
}

void apply_joined(v1::Affiliation& row, const v1::AllianceJoined& joined, int64_t time_us) {
  row.set_alliance(joined.alliance());
  row.set_founding_id(joined.founding_id());
  join_by_keys(row, joined);
  row.set_state(Joined::joined);
  // What the alliance has said against the city outlasts its leaving.
  const bool stays = row.membership() == Membership::suspended ||
                     row.membership() == Membership::expelled;
  if (!stays) row.set_membership(Membership::unspecified);
  row.set_joinings_unanswered(row.joinings_unanswered() + 1);
  row.set_joined_time_us(time_us);
}

void apply_ratified(v1::Affiliation& row, const v1::AgreementRatified& ratified, int64_t time_us) {
  forget_ratified(row, [&](const auto& one) { return one.version() == ratified.version(); });
  auto& added = *row.add_ratified();
  added.set_version(ratified.version());
  *added.mutable_agreement() = ratified.agreement();
  added.set_sha256(ratified.sha256());
  added.set_ratified_time_us(time_us);
  std::sort(row.mutable_ratified()->begin(), row.mutable_ratified()->end(),
            [](const auto& a, const auto& b) { return a.version() < b.version(); });
}

}  // namespace

Result<const v1::Affiliation*> find_joined(const CityScope& scope, const std::string& alliance) {
  const auto* row = scope.view.find(kAffiliationTable, alliance);
  if (row != nullptr && row->state() == Joined::joined) return row;
  return fail(Errc::kUnknownAlliance,
              "the city " + std::string(row == nullptr ? "has not joined" : "has left") +
                  " the alliance " + alliance + "; join it first",
              "/alliance");
}

std::string heard_key(std::string_view alliance, uint32_t version) {
  std::string key(alliance);
  key.push_back('\0');
  return key + big_endian(version);
}

const v1::Ratified* find_ratified(const v1::Affiliation& affiliation, uint32_t version) {
  for (const auto& one : affiliation.ratified()) {
    if (one.version() == version) return &one;
  }
  return nullptr;
}

const v1::Ratified* agreement_in_effect(const v1::Affiliation& affiliation) {
  const bool is_member = affiliation.state() == Joined::joined &&
                         affiliation.membership() == Membership::admitted;
  if (!is_member || affiliation.agreement_suspended()) return nullptr;
  if (affiliation.version_in_force() == 0) return nullptr;
  return find_ratified(affiliation, affiliation.version_in_force());
}

Result<Decision> decide_city(const CityScope& scope, const v1::JoinAlliance& command) {
  HANSA_CHECK(
      check_identity(command.founding_id(), command.public_key(), command.recovery_key()));
  const auto* row = scope.view.find(kAffiliationTable, command.alliance());
  if (row != nullptr && row->state() == Joined::joined) {
    return fail(Errc::kAlreadyExists, "the city has joined " + command.alliance() + " already");
  }
  if (row != nullptr && row->founding_id() != command.founding_id()) {
    return fail(Errc::kAlreadyExists,
                "the city knew the alliance " + command.alliance() +
                    " by another founding id, " + row->founding_id() +
                    "; this is not the alliance it left",
                "/founding_id");
  }
  if (row == nullptr && count_affiliations(scope.view) >= kAffiliationsMax) {
    return fail(Errc::kLimitReached, "a city joins at most " + std::to_string(kAffiliationsMax) +
                                         " alliances, those that it left among them");
  }
  Decision decision = about(command.alliance(), Joined::Value_Name(Joined::joined));
  auto& joined = *decision.events.emplace_back().mutable_alliance_joined();
  joined.set_alliance(command.alliance());
  joined.set_founding_id(command.founding_id());
  joined.set_public_key(command.public_key());
  joined.set_recovery_key(command.recovery_key());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::LeaveAlliance& command) {
  HANSA_CHECK(find_joined(scope, command.alliance()));
  Decision decision = about(command.alliance(), Joined::Value_Name(Joined::left));
  auto& left = *decision.events.emplace_back().mutable_alliance_left();
  left.set_alliance(command.alliance());
  left.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RatifyAgreement& command) {
  uint32_t later = later_in_force(scope.view, command.alliance(), command.version());
  HANSA_TRY(const auto* row, find_joined(scope, command.alliance()));
  const auto* heard = scope.view.find(kHeardAgreementTable,
                                      heard_key(command.alliance(), command.version()));
  const std::string which = "version " + std::to_string(command.version());
  if (heard == nullptr) {
    return fail(Errc::kUnknownAgreement,
                "the city has heard of no " + which + " of the agreement of " +
                    command.alliance(),
                "/version");
  }
  // Of the bytes that would stand in the ledger, whatever the alliance says of them.
  const std::string sha256 = agreement_sha256(heard->agreement());
  if (sha256 != command.sha256() || sha256 != heard->sha256()) {
    return fail(Errc::kAgreementDiffers,
                which + " has the SHA-256 " + sha256 +
                    "; what was read is another text",
                "/sha256");
  }
  v1::Agreement known = heard->agreement();
  known.DiscardUnknownFields();
  const bool knows_metrics =
      std::all_of(known.metrics().begin(), known.metrics().end(),
                  [](const auto& one) { return granted_figure(one).has_value(); });
  if (known.ByteSizeLong() != heard->agreement().ByteSizeLong() || !knows_metrics) {
    return fail(Errc::kUpgradeNeeded, which + " has terms that this binary does not know; upgrade "
                                              "it before you ratify them");
  }
  if (row->version_in_force() > command.version()) later = row->version_in_force();
  if (heard->state() == AgreementState::proposed && later != 0) {
    return fail(Errc::kWrongState, which + " was passed over: version " + std::to_string(later) +
                                       " is or has been in force");
  }
  const bool can_ratify = heard->state() == AgreementState::proposed ||
                          heard->state() == AgreementState::in_force ||
                          heard->state() == AgreementState::suspended;
  if (!can_ratify || find_ratified(*row, command.version()) != nullptr) {
    return fail(Errc::kWrongState,
                which + " is " +
                    (can_ratify ? "ratified" : AgreementState::Value_Name(heard->state())) +
                    " already; there is nothing to ratify");
  }
  if (row->ratified_size() >= kRatifiedMax) {
    return fail(Errc::kLimitReached, "the city has ratified " + std::to_string(kRatifiedMax) +
                                         " versions that are not in force; take one back");
  }
  Decision decision = about(command.alliance(), "ratified");
  auto& ratified = *decision.events.emplace_back().mutable_agreement_ratified();
  ratified.set_alliance(command.alliance());
  ratified.set_version(command.version());
  *ratified.mutable_agreement() = heard->agreement();
  ratified.set_sha256(heard->sha256());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RevokeRatification& command) {
  HANSA_TRY(const auto* row, find_joined(scope, command.alliance()));
  if (find_ratified(*row, command.version()) == nullptr) {
    return fail(Errc::kWrongState, "the city has not ratified version " +
                                       std::to_string(command.version()) +
                                       ", or a later one took its place");
  }
  Decision decision = about(command.alliance(), "revoked");
  auto& revoked = *decision.events.emplace_back().mutable_ratification_revoked();
  revoked.set_alliance(command.alliance());
  revoked.set_version(command.version());
  revoked.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ReleaseAlliance& command) {
  HANSA_CHECK(find_joined(scope, command.alliance()));
  const LedgerId input{std::string(kAllianceKind), command.alliance()};
  return decide_release(scope.view, input.text(), command.alliance(), command.reason());
}

bool is_heard(const v1::Event& event, const std::string& city) {
  if (peer_heard_of(event)) return true;
  const auto heard = heard_of(event);
  return heard.target != nullptr && concerns(*heard.content, city);
}

Result<Decision> decide_heard(RowsView& view, const v1::TakeHeard& command) {
  Decision decision = about(command.alliance(), "heard");
  for (const auto& heard : command.heard()) {
    if (!is_heard(heard.event(), command.city())) continue;
    if (auto peer = peer_heard_of(heard.event())) {
      auto& event = *decision.events.emplace_back().mutable_alliance_heard();
      event.set_alliance(command.alliance());
      event.set_alliance_seq(heard.seq());
      *event.mutable_peer_heard() = *std::move(peer);
    }
    const auto change = heard_of(heard.event());
    if (change.target == nullptr || !concerns(*change.content, command.city())) continue;
    auto& event = *decision.events.emplace_back().mutable_alliance_heard();
    event.set_alliance(command.alliance());
    event.set_alliance_seq(heard.seq());
    event.GetReflection()->MutableMessage(&event, change.target)->CopyFrom(*change.content);
    if (heard.event().has_handover_taken()) {
      refer_out_taken(view, command, heard.event().handover_taken(), decision);
    }
  }
  return decision;
}

// ---- evolve

bool apply_to_affiliation(v1::Affiliation& row, const v1::Event& event, int64_t time_us) {
  switch (event.event_case()) {
    case v1::Event::kAllianceJoined: apply_joined(row, event.alliance_joined(), time_us); break;
    case v1::Event::kAllianceLeft:
      row.set_state(Joined::left);
      row.clear_ratified();
      break;
    case v1::Event::kAgreementRatified:
      apply_ratified(row, event.agreement_ratified(), time_us);
      break;
    case v1::Event::kRatificationRevoked:
      forget_ratified(row, [&](const auto& one) {
        return one.version() == event.ratification_revoked().version();
      });
      break;
    case v1::Event::kAllianceHeard: apply_heard(row, event.alliance_heard()); break;
    case v1::Event::kAllianceKeyChanged:
      apply_key_event(row, event.alliance_key_changed());
      break;
    case v1::Event::kAllianceKeyRevoked:
      apply_key_event(row, event.alliance_key_revoked());
      break;
    default: return false;
  }
  row.set_changed_time_us(time_us);
  return true;
}

std::optional<Result<void>> evolve_affiliation(Rows& rows, const v1::Event& event,
                                               const EntryContext& entry) {
  if (auto evolved = evolve_campaign_act(rows, event, entry)) return evolved;
  if (auto evolved = evolve_handover(rows, event, entry)) return evolved;
  if (event.alliance_heard().has_peer_heard()) {
    return evolve_peer(rows, event.alliance_heard(), entry);
  }
  const std::string* alliance = alliance_of(event);
  if (alliance == nullptr) return std::nullopt;
  if (!event.has_alliance_joined() && rows.find(kAffiliationTable, *alliance) == nullptr) {
    return fail(Errc::kInternal, "an event on the alliance " + *alliance +
                                     ", which the city never joined");
  }
  auto& row = rows.put(kAffiliationTable, *alliance);
  const uint32_t was = row.version_in_force();
  apply_to_affiliation(row, event, entry.time_us);
  if (event.has_alliance_heard()) {
    evolve_heard(rows, event.alliance_heard(), was, entry);
    evolve_heard_campaign(rows, event.alliance_heard(), entry);
  }
  return Result<void>();
}

}  // namespace hansa
