// Schema level: which events a ledger may hold. An operator raises it once every node that holds
// the ledger runs a binary that knows them.
//
// Shape:   a ledger begins at kFirstSchemaLevel. An event names the level since which it may be
//          written (`since_level` in entry.proto); a binary knows the levels up to kSchemaLevel.
//          decide_raise() answers SchemaLevelRaised, or `unchanged` where the ledger is there
//          already; the row SchemaLevel is what it was raised to.
//          level_of_entry() is what goes into an entry's envelope: the ledger's level or, of the
//          entry that raises it, the new one, so that an older binary stops in front of it.
// Errors:  decide_raise: kWrongState for a lower level; kUpgradeNeeded for one that this binary
//          does not know: install a newer one on every node first. level_of_entry: kUpgradeNeeded
//          for an event that the ledger may not hold yet: raise it.
//          evolve_event: kUpgradeNeeded for a level that this binary does not know.
// Threads: pure.
// Source:  DESIGN §4 "Upgrades".
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"
#include "core/ledger/envelope.h"

namespace hansa {

uint16_t schema_level_of(RowsView& view);

Result<Decision> decide_raise(RowsView& view, uint32_t level, const DecideContext& context);
Result<void> evolve_event(Rows& rows, const v1::SchemaLevelRaised& event,
                          const EntryContext& entry);

// The rows are as the entries before it left them.
Result<uint16_t> level_of_entry(RowsView& view, const v1::Payload& payload);

}  // namespace hansa
