// Goal: what cities agree to share reaches the alliance, in order and once, whatever was away or
// crashed meanwhile; a bad input stops itself and nobody else; a city works while all others are
// away. Method: a league in one process, whose links move when the test says so, with crashes at
// random moments and a member whose share ledger the test forges.
#include <gtest/gtest.h>

#include "core/alliance/member_air.h"
#include "core/base/day.h"
#include "core/base/durations.h"
#include "tests/federation/forged_member.h"

namespace hansa::federation {
namespace {

TEST_F(LinksTest, WhatIsRatifiedAndInForceIsSharedFromThenOn) {
  bring(kWuxi);
  bring(kSuzhou);
  league_.must(kWuxi, unit(kWuxi, 0));
  propose();
  league_.settle();
  ratify(kWuxi);
  league_.settle();
  const auto affiliation = league_.row(kWuxi, kAffiliationTable, "delta");
  ASSERT_TRUE(affiliation);
  EXPECT_EQ(affiliation->version_in_force(), 1U) << "half of two cities";
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.must(kSuzhou, unit(kSuzhou, 1));
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(1, 2)) << "what came before it took effect stays at home";
  EXPECT_EQ(units_shared(kSuzhou), units(0, 0)) << "Suzhou has not ratified";
  ratify(kSuzhou);
  league_.settle();
  league_.must(kSuzhou, unit(kSuzhou, 2));
  league_.settle();
  EXPECT_EQ(units_shared(kSuzhou), units(2, 3));
  const auto member = league_.row(kDelta, kMemberTable, "suzhou");
  ASSERT_TRUE(member);
  EXPECT_EQ(member->ratified_size(), 1);
}

// Law 6.
TEST_F(LinksTest, AWeekApartIsCaughtUpInOrderWithoutNewTraffic) {
  bring_two();
  for (int day = 0; day < 7; ++day) {
    league_.env().advance_us(24 * kHourUs);
    for (int i = 0; i < 100; ++i) league_.must(kWuxi, unit(kWuxi, day * 100 + i));
  }
  propose();  // meanwhile the alliance goes on too
  EXPECT_EQ(units_shared(kWuxi), units(0, 0));
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(0, 700));
  EXPECT_TRUE(league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 2)));
  for (const auto& link : league_.links().health()) {
    EXPECT_EQ(link.behind_records, 0U) << link.link;
    EXPECT_FALSE(link.waits) << link.link << ": " << link.waits->detail;
  }
}

// What was taken is shown as confirmed only as far as it was, also behind a restart.
TEST_F(LinksTest, HowFarAShareIsConfirmedIsRememberedWithWhatWasTaken) {
  bring_two();
  league_.pause_shares(3'600 * 1'000'000LL);
  league_.close();
  league_.open();
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  league_.must(kWuxi, unit(kWuxi, 2));
  league_.settle();
  league_.env().advance_us(6 * 1'000'000);  // what asks for nothing moves the position later
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(1, 3));
  const auto share = league_.links().share(share_ledger("delta", "wuxi"));
  const auto head = share->snapshot()->find(kLedgerHeadTable, "");
  ASSERT_TRUE(head && *head);
  const auto reached = league_.row(kDelta, kInputTable, "share/delta/wuxi");
  ASSERT_TRUE(reached);
  EXPECT_GT((*head)->confirmed_size(), 0U);
  EXPECT_GT(reached->seq(), (*head)->confirmed_size()) << "the second one waits for an hour";
  EXPECT_LE(reached->confirmed_seq(), (*head)->confirmed_size());
  EXPECT_GT(reached->confirmed_seq(), 0U);
}

TEST_F(LinksTest, WhatIsRevokedMeanwhileIsNotSharedFromTheBacklog) {
  bring_two();
  league_.must(kWuxi, unit(kWuxi, 1));
  v1::RevokeRatification revoke;
  revoke.set_city("wuxi");
  revoke.set_alliance("delta");
  revoke.set_version(1);
  revoke.set_reason("it grants too much");
  league_.must(kWuxi, revoke);
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(0, 0))
      << "granted at its own entry, and by now no longer";
}

// Law 3 over inputs: wherever the process dies, nothing is lost and nothing comes twice.
TEST_F(LinksTest, ACrashAnywhereLosesAndDoublesNothing) {
  bring_two();
  SeededEnv chance(7, "crashes");
  int made = 0;
  for (int crash = 0; crash < 12; ++crash) {
    const auto bytes = chance.random_bytes(2);
    for (int i = 0; i < 3 + bytes[0] % 8; ++i) league_.must(kWuxi, unit(kWuxi, made++));
    if (crash % 4 == 3) propose();
    league_.links().look_around();
    for (int round = 0; round < static_cast<uint8_t>(bytes[1]) % 40; ++round) {
      league_.links().poke();
    }
    league_.abandon();
    league_.open();
  }
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(0, made));
  EXPECT_TRUE(league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 4)));
  for (const auto& health : league_.links().share_health()) {
    EXPECT_FALSE(health.stopped) << health.stopped->detail;
  }
}

// Another node, or an attempt of which nobody heard: what is in is in, and no reason to wait.
TEST_F(LinksTest, ARelayWaitsForNothingOnceAnotherHasSharedTheSame) {
  bring_two();
  const std::shared_ptr<projections::Keeper> city(std::shared_ptr<void>(), &league_.keeper(kWuxi));
  Relay late({"delta", "wuxi", league_.founding_id(kWuxi), &league_.log(), &league_.env(), city,
              league_.links().share(share_ledger("delta", "wuxi"))});
  const auto poke_until_idle = [&] {
    while (late.poke()) std::this_thread::yield();
  };
  poke_until_idle();
  league_.must(kWuxi, unit(kWuxi, 1));
  league_.settle();
  poke_until_idle();  // it reads the unit, and is told that the share ledger is beyond it
  EXPECT_TRUE(late.health().is_idle);
  EXPECT_FALSE(late.health().waits) << late.health().waits->detail;
  EXPECT_EQ(units_shared(kWuxi), units(1, 2));
}

TEST_F(LinksTest, AHeartbeatSaysThatThereIsNothingNew) {
  bring_two();
  const auto share = share_ledger("delta", "wuxi");
  const Seq before = league_.links().share(share)->health().landed_seq;
  league_.settle();
  EXPECT_EQ(league_.links().share(share)->health().landed_seq, before) << "nobody asked yet";
  league_.env().advance_us(61 * 1'000'000);
  league_.settle();
  const auto page = read_share(league_.log(), share_of(kWuxi), before + 1, 10);
  ASSERT_TRUE(page.has_value());
  ASSERT_FALSE(page->empty());
  const auto& shared = page->front().payload.events(0).entries_shared();
  EXPECT_TRUE(shared.events().empty()) << "nothing but what was cosigned meanwhile";
}

// ---- what the alliance keeps of what is shared

const LedgerId kLongest{"city", "a-city-whose-name-has-the-forty-bytes-ok"};

class KeptTest : public LinksTest {
 protected:
  static std::string date(int day) {
    return day_text(*parse_day("2014-01-01", "date") + day);
  }
  // 400 days of the longest values are what one entry of a city can hold.
  static v1::RecordAirQuality air(const LedgerId& city, int from, int to,
                                  const std::string& pm25 = "1234.12345678901234567890") {
    v1::RecordAirQuality command;
    command.set_city(city.id);
    for (int i = from; i < to; ++i) {
      auto& day = *command.add_days();
      day.set_date(date(i));
      day.set_pm25(pm25);
    }
    return command;
  }

  void bring_sharing(const LedgerId& city, const std::vector<std::string>& fields) {
    bring(city);
    propose({{"AirQualityRecorded", fields}, {"PopulationRecorded", {"people", "year"}}});
    league_.settle();
    ratify(city);
    league_.settle();
  }

  std::string sum_of(const LedgerId& ledger, const std::string& prefix, uint32_t year) {
    const auto row = league_.row(ledger, kAirYearTable, prefix + big_endian(year));
    if (!row) return "no row";
    return std::to_string(row->days()) + " days, " + row->sum().numerator() + "/" +
           row->sum().denominator();
  }
  void expect_kept(const LedgerId& city) {
    for (const uint32_t year : {2014U, 2015U, 2016U}) {
      EXPECT_EQ(sum_of(kDelta, member_prefix(city.id), year), sum_of(city, "", year)) << year;
    }
  }

  // Events of the alliance's ledger, in order.
  std::vector<v1::Event> alliance_events() {
    const SignedReader::Source source{kDelta, league_.founding_id(kDelta),
                                      only_key(league_.public_key(kDelta))};
    std::vector<v1::Event> events;
    for (Seq from = 1;;) {
      const auto page = read_share(league_.log(), source, from, 100);
      EXPECT_TRUE(page.has_value()) << page.error().detail;
      if (!page || page->empty()) return events;
      for (const auto& record : *page) {
        from = record.seq + 1;
        for (const auto& event : record.payload.events()) events.push_back(event);
      }
    }
  }
};

TEST_F(KeptTest, AnEntryOfFourHundredDaysIsTakenInStepsThatFit) {
  ASSERT_EQ(kLongest.id.size(), 40U);
  bring_sharing(kLongest, {"date", "pm25"});
  league_.must(kLongest, air(kLongest, 0, 400));
  for (int year = 1901; year < 2101; ++year) {
    v1::RecordPopulation population;
    population.set_city(kLongest.id);
    population.set_people(1);
    population.set_year(static_cast<uint32_t>(year));
    league_.must(kLongest, population);
  }
  for (int month = 0; month < 24; ++month) {
    league_.must(kLongest, air(kLongest, 400 + 30 * month, 430 + 30 * month, "1"));
  }
  league_.settle();
  EXPECT_FALSE(quarantined(kDelta, share_ledger("delta", kLongest.id)));
  expect_kept(kLongest);
  const auto prefix = member_prefix(kLongest.id);
  EXPECT_TRUE(sum_of(kDelta, prefix, 2014).starts_with("365 days"));
  for (const uint64_t year : {1901U, 2100U}) {
    EXPECT_TRUE(league_.row(kDelta, kPopulationTable, prefix + big_endian(year))) << year;
  }
  EXPECT_EQ(league_.row(kDelta, kInputTable, "share/delta/" + kLongest.id)->begun(), 0U);
}

TEST_F(KeptTest, FieldsThatAreNotGrantedLeaveNothingBehindHoweverManyTheyAre) {
  bring_sharing(kLongest, {"date"});
  league_.must(kLongest, air(kLongest, 0, 400));
  league_.must(kLongest, air(kLongest, 400, 800));
  league_.settle();
  EXPECT_FALSE(quarantined(kDelta, share_ledger("delta", kLongest.id)));
  EXPECT_EQ(league_.row(kDelta, kMemberTable, kLongest.id)->acts_disregarded(), 800U);
  EXPECT_EQ(sum_of(kDelta, member_prefix(kLongest.id), 2014), "no row");
}

// Law 3 within one entry of the source, too.
TEST_F(KeptTest, ACrashBetweenTwoStepsOfOneEntryLosesAndDoublesNoDay) {
  bring_sharing(kWuxi, {"date", "pm25"});
  SeededEnv chance(11, "crashes");
  int made = 0;
  bool was_begun = false;
  for (int crash = 0; crash < 10; ++crash) {
    league_.must(kWuxi, air(kWuxi, made, made + 400, "1"));
    made += 400;
    league_.links().look_around();
    // Each second time just between two steps, else anywhere.
    const int rounds = crash % 2 == 0 ? 20'000 : static_cast<uint8_t>(chance.random_bytes(1)[0]);
    for (int round = 0; round < rounds; ++round) {
      league_.links().poke();
      const auto row = league_.row(kDelta, kInputTable, "share/delta/wuxi");
      was_begun = was_begun || (row && row->begun() > 0);
      if (crash % 2 == 0 && row && row->begun() > 0) break;
    }
    league_.abandon();
    league_.open();
  }
  EXPECT_TRUE(was_begun) << "no crash came between two steps of one entry";
  league_.settle();
  expect_kept(kWuxi);
  std::vector<std::string> kept;
  std::vector<std::string> recorded;
  for (const auto& event : alliance_events()) {
    if (event.has_member_air_recorded()) kept.push_back(event.member_air_recorded().air().date());
  }
  for (int i = 0; i < made; ++i) recorded.push_back(date(i));
  EXPECT_EQ(kept, recorded) << "every day once, in order";
}

TEST_F(KeptTest, ACityHearsNothingOfWhatTheAllianceKeeps) {
  bring(kSuzhou);
  bring_sharing(kWuxi, {"date", "pm25"});
  ratify(kSuzhou);
  league_.settle();
  const auto landed = [&] {
    return league_.links().share(share_ledger("delta", "suzhou"))->health().landed_seq;
  };
  const Seq before = landed();
  for (int month = 0; month < 12; ++month) {
    league_.must(kWuxi, air(kWuxi, 30 * month, 30 * month + 30, "1"));
  }
  league_.settle();
  expect_kept(kWuxi);
  EXPECT_EQ(landed(), before) << "a neighbour's air made entries in Suzhou";
}

// Two ledgers that listen to each other must not keep each other writing.
TEST_F(LinksTest, ALeagueThatRestsWritesHeartbeatsAndNothingElse) {
  bring_two();
  league_.settle();
  const auto seqs = [&] {
    std::vector<Seq> all;
    for (const auto& ledger : {kDelta, kWuxi, kSuzhou}) all.push_back(league_.landed_seq(ledger));
    return all;
  };
  // What was done is noted once.
  league_.env().advance_us(6'000'000);
  league_.settle();
  const auto before = seqs();
  for (int i = 0; i < 30; ++i) {
    league_.env().advance_us(6'000'000);
    league_.settle();
  }
  EXPECT_EQ(seqs(), before);
}

TEST_F(ForgedMemberTest, ASkippedRangeStopsThisInputAndNoOther) {
  share(1, 1, joined());
  share(3, 3, ratified(1));
  league_.settle();
  EXPECT_NE(league_.row(kDelta, kMemberTable, "forged")->joined_time_us(), 0);
  const auto why = quarantined(kDelta, share_ledger("delta", "forged"));
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "fork_found");
  EXPECT_NE(why->detail().find("left out"), std::string::npos) << why->detail();
  league_.must(kWuxi, unit(kWuxi, 1));
  propose();
  league_.settle();
  EXPECT_EQ(units_shared(kWuxi), units(1, 2));
  EXPECT_TRUE(league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 2)));
  league_.close();
  league_.open();
  league_.settle();
  EXPECT_TRUE(quarantined(kDelta, share_ledger("delta", "forged"))) << "also after a restart";
}

TEST_F(ForgedMemberTest, AReleasedInputIsReadAgainAndJudgedAgain) {
  share(1, 1, joined());
  share(3, 3, ratified(1));
  league_.settle();
  v1::ReleaseInput release;
  release.set_alliance("delta");
  release.set_city("forged");
  release.set_reason("the city says it is mended");
  league_.must(kDelta, release);
  league_.settle();
  EXPECT_TRUE(quarantined(kDelta, share_ledger("delta", "forged"))) << "it is not";
  EXPECT_FALSE(league_.call(kDelta, release) && league_.call(kDelta, release))
      << "what is not quarantined cannot be released";
}

TEST_F(ForgedMemberTest, AForkedCheckpointStopsThisInput) {
  share(1, 1, joined());
  v1::Event event;
  VouchedHead other = tree_.head();
  other.tip = sha256("another history");
  *event.mutable_checkpoint_signed() = sign_checkpoint(league_.seed(kForged), other);
  write(event);
  league_.settle();
  const auto why = quarantined(kDelta, share_ledger("delta", "forged"));
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "fork_found");
}

TEST_F(ForgedMemberTest, AnotherCitysEntriesStopThisInput) {
  v1::Event event;
  event.mutable_entries_shared()->set_city("wuxi");
  event.mutable_entries_shared()->set_from_seq(1);
  event.mutable_entries_shared()->set_to_seq(1);
  write(event);
  write_checkpoint();
  league_.settle();
  EXPECT_TRUE(quarantined(kDelta, share_ledger("delta", "forged")));
}

TEST_F(ForgedMemberTest, AWordThatTheRulesDoNotTakeIsDisregardedAndTheNextOneIsHeard) {
  share(1, 1, ratified(1));  // before it joined
  share(2, 2, joined());
  share(3, 3, ratified(7));  // no such version
  league_.settle();
  const auto member = league_.row(kDelta, kMemberTable, "forged");
  ASSERT_TRUE(member);
  EXPECT_EQ(member->acts_disregarded(), 2U);
  EXPECT_NE(member->joined_time_us(), 0);
  EXPECT_FALSE(quarantined(kDelta, share_ledger("delta", "forged")));
}

TEST_F(ForgedMemberTest, ValuesThatNoCityRecordsAreDisregardedAndTheOthersAreKept) {
  propose({{"AirQualityRecorded", {"date", "pm25"}}});
  league_.settle();
  ratify(kWuxi, 2);
  ratify(kSuzhou, 2);
  league_.settle();
  v1::Event ratification = ratified(2);
  const auto heard = league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 2));
  *ratification.mutable_agreement_ratified()->mutable_agreement() = heard->agreement();
  ratification.mutable_agreement_ratified()->set_sha256(heard->sha256());
  share(1, 1, joined());
  share(2, 2, ratification);
  v1::Event event;
  auto& shared = *event.mutable_entries_shared();
  shared.set_city(kForged.id);
  shared.set_from_seq(3);
  shared.set_to_seq(3);
  const auto add = [&](const std::string& date, const std::string& pm25) {
    auto& air = *shared.add_events()->mutable_event()->mutable_air_quality_recorded();
    air.set_date(date);
    air.set_pm25(pm25);
  };
  for (int i = 0; i < 300; ++i) add("2014-01-01", std::string(100, '9'));
  add("2014-01-01", "1.5");
  add("2014-13-01", "1");
  add("2014-01-02", "2");
  write(event);
  write_checkpoint();
  league_.settle();
  EXPECT_FALSE(quarantined(kDelta, share_ledger("delta", "forged")));
  EXPECT_EQ(league_.row(kDelta, kMemberTable, "forged")->acts_disregarded(), 301U);
  const auto year =
      league_.row(kDelta, kAirYearTable, member_prefix("forged") + big_endian(2014));
  ASSERT_TRUE(year);
  EXPECT_EQ(year->days(), 2U);
  EXPECT_EQ(year->sum().numerator() + "/" + year->sum().denominator(), "7/2");
}

class OtherKeyTest : public LinksTest {
 protected:
  // Wuxi trusts another key than the alliance's.
  OtherKeyTest() {
    league_.add("city", "wuxi");
    v1::FoundCity found;
    found.set_city("wuxi");
    league_.must(kWuxi, found);
    league_.must(kDelta, admission(league_, kWuxi));
    auto wrong = joining(league_, kWuxi);
    wrong.set_public_key(league_.public_key(kWuxi));
    league_.must(kWuxi, wrong);
    propose();
    league_.settle();
  }
};

TEST_F(OtherKeyTest, TheCityHearsNothingAndWorksOn) {
  const auto why = quarantined(kWuxi, kDelta);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), "bad_signature");
  EXPECT_FALSE(league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 1)));
  league_.must(kWuxi, unit(kWuxi, 1));
}

// Its alarms would go on for ever, about what another node has mended since.
TEST_F(OtherKeyTest, WhoDoesNotLeadTellsNothingOfItsLinks) {
  const auto input = [&] {
    for (const auto& link : league_.links().health()) {
      if (link.link == "alliance/delta > city/wuxi") return link;
    }
    return LinkHealth();
  };
  const auto lead = [&](projections::Lead taken) {
    auto& keeper = league_.keeper(kWuxi);
    keeper.take_lead(taken);
    while (keeper.health().lead != taken) std::this_thread::yield();
    league_.settle();
  };
  EXPECT_TRUE(input().is_quarantined);
  EXPECT_TRUE(input().waits);
  lead(projections::Lead::kElsewhere);
  EXPECT_FALSE(input().is_quarantined);
  EXPECT_FALSE(input().waits);
  EXPECT_TRUE(input().is_idle);
  EXPECT_EQ(input().kind, LinkKind::kInput) << "it is named all the same";
  lead(projections::Lead::kHere);
  EXPECT_TRUE(input().is_quarantined);
  EXPECT_TRUE(input().waits);
}

}  // namespace
}  // namespace hansa::federation
