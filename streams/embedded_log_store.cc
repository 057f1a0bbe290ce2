#include "streams/embedded_log_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>

#include "core/base/rows.h"

namespace hansa::streams {
namespace {

// RocksDB has no code of its own for a lock that is held, only these two sentences.
bool is_lock_held(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsIOError() && (text.find("lock hold by current process") != text.npos ||
                                text.find("While lock file") != text.npos);
}

}  // namespace

std::string number_bytes(uint32_t number) { return big_endian(number).substr(4); }

uint64_t number_in(rocksdb::Slice bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

std::string format_key() { return number_bytes(0) + "format"; }

std::string ledger_key(const std::string& name) { return number_bytes(0) + "ledger/" + name; }

std::string record_key(uint32_t ledger_number, Offset offset) {
  return number_bytes(ledger_number) + big_endian(offset);
}

Offset offset_of(rocksdb::Slice key) {
  key.remove_prefix(4);
  return number_in(key);
}

Error to_error(const rocksdb::Status& status, const std::string& where) {
  if (is_lock_held(status)) {
    return {Errc::kDataInUse,
            where + " is in use by another process; stop it first or use another folder"};
  }
  // No file of a database goes by itself: what is missing is damage, too.
  if (status.IsCorruption() || status.IsPathNotFound()) {
    return {Errc::kChainBroken, where + " is damaged: " + status.ToString() +
                                    "; restore it from a backup"};
  }
  if (status.IsInvalidArgument()) {
    return {Errc::kBadFile, where + " cannot be opened as a log: " + status.ToString()};
  }
  return {Errc::kUnavailable, where + " cannot be reached: " + status.ToString()};
}

namespace {

// RocksDB ends the process when its own text log meets a full disk twice, so it writes none; what
// fails is told by the status of the call that failed.
class NoTextLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

// max_bgerror_resume_count 0: RocksDB would retry a failed sync by itself without end, and bytes
// that one sync could not write are not there for the next. kTolerateCorruptedTailRecords: the
// default mode opens happily with half of the log behind a flipped bit.
rocksdb::Options database_options(const EmbeddedLogOptions& options, bool without_compaction) {
  rocksdb::Options result;
  result.create_if_missing = options.create_if_missing;
  if (options.env != nullptr) result.env = options.env;
  result.paranoid_checks = true;
  result.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  result.max_bgerror_resume_count = 0;
  result.recycle_log_file_num = 0;
  result.write_buffer_size = options.write_buffer_bytes;
  result.max_write_buffer_number = 4;
  result.max_background_jobs = 2;
  result.max_open_files = 512;
  result.level_compaction_dynamic_level_bytes = true;
  result.compression = rocksdb::kLZ4Compression;
  result.info_log = std::make_shared<NoTextLog>();
  if (without_compaction) {
    result.disable_auto_compactions = true;
    result.level0_slowdown_writes_trigger = 1 << 20;
    result.level0_stop_writes_trigger = 1 << 20;
  }
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_size = 16 * 1024;
  table.block_cache =
      options.block_cache ? options.block_cache : rocksdb::NewLRUCache(8 * 1024 * 1024);
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

}  // namespace hansa::streams
