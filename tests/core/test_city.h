// TestCity: a city in memory for tests of the rules, with a clock set by hand.
//
// Shape:   founded with district north, street river-street, communities old-mill and new-mill;
//          units sanitation, roads, inspection; services rubbish (5 working days) and flood (24
//          clock hours); all sources connected. send() decides and, if accepted, evolves; it checks
//          after every entry that Timer rows stand exactly while clocks run, and keeps the entries
//          in `landed`.
// Threads: one.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/base/hash.h"
#include "core/city/case.h"
#include "core/city/city_fold.h"

namespace hansa {

inline constexpr int64_t kSecond = 1'000'000;
inline constexpr int64_t kHour = 3'600 * kSecond;
inline constexpr int64_t kDay = 24 * kHour;
// Monday 2025-01-06 09:00 UTC.
inline constexpr int64_t kStart = 1'736'154'000 * kSecond;

inline Principal person(std::string subject, std::vector<v1::Role::Value> roles,
                        std::string unit = "", std::string person_id = "") {
  Principal principal;
  principal.issuer = "key";
  principal.subject = std::move(subject);
  principal.roles = std::move(roles);
  principal.cities = {"*"};
  principal.unit = std::move(unit);
  principal.person = std::move(person_id);
  return principal;
}

inline const std::string kAnn = "00000000000000000000000000000a11";
inline const std::string kBob = "00000000000000000000000000000b0b";

inline const Principal kCitizen = person("ann", {v1::Role::citizen}, "", kAnn);
inline const Principal kHotline = person("hotline", {v1::Role::hotline});
inline const Principal kVerifier = person("verifier", {v1::Role::verifier});
inline const Principal kDispatcher = person("dispatcher", {v1::Role::dispatcher});
inline const Principal kWorker = person("worker", {v1::Role::unit_worker}, "sanitation");
inline const Principal kChecker = person("checker", {v1::Role::checker}, "inspection");
inline const Principal kAdmin = person("admin", {v1::Role::city_admin});

template <typename Command>
Command on(const std::string& case_id) {
  Command command;
  command.set_city("test");
  command.set_case_(case_id);
  return command;
}

inline v1::ReportCase report(const std::string& service = "rubbish",
                             const std::string& community = "old-mill") {
  v1::ReportCase command;
  command.set_city("test");
  command.set_source(v1::Source::web);
  command.set_service(service);
  command.mutable_place()->set_district("north");
  command.mutable_place()->set_street("river-street");
  command.mutable_place()->set_community(community);
  return command;
}

class TestCity {
 public:
  TestCity() {
    v1::FoundCity found;
    found.set_city("test");
    accept(found, kAdmin);
    define_grid();
    for (const char* unit : {"sanitation", "roads", "inspection"}) {
      v1::DefineUnit command;
      command.set_unit(unit);
      accept(command, kAdmin);
    }
    for (const char* service : {"rubbish", "flood"}) {
      v1::DefineService command;
      command.set_service(service);
      command.set_urgent(service == std::string("flood"));
      accept(command, kAdmin);
    }
    for (int source = 1; source <= v1::Source::neighbouring_city; ++source) {
      v1::ConnectSource command;
      command.set_source(static_cast<v1::Source::Value>(source));
      accept(command, kAdmin);
    }
  }

  Result<Decision> decide_only(const google::protobuf::Message& command, const Principal& who) {
    const Hash actor = sha256(who.subject);
    const DecideContext context{who, *ActorId::from(actor.view().substr(0, 16)), now_us, seq + 1};
    return decide(rows, command, context);
  }

  // Decides and folds. A refusal or a decision without events leaves everything as it was.
  Result<Decision> send(const google::protobuf::Message& command, const Principal& who) {
    auto decision = decide_only(command, who);
    if (!decision || decision->events.empty()) return decision;
    EntryContext entry;
    entry.seq = ++seq;
    entry.time_us = now_us;
    entry.actor = *ActorId::from(sha256(who.subject).view().substr(0, 16));
    for (const auto& event : decision->events) {
      auto evolved = evolve(rows, event, entry);
      EXPECT_TRUE(evolved.has_value()) << evolved.error().detail;
    }
    check_timers();
    landed.push_back({entry, decision->events});
    return decision;
  }

  Decision accept(const google::protobuf::Message& command, const Principal& who) {
    auto decision = send(command, who);
    EXPECT_TRUE(decision.has_value())
        << command.GetDescriptor()->name() << ": "
        << (decision ? "" : decision.error().detail);
    return decision ? *decision : Decision{};
  }

  std::string report_case(const v1::ReportCase& command = report()) {
    return accept(command, kCitizen).subject_id;
  }

  // A new case, led on the straight way to `state`; for refuted, withdrawn, … to that end.
  std::string case_in(v1::State::Value state, const v1::ReportCase& command = report()) {
    const std::string id = report_case(command);
    lead_to(id, state);
    return id;
  }

  void lead_to(const std::string& id, v1::State::Value state);

  const v1::Case& row(const std::string& id) {
    const auto* found = find_case(rows, id);
    EXPECT_NE(found, nullptr) << id;
    return found == nullptr ? v1::Case::default_instance() : *found;
  }

  std::vector<v1::Timer> timers() {
    std::vector<v1::Timer> found;
    rows.scan(kTimerTable.id, "", "\xff", [&](std::string_view, const auto& timer) {
      found.push_back(static_cast<const v1::Timer&>(timer));
      return true;
    });
    return found;
  }

  // Moves the clock and fires every timer that comes due on the way, in order.
  void advance_to(int64_t time_us) {
    for (auto due = timers(); !due.empty() && due[0].due_time_us() <= time_us; due = timers()) {
      now_us = std::max(now_us, due[0].due_time_us());
      v1::TimerDue command;
      command.set_case_(due[0].case_());
      command.set_clock(due[0].clock());
      command.set_due_time_us(due[0].due_time_us());
      const auto fired = accept(command, person("timer", {}));
      ASSERT_FALSE(fired.events.empty()) << "a timer runs for nothing";
    }
    now_us = std::max(now_us, time_us);
  }

  void check_timers();

  struct Landed {
    EntryContext entry;
    std::vector<v1::Event> events;
  };

  MapRows rows;
  std::vector<Landed> landed;
  Seq seq = 0;
  int64_t now_us = kStart;

 private:
  void define_grid() {
    v1::DefineGridPart grid;
    grid.set_district("north");
    auto& street = *grid.add_streets();
    street.set_id("river-street");
    street.add_communities()->set_id("old-mill");
    street.add_communities()->set_id("new-mill");
    accept(grid, kAdmin);
  }
};

inline void TestCity::lead_to(const std::string& id, v1::State::Value state) {
  using State = v1::State;
  if (state == State::reported) return;
  if (state == State::refuted) {
    accept(on<v1::RefuteCase>(id), kVerifier);
    return;
  }
  if (state == State::withdrawn) {
    accept(on<v1::WithdrawCase>(id), kCitizen);
    return;
  }
  accept(on<v1::VerifyCase>(id), kVerifier);
  if (state == State::verified) return;
  accept(on<v1::FileCase>(id), kDispatcher);
  if (state == State::filed) return;
  auto assign = on<v1::AssignCase>(id);
  assign.set_lead_unit("sanitation");
  accept(assign, kDispatcher);
  if (state == State::assigned) return;
  if (state == State::disputed) {
    accept(on<v1::DisputeAssignment>(id), kWorker);
    return;
  }
  if (state == State::merged) {
    auto merge = on<v1::MergeCase>(id);
    merge.set_into_case(report_case());
    accept(merge, kDispatcher);
    return;
  }
  if (state == State::referred_out) {
    accept(on<v1::ReferCaseOut>(id), kDispatcher);
    return;
  }
  accept(on<v1::AcceptAssignment>(id), kWorker);
  if (state == State::accepted) return;
  accept(on<v1::StartRectification>(id), kWorker);
  if (state == State::rectifying) return;
  accept(on<v1::ReportRectification>(id), kWorker);
  if (state == State::rectified) return;
  auto check = on<v1::CheckCase>(id);
  check.set_passed(true);
  accept(check, kChecker);
}

inline void TestCity::check_timers() {
  std::set<std::tuple<std::string, int, int64_t>> expected;
  rows.scan(kCaseTable.id, "", "\xff", [&](std::string_view, const auto& message) {
    const auto& row = static_cast<const v1::Case&>(message);
    for (int clock = 1; clock <= v1::Clock::postponement; ++clock) {
      const int64_t due = running_due(row, static_cast<v1::Clock::Value>(clock));
      if (due != 0) expected.insert({row.case_(), clock, due});
    }
    return true;
  });
  std::set<std::tuple<std::string, int, int64_t>> standing;
  for (const auto& timer : timers()) {
    standing.insert({timer.case_(), timer.clock(), timer.due_time_us()});
  }
  EXPECT_EQ(standing, expected) << "timers stand exactly while their clocks run";
}

// The names of a decision's events, `CheckPassed + CaseClosed`; "nothing" without any.
inline std::string event_names(const Decision& decision) {
  std::string names;
  for (const auto& event : decision.events) {
    const auto* field = event.GetReflection()->GetOneofFieldDescriptor(
        event, v1::Event::descriptor()->oneof_decl(0));
    if (!names.empty()) names += " + ";
    names += field->message_type()->name();
  }
  return names.empty() ? "nothing" : names;
}

inline std::string outcome(const Result<Decision>& decision) {
  return decision ? event_names(*decision)
                  : std::string(error_info(decision.error().code).name);
}

}  // namespace hansa
