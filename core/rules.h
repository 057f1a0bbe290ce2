// Rules: the pure machine behind a ledger, whichever kind it is.
//
// Shape:   decide_command(kind, view, command, context): a city's command goes to
//          core/city/city_fold.h, an alliance's to core/alliance/alliance_fold.h; a command of the
//          other kind is refused. evolve_event_of_ledger(rows, event, entry) folds any event.
// Errors:  as theirs; what a decision would record passes check_events.
// Threads: pure.
// Source:  DESIGN §5.
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

Result<Decision> decide_command(std::string_view ledger_kind, RowsView& view,
                                const google::protobuf::Message& command,
                                const DecideContext& context);
Result<void> evolve_event_of_ledger(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa
