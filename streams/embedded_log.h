// Embedded log: all ledgers of one process in one RocksDB database; the log of a single machine.
//
// A writer thread takes all flights that wait, of all ledgers, and writes them in one batch with
// one sync, so that one fsync serves every ledger and every caller of that moment.
//
// Shape:   the folder (by custom <data>/log/) holds the database and the file `end_marker`
//          (streams/end_marker.h says what it protects). Keys, numbers big-endian:
//            0 u32 ‖ "format"           -> "1"
//            0 u32 ‖ "ledger/" ‖ name   -> ledger number u32, from 1 in order of first append
//            ledger number u32 ‖ offset u64  -> the record
//          Offsets are dense: a missing one is damage.
// Errors:  open:   kDataInUse    another process, or another handle of this one, has the folder;
//                  kLogBehind    a ledger ends before the end marker: restore the log;
//                  kChainBroken  the files are damaged;
//                  kUnavailable  the folder cannot be read or written (rights, disk full).
//          end:    kUnavailable  while the database is closed after a failed write.
//          read:   the same; kLogBehind when `from` lies beyond the end; kChainBroken with ledger
//                  and offset when a record is damaged or missing.
//          append: kLogConflict  the end is not the expected one, nothing was appended;
//                  kTooLarge     a value or the flight is over the limits, nothing was appended;
//                  kUnavailable  the batch could not be written; whether it stands all the same
//                                (a sync may fail after the write) is shown by reading;
//                  kDataInUse, kLogBehind, kChainBroken as for open.
//          After a failed write the database is closed and opened anew before anything is answered
//          or read, so that absence is final. If it cannot be opened for writing (a full disk), it
//          is opened for reading, and opened again at a later append, renew_writer or failed read:
//          every 2nd, 4th, then 8th. Nobody waits for space, and work resumes by itself when it is
//          back. If it cannot be told whether the failed batch will stand, it stays closed until
//          then. Damage found by compaction stops compaction, not the ledgers that are whole; a
//          damaged block of 16 KiB may hold records of two.
// Threads: every call from any thread. Deliveries are called from the writer thread: post, do not
//          work there, and neither renew a writer nor destroy the log from there. The destructor
//          writes what is queued.
// Limits:  a value up to kValueBytesMax, a flight up to kFlightValuesMax, 65 536 ledgers.
// Source:  DESIGN §4; the RocksDB options answer measured faults of 7.8.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "streams/end_marker.h"
#include "streams/log.h"

namespace rocksdb {
class Cache;
class DB;
class Env;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace hansa::streams {

struct EmbeddedLogOptions {
  std::string folder;
  // false only for a demo or a test: an acknowledged entry may then be lost with the power.
  bool fsync = true;
  // false for tools: a folder without a log is kBadFile instead of a new log.
  bool create_if_missing = true;
  size_t write_buffer_bytes = 16 * 1024 * 1024;
  std::shared_ptr<rocksdb::Cache> block_cache = nullptr;  // shared with other databases, or own
  rocksdb::Env* env = nullptr;                            // RocksDB's own, or one that fails
};

struct LedgerSummary {
  LedgerId ledger;
  Offset end = 0;
  std::optional<Error> damage{};  // its end cannot be read
};

struct EmbeddedLogCounts {
  uint64_t batches = 0;         // synced writes
  uint64_t records = 0;
  uint64_t bytes = 0;           // of values
  uint64_t failed_batches = 0;
  uint64_t reopenings = 0;
  uint64_t marker_failures = 0;
};

class EmbeddedLog final : public Log {
 public:
  static constexpr size_t kValueBytesMax = 60 * 1024;
  static constexpr size_t kFlightValuesMax = 4096;

  static Result<std::unique_ptr<EmbeddedLog>> open(const EmbeddedLogOptions& options);
  ~EmbeddedLog() override;

  Result<Offset> end(const LedgerId& ledger) override;
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override;
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override;
  bool has_more(const LedgerId& ledger, Offset from) override;
  // Refuses what is queued for the ledger and waits for the batch that is being written, or for
  // one attempt to open the database again.
  void renew_writer(const LedgerId& ledger) override;
  Result<bool> checkpoint(const std::string& folder) override;
  bool absence_is_final() const override { return true; }

  std::vector<LedgerSummary> list_ledgers();
  EmbeddedLogCounts counts() const;
  // A numeric RocksDB property such as "rocksdb.cur-size-all-mem-tables"; 0 when there is none.
  uint64_t rocksdb_property(const std::string& name);

 private:
  struct Flight {
    LedgerId ledger;
    std::vector<std::string> values;
    Offset expected_end = 0;
    Delivered delivered;
    std::optional<Error> refusal;  // answered without having been written
    Offset first = 0;              // where it came to stand
  };
  struct LedgerState {
    uint32_t number = 0;
    Offset end = 0;
    std::optional<Error> damage{};  // where its end should be; answered while it lasts
    Offset marked_end = 0;          // by the end marker, when the log was opened
  };
  using Ledgers = std::map<std::string, LedgerState>;  // by LedgerId::text()

  explicit EmbeddedLog(const EmbeddedLogOptions& options);
  enum class Access { kWrite, kReadOnly };
  Result<void> open_database(Access access);
  Result<void> load_ledgers(Ledgers& ledgers);
  Result<void> check_marker(Ledgers& ledgers);
  Result<LedgerState> state_of(const LedgerId& ledger, bool even_damaged = false);
  Result<Offset> find_end(uint32_t ledger_number);
  void look_for_end(const std::string& name, LedgerState& state);
  void close_database();

  void write_loop();
  void write_flights(std::vector<Flight>& flights);
  Result<void> make_usable();
  void reopen();
  void add_flight(Flight& flight, Ledgers& changed, rocksdb::WriteBatch& batch);
  LedgerState& state_for(const LedgerId& ledger, Ledgers& changed, rocksdb::WriteBatch& batch);
  Result<void> write_batch(rocksdb::WriteBatch& batch);
  void publish(const Ledgers& changed);
  void marker_loop();

  EmbeddedLogOptions options_;

  std::shared_mutex database_mutex_;  // held alone only while the database is closed or opened
  std::unique_ptr<rocksdb::DB> database_;
  std::unique_ptr<EndMarker> marker_;

  std::mutex ledgers_mutex_;
  Ledgers ledgers_;

  // Of the writer thread.
  std::atomic<bool> broken_{false};
  bool without_compaction_ = false;
  uint32_t refusals_left_ = 0;  // batches to refuse before the next attempt to open
  uint32_t refusals_next_ = 0;
  Error last_failure_{Errc::kUnavailable, ""};

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::vector<Flight> queue_;
  bool stopping_ = false;
  bool reopening_wanted_ = false;  // somebody wants to read while the database is closed
  std::condition_variable hand_written_;
  uint64_t hands_taken_ = 0;  // times the writer took the queue, and was done with what it took
  uint64_t hands_written_ = 0;

  std::mutex marker_mutex_;
  std::condition_variable marker_wake_;
  bool marker_dirty_ = false;
  bool marker_stopping_ = false;

  std::atomic<uint64_t> batches_{0}, records_{0}, bytes_{0}, failed_batches_{0}, reopenings_{0},
      marker_failures_{0};

  std::thread writer_;
  std::thread marker_syncer_;
};

}  // namespace hansa::streams
