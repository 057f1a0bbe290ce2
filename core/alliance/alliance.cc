#include "core/alliance/alliance.h"

#include <algorithm>

#include "core/alliance/identity.h"
#include "core/city/witness.h"
#include "core/ledger/schema_level.h"

namespace hansa {
namespace {

using Membership = v1::Membership;

Decision about(const std::string& city, Membership::Value after) {
  Decision decision;
  decision.subject_id = city;
  decision.state = membership_name(after);
  return decision;
}

// What makes a city this city belongs to no other member.
Result<void> check_distinct(RowsView& view, const v1::AdmitCity& command) {
  int members = 0;
  uint32_t witnesses = 0;
  std::string other;
  view.scan(TableId::kMember, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& member = static_cast<const v1::Member&>(row);
    const bool shares = member.founding_id() == command.founding_id() ||
                        member.public_key() == command.public_key() ||
                        member.recovery_key() == command.recovery_key();
    if (shares) other = member.city();
    ++members;
    witnesses += member.witness_key().empty() ? 0 : 1;
    return other.empty();
  });
  if (!other.empty()) {
    return fail(Errc::kAlreadyExists, "the member " + other +
                                          " has the same founding id or key; each city has its "
                                          "own, ask for the right file");
  }
  if (members >= kMembersMax) {
    return fail(Errc::kLimitReached,
                "an alliance has at most " + std::to_string(kMembersMax) + " members");
  }
  if (witnesses >= kWitnessesMax && !command.witness_key().empty()) {
    return fail(Errc::kLimitReached,
                "of the members of an alliance at most " + std::to_string(kWitnessesMax) +
                    " have a witness: more than half must cosign, and a note bears no more "
                    "signatures; admit " + command.city() + " without its witness_key",
                "/witness_key");
  }
  return {};
}

// The member, in one of the standings that the command needs.
Result<const v1::Member*> find_member(const AllianceScope& scope, const std::string& city,
                                      std::initializer_list<Membership::Value> needed,
                                      const char* command) {
  const auto* member = scope.view.find(kMemberTable, city);
  if (member == nullptr) {
    return fail(Errc::kUnknownMember, "the alliance has admitted no city " + city, "/city");
  }
  std::string names;
  for (const auto standing : needed) {
    if (member->membership() == standing) return member;
    names += (names.empty() ? "" : " or ") + membership_name(standing);
  }
  return fail(Errc::kWrongState, city + " is " + membership_name(member->membership()) + "; " +
                                     command + " needs one that is " + names);
}

Result<v1::Member*> change_member(Rows& rows, const std::string& city,
                                  Membership::Value membership, const EntryContext& entry) {
  if (rows.find(kMemberTable, city) == nullptr) {
    return fail(Errc::kInternal, "an event on " + city + ", which was never admitted");
  }
  auto& member = rows.put(kMemberTable, city);
  member.set_membership(membership);
  member.set_changed_time_us(entry.time_us);
  member.clear_reason();
  return &member;
}

}  // namespace

std::string membership_name(Membership::Value membership) {
  return Membership::Value_Name(membership);
}

bool is_member(const v1::Member& member) {
  return member.joined_time_us() != 0 && (member.membership() == Membership::admitted ||
                                          member.membership() == Membership::suspended);
}

bool has_ratified(const v1::Member& member, uint32_t version) {
  const auto& all = member.ratified();
  return std::find(all.begin(), all.end(), version) != all.end();
}

Result<void> check_member(const v1::Member& member) {
  if (is_member(member)) return {};
  return fail(Errc::kWrongState, member.city() + " is " + membership_name(member.membership()) +
                                     (member.joined_time_us() == 0 ? " and has not joined" : "") +
                                     "; only a member can say so");
}

Result<Decision> decide_founding(RowsView& view, const v1::FoundAlliance& command) {
  if (view.find(kAllianceTable, "") != nullptr) {
    return fail(Errc::kAlreadyExists,
                "the alliance " + command.alliance() + " is founded already");
  }
  Decision decision;
  decision.subject_id = command.alliance();
  auto& founded = *decision.events.emplace_back().mutable_alliance_founded();
  if (command.has_title()) *founded.mutable_title() = command.title();
  founded.set_simulated(command.simulated());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::AdmitCity& command) {
  HANSA_CHECK(
      check_identity(command.founding_id(), command.public_key(), command.recovery_key()));
  if (const auto* member = scope.view.find(kMemberTable, command.city())) {
    return fail(Errc::kAlreadyExists, command.city() + " was admitted already and is " +
                                          membership_name(member->membership()));
  }
  if (!command.witness_key().empty()) {
    HANSA_CHECK(check_witness_key(command.witness_key(), command.public_key()));
  }
  HANSA_CHECK(check_distinct(scope.view, command));
  Decision decision = about(command.city(), Membership::admitted);
  auto& admitted = *decision.events.emplace_back().mutable_city_admitted();
  admitted.set_city(command.city());
  if (command.has_title()) *admitted.mutable_title() = command.title();
  admitted.set_founding_id(command.founding_id());
  admitted.set_public_key(command.public_key());
  admitted.set_recovery_key(command.recovery_key());
  admitted.set_witness_url(command.witness_url());
  admitted.set_witness_key(command.witness_key());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SuspendCity& command) {
  HANSA_CHECK(find_member(scope, command.city(), {Membership::admitted}, "SuspendCity"));
  Decision decision = about(command.city(), Membership::suspended);
  auto& suspended = *decision.events.emplace_back().mutable_city_suspended();
  suspended.set_city(command.city());
  suspended.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReinstateCity& command) {
  HANSA_CHECK(find_member(scope, command.city(), {Membership::suspended}, "ReinstateCity"));
  Decision decision = about(command.city(), Membership::admitted);
  decision.events.emplace_back().mutable_city_reinstated()->set_city(command.city());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ExpelCity& command) {
  HANSA_CHECK(find_member(scope, command.city(), {Membership::admitted, Membership::suspended},
                          "ExpelCity"));
  Decision decision = about(command.city(), Membership::expelled);
  auto& expelled = *decision.events.emplace_back().mutable_city_expelled();
  expelled.set_city(command.city());
  expelled.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReadmitCity& command) {
  HANSA_CHECK(find_member(scope, command.city(), {Membership::expelled}, "ReadmitCity"));
  Decision decision = about(command.city(), Membership::admitted);
  decision.events.emplace_back().mutable_city_readmitted()->set_city(command.city());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope,
                                 const v1::RaiseAllianceSchemaLevel& command) {
  return decide_raise(scope.view, command.level(), scope.context);
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::AllianceFounded& event,
                          const EntryContext& entry) {
  if (rows.find(kAllianceTable, "") != nullptr) {
    return fail(Errc::kInternal, "AllianceFounded for an alliance that is founded already");
  }
  auto& alliance = rows.put(kAllianceTable, "");
  if (event.has_title()) *alliance.mutable_title() = event.title();
  alliance.set_simulated(event.simulated());
  alliance.set_founded_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityAdmitted& event, const EntryContext& entry) {
  if (rows.find(kMemberTable, event.city()) != nullptr) {
    return fail(Errc::kInternal, "CityAdmitted for " + event.city() + ", a member already");
  }
  auto& member = rows.put(kMemberTable, event.city());
  member.set_city(event.city());
  if (event.has_title()) *member.mutable_title() = event.title();
  member.set_founding_id(event.founding_id());
  member.set_public_key(event.public_key());
  member.set_recovery_key(event.recovery_key());
  member.set_witness_url(event.witness_url());
  member.set_witness_key(event.witness_key());
  member.set_membership(Membership::admitted);
  member.set_admitted_time_us(entry.time_us);
  member.set_changed_time_us(entry.time_us);
  auto& alliance = rows.put(kAllianceTable, "");
  alliance.set_cities(alliance.cities() + 1);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CitySuspended& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change_member(rows, event.city(), Membership::suspended, entry));
  member->set_reason(event.reason());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityReinstated& event, const EntryContext& entry) {
  HANSA_CHECK(change_member(rows, event.city(), Membership::admitted, entry));
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityExpelled& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change_member(rows, event.city(), Membership::expelled, entry));
  member->set_reason(event.reason());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityReadmitted& event, const EntryContext& entry) {
  HANSA_CHECK(change_member(rows, event.city(), Membership::admitted, entry));
  return {};
}

}  // namespace hansa
