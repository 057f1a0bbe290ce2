// Rows in memory: stands in for projections/store.cc in the executable that it is linked to, where
// opening and closing databases would take most of the time of a run.
//
// A directory is a table of rows, named by a file in it, so that rows go with their directory. Of
// each row those values are kept that some snapshot may still ask for.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "projections/store.h"
#include "tests/sim/simulated_disk.h"

namespace hansa::projections {

struct StoreBudget {};

namespace {

struct Value {
  uint64_t version = 0;
  std::optional<std::string> bytes;  // nothing: deleted
};

struct RowTable {
  std::mutex mutex;
  std::map<std::string, std::vector<Value>, std::less<>> rows;
  std::multiset<uint64_t> held;  // versions that snapshots look at
  uint64_t version = 0;
  Meta meta;
};

// What a store and its snapshots share while any of them is there.
struct OpenTable {
  std::shared_ptr<RowTable> table;
};

// What a Snapshot holds in the place of a database.
struct View {
  explicit View(std::shared_ptr<OpenTable> opened) : open(std::move(opened)) {
    version = open->table->version;
    open->table->held.insert(version);
  }
  ~View() {
    const std::lock_guard lock(open->table->mutex);
    open->table->held.erase(open->table->held.find(version));
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const std::string* find(const std::vector<Value>& values) const {
    for (auto it = values.rbegin(); it != values.rend(); ++it) {
      if (it->version <= version) return it->bytes ? &*it->bytes : nullptr;
    }
    return nullptr;
  }

  std::shared_ptr<OpenTable> open;
  uint64_t version = 0;
};

// All tables of the process, by the number in the file that stands for them.
class Tables {
 public:
  // nullptr: the disk takes no file.
  std::shared_ptr<RowTable> open(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tables_, [](const auto& each) {
      return !std::filesystem::exists(each.second.file);
    });
    const std::string file = directory + "/rows";
    uint64_t number = 0;
    if (std::ifstream in(file); in >> number && tables_.contains(number)) {
      return tables_.at(number).table;
    }
    std::ofstream out(file);
    out << ++newest_ << std::flush;
    if (!out) return nullptr;
    tables_[newest_] = {file, std::make_shared<RowTable>()};
    return tables_[newest_].table;
  }

 private:
  struct Entry {
    std::string file;
    std::shared_ptr<RowTable> table;
  };
  std::mutex mutex_;
  std::map<uint64_t, Entry> tables_;  // guarded by mutex_
  uint64_t newest_ = 0;               // guarded by mutex_
};

Tables& tables() {
  static Tables all;
  return all;
}

const View& view_of(const std::shared_ptr<rocksdb::DB>& db) {
  return *reinterpret_cast<const View*>(db.get());
}

}  // namespace

std::shared_ptr<StoreBudget> make_store_budget(size_t, size_t) {
  return std::make_shared<StoreBudget>();
}

// ---- Snapshot

Snapshot::Snapshot(std::shared_ptr<rocksdb::DB> db, Meta meta)
    : db_(std::move(db)), meta_(std::move(meta)) {}
Snapshot::~Snapshot() = default;

Result<std::optional<std::string>> Snapshot::get(std::string_view stored_key) const {
  const auto& view = view_of(db_);
  const std::lock_guard lock(view.open->table->mutex);
  const auto row = view.open->table->rows.find(stored_key);
  if (row == view.open->table->rows.end()) return std::optional<std::string>();
  const auto* bytes = view.find(row->second);
  return bytes == nullptr ? std::optional<std::string>() : *bytes;
}

Result<void> Snapshot::walk(std::string_view from, std::string_view to, bool descending,
                            const Visit& visit) const {
  std::vector<std::pair<std::string, std::string>> seen;
  {
    const auto& view = view_of(db_);
    const std::lock_guard lock(view.open->table->mutex);
    const auto& rows = view.open->table->rows;
    for (auto it = rows.lower_bound(from); it != rows.end() && it->first < to; ++it) {
      if (const auto* bytes = view.find(it->second)) seen.emplace_back(it->first, *bytes);
    }
  }
  if (descending) std::reverse(seen.begin(), seen.end());
  for (const auto& [key, value] : seen) {
    if (!visit(key, value)) break;
  }
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
  std::string directory;
  std::shared_ptr<OpenTable> open;
  mutable std::mutex mutex;
  std::shared_ptr<const Snapshot> latest;  // guarded by mutex

  std::shared_ptr<const Snapshot> take_snapshot() const {
    const std::lock_guard lock(open->table->mutex);
    auto view = std::make_shared<View>(open);
    auto* const stands_for = reinterpret_cast<rocksdb::DB*>(view.get());
    return std::make_shared<const Snapshot>(
        std::shared_ptr<rocksdb::DB>(std::move(view), stands_for), open->table->meta);
  }
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& directory,
                                           std::shared_ptr<StoreBudget>) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  auto table = error ? nullptr : tables().open(directory);
  if (table == nullptr) return fail(Errc::kUnavailable, directory + " cannot be made");
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->open = std::make_shared<OpenTable>(OpenTable{std::move(table)});
  impl->latest = impl->take_snapshot();
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Meta Store::meta() const { return snapshot()->meta(); }
Seq Store::committed_seq() const { return snapshot()->meta().position.seq; }

Result<void> Store::commit(const std::vector<Change>& changes, const Meta& meta, CommitWay) {
  size_t bytes = 0;
  for (const auto& change : changes) {
    bytes += change.key.size() + change.value.value_or("").size();
  }
  if (!sim::fits_on_disk(bytes)) {
    return fail(Errc::kUnavailable, impl_->directory + " took no write: the disk is full");
  }
  auto& table = *impl_->open->table;
  {
    const std::lock_guard lock(table.mutex);
    ++table.version;
    const uint64_t oldest = table.held.empty() ? table.version : *table.held.begin();
    for (const auto& change : changes) {
      auto& values = table.rows[change.key];
      values.push_back({table.version, change.value});
      // Of what is older than every snapshot the newest stays.
      size_t first = 0;
      while (first + 1 < values.size() && values[first + 1].version <= oldest) ++first;
      values.erase(values.begin(), values.begin() + static_cast<ptrdiff_t>(first));
    }
    table.meta = meta;
  }
  auto taken = impl_->take_snapshot();
  const std::lock_guard lock(impl_->mutex);
  impl_->latest.swap(taken);
  return {};
}

std::shared_ptr<const Snapshot> Store::snapshot() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->latest;
}

Result<std::optional<std::string>> Store::get(std::string_view stored_key) const {
  return snapshot()->get(stored_key);
}

Result<void> Store::checkpoint(const std::string&) {
  return fail(Errc::kUnavailable, "rows in memory are not copied");
}

Result<Digest> Store::scan_digest() const {
  Digest digest;
  const std::string first_row = {static_cast<char>(TableId::kCity)};
  HANSA_CHECK(snapshot()->scan(first_row, "\xff",
                               [&](std::string_view key, std::string_view value) {
                                 digest.add(row_hash(key, value));
                                 return true;
                               }));
  return digest;
}

std::weak_ptr<const void> Store::in_use() const { return impl_->open; }

std::optional<uint64_t> Store::property(const std::string&) const { return std::nullopt; }

}  // namespace hansa::projections
