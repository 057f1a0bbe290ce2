// Evidence folder: a copy on disk of the transparency log that a ledger is, and what holds in it.
//
// Shape:   below a folder, in the layout in which a node serves it (C2SP tlog-tiles):
//            tlog/<ledger>/checkpoint              the signed note, with cosignatures if any
//            tlog/<ledger>/vkey                    the key it is signed with; a hint, never trusted
//            tlog/<ledger>/tile/entries/<n>[.p/w]  the stored values, 256 a bundle
//            tlog/<ledger>/tile/<l>/<n>[.p/w]      hashes of the tree, for proofs
//          read() hands out the entries in order, and holds in one pass that the note is signed by
//          the key that counts for its size and is of this founding; that nothing is there which
//          does not belong to a log of its size; that each value is an entry behind the one before
//          it, none dated back; that the tree over them and the last hash are those signed; that
//          hash tiles are those of the tree; that every checkpoint in the ledger is of what stands
//          before it, under a key that counts; that a share's ranges follow one another and are of
//          its own city. Who cosigned is for others to judge (evidence_league.h).
//          write_evidence() makes such a copy from a log: up to the newest checkpoint that
//          witnesses confirmed, or, where there is none or `newest` is asked for, that was signed.
// Errors:  one sentence for the first thing wrong; `seq` is the entry, where it is one.
//          kBadFile: no such copy, or a part is missing; kBadRequest: a note that is none;
//          kBadSignature: a key; kChainBroken: an entry; kForkFound: what is signed is not what
//          stands there; kUpgradeNeeded: written by a newer binary. write_evidence: those of the
//          log; kNotYet: nothing is signed yet.
// Threads: one at a time.
// Limits:  one bundle in memory, and 64 bytes an entry between two checkpoints.
// Source:  SPEC §9; C2SP tlog-tiles.
#pragma once

#include <functional>
#include <string>

#include "core/alliance/ledger_keys.h"
#include "core/evidence/proof_file.h"
#include "core/evidence/ledger_note.h"
#include "hansa/v1/entry.pb.h"
#include "streams/log.h"

namespace hansa::federation {

// Which log it must be, and by which keys.
struct EvidenceSource {
  LedgerId ledger;
  FoundingId founding_id;
  KeyRanges keys;
};

// What is pointed to holds during the visit.
struct EvidenceEntry {
  Seq seq;
  const Hash& hash;
  std::string_view value;
  const v1::Payload& payload;
};
using VisitEvidence = std::function<Result<void>(const EvidenceEntry&)>;

struct SignedHead {
  Note note;
  LedgerCheckpoint checkpoint;
};

class EvidenceFolder {
 public:
  EvidenceFolder(const std::string& folder, const LedgerId& ledger);

  // Of this log: <folder>/tlog/<ledger>
  const std::string& path() const { return path_; }
  // What the checkpoint there says of itself; nothing is checked.
  Result<SignedHead> claimed_head() const;
  // The checkpoint as it stands there, signed by one of these keys.
  Result<SignedHead> head(const EvidenceSource& source) const;
  Result<SignedHead> read(const EvidenceSource& source, const VisitEvidence& visit) const;
  // The stored bytes of an entry under the checkpoint, unchecked.
  Result<std::string> value(Seq seq) const;
  // Of a copy that has hash tiles: that entry `seq` is under its checkpoint.
  Result<ProofFile> prove(Seq seq) const;

 private:
  Result<Note> note() const;

  std::string path_;
};

// The key with which a note of this size must be signed, and that it is.
Result<NoteKey> check_head(const SignedHead& head, const EvidenceSource& source);

// Makes a copy value by value; what stood there before is removed.
class EvidenceWriter {
 public:
  EvidenceWriter(const std::string& folder, const LedgerId& ledger);
  ~EvidenceWriter();

  Result<void> begin();
  Result<void> add(std::string_view value);
  // `vkey`: empty: not known.
  Result<void> finish(const Note& note, const std::string& vkey);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `reached` is called with the entries written so far.
Result<SignedHead> write_evidence(streams::Log& log, const LedgerId& ledger,
                                  const FoundingId& founding_id, const std::string& folder,
                                  bool newest, const std::function<void(Seq)>& reached = {});

}  // namespace hansa::federation
