#include "core/alliance/joint_action.h"

#include <algorithm>
#include <array>

#include "core/alliance/campaign.h"
#include "core/alliance/clocks.h"
#include "core/alliance/finding.h"
#include "core/base/day.h"

namespace hansa {
namespace {

using Campaign = v1::CampaignState;
using Joint = v1::JointState;
using Word = v1::CampaignWord;

std::array<std::string, 2> in_order(const std::string& city, const std::string& partner) {
  return {std::min(city, partner), std::max(city, partner)};
}

// What the clock of a joint action names, and back.
std::string joint_subject(const v1::JointAction& joint) {
  return joint.campaign() + "/" + joint.joint_id() + "/" + joint.cities(0) + "/" +
         joint.cities(1);
}

std::string key_of_subject(std::string_view subject) {
  std::array<std::string_view, 4> parts;
  for (auto& part : parts) {
    part = subject.substr(0, subject.find('/'));
    subject.remove_prefix(std::min(part.size() + 1, subject.size()));
  }
  return joint_key(parts[0], parts[1], parts[2], parts[3]);
}

bool agree(const v1::CampaignAction& a, const v1::CampaignAction& b) {
  return a.day() == b.day() && a.quantity() == b.quantity() && a.unit() == b.unit();
}

Result<void> check_text(const std::string& text, size_t bytes_max, const char* field) {
  if (!text.empty() && text.size() <= bytes_max) return {};
  const std::string pointer = std::string("/") + field;
  if (text.empty()) return fail(Errc::kBadRequest, std::string(field) + " must be given", pointer);
  return fail(Errc::kTextTooLong, std::string(field) + " has " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(bytes_max) +
                                      " are taken",
              pointer);
}

Result<void> check_slug(const std::string& text, const char* field) {
  if (is_slug(text)) return {};
  return fail(Errc::kBadRequest, std::string(field) + " must be 1 to 40 of a-z, 0-9 and '-'",
              std::string("/") + field);
}

Result<void> check_joint(const std::string& city, const v1::CampaignAction& action) {
  if (action.partner().empty() && action.joint_id().empty()) return {};
  if (action.partner().empty() || action.joint_id().empty()) {
    return fail(Errc::kBadRequest,
                "a joint action names its partner and the joint id that both record it under",
                action.partner().empty() ? "/partner" : "/joint_id");
  }
  HANSA_CHECK(check_slug(action.partner(), "partner"));
  HANSA_CHECK(check_slug(action.joint_id(), "joint_id"));
  if (action.partner() != city) return {};
  return fail(Errc::kBadRequest, "the partner of a joint action is another city", "/partner");
}

// What the city may record now: the campaign takes it and the city has not recorded it before.
Result<void> check_recording(const Act& act, const v1::CampaignActionRecorded& recorded) {
  HANSA_CHECK(check_member(act.member));
  const std::string& id = recorded.campaign();
  const std::string& city = act.member.city();
  const auto* campaign = find_campaign(act.view, id);
  if (campaign == nullptr) {
    return fail(Errc::kUnknownCampaign, "the alliance has proposed no campaign " + id);
  }
  if (campaign->state() != Campaign::launched) {
    return fail(Errc::kWrongState, "campaign " + id + " is " +
                                       campaign_state_name(campaign->state()) +
                                       "; actions are taken while it is launched");
  }
  const auto* side = act.view.find(kCampaignCityTable, campaign_city_key(id, city));
  if (side == nullptr || side->word() != Word::committed) {
    return fail(Errc::kWrongState, city + " has " + (side == nullptr ? "not committed itself to"
                                                                     : "declined") +
                                       " campaign " + id + "; its actions do not count for it");
  }
  HANSA_CHECK(check_action(city, recorded.recorded()));
  if (side->actions_size() >= kCampaignActionsMax) {
    return fail(Errc::kLimitReached, city + " has recorded " +
                                         std::to_string(kCampaignActionsMax) +
                                         " actions for campaign " + id);
  }
  for (const auto& action : side->actions()) {
    if (action.action() != recorded.recorded().action()) continue;
    return fail(Errc::kAlreadyExists, city + " has recorded the action " + action.action() +
                                          " for campaign " + id + " already");
  }
  return {};
}

v1::FindingRaised& raise(std::vector<v1::Event>& events, v1::FindingKind::Value kind,
                         const std::string& finding, const v1::JointAction& joint) {
  auto& raised = *events.emplace_back().mutable_finding_raised();
  raised.set_finding(finding);
  raised.set_kind(kind);
  *raised.mutable_cities() = joint.cities();
  raised.set_campaign(joint.campaign());
  raised.set_joint_id(joint.joint_id());
  *raised.mutable_accounts() = joint.accounts();
  return raised;
}

void add_account(v1::JointAction& joint, const std::string& city,
                 const v1::CampaignAction& recorded) {
  auto& account = *joint.add_accounts();
  account.set_city(city);
  *account.mutable_recorded() = recorded;
  std::sort(joint.mutable_accounts()->begin(), joint.mutable_accounts()->end(),
            [](const auto& a, const auto& b) { return a.city() < b.city(); });
}

// The second account has come: what the two say together.
void compare(const Act& act, v1::JointAction joint, std::vector<v1::Event>& events) {
  const bool matches = agree(joint.accounts(0).recorded(), joint.accounts(1).recorded());
  const std::string finding = finding_id(act.context.seq, act.findings);
  if (joint.state() == Joint::orphan) {
    const auto* orphan = find_finding(act.view, joint.finding());
    if (orphan != nullptr && orphan->state() != v1::FindingState::settled) {
      settle(events, *orphan,
             matches ? "the other side has recorded it too, and both agree"
                     : "the other side has recorded it too, and differs: " + finding);
    }
  }
  if (!matches) {
    raise(events, v1::FindingKind::differing, finding, joint);
    return;
  }
  auto& matched = *events.emplace_back().mutable_joint_action_matched();
  matched.set_campaign(joint.campaign());
  matched.set_joint_id(joint.joint_id());
  *matched.mutable_cities() = joint.cities();
}

Result<v1::JointAction*> change_joint(Rows& rows, const std::string& campaign,
                                      const std::string& joint_id, const auto& cities) {
  if (cities.size() == 2) {
    const std::string key = joint_key(campaign, joint_id, cities[0], cities[1]);
    if (rows.find(kJointActionTable, key) != nullptr) return &rows.put(kJointActionTable, key);
  }
  return fail(Errc::kInternal, "an event on the joint action " + joint_id + " of campaign " +
                                   campaign + ", which nobody has recorded");
}

void stop_waiting(Rows& rows, v1::JointAction& joint) {
  drop_timer(rows, v1::Clock::joint_orphan, joint_subject(joint), joint.pair_by_time_us());
  joint.set_pair_by_time_us(0);
}

Result<void> evolve_joint(Rows& rows, v1::CampaignNumbers& numbers,
                          const v1::CityActionRecorded& event, const EntryContext& entry) {
  const auto& action = event.recorded();
  auto& joint = rows.put(kJointActionTable, joint_key(event.campaign(), action.joint_id(),
                                                      event.city(), action.partner()));
  if (joint.accounts_size() > 1) {
    return fail(Errc::kInternal, "a third account of the joint action " + action.joint_id() +
                                     " of campaign " + event.campaign());
  }
  add_account(joint, event.city(), action);
  if (joint.accounts_size() == 2) {
    numbers.set_orphans(numbers.orphans() - 1);
    numbers.set_joint_actions(numbers.joint_actions() + 1);
    stop_waiting(rows, joint);
    return {};
  }
  numbers.set_orphans(numbers.orphans() + 1);
  joint.set_campaign(event.campaign());
  joint.set_joint_id(action.joint_id());
  for (const auto& city : in_order(event.city(), action.partner())) joint.add_cities(city);
  joint.set_state(Joint::waiting);
  joint.set_pair_by_time_us(event.pair_by_time_us());
  set_timer(rows, v1::Clock::joint_orphan, joint_subject(joint), event.pair_by_time_us(), entry);
  return {};
}

}  // namespace

std::string joint_key(std::string_view campaign, std::string_view joint_id, std::string_view city,
                      std::string_view partner) {
  std::string key = campaign_key(campaign);
  for (const auto part : {joint_id, std::min(city, partner), std::max(city, partner)}) {
    key.push_back('\0');
    key.append(part);
  }
  return key;
}

Result<void> check_action(const std::string& city, const v1::CampaignAction& action) {
  HANSA_CHECK(check_slug(action.action(), "action"));
  HANSA_CHECK(check_text(action.title(), kActionTitleBytesMax, "title"));
  HANSA_CHECK(parse_day(action.day(), "day"));
  HANSA_CHECK(check_joint(city, action));
  if (!action.unit().empty()) return check_slug(action.unit(), "unit");
  if (action.quantity() == 0) return {};
  return fail(Errc::kBadRequest, "a quantity needs its unit, `tonnes`", "/unit");
}

Acted decide_act(const Act& act, const v1::CampaignActionRecorded& recorded) {
  HANSA_CHECK(check_recording(act, recorded));
  const auto& action = recorded.recorded();
  const std::string& city = act.member.city();
  std::vector<v1::Event> events;
  v1::CityActionRecorded said;
  said.set_city(city);
  said.set_campaign(recorded.campaign());
  *said.mutable_recorded() = action;
  if (action.joint_id().empty()) {
    *events.emplace_back().mutable_city_action_recorded() = said;
    return events;
  }
  const auto* joint =
      act.view.find(kJointActionTable, joint_key(recorded.campaign(), action.joint_id(), city,
                                                 action.partner()));
  if (joint == nullptr) {
    said.set_pair_by_time_us(act.context.time_us + kOrphanUs);
    *events.emplace_back().mutable_city_action_recorded() = said;
    return events;
  }
  if (joint->accounts_size() > 1 || joint->accounts(0).city() == city) {
    return fail(Errc::kAlreadyExists, city + " has recorded its side of the joint action " +
                                          action.joint_id() + " with " + action.partner() +
                                          " already");
  }
  *events.emplace_back().mutable_city_action_recorded() = said;
  auto both = *joint;
  add_account(both, city, action);
  compare(act, std::move(both), events);
  return events;
}

Result<Decision> decide_orphan(const AllianceScope& scope, const v1::TimerDue& command) {
  const auto* joint = scope.view.find(kJointActionTable, key_of_subject(command.subject()));
  Decision decision;
  decision.subject_id = command.subject();
  decision.state = Joint::Value_Name(Joint::orphan);
  const bool runs = joint != nullptr && joint->state() == Joint::waiting &&
                    joint->pair_by_time_us() == command.due_time_us();
  if (!runs) return decision;
  raise(decision.events, v1::FindingKind::orphan, finding_id(scope.context.seq, 0), *joint);
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::CityActionRecorded& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* campaign, change_campaign(rows, event.campaign()));
  auto& numbers = *campaign->mutable_numbers();
  numbers.set_actions(numbers.actions() + 1);
  auto& side = rows.put(kCampaignCityTable, campaign_city_key(event.campaign(), event.city()));
  *side.add_actions() = event.recorded();
  side.set_changed_time_us(entry.time_us);
  if (event.recorded().joint_id().empty()) return {};
  return evolve_joint(rows, numbers, event, entry);
}

Result<void> evolve_event(Rows& rows, const v1::JointActionMatched& event, const EntryContext&) {
  HANSA_TRY(auto* joint, change_joint(rows, event.campaign(), event.joint_id(), event.cities()));
  joint->set_state(Joint::matched);
  return {};
}

Result<void> mark_finding(Rows& rows, const v1::FindingRaised& finding) {
  HANSA_TRY(auto* campaign, change_campaign(rows, finding.campaign()));
  HANSA_TRY(auto* joint,
            change_joint(rows, finding.campaign(), finding.joint_id(), finding.cities()));
  auto& numbers = *campaign->mutable_numbers();
  numbers.set_findings_open(numbers.findings_open() + 1);
  joint->set_finding(finding.finding());
  if (finding.kind() == v1::FindingKind::differing) {
    numbers.set_differing(numbers.differing() + 1);
    joint->set_state(Joint::differing);
    return {};
  }
  joint->set_state(Joint::orphan);
  stop_waiting(rows, *joint);
  return {};
}

}  // namespace hansa
