// Read models: what people read beside the rows that decide, folded from the same events.
//
// Shape:   project(rows, event, entry, before) runs after core's evolve of the same event and keeps
//          counters per unit, service, community and city and local day, cases per state, and the
//          heat grid of open cases. `before` is the case as it was before the event (absent for a
//          new one).
// Errors:  as evolve.
// Threads: pure.
#pragma once

#include <optional>

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa::projections {

// What read models must know of a case before an event changes it.
struct CaseBefore {
  bool exists = false;
  v1::State::Value state = v1::State::unspecified;
  bool has_point = false;
  v1::Point point;
};

// Folds one event whole: core's evolve, then the read models.
Result<void> fold_event(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa::projections
