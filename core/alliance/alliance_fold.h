// The alliance's ledger as one pure machine, of the same shape as a city's (core/city/city_fold.h).
//
// Shape:   decide_alliance_command(view, command, context) -> Decision or refusal.
//          evolve_alliance(rows, event, entry) applies one event; total over every event that the
//          decision makes; nullopt for an event that is none of an alliance.
// Errors:  refusals carry a stable code and a sentence; evolve fails only with kInternal on an
//          event that contradicts the rows.
// Threads: pure; the caller owns the rows.
// Source:  DESIGN §8.
#pragma once

#include <google/protobuf/message.h>

#include <optional>

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

Result<Decision> decide_alliance_command(RowsView& view, const google::protobuf::Message& command,
                                         const DecideContext& context);

std::optional<Result<void>> evolve_alliance(Rows& rows, const v1::Event& event,
                                            const EntryContext& entry);

}  // namespace hansa
