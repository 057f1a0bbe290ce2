// Goal: a ledger of others is read where they keep it and nowhere else, and nothing is appended.
// Method: two logs in memory that both have a ledger of the same name, with other records.
#include "streams/peer_log.h"

#include <gtest/gtest.h>

#include "streams/simulated_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

const LedgerId kOwn{"city", "wuxi"};
const LedgerId kTheirs{"alliance", "delta"};

struct PeerLogTest : testing::Test {
  PeerLogTest() {
    for (const auto& ledger : {kOwn, kTheirs}) {
      here.inject(ledger, "here");
      there.inject(ledger, "there");
    }
    there.inject(kTheirs, "more");
  }

  SimulatedStore here{1, {}}, there{2, {}};
  PeerLog log{std::make_unique<SimulatedLog>(here),
              {{kTheirs, std::make_shared<SimulatedLog>(there)}}};
};

TEST_F(PeerLogTest, ReadsEachLedgerWhereItIsKept) {
  EXPECT_EQ(log.read(kOwn, 0, 100)->records.at(0).value, "here");
  EXPECT_EQ(log.read(kTheirs, 0, 100)->records.at(0).value, "there");
  EXPECT_EQ(*log.end(kOwn), 1u);
  EXPECT_EQ(*log.end(kTheirs), 2u);
}

TEST_F(PeerLogTest, RefusesToAppendAnywhere) {
  for (const auto& ledger : {kOwn, kTheirs}) {
    const auto deliveries = append_now(log, ledger, {"a", "b"}, 0);
    ASSERT_EQ(deliveries.size(), 2u);
    EXPECT_EQ(deliveries[0].error->code, Errc::kForbidden);
    EXPECT_FALSE(deliveries[1].offset);
  }
  here.run_until_idle();
  there.run_until_idle();
  EXPECT_EQ(*log.end(kOwn), 1u);
  EXPECT_EQ(*log.end(kTheirs), 2u);
}

}  // namespace
}  // namespace hansa::streams
