// Goal: a city publishes a figure once, nothing that is too small, and claims a proof exactly where
// whoever holds what it shares reckons the same.
// Method: the table of core/city/README.md walked cell by cell; cells around the smallest one;
// whatever happens in a city, the figure it claims to be proved is reckoned anew from its share.
#include "tests/core/publishing_city.h"

#include <rapidcheck/gtest.h>

#include "core/base/day.h"
#include "core/base/policy.h"
#include "tests/core/arbitrary_step.h"
#include "tests/core/readme_table.h"

namespace hansa {
namespace {

using Standing = v1::FigureStanding;

const std::vector<Scope> kScopes = {Scope::kCity, Scope::kDistrict, Scope::kStreet,
                                    Scope::kUnit, Scope::kService,  Scope::kKind};

v1::Agreement on_verification(uint32_t smallest_cell = 1) {
  const auto* metric = *find_metric("verification_rate");
  return grants_of({{metric, Scope::kCity}, {metric, Scope::kService}}, smallest_cell);
}

v1::PublishMetric first_week(const std::string& scope = "city") {
  return publishing("verification_rate@1", scope, "2025-01-06", "2025-01-12");
}

// Shares by it, and a week with cases is over.
PublishingCity city_with(int rubbish, int flood, const v1::Agreement& terms = on_verification()) {
  PublishingCity city;
  city.bring_in_force(terms);
  for (int i = 0; i < rubbish; ++i) city.report_case(report("rubbish"));
  for (int i = 0; i < flood; ++i) city.report_case(report("flood"));
  city.advance_to(kStart + 7 * kDay);
  return city;
}

const v1::MetricPublished& published_in(const Result<Decision>& decision) {
  return decision->events.back().metric_published();
}

// ---- the table

std::string publish_when(const std::string& standing) {
  if (standing == "not joined") return outcome(PublishingCity().publish(first_week()));
  if (standing == "no agreement") {
    PublishingCity city;
    city.join();
    return outcome(city.publish(first_week()));
  }
  auto city = city_with(standing == "too few" ? 2 : 3, 0, on_verification(3));
  auto command = first_week();
  if (standing == "not named") command.set_scope("unit");
  if (standing == "open period") command.set_to_day("2025-01-13");
  if (standing == "published" || standing == "overlapping") {
    EXPECT_EQ(outcome(city.publish(command)), "MetricPublished");
  }
  if (standing == "overlapping") command.set_from_day("2025-01-07");
  return outcome(city.publish(command));
}

TEST(FigureTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/city/README.md", "Publishing");
  ASSERT_EQ(table.size(), 2U) << "the table in core/city/README.md was not found";
  for (size_t column = 1; column < table[0].size(); ++column) {
    EXPECT_EQ(publish_when(table[0][column]), table[1][column]) << table[0][column];
  }
  EXPECT_EQ(table[0].size(), 9U);
}

TEST(FigurePublish, RefusesWhatIsNoPeriodScopeOrDefinition) {
  auto city = city_with(3, 0);
  auto command = first_week();
  command.set_metric("verification_rate@2");
  EXPECT_EQ(outcome(city.publish(command)), "unknown_metric");
  command = first_week("community");
  EXPECT_EQ(outcome(city.publish(command)), "bad_request");
  command = first_week();
  command.set_from_day("2025-01-13");
  EXPECT_EQ(outcome(city.publish(command)), "bad_request");
  command.set_from_day("2024-01-12");
  EXPECT_EQ(outcome(city.publish(command)), "bad_request") << "367 days";
  command.set_from_day("2024-01-13");
  EXPECT_EQ(outcome(city.publish(command)), "MetricPublished") << "366 days";
}

TEST(FigurePublish, ThatAnotherFigureIsNamedByAScopeNamesThisOneByNone) {
  const auto* verification = *find_metric("verification_rate");
  const auto* satisfaction = *find_metric("satisfaction");
  auto city = city_with(3, 0, grants_of({{satisfaction, Scope::kCity},
                                         {verification, Scope::kService}}, 1));
  EXPECT_EQ(outcome(city.publish(first_week())), "not_shareable");
  EXPECT_EQ(outcome(city.publish(first_week("service"))), "MetricPublished");
}

TEST(FigurePublish, APublicationIsFoldedOnce) {
  auto city = city_with(3, 0);
  const auto decision = city.publish(first_week());
  ASSERT_TRUE(decision) << decision.error().detail;
  const auto before = city.rows.dump();
  const auto again = evolve(city.rows, decision->events.back(), {city.seq, city.now_us, {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kInternal);
  EXPECT_EQ(city.rows.dump(), before);
}

// Nobody subtracts the total of one period from that of another, on whatever scope.
TEST(FigurePublish, OverlapsAreRefusedOnEveryScopeAndTheSamePeriodIsNot) {
  auto city = city_with(3, 3);
  EXPECT_EQ(outcome(city.publish(first_week())), "MetricPublished");
  auto shorter = first_week("service");
  shorter.set_to_day("2025-01-11");
  EXPECT_EQ(outcome(city.publish(shorter)), "wrong_state");
  EXPECT_EQ(outcome(city.publish(first_week("service"))), "MetricPublished");
  auto before = publishing("verification_rate@1", "city", "2025-01-01", "2025-01-05");
  EXPECT_EQ(outcome(city.publish(before)), "too_few") << "it only touches";
}

TEST(FigurePublish, NamesItsSourceAndIsKeptByAllianceAndNumber) {
  auto city = city_with(3, 0);
  const Seq before = city.seq;
  const auto decision = city.publish(first_week());
  ASSERT_TRUE(decision) << decision.error().detail;
  const auto& published = published_in(decision);
  EXPECT_EQ(published.publication(), "m" + std::to_string(before + 1));
  EXPECT_EQ(decision->state, "proved");
  EXPECT_EQ(published.figure().sources(0).ledger(), "share/delta/test");
  EXPECT_EQ(published.figure().sources(0).city_seq(), before);
  const auto* record =
      city.rows.find(kFigureRecordTable, figure_key("delta", published.publication()));
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->seq(), before + 1);
  EXPECT_EQ(recomputed_difference(published.figure(), city.shared()), "");
  auto nudged = published.figure();
  nudged.mutable_total()->set_met(nudged.total().met() + 1);
  EXPECT_NE(recomputed_difference(nudged, city.shared()), "");
}

// ---- what is too small

v1::PublishedFigure figure_with(uint64_t total, const std::vector<uint64_t>& cells) {
  v1::PublishedFigure figure;
  figure.mutable_total()->set_sample(total);
  for (const auto sample : cells) figure.add_cells()->set_sample(sample);
  return figure;
}

TEST(Suppression, ACellBelowTheSmallestLeavesTheTotalAlone) {
  auto whole = figure_with(10, {5, 5});
  ASSERT_TRUE(suppress(whole, 5));
  EXPECT_FALSE(whole.is_suppressed());
  EXPECT_EQ(whole.cells_size(), 2);
  auto small = figure_with(10, {6, 4});
  ASSERT_TRUE(suppress(small, 5));
  EXPECT_TRUE(small.is_suppressed());
  EXPECT_EQ(small.cells_size(), 0);
  EXPECT_EQ(small.total().sample(), 10U);
}

TEST(Suppression, WhatNoCellHoldsMustNotFollowFromTheRest) {
  auto derivable = figure_with(14, {5, 5});
  ASSERT_TRUE(suppress(derivable, 5));
  EXPECT_TRUE(derivable.is_suppressed());
  auto large = figure_with(15, {5, 5});
  ASSERT_TRUE(suppress(large, 5));
  EXPECT_FALSE(large.is_suppressed());
}

TEST(Suppression, ATotalBelowTheSmallestIsNotPublished) {
  auto small = figure_with(4, {});
  EXPECT_FALSE(suppress(small, 5));
  auto nothing = figure_with(0, {});
  EXPECT_FALSE(suppress(nothing, 0));
  auto enough = figure_with(5, {});
  EXPECT_TRUE(suppress(enough, 5));
}

TEST(Suppression, TheCitysPolicyCountsWhereTheAgreementNamesNone) {
  auto four = city_with(4, 0, on_verification(0));
  EXPECT_EQ(outcome(four.publish(first_week())), "too_few");
  auto nine = city_with(5, 4, on_verification(0));
  const auto decision = nine.publish(first_week("service"));
  ASSERT_TRUE(decision) << decision.error().detail;
  EXPECT_TRUE(published_in(decision).figure().is_suppressed());
  EXPECT_EQ(published_in(decision).figure().claim(), Standing::attested);
  EXPECT_EQ(published_in(decision).figure().smallest_cell(), 5U);
  auto ten = city_with(5, 5, on_verification(0));
  EXPECT_EQ(published_in(ten.publish(first_week("service"))).figure().cells_size(), 2);
}

// ---- what can be proved

TEST(FigureClaim, AFieldThatIsNotGrantedMakesItAttested) {
  const auto whole = on_verification();
  for (int grant = 0; grant < whole.grants_size(); ++grant) {
    auto terms = whole;
    terms.mutable_grants()->DeleteSubrange(grant, 1);
    auto city = city_with(3, 0, terms);
    EXPECT_EQ(city.publish(first_week())->state, "attested") << whole.grants(grant).event();
  }
}

TEST(FigureClaim, ACaseOlderThanTheAgreementThatCountsMakesItAttested) {
  PublishingCity city;
  city.report_case();
  city.now_us += kDay;
  city.bring_in_force(on_verification());
  city.report_case();
  city.advance_to(kStart + 9 * kDay);
  EXPECT_EQ(city.publish(first_week())->state, "attested");
  PublishingCity later;
  later.report_case();
  later.now_us += kDay;
  later.bring_in_force(on_verification());
  later.report_case();
  later.advance_to(kStart + 9 * kDay);
  const auto decision = later.publish(
      publishing("verification_rate@1", "city", "2025-01-07", "2025-01-12"));
  EXPECT_EQ(decision->state, "proved") << "none of the older ones counts in these days";
  EXPECT_EQ(recomputed_difference(published_in(decision).figure(), later.shared()), "");
}

TEST(FigureClaim, ABreakInTheAgreementMakesItAttested) {
  PublishingCity city;
  city.bring_in_force(on_verification());
  city.report_case();
  city.now_us += kDay;
  city.hear([](auto& event) { event.mutable_city_suspended()->set_city("test"); });
  city.report_case();
  city.hear([](auto& event) { event.mutable_city_reinstated()->set_city("test"); });
  city.now_us += kDay;
  city.report_case();
  city.advance_to(kStart + 7 * kDay);
  const auto decision = city.publish(first_week());
  EXPECT_EQ(decision->state, "attested");
  EXPECT_NE(recomputed_difference(published_in(decision).figure(), city.shared()), "");
}

TEST(FigureClaim, AGrantOfWhatThisCityHasNoEventOfTakesNothingFromTheOthers) {
  auto terms = on_verification();
  terms.add_grants()->set_event("NoSuchEvent");
  auto city = city_with(3, 0, terms);
  EXPECT_EQ(city.publish(first_week())->state, "proved");
}

TEST(FigureClaim, BehindTheTimeOfTheAgreementNothingIsProved) {
  auto terms = on_verification();
  terms.set_valid_until_time_us(kStart + 7 * kDay + 1);
  EXPECT_EQ(city_with(3, 0, terms).publish(first_week())->state, "proved");
  terms.set_valid_until_time_us(kStart + 7 * kDay);
  EXPECT_EQ(city_with(3, 0, terms).publish(first_week())->state, "attested");
}

TEST(FigureClaim, ACityThatNeverHeardOfItsAdmissionProvesNothing) {
  PublishingCity city;
  city.accept(joining("delta"), kAdmin);
  city.hear([](auto& event) { event.mutable_city_joined()->set_city("test"); });
  city.ratify(on_verification());
  city.hear([](auto& event) { event.mutable_agreement_took_effect()->set_version(1); });
  city.now_us += kSecond;
  city.report_case();
  city.advance_to(kStart + 7 * kDay);
  EXPECT_EQ(city.publish(first_week())->state, "attested");
}

void adopt_stars(PublishingCity& city, const std::string& stars) {
  v1::AdoptPolicy command;
  command.set_city("test");
  command.set_policy(std::string(kSatisfactionStars));
  command.mutable_value()->set_numerator(stars);
  command.mutable_value()->set_denominator("1");
  city.count();
  city.accept(command, kAdmin);
  city.now_us += kSecond;
}

// Of a case made between the agreement and the rating of it, with the stars changed at `when`.
std::string satisfaction_when(const std::string& when) {
  PublishingCity city;
  if (when == "before the agreement") adopt_stars(city, "2");
  if (when == "never adopted") city.rows.erase(kPolicyTable, std::string(kSatisfactionStars));
  city.bring_in_force(grants_of({{*find_metric("satisfaction"), Scope::kCity}}, 1));
  if (when == "before the case") adopt_stars(city, "2");
  const auto id = city.case_in(v1::State::closed);
  city.now_us += kSecond;
  if (when == "behind the case") adopt_stars(city, "2");
  auto rate = on<v1::RateCase>(id);
  rate.set_stars(3);
  city.accept(rate, kCitizen);
  city.advance_to(kStart + 7 * kDay);
  const auto decision = city.publish(
      publishing("satisfaction@1", "city", "2025-01-06", "2025-01-12"));
  EXPECT_EQ(outcome(decision), "MetricPublished") << when;
  if (!decision) return "";
  if (decision->state == "proved") {
    EXPECT_EQ(recomputed_difference(published_in(decision).figure(), city.shared()), "") << when;
  }
  return decision->state;
}

TEST(FigureClaim, ARatingIsProvedByStarsThatWereSeenBeforeItsCaseWasMade) {
  EXPECT_EQ(satisfaction_when("never"), "proved");
  EXPECT_EQ(satisfaction_when("never adopted"), "proved");
  EXPECT_EQ(satisfaction_when("before the agreement"), "attested");
  EXPECT_EQ(satisfaction_when("before the case"), "proved");
  EXPECT_EQ(satisfaction_when("behind the case"), "attested");
}

// Cases from before the agreement, none of which counts in the figure.
TEST(FigureClaim, MoreOlderCasesThanAreLookedAtLeaveItAttested) {
  for (const size_t older : {kOlderCasesMax - 1, kOlderCasesMax}) {
    auto city = city_with(3, 0);
    for (size_t i = 0; i < older; ++i) {
      const std::string key = std::string(8, '\0') + big_endian(i);  // in front of all others
      city.rows.put(kCaseFactsTable, key);
      city.rows.put(kCaseTable, key).add_history()->set_time_us(1);
    }
    EXPECT_EQ(city.publish(first_week())->state, older < kOlderCasesMax ? "proved" : "attested")
        << older;
  }
}

TEST(FigureClaim, ACalendarThatNobodyHasSeenIsShownWithTheFirstFigure) {
  PublishingCity city;
  city.adopt_offset(8 * 3'600);
  city.bring_in_force(on_verification());
  for (int i = 0; i < 3; ++i) city.report_case();
  city.advance_to(kStart + 7 * kDay);
  const auto first = city.publish(first_week());
  EXPECT_EQ(outcome(first), "CalendarAdopted + MetricPublished");
  EXPECT_EQ(first->state, "attested");
  city.now_us += kHour;
  city.report_case();
  city.advance_to(kStart + 14 * kDay);
  const auto second = city.publish(
      publishing("verification_rate@1", "city", "2025-01-13", "2025-01-19"));
  EXPECT_EQ(outcome(second), "MetricPublished");
  EXPECT_EQ(second->state, "proved");
  EXPECT_EQ(recomputed_difference(published_in(second).figure(), city.shared()), "");
}

// By days that nobody else can know it fell on 7 January; by any others on the 6th.
TEST(FigureClaim, ACaseMadeUnderAnUnseenCalendarIsLeftOutByWhoReckonsAnew) {
  PublishingCity city;
  city.adopt_offset(8 * 3'600);
  city.bring_in_force(on_verification());
  city.advance_to(kStart + 11 * kHour);
  city.report_case();
  city.now_us += kSecond;
  city.adopt_offset(-5 * 3'600);
  city.report_case();
  city.report_case();
  city.advance_to(kStart + 3 * kDay);
  const auto decision = city.publish(
      publishing("verification_rate@1", "city", "2025-01-06", "2025-01-06"));
  EXPECT_EQ(decision->state, "proved");
  EXPECT_EQ(published_in(decision).figure().total().sample(), 2U);
  EXPECT_EQ(recomputed_difference(published_in(decision).figure(), city.shared()), "");
}

// ---- whatever happens

void import_some(PublishingCity& city, int* imported) {
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    v1::ImportCase row;
    row.set_city("test");
    row.set_source_name("old-system");
    row.set_source_id(std::to_string(++*imported));
    row.set_source(v1::Source::hotline);
    row.set_service("rubbish");
    row.set_unit(any_unit());
    *row.mutable_place() = report().place();
    row.set_reported_time_us(city.now_us - *rc::gen::inRange<int64_t>(1, 5 * kDay));
    row.set_due_time_us(row.reported_time_us() + kDay);
    row.set_state(*rc::gen::element(v1::State::reported, v1::State::closed));
    if (row.state() == v1::State::closed) row.set_closed_time_us(city.now_us);
    (void)city.send(row, kAdmin);
  }
}

void change_terms(PublishingCity& city) {
  city.count();
  if (*rc::gen::inRange(0, 6) == 0) city.adopt_offset(*rc::gen::element(28'800, -18'000));
  if (*rc::gen::inRange(0, 6) != 0) return;
  v1::AdoptPolicy command;
  command.set_city("test");
  command.set_policy(std::string(kSatisfactionStars));
  command.mutable_value()->set_numerator(*rc::gen::element<std::string>("2", "5"));
  command.mutable_value()->set_denominator("1");
  (void)city.send(command, kAdmin);
  city.now_us += kSecond;
}

v1::PublishMetric arbitrary_publishing(const PublishingCity& city, const MetricInfo& metric,
                                       Scope scope) {
  const auto today = static_cast<int32_t>(city.now_us / kDay);
  int32_t from = static_cast<int32_t>(kStart / kDay) - 3;
  int32_t to = today - 2;
  if (*rc::gen::inRange(0, 3) == 0) {
    from = *rc::gen::inRange(from, to);
    to = *rc::gen::inRange(from, to + 1);
  }
  return publishing(std::string(metric.id) + "@1", scope_name(scope), day_text(from),
                    day_text(to));
}

RC_GTEST_PROP(Figures, WhatIsClaimedFollowsFromExactlyTheDeclaredFields, ()) {
  const auto& metric = metrics()[*rc::gen::inRange<size_t>(0, metrics().size())];
  const Scope scope = *rc::gen::elementOf(kScopes);
  const bool is_plain = *rc::gen::arbitrary<bool>();
  PublishingCity city;
  int imported = 0;
  if (!is_plain) {
    live(city, *rc::gen::inRange(0, 30));
    change_terms(city);
  }
  city.now_us += kSecond;
  city.bring_in_force(grants_of({{&metric, scope}}, 1));
  for (int i = 0; i < 4; ++i) {
    live(city, *rc::gen::inRange(0, 60));
    import_some(city, &imported);
    if (!is_plain) change_terms(city);
  }
  city.advance_to(city.now_us + *rc::gen::inRange<int64_t>(4 * kDay, 20 * kDay));
  const auto decision = city.publish(arbitrary_publishing(city, metric, scope));
  if (!decision) {
    RC_ASSERT(decision.error().code == Errc::kTooFew);
    return;
  }
  const auto& figure = published_in(decision).figure();
  RC_CLASSIFY(figure.claim() == Standing::proved);
  if (is_plain) RC_ASSERT(figure.claim() == Standing::proved);
  if (figure.claim() != Standing::proved) return;
  RC_LOG() << figure.ShortDebugString();
  RC_ASSERT(recomputed_difference(figure, city.shared()) == "");
}

}  // namespace
}  // namespace hansa
