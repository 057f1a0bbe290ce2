// Audit trail: what callers with credentials told this node to do, and whose personal data they
// read: one record each, appended to files of its own and chained by hashes.
//
// Shape:   <data>/audit/<number of the first record, 12 digits>.jsonl; a line is a v1::AuditRecord
//          as JSON. `previous_sha256` is the SHA-256 of the line before it without its line feed,
//          64 zeros in the very first; the chain goes on from file to file. A file is closed at the
//          end of its day (UTC) or at kTrailFileBytesMax; files whose records are all older than
//          retention_days are deleted, from the oldest, so what is left is still one chain.
//          Callers stand there by issuer and by the pseudonym that they have in the ledger, never
//          by their name.
// Errors:  open: kBadFile, which file and line. ready: kUnavailable while records cannot be
//          written: commands are refused then, without a record; what was answered meanwhile is
//          kept in memory and written as soon as it can be. check_trail: kChainBroken, the first
//          line that does not follow.
// Threads: any; one of its own syncs what was written and tries again what was not.
//          While it fails, only that thread tries: callers are refused, not slowed down.
// Limits:  a record is in the file before its caller is answered and outlives a kill; it is synced
//          within kTrailSyncMs, so a power loss can take the last ones (what was accepted stands in
//          the ledger all the same). kTrailWaitingMax records wait in memory. A page of a list is
//          found in kTrailListBytesMax of the trail: it may have few records, or none, and a token.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/env.h"
#include "core/city/context.h"
#include "hansa/v1/operations.pb.h"
#include "projections/door.h"

namespace hansa::ops {

inline constexpr size_t kTrailFileBytesMax = 64 * 1024 * 1024;
inline constexpr int kTrailSyncMs = 1'000;
inline constexpr size_t kTrailWaitingMax = 10'000;
inline constexpr size_t kTrailListBytesMax = 4 * 1024 * 1024;

struct TrailHealth {
  uint64_t records = 0;  // ever
  bool is_failing = false;
};

class AuditTrail {
 public:
  static Result<std::unique_ptr<AuditTrail>> open(const std::string& folder,
                                                  uint32_t retention_days, Env& env);
  ~AuditTrail();

  // Number, time and previous hash are set here.
  void add(v1::AuditRecord record);
  Result<void> ready() const;
  // Records about one ledger, oldest first; the last page alone has no token. kBadRequest for a
  // token that is none.
  Result<v1::AuditRecordsAnswer> list(const LedgerId& ledger, uint32_t page_size,
                                      const std::string& page_token) const;
  TrailHealth health() const;

 private:
  struct File {
    std::string name;
    uint64_t first = 0;  // number of its first record
    int64_t begun_us = 0;
  };
  struct Line {
    uint64_t number = 0;
    int64_t time_us = 0;
    std::string text;  // with its line feed
  };
  AuditTrail(std::string folder, uint32_t retention_days, Env& env);
  Result<void> read_files();
  Result<void> open_last_file();
  Result<void> write_waiting();  // under mutex_, as all that follow
  Result<void> write_line(const Line& line);
  Result<void> begin_file(const Line& line);
  void drop_old_files(int64_t now_us);
  void note(const Result<void>& outcome);
  void keep_synced();

  const std::string folder_;
  const int64_t retention_us_;
  Env& env_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<File> files_;   // oldest first; the last one is open
  int descriptor_ = -1;
  uint64_t file_bytes_ = 0;
  uint64_t last_number_ = 0;
  std::string last_sha256_ = std::string(64, '0');
  std::deque<Line> waiting_;
  bool unsynced_ = false;
  bool is_failing_ = false;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::thread syncer_;
};

// A record of `principal`, whose pseudonym is that of the keeper's ledger; nullptr: none is here.
v1::AuditRecord audit_record(const LedgerId& ledger, const projections::Keeper* keeper,
                             const Principal& principal, std::string_view method);
// What a door tells of every unsealing becomes a record.
projections::Door::Unsealed record_unsealing(AuditTrail& trail,
                                             std::shared_ptr<projections::Keeper> keeper);

struct TrailCheck {
  uint64_t records = 0;
  uint64_t first = 0;
  uint64_t last = 0;
  std::string last_sha256;  // 64 hex digits; whoever kept it can tell that nothing was cut off
};
Result<TrailCheck> check_trail(const std::string& folder);

}  // namespace hansa::ops
