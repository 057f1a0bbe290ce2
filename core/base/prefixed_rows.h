// PrefixedRows: one part of the rows of a ledger as if it were all of them.
//
// Shape:   every key is looked for, put and shown without the prefix and stands below with it, in
//          the same table. So a fold that was written for one city's rows folds the same events of
//          many cities, side by side in one ledger:
//            PrefixedRows wuxi(rows, std::string("wuxi") + '\0');
//            wuxi.put(kAirDayTable, "2014-01-31");   // below: "wuxi\0" "2014-01-31"
//          PrefixedView does the same for readers of rows that cannot be changed.
//          A prefix must be no beginning of another one: let it end with a byte that it does not
//          hold elsewhere.
// Errors:  none.
// Threads: as the rows below.
// Limits:  prefix and key up to 1 KiB together.
// Source:  DESIGN §5.
#pragma once

#include "core/base/rows.h"

namespace hansa {

class PrefixedView final : public RowsView {
 public:
  PrefixedView(RowsView& below, std::string prefix) : below_(below), prefix_(std::move(prefix)) {}

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;

 private:
  RowsView& below_;
  std::string prefix_;
};

class PrefixedRows final : public Rows {
 public:
  PrefixedRows(Rows& below, std::string prefix)
      : below_(below), view_(below, prefix), prefix_(std::move(prefix)) {}

  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  void erase_row(TableId table, std::string_view key) override;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;
  google::protobuf::Message& put_row(TableId table, std::string_view key) override;

 private:
  Rows& below_;
  PrefixedView view_;
  std::string prefix_;
};

}  // namespace hansa
