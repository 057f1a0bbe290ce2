// RowCache: decoded rows in front of a Store, written back in batches, with an undo journal.
//
// Shape:   rows are versions that never change once their entry is over: the first change of a row
//          inside an entry makes a new version, the journal keeps the old one. So undoing is
//          putting pointers back, and a commit may serialise and write on another thread while
//          the next entries are folded.
//          begin_entry() opens a journal section; undo_entries(n) rolls the newest n sections
//          back; land_entries(n) forgets the oldest n. Without a journal, as a catch-up folds,
//          changes are final, and made in place where the row was changed since the last commit.
//          begin_commit(position, time) -> CommitJob, taken between entries with an empty journal:
//          nothing unlanded is ever committed. job.run() writes the last value of every changed
//          row, the index keys computed from changed rows (projections/index.h), the digest and
//          the position in one batch; finish_commit(job) brings the outcome back. commit() does
//          all three.
// Errors:  a row that cannot be read or decoded is remembered in failure(): the keeper asks after
//          every entry and stops the ledger. job.run() passes on what Store::commit says; after a
//          failed commit the next one writes the same batch again, since it may or may not stand
//          in the store, and what changed since goes with the one after it.
// Threads: one at a time (the keeper's strand), but for CommitJob::run, which may be on any.
// Limits:  `bytes_max` for all rows: clean ones make room when a commit finishes, those not used
//          lately first; changed ones are counted as the last commits found rows of their tables
//          to be, and once they reach their share is_full() asks for a commit. A commit and what
//          is changed while it runs each have a share.
// Source:  DESIGN §5, §6.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/rows.h"
#include "projections/store.h"

namespace hansa::projections {

// More than the highest TableId.
inline constexpr size_t kTables = 64;

// One row as one entry left it.
struct RowVersion {
  std::unique_ptr<google::protobuf::Message> message;
  uint64_t made_in = 0;       // number of the journal section
  size_t stored_bytes = 0;    // 0 until it was read or written; then never changed again
  std::optional<Hash> hash{};  // set and read by commit jobs only
};

struct RowSlot {
  std::string key;  // stored key
  size_t hash = 0;  // of the key
  std::shared_ptr<RowVersion> current;    // none: there is no such row
  std::shared_ptr<RowVersion> committed;  // as the store has it, or will when the job is done
  bool dirty = false;
  bool used = false;
};

class CommitJob {
 public:
  Result<void> run();

 private:
  friend class RowCache;
  void prepare();
  struct Item {
    std::string key;  // stored key
    std::shared_ptr<RowVersion> before;
    std::shared_ptr<RowVersion> after;
  };
  Store* store_ = nullptr;
  Meta meta_;
  CommitWay way_ = CommitWay::kBatch;
  size_t bytes_of(const Item& item, size_t first_change) const;
  std::vector<Item> items_;
  std::vector<Change> changes_;
  bool prepared_ = false;
  size_t bytes_added_ = 0;
  struct Written {
    size_t rows = 0;
    size_t bytes = 0;  // of memory
  };
  std::array<Written, kTables> written_{};  // by table
  Result<void> result_;
};

// Stored keys in the order of their bytes, cheap to add to: they are put in order when they are
// asked for, one bucket of neighbours after the other.
class ChangedKeys {
 public:
  void add(const std::string& key);
  void clear() { buckets_.clear(); }
  // Those with first <= key < last, ascending, each once.
  std::vector<std::string> between(const std::string& first, const std::string& last) const;

 private:
  std::map<uint64_t, std::vector<std::string>> buckets_;  // by the first bytes of the keys
};

class RowCache final : public Rows {
 public:
  RowCache(Store& store, size_t bytes_max);

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  void erase_row(TableId table, std::string_view key) override;

  void begin_entry();
  void undo_entries(size_t count);
  void land_entries(size_t count);
  size_t unlanded_entries() const { return journal_.size(); }

  CommitJob begin_commit(const ChainPosition& position, int64_t time_us,
                         CommitWay way = CommitWay::kBatch);
  Result<void> finish_commit(CommitJob job);
  Result<void> commit(const ChainPosition& position, int64_t time_us,
                      CommitWay way = CommitWay::kBatch);

  // Rows to be written, also those whose commit failed.
  size_t dirty_rows() const { return dirty_.size() + (failed_ ? failed_->items_.size() : 0); }
  // What has changed takes its share of the memory and should be committed now.
  bool is_full() const {
    return !dirty_.empty() && changed_bytes_ >= bytes_max_ / kChangedShare;
  }
  size_t cached_bytes() const { return bytes_ + changed_bytes_ + committing_bytes_; }
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }
  const std::optional<Error>& failure() const { return failure_; }

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;
  google::protobuf::Message& put_row(TableId table, std::string_view key) override;

 private:
  static constexpr size_t kChangedShare = 4;
  // A key that was hashed already.
  struct Sought {
    std::string_view key;
    size_t hash;
  };
  struct SlotHash {
    using is_transparent = void;
    using is_avalanching = void;
    size_t operator()(const std::unique_ptr<RowSlot>& slot) const { return slot->hash; }
    size_t operator()(const Sought& sought) const { return sought.hash; }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const auto& left, const auto& right) const {
      return hash_of(left) == hash_of(right) && key_of(left) == key_of(right);
    }
    static size_t hash_of(const std::unique_ptr<RowSlot>& slot) { return slot->hash; }
    static size_t hash_of(const Sought& sought) { return sought.hash; }
    static std::string_view key_of(const std::unique_ptr<RowSlot>& slot) { return slot->key; }
    static std::string_view key_of(const Sought& sought) { return sought.key; }
  };
  using Slots = boost::unordered_flat_set<std::unique_ptr<RowSlot>, SlotHash, SlotEqual>;
  struct Undo {
    RowSlot* slot;
    std::shared_ptr<RowVersion> before;
  };
  using Section = std::vector<Undo>;

  std::vector<std::string> cached_keys(const std::string& first, const std::string& last) const;
  RowSlot& slot(TableId table, std::string_view key);
  RowSlot* find_cached(std::string_view stored_key);
  std::shared_ptr<RowVersion> load(TableId table, const std::string& key);
  void change(RowSlot& slot, std::shared_ptr<RowVersion> version);
  void make_room();
  void drop_clean(const std::function<bool(const RowSlot&)>& goes);

  Store& store_;
  const size_t bytes_max_;
  Slots slots_;
  // The row of each table that was looked up last: an event comes back to its case several times.
  std::array<RowSlot*, kTables> last_{};
  std::string key_;  // scratch for look-ups
  std::deque<Section> journal_;
  uint64_t section_ = 0;
  std::vector<RowSlot*> dirty_;
  ChangedKeys overlay_;  // of ordered tables: what the store does not show yet as it is
  bool committing_ = false;
  std::optional<CommitJob> failed_;  // written again before anything else
  size_t bytes_ = 0;             // of slots and of rows as they are committed
  size_t changed_bytes_ = 0;     // estimated, of rows changed since begin_commit()
  size_t committing_bytes_ = 0;  // estimated, of rows that are being written
  std::array<size_t, kTables> mean_bytes_;  // of a changed row by its table
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  std::optional<Error> failure_;
};

}  // namespace hansa::projections
