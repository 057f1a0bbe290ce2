// City: founding, grid, units, services, calendar, policies, sources, and the erasure of persons.
//
// Shape:   state: the rows City, District, GridCell, Unit, Service, Policy, ErasedPerson.
//          decide_city, one per command; evolve_event, one per event; core/city/city_fold.cc calls
//          them. Defining is repeatable: what is there already with the same content is answered
//          `unchanged`, other content is defined anew. Districts are defined in one or in several
//          parts: what a part names is added or given a new title, nothing is ever taken away.
// Errors:  kAlreadyExists for a second founding; kUnknownCity for everything before the first;
//          kBadRequest, kBadPoint, kUnknownPolicy, kUnknownSource, kLimitReached.
// Threads: pure.
// Limits:  400 districts, 400 streets each, 400 communities each; 1 000 units, 1 000 services.
// Source:  SPEC §3, DOMAIN §1.1, §1.3.
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

struct CityScope {
  RowsView& view;
  const DecideContext& context;
  const v1::City& city;
};

Result<Decision> decide_founding(RowsView& view, const v1::FoundCity& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DefineGridPart& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DefineUnit& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DefineService& command);
Result<Decision> decide_city(const CityScope& scope, const v1::AdoptCalendar& command);
Result<Decision> decide_city(const CityScope& scope, const v1::AdoptPolicy& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ConnectSource& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DisconnectSource& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ErasePerson& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RaiseSchemaLevel& command);

Result<void> evolve_event(Rows& rows, const v1::CityFounded& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::GridPartDefined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::UnitDefined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::ServiceDefined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CalendarAdopted& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::PolicyAdopted& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::SourceConnected& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::SourceDisconnected& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::PersonErased& event, const EntryContext& entry);

// The calendar in force; Mon–Fri 09:00–17:00 UTC until the city adopts one.
const v1::Calendar& calendar_in_force(const v1::City& city);

}  // namespace hansa
