#include "projections/row_cache.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

#include "core/base/assert.h"
#include "projections/index.h"

namespace hansa::projections {
namespace {

using google::protobuf::Message;

struct Slot {
  std::string key;               // stored key
  std::unique_ptr<Message> row;  // nullptr: known to be absent
  bool dirty = false;
  uint64_t journaled_in = 0;  // the section that last remembered this row
  size_t bytes = 0;           // as counted in cached_bytes()
  // What is committed: the row's hash (nothing: absent), and while dirty its index keys.
  std::optional<Hash> committed;
  std::vector<std::string> committed_index;

  TableId table() const { return static_cast<TableId>(key[0]); }
  std::string_view row_key() const { return std::string_view(key).substr(1); }
};

using Slots = std::list<Slot>;  // nodes move between lists; addresses stay

struct Remembered {
  Slots::iterator slot;
  std::unique_ptr<Message> before;
  bool was_dirty;
};

struct Section {
  uint64_t number;
  std::vector<Remembered> rows;
};

// A slot costs its list node, its place in the map and small strings beside the row itself.
constexpr size_t kSlotBytes = 256;

std::unique_ptr<Message> copy_of(const Message& row) {
  std::unique_ptr<Message> copy(row.New());
  copy->CopyFrom(row);
  return copy;
}

bool is_scanned_while_dirty(TableId table) {
  return table == TableId::kTimer || table == TableId::kAnswered;
}

}  // namespace

struct RowCache::Impl {
  Impl(Store& rows_store, size_t limit) : store(rows_store), bytes_max(limit) {
    digest = store.meta().digest;
  }

  Slots::iterator load(std::string_view stored);
  Slots::iterator insert(std::string_view stored, const std::optional<std::string>& bytes);
  Slots::iterator cached(std::string_view stored);
  void prepare_change(Slots::iterator slot);
  void make_dirty(Slots::iterator slot);
  void make_clean(Slots::iterator slot);
  void drop_surplus();
  void fail_with(Error error) {
    if (!failure) failure = std::move(error);
  }
  std::vector<std::string> dirty_keys(TableId table, const std::string& from,
                                      const std::string& to) const;
  void learn_floor(TableId table, const std::string& from, const std::string& first);
  void add_change(const Slot& slot, const std::optional<Hash>& hash, std::string bytes,
                  std::vector<Change>& changes);
  void add_index_change(const Slot& slot, const std::vector<std::string>& now,
                        std::vector<Change>& changes);
  void collect(std::vector<Change>& changes);
  void settle();
  Result<void> finish_unfinished();

  Store& store;
  const size_t bytes_max;
  size_t bytes = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  std::optional<Error> failure;

  std::unordered_map<std::string_view, Slots::iterator> by_key;  // views of Slot::key
  Slots clean;  // most recently used first
  Slots dirty;
  // Dirty keys in order, of the tables whose scans the loop waits for.
  std::map<TableId, std::set<std::string, std::less<>>> dirty_in_order;
  // Below this key the store holds no row of the table, so that a scan can begin there.
  std::map<TableId, std::string> floor;

  std::deque<Section> journal;
  uint64_t sections = 0;

  Digest digest;  // with everything that was handed to the store
  // What a failed commit tried; it may stand in the store or not, and is written again first.
  std::optional<std::pair<std::vector<Change>, Meta>> unfinished;
};

Slots::iterator RowCache::Impl::cached(std::string_view stored) {
  const auto found = by_key.find(stored);
  if (found == by_key.end()) return dirty.end();
  ++hits;
  const auto slot = found->second;
  if (!slot->dirty) clean.splice(clean.begin(), clean, slot);
  return slot;
}

Slots::iterator RowCache::Impl::load(std::string_view stored) {
  if (const auto slot = cached(stored); slot != dirty.end()) return slot;
  ++misses;
  auto read = store.get(stored);
  if (!read) {
    fail_with(read.error());
    return insert(stored, std::nullopt);
  }
  return insert(stored, *read);
}

Slots::iterator RowCache::Impl::insert(std::string_view stored,
                                       const std::optional<std::string>& stored_bytes) {
  Slot slot;
  slot.key = stored;
  slot.bytes = kSlotBytes + stored.size();
  if (stored_bytes) {
    const auto* prototype = row_prototype(slot.table());
    HANSA_ASSERT(prototype != nullptr, "every table that is read has a row type");
    slot.row.reset(prototype->New());
    slot.bytes += 2 * stored_bytes->size();
    slot.committed = row_hash(stored, *stored_bytes);
    if (!slot.row->ParseFromString(*stored_bytes)) {
      fail_with({Errc::kBadFile, "a stored row cannot be read; rebuild the projection with "
                                 "`hansa projection rebuild`"});
    }
  }
  bytes += slot.bytes;
  clean.push_front(std::move(slot));
  by_key.emplace(clean.front().key, clean.begin());
  return clean.begin();
}

// Before a row is changed: remembers it in the open section and makes it dirty.
void RowCache::Impl::prepare_change(Slots::iterator slot) {
  if (!journal.empty() && slot->journaled_in != journal.back().number) {
    auto before = slot->row == nullptr ? nullptr : copy_of(*slot->row);
    journal.back().rows.push_back({slot, std::move(before), slot->dirty});
    slot->journaled_in = journal.back().number;
  }
  if (!slot->dirty) make_dirty(slot);
}

void RowCache::Impl::make_dirty(Slots::iterator slot) {
  slot->dirty = true;
  if (slot->row != nullptr) {
    slot->committed_index = index_keys(slot->table(), slot->row_key(), *slot->row);
  }
  dirty.splice(dirty.end(), clean, slot);
  if (is_scanned_while_dirty(slot->table())) dirty_in_order[slot->table()].insert(slot->key);
}

void RowCache::Impl::make_clean(Slots::iterator slot) {
  slot->dirty = false;
  slot->committed_index.clear();
  clean.splice(clean.begin(), dirty, slot);
  if (is_scanned_while_dirty(slot->table())) dirty_in_order[slot->table()].erase(slot->key);
}

void RowCache::Impl::drop_surplus() {
  while (bytes > bytes_max && !clean.empty()) {
    by_key.erase(clean.back().key);
    bytes -= clean.back().bytes;
    clean.pop_back();
  }
}

std::vector<std::string> RowCache::Impl::dirty_keys(TableId table, const std::string& from,
                                                    const std::string& to) const {
  std::vector<std::string> keys;
  if (is_scanned_while_dirty(table)) {
    const auto found = dirty_in_order.find(table);
    if (found == dirty_in_order.end()) return keys;
    for (auto it = found->second.lower_bound(from); it != found->second.end() && *it < to; ++it) {
      keys.push_back(*it);
    }
    return keys;
  }
  for (const auto& slot : dirty) {
    if (slot.table() == table && slot.key >= from && slot.key < to) keys.push_back(slot.key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

void RowCache::Impl::learn_floor(TableId table, const std::string& from,
                                 const std::string& first) {
  auto [known, is_new] = floor.try_emplace(table, std::string(1, static_cast<char>(table)));
  if (from <= known->second && first > known->second) known->second = first;
}

RowCache::RowCache(Store& store, size_t bytes_max)
    : impl_(std::make_unique<Impl>(store, bytes_max)) {}

RowCache::~RowCache() = default;

const Message* RowCache::find_row(TableId table, std::string_view key) {
  return impl_->load(stored_key(table, key))->row.get();
}

Message& RowCache::put_row(TableId table, std::string_view key) {
  const auto slot = impl_->load(stored_key(table, key));
  impl_->prepare_change(slot);
  if (slot->row == nullptr) {
    const auto* prototype = row_prototype(table);
    HANSA_ASSERT(prototype != nullptr, "every table that is written has a row type");
    slot->row.reset(prototype->New());
  }
  return *slot->row;
}

void RowCache::erase_row(TableId table, std::string_view key) {
  const auto slot = impl_->load(stored_key(table, key));
  if (slot->row == nullptr) return;
  impl_->prepare_change(slot);
  slot->row.reset();
}

// Committed rows and dirty rows merged; `visit` reads only.
void RowCache::scan(TableId table, std::string_view from, std::string_view to,
                    const Visit& visit) {
  const std::string begin = stored_key(table, from);
  const std::string end = stored_key(table, to);
  const auto changed = impl_->dirty_keys(table, begin, end);
  auto next_changed = changed.begin();
  bool more = true;
  const auto show = [&](Slots::iterator slot) {
    if (slot->row != nullptr) more = visit(slot->row_key(), *slot->row);
  };
  const auto show_changed_below = [&](std::string_view key) {
    for (; more && next_changed != changed.end() && *next_changed < key; ++next_changed) {
      show(impl_->by_key.find(*next_changed)->second);
    }
  };
  const auto floor = impl_->floor.find(table);
  const std::string committed_begin =
      floor == impl_->floor.end() ? begin : std::max(begin, floor->second);
  if (committed_begin < end) {
    std::optional<std::string> first;
    auto scanned = impl_->store.snapshot()->scan(
        committed_begin, end, [&](std::string_view key, std::string_view value) {
          if (!first) first = key;
          show_changed_below(key);
          if (!more) return false;
          if (next_changed != changed.end() && *next_changed == key) ++next_changed;
          auto slot = impl_->cached(key);
          if (slot == impl_->dirty.end()) slot = impl_->insert(key, std::string(value));
          show(slot);
          return more;
        });
    if (!scanned) return impl_->fail_with(scanned.error());
    impl_->learn_floor(table, begin, first.value_or(end));
  }
  show_changed_below(end);
}

void RowCache::begin_entry() {
  impl_->drop_surplus();
  impl_->journal.push_back({++impl_->sections, {}});
}

void RowCache::undo_entries(size_t count) {
  HANSA_ASSERT(count <= impl_->journal.size(), "only what is in the journal can be undone");
  for (; count > 0; --count) {
    auto& rows = impl_->journal.back().rows;
    for (auto it = rows.rbegin(); it != rows.rend(); ++it) {
      it->slot->row = std::move(it->before);
      if (!it->was_dirty) impl_->make_clean(it->slot);
    }
    impl_->journal.pop_back();
  }
}

void RowCache::land_entries(size_t count) {
  HANSA_ASSERT(count <= impl_->journal.size(), "only what is in the journal can land");
  for (; count > 0; --count) impl_->journal.pop_front();
}

size_t RowCache::unlanded_entries() const { return impl_->journal.size(); }
size_t RowCache::dirty_rows() const { return impl_->dirty.size(); }
size_t RowCache::cached_bytes() const { return impl_->bytes; }
uint64_t RowCache::hits() const { return impl_->hits; }
uint64_t RowCache::misses() const { return impl_->misses; }
const std::optional<Error>& RowCache::failure() const { return impl_->failure; }

// ---- commit

void RowCache::Impl::add_change(const Slot& slot, const std::optional<Hash>& hash,
                                std::string row_bytes, std::vector<Change>& changes) {
  if (hash == slot.committed) return;
  if (slot.committed) digest.subtract(*slot.committed);
  if (hash) {
    digest.add(*hash);
    changes.push_back({slot.key, std::move(row_bytes)});
    const auto known = floor.find(slot.table());
    if (known != floor.end()) known->second = std::min(known->second, slot.key);
  } else {
    changes.push_back({slot.key, std::nullopt});
  }
}

void RowCache::Impl::add_index_change(const Slot& slot, const std::vector<std::string>& now,
                                      std::vector<Change>& changes) {
  const auto without = [](const std::vector<std::string>& keys, const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) == keys.end();
  };
  for (const auto& key : slot.committed_index) {
    if (!without(now, key)) continue;
    const std::string stored = stored_key(TableId::kIndex, key);
    digest.subtract(row_hash(stored, ""));
    changes.push_back({stored, std::nullopt});
  }
  for (const auto& key : now) {
    if (!without(slot.committed_index, key)) continue;
    const std::string stored = stored_key(TableId::kIndex, key);
    digest.add(row_hash(stored, ""));
    changes.push_back({stored, std::string()});
  }
}

// The difference between what is committed and what the dirty rows say; from here on the latter
// counts as committed.
void RowCache::Impl::collect(std::vector<Change>& changes) {
  for (auto& slot : dirty) {
    std::optional<Hash> hash;
    std::string row_bytes;
    std::vector<std::string> index;
    if (slot.row != nullptr) {
      slot.row->SerializeToString(&row_bytes);
      hash = row_hash(slot.key, row_bytes);
      index = index_keys(slot.table(), slot.row_key(), *slot.row);
    }
    bytes -= slot.bytes;
    slot.bytes = kSlotBytes + slot.key.size() + 2 * row_bytes.size();
    bytes += slot.bytes;
    add_change(slot, hash, std::move(row_bytes), changes);
    add_index_change(slot, index, changes);
    slot.committed = hash;
    slot.committed_index = std::move(index);
  }
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.key < b.key; });
}

void RowCache::Impl::settle() {
  while (!dirty.empty()) make_clean(dirty.begin());
  drop_surplus();
}

Result<void> RowCache::Impl::finish_unfinished() {
  if (!unfinished) return {};
  HANSA_CHECK(store.commit(unfinished->first, unfinished->second));
  unfinished.reset();
  return {};
}

Result<void> RowCache::commit(const ChainPosition& position, int64_t time_us) {
  HANSA_ASSERT(impl_->journal.empty(), "nothing unlanded is ever committed");
  HANSA_CHECK(impl_->finish_unfinished());
  std::vector<Change> changes;
  impl_->collect(changes);
  const auto before = impl_->store.meta().position;
  if (changes.empty() && before.next_offset == position.next_offset &&
      before.seq == position.seq) {
    impl_->settle();
    return {};
  }
  const Meta meta{position, time_us, impl_->digest};
  if (auto committed = impl_->store.commit(changes, meta); !committed) {
    impl_->unfinished.emplace(std::move(changes), meta);
    return committed;
  }
  impl_->settle();
  return {};
}

}  // namespace hansa::projections
