// Goal: every refusal has its stable code and a sentence a person can act on.
// Method: one request per rule, against a city where everything else about it is right.
#include <algorithm>
#include <cmath>

#include "core/base/ids.h"
#include "core/base/schema.h"
#include "core/city/access.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using State = v1::State;

// Refused with this code; the sentence names each of `words`.
void expect_refused(TestCity& city, const google::protobuf::Message& command, const Principal& who,
                    Errc code, const std::vector<std::string>& words = {},
                    const std::string& pointer = "") {
  const auto before = city.rows.dump();
  const auto decision = city.send(command, who);
  ASSERT_FALSE(decision.has_value()) << command.GetDescriptor()->name() << " was accepted";
  const Error& error = decision.error();
  EXPECT_EQ(error_info(error.code).name, error_info(code).name) << error.detail;
  EXPECT_GT(error.detail.size(), 20U) << "a sentence, not a word";
  EXPECT_GE(std::count(error.detail.begin(), error.detail.end(), ' '), 4) << error.detail;
  for (const auto& word : words) {
    EXPECT_NE(error.detail.find(word), std::string::npos) << word << " in: " << error.detail;
  }
  EXPECT_EQ(error.pointer, pointer) << error.detail;
  EXPECT_EQ(city.rows.dump(), before);
}

TEST(CaseDecide, RefusesEverythingBeforeTheFounding) {
  TestCity city;
  city.rows.erase(kCityTable, "");
  for (const auto& method : methods()) {
    if (!method.is_command || method.name == "FoundCity") continue;
    if (method.ledger_kind != kCityKind) continue;
    const auto* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input);
    const std::unique_ptr<google::protobuf::Message> command(prototype->New());
    EXPECT_EQ(outcome(city.decide_only(*command, kAdmin)), "unknown_city") << method.name;
  }
}

TEST(CaseDecide, RefusesRoleThatMayNotReportFromASource) {
  TestCity city;
  auto command = report();
  command.set_source(v1::Source::police);
  expect_refused(city, command, kCitizen, Errc::kForbidden, {"snap", "police"}, "/source");
  command.set_source(v1::Source::web);
  expect_refused(city, command, person("cam", {v1::Role::device}), Errc::kForbidden, {"camera"},
                 "/source");
  expect_refused(city, command, person("i", {v1::Role::inspector}), Errc::kForbidden, {},
                 "/source");
  command.set_source(v1::Source::camera);
  EXPECT_TRUE(city.send(command, person("cam", {v1::Role::device})).has_value());
  for (int source = 1; source <= v1::Source::neighbouring_city; ++source) {
    command.set_source(static_cast<v1::Source::Value>(source));
    EXPECT_TRUE(city.send(command, kHotline).has_value()) << source;
  }
}

TEST(CaseDecide, EachRoleReportsFromItsOwnSourcesAlone) {
  using Source = v1::Source;
  const std::map<v1::Role::Value, std::set<int>> allowed = {
      {v1::Role::citizen, {Source::snap, Source::web}},
      {v1::Role::inspector, {Source::inspector}},
      {v1::Role::device,
       {Source::camera, Source::environment, Source::iot, Source::transport}}};
  TestCity city;
  for (const auto& [role, sources] : allowed) {
    for (int source = 1; source <= Source::neighbouring_city; ++source) {
      auto command = report();
      command.set_source(static_cast<Source::Value>(source));
      EXPECT_EQ(outcome(city.send(command, person("p", {role}))),
                sources.contains(source) ? "CaseReported" : "forbidden")
          << role_name(role) << " from " << Source::Value_Name(command.source());
    }
  }
}

TEST(CaseDecide, RefusesSourceThatIsNotConnected) {
  TestCity city;
  v1::DisconnectSource disconnect;
  disconnect.set_source(v1::Source::web);
  city.accept(disconnect, kAdmin);
  expect_refused(city, report(), kCitizen, Errc::kUnknownSource, {"web", "connect"}, "/source");
  expect_refused(city, disconnect, kAdmin, Errc::kUnknownSource, {"web"}, "/source");
}

TEST(CaseDecide, RefusesUnknownServicePlaceAndUnit) {
  TestCity city;
  expect_refused(city, report("weather"), kCitizen, Errc::kUnknownService, {"weather"},
                 "/service");
  expect_refused(city, report("rubbish", "atlantis"), kCitizen, Errc::kUnknownPlace,
                 {"north/river-street/atlantis"}, "/place");
  const auto filed = city.case_in(State::filed);
  auto assign = on<v1::AssignCase>(filed);
  assign.set_lead_unit("navy");
  expect_refused(city, assign, kDispatcher, Errc::kUnknownUnit, {"navy"}, "/lead_unit");
  assign.set_lead_unit("roads");
  assign.add_cooperating_units("navy");
  expect_refused(city, assign, kDispatcher, Errc::kUnknownUnit, {"navy"}, "/cooperating_units/0");
  assign.set_cooperating_units(0, "roads");
  expect_refused(city, assign, kDispatcher, Errc::kBadRequest, {"roads"}, "/cooperating_units/0");
  assign.set_cooperating_units(0, "inspection");
  assign.add_cooperating_units("inspection");
  expect_refused(city, assign, kDispatcher, Errc::kBadRequest, {"inspection"},
                 "/cooperating_units/1");
  auto transfer = on<v1::TransferCase>(city.case_in(State::assigned));
  transfer.set_to_unit("navy");
  expect_refused(city, transfer, kDispatcher, Errc::kUnknownUnit, {"navy"}, "/to_unit");
  transfer.set_to_unit("sanitation");
  expect_refused(city, transfer, kDispatcher, Errc::kBadRequest, {"sanitation"}, "/to_unit");
}

TEST(CaseDecide, RefusesAPointThatIsNone) {
  TestCity city;
  auto command = report();
  command.mutable_place()->set_latitude(31.3);
  expect_refused(city, command, kCitizen, Errc::kBadPoint, {"longitude"}, "/place/longitude");
  command.mutable_place()->clear_latitude();
  command.mutable_place()->set_longitude(120.6);
  expect_refused(city, command, kCitizen, Errc::kBadPoint, {"latitude"}, "/place/latitude");
  for (const auto& [latitude, longitude] : std::vector<std::pair<double, double>>{
           {90.1, 0}, {0, 180.1}, {-91, 0}, {0, -180.1}, {NAN, 0}, {0, INFINITY}}) {
    command.mutable_place()->set_latitude(latitude);
    command.mutable_place()->set_longitude(longitude);
    expect_refused(city, command, kCitizen, Errc::kBadPoint, {"-90 to 90"}, "/place/latitude");
  }
  command.mutable_place()->set_latitude(-90);
  command.mutable_place()->set_longitude(180);
  EXPECT_TRUE(city.send(command, kCitizen).has_value());
}

TEST(CaseDecide, RefusesAPointOutsideTheBoundary) {
  TestCity city;
  auto& ring = *city.rows.put(kCityTable, "").add_boundary();
  for (const auto& [latitude, longitude] : {std::pair{31, 120}, {31, 121}, {32, 121}}) {
    auto& corner = *ring.add_points();
    corner.set_latitude_microdegrees(latitude * 1'000'000);
    corner.set_longitude_microdegrees(longitude * 1'000'000);
  }
  auto command = report();
  command.mutable_place()->set_latitude(31.9);
  command.mutable_place()->set_longitude(120.1);
  expect_refused(city, command, kCitizen, Errc::kUnknownPlace, {"boundary"}, "/place");
  command.mutable_place()->set_latitude(31.1);
  command.mutable_place()->set_longitude(120.9);
  const auto id = city.accept(command, kCitizen).subject_id;
  EXPECT_EQ(city.row(id).place().point().latitude_microdegrees(), 31'100'000);
}

TEST(CaseDecide, RefusesTimesThatRunBackwards) {
  TestCity city;
  auto command = report();
  command.set_observed_time_us(city.now_us + 1);
  expect_refused(city, command, kCitizen, Errc::kTimesBackwards, {"before"}, "/observed_time_us");
  command.set_observed_time_us(-1);
  expect_refused(city, command, kCitizen, Errc::kBadRequest, {}, "/observed_time_us");
  command.set_observed_time_us(INT64_MAX);
  expect_refused(city, command, kCitizen, Errc::kBadRequest, {"9999"}, "/observed_time_us");
  const auto filed = city.case_in(State::filed);
  auto postpone = on<v1::PostponeCase>(filed);
  postpone.set_until_time_us(city.now_us);
  expect_refused(city, postpone, kDispatcher, Errc::kTimesBackwards, {"future"},
                 "/until_time_us");
  postpone.set_until_time_us(city.now_us + 800 * kDay);
  expect_refused(city, postpone, kDispatcher, Errc::kLimitReached, {"731"}, "/until_time_us");
  auto extend = on<v1::ExtendDeadline>(filed);
  extend.set_deadline_time_us(city.row(filed).deadline_time_us());
  expect_refused(city, extend, kDispatcher, Errc::kTimesBackwards, {"after"},
                 "/deadline_time_us");
}

TEST(CaseDecide, RefusesWorkOnAnotherUnitsCaseAndOutsideTheGrid) {
  TestCity city;
  const auto assigned = city.case_in(State::assigned);
  const auto roads = person("r", {v1::Role::unit_worker}, "roads");
  expect_refused(city, on<v1::AcceptAssignment>(assigned), roads, Errc::kWrongUnit,
                 {"sanitation", "roads"});
  auto elsewhere = kVerifier;
  elsewhere.grid_prefix = "north/hill-street";
  expect_refused(city, on<v1::VerifyCase>(city.report_case()), elsewhere, Errc::kWrongGrid,
                 {"north/river-street/old-mill", "north/hill-street"});
}

TEST(CaseDecide, RefusesOwnWorkCheckedByOneselfOrTheSameUnit) {
  TestCity city;
  auto check = on<v1::CheckCase>(city.case_in(State::rectified));
  check.set_passed(true);
  auto same_person = kWorker;
  same_person.roles = {v1::Role::checker};
  same_person.unit = "inspection";
  expect_refused(city, check, same_person, Errc::kOwnWorkCheck, {"another person"});
  const auto same_unit = person("colleague", {v1::Role::checker}, "sanitation");
  expect_refused(city, check, same_unit, Errc::kOwnWorkCheck, {"sanitation", "another unit"});
  const auto without_unit = person("free", {v1::Role::checker});
  EXPECT_EQ(outcome(city.send(check, without_unit)), "CheckPassed + CaseClosed");
}

TEST(CaseDecide, RefusesAFailedCheckWithoutAReason) {
  TestCity city;
  expect_refused(city, on<v1::CheckCase>(city.case_in(State::rectified)), kChecker,
                 Errc::kBadRequest, {"note"}, "/note");
}

TEST(CaseDecide, RefusesCloseWithoutCheck) {
  TestCity city;
  auto check = on<v1::CheckCase>(city.case_in(State::rectifying));
  check.set_passed(true);
  expect_refused(city, check, kChecker, Errc::kWrongState, {"rectifying", "rectified"});
}

TEST(CaseDecide, RefusesReportingForAnotherAndForTheErased) {
  TestCity city;
  auto command = report();
  command.set_reporter(kBob);
  expect_refused(city, command, kCitizen, Errc::kNotReporter, {"hotline"}, "/reporter");
  expect_refused(city, command, person("anon", {v1::Role::citizen}), Errc::kNotReporter, {},
                 "/reporter");
  EXPECT_TRUE(city.send(command, kHotline).has_value());
  v1::ErasePerson erase;
  erase.set_person(kBob);
  EXPECT_EQ(city.accept(erase, kAdmin).unchanged, false);
  EXPECT_EQ(city.accept(erase, kAdmin).unchanged, true);
  expect_refused(city, command, kHotline, Errc::kPersonErased, {"erased"}, "/reporter");
}

TEST(CaseDecide, ACitizenIsTheirOwnReporterAndWhoeverElseTheyAreNamesOthers) {
  TestCity city;
  auto command = report();
  const auto reporter = [&](const Principal& who) {
    return city.row(city.accept(command, who).subject_id).reporter();
  };
  EXPECT_EQ(reporter(kCitizen), kAnn) << "named or not";
  command.set_reporter(kAnn);
  EXPECT_EQ(reporter(kCitizen), kAnn);
  command.set_reporter(kBob);
  for (const auto also : {v1::Role::hotline, v1::Role::inspector, v1::Role::device}) {
    auto both = kCitizen;
    both.roles.push_back(also);
    EXPECT_EQ(reporter(both), kBob) << role_name(also);
  }
  command.mutable_contact()->set_phone("sealed1:abc");
  EXPECT_EQ(reporter(person("anon", {v1::Role::citizen})), kBob) << "whom the door made";
  expect_refused(city, command, kCitizen, Errc::kNotReporter, {"hotline"}, "/reporter");
}

TEST(CaseDecide, RefusesToMoveADeadlineThatIsNoneOrPast) {
  TestCity city;
  v1::ImportCase imported;
  imported.set_city("test");
  imported.set_source_name("old-system");
  imported.set_source_id("17");
  imported.set_service("rubbish");
  imported.set_unit("sanitation");
  *imported.mutable_place() = report().place();
  imported.set_state(State::assigned);
  imported.set_reported_time_us(city.now_us - kDay);
  auto extend = on<v1::ExtendDeadline>(city.accept(imported, kAdmin).subject_id);
  extend.set_deadline_time_us(city.now_us + 90 * kDay);
  expect_refused(city, extend, kDispatcher, Errc::kWrongState, {"source named none"});
  const auto late = city.case_in(State::assigned);
  city.now_us = city.row(late).deadline_time_us();  // its timer has not fired yet
  extend.set_case_(late);
  expect_refused(city, extend, kDispatcher, Errc::kWrongState, {"has passed"});
  city.now_us -= 1;
  EXPECT_EQ(outcome(city.send(extend, kDispatcher)), "DeadlineExtended");
}

TEST(CaseDecide, RefusesATimerOfACaseThatIsNot) {
  TestCity city;
  v1::TimerDue due;
  due.set_case_("c999");
  due.set_clock(v1::Clock::handling);
  expect_refused(city, due, person("timer", {}), Errc::kUnknownCase, {"c999"});
}

TEST(CaseDecide, RefusesRatingsThatAreNotTheReportersOrNotTheFirst) {
  TestCity city;
  auto rate = on<v1::RateCase>(city.case_in(State::closed));
  expect_refused(city, rate, kCitizen, Errc::kBadRequest, {"1 to 5"}, "/stars");
  rate.set_stars(6);
  expect_refused(city, rate, kCitizen, Errc::kBadRequest, {"1 to 5"}, "/stars");
  rate.set_stars(5);
  const auto bob = person("bob", {v1::Role::citizen}, "", kBob);
  expect_refused(city, rate, bob, Errc::kNotReporter, {"reporter"});
  city.accept(rate, kCitizen);
  expect_refused(city, rate, kCitizen, Errc::kAlreadyRated, {"once"});
}

TEST(CaseDecide, RefusesPersonalTextInClear) {
  TestCity city;
  auto command = report();
  command.mutable_contact()->set_phone("+86 512 0000");
  expect_refused(city, command, kHotline, Errc::kInternal, {"phone", "sealed"});
  command.mutable_contact()->set_phone("sealed1:abc");
  EXPECT_TRUE(city.send(command, kHotline).has_value());
}

TEST(CaseDecide, RefusesAnEntryOverItsSize) {
  TestCity city;
  v1::DefineGridPart grid;
  grid.set_district("south");
  for (int i = 0; i < 390; ++i) {
    auto& street = *grid.add_streets();
    street.set_id("street-" + std::to_string(i));
    street.mutable_title()->set_en(std::string(150, 'x'));
  }
  expect_refused(city, grid, kAdmin, Errc::kTooLarge, {"49152", "split"});
}

TEST(CaseDecide, RefusesStepsBeyondTheHistoryLimitButTheWayOut) {
  TestCity city;
  const auto id = city.case_in(State::assigned);
  auto& row = city.rows.put(kCaseTable, case_key(id));
  while (row.history_size() < kHistoryItemsMax) row.add_history();
  expect_refused(city, on<v1::SendFeedback>(id), kHotline, Errc::kLimitReached, {"2000"});
  EXPECT_EQ(outcome(city.send(on<v1::WithdrawCase>(id), kCitizen)), "CaseWithdrawn");
}

TEST(CaseDecide, RefusesWhatIsNoCommand) {
  TestCity city;
  expect_refused(city, v1::Case(), kAdmin, Errc::kBadRequest, {"command"});
}

}  // namespace
}  // namespace hansa
