// Goal: the figure of the members' air is answered from committed rows, whole, and from a row that
// cannot be read there is none.
// Method: rows of three members written to a store, with figures reckoned by hand.
#include <gtest/gtest.h>

#include "core/alliance/member_air.h"
#include "core/base/prefixed_rows.h"
#include "core/city/air.h"
#include "core/metrics/metric.h"
#include "projections/reads.h"
#include "projections/snapshot_rows.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::City;
using testing::kStartUs;
using testing::ScratchFolder;
using testing::staff;

class ReadsAirTest : public ::testing::Test {
 protected:
  ReadsAirTest() : env_(1, "reads_air_test", kStartUs) {
    log_ = std::move(*streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false}));
    city_ = std::make_unique<City>(*log_, folder_, env_);
    EXPECT_TRUE(city_->open().has_value());
    store_ = std::move(*Store::open(folder_.path("alliance"), make_store_budget(8, 8)));
    for (const char* city : {"suzhou", "wuxi", "yixing"}) {
      auto& member = rows_.put(kMemberTable, city);
      member.set_city(city);
      member.set_membership(v1::Membership::admitted);
      member.set_joined_time_us(1);
    }
    rows_.put(kMemberTable, "expelled").set_city("expelled");
    year("suzhou", 2014, 20);
    year("suzhou", 2015, 17);
    year("wuxi", 2014, 10);
    year("wuxi", 2015, Ratio(25, 3));
    PrefixedRows(rows_, member_prefix("wuxi")).put(kPopulationTable, big_endian(2010))
        .set_people(5);
  }

  void year(const std::string& city, uint32_t year, const Ratio& mean) {
    PrefixedRows own(rows_, member_prefix(city));
    auto& row = own.put(kAirYearTable, big_endian(year));
    row.set_year(year);
    row.set_days(days_in_year(year));
    *row.mutable_sum() = to_fraction(mean * days_in_year(year));
  }

  void commit() {
    std::vector<Change> changes;
    for (const auto& [key, value] : rows_.dump()) changes.push_back({key, value});
    Meta meta;
    meta.position.seq = 12;
    ASSERT_TRUE(store_->commit(changes, meta).has_value());
  }

  Result<v1::AirChangeAnswer> ask(uint32_t year) {
    v1::GetAirChange request;
    request.set_alliance("delta");
    request.set_year(year);
    const auto snapshot = store_->snapshot();
    const Principal who = staff("anybody", {v1::Role::subscriber});
    const ReadContext context{*snapshot, city_->door(), who, {"alliance", "delta"},
                              *FoundingId::from(std::string(16, 'f')), *log_};
    auto answered = answer_read(request, context);
    if (!answered) return fail(answered.error());
    return static_cast<const v1::AirChangeAnswer&>(**answered);
  }

  static std::string text(const v1::ExactValue& value) { return value.num() + "/" + value.den(); }

  ScratchFolder folder_;
  SeededEnv env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<City> city_;
  std::unique_ptr<Store> store_;
  MapRows rows_;
};

TEST_F(ReadsAirTest, SaysBothFiguresWhoIsCountedAndWhoIsNot) {
  commit();
  const auto answer = ask(2015);
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->ledger(), "alliance/delta");
  EXPECT_EQ(answer->seq(), 12U);
  EXPECT_EQ(answer->year(), 2015U);
  EXPECT_EQ(answer->version(), kAirChangeVersion);
  const auto& simple = answer->simple();
  EXPECT_EQ(text(simple.before()), "15/1");
  EXPECT_EQ(text(simple.after()), "38/3");
  EXPECT_EQ(text(simple.change()), "-7/45");
  EXPECT_EQ(simple.percent(), "-15.5556");
  EXPECT_EQ(simple.counted_size(), 2);
  ASSERT_EQ(simple.left_out_size(), 1);
  EXPECT_EQ(simple.left_out(0).city(), "yixing");
  EXPECT_EQ(simple.left_out(0).reason(), "no_data");
  EXPECT_EQ(simple.left_out(0).year(), 2014U);
  const auto& weighted = answer->weighted();
  EXPECT_EQ(text(weighted.change()), "-1/6");
  EXPECT_EQ(weighted.percent(), "-16.6667");
  EXPECT_EQ(weighted.counted_size(), 1);
  ASSERT_EQ(weighted.left_out_size(), 2);
  EXPECT_EQ(weighted.left_out(0).city(), "suzhou");
  EXPECT_EQ(weighted.left_out(0).reason(), "no_population");
  EXPECT_EQ(weighted.left_out(0).days(), 365U);
}

TEST_F(ReadsAirTest, WhatCannotBeSaidIsAbsent) {
  commit();
  const auto answer = ask(2017);
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(answer->simple().has_change());
  EXPECT_FALSE(answer->simple().has_before());
  EXPECT_EQ(answer->simple().percent(), "");
  EXPECT_EQ(answer->simple().left_out_size(), 3);
  const auto refused = ask(1990);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kBadRequest);
  EXPECT_EQ(refused.error().pointer, "/year");
}

TEST_F(ReadsAirTest, ARowThatCannotBeReadIsNoFigure) {
  commit();
  const std::string year = member_prefix("wuxi") + big_endian(2015);
  for (const auto& key :
       {stored_key(kAirYearTable.id, year), stored_key(kMemberTable.id, "wuxi")}) {
    const auto before = *store_->get(key);
    ASSERT_TRUE(before.has_value());
    ASSERT_TRUE(store_->commit({{key, "\xff\xff"}}, store_->meta()).has_value());
    const auto answer = ask(2015);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::kBadFile);
    ASSERT_TRUE(store_->commit({{key, before}}, store_->meta()).has_value());
  }
  EXPECT_TRUE(ask(2015).has_value());
}

TEST_F(ReadsAirTest, RowsOfASnapshotAreThoseOfCore) {
  commit();
  const auto snapshot = store_->snapshot();
  SnapshotRows shown(*snapshot);
  const auto keys = [](RowsView& rows, std::string_view from, std::string_view to) {
    std::string all;
    rows.scan(TableId::kMember, from, to, [&](std::string_view key, const auto& row) {
      all += std::string(key) + "=" + static_cast<const v1::Member&>(row).city() + " ";
      return key != "wuxi";
    });
    return all;
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"", "\xff"}, {"f", "wuxi"}, {"x", "a"}}) {
    EXPECT_EQ(keys(shown, from, to), keys(rows_, from, to)) << from << " to " << to;
  }
  EXPECT_EQ(shown.find(kMemberTable, "wuxi")->city(), "wuxi");
  EXPECT_EQ(shown.find(kMemberTable, "nobody"), nullptr);
  EXPECT_TRUE(shown.outcome().has_value());
}

}  // namespace
}  // namespace hansa::projections
