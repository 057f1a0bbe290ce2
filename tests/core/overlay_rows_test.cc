// Goal: a scan shows what was changed above and what stands below, in order, whatever keeps the
// rows below.
// Method: rows below that live only as long as their visit, as those read from a disk do.
#include "core/base/overlay_rows.h"

#include <gtest/gtest.h>

namespace hansa {
namespace {

// Shows every row in one and the same message.
class FleetingRows final : public RowsView {
 public:
  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override {
    v1::Unit scratch;
    rows.scan(table, from, to, [&](std::string_view key, const auto& row) {
      scratch.CopyFrom(row);
      return visit(std::string(key), scratch);
    });
  }

  MapRows rows;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override {
    return rows.find_any(table, key);
  }
};

std::string units(RowsView& rows, size_t at_most = 100) {
  std::string all;
  size_t visits = 0;
  rows.scan(TableId::kUnit, "b", "y", [&](std::string_view key, const auto& row) {
    all += std::string(key) + "=" + static_cast<const v1::Unit&>(row).unit() + " ";
    return ++visits < at_most;
  });
  return all;
}

TEST(OverlayRows, AScanMergesWhatIsChangedWithWhatIsBelow) {
  FleetingRows below;
  for (const char* key : {"a", "b", "d", "f", "h", "z"}) {
    below.rows.put(kUnitTable, key).set_unit("old");
  }
  OverlayRows rows(below);
  EXPECT_EQ(units(rows), "b=old d=old f=old h=old ");
  rows.put(kUnitTable, "c").set_unit("new");
  rows.put(kUnitTable, "f").set_unit("new");
  rows.put(kUnitTable, "x").set_unit("new");
  rows.put(kUnitTable, "y").set_unit("new");
  rows.erase(kUnitTable, "d");
  EXPECT_EQ(units(rows), "b=old c=new f=new h=old x=new ");
  EXPECT_EQ(units(rows, 2), "b=old c=new ");
  EXPECT_EQ(units(rows, 4), "b=old c=new f=new h=old ");
  EXPECT_EQ(units(below), "b=old d=old f=old h=old ");
}

}  // namespace
}  // namespace hansa
