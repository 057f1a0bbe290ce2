// Figures: what a city publishes of itself to an alliance, once, and never what is too small.
//
// Shape:   state: the rows FigureRecord (key: figure_key()) and FigureOnce (rows.proto); and
//          FigureOnce under `\0calendar`, which names the time since when local days are counted as
//          they are. decide_city(PublishMetric) makes MetricPublished{`m<seq>`}: the figure of a
//          closed period by the city's own tallies, on a scope that the agreement in effect names
//          for this very definition. Its source is the share ledger, city_seq the entry before.
//          Suppressed: where a cell, or what no cell holds, has cases but less than the smallest
//          cell (of the agreement, else the city's policy), the total alone is published.
//          So that nobody subtracts one total from another, periods of one metric never overlap,
//          on whatever scope and to whatever alliance; only the very same period may be published
//          again, on another scope or to another alliance.
//          Claim: proved when the grants cover figure_inputs() of core/metrics/published.h and each
//          case that counts was made while they were in effect without a break, under the calendar
//          and the stars that the others have seen; attested otherwise, and when suppressed.
//          A calendar that the others have not seen is said again in the same entry
//          (CalendarAdopted with the version in force): later figures can be proved.
// Errors:  kUnknownAlliance; kWrongState: no agreement is in effect, the period is not over, or it
//          overlaps with another; kUnknownMetric; kNotShareable: the agreement does not name metric
//          and scope; kBadRequest; kAlreadyExists names the publication; kTooFew: the total is
//          below the smallest cell; kLimitReached.
// Threads: pure.
// Limits:  kFigureDaysMax days, kFigureCellsMax cells; of cases older than the agreement
//          kOlderCasesMax are looked at: where there are more, nothing is claimed.
// Source:  DESIGN §8 "Figures"; SPEC §8 (smallest cell).
#pragma once

#include "core/city/city.h"
#include "hansa/v1/figures.pb.h"

namespace hansa {

inline constexpr size_t kOlderCasesMax = 10'000;

// `of`: the alliance in a city's ledger, the city in an alliance's (its own: empty); `m12`.
std::string figure_key(std::string_view of, std::string_view publication);
// Everything before the days: `of`, metric and scope.
std::string figure_once_prefix(std::string_view of, std::string_view metric,
                               std::string_view scope);
std::string figure_once_key(std::string_view of, const v1::PublishedFigure& figure);

// Cells and the claim go where something is too small; kTooFew where the total is.
Result<void> suppress(v1::PublishedFigure& figure, uint32_t smallest_cell);

Result<Decision> decide_city(const CityScope& scope, const v1::PublishMetric& command);

// The rows of a new publication; kInternal for one that is there already.
Result<void> put_figure(Rows& rows, const v1::FigurePublished& published, const std::string& of,
                        const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::MetricPublished& event, const EntryContext& entry);
// Before the calendar changes.
void note_calendar(Rows& rows, const v1::CalendarAdopted& event, const EntryContext& entry);

}  // namespace hansa
