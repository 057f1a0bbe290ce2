// Goal: whatever is sent in whatever order, the rules hold.
// Method: arbitrary sequences of commands and pauses over a few cases; after every step the
// invariants of core/city/README.md are looked at; the whole history refolded gives the same rows.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "tests/core/arbitrary_step.h"

namespace hansa {
namespace {

using google::protobuf::Message;
using State = v1::State;

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
  const std::string first = city.report_case();
  const std::string second = city.report_case();
  const auto start = city.rows.dump();
  const size_t known = city.landed.size();
  for (int i = *rc::gen::inRange(0, 60); i > 0; --i) {
    const Step next = likely_step(city.row(first), second, city.now_us);
    (void)city.send(*next.command, next.by);
  }
  TestCity again;
  again.report_case();
  again.report_case();
  RC_ASSERT(again.rows.dump() == start);
  for (size_t i = known; i < city.landed.size(); ++i) {
    const auto& [entry, events] = city.landed[i];
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
