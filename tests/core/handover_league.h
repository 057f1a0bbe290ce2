// Three cities with an alliance and cases that go from one to another, for tests of handovers.
#pragma once

#include <string>
#include <vector>

#include "core/city/handover.h"
#include "tests/core/test_league.h"

namespace hansa {

using Handover = v1::HandoverState;
using State = v1::State;

inline const std::vector<std::string> kCities = {"shanghai", "suzhou", "wuxi"};

inline void set_up(TestLeague& league, const std::string& city) {
  v1::DefineGridPart grid;
  grid.set_district("north");
  auto& street = *grid.add_streets();
  street.set_id("river-street");
  street.add_communities()->set_id("old-mill");
  EXPECT_EQ(league.act(city, grid), "GridPartDefined");
  v1::DefineService service;
  service.set_service("rubbish");
  EXPECT_EQ(league.act(city, service), "ServiceDefined");
  v1::ConnectSource source;
  source.set_source(v1::Source::hotline);
  EXPECT_EQ(league.act(city, source), "SourceConnected");
}

inline TestLeague league_of_three() {
  TestLeague league(kCities);
  for (const auto& city : kCities) set_up(league, city);
  return league;
}

inline std::string report_in(TestLeague& league, const std::string& city) {
  auto command = report();
  command.set_source(v1::Source::hotline);
  EXPECT_EQ(league.act(city, command, kHotline), "CaseReported");
  return league.last->subject_id;
}

inline v1::OfferCase offer(const std::string& id, const std::string& to_city) {
  auto command = on<v1::OfferCase>(id);
  command.set_to_city(to_city);
  command.set_where("east bank, at the border stone");
  return command;
}

inline v1::TakeOffer take(const std::string& from_city, const std::string& handover) {
  v1::TakeOffer command;
  command.set_from_city(from_city);
  command.set_handover(handover);
  command.set_service("rubbish");
  *command.mutable_place() = report().place();
  return command;
}

inline v1::DeclineOffer decline(const std::string& from_city, const std::string& handover) {
  v1::DeclineOffer command;
  command.set_from_city(from_city);
  command.set_handover(handover);
  command.set_reason("it is on your side of the stone");
  return command;
}

// What the last decision offered a case as.
inline std::string newest_handover(const TestLeague& league) {
  return league.last ? league.last->events.at(0).case_offered().handover() : "none";
}

// A case of suzhou's, offered to wuxi; what was offered as what.
struct Offered {
  std::string id;
  std::string handover;
};

inline Offered offer_to_wuxi(TestLeague& league) {
  Offered offered;
  offered.id = report_in(league, "suzhou");
  EXPECT_EQ(league.act("suzhou", offer(offered.id, "wuxi"), kDispatcher), "CaseOffered");
  offered.handover = newest_handover(league);
  return offered;
}

inline const v1::Case& case_of(TestLeague& league, const std::string& city, const std::string& id) {
  const auto* row = find_case(league.cities.at(city).rows, id);
  EXPECT_NE(row, nullptr) << city << " " << id;
  return row == nullptr ? v1::Case::default_instance() : *row;
}

inline const v1::Handover& handover_in(TestLeague& league, const std::string& city,
                                const std::string& from_city, const std::string& handover) {
  const auto* row = league.cities.at(city).rows.find(
      kHandoverTable, handover_key("delta", from_city, handover));
  EXPECT_NE(row, nullptr) << city << " knows no " << handover;
  return row == nullptr ? v1::Handover::default_instance() : *row;
}

// What a city may say to the alliance.
inline v1::Event offered_as(const std::string& handover, const std::string& from_city,
                            const std::string& to_city) {
  v1::Event event;
  event.mutable_case_offered()->set_from_city(from_city);
  event.mutable_case_offered()->set_to_city(to_city);
  event.mutable_case_offered()->set_handover(handover);
  return event;
}

}  // namespace hansa
