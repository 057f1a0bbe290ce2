#include "projections/row_cache.h"

#include <algorithm>

#include "core/base/assert.h"
#include "projections/index.h"

namespace hansa::projections {
namespace {

using google::protobuf::Message;

// What a slot costs beside its row: key, node, pointers.
constexpr size_t kSlotBytes = 200;

// Only these are scanned in order by decisions and folds.
bool is_ordered(std::string_view stored_key) {
  const auto table = static_cast<TableId>(stored_key.front());
  return table == TableId::kTimer || table == TableId::kAnswered;
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

// ---- commit jobs

Result<void> CommitJob::run() {
  if (!prepared_) prepare();
  const Meta committed = store_->meta();
  const bool nothing_new = changes_.empty() &&
                           committed.position.next_offset == meta_.position.next_offset &&
                           committed.position.seq == meta_.position.seq;
  result_ = nothing_new ? Result<void>() : store_->commit(changes_, meta_);
  return result_;
}

void CommitJob::prepare() {
  prepared_ = true;
  changes_.reserve(items_.size() * 2);
  for (auto& item : items_) {
    if (item.before == item.after) continue;  // undone since it was changed
    std::optional<std::string> value;
    if (item.after != nullptr) value = item.after->message->SerializeAsString();
    if (item.before == nullptr && value) bytes_added_ += 2 * value->size();
    if (item.before != nullptr && item.after != nullptr &&
        hash_of(*item.before, item.key, nullptr) == hash_of(*item.after, item.key, &*value)) {
      continue;
    }
    if (item.before != nullptr) meta_.digest.subtract(hash_of(*item.before, item.key, nullptr));
    if (item.after != nullptr) meta_.digest.add(hash_of(*item.after, item.key, &*value));
    diff_index(item.key, item.before.get(), item.after.get(), meta_.digest, changes_);
    changes_.push_back({item.key, std::move(value)});
  }
  std::sort(changes_.begin(), changes_.end(),
            [](const Change& a, const Change& b) { return a.key < b.key; });
}

CommitJob RowCache::begin_commit(const ChainPosition& position, int64_t time_us) {
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
  job.items_.reserve(dirty_.size());
  for (Slot* changed : dirty_) {
    RowSlot& slot = changed->second;
    job.items_.push_back({changed->first, slot.committed, slot.current});
    slot.committed = slot.current;
    slot.dirty = false;
  }
  dirty_.clear();
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
  overlay_.clear();
  for (const Slot* changed : dirty_) {
    if (is_ordered(changed->first)) overlay_.insert(changed->first);
  }
  if (bytes_ > bytes_max_) drop_unused();
  return {};
}

Result<void> RowCache::commit(const ChainPosition& position, int64_t time_us) {
  const bool was_failed = failed_.has_value();
  CommitJob job = begin_commit(position, time_us);
  (void)job.run();  // its result comes back through finish_commit
  HANSA_CHECK(finish_commit(std::move(job)));
  return was_failed ? commit(position, time_us) : Result<void>();
}

// ---- rows

RowCache::RowCache(Store& store, size_t bytes_max) : store_(store), bytes_max_(bytes_max) {}

std::shared_ptr<RowVersion> RowCache::load(TableId table, const std::string& key) {
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
  bytes_ += 2 * (*bytes)->size();
  if (!version->message->ParseFromString(**bytes)) {
    if (!failure_) {
      failure_ = Error{Errc::kBadFile, "a row of table " +
                                           std::to_string(static_cast<int>(table)) +
                                           " cannot be read; run `hansa projection rebuild`"};
    }
    return nullptr;
  }
  return version;
}

RowCache::Slot& RowCache::slot(TableId table, std::string_view key) {
  key_.clear();
  key_.push_back(static_cast<char>(table));
  key_.append(key);
  if (auto found = slots_.find(std::string_view(key_)); found != slots_.end()) {
    ++hits_;
    found->second.used = true;
    return *found;
  }
  ++misses_;
  RowSlot fresh;
  fresh.current = fresh.committed = load(table, key_);
  fresh.used = true;
  bytes_ += kSlotBytes + key_.size();
  return *slots_.emplace(key_, std::move(fresh)).first;
}

const Message* RowCache::find_row(TableId table, std::string_view key) {
  const auto& current = slot(table, key).second.current;
  return current == nullptr ? nullptr : current->message.get();
}

Message& RowCache::put_row(TableId table, std::string_view key) {
  Slot& found = slot(table, key);
  auto& current = found.second.current;
  const bool is_ours = current != nullptr && current->made_in == section_ && !journal_.empty();
  if (is_ours) return *current->message;
  auto version = std::make_shared<RowVersion>();
  version->made_in = journal_.empty() ? 0 : section_;
  const Message* prototype = row_prototype(table);
  HANSA_ASSERT(prototype != nullptr, "every table that is written has a row type");
  version->message.reset(prototype->New());
  if (current != nullptr) version->message->CopyFrom(*current->message);
  change(found, std::move(version));
  return *found.second.current->message;
}

void RowCache::erase_row(TableId table, std::string_view key) {
  Slot& found = slot(table, key);
  if (found.second.current != nullptr) change(found, nullptr);
}

void RowCache::change(Slot& changed, std::shared_ptr<RowVersion> version) {
  if (!journal_.empty()) {
    journal_.back().push_back({&changed, std::move(changed.second.current)});
  }
  changed.second.current = std::move(version);
  if (changed.second.dirty) return;
  changed.second.dirty = true;
  dirty_.push_back(&changed);
  if (is_ordered(changed.first)) overlay_.insert(changed.first);
}

// For tables whose changed keys are not kept in order: slow, and needed by tests and tools alone.
RowCache::Overlay RowCache::cached_keys(const std::string& first, const std::string& last) const {
  Overlay keys;
  for (const auto& [key, slot] : slots_) {
    if (key >= first && key < last) keys.insert(key);
  }
  return keys;
}

// The store's rows and the changed ones, merged in key order; a changed key hides the stored one.
void RowCache::scan(TableId table, std::string_view from, std::string_view to,
                    const Visit& visit) {
  const std::string first = stored_key(table, from);
  const std::string last = stored_key(table, to);
  const Overlay cached = is_ordered(first) ? Overlay() : cached_keys(first, last);
  const Overlay& overlay = is_ordered(first) ? overlay_ : cached;
  auto changed = overlay.lower_bound(first);
  bool go_on = true;
  const auto show = [&](const std::string& key) {
    const auto& current = slots_.find(std::string_view(key))->second.current;
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
                           "a stored row cannot be read; run `hansa projection rebuild`"};
          return false;
        }
        go_on = visit(key.substr(1), *scratch);
        return go_on;
      });
  if (!scanned && !failure_) failure_ = scanned.error();
  for (; go_on && changed != overlay.end() && *changed < last; ++changed) show(*changed);
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
      undo->slot->second.current = std::move(undo->before);
    }
    journal_.pop_back();
  }
  ++section_;  // what was made before is not changed in place
  // While entries are open a row may come back to any of its versions.
  if (!journal_.empty()) return;
  std::erase_if(dirty_, [](Slot* changed) {
    changed->second.dirty = changed->second.current != changed->second.committed;
    return !changed->second.dirty;
  });
}

void RowCache::land_entries(size_t count) {
  HANSA_ASSERT(count <= journal_.size(), "only unlanded entries land");
  journal_.erase(journal_.begin(), journal_.begin() + static_cast<ptrdiff_t>(count));
}

// Second chance: what was not used since the last time goes.
void RowCache::drop_unused() {
  bytes_ = 0;
  for (auto it = slots_.begin(); it != slots_.end();) {
    RowSlot& slot = it->second;
    if (!slot.used && !slot.dirty) {
      it = slots_.erase(it);
      continue;
    }
    slot.used = false;
    bytes_ += kSlotBytes + it->first.size();
    if (slot.current != nullptr) bytes_ += 2 * slot.current->message->ByteSizeLong();
    ++it;
  }
}

}  // namespace hansa::projections
