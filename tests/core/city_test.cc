// Goal: a city is founded once, defined repeatably, and nothing once defined vanishes.
// Method: each command twice, with the same and with other content.
#include "core/base/calendar.h"
#include "core/base/policy.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

TEST(CityDecide, IsFoundedOnceWithEveryPolicyAdoptedByEvent) {
  TestCity city;
  v1::FoundCity again;
  again.set_city("test");
  EXPECT_EQ(outcome(city.send(again, kAdmin)), "already_exists");
  for (const auto& info : policies()) {
    const auto* row = city.rows.find(kPolicyTable, info.name);
    ASSERT_NE(row, nullptr) << info.name;
    EXPECT_EQ(row->version(), 1U);
    EXPECT_EQ(*to_ratio(row->value()), Ratio(info.numerator, info.denominator));
    EXPECT_EQ(row->adopted_time_us(), kStart);
  }
}

TEST(CityDecide, RefusesBoundariesThatEncloseNothing) {
  MapRows rows;
  v1::FoundCity found;
  auto& ring = *found.add_boundary();
  const auto corner = [&](int latitude, int longitude) {
    ring.add_points()->set_latitude_microdegrees(latitude);
    ring.mutable_points(ring.points_size() - 1)->set_longitude_microdegrees(longitude);
  };
  const DecideContext context{kAdmin, {}, kStart, 1};
  corner(0, 0);
  corner(5, 5);
  EXPECT_EQ(outcome(decide(rows, found, context)), "bad_request");
  corner(90'000'001, 5);
  EXPECT_EQ(outcome(decide(rows, found, context)), "bad_point");
  ring.mutable_points()->RemoveLast();
  ring.mutable_points(1)->set_latitude_microdegrees(0);
  corner(0, 9);
  EXPECT_EQ(outcome(decide(rows, found, context)), "bad_request");
  ring.mutable_points(2)->set_longitude_microdegrees(180'000'001);
  EXPECT_EQ(outcome(decide(rows, found, context)), "bad_point") << "not on Earth to the east";
  ring.mutable_points(2)->set_longitude_microdegrees(5);
  ring.mutable_points(2)->set_latitude_microdegrees(7);
  ring.mutable_points(0)->set_longitude_microdegrees(5);
  EXPECT_EQ(outcome(decide(rows, found, context)), "bad_request") << "all on one meridian";
  corner(3, 9);
  EXPECT_TRUE(decide(rows, found, context).has_value());
}

TEST(CityDecide, KeepsItsTitleAndIsNeverFoundedBySecondEvent) {
  MapRows rows;
  v1::FoundCity found;
  found.set_city("test");
  found.mutable_title()->set_en("Testing-on-Sea");
  const auto decision = decide(rows, found, {kAdmin, {}, kStart, 1});
  ASSERT_TRUE(decision) << decision.error().detail;
  const EntryContext entry{1, kStart, {}};
  ASSERT_TRUE(evolve(rows, decision->events[0], entry));
  EXPECT_EQ(rows.find(kCityTable, "")->title().en(), "Testing-on-Sea");
  const auto before = rows.dump();
  const auto again = evolve(rows, decision->events[0], entry);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kInternal);
  EXPECT_EQ(rows.dump(), before);
}

// Sends a definition, the same again, and the changed one.
template <typename Command, typename Change>
void expect_repeatable(TestCity& city, Command command, const Change& change) {
  const std::string name = command.GetDescriptor()->name();
  city.accept(command, kAdmin);
  const auto before = city.rows.dump();
  const auto again = city.accept(command, kAdmin);
  EXPECT_TRUE(again.unchanged) << name;
  EXPECT_FALSE(again.subject_id.empty()) << name;
  EXPECT_EQ(city.rows.dump(), before) << name;
  change(command);
  const auto changed = city.accept(command, kAdmin);
  EXPECT_FALSE(changed.unchanged) << name;
  EXPECT_EQ(changed.events.size(), 1U) << name;
  EXPECT_NE(city.rows.dump(), before) << name;
}

TEST(CityDecide, DefinitionsAreRepeatable) {
  TestCity city;
  v1::DefineUnit unit;
  unit.set_unit("parks");
  expect_repeatable(city, unit, [](auto& c) { c.mutable_title()->set_en("Parks"); });
  v1::DefineService service;
  service.set_service("trees");
  expect_repeatable(city, service, [](auto& c) { c.mutable_sla()->set_handling_clock_s(60); });
  v1::AdoptCalendar calendar;
  calendar.set_city("test");
  *calendar.mutable_calendar() = default_calendar();
  expect_repeatable(city, calendar,
                    [](auto& c) { c.mutable_calendar()->set_time_zone("Etc/GMT"); });
  v1::AdoptPolicy policy;
  policy.set_policy(std::string(kReboundWindow));
  policy.mutable_value()->set_numerator("40");
  policy.mutable_value()->set_denominator("2");
  expect_repeatable(city, policy, [](auto& c) { c.mutable_value()->set_numerator("50"); });
  EXPECT_EQ(city.rows.find(kPolicyTable, kReboundWindow)->version(), 3U);
  EXPECT_EQ(city.rows.find(kPolicyTable, kReboundWindow)->value().numerator(), "25");
  v1::DefineGridPart grid;
  grid.set_district("south");
  grid.add_streets()->set_id("hill-street");
  expect_repeatable(city, grid, [](auto& c) {
    c.mutable_streets(0)->add_communities()->set_id("top");
  });
}

TEST(CityDecide, NoCommunityEverVanishesFromTheGrid) {
  TestCity city;
  const auto id = city.report_case();
  v1::DefineGridPart grid;
  grid.set_district("north");
  grid.mutable_title()->set_en("North");
  auto& street = *grid.add_streets();
  street.set_id("river-street");
  street.add_communities()->set_id("dock");
  city.accept(grid, kAdmin);
  for (const char* community : {"old-mill", "new-mill", "dock"}) {
    EXPECT_NE(city.rows.find(kGridCellTable, std::string("north/river-street/") + community),
              nullptr);
  }
  const auto* row = city.rows.find(kDistrictTable, "north");
  EXPECT_EQ(row->title().en(), "North");
  EXPECT_EQ(row->streets(0).communities_size(), 3);
  EXPECT_EQ(city.rows.find(kCityTable, "")->districts_size(), 1);
  EXPECT_EQ(outcome(city.send(on<v1::VerifyCase>(id), kVerifier)), "CaseVerified");
}

TEST(CityDecide, RefusesPartsNamedTwice) {
  TestCity city;
  v1::DefineGridPart grid;
  grid.set_district("south");
  grid.add_streets()->set_id("a");
  grid.add_streets()->set_id("a");
  const auto twice = city.send(grid, kAdmin);
  EXPECT_EQ(outcome(twice), "bad_request");
  EXPECT_EQ(twice.error().pointer, "/streets/1");
  grid.mutable_streets()->RemoveLast();
  grid.mutable_streets(0)->add_communities()->set_id("top");
  grid.mutable_streets(0)->add_communities()->set_id("top");
  const auto community = city.send(grid, kAdmin);
  ASSERT_EQ(outcome(community), "bad_request");
  EXPECT_EQ(community.error().pointer, "/streets/0/communities/1");
}

TEST(CityDecide, ACommunityNamedAgainIsTheSameWithItsNewTitle) {
  TestCity city;
  v1::DefineGridPart grid;
  grid.set_district("north");
  grid.add_streets()->set_id("river-street");
  auto& community = *grid.mutable_streets(0)->add_communities();
  community.set_id("old-mill");
  EXPECT_TRUE(city.accept(grid, kAdmin).unchanged);
  community.mutable_title()->set_en("Old Mill");
  EXPECT_EQ(event_names(city.accept(grid, kAdmin)), "GridPartDefined");
  const auto& street = city.rows.find(kDistrictTable, "north")->streets(0);
  ASSERT_EQ(street.communities_size(), 2);
  EXPECT_EQ(street.communities(0).title().en(), "Old Mill");
  const auto* cell = city.rows.find(kGridCellTable, "north/river-street/old-mill");
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(cell->title().en(), "Old Mill");
}

TEST(CityDecide, AGridGrowsToItsLimitsAndNoFurther) {
  TestCity city;
  v1::DefineGridPart streets;
  streets.set_district("north");
  for (int i = 0; i < 399; ++i) streets.add_streets()->set_id("street-" + std::to_string(i));
  EXPECT_EQ(outcome(city.send(streets, kAdmin)), "GridPartDefined") << "400 with river-street";
  streets.add_streets()->set_id("one-more");
  EXPECT_EQ(outcome(city.send(streets, kAdmin)), "limit_reached");
  v1::DefineGridPart communities;
  communities.set_district("north");
  auto& street = *communities.add_streets();
  street.set_id("river-street");
  for (int i = 0; i < 398; ++i) street.add_communities()->set_id("mill-" + std::to_string(i));
  EXPECT_EQ(outcome(city.send(communities, kAdmin)), "GridPartDefined") << "400 with the two";
  street.add_communities()->set_id("one-more");
  EXPECT_EQ(outcome(city.send(communities, kAdmin)), "limit_reached");
}

// What is there already may still be changed where nothing more fits.
TEST(CityDecide, ACityHasAtMostSoManyDistrictsUnitsAndServices) {
  TestCity city;
  auto& row = city.rows.put(kCityTable, "");
  while (row.districts_size() < 400) row.add_districts("d");
  while (row.units_size() < 1'000) row.add_units("u");
  while (row.services_size() < 1'000) row.add_services("s");
  v1::DefineGridPart grid;
  v1::DefineUnit unit;
  v1::DefineService service;
  grid.set_district("south");
  unit.set_unit("parks");
  service.set_service("trees");
  const auto outcomes = [&] {
    return outcome(city.send(grid, kAdmin)) + " " + outcome(city.send(unit, kAdmin)) + " " +
           outcome(city.send(service, kAdmin));
  };
  EXPECT_EQ(outcomes(), "limit_reached limit_reached limit_reached");
  grid.set_district("north");
  grid.mutable_title()->set_en("North");
  unit.set_unit("roads");
  unit.mutable_title()->set_en("Roads");
  service.set_service("rubbish");
  service.mutable_title()->set_en("Rubbish");
  EXPECT_EQ(outcomes(), "GridPartDefined UnitDefined ServiceDefined");
}

TEST(CityDecide, AServiceThatBecomesUrgentKeepsTheVersionOfItsTimes) {
  TestCity city;
  v1::DefineService service;
  service.set_service("rubbish");
  *service.mutable_sla() = city.rows.find(kServiceTable, "rubbish")->sla();
  EXPECT_TRUE(city.accept(service, kAdmin).unchanged);
  service.set_urgent(true);
  EXPECT_EQ(event_names(city.accept(service, kAdmin)), "ServiceDefined");
  EXPECT_TRUE(city.rows.find(kServiceTable, "rubbish")->urgent());
  EXPECT_EQ(city.rows.find(kServiceTable, "rubbish")->sla_version(), 1U);
}

// A city that was founded by an older binary has not adopted what came later.
TEST(CityDecide, APolicyThatTheFoundingDidNotKnowBeginsWithVersionOne) {
  TestCity city;
  city.rows.erase(kPolicyTable, std::string(kReboundWindow));
  v1::AdoptPolicy policy;
  policy.set_policy(std::string(kReboundWindow));
  policy.mutable_value()->set_numerator("20");
  policy.mutable_value()->set_denominator("1");
  EXPECT_EQ(event_names(city.accept(policy, kAdmin)), "PolicyAdopted");
  EXPECT_EQ(city.rows.find(kPolicyTable, kReboundWindow)->version(), 1U);
}

TEST(CityEvolve, TakesWhatItsWitnessRecords) {
  TestCity city;
  v1::Event event;
  event.mutable_fork_found()->set_alliance("delta");
  event.mutable_fork_found()->set_ledger("alliance/delta");
  ASSERT_TRUE(evolve(city.rows, event, {99, kStart, {}}));
  const auto* row = city.rows.find(kWitnessedTable, "alliance/delta");
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(row->is_forked());
}

TEST(CityDecide, RefusesServicesWithNoneOrTwoHandlingTimes) {
  TestCity city;
  v1::DefineService service;
  service.set_service("trees");
  service.mutable_sla();
  EXPECT_EQ(outcome(city.send(service, kAdmin)), "bad_request");
  service.mutable_sla()->set_handling_clock_s(60);
  service.mutable_sla()->set_handling_working_s(60);
  EXPECT_EQ(outcome(city.send(service, kAdmin)), "bad_request");
  service.mutable_sla()->set_handling_working_s(0);
  service.mutable_sla()->set_first_response_clock_s(-1);
  EXPECT_EQ(outcome(city.send(service, kAdmin)), "bad_request");
  service.mutable_sla()->set_first_response_clock_s(366 * 86'400 + 1);
  EXPECT_EQ(outcome(city.send(service, kAdmin)), "bad_request");
  service.mutable_sla()->set_first_response_clock_s(0);
  EXPECT_EQ(outcome(city.send(service, kAdmin)), "ServiceDefined");
}

TEST(CityDecide, ServicesWithoutTimesGetThePolicysAndCountTheirVersions) {
  TestCity city;
  EXPECT_EQ(city.rows.find(kServiceTable, "rubbish")->sla().handling_working_s(), 40 * 3600);
  EXPECT_EQ(city.rows.find(kServiceTable, "flood")->sla().handling_clock_s(), 24 * 3600);
  v1::DefineService service;
  service.set_service("rubbish");
  service.mutable_title()->set_en("Rubbish");
  city.accept(service, kAdmin);
  EXPECT_EQ(city.rows.find(kServiceTable, "rubbish")->sla_version(), 1U) << "same times";
  service.mutable_sla()->set_handling_working_s(3600);
  city.accept(service, kAdmin);
  EXPECT_EQ(city.rows.find(kServiceTable, "rubbish")->sla_version(), 2U);
}

TEST(CityDecide, RefusesCalendarsAndPoliciesThatAreNone) {
  TestCity city;
  v1::AdoptCalendar calendar;
  calendar.mutable_calendar()->add_hours()->set_weekday(9);
  const auto refused = city.send(calendar, kAdmin);
  EXPECT_EQ(outcome(refused), "bad_request");
  EXPECT_EQ(refused.error().pointer, "/calendar/hours/0/weekday");
  v1::AdoptPolicy policy;
  policy.set_policy("no_such_policy");
  EXPECT_EQ(outcome(city.send(policy, kAdmin)), "unknown_policy");
}

TEST(CityDecide, ConnectsAndDisconnectsSources) {
  TestCity city;
  v1::DisconnectSource disconnect;
  disconnect.set_source(v1::Source::web);
  city.accept(disconnect, kAdmin);
  EXPECT_EQ(city.rows.find(kCityTable, "")->sources_size(), 11);
  v1::ConnectSource connect;
  connect.set_source(v1::Source::web);
  EXPECT_FALSE(city.accept(connect, kAdmin).unchanged);
  EXPECT_TRUE(city.accept(connect, kAdmin).unchanged);
}

}  // namespace
}  // namespace hansa
