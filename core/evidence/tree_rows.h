// The tree over a ledger's entries as rows: grown by the fold, read as tiles.
//
// Shape:   grow_tree() adds the leaf of entry `seq` (index seq - 1): its hash goes to the last tile
//          of level 0, and the root of a tile that it fills to the level above. A tile stands in a
//          row of its own and its last hashes, fewer than kTailWidth, in a row beside it, so that
//          an entry does not write 8 KiB; together they are what a tile of the same level and
//          index is served as (tree.h), and roots and proofs of every size up to the newest are
//          read from a few rows.
//          is_deed(): an entry that says more than that its ledger is there: a checkpoint, a
//          confirmation, a position or a heartbeat alone is none. What makes others write follows
//          from deeds only, or two that listen to each other would never rest.
//          evolve_checkpoint, evolve_confirmed: the row LedgerHead; what has not the form of a
//          checkpoint vouches for nothing. The note with all cosignatures
//          stands in one of its own, under kConfirmedKey, and is not written with every checkpoint.
//          decide_confirm(): of the witnesses' cosignatures, once each.
// Errors:  kInternal for a leaf that is not the next one. decide_confirm: kWrongState for a size
//          that is confirmed or not signed yet; kForkFound for another tree than this one.
// Threads: pure.
// Limits:  rows of 8 KiB; an entry changes one of 480 bytes, each 16th one of 8 KiB, too.
// Source:  DESIGN §8 "Evidence"; RFC 6962, C2SP tlog-tiles.
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"
#include "core/evidence/tree.h"
#include "hansa/v1/evidence.pb.h"

namespace hansa {

inline constexpr uint32_t kTailWidth = 16;
inline constexpr std::string_view kConfirmedKey = "confirmed";

Result<void> grow_tree(Rows& rows, Seq seq, const TreeHash& leaf);
// Reads of `view` while it is there.
Tiles tiles_of(RowsView& view);

bool is_deed(const v1::Payload& payload);

Result<Decision> decide_confirm(RowsView& view, const v1::ConfirmCheckpoint& command);
// Of a confirmed head (confirmed_size): the note with the cosignatures.
Result<std::string> confirmed_note(RowsView& view);
void evolve_checkpoint(Rows& rows, const v1::CheckpointSigned& event);
void evolve_confirmed(Rows& rows, const v1::CheckpointConfirmed& event);

}  // namespace hansa
