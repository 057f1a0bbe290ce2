// Goal: what a relay hands over becomes one range after the other, of a bounded size, and says
// where an agreement ended; what is not the next range changes nothing (laws 2, 4, 5).
// Method: small histories of one city, each with one rule in its name; share_law_test.cc has the
// random ones.
#include <gtest/gtest.h>

#include "core/alliance/acts.h"
#include "tests/core/affiliated_city.h"

namespace hansa {
namespace {

using Reason = v1::WithheldReason;

v1::Agreement agreement(const std::string& event, const std::vector<std::string>& fields,
                        v1::DataClass highest = v1::PUBLIC) {
  v1::Agreement terms;
  auto& grant = *terms.add_grants();
  grant.set_event(event);
  grant.set_highest_class(highest);
  for (const auto& field : fields) grant.add_fields(field);
  return terms;
}

v1::Agreement closings() { return agreement("CaseClosed", {"case", "closure"}); }

v1::Event closed(const std::string& id) {
  v1::Event event;
  event.mutable_case_closed()->set_case_(id);
  event.mutable_case_closed()->set_closure(1);
  event.mutable_case_closed()->set_with_parent("secret");
  return event;
}

v1::Event noted(const std::string& id, size_t bytes) {
  v1::Event event;
  event.mutable_case_verified()->set_case_(id);
  event.mutable_case_verified()->set_note(std::string(bytes, 'n'));
  return event;
}

const auto took_effect = [](uint32_t version) {
  return [=](v1::Event& e) { e.mutable_agreement_took_effect()->set_version(version); };
};
const auto suspended = [](v1::Event& e) { e.mutable_agreement_suspended()->set_version(1); };
const auto resumed = [](v1::Event& e) { e.mutable_agreement_resumed()->set_version(1); };
const auto revoked = [](v1::Event& e) { e.mutable_agreement_revoked()->set_version(1); };
const auto expired = [](v1::Event& e) { e.mutable_agreement_expired()->set_version(1); };
const auto city_suspended = [](v1::Event& e) { e.mutable_city_suspended()->set_city("test"); };
const auto city_expelled = [](v1::Event& e) { e.mutable_city_expelled()->set_city("test"); };

// Of the entries of the last relay, those of which something is shared.
std::vector<Seq> shared_seqs(const ShareLedger& share) {
  std::vector<Seq> seqs;
  for (const auto& one : share.shared().events()) {
    if (seqs.empty() || seqs.back() != one.seq()) seqs.push_back(one.seq());
  }
  return seqs;
}

int closings_in(const ShareLedger& share) {
  int count = 0;
  for (const auto& one : share.shared().events()) count += one.event().has_case_closed();
  return count;
}

// How many entries.
size_t withheld_for(const ShareLedger& share, Reason::Value reason) {
  size_t count = 0;
  for (const auto& range : share.shared().withheld()) {
    if (range.reason() == reason) count += range.to_seq() - range.from_seq() + 1;
  }
  return count;
}

// ---- ranges

TEST(Share, AnEmptyRangeSaysThatThereIsNothingNew) {
  AffiliatedCity city;
  ShareLedger share;
  EXPECT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.shared().from_seq(), 1U);
  EXPECT_EQ(share.shared().to_seq(), 0U);
  city.bring_in_force(closings());
  EXPECT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.shared().to_seq() + 1, share.shared().from_seq());
  EXPECT_EQ(share.shared().agreement_version(), 1U);
  EXPECT_EQ(share.shared().source_sha256(), city.entries.back().sha256());
  EXPECT_EQ(share.shared().source_offset(), city.entries.back().next_offset());
}

TEST(Share, OnlyTheNextEntriesAreTakenAndNothingElseChangesARow) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  for (int i = 0; i < 4; ++i) city.record({closed("c1")});
  ShareLedger share;
  ASSERT_EQ(share.relay(share.next(city, 2, city.seq())), "EntriesShared");
  const auto before = share.rows.dump();
  const auto good = share.next(city, city.seq(), city.seq());
  auto late = good;
  late.mutable_entries()->DeleteSubrange(0, 1);
  EXPECT_EQ(share.relay(late), "not_yet") << "an entry is skipped";
  auto early = good;
  early.clear_entries();
  *early.add_entries() = city.entries[2];
  EXPECT_EQ(share.relay(early), "not_yet") << "an entry is there already";
  auto gap = good;
  gap.mutable_entries()->DeleteSubrange(1, 1);
  EXPECT_EQ(share.relay(gap), "internal");
  auto blind = good;
  blind.set_newest_seq(city.seq() - 1);
  EXPECT_EQ(share.relay(blind), "not_yet") << "newest is behind what is relayed";
  auto foreign = good;
  foreign.mutable_newest()->set_alliance("bay");
  EXPECT_EQ(share.relay(foreign), "internal") << "what is agreed with others";
  EXPECT_EQ(share.rows.dump(), before);
  EXPECT_EQ(share.relay(good), "EntriesShared");
}

TEST(Share, ARangeThatSkipsOrRepeatsIsNotFolded) {
  for (const auto& [from, to] : std::vector<std::pair<Seq, Seq>>{{2, 3}, {0, 3}, {1, 2'000}}) {
    ShareLedger share;
    v1::EntriesShared event;
    event.set_from_seq(from);
    event.set_to_seq(to);
    EXPECT_EQ(evolve_event(share.rows, event, {}).has_value(), from == 1) << from;
    EXPECT_EQ(share.rows.dump().empty(), from != 1) << "a refused range leaves a row";
  }
  ShareLedger share;
  v1::EntriesShared backwards;
  backwards.set_from_seq(1);
  EXPECT_TRUE(evolve_event(share.rows, backwards, {}));
  backwards.set_to_seq(5);
  EXPECT_TRUE(evolve_event(share.rows, backwards, {}));
  const auto before = share.rows.dump();
  backwards.set_from_seq(6);
  backwards.set_to_seq(4);
  EXPECT_FALSE(evolve_event(share.rows, backwards, {})) << "it ends before it begins";
  backwards.set_from_seq(5);
  backwards.set_to_seq(6);
  EXPECT_FALSE(evolve_event(share.rows, backwards, {})) << "entry 5 twice";
  EXPECT_EQ(share.rows.dump(), before);
}

TEST(Share, WhatConcernsAnAllianceThatWasNeverJoinedIsRefused) {
  v1::RelayEntries command;
  command.set_alliance("delta");
  auto& source = *command.add_entries();
  source.set_seq(1);
  source.mutable_payload()->add_events()->mutable_alliance_heard()->set_alliance("delta");
  command.set_newest_seq(1);
  ShareLedger share;
  EXPECT_EQ(share.relay(command), "internal");
  EXPECT_TRUE(share.rows.dump().empty());
}

TEST(Share, OnlyARelayWritesIt) {
  AffiliatedCity city;
  ShareLedger share;
  const DecideContext context{kAdmin, {}, kStart, 1};
  EXPECT_EQ(outcome(decide_command(kShareKind, share.rows, joining("delta"), context)),
            "bad_request");
  EXPECT_EQ(outcome(decide_command(kCityKind, city.rows, share.next(city, 0, 0), context)),
            "bad_request");
}

// ---- what is seen

TEST(Share, AnAgreementGrantsFromTheEntryAfterTheOneThatPutItInForce) {
  AffiliatedCity city;
  city.record({closed("c1")});
  city.bring_in_force(closings());
  city.record({closed("c2")});
  ShareLedger share;
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  ASSERT_EQ(closings_in(share), 1);
  const auto& one = share.shared().events(share.shared().events_size() - 1);
  EXPECT_EQ(one.seq(), city.seq());
  EXPECT_EQ(one.event().case_closed().case_(), "c2");
  EXPECT_EQ(one.event().case_closed().with_parent(), "");
  ASSERT_EQ(share.shared().withheld_size(), 1);
  EXPECT_EQ(share.shared().withheld(0).reason(), Reason::not_in_force);
}

TEST(Share, WhatTheNewestEntryTakesBackIsNotSharedThoughItWasGrantedThen) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.record({closed("c1")});
  const Seq granted = city.seq();
  ASSERT_EQ(city.send(to_alliance<v1::RevokeRatification>("delta", 1)), "RatificationRevoked");
  ShareLedger share;
  ASSERT_EQ(share.relay(share.next(city, granted, city.seq())), "EntriesShared");
  EXPECT_EQ(closings_in(share), 0);
  ShareLedger in_time;
  ASSERT_EQ(in_time.relay(in_time.next(city, granted, granted)), "EntriesShared");
  EXPECT_EQ(closings_in(in_time), 1);
}

TEST(Share, AMessageOrEventOfWhichNoFieldIsGrantedByBothIsNotThereAtAll) {
  FilledEvents fill;
  const auto* reported = v1::Event::descriptor()->FindFieldByName("case_reported");
  AffiliatedCity city;
  city.bring_in_force(agreement("CaseReported", {"kind", "place.district", "media.sha256"},
                                v1::SENSITIVE));
  city.record({fill.filled(*reported)});
  const Seq granted = city.seq();
  city.bring_in_force(agreement("CaseReported", {"kind", "place.street", "media.content_type"},
                                v1::SENSITIVE));
  const Seq second = city.seq();
  city.bring_in_force(agreement("CaseReported", {"service"}));
  ShareLedger share;
  ASSERT_EQ(share.relay(share.next(city, granted, second)), "EntriesShared");
  ASSERT_GT(share.shared().events_size(), 0);
  const auto& seen = share.shared().events(share.shared().events_size() - 1);
  ASSERT_TRUE(seen.event().has_case_reported());
  EXPECT_FALSE(seen.event().case_reported().has_place());
  EXPECT_EQ(seen.event().case_reported().media_size(), 0) << "not even how many";
  ShareLedger later;
  ASSERT_EQ(later.relay(later.next(city, granted, city.seq())), "EntriesShared");
  ASSERT_GT(later.shared().withheld_size(), 0) << "an event of which nothing is granted";
  EXPECT_EQ(later.shared().withheld(later.shared().withheld_size() - 1).reason(),
            Reason::not_granted);
}

TEST(Share, WhatIsOutsideTheTimeOfEitherAgreementStaysAtHome) {
  const auto terms_of = [](int first_day, int end_day) {
    auto terms = closings();
    terms.set_valid_from_time_us(kStart + first_day * kDay);
    if (end_day != 0) terms.set_valid_until_time_us(kStart + end_day * kDay);
    return terms;
  };
  struct Case {
    v1::Agreement now;
    v1::Agreement newest;
    std::vector<std::string> shared;
  };
  for (const auto& [now, newest, shared] : {
           Case{terms_of(0, 0), terms_of(0, 0), {"d0", "d1", "d2", "d3"}},
           Case{terms_of(1, 3), terms_of(0, 0), {"d1", "d2"}},
           Case{terms_of(0, 0), terms_of(1, 3), {"d1", "d2"}},
           Case{terms_of(0, 2), terms_of(2, 0), {}}}) {
    AffiliatedCity city;
    city.bring_in_force(now);
    for (int day = 0; day < 4; ++day) {
      city.now_us = kStart + day * kDay;
      city.record({closed("d" + std::to_string(day))});
    }
    const Seq recorded = city.seq();
    city.bring_in_force(newest);
    ShareLedger share;
    ASSERT_EQ(share.relay(share.next(city, recorded, city.seq())), "EntriesShared");
    std::vector<std::string> seen;
    for (const auto& one : share.shared().events()) {
      if (one.event().has_case_closed()) seen.push_back(one.event().case_closed().case_());
    }
    EXPECT_EQ(seen, shared) << now.ShortDebugString() << " / " << newest.ShortDebugString();
    EXPECT_EQ(withheld_for(share, Reason::not_in_time), 4 - shared.size());
  }
}

// What an agreement of an older schema still names.
TEST(Share, AGrantThatTodaysSchemaDoesNotKnowGrantsNothing) {
  auto terms = agreement("CaseClosed", {"case", "a_field_that_was_removed_since"});
  terms.add_grants()->set_event("CaseVerified");
  terms.mutable_grants(1)->add_fields("case");
  AffiliatedCity city;
  city.bring_in_force(terms);
  city.record({closed("c1"), noted("c2", 5)});
  ShareLedger share;
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(closings_in(share), 0);
  EXPECT_EQ(share.shared().events().rbegin()->event().case_verified().case_(), "c2");
}

TEST(Share, ReasonsStayAtHome) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.hear_one([](auto& e) { e.mutable_agreement_suspended()->set_reason("~1~"); });
  city.hear_one([](auto& e) {
    e.mutable_city_suspended()->set_city("test");
    e.mutable_city_suspended()->set_reason("~2~");
  });
  auto revoke = to_alliance<v1::RevokeRatification>("delta", 1);
  revoke.set_reason("~3~");
  ASSERT_EQ(city.send(revoke), "RatificationRevoked");
  auto leave = to_alliance<v1::LeaveAlliance>("delta");
  leave.set_reason("~4~");
  ASSERT_EQ(city.send(leave), "AllianceLeft");
  ShareLedger share;
  share.relay(share.next(city, city.seq(), city.seq()));
  share.relay_all(city);
  EXPECT_EQ(share.reached(), city.seq());
  for (const auto& [key, row] : share.rows.dump()) EXPECT_EQ(row.find('~'), std::string::npos);
  for (const auto& event : share.last->events) {
    EXPECT_EQ(event.SerializeAsString().find('~'), std::string::npos);
  }
}

// Of a later binary: this one knows no content.
TEST(Share, AnEventWithoutAContentIsNotShared) {
  EXPECT_FALSE(is_to_alliance(v1::Event()));
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.record({v1::Event(), closed("c1")});
  ShareLedger share;
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  const auto& newest = share.shared().events(share.shared().events_size() - 1);
  EXPECT_EQ(newest.index(), 1U);
  EXPECT_EQ(newest.seq(), city.seq());
  EXPECT_TRUE(share.shared().events_size() < 2 ||
              share.shared().events(share.shared().events_size() - 2).seq() < city.seq());
}

TEST(Share, TwoAlliancesHearNothingOfEachOther) {
  AffiliatedCity city;
  city.bring_in_force(closings(), "delta");
  city.bring_in_force(agreement("CaseVerified", {"case"}), "bay");
  city.record({closed("c1"), noted("c2", 5)});
  for (const std::string alliance : {"delta", "bay"}) {
    const std::string other = alliance == "delta" ? "bay" : "delta";
    ShareLedger share(alliance);
    ASSERT_EQ(share.relay_all(city), "EntriesShared");
    EXPECT_EQ(share.shared().SerializeAsString().find(other), std::string::npos);
    EXPECT_EQ(closings_in(share), alliance == "delta" ? 1 : 0);
    EXPECT_EQ(share.shared().events(share.shared().events_size() - 1).index(),
              alliance == "delta" ? 0U : 1U);
    EXPECT_EQ(share.rows.find(kAffiliationTable, other), nullptr);
  }
}

// ---- size

TEST(Share, ManyLargeEntriesBecomeSeveralRangesCutByTheEntriesAlone) {
  AffiliatedCity city;
  city.bring_in_force(agreement("CaseVerified", {"case", "note"}, v1::INTERNAL));
  for (int i = 0; i < 30; ++i) city.record({noted("c" + std::to_string(i), 9'000)});
  ShareLedger all;
  ShareLedger few;
  std::vector<Seq> cuts;
  while (all.reached() < city.seq()) {
    ASSERT_EQ(all.relay_all(city), "EntriesShared");
    EXPECT_LE(all.shared().ByteSizeLong(), kShareBytesMax + 500);
    cuts.push_back(all.reached());
    // The same cut where fewer entries were handed over, as soon as one more than fits.
    ASSERT_EQ(few.relay(few.next(city, std::min(all.reached() + 1, city.seq()), city.seq())),
              "EntriesShared");
    EXPECT_EQ(few.reached(), all.reached());
  }
  EXPECT_GE(cuts.size(), 7U);
  EXPECT_LE(cuts.size(), 9U) << "ranges are filled";
}

TEST(Share, OneEntryThatIsLargeByItselfPasses) {
  AffiliatedCity city;
  city.bring_in_force(agreement("CaseVerified", {"case", "note"}, v1::INTERNAL));
  city.record({noted("c1", 5)});
  city.record({noted("c2", kShareBytesMax + 5'000)});
  city.record({noted("c3", 5)});
  ShareLedger share;
  const Seq large = city.seq() - 1;
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.reached(), large - 1);
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.reached(), large);
  EXPECT_EQ(shared_seqs(share), std::vector<Seq>{large});
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.reached(), city.seq());
}

// ---- ends

template <typename... Changes>
std::string after(const Changes&... changes) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.record({closed("c1")});
  (changes(city), ...);
  const Seq end = city.seq();
  city.record({closed("c2")});
  ShareLedger share;
  const auto at_once = share.relay_all(city);
  if (at_once != "EntriesShared") {
    EXPECT_EQ(share.reached(), end) << "a range goes no further than the end";
    EXPECT_EQ(share.last->events[1].share_ended().agreement_version(), 1U);
    EXPECT_EQ(share.rows.find(kShareReachedTable, "")->agreement_version(), 0U);
    EXPECT_EQ(share.relay_all(city), "EntriesShared") << "it ends once";
    EXPECT_EQ(closings_in(share), 0);
  }
  // Entry by entry it is the same.
  ShareLedger slow;
  std::string last;
  while (slow.reached() < end) last = slow.relay(slow.next(city, slow.reached() + 1, city.seq()));
  EXPECT_EQ(last, at_once);
  return at_once;
}

const auto heard = [](const auto& fill) {
  return [=](AffiliatedCity& city) { city.hear_one(fill); };
};
const auto taken_back = [](AffiliatedCity& city) {
  city.send(to_alliance<v1::RevokeRatification>("delta", 1));
};
const auto left = [](AffiliatedCity& city) { city.send(to_alliance<v1::LeaveAlliance>("delta")); };
const auto second_ratified = [](AffiliatedCity& city) {
  city.hear_proposal(closings());
  city.ratify("delta", 2);
};
const auto second_proposed = [](AffiliatedCity& city) { city.hear_proposal(closings()); };

TEST(ShareEnded, StandsExactlyWhereTheAgreementEndsForThisCity) {
  const std::string ended = "EntriesShared + ShareEnded";
  EXPECT_EQ(after(left), ended);
  EXPECT_EQ(after(taken_back), ended);
  EXPECT_EQ(after(heard(revoked)), ended);
  EXPECT_EQ(after(heard(expired)), ended);
  EXPECT_EQ(after(heard(city_expelled)), ended);
  EXPECT_EQ(after(second_proposed, heard(took_effect(2))), ended) << "not ratified here";
  EXPECT_EQ(after(heard(suspended), taken_back), ended);
  EXPECT_EQ(after(heard(city_suspended), heard(city_expelled)), ended);
}

TEST(ShareEnded, DoesNotStandForASuspensionNorForALaterVersion) {
  EXPECT_EQ(after(heard(suspended)), "EntriesShared");
  EXPECT_EQ(after(heard(suspended), heard(resumed)), "EntriesShared");
  EXPECT_EQ(after(heard(city_suspended)), "EntriesShared");
  EXPECT_EQ(after(second_ratified), "EntriesShared");
  EXPECT_EQ(after(second_ratified, heard(took_effect(2))), "EntriesShared");
  EXPECT_EQ(after(heard(suspended), second_ratified, heard(took_effect(2))), "EntriesShared");
  EXPECT_EQ(after(heard(city_suspended), second_ratified, heard(took_effect(2))),
            "EntriesShared");
}

TEST(ShareEnded, StandsAlsoForWhatTookEffectInTheSameRangeAndForEachEnd) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.record({closed("c1")});
  city.hear_one(revoked);
  const Seq first_end = city.seq();
  city.bring_in_force(closings());
  city.record({closed("c2")});
  ShareLedger share;
  ASSERT_EQ(share.relay_all(city), "EntriesShared + ShareEnded");
  EXPECT_EQ(share.last->events[1].share_ended().city_seq(), first_end);
  EXPECT_EQ(share.last->events[1].share_ended().agreement_version(), 1U);
  EXPECT_EQ(closings_in(share), 1) << "both agreements grant it";
  ASSERT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.shared().agreement_version(), 2U);
  left(city);
  ASSERT_EQ(share.relay_all(city), "EntriesShared + ShareEnded");
  EXPECT_EQ(share.last->events[1].share_ended().agreement_version(), 2U);
  EXPECT_EQ(share.relay_all(city), "EntriesShared");
}

TEST(ShareEnded, FollowsAlsoWhereARangeEndedWhileTheAgreementWasSuspended) {
  AffiliatedCity city;
  city.bring_in_force(closings());
  city.record({closed("c1")});
  city.hear_one(suspended);
  const Seq held = city.seq();
  city.hear_one(resumed);
  const Seq on = city.seq();
  city.hear_one(revoked);
  ShareLedger share;
  ASSERT_EQ(share.relay(share.next(city, held, on)), "EntriesShared");
  EXPECT_EQ(closings_in(share), 1);
  EXPECT_EQ(share.shared().agreement_version(), 1U) << "something was shared under it";
  EXPECT_EQ(share.relay_all(city), "EntriesShared + ShareEnded");
}

TEST(ShareEnded, DoesNotStandForWhatWasNeverInEffectHere) {
  AffiliatedCity city;
  ASSERT_EQ(city.send(joining("delta")), "AllianceJoined");
  city.hear_proposal(closings());
  city.hear_one(took_effect(1));
  city.hear_one(revoked);
  left(city);
  ShareLedger share;
  EXPECT_EQ(share.relay_all(city), "EntriesShared");
  EXPECT_EQ(share.shared().agreement_version(), 0U);
}

}  // namespace
}  // namespace hansa
