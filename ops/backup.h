// Backup: the rows of a ledger, and its embedded log, at one moment; and their way back.
//
// Shape:   `<folder>/<kind>-<id>-<seq>/`: rows/ (a checkpoint of the store), log/ (of the embedded
//          log, all ledgers of the node), and backup.json (v1.BackupAnswer), written last: without
//          it the backup is not whole. Files are hard links where they can be: copy them to another
//          machine before you count on them. Keys and keyring are not in it: they are kept apart,
//          so that an old backup reads nobody who was erased.
//          restore() puts the rows in place as a new version, the mark RESTORED beside them;
//          prove_restored() reckons their digest anew and compares it with what the backup says,
//          before the ledger is opened; only then the mark goes.
//          verify_backup() does all that in a folder that does not exist yet, reads the chain of
//          the log in it, and holds both against what the backup says; nothing is served from it.
// Errors:  kAlreadyExists: this seq is backed up, or rows or a log stand there already.
//          kBadFile: no backup, or not whole. kDigestDiffers: the rows are not what it says;
//          kChainBroken: its log does not lead there. kUnavailable: the disk.
// Threads: any; one at a time for a folder.
// Source:  DESIGN §4, §6.
#pragma once

#include <string>

#include "core/base/env.h"
#include "hansa/v1/operations.pb.h"
#include "projections/store.h"
#include "streams/log.h"

namespace hansa::ops {

struct BackedUpLedger {
  LedgerId ledger;
  FoundingId founding_id;
};

Result<v1::BackupAnswer> back_up(const BackedUpLedger& which, projections::Store& store,
                                 streams::Log& log, const std::string& folder, Env& env);
Result<v1::BackupAnswer> read_backup(const std::string& backup);
// What stands where, for people, is in the answer's `folder`.
Result<v1::BackupAnswer> restore(const std::string& backup, const std::string& data_dir);
// `version_dir`: the version of the rows that counts.
Result<void> prove_restored(const std::string& version_dir);

struct BackupCheck {
  v1::BackupAnswer record;
  uint64_t bytes = 0;  // of all its files
  Seq log_seq = 0;     // of the last entry in its log; 0 without one
};
Result<BackupCheck> verify_backup(const std::string& backup, const std::string& scratch);
uint64_t folder_bytes(const std::string& folder);

}  // namespace hansa::ops
