// Steps for property tests: commands on cases of a TestCity that rapidcheck chooses.
//
// Shape:   arbitrary_step(): any command on case `id`; likely_step(): the command most likely to be
//          accepted next, so that sequences reach the far end of the loop. live(): many of both.
// Threads: one.
#pragma once

#include <rapidcheck.h>

#include "tests/core/test_city.h"

namespace hansa {

struct Step {
  std::unique_ptr<google::protobuf::Message> command;
  Principal by;
};

template <typename Command>
Step step(const std::string& id, const Principal& by,
          const std::function<void(Command&)>& fill = [](Command&) {}) {
  auto command = std::make_unique<Command>(on<Command>(id));
  fill(*command);
  return {std::move(command), by};
}

inline std::string any_unit() { return *rc::gen::element<std::string>("sanitation", "roads"); }

inline Step arbitrary_step(const std::string& id, const std::string& other, int64_t now_us) {
  const auto worker = person("worker", {v1::Role::unit_worker}, any_unit());
  const int64_t later_us = now_us + *rc::gen::inRange<int64_t>(-kDay, 30 * kDay);
  switch (*rc::gen::inRange(0, 20)) {
    case 0: return step<v1::VerifyCase>(id, kVerifier);
    case 1: return step<v1::RefuteCase>(id, kVerifier);
    case 2: return step<v1::FileCase>(id, kDispatcher);
    case 3:
      return step<v1::AssignCase>(id, kDispatcher,
                                  [](auto& c) { c.set_lead_unit(any_unit()); });
    case 4: return step<v1::DisputeAssignment>(id, worker);
    case 5:
      return step<v1::DetermineLead>(id, kDispatcher,
                                     [](auto& c) { c.set_lead_unit(any_unit()); });
    case 6:
      return step<v1::TransferCase>(id, kDispatcher, [](auto& c) { c.set_to_unit(any_unit()); });
    case 7: return step<v1::AcceptAssignment>(id, worker);
    case 8: return step<v1::StartRectification>(id, worker);
    case 9: return step<v1::ReportRectification>(id, worker);
    case 10:
      return step<v1::CheckCase>(id, kChecker, [](auto& c) {
        c.set_passed(*rc::gen::arbitrary<bool>());
        c.set_note("seen");
      });
    case 11: return step<v1::SendFeedback>(id, kHotline);
    case 12:
      return step<v1::RateCase>(id, kCitizen,
                                [](auto& c) { c.set_stars(*rc::gen::inRange(0, 7)); });
    case 13: return step<v1::ReopenCase>(id, kCitizen);
    case 14: return step<v1::WithdrawCase>(id, kCitizen);
    case 15: return step<v1::ReferCaseOut>(id, kDispatcher);
    case 16:
      return step<v1::MergeCase>(id, kDispatcher, [&](auto& c) { c.set_into_case(other); });
    case 17:
      return step<v1::PostponeCase>(id, kDispatcher,
                                    [&](auto& c) { c.set_until_time_us(later_us); });
    case 18:
      return step<v1::ExtendDeadline>(id, kDispatcher,
                                      [&](auto& c) { c.set_deadline_time_us(later_us); });
    default: return step<v1::RecordFirstResponse>(id, kHotline);
  }
}

// The command most likely to be accepted next, so that sequences reach the far end of the loop.
inline Step likely_step(const v1::Case& row, const std::string& other, int64_t now_us) {
  const std::string& id = row.case_();
  const auto worker = person("worker", {v1::Role::unit_worker}, row.lead_unit());
  switch (row.state()) {
    case v1::State::reported: return step<v1::VerifyCase>(id, kVerifier);
    case v1::State::verified: return step<v1::FileCase>(id, kDispatcher);
    case v1::State::filed:
      return step<v1::AssignCase>(id, kDispatcher,
                                  [](auto& c) { c.set_lead_unit(any_unit()); });
    case v1::State::assigned: return step<v1::AcceptAssignment>(id, worker);
    case v1::State::accepted: return step<v1::StartRectification>(id, worker);
    case v1::State::rectifying: return step<v1::ReportRectification>(id, worker);
    case v1::State::rectified:
      return step<v1::CheckCase>(id, kChecker, [](auto& c) { c.set_passed(true); });
    case v1::State::closed: return step<v1::ReopenCase>(id, kCitizen);
    default: return arbitrary_step(id, other, now_us);
  }
}

// So many steps on cases of its own, some days long.
inline void live(TestCity& city, int steps) {
  std::vector<std::string> ids;
  for (int i = 0; i < steps; ++i) {
    if (*rc::gen::inRange(0, 4) == 0) {
      city.advance_to(city.now_us + *rc::gen::inRange<int64_t>(0, 4 * kDay));
    }
    if (ids.size() < 2 || *rc::gen::inRange(0, 12) == 0) {
      auto command = report(*rc::gen::element<std::string>("rubbish", "flood"),
                            *rc::gen::element<std::string>("old-mill", "new-mill"));
      command.set_kind(*rc::gen::element(v1::Kind::problem, v1::Kind::complaint));
      if (*rc::gen::arbitrary<bool>()) {
        command.set_observed_time_us(city.now_us - *rc::gen::inRange<int64_t>(0, 3 * kDay));
      }
      ids.push_back(city.report_case(command));
      continue;
    }
    const auto& id = *rc::gen::elementOf(ids);
    const auto& other = *rc::gen::elementOf(ids);
    const bool likely = *rc::gen::inRange(0, 10) < 7;
    const Step next = likely ? likely_step(city.row(id), other, city.now_us)
                             : arbitrary_step(id, other, city.now_us);
    (void)city.send(*next.command, next.by);
  }
}

}  // namespace hansa
