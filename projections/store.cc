#include "projections/store.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_buffer_manager.h>
#include <unistd.h>

#include <chrono>
#include <cstdarg>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/assert.h"
#include "projections/store_meta.h"

namespace hansa::projections {

struct StoreBudget {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> writes;
};

namespace {

constexpr size_t kWriteBufferBytes = 16 * 1024 * 1024;
// Opening writes a manifest, a log and perhaps a table of what the log held.
constexpr size_t kRoomToOpenBytes = 2 * kWriteBufferBytes;
constexpr const char* kSortedFileName = "commit.sorted";
constexpr auto kReadersWait = std::chrono::milliseconds(2000);

// RocksDB has no code of its own for a lock that is held, only these two sentences.
bool is_lock_held(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsIOError() && (text.find("lock hold by current process") != text.npos ||
                                text.find("While lock file") != text.npos);
}

Error to_error(const rocksdb::Status& status, const std::string& directory) {
  if (is_lock_held(status)) {
    return {Errc::kDataInUse, directory + " is in use by another process; stop it first"};
  }
  // No file of a database goes by itself: what is missing is damage, too.
  if (status.IsCorruption() || status.IsInvalidArgument() || status.IsPathNotFound()) {
    return {Errc::kBadFile, directory + " cannot be read: " + status.ToString() +
                                std::string(kRebuildAdvice)};
  }
  return {Errc::kUnavailable, directory + " cannot be reached: " + status.ToString() +
                                  "; see that the disk has room and works"};
}

// RocksDB ends the process when its own text log meets a full disk twice, so it writes none; what
// fails is told by the status of the call that failed.
class NoTextLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options database_options(const StoreBudget& budget) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.max_bgerror_resume_count = 0;
  options.recycle_log_file_num = 0;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_write_buffer_number = 3;
  options.write_buffer_manager = budget.writes;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.skip_stats_update_on_db_open = true;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  options.info_log = std::make_shared<NoTextLog>();
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_cache = budget.cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Whether the disk has room enough to open the database anew: asked before the one that still
// answers reads is closed.
bool has_room(const std::string& directory) {
  const std::string probe = directory + "/room.probe";
  const int file = ::open(probe.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool room = ::posix_fallocate(file, 0, kRoomToOpenBytes) == 0;
  ::close(file);
  ::unlink(probe.c_str());
  return room;
}

Result<Meta> read_meta(rocksdb::DB& db, const std::string& directory) {
  std::string bytes;
  const auto status = db.Get(rocksdb::ReadOptions(), meta_key(), &bytes);
  if (status.IsNotFound()) return Meta{};
  if (!status.ok()) return fail(to_error(status, directory));
  const auto meta = decode_meta(bytes);
  if (!meta) {
    return fail(Errc::kBadFile, directory + " holds a position that cannot be read" +
                                    std::string(kRebuildAdvice));
  }
  return *meta;
}

Error no_database() {
  return {Errc::kUnavailable, "the rows cannot be read until the disk works again; try later"};
}

}  // namespace

std::shared_ptr<StoreBudget> make_store_budget(size_t block_cache_mib, size_t write_mib) {
  auto budget = std::make_shared<StoreBudget>();
  budget->cache = rocksdb::NewLRUCache(block_cache_mib * kMib);
  budget->writes = std::make_shared<rocksdb::WriteBufferManager>(write_mib * kMib, budget->cache,
                                                                 false);
  return budget;
}

// ---- Snapshot

Snapshot::Snapshot(std::shared_ptr<rocksdb::DB> db, Meta meta)
    : db_(std::move(db)), meta_(std::move(meta)) {
  if (db_ != nullptr) snapshot_ = db_->GetSnapshot();
}

Snapshot::~Snapshot() {
  if (db_ != nullptr) db_->ReleaseSnapshot(snapshot_);
}

Result<std::optional<std::string>> Snapshot::get(std::string_view stored_key) const {
  if (db_ == nullptr) return fail(no_database());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string value;
  const auto status = db_->Get(options, rocksdb::Slice(stored_key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return fail(to_error(status, db_->GetName()));
  return std::optional<std::string>(std::move(value));
}

Result<void> Snapshot::walk(std::string_view from, std::string_view to, bool descending,
                            const Visit& visit) const {
  if (db_ == nullptr) return fail(no_database());
  if (from >= to) return {};
  const rocksdb::Slice lower(from);
  const rocksdb::Slice upper(to);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  for (descending ? it->SeekToLast() : it->SeekToFirst(); it->Valid();
       descending ? it->Prev() : it->Next()) {
    if (!visit(it->key().ToStringView(), it->value().ToStringView())) return {};
  }
  if (!it->status().ok()) return fail(to_error(it->status(), db_->GetName()));
  return {};
}

Result<void> Snapshot::scan(std::string_view from, std::string_view to,
                            const Visit& visit) const {
  return walk(from, to, false, visit);
}

Result<void> Snapshot::scan_descending(std::string_view from, std::string_view to,
                                       const Visit& visit) const {
  return walk(from, to, true, visit);
}

// ---- Store

struct Store::Impl {
  Impl(std::string path, std::shared_ptr<StoreBudget> shared)
      : directory(std::move(path)), budget(std::move(shared)) {}

  // Opens the database; `read_only` when the disk takes no writes: reads then still work.
  Result<void> open(bool read_only);
  Result<void> open_anew();
  bool readers_are_gone(const std::unique_lock<std::mutex>& lock);
  rocksdb::Status write_batch(const std::vector<Change>& changes, const Meta& new_meta);
  rocksdb::Status write_sorted_file(const std::vector<Change>& changes, const Meta& new_meta);
  bool shows(const Meta& new_meta);
  Result<void> check_files();

  const std::string directory;
  const std::shared_ptr<StoreBudget> budget;
  std::shared_ptr<rocksdb::DB> db;  // changed under `mutex` by the committing thread alone
  Meta meta;                        // as `db`
  bool write_failed = false;

  mutable std::mutex mutex;
  std::shared_ptr<const Snapshot> latest;
};

Result<void> Store::Impl::open(bool read_only) {
  // What a killed process had not taken in yet.
  std::error_code ignored;
  if (!read_only) std::filesystem::remove(directory + "/" + kSortedFileName, ignored);
  rocksdb::DB* opened = nullptr;
  const auto options = database_options(*budget);
  const auto status = read_only ? rocksdb::DB::OpenForReadOnly(options, directory, &opened)
                                : rocksdb::DB::Open(options, directory, &opened);
  if (!status.ok()) return fail(to_error(status, directory));
  db.reset(opened);
  HANSA_CHECK(check_files());
  HANSA_TRY(meta, read_meta(*db, directory));
  latest = std::make_shared<const Snapshot>(db, meta);
  return {};
}

// Waits, with snapshot() held up, until nobody but us holds the database.
bool Store::Impl::readers_are_gone(const std::unique_lock<std::mutex>& lock) {
  HANSA_ASSERT(lock.owns_lock(), "no reader may come while the database is closed");
  const auto until = std::chrono::steady_clock::now() + kReadersWait;
  while (db != nullptr && db.use_count() > 1) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// RocksDB refuses all writes after a failed one; what the failed write left is settled by opening.
Result<void> Store::Impl::open_anew() {
  if (!has_room(directory)) {
    return fail(Errc::kUnavailable, "the disk of " + directory + " is full; make room on it");
  }
  std::unique_lock lock(mutex);
  latest.reset();
  if (!readers_are_gone(lock)) {
    latest = std::make_shared<const Snapshot>(db, meta);
    return fail(Errc::kUnavailable, directory + " is still being read; try again shortly");
  }
  db.reset();
  auto opened = open(false);
  if (opened) {
    write_failed = false;
    return {};
  }
  if (!open(true)) {
    db.reset();
    latest = std::make_shared<const Snapshot>(nullptr, meta);
  }
  return fail(Errc::kUnavailable, opened.error().detail);
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// What is in memory is written out, so that the next opening has no log to replay.
Store::~Store() {
  if (impl_->db == nullptr || impl_->write_failed) return;
  const auto status = impl_->db->Flush(rocksdb::FlushOptions());
  status.PermitUncheckedError();  // the write-ahead log still holds everything
}

Result<std::unique_ptr<Store>> Store::open(const std::string& directory,
                                           std::shared_ptr<StoreBudget> budget) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(Errc::kUnavailable, directory + " cannot be made: " + error.message());
  }
  auto impl = std::make_unique<Impl>(directory, std::move(budget));
  HANSA_CHECK(impl->open(false));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Meta Store::meta() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->meta;
}

rocksdb::Status Store::Impl::write_batch(const std::vector<Change>& changes, const Meta& new_meta) {
  rocksdb::WriteBatch batch;
  for (const auto& change : changes) {
    const auto status = change.value ? batch.Put(change.key, *change.value)
                                     : batch.Delete(change.key);
    HANSA_ASSERT(status.ok(), "a batch in memory takes every change");
  }
  HANSA_ASSERT(batch.Put(meta_key(), encode_meta(new_meta)).ok(), "and the position");
  return db->Write(rocksdb::WriteOptions(), &batch);
}

// Rows that nobody sees would come back with some compaction.
Result<void> Store::Impl::check_files() {
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    if (!file.smallestkey.empty() && !file.largestkey.empty()) continue;
    return fail(Errc::kBadFile, directory + file.name + " was taken in and never read" +
                                    std::string(kRebuildAdvice));
  }
  return {};
}

// RocksDB (7.8) takes a file in whose first or last key it could not read, and never looks into it
// again: the position is in it, too.
bool Store::Impl::shows(const Meta& new_meta) {
  std::string found;
  return db->Get(rocksdb::ReadOptions(), meta_key(), &found).ok() &&
         found == encode_meta(new_meta);
}

// The file is whole and synced before the database takes it in by one edit of its manifest.
rocksdb::Status Store::Impl::write_sorted_file(const std::vector<Change>& changes,
                                               const Meta& new_meta) {
  const std::string path = directory + "/" + kSortedFileName;
  const auto options = database_options(*budget);
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  auto status = writer.Open(path);
  // The position has the lowest key of all.
  if (status.ok()) status = writer.Put(meta_key(), encode_meta(new_meta));
  for (const auto& change : changes) {
    if (!status.ok()) break;
    status = change.value ? writer.Put(change.key, *change.value) : writer.Delete(change.key);
    HANSA_ASSERT(!status.IsInvalidArgument(), "changes come sorted, each key once");
  }
  if (status.ok()) status = writer.Finish();
  if (status.ok()) {
    rocksdb::IngestExternalFileOptions how;
    how.move_files = true;
    status = db->IngestExternalFile({path}, how);
  }
  if (status.ok() && !shows(new_meta)) {
    status = rocksdb::Status::Corruption("what was taken in cannot be seen");
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return status;
}

Seq Store::committed_seq() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->meta.position.seq;
}

Result<void> Store::commit(const std::vector<Change>& changes, const Meta& meta, CommitWay way) {
  if (impl_->write_failed) HANSA_CHECK(impl_->open_anew());
  const auto status = way == CommitWay::kBatch ? impl_->write_batch(changes, meta)
                                               : impl_->write_sorted_file(changes, meta);
  if (!status.ok()) {
    impl_->write_failed = true;
    return fail(Errc::kUnavailable, impl_->directory + " took no write: " + status.ToString() +
                                        "; see that the disk has room and works");
  }
  auto snapshot = std::make_shared<const Snapshot>(impl_->db, meta);
  const std::lock_guard lock(impl_->mutex);
  impl_->meta = meta;
  impl_->latest.swap(snapshot);
  return {};
}

std::shared_ptr<const Snapshot> Store::snapshot() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->latest;
}

Result<std::optional<std::string>> Store::get(std::string_view stored_key) const {
  return snapshot()->get(stored_key);
}

Result<void> Store::checkpoint(const std::string& directory) {
  if (impl_->db == nullptr) return fail(no_database());
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(impl_->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
  if (!status.ok()) return fail(to_error(status, directory));
  return {};
}

Result<Digest> Store::scan_digest() const {
  Digest digest;
  const std::string first_row = {static_cast<char>(TableId::kCity)};
  const std::string behind_all = {'\xff'};
  HANSA_CHECK(snapshot()->scan(first_row, behind_all,
                               [&](std::string_view key, std::string_view value) {
                                 digest.add(row_hash(key, value));
                                 return true;
                               }));
  return digest;
}

std::weak_ptr<const void> Store::in_use() const { return impl_->db; }

std::optional<uint64_t> Store::property(const std::string& name) const {
  const std::lock_guard lock(impl_->mutex);
  uint64_t value = 0;
  if (impl_->db == nullptr || !impl_->db->GetIntProperty(name, &value)) return std::nullopt;
  return value;
}

}  // namespace hansa::projections
