#include "projections/row_cache.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "projections/index.h"

namespace hansa::projections {
namespace {

using google::protobuf::Message;

// What a slot costs beside its row: key, node, pointers.
constexpr size_t kSlotBytes = 250;
// A decoded row in memory against its stored bytes.
constexpr size_t kDecodedFactor = 4;
// Until a commit has shown how large the rows of a table are.
constexpr size_t kUnknownRowBytes = 2'000;

// Only these are scanned in order by decisions and folds.
bool is_ordered(std::string_view stored_key) {
  const auto table = static_cast<TableId>(stored_key.front());
  return table == TableId::kTimer || table == TableId::kAnswered;
}

// Rows that are named by the entry which made their case: the store cannot hold those of entries
// behind its position, and need not be asked.
bool is_newer_than(Seq committed, TableId table, std::string_view stored_key) {
  size_t at = 1;
  if (table == TableId::kTimer) {
    at += sizeof(int64_t);
  } else if (table != TableId::kCase && table != TableId::kCaseFacts) {
    return false;
  }
  if (stored_key.size() < at + sizeof(Seq)) return false;
  Seq made = 0;
  for (const char byte : stored_key.substr(at, sizeof(Seq))) {
    made = made << 8 | static_cast<uint8_t>(byte);
  }
  return made > committed;
}

// The table and the upper five bytes of a number: some seconds of timers, some hours of answers.
uint64_t bucket_of(std::string_view stored_key) {
  constexpr size_t kBytes = 6;
  uint64_t bucket = 0;
  for (size_t i = 0; i < kBytes; ++i) {
    bucket = bucket << 8 | (i < stored_key.size() ? static_cast<uint8_t>(stored_key[i]) : 0);
  }
  return bucket;
}

const Hash& hash_of(RowVersion& version, std::string_view key, const std::string* value) {
  if (!version.hash) {
    version.hash = row_hash(key, value != nullptr ? *value : version.message->SerializeAsString());
  }
  return *version.hash;
}

void diff_index(const std::string& key, const RowVersion* before, const RowVersion* after,
                Digest& digest, std::vector<Change>& changes) {
  const auto table = static_cast<TableId>(key.front());
  const std::string_view row_key = std::string_view(key).substr(1);
  std::vector<std::string> old_keys;
  std::vector<std::string> new_keys;
  if (before != nullptr) old_keys = index_keys(table, row_key, *before->message);
  if (after != nullptr) new_keys = index_keys(table, row_key, *after->message);
  for (const auto& old_key : old_keys) {
    if (std::find(new_keys.begin(), new_keys.end(), old_key) != new_keys.end()) continue;
    std::string stored = stored_key(TableId::kIndex, old_key);
    digest.subtract(row_hash(stored, ""));
    changes.push_back({std::move(stored), std::nullopt});
  }
  for (const auto& new_key : new_keys) {
    if (std::find(old_keys.begin(), old_keys.end(), new_key) != old_keys.end()) continue;
    std::string stored = stored_key(TableId::kIndex, new_key);
    digest.add(row_hash(stored, ""));
    changes.push_back({std::move(stored), std::string()});
  }
}

}  // namespace

// ---- changed keys

void ChangedKeys::add(const std::string& key) { buckets_[bucket_of(key)].push_back(key); }

std::vector<std::string> ChangedKeys::between(const std::string& first,
                                              const std::string& last) const {
  std::vector<std::string> keys;
  const uint64_t end = bucket_of(last);
  for (auto it = buckets_.lower_bound(bucket_of(first)); it != buckets_.end(); ++it) {
    if (it->first > end) break;
    const auto before = static_cast<ptrdiff_t>(keys.size());
    for (const auto& key : it->second) {
      if (key >= first && key < last) keys.push_back(key);
    }
    std::sort(keys.begin() + before, keys.end());
  }
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// ---- commit jobs

Result<void> CommitJob::run() {
  if (!prepared_) prepare();
  const Meta committed = store_->meta();
  const bool nothing_new = changes_.empty() &&
                           committed.position.next_offset == meta_.position.next_offset &&
                           committed.position.seq == meta_.position.seq;
  result_ = nothing_new ? Result<void>() : store_->commit(changes_, meta_, way_);
  if (result_) items_.clear();  // old versions die here and not on the strand
  return result_;
}

void CommitJob::prepare() {
  prepared_ = true;
  changes_.reserve(items_.size() * 2);
  for (auto& item : items_) {
    if (item.before == item.after) continue;  // undone since it was changed
    const size_t first = changes_.size();
    std::optional<std::string> value;
    if (item.after != nullptr) value = item.after->message->SerializeAsString();
    if (value) {
      item.after->stored_bytes = value->size();
      if (item.before == nullptr) bytes_added_ += kDecodedFactor * value->size();
    }
    if (item.before != nullptr && item.after != nullptr &&
        hash_of(*item.before, item.key, nullptr) == hash_of(*item.after, item.key, &*value)) {
      continue;
    }
    if (item.before != nullptr) meta_.digest.subtract(hash_of(*item.before, item.key, nullptr));
    if (item.after != nullptr) meta_.digest.add(hash_of(*item.after, item.key, &*value));
    diff_index(item.key, item.before.get(), item.after.get(), meta_.digest, changes_);
    changes_.push_back({item.key, std::move(value)});
    auto& written = written_.at(static_cast<size_t>(item.key.front()));
    ++written.rows;
    written.bytes += bytes_of(item, first);
  }
  std::sort(changes_.begin(), changes_.end(),
            [](const Change& a, const Change& b) { return a.key < b.key; });
}

// What a changed row takes until it is written: decoded, and with the changes it becomes.
size_t CommitJob::bytes_of(const Item& item, size_t first_change) const {
  size_t bytes = sizeof(Item) + item.key.size();
  if (item.after != nullptr) bytes += kDecodedFactor * item.after->stored_bytes;
  for (size_t i = first_change; i < changes_.size(); ++i) {
    const Change& change = changes_[i];
    bytes += sizeof(Change) + change.key.size() + (change.value ? change.value->size() : 0);
  }
  return bytes;
}

CommitJob RowCache::begin_commit(const ChainPosition& position, int64_t time_us,
                                 CommitWay way) {
  HANSA_ASSERT(journal_.empty(), "nothing unlanded is committed");
  HANSA_ASSERT(!committing_, "one commit at a time");
  committing_ = true;
  if (failed_) {
    CommitJob again = std::move(*failed_);
    failed_.reset();
    return again;
  }
  CommitJob job;
  job.store_ = &store_;
  job.meta_ = store_.meta();
  job.meta_.position = position;
  job.meta_.time_us = time_us;
  job.way_ = way;
  job.items_.reserve(dirty_.size());
  for (RowSlot* slot : dirty_) {
    job.items_.push_back({slot->key, slot->committed, slot->current});
    slot->committed = slot->current;
    slot->dirty = false;
  }
  dirty_.clear();
  committing_bytes_ = std::exchange(changed_bytes_, 0);
  return job;
}

Result<void> RowCache::finish_commit(CommitJob job) {
  committing_ = false;
  Result<void> result = job.result_;
  if (!result) {
    failed_ = std::move(job);
    return result;
  }
  bytes_ += job.bytes_added_;
  committing_bytes_ = 0;
  for (size_t table = 0; table < kTables; ++table) {
    const auto& written = job.written_[table];
    if (written.rows > 0) mean_bytes_[table] = written.bytes / written.rows;
  }
  overlay_.clear();
  for (const RowSlot* changed : dirty_) {
    if (is_ordered(changed->key)) overlay_.add(changed->key);
  }
  make_room();
  return {};
}

Result<void> RowCache::commit(const ChainPosition& position, int64_t time_us, CommitWay way) {
  const bool was_failed = failed_.has_value();
  CommitJob job = begin_commit(position, time_us, way);
  (void)job.run();  // its result comes back through finish_commit
  HANSA_CHECK(finish_commit(std::move(job)));
  return was_failed ? commit(position, time_us, way) : Result<void>();
}

// ---- rows

RowCache::RowCache(Store& store, size_t bytes_max) : store_(store), bytes_max_(bytes_max) {
  mean_bytes_.fill(kUnknownRowBytes);
}

std::shared_ptr<RowVersion> RowCache::load(TableId table, const std::string& key) {
  if (is_newer_than(store_.committed_seq(), table, key)) return nullptr;
  auto bytes = store_.get(key);
  if (!bytes) {
    if (!failure_) failure_ = bytes.error();
    return nullptr;
  }
  if (!bytes->has_value()) return nullptr;
  const Message* prototype = row_prototype(table);
  HANSA_ASSERT(prototype != nullptr, "every table that is read has a row type");
  auto version = std::make_shared<RowVersion>();
  version->message.reset(prototype->New());
  version->stored_bytes = (*bytes)->size();
  bytes_ += kDecodedFactor * version->stored_bytes;
  if (!version->message->ParseFromString(**bytes)) {
    if (!failure_) {
      failure_ = Error{Errc::kBadFile, "a row of table " +
                                           std::to_string(static_cast<int>(table)) +
                                           " cannot be read" + std::string(kRebuildAdvice)};
    }
    return nullptr;
  }
  return version;
}

RowSlot* RowCache::find_cached(std::string_view stored_key) {
  const Sought sought{stored_key, boost::hash<std::string_view>()(stored_key)};
  const auto found = slots_.find(sought);
  return found == slots_.end() ? nullptr : found->get();
}

RowSlot& RowCache::slot(TableId table, std::string_view key) {
  RowSlot*& last = last_.at(static_cast<size_t>(table));
  if (last != nullptr && std::string_view(last->key).substr(1) == key) {
    ++hits_;
    last->used = true;
    return *last;
  }
  key_.clear();
  key_.push_back(static_cast<char>(table));
  key_.append(key);
  const Sought sought{key_, boost::hash<std::string_view>()(key_)};
  if (const auto found = slots_.find(sought); found != slots_.end()) {
    ++hits_;
    last = found->get();
    last->used = true;
    return *last;
  }
  ++misses_;
  auto fresh = std::make_unique<RowSlot>();
  fresh->key = key_;
  fresh->hash = sought.hash;
  fresh->current = fresh->committed = load(table, key_);
  fresh->used = true;
  bytes_ += kSlotBytes + key_.size();
  last = slots_.insert(std::move(fresh)).first->get();
  return *last;
}

const Message* RowCache::find_row(TableId table, std::string_view key) {
  const auto& current = slot(table, key).current;
  return current == nullptr ? nullptr : current->message.get();
}

Message& RowCache::put_row(TableId table, std::string_view key) {
  RowSlot& found = slot(table, key);
  auto& current = found.current;
  // Nobody else holds it: no journal section, no commit job, no reader of committed rows.
  const bool is_ours = journal_.empty() ? current != found.committed
                                        : current != nullptr && current->made_in == section_;
  if (is_ours && current != nullptr) return *current->message;
  auto version = std::make_shared<RowVersion>();
  version->made_in = journal_.empty() ? 0 : section_;
  const Message* prototype = row_prototype(table);
  HANSA_ASSERT(prototype != nullptr, "every table that is written has a row type");
  version->message.reset(prototype->New());
  if (current != nullptr) version->message->MergeFrom(*current->message);
  change(found, std::move(version));
  return *found.current->message;
}

void RowCache::erase_row(TableId table, std::string_view key) {
  RowSlot& found = slot(table, key);
  if (found.current != nullptr) change(found, nullptr);
}

void RowCache::change(RowSlot& changed, std::shared_ptr<RowVersion> version) {
  if (!journal_.empty()) journal_.back().push_back({&changed, std::move(changed.current)});
  changed.current = std::move(version);
  if (changed.dirty) return;
  changed.dirty = true;
  dirty_.push_back(&changed);
  changed_bytes_ += mean_bytes_.at(static_cast<size_t>(changed.key.front()));
  if (is_ordered(changed.key)) overlay_.add(changed.key);
}

// For tables whose changed keys are not kept in order: slow, and needed by tests and tools alone.
std::vector<std::string> RowCache::cached_keys(const std::string& first,
                                               const std::string& last) const {
  std::vector<std::string> keys;
  for (const auto& slot : slots_) {
    if (slot->key >= first && slot->key < last) keys.push_back(slot->key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// The store's rows and the changed ones, merged in key order; a changed key hides the stored one.
void RowCache::scan(TableId table, std::string_view from, std::string_view to,
                    const Visit& visit) {
  const std::string first = stored_key(table, from);
  const std::string last = stored_key(table, to);
  const std::vector<std::string> overlay =
      is_ordered(first) ? overlay_.between(first, last) : cached_keys(first, last);
  auto changed = overlay.begin();
  bool go_on = true;
  const auto show = [&](const std::string& key) {
    const auto& current = find_cached(key)->current;
    if (current != nullptr) go_on = visit(std::string_view(key).substr(1), *current->message);
  };
  const std::unique_ptr<Message> scratch(row_prototype(table)->New());
  auto scanned = store_.snapshot()->scan(
      first, last, [&](std::string_view key, std::string_view value) {
        for (; go_on && changed != overlay.end() && *changed < key; ++changed) show(*changed);
        if (!go_on) return false;
        if (changed != overlay.end() && *changed == key) return true;
        if (!scratch->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          failure_ = Error{Errc::kBadFile,
                           "a stored row cannot be read" + std::string(kRebuildAdvice)};
          return false;
        }
        go_on = visit(key.substr(1), *scratch);
        return go_on;
      });
  if (!scanned && !failure_) failure_ = scanned.error();
  for (; go_on && changed != overlay.end(); ++changed) show(*changed);
}

// ---- journal

void RowCache::begin_entry() {
  journal_.emplace_back();
  ++section_;
}

void RowCache::undo_entries(size_t count) {
  HANSA_ASSERT(count <= journal_.size(), "only unlanded entries are undone");
  for (; count > 0; --count) {
    Section& section = journal_.back();
    for (auto undo = section.rbegin(); undo != section.rend(); ++undo) {
      undo->slot->current = std::move(undo->before);
    }
    journal_.pop_back();
  }
  ++section_;  // what was made before is not changed in place
  // While entries are open a row may come back to any of its versions.
  if (!journal_.empty()) return;
  std::erase_if(dirty_, [](RowSlot* changed) {
    changed->dirty = changed->current != changed->committed;
    return !changed->dirty;
  });
  if (dirty_.empty()) changed_bytes_ = 0;
}

void RowCache::land_entries(size_t count) {
  HANSA_ASSERT(count <= journal_.size(), "only unlanded entries land");
  journal_.erase(journal_.begin(), journal_.begin() + static_cast<ptrdiff_t>(count));
}

// Room for what changes until the next commit has finished.
void RowCache::make_room() {
  const size_t most = bytes_max_ - bytes_max_ / kChangedShare;
  if (bytes_ + changed_bytes_ <= most) return;
  // Second chance: what was not used since the last time goes, and what was used stays once more.
  drop_clean([](const RowSlot& slot) { return !slot.used; });
  // All was used: as good as any is what stands in the first half of the slots.
  if (bytes_ + changed_bytes_ > most) {
    drop_clean([&](const RowSlot&) { return bytes_ > most / 2; });
  }
}

void RowCache::drop_clean(const std::function<bool(const RowSlot&)>& goes) {
  bytes_ = 0;
  last_.fill(nullptr);
  boost::unordered::erase_if(slots_, [&](const std::unique_ptr<RowSlot>& slot) {
    if (!slot->dirty && goes(*slot)) return true;
    slot->used = false;
    bytes_ += kSlotBytes + slot->key.size();
    if (slot->committed != nullptr) bytes_ += kDecodedFactor * slot->committed->stored_bytes;
    return false;
  });
}

}  // namespace hansa::projections
