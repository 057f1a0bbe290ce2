// SnapshotRows: committed rows for the readers of core, which know nothing of stores.
//
// Shape:   SnapshotRows rows(context.snapshot); HANSA_TRY(..., reckon(rows));
//          HANSA_CHECK(rows.outcome());
// Errors:  a row that cannot be read looks as if there were none; outcome() says so, kBadFile:
//          ask it before the answer is believed.
// Threads: one; the snapshot must outlive it. A row that find() answers holds until the next one is
//          found, a row of a scan until the visit is over.
// Source:  DESIGN §6.
#pragma once

#include "projections/store.h"

namespace hansa::projections {

class SnapshotRows final : public RowsView {
 public:
  explicit SnapshotRows(const Snapshot& snapshot) : snapshot_(snapshot) {}

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  const Result<void>& outcome() const { return outcome_; }

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;

 private:
  std::unique_ptr<google::protobuf::Message> read(TableId table, std::string_view bytes);

  const Snapshot& snapshot_;
  std::unique_ptr<google::protobuf::Message> found_;
  Result<void> outcome_;
};

}  // namespace hansa::projections
