#include "core/alliance/member_air.h"

#include "core/base/prefixed_rows.h"
#include "core/city/air.h"

namespace hansa {
namespace {

using Membership = v1::Membership;

bool may_share(const v1::Member& member) {
  return is_member(member) && member.membership() == Membership::admitted;
}

template <typename Event>
Result<PrefixedRows> rows_of_member(Rows& rows, const Event& event) {
  if (rows.find(kMemberTable, event.city()) != nullptr) {
    return PrefixedRows(rows, member_prefix(event.city()));
  }
  return fail(Errc::kInternal, "air of " + event.city() + ", which was never admitted");
}

}  // namespace

// The city shared it by what it had heard.
Result<void> check_sharing(const Act& act) {
  HANSA_CHECK(check_member(act.member));
  const std::string& city = act.member.city();
  if (!may_share(act.member)) {
    return fail(Errc::kWrongState,
                city + " is suspended; what it shares is not kept until it is reinstated");
  }
  const auto* alliance = act.view.find(kAllianceTable, "");
  const uint32_t version = alliance == nullptr ? 0 : alliance->version_in_force();
  const auto* agreement = act.view.find(kAgreementTable, big_endian(version));
  if (agreement == nullptr || agreement->state() != v1::AgreementState::in_force) {
    return fail(Errc::kWrongState, "no agreement is in effect; what is shared is not kept");
  }
  if (!has_ratified(act.member, version)) {
    return fail(Errc::kWrongState, city + " has not ratified version " + std::to_string(version) +
                                       ", which is in force; what it shares is not kept");
  }
  return {};
}

Acted decide_act(const Act& act, const v1::AirQualityRecorded& shared) {
  HANSA_CHECK(check_sharing(act));
  HANSA_CHECK(check_recorded(shared));
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_member_air_recorded();
  recorded.set_city(act.member.city());
  *recorded.mutable_air() = shared;
  return events;
}

Acted decide_act(const Act& act, const v1::PopulationRecorded& shared) {
  HANSA_CHECK(check_sharing(act));
  HANSA_CHECK(check_recorded(shared));
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_member_population_recorded();
  recorded.set_city(act.member.city());
  *recorded.mutable_population() = shared;
  return events;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::MemberAirRecorded& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto own, rows_of_member(rows, event));
  return evolve_event(own, event.air(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::MemberPopulationRecorded& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto own, rows_of_member(rows, event));
  return evolve_event(own, event.population(), entry);
}

// ---- the figure

std::string member_prefix(std::string_view city) { return std::string(city) + '\0'; }

Result<AirChange> member_air_change(RowsView& view, uint32_t year) {
  std::vector<std::string> cities;
  view.scan(kMemberTable.id, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& member = static_cast<const v1::Member&>(row);
    if (may_share(member)) cities.push_back(member.city());
    return true;
  });
  std::vector<CityYearAir> airs;
  for (const auto& city : cities) {
    PrefixedView own(view, member_prefix(city));
    for (const uint32_t y : {year - 1, year}) {
      HANSA_TRY(auto air, city_year_air(own, city, y));
      airs.push_back(std::move(air));
    }
  }
  return air_change(airs, year);
}

}  // namespace hansa
