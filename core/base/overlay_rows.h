// OverlayRows: rows that can be changed for the length of one decision, above rows that cannot.
//
// Shape:   reads show what was put here, else what the view below has. So a decision that records
//          several events can fold each before it decides the next.
// Errors:  none.
// Threads: one thread at a time; the view below must not change meanwhile, nor this one while it is
//          scanned.
// Source:  DESIGN §5.
#pragma once

#include <optional>

#include "core/base/rows.h"

namespace hansa {

class OverlayRows final : public Rows {
 public:
  explicit OverlayRows(RowsView& below) : below_(below) {}

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  void erase_row(TableId table, std::string_view key) override;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;
  google::protobuf::Message& put_row(TableId table, std::string_view key) override;

 private:
  RowsView& below_;
  // By stored_key(); nullptr: erased here.
  std::map<std::string, std::unique_ptr<google::protobuf::Message>, std::less<>> changed_;
};

}  // namespace hansa
