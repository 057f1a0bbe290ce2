#include "core/city/campaign_acts.h"

#include "core/alliance/joint_action.h"
#include "core/city/affiliation.h"

namespace hansa {
namespace {

using Heard = v1::AllianceHeard;
using Campaign = v1::CampaignState;
using Finding = v1::FindingState;
using Word = v1::CampaignWord;

Decision about(const std::string& subject, std::string state) {
  Decision decision;
  decision.subject_id = subject;
  decision.state = std::move(state);
  return decision;
}

template <typename Command>
Result<const v1::HeardCampaign*> find_campaign(const CityScope& scope, const Command& command) {
  HANSA_CHECK(find_joined(scope, command.alliance()));
  const auto* row = find_heard_campaign(scope.view, command.alliance(), command.campaign());
  if (row != nullptr) return row;
  return fail(Errc::kUnknownCampaign,
              "the city has heard of no campaign " + command.campaign() + " of the alliance " +
                  command.alliance(),
              "/campaign");
}

// The city has said no word on the campaign, and still may.
Result<void> check_silent(const CityScope& scope, const v1::HeardCampaign& row) {
  if (row.word() != Word::unspecified) {
    return fail(Errc::kWrongState, "the city has " + Word::Value_Name(row.word()) +
                                       " on campaign " + row.campaign() +
                                       " already; the first word binds");
  }
  if (row.state() != Campaign::proposed && row.state() != Campaign::launched) {
    return fail(Errc::kWrongState, "campaign " + row.campaign() + " is " +
                                       Campaign::Value_Name(row.state()) +
                                       "; no word on it is heard any more");
  }
  if (scope.context.time_us < row.commit_by_time_us()) return {};
  return fail(Errc::kWrongState,
              "the time to commit to campaign " + row.campaign() + " is over");
}

Result<void> check_recordable(const v1::HeardCampaign& row) {
  if (row.word() != Word::committed) {
    return fail(Errc::kWrongState,
                "the city has not committed itself to campaign " + row.campaign() +
                    "; its actions do not count for it");
  }
  if (row.state() == Campaign::launched) return {};
  return fail(Errc::kWrongState, "campaign " + row.campaign() + " is " +
                                     Campaign::Value_Name(row.state()) +
                                     "; actions are recorded while it is launched");
}

Result<void> check_new(const v1::HeardCampaign& row, const v1::CampaignAction& action) {
  if (row.actions_size() >= kCampaignActionsMax) {
    return fail(Errc::kLimitReached, "a city records at most " +
                                         std::to_string(kCampaignActionsMax) +
                                         " actions for one campaign");
  }
  for (const auto& other : row.actions()) {
    if (other.action() == action.action()) {
      return fail(Errc::kAlreadyExists,
                  "the city has recorded the action " + action.action() + " already", "/action");
    }
    const bool same_side = !action.joint_id().empty() &&
                           other.joint_id() == action.joint_id() &&
                           other.partner() == action.partner();
    if (same_side) {
      return fail(Errc::kAlreadyExists,
                  "the city has recorded its side of " + action.joint_id() + " with " +
                      action.partner() + " as the action " + other.action(),
                  "/joint_id");
    }
  }
  return {};
}

template <typename Command>
Result<void> check_finding(const CityScope& scope, const Command& command,
                           Finding::Value needed) {
  HANSA_CHECK(find_joined(scope, command.alliance()));
  const auto* row = find_heard_finding(scope.view, command.alliance(), command.finding());
  if (row == nullptr) {
    return fail(Errc::kUnknownFinding,
                "the city has heard of no finding " + command.finding() + " of the alliance " +
                    command.alliance() + " that concerns it",
                "/finding");
  }
  if (row->state() == needed) return {};
  return fail(Errc::kWrongState, "finding " + command.finding() + " is " +
                                     Finding::Value_Name(row->state()) +
                                     "; this needs one that is " + Finding::Value_Name(needed));
}

void hear_proposed(Rows& rows, const Heard& heard, const EntryContext& entry) {
  const auto& proposed = heard.campaign_proposed();
  const std::string key = heard_campaign_key(heard.alliance(), proposed.campaign());
  auto& row = rows.put(kHeardCampaignTable, key);
  row.set_alliance(heard.alliance());
  row.set_campaign(proposed.campaign());
  row.set_title(proposed.title());
  row.set_purpose(proposed.purpose());
  row.set_commit_by_time_us(proposed.commit_by_time_us());
  row.set_starts_time_us(proposed.starts_time_us());
  row.set_ends_time_us(proposed.ends_time_us());
  row.set_quorum(proposed.quorum());
  row.set_state(Campaign::proposed);
  row.set_heard_time_us(entry.time_us);
  row.set_changed_time_us(entry.time_us);
}

void hear_state(Rows& rows, const std::string& alliance, const std::string& campaign,
                Campaign::Value state, const EntryContext& entry) {
  if (find_heard_campaign(rows, alliance, campaign) == nullptr) return;
  auto& row = rows.put(kHeardCampaignTable, heard_campaign_key(alliance, campaign));
  row.set_state(state);
  row.set_changed_time_us(entry.time_us);
}

void hear_raised(Rows& rows, const Heard& heard, const EntryContext& entry) {
  const auto& raised = heard.finding_raised();
  auto& row = rows.put(kHeardFindingTable, heard_finding_key(heard.alliance(), raised.finding()));
  row.set_alliance(heard.alliance());
  *row.mutable_raised() = raised;
  row.set_state(Finding::raised);
  row.set_heard_time_us(entry.time_us);
  row.set_changed_time_us(entry.time_us);
}

void hear_settled(Rows& rows, const Heard& heard, const EntryContext& entry) {
  const auto& settled = heard.finding_settled();
  if (find_heard_finding(rows, heard.alliance(), settled.finding()) == nullptr) return;
  auto& row = rows.put(kHeardFindingTable, heard_finding_key(heard.alliance(), settled.finding()));
  row.set_state(Finding::settled);
  row.set_reason(settled.reason());
  row.set_changed_time_us(entry.time_us);
}

// The campaign of an own event, to be changed.
template <typename Event>
Result<v1::HeardCampaign*> change_campaign(Rows& rows, const Event& event,
                                           const EntryContext& entry) {
  if (find_heard_campaign(rows, event.alliance(), event.campaign()) == nullptr) {
    return fail(Errc::kInternal, "an event on campaign " + event.campaign() +
                                     ", which the city has not heard of");
  }
  auto& row =
      rows.put(kHeardCampaignTable, heard_campaign_key(event.alliance(), event.campaign()));
  row.set_changed_time_us(entry.time_us);
  return &row;
}

template <typename Event>
Result<void> set_word(Rows& rows, const Event& event, Word::Value word,
                      const std::string& statement, const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, event, entry));
  row->set_word(word);
  row->set_statement(statement);
  return {};
}

Result<void> add_action(Rows& rows, const v1::CampaignActionRecorded& event,
                        const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, event, entry));
  *row->add_actions() = event.recorded();
  return {};
}

template <typename Event>
Result<void> set_finding(Rows& rows, const Event& event, Finding::Value state,
                         const std::string& explanation, const EntryContext& entry) {
  if (find_heard_finding(rows, event.alliance(), event.finding()) == nullptr) {
    return fail(Errc::kInternal, "an event on finding " + event.finding() +
                                     ", which the city has not heard of");
  }
  auto& row = rows.put(kHeardFindingTable, heard_finding_key(event.alliance(), event.finding()));
  row.set_state(state);
  row.set_explanation(explanation);
  row.set_changed_time_us(entry.time_us);
  return {};
}

}  // namespace

std::string heard_campaign_key(std::string_view alliance, std::string_view campaign) {
  std::string key(alliance);
  key.push_back('\0');
  return key + campaign_key(campaign);
}

std::string heard_finding_key(std::string_view alliance, std::string_view finding) {
  std::string key(alliance);
  key.push_back('\0');
  return key + finding_key(finding);
}

const v1::HeardCampaign* find_heard_campaign(RowsView& view, const std::string& alliance,
                                             const std::string& campaign) {
  const auto* row = view.find(kHeardCampaignTable, heard_campaign_key(alliance, campaign));
  return row != nullptr && row->campaign() == campaign ? row : nullptr;
}

const v1::HeardFinding* find_heard_finding(RowsView& view, const std::string& alliance,
                                           const std::string& finding) {
  const auto* row = view.find(kHeardFindingTable, heard_finding_key(alliance, finding));
  return row != nullptr && row->raised().finding() == finding ? row : nullptr;
}

Result<Decision> decide_city(const CityScope& scope, const v1::CommitToCampaign& command) {
  HANSA_TRY(const auto* row, find_campaign(scope, command));
  HANSA_CHECK(check_silent(scope, *row));
  Decision decision = about(command.campaign(), Word::Value_Name(Word::committed));
  auto& committed = *decision.events.emplace_back().mutable_campaign_committed();
  committed.set_alliance(command.alliance());
  committed.set_campaign(command.campaign());
  committed.set_contribution(command.contribution());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DeclineCampaign& command) {
  HANSA_TRY(const auto* row, find_campaign(scope, command));
  HANSA_CHECK(check_silent(scope, *row));
  Decision decision = about(command.campaign(), Word::Value_Name(Word::declined));
  auto& declined = *decision.events.emplace_back().mutable_campaign_declined();
  declined.set_alliance(command.alliance());
  declined.set_campaign(command.campaign());
  declined.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RecordCampaignAction& command) {
  HANSA_TRY(const auto* row, find_campaign(scope, command));
  HANSA_CHECK(check_recordable(*row));
  Decision decision = about(command.action(), "recorded");
  auto& recorded = *decision.events.emplace_back().mutable_campaign_action_recorded();
  recorded.set_alliance(command.alliance());
  recorded.set_campaign(command.campaign());
  auto& action = *recorded.mutable_recorded();
  action.set_action(command.action());
  action.set_title(command.title());
  action.set_day(command.day());
  action.set_partner(command.partner());
  action.set_joint_id(command.joint_id());
  action.set_quantity(command.quantity());
  action.set_unit(command.unit());
  HANSA_CHECK(check_action(command.city(), action));
  HANSA_CHECK(check_new(*row, action));
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::AcknowledgeFinding& command) {
  HANSA_CHECK(check_finding(scope, command, Finding::raised));
  Decision decision = about(command.finding(), Finding::Value_Name(Finding::acknowledged));
  auto& acknowledged = *decision.events.emplace_back().mutable_finding_acknowledged();
  acknowledged.set_alliance(command.alliance());
  acknowledged.set_finding(command.finding());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ExplainFinding& command) {
  HANSA_CHECK(check_finding(scope, command, Finding::acknowledged));
  Decision decision = about(command.finding(), Finding::Value_Name(Finding::explained));
  auto& explained = *decision.events.emplace_back().mutable_finding_explained();
  explained.set_alliance(command.alliance());
  explained.set_finding(command.finding());
  explained.set_text(command.text());
  return decision;
}

// ---- evolve

std::optional<Result<void>> evolve_campaign_act(Rows& rows, const v1::Event& event,
                                                const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCampaignCommitted: {
      const auto& committed = event.campaign_committed();
      return set_word(rows, committed, Word::committed, committed.contribution(), entry);
    }
    case v1::Event::kCampaignDeclined: {
      const auto& declined = event.campaign_declined();
      return set_word(rows, declined, Word::declined, declined.reason(), entry);
    }
    case v1::Event::kCampaignActionRecorded:
      return add_action(rows, event.campaign_action_recorded(), entry);
    case v1::Event::kFindingAcknowledged:
      return set_finding(rows, event.finding_acknowledged(), Finding::acknowledged, "", entry);
    case v1::Event::kFindingExplained: {
      const auto& explained = event.finding_explained();
      return set_finding(rows, explained, Finding::explained, explained.text(), entry);
    }
    default: return std::nullopt;
  }
}

void evolve_heard_campaign(Rows& rows, const Heard& heard, const EntryContext& entry) {
  const auto set = [&](const std::string& campaign, Campaign::Value state) {
    hear_state(rows, heard.alliance(), campaign, state, entry);
  };
  switch (heard.change_case()) {
    case Heard::kCampaignProposed: return hear_proposed(rows, heard, entry);
    case Heard::kCampaignLaunched:
      return set(heard.campaign_launched().campaign(), Campaign::launched);
    case Heard::kCampaignLapsed: return set(heard.campaign_lapsed().campaign(), Campaign::lapsed);
    case Heard::kCampaignClosed: return set(heard.campaign_closed().campaign(), Campaign::closed);
    case Heard::kFindingRaised: return hear_raised(rows, heard, entry);
    case Heard::kFindingSettled: return hear_settled(rows, heard, entry);
    default: return;
  }
}

}  // namespace hansa
