// Store: the committed rows of one ledger's projection, in one RocksDB directory.
//
// Shape:   every key is table byte + key (core/base/rows.h stored_key), every value a serialised
//          row; Meta stands under one key of table kMeta and is written in the same batch as the
//          rows it belongs to (law 3). Directory `<data>/projections/<kind>-<id>/v<n>/`.
//          Snapshot is one consistent state: everything read through it belongs to meta().seq.
//          A commit is one write batch, or one sorted file that is taken in whole: for the many
//          rows of a catch-up, whose cost is the memtable and not the log.
// Errors:  kDataInUse: another process holds the directory. kBadFile: it cannot be opened or read:
//          rebuild it. kUnavailable: a write failed (disk full): nothing of the batch was done.
//          After a failed write the next commit opens the database anew, and what was tried may or
//          may not stand there: write the same changes again first.
// Threads: commit from one thread at a time; snapshot() and everything on a Snapshot from any. A
//          kept Snapshot keeps the database open: let go of it soon.
// Limits:  memory is bounded by the block cache and write budget shared by all stores.
// Source:  DESIGN §6, LIBRARIES §3.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/base/rows.h"
#include "core/ledger/chain.h"
#include "projections/digest.h"

namespace rocksdb {
class DB;
class Snapshot;
}  // namespace rocksdb

namespace hansa::projections {

// Rows that cannot be read stop their ledger, and a node rebuilds nothing that has stopped.
inline constexpr std::string_view kRebuildAdvice =
    "; stop the node and run `hansa projection rebuild --data`";

// Raised whenever the meaning or the shape of rows changes: an older store is rebuilt.
inline constexpr uint32_t kRowSchemaVersion = 5;

struct Meta {
  ChainPosition position;
  int64_t time_us = 0;  // time of entry position.seq
  Digest digest;
  uint32_t row_schema_version = kRowSchemaVersion;
};

enum class CommitWay : uint8_t {
  kBatch,       // a write batch through log and memtable
  kSortedFile,  // changes in ascending order of their keys, each key once
};

struct Change {
  std::string key;                   // stored key
  std::optional<std::string> value;  // nothing: delete
};

inline constexpr size_t kMib = 1024 * 1024;

// Memory shared by all stores of a process.
struct StoreBudget;
std::shared_ptr<StoreBudget> make_store_budget(size_t block_cache_mib, size_t write_mib);

class Snapshot {
 public:
  // Without a database every read answers kUnavailable.
  Snapshot(std::shared_ptr<rocksdb::DB> db, Meta meta);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const Meta& meta() const { return meta_; }
  // The row's bytes; nullopt if there is none.
  Result<std::optional<std::string>> get(std::string_view stored_key) const;
  // Stored keys with from <= key < to, ascending or descending, until visit answers false.
  using Visit = std::function<bool(std::string_view stored_key, std::string_view value)>;
  Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const;
  Result<void> scan_descending(std::string_view from, std::string_view to,
                               const Visit& visit) const;

  template <typename Row>
  Result<std::optional<Row>> find(Table<Row> table, std::string_view key) const {
    HANSA_TRY(auto bytes, get(stored_key(table.id, key)));
    if (!bytes) return std::optional<Row>();
    Row row;
    if (!row.ParseFromString(*bytes)) return fail(Errc::kBadFile, "a stored row cannot be read");
    return std::optional<Row>(std::move(row));
  }

 private:
  Result<void> walk(std::string_view from, std::string_view to, bool descending,
                    const Visit& visit) const;

  std::shared_ptr<rocksdb::DB> db_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
  Meta meta_;
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& directory,
                                             std::shared_ptr<StoreBudget> budget);
  ~Store();

  Meta meta() const;  // last committed
  Seq committed_seq() const;
  Result<void> commit(const std::vector<Change>& changes, const Meta& meta,
                      CommitWay way = CommitWay::kBatch);
  std::shared_ptr<const Snapshot> snapshot() const;
  // Committed bytes of one row, for the row cache.
  Result<std::optional<std::string>> get(std::string_view stored_key) const;
  Result<void> checkpoint(const std::string& directory);
  // Recomputes the digest from all rows (slow, linear).
  Result<Digest> scan_digest() const;
  // Expires when nobody reads from the directory any more, this store included.
  std::weak_ptr<const void> in_use() const;
  // RocksDB's own figures for /metrics, by property name.
  std::optional<uint64_t> property(const std::string& name) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::projections
