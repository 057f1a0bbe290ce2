// Member air: what the members share of their air and people, kept by the alliance for its figure.
//
// Shape:   decide_act: of a day or a population that a city shares, MemberAirRecorded or
//          MemberPopulationRecorded with exactly what came. Kept is only what comes from a member
//          that is admitted, has joined, and has ratified the agreement in force; and only what the
//          rules of core/city/air.h read.
//          State: the rows AirDay, AirYear and Population of core/city/air.h, folded by the very
//          same code, each city's under keys that begin with `city\0` (core/base/prefixed_rows.h).
//          The tables are those of a city's ledger: an alliance has no air of its own that they
//          could be mixed with, and a row means in both the same.
//          member_air_change() is the figure of core/metrics/air_change.h over all members that are
//          admitted and have joined, those without data too. What a city shared before it was
//          suspended, expelled or left stays in the rows and counts again once it is back.
// Errors:  decide_act: kWrongState and kBadRequest become ActDisregarded (acts.h), so that the
//          other days of the entry are unharmed. evolve: kInternal for a city never admitted, and
//          for what decide never records. member_air_change: as air_change().
// Threads: pure.
// Source:  DESIGN §8; DOMAIN §1.7, SPEC §9.
#pragma once

#include "core/alliance/acts.h"
#include "core/metrics/air_change.h"

namespace hansa {

// That the city may share, by the alliance's own rows; else kWrongState.
Result<void> check_sharing(const Act& act);

Acted decide_act(const Act& act, const v1::AirQualityRecorded& shared);
Acted decide_act(const Act& act, const v1::PopulationRecorded& shared);

Result<void> evolve_event(Rows& rows, const v1::MemberAirRecorded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::MemberPopulationRecorded& event,
                          const EntryContext& entry);

// What the rows of an alliance say of this city's air, as its own rows would say it.
std::string member_prefix(std::string_view city);

Result<AirChange> member_air_change(RowsView& view, uint32_t year);

}  // namespace hansa
