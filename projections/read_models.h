// Read models: what people read beside the rows that decide, folded from the same events.
//
// Shape:   fold_event(rows, event, entry) runs core's evolve and then keeps
//          - Counter rows per unit (the lead), service, community and city and local day: what
//            happened on that day. Imported cases count on their own days: reported on the day of
//            their report, ended on the day they closed (of their report, if that is not said).
//            closed_on_time needs a deadline that stands and was kept; breached counts handling
//            deadlines only.
//          - StateCount rows: cases per state.
//          - HeatCell rows: open cases with a point, per cell of 0.005 degrees.
//          - CaseFacts and DayTally rows: the figures (core/metrics/metrics_fold.h).
//          A row that falls to nothing is erased.
// Errors:  as evolve; kInternal for a count that would fall below zero.
// Threads: pure.
// Source:  SPEC §5.
#pragma once

#include <string>

#include "core/base/rows.h"
#include "core/city/context.h"
#include "core/metrics/scope.h"
#include "hansa/v1/entry.pb.h"

namespace hansa::projections {

// Side of a heat cell.
inline constexpr int32_t kHeatCellMicrodegrees = 5'000;

std::string state_count_key(v1::State::Value state);
// Index of the cell south-west corner first: latitude, longitude.
std::string heat_key(const v1::Point& point);

// Folds one event whole: core's evolve, then the read models.
Result<void> fold_event(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa::projections
