// Ledger notes: a ledger's checkpoints and their cosignatures as C2SP signed notes.
//
// Shape:   a ledger that others read is a transparency log: its leaves are the stored values of its
//          valid entries, leaf seq - 1 that of entry seq. Its name, and that of its key, is
//            <public host>/<ledger>/<founding id>
//            example.org/share/delta/wuxi/000102030405060708090a0b0c0d0e0f
//          The text of its checkpoint (tree_checkpoint.h) has one line more: `tip <64 hex digits>`,
//          the hash of entry `size`, so that whoever follows the chain needs no tree, and whoever
//          cosigns the tree vouches for the chain.
//          note_of() makes of the event CheckpointSigned the note that it stands for. A witness's
//          key is named hansa/witness/<city>/<the city's founding id>.
// Errors:  kBadRequest for a note that is no checkpoint of a ledger.
// Threads: pure.
// Source:  SPEC §9; C2SP tlog-checkpoint, tlog-cosignature.
#pragma once

#include "core/evidence/note.h"
#include "core/evidence/tree_checkpoint.h"
#include "hansa/v1/ledger.pb.h"

namespace hansa {

std::string origin_of(std::string_view public_host, const LedgerId& ledger,
                      const FoundingId& founding_id);
// Whatever its host is.
bool is_origin_of(std::string_view origin, const LedgerId& ledger, const FoundingId& founding_id);
std::string witness_name(std::string_view city, std::string_view founding_id_hex);

// What the keeper of a ledger vouches for.
struct VouchedHead {
  Seq size = 0;
  Hash tip;  // of entry `size`
  TreeHash root;
  std::string origin;  // the log's name so far; empty: it has none yet
};

// Whether the event has the form of a checkpoint; ask it of others' before anything below.
bool is_checkpoint(const v1::CheckpointSigned& event);
TreeCheckpoint checkpoint_of(const v1::CheckpointSigned& event);
// The text that is signed.
std::string signed_text(const v1::CheckpointSigned& event);
Note note_of(const v1::CheckpointSigned& event);

// What a ledger's note says.
struct LedgerCheckpoint {
  TreeCheckpoint tree;
  LedgerId ledger;
  FoundingId founding_id;
  Hash tip;
};
Result<LedgerCheckpoint> read_ledger_note(const Note& note);

}  // namespace hansa
