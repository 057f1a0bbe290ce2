// Confirmation: has what a ledger vouches for cosigned by its witnesses, and keeps it from vouching
// for less than they have seen.
//
// Shape:   one for each share or alliance's ledger that this node leads. After every start it first
//          asks the witnesses for the newest checkpoint they have cosigned; only when so many have
//          answered that one of every quorum is among them, and the ledger extends all that they
//          showed, may its keeper sign (may_sign of the keeper is `gate`). Where nobody could
//          witness it may at once.
//          Then, whenever the newest checkpoint covers a deed (core/evidence/tree_rows.h) that is
//          not confirmed, and `pause_us` after the last confirmation, all witnesses are asked to
//          cosign it, each from the size that it knows; with as many cosignatures as the quorum
//          CheckpointConfirmed is recorded in the ledger. An alliance's must also be by more than
//          half of those who confirmed it last (core/alliance/confirming.h), who are asked, too:
//          one that was expelled or has left since as well.
//          A witness that names a smaller size than it has cosigned, and cosigns from there, is
//          reported (ReportForgotten); also at the start, by its cosignature on the newest
//          checkpoint that is confirmed. Its word alone may be a node's that lags; what it cosigns
//          is decided in its ledger.
// Errors:  in health().waits: kUnavailable, the witnesses that are away; kLogBehind: they have
//          cosigned entries that are missing here, the gate stays shut until they are here;
//          kForkFound: another history than this one, it stays shut until the ledger is mended and
//          the node started again.
// Threads: poke and health from one thread; witnesses answer on theirs.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <atomic>
#include <map>

#include "federation/relay.h"
#include "federation/witness.h"

namespace hansa::federation {

using SigningGate = std::shared_ptr<std::atomic<bool>>;

class Confirmation {
 public:
  struct Plan {
    std::shared_ptr<projections::Keeper> keeper;
    SigningGate gate;
    KeyRanges keys;      // the ledger's own
    std::string origin;  // of a ledger that has signed nothing yet
    // The members whose witnesses may cosign it, and the quorum that is wanted
    // (federation/wanted_quorum.h), as they are known here by now.
    std::function<Result<std::vector<v1::Member>>()> witnesses;
    std::function<uint32_t()> wanted_quorum;
    // Of an alliance: who confirmed it last.
    std::function<Result<std::vector<v1::Member>>()> confirmed_by = {};
    WitnessCaller* caller = nullptr;
    // Where it is told that a witness has forgotten.
    std::shared_ptr<projections::Keeper> reporter;
    Env* env = nullptr;
    int64_t pause_us = 0;
  };
  explicit Confirmation(Plan plan);
  ~Confirmation();

  bool poke();
  LinkHealth health() const;

 private:
  struct Round;
  struct Asked;
  struct Known {  // of a witness
    Seq size = 0;           // it is asked to go on from there
    Seq cosigned_size = 0;  // the largest that it has cosigned, as `note` says; above `size` where
    std::string note;       // it has named less since
  };
  std::shared_ptr<Round> new_round();
  Result<void> ask_members(Round& round) const;
  bool ask_newest();
  bool judge_newest();
  Result<void> check_shown(const projections::Snapshot& rows, Asked& asked);
  void remember_confirmed(const projections::Snapshot& rows, const Asked& asked);
  bool ask_to_cosign();
  Result<void> ask(size_t index);
  bool gather();
  void take(size_t index, const Result<NoteSignature>& answer);
  void report_forgotten(const v1::Member& witness, const Known& known);
  void confirm();
  bool settle();
  void give_up(const Error& error);

  Plan plan_;
  bool is_open_ = false;
  std::shared_ptr<Round> round_;  // on its way
  std::map<std::string, Known> known_;  // by city
  Seq tried_size_ = 0;
  int64_t tried_us_ = 0;
  int64_t confirmed_us_ = 0;
  std::optional<Error> waits_;
  bool is_final_ = false;
};

}  // namespace hansa::federation
