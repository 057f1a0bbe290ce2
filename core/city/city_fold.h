// The city's ledger as one pure machine: every command goes in here, every event is folded here.
//
// Shape:   decide(view, command, context) -> Decision or refusal: one consistent state of the whole
//          city, so a rule across aggregates is one entry.
//          evolve(rows, event, entry) applies one event; total over every event that decide makes.
//          permit(method, principal, city): may this caller call this method at all (role, city)?
//          What depends on the case (grid, lead unit, reporter) is asked inside decide by the same
//          rules of the method's options: core/city/access.h.
//          check_events(events): what every decision passes before it leaves decide.
// Errors:  refusals carry a stable code and a sentence; evolve fails only with kInternal on an
//          event that contradicts the rows: an impossible state that stops the ledger.
//          check_events: kInternal for a PERSONAL text in clear, kTooLarge.
// Threads: pure; the caller owns the rows.
// Limits:  events of one entry up to 48 KiB together.
// Source:  SPEC §3, DOMAIN §1.1.
#pragma once

#include <google/protobuf/message.h>

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

Result<Decision> decide(RowsView& view, const google::protobuf::Message& command,
                        const DecideContext& context);

Result<void> check_events(const std::vector<v1::Event>& events);

Result<void> evolve(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa
