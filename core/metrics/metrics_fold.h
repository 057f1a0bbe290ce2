// Metrics fold: every figure of a city as sums per scope and day, kept by one fold over its events.
//
// Shape:   fold_metrics(rows, event, entry): finds the case's facts, lets the event change them
//          (facts.h), and moves what the case contributes (measure.h) from what it was to what it
//          is, in the DayTally rows of each of its scopes: the city, its district, street, service,
//          kind and leading unit. So a tally is always the sum over the facts as they stand,
//          whatever the way there; when a case changes its unit, all it counts for moves along.
//          Needs the rows City (calendar) and Policy of the same ledger, and no row Case.
// Errors:  kInternal: an event that contradicts the rows.
// Threads: pure.
// Source:  DESIGN §7.
#pragma once

#include "core/base/result.h"
#include "core/base/rows.h"
#include "core/city/context.h"
#include "hansa/v1/entry.pb.h"

namespace hansa {

// Does nothing for events that no figure looks at.
Result<void> fold_metrics(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa
