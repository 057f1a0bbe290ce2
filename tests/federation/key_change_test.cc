// Goal: a ledger changes its key in the middle of a stream and whoever reads it goes on without a
// gap; a key that does not count stops this input and no other; a city and an alliance each record
// the other's. Method: a league whose keepers are stopped, given another seed from a size on, and
// opened again, before or after the statement on it is recorded.
#include "tests/federation/links_fixture.h"

namespace hansa::federation {
namespace {

const std::string kNewSeed(kSeedBytes, 'n');

class KeyChangeTest : public LinksTest {
 protected:
  KeyChangeTest() { bring_two(); }

  // The first size that is not signed yet.
  Seq next_size(const LedgerId& ledger) {
    if (ledger.kind != kShareKind) return league_.landed_seq(ledger) + 1;
    return league_.links().share(ledger)->health().landed_seq + 1;
  }
  void sign_from_now_on(const LedgerId& keeper, const LedgerId& ledger, const std::string& seed) {
    const Seq from = next_size(ledger);
    league_.close();
    league_.change_seed(keeper, {ledger, from, seed});
    league_.open();
  }

  v1::ChangeCityKey change_of_wuxi(Seq from_size, const std::string& signer) {
    KeyChange change{to_hex(public_key_of(kNewSeed)), from_size, ""};
    v1::ChangeCityKey command;
    command.set_alliance("delta");
    command.set_city("wuxi");
    command.set_public_key(change.public_key);
    command.set_from_size(from_size);
    command.set_signature(to_hex(
        sign(signer, change_text(kShareOfWuxi, to_hex(league_.founding_id(kWuxi)), change))));
    return command;
  }
  v1::ChangeAllianceKey change_of_delta(const LedgerId& city, Seq from_size) {
    KeyChange change{to_hex(public_key_of(kNewSeed)), from_size, ""};
    v1::ChangeAllianceKey command;
    command.set_city(city.id);
    command.set_alliance("delta");
    command.set_public_key(change.public_key);
    command.set_from_size(from_size);
    command.set_signature(
        to_hex(sign(league_.seed(kDelta),
                    change_text(kDelta, to_hex(league_.founding_id(kDelta)), change))));
    return command;
  }
  v1::ReleaseInput release() {
    v1::ReleaseInput command;
    command.set_alliance("delta");
    command.set_city("wuxi");
    command.set_reason("its key is recorded by now");
    return command;
  }
  // Whether the alliance hears both cities: a word of each arrives.
  void expect_heard(const LedgerId& city, uint32_t version, bool heard) {
    ratify(city, version);
    league_.settle();
    const auto member = league_.row(kDelta, kMemberTable, city.id);
    EXPECT_EQ(has_ratified(*member, version), heard) << city.text();
  }

  const LedgerId kShareOfWuxi = share_ledger("delta", "wuxi");
};

TEST_F(KeyChangeTest, ACityChangesItsKeyInTheMiddleOfAStreamAndNothingIsMissed) {
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  league_.must(kDelta, change_of_wuxi(next_size(kShareOfWuxi), league_.seed(kWuxi)));
  sign_from_now_on(kWuxi, kShareOfWuxi, kNewSeed);
  league_.must(kWuxi, unit(kWuxi, 2));
  propose();
  league_.settle();
  expect_heard(kWuxi, 2, true);
  EXPECT_FALSE(quarantined(kDelta, kShareOfWuxi));
  EXPECT_EQ(units_shared(kWuxi), units(1, 3)) << "also for who reads from the beginning";
  EXPECT_TRUE(league_.row(kWuxi, kAffiliationTable, "delta"));
  // The old key signs once more.
  sign_from_now_on(kWuxi, kShareOfWuxi, league_.seed(kWuxi));
  propose();
  league_.settle();
  expect_heard(kWuxi, 3, false);
  const auto why = quarantined(kDelta, kShareOfWuxi);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "bad_signature");
  EXPECT_NE(why->detail().find(league_.public_key(kWuxi)), std::string::npos) << why->detail();
  expect_heard(kSuzhou, 3, true);
}

TEST_F(KeyChangeTest, AKeyThatNobodyRecordedStopsTheInputUntilItIs) {
  const Seq from = next_size(kShareOfWuxi);
  sign_from_now_on(kWuxi, kShareOfWuxi, kNewSeed);
  propose();
  league_.settle();
  expect_heard(kWuxi, 2, false);
  const auto why = quarantined(kDelta, kShareOfWuxi);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "bad_signature");
  expect_heard(kSuzhou, 2, true);
  league_.must(kDelta, change_of_wuxi(from, league_.seed(kWuxi)));
  league_.must(kDelta, release());
  league_.settle();
  EXPECT_FALSE(quarantined(kDelta, kShareOfWuxi));
  EXPECT_TRUE(has_ratified(*league_.row(kDelta, kMemberTable, "wuxi"), 2)) << "nothing was lost";
}

// What landed counts, also while the rows that are looked at for the keys do not show it.
TEST_F(KeyChangeTest, AChangeThatHasJustLandedCounts) {
  const Seq from = next_size(kShareOfWuxi);
  league_.commit_each(300'000);
  sign_from_now_on(kWuxi, kShareOfWuxi, kNewSeed);
  league_.settle();
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.must(kDelta, change_of_wuxi(from, league_.seed(kWuxi)));
  league_.settle();
  EXPECT_FALSE(quarantined(kDelta, kShareOfWuxi));
  propose();
  league_.settle();
  expect_heard(kWuxi, 2, true);
}

// Without a restart: the rows say so, and the next step is judged by the new keys.
TEST_F(KeyChangeTest, AStolenKeyCountsNoMoreFromTheEntryThatSaysSo) {
  const Seq last_good = next_size(kShareOfWuxi) - 1;
  KeyEnd end{league_.public_key(kWuxi), last_good, true, ""};
  v1::RevokeCityKey command;
  command.set_alliance("delta");
  command.set_city("wuxi");
  command.set_public_key(end.public_key);
  command.set_last_good_size(last_good);
  command.set_compromised(true);
  command.set_signature(to_hex(sign(league_.recovery_seed(kWuxi),
                                    end_text(kShareOfWuxi, to_hex(league_.founding_id(kWuxi)),
                                             end))));
  league_.must(kDelta, command);
  propose();
  league_.settle();
  expect_heard(kWuxi, 2, false);
  ASSERT_TRUE(quarantined(kDelta, kShareOfWuxi));
  expect_heard(kSuzhou, 2, true);
  EXPECT_FALSE(league_.call(kDelta, change_of_wuxi(last_good + 1, league_.seed(kWuxi))))
      << "the thief cannot say what comes next";
  league_.must(kDelta, change_of_wuxi(last_good + 1, league_.recovery_seed(kWuxi)));
}

TEST_F(KeyChangeTest, EachCityRecordsTheKeyOfItsAllianceForItself) {
  const Seq from = next_size(kDelta);
  league_.must(kWuxi, change_of_delta(kWuxi, from + 20));
  league_.close();
  league_.change_seed(kDelta, {kDelta, from + 20, kNewSeed});
  league_.open();
  for (int i = 0; i < 20; ++i) propose();
  league_.settle();
  ASSERT_GT(league_.landed_seq(kDelta), from + 20);
  EXPECT_TRUE(league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 21)));
  EXPECT_FALSE(quarantined(kWuxi, kDelta));
  const auto why = quarantined(kSuzhou, kDelta);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "bad_signature");
  expect_heard(kWuxi, 21, true);
  const auto shared = read_share(league_.log(), share_of(kWuxi), 1, 1'000);
  ASSERT_TRUE(shared);
  int told = 0;
  for (const auto& record : *shared) {
    for (const auto& event : record.payload.events()) {
      for (const auto& one : event.entries_shared().events()) {
        told += one.event().has_alliance_key_changed() ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(told, 1) << "everybody can see by which key a city knew its alliance";
}

}  // namespace
}  // namespace hansa::federation
