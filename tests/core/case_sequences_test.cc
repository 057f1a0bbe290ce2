// Goal: whatever is sent in whatever order, the rules hold.
// Method: arbitrary sequences of commands and pauses over a few cases; after every step the
// invariants of core/city/README.md are looked at; the whole history refolded gives the same rows.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "tests/core/test_city.h"

namespace hansa {
namespace {

using google::protobuf::Message;
using State = v1::State;

struct Step {
  std::unique_ptr<Message> command;
  Principal by;
};

template <typename Command>
Step step(const std::string& id, const Principal& by,
          const std::function<void(Command&)>& fill = [](Command&) {}) {
  auto command = std::make_unique<Command>(on<Command>(id));
  fill(*command);
  return {std::move(command), by};
}

std::string any_unit() { return *rc::gen::element<std::string>("sanitation", "roads"); }

Step arbitrary_step(const std::string& id, const std::string& other, int64_t now_us) {
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
Step likely_step(const v1::Case& row, const std::string& other, int64_t now_us) {
  const std::string& id = row.case_();
  const auto worker = person("worker", {v1::Role::unit_worker}, row.lead_unit());
  switch (row.state()) {
    case State::reported: return step<v1::VerifyCase>(id, kVerifier);
    case State::verified: return step<v1::FileCase>(id, kDispatcher);
    case State::filed:
      return step<v1::AssignCase>(id, kDispatcher,
                                  [](auto& c) { c.set_lead_unit(any_unit()); });
    case State::assigned: return step<v1::AcceptAssignment>(id, worker);
    case State::accepted: return step<v1::StartRectification>(id, worker);
    case State::rectifying: return step<v1::ReportRectification>(id, worker);
    case State::rectified:
      return step<v1::CheckCase>(id, kChecker, [](auto& c) { c.set_passed(true); });
    case State::closed: return step<v1::ReopenCase>(id, kCitizen);
    default: return arbitrary_step(id, other, now_us);
  }
}

std::map<std::string, v1::Case> all_cases(TestCity& city) {
  std::map<std::string, v1::Case> cases;
  city.rows.scan(kCaseTable.id, "", "\xff", [&](std::string_view, const Message& row) {
    const auto& found = static_cast<const v1::Case&>(row);
    cases[found.case_()] = found;
    return true;
  });
  return cases;
}

void check_invariants(const std::map<std::string, v1::Case>& cases) {
  for (const auto& [id, row] : cases) {
    for (const auto& child : row.merged_cases()) {
      RC_ASSERT(cases.at(child).merged_into() == id);
    }
    if (!row.merged_into().empty()) {
      const auto& parent = cases.at(row.merged_into());
      RC_ASSERT(parent.merged_into().empty());
      RC_ASSERT(row.state() == (is_open(parent.state()) ? State::merged : parent.state()));
    } else {
      RC_ASSERT(row.state() != State::merged);
    }
    RC_ASSERT((row.state() == State::closed) == (row.closed_time_us() != 0));
    RC_ASSERT(row.reopenings() <= 1U);
    RC_ASSERT(row.rated_closure() <= row.closures());
    RC_ASSERT(row.disputes_settled() <= row.disputes_raised());
    RC_ASSERT(!is_lead_state(row.state()) || !row.lead_unit().empty());
    RC_ASSERT(is_open(row.state()) || row.postponed_until_time_us() == 0);
  }
}

// What one entry may do to a state: a closed case is left by reopening only, other ends never.
void check_transitions(const std::map<std::string, v1::Case>& before,
                       const std::map<std::string, v1::Case>& after, const Decision& decision) {
  const std::string names = event_names(decision);
  for (const auto& [id, was] : before) {
    const auto& is = after.at(id);
    if (was.state() == is.state()) continue;
    RC_ASSERT(was.state() != State::refuted);
    RC_ASSERT(was.state() != State::withdrawn);
    RC_ASSERT(was.state() != State::referred_out);
    if (was.state() == State::closed) RC_ASSERT(names.starts_with("CaseReopened"));
    if (is.state() == State::closed) RC_ASSERT(names.starts_with("CheckPassed + CaseClosed"));
  }
}

RC_GTEST_PROP(CaseSequences, KeepEveryInvariantWhateverIsSent, ()) {
  TestCity city;
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(city.report_case());
  const int steps = *rc::gen::inRange(0, 120);
  for (int i = 0; i < steps; ++i) {
    if (*rc::gen::inRange(0, 6) == 0) {
      city.advance_to(city.now_us + *rc::gen::inRange<int64_t>(0, 4 * kDay));
    }
    const auto before = all_cases(city);
    const auto& id = *rc::gen::elementOf(ids);
    const auto& other = *rc::gen::elementOf(ids);
    const bool likely = *rc::gen::inRange(0, 10) < 6;
    const Step next = likely ? likely_step(before.at(id), other, city.now_us)
                             : arbitrary_step(id, other, city.now_us);
    const auto rows_before = city.rows.dump();
    const auto decision = city.send(*next.command, next.by);
    const auto after = all_cases(city);
    check_invariants(after);
    if (!decision) {
      RC_ASSERT(city.rows.dump() == rows_before);
      RC_ASSERT(decision.error().code != Errc::kInternal);
      RC_ASSERT(!decision.error().detail.empty());
    } else {
      check_transitions(before, after, *decision);
    }
  }
  // No timer runs for ever: far enough in the future all have fired.
  city.advance_to(city.now_us + 800 * kDay);
  RC_ASSERT(city.timers().empty());
}

RC_GTEST_PROP(CaseSequences, TheSameEventsGiveTheSameRows, ()) {
  TestCity city;
  struct Landed {
    EntryContext entry;
    std::vector<v1::Event> events;
  };
  std::vector<Landed> landed;
  const std::string first = city.report_case();
  const std::string second = city.report_case();
  const auto start = city.rows.dump();
  for (int i = *rc::gen::inRange(0, 60); i > 0; --i) {
    const Step next = likely_step(city.row(first), second, city.now_us);
    const auto decision = city.send(*next.command, next.by);
    if (!decision || decision->events.empty()) continue;
    EntryContext entry;
    entry.seq = city.seq;
    entry.time_us = city.now_us;
    entry.actor = *ActorId::from(sha256(next.by.subject).view().substr(0, 16));
    landed.push_back({entry, decision->events});
  }
  TestCity again;
  again.report_case();
  again.report_case();
  RC_ASSERT(again.rows.dump() == start);
  for (const auto& [entry, events] : landed) {
    for (const auto& event : events) RC_ASSERT(evolve(again.rows, event, entry).has_value());
  }
  RC_ASSERT(again.rows.dump() == city.rows.dump());
}

RC_GTEST_PROP(CaseSequences, ACommandSentTwiceIsAcceptedTwiceOnlyWhereThatMeansSomething, ()) {
  TestCity city;
  const auto state = static_cast<State::Value>(*rc::gen::inRange(1, 14));
  const auto id = city.case_in(state);
  const auto other = city.report_case();
  const Step next = arbitrary_step(id, other, city.now_us);
  if (!city.send(*next.command, next.by)) return;
  const auto again = city.send(*next.command, next.by);
  const std::string& name = next.command->GetDescriptor()->name();
  RC_ASSERT(!again || name == "SendFeedback");
}

}  // namespace
}  // namespace hansa
