// Fold: one whole entry applied to the rows; the same for keeper, catch-up and rebuild (law 3).
//
// Shape:   fold_entry(rows, payload, mark) folds the events in order (read_models.h), writes
//          the answer under the entry's command id, and lets answers die whose id is older than the
//          window. Rows die when ledger time enters a new minute: all whose id time + 48 h lies
//          before that minute; the minute reached stands in the row of key "" of the table. An
//          answer that would be dead at once is not written. The position in an input is
//          written under the name of its topic or ledger. The leaf grows the tree
//          (core/evidence/tree_rows.h), and LedgerHead names the newest deed.
// Errors:  as evolve: an entry that contradicts the rows stops the ledger.
// Threads: pure.
// Limits:  the window: 48 h of ledger time.
// Source:  DESIGN L4, SPEC §1.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/base/rows.h"
#include "core/evidence/tree.h"
#include "hansa/v1/entry.pb.h"

namespace hansa::projections {

// Key of the answer to a command id: id time in ms BE8, then 16 bytes of SHA-256(kind, actor, id).
std::string answered_key(v1::CauseKind::Value kind, const ActorId& actor, const CommandId& id);

// Where an entry stands; its leaf where the ledger's entries are those of a tree.
struct EntryMark {
  Seq seq = 0;
  Hash hash;
  std::optional<TreeHash> leaf = std::nullopt;
};
// The leaf of a value, in ledgers that others read: those of alliances, and shares.
std::optional<TreeHash> leaf_in(std::string_view ledger_kind, std::string_view value);

Result<void> fold_entry(Rows& rows, const v1::Payload& payload, const EntryMark& mark);

}  // namespace hansa::projections
