// Air: the PM2.5 that a city measured, day by day, and how many people live in it, year by year.
//
// Shape:   state: the rows AirDay, AirYear and Population; the City row, where there is one, shows
//          the population of the newest year recorded.
//          decide_city, one per command; evolve_event, one per event; core/city/city_fold.cc calls
//          them. A command holds one day or many: each that is new or other becomes an event, all
//          of them in one entry; if there is none, the answer is `unchanged`.
//          A day recorded again is a correction: the later value replaces the former, in the year's
//          sum too; the ledger keeps both. Equal numbers (35.5 and 35.50) are no correction. The
//          same holds for the population of a year.
//          A year's sum is exactly the sum of its AirDay rows, whatever the way there.
//          evolve needs no row but its own, so that a shared copy of a part of a ledger folds too,
//          without a founding; an event whose fields were not shared changes nothing.
// Units:   micrograms a cubic metre; days are the city's own, as its source names them.
// Errors:  decide: kBadRequest with the pointer of the day for a date, a value or a year that is
//          none, and for a day named twice. evolve: kInternal for what decide never records.
// Threads: pure.
// Limits:  400 days a command; 1990-01-01 to 2200-12-31; values of 1 to 4 digits before the point
//          and up to 20 behind; populations of 1 to 1 000 000 000 people, years 1900 to 2200.
// Source:  SPEC §9.
#pragma once

#include "core/base/ratio.h"
#include "core/base/rows.h"
#include "core/city/city.h"

namespace hansa {

inline constexpr uint32_t kAirYearMin = 1990;
inline constexpr uint32_t kAirYearMax = 2200;

Result<Decision> decide_city(const CityScope& scope, const v1::RecordAirQuality& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RecordPopulation& command);

Result<void> evolve_event(Rows& rows, const v1::AirQualityRecorded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::PopulationRecorded& event,
                          const EntryContext& entry);

// What evolve takes, and every field of it given; kBadRequest with the pointer of the field. For
// events that others recorded.
Result<void> check_recorded(const v1::AirQualityRecorded& event);
Result<void> check_recorded(const v1::PopulationRecorded& event);

// The exact number that a recorded value is; kBadRequest (pointer /pm25) for any other text.
Result<Ratio> pm25_value(std::string_view text);
// The exact sum in the row; kInternal when there is none.
Result<Ratio> sum_of(const v1::AirYear& row);

}  // namespace hansa
