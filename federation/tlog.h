// Tlog: what a share or an alliance's ledger serves as a transparency log, for anyone to check it.
//
// Shape:   the layout is that of C2SP tlog-tiles, of the tree at the newest signed size; nothing
//          behind that is ever served.
//            newest_checkpoint()     the newest signed note, with its cosignatures if it has them
//            confirmed_checkpoint()  the newest note that enough witnesses cosigned
//            hash_tile()             the first `width` hashes of a tile, 32 bytes each
//            log_vkey()              the key by which the newest checkpoint counts (note.h)
//            proof_of()              a proof file (proof_file.h) for entry `seq`: under the
//                                    confirmed checkpoint where that covers it, else the newest
//          EntryBundles::read() is the bundle (entry_bundle.h) of the first `width` entries of a
//          tile, read from the log: rows have their hashes only. Void records stand between them;
//          where each bundle begins is kept once it was read.
// Errors:  kUnknownLog: nothing is signed, or confirmed, yet; kUnknownRoute: the tree has no such
//          tile or entry, or has fewer hashes in it; kLogBehind: the log lacks entries that the
//          rows have; those of the log and of stores.
// Threads: free for all.
// Limits:  a bundle has up to 15 MiB; EntryBundles keeps a number for each that was asked for.
// Source:  SPEC §9; C2SP tlog-tiles, tlog-proof.
#pragma once

#include <map>
#include <mutex>

#include "core/alliance/ledger_keys.h"
#include "core/evidence/tree.h"
#include "projections/store.h"
#include "streams/log.h"

namespace hansa::federation {

Result<std::string> newest_checkpoint(const projections::Snapshot& rows);
Result<std::string> confirmed_checkpoint(const projections::Snapshot& rows);
Result<std::string> hash_tile(const projections::Snapshot& rows, const TileId& tile,
                              uint32_t width);
Result<std::string> log_vkey(const projections::Snapshot& rows, const KeyRanges& keys);
Result<std::string> proof_of(const projections::Snapshot& rows, Seq seq);

class EntryBundles {
 public:
  // `index` is that of the tile of level 0 whose leaves the entries are.
  Result<std::string> read(const projections::Snapshot& rows, const LedgerId& ledger,
                           streams::Log& log, uint64_t index, uint32_t width);

 private:
  using Starts = std::map<uint64_t, Offset>;  // by index: where its first entry stands
  // No later than that.
  Offset start_of(const LedgerId& ledger, uint64_t index) const;

  mutable std::mutex mutex_;
  std::map<LedgerId, Starts> starts_;  // guarded by mutex_
};

}  // namespace hansa::federation
