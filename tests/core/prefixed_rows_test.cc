// Goal: a part of the rows is read and written as if it were all of them, and touches no other.
// Method: neighbours on both sides of the prefix, looked at from below.
#include "core/base/prefixed_rows.h"

#include <gtest/gtest.h>

namespace hansa {
namespace {

const std::string kWuxi("wuxi\0", 5);

std::string units(RowsView& rows, std::string_view from = "", std::string_view to = "\xff",
                  size_t at_most = 100) {
  std::string all;
  size_t visits = 0;
  rows.scan(TableId::kUnit, from, to, [&](std::string_view key, const auto& row) {
    all += std::string(key) + "=" + static_cast<const v1::Unit&>(row).unit() + " ";
    return ++visits < at_most;
  });
  return all;
}

class PrefixedRowsTest : public ::testing::Test {
 protected:
  PrefixedRowsTest() {
    for (const auto& key : {std::string("a"), std::string("wuxi"), std::string("wuxj"),
                            std::string("wuxi2\0b", 7), std::string("wuxh\0b", 6)}) {
      below_.put(kUnitTable, key).set_unit("other");
    }
    others_ = below_.dump();
  }

  MapRows below_;
  std::map<std::string, std::string> others_;
};

TEST_F(PrefixedRowsTest, FindsPutsShowsAndErasesOnlyItsOwn) {
  PrefixedRows rows(below_, kWuxi);
  EXPECT_EQ(units(rows), "");
  EXPECT_EQ(rows.find(kUnitTable, "a"), nullptr);
  rows.put(kUnitTable, "b").set_unit("1");
  rows.put(kUnitTable, "").set_unit("0");
  rows.put(kUnitTable, "d").set_unit("2");
  EXPECT_EQ(units(rows), "=0 b=1 d=2 ");
  EXPECT_EQ(units(rows, "b", "d"), "b=1 ");
  EXPECT_EQ(units(rows, "", "\xff", 2), "=0 b=1 ");
  EXPECT_EQ(rows.find(kUnitTable, "b")->unit(), "1");
  EXPECT_EQ(rows.find(kServiceTable, "b"), nullptr) << "tables stay apart";
  ASSERT_NE(below_.find(kUnitTable, kWuxi + "b"), nullptr);
  EXPECT_EQ(below_.find(kUnitTable, kWuxi + "b")->unit(), "1");
  rows.put(kUnitTable, "b").set_unit("3");
  EXPECT_EQ(units(rows), "=0 b=3 d=2 ");
  for (const char* key : {"", "b", "d", "a"}) rows.erase(kUnitTable, key);
  EXPECT_EQ(below_.dump(), others_);
}

TEST_F(PrefixedRowsTest, AViewShowsTheSame) {
  PrefixedRows rows(below_, kWuxi);
  rows.put(kUnitTable, "b").set_unit("1");
  PrefixedView view(below_, kWuxi);
  EXPECT_EQ(units(view), "b=1 ");
  EXPECT_EQ(view.find(kUnitTable, "b")->unit(), "1");
  EXPECT_EQ(view.find(kUnitTable, "wuxi"), nullptr);
}

}  // namespace
}  // namespace hansa
