// Confirming members: those whose witnesses confirmed the alliance's ledger last.
//
// Shape:   state: the row ConfirmingMembers. A checkpoint counts when more than half of the members
//          as of the size that was confirmed last have cosigned it, and the quorum of those of its
//          own size: else a ledger that expels everybody but one, or admits many of its own, would
//          be confirmed by whoever is left or new. Who they were is kept here, because the rows
//          Member go on to change.
//          check_members_stand(): of a size that is to be confirmed.
//          evolve_members_changed() for each event, evolve_members_confirmed() for each
//          confirmation; both change nothing in a ledger that has no members.
// Errors:  check_members_stand: kWrongState where a member changed behind the size; have a later
//          one cosigned.
// Threads: pure.
// Limits:  as many as an alliance has members.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

Result<void> check_members_stand(RowsView& view, const v1::ConfirmCheckpoint& command);
void evolve_members_changed(Rows& rows, const v1::Event& event, const EntryContext& entry);
void evolve_members_confirmed(Rows& rows);

}  // namespace hansa
