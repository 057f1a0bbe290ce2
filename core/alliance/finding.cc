#include "core/alliance/finding.h"

#include <algorithm>

#include "core/alliance/campaign.h"
#include "core/alliance/joint_action.h"

namespace hansa {
namespace {

using State = v1::FindingState;

Error unknown_finding(const std::string& finding) {
  return {Errc::kUnknownFinding, "the alliance has raised no finding " + finding, "/finding"};
}

const v1::FindingWord* find_word(const v1::Finding& finding, const std::string& city) {
  for (const auto& word : finding.words()) {
    if (word.city() == city) return &word;
  }
  return nullptr;
}

// The city may say this now: the finding is open and stands with it as `needed`.
Result<void> check_word(const Act& act, const std::string& id, State::Value needed) {
  HANSA_CHECK(check_member(act.member));
  const auto* finding = find_finding(act.view, id);
  if (finding == nullptr) return fail(unknown_finding(id));
  const auto* word = find_word(*finding, act.member.city());
  if (word == nullptr) {
    return fail(Errc::kUnknownFinding,
                "finding " + id + " does not concern " + act.member.city());
  }
  const auto state = finding->state() == State::settled ? State::settled : word->state();
  if (state == needed) return {};
  return fail(Errc::kWrongState, "finding " + id + " is " + finding_state_name(state) + " for " +
                                     act.member.city() + "; this needs one that is " +
                                     finding_state_name(needed));
}

Result<v1::Finding*> change_finding(Rows& rows, const std::string& id,
                                    const EntryContext& entry) {
  if (find_finding(rows, id) == nullptr) {
    return fail(Errc::kInternal, "an event on finding " + id + ", which was never raised");
  }
  auto& finding = rows.put(kFindingTable, finding_key(id));
  finding.set_changed_time_us(entry.time_us);
  return &finding;
}

Result<void> set_word(Rows& rows, const std::string& id, const std::string& city,
                      State::Value state, const std::string& explanation,
                      const EntryContext& entry) {
  HANSA_TRY(auto* finding, change_finding(rows, id, entry));
  for (auto& word : *finding->mutable_words()) {
    if (word.city() != city) continue;
    word.set_state(state);
    word.set_explanation(explanation);
  }
  finding->set_state(std::max(finding->state(), state));
  return {};
}

}  // namespace

std::string finding_id(Seq seq, uint32_t index_in_entry) {
  std::string id = "f" + std::to_string(seq);
  if (index_in_entry > 0) id += "-" + std::to_string(index_in_entry);
  return id;
}

const v1::Finding* find_finding(RowsView& view, const std::string& finding) {
  const auto* row = view.find(kFindingTable, finding_key(finding));
  return row != nullptr && row->raised().finding() == finding ? row : nullptr;
}

std::string finding_state_name(State::Value state) { return State::Value_Name(state); }

void settle(std::vector<v1::Event>& events, const v1::Finding& finding,
            const std::string& reason) {
  auto& settled = *events.emplace_back().mutable_finding_settled();
  settled.set_finding(finding.raised().finding());
  *settled.mutable_cities() = finding.raised().cities();
  settled.set_reason(reason);
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SettleFinding& command) {
  const auto* finding = find_finding(scope.view, command.finding());
  if (finding == nullptr) return fail(unknown_finding(command.finding()));
  if (finding->state() == State::settled) {
    return fail(Errc::kWrongState, "finding " + command.finding() + " is settled already: " +
                                       finding->reason());
  }
  Decision decision;
  decision.subject_id = command.finding();
  decision.state = finding_state_name(State::settled);
  settle(decision.events, *finding, command.reason());
  return decision;
}

Acted decide_act(const Act& act, const v1::FindingAcknowledged& acknowledged) {
  HANSA_CHECK(check_word(act, acknowledged.finding(), State::raised));
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_acknowledged_finding();
  recorded.set_city(act.member.city());
  recorded.set_finding(acknowledged.finding());
  return events;
}

Acted decide_act(const Act& act, const v1::FindingExplained& explained) {
  HANSA_CHECK(check_word(act, explained.finding(), State::acknowledged));
  if (explained.text().size() > kExplanationBytesMax) {
    return fail(Errc::kTextTooLong, "an explanation has at most " +
                                        std::to_string(kExplanationBytesMax) + " bytes");
  }
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_explained_finding();
  recorded.set_city(act.member.city());
  recorded.set_finding(explained.finding());
  recorded.set_text(explained.text());
  return events;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::FindingRaised& event, const EntryContext& entry) {
  if (!event.campaign().empty()) HANSA_CHECK(mark_finding(rows, event));
  auto& finding = rows.put(kFindingTable, finding_key(event.finding()));
  *finding.mutable_raised() = event;
  finding.set_state(State::raised);
  for (const auto& city : event.cities()) {
    auto& word = *finding.add_words();
    word.set_city(city);
    word.set_state(State::raised);
  }
  finding.set_raised_time_us(entry.time_us);
  finding.set_changed_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityAcknowledgedFinding& event,
                          const EntryContext& entry) {
  return set_word(rows, event.finding(), event.city(), State::acknowledged, "", entry);
}

Result<void> evolve_event(Rows& rows, const v1::CityExplainedFinding& event,
                          const EntryContext& entry) {
  return set_word(rows, event.finding(), event.city(), State::explained, event.text(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::FindingSettled& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* finding, change_finding(rows, event.finding(), entry));
  finding->set_state(State::settled);
  finding->set_reason(event.reason());
  if (finding->raised().campaign().empty()) return {};
  HANSA_TRY(auto* campaign, change_campaign(rows, finding->raised().campaign()));
  auto& numbers = *campaign->mutable_numbers();
  numbers.set_findings_open(numbers.findings_open() - 1);
  return {};
}

}  // namespace hansa
