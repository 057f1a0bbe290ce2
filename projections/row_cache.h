// RowCache: decoded rows in front of a Store, written back in batches, with an undo journal.
//
// Shape:   the keeper folds into a RowCache; commit() writes the last value of every dirty row, the
//          index keys computed from changed rows (projections/index.h), the digest and the position
//          in one batch. begin_entry() opens a journal section; every first change of a row inside
//          it is remembered; undo_entries(n) rolls the newest n sections back; land_entries(n)
//          forgets the oldest n. With an empty journal changes are final at once. Nothing unlanded
//          is ever committed: commit() demands an empty journal. A row that is back at its
//          committed value is not written.
// Errors:  a row that cannot be read or decoded is remembered in failure(): the keeper asks after
//          every entry and stops the ledger. commit passes on what Store::commit says; after a
//          failed commit everything stays dirty, and the next commit first writes the same batch
//          again, since it may or may not stand in the store.
// Threads: one at a time (the keeper's strand). What scan() visits must not change rows. Pointers
//          to rows hold until the row's next change, the next begin_entry() or commit().
// Limits:  beyond `bytes_max` (an estimate: twice the serialised row and 256 bytes each) clean rows
//          are dropped, least recently used first; dirty rows are bounded by the keeper, which
//          commits when dirty_rows() passes its budget.
// Source:  DESIGN §5, §6.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/rows.h"
#include "projections/store.h"

namespace hansa::projections {

class RowCache final : public Rows {
 public:
  RowCache(Store& store, size_t bytes_max);
  ~RowCache() override;

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  void erase_row(TableId table, std::string_view key) override;

  void begin_entry();
  void undo_entries(size_t count);
  void land_entries(size_t count);
  size_t unlanded_entries() const;

  size_t dirty_rows() const;
  size_t cached_bytes() const;
  uint64_t hits() const;
  uint64_t misses() const;
  Result<void> commit(const ChainPosition& position, int64_t time_us);
  const std::optional<Error>& failure() const;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;
  google::protobuf::Message& put_row(TableId table, std::string_view key) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::projections
