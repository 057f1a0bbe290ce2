#include "core/alliance/acts.h"

#include <algorithm>

#include "core/alliance/agreement.h"
#include "core/alliance/alliance_fold.h"
#include "core/alliance/campaign.h"
#include "core/alliance/figures.h"
#include "core/alliance/finding.h"
#include "core/alliance/handover.h"
#include "core/alliance/identity.h"
#include "core/alliance/joint_action.h"
#include "core/alliance/ledger_finding.h"
#include "core/alliance/member_air.h"
#include "core/base/assert.h"
#include "core/base/overlay_rows.h"

namespace hansa {
namespace {

using Membership = v1::Membership;
using AgreementState = v1::AgreementState;

constexpr int kRatifiedShownMax = 20;

Acted decide_act(const Act& act, const v1::AllianceJoined&) {
  const bool may = act.member.membership() != Membership::expelled;
  if (!may || act.member.joined_time_us() != 0) {
    return fail(Errc::kWrongState, act.member.city() + (may ? " has joined already"
                                                            : " is expelled; it must be readmitted "
                                                              "before it joins"));
  }
  std::vector<v1::Event> events;
  events.emplace_back().mutable_city_joined()->set_city(act.member.city());
  return events;
}

// Also one that was expelled may say that it goes: readmitting it must not bring it back unasked.
Acted decide_act(const Act& act, const v1::AllianceLeft&) {
  const bool is_expelled = act.member.membership() == Membership::expelled &&
                           act.member.joined_time_us() != 0;
  if (!is_expelled) HANSA_CHECK(check_member(act.member));
  // Who leaves answers no offer any more.
  auto events = returned_by_leaving(act.view, act.member.city());
  events.emplace_back().mutable_city_withdrew()->set_city(act.member.city());
  return events;
}

// By a later one, though it may have ended since: with it cities have forgotten what they ratified
// before.
bool is_passed_over(RowsView& view, uint32_t version) {
  bool passed_over = false;
  view.scan(TableId::kAgreement, big_endian(version), "\xff\xff\xff\xff\xff",
            [&](std::string_view, const auto& row) {
              const auto& other = static_cast<const v1::AgreementVersion&>(row);
              passed_over = other.version() > version && has_been_in_force(other.state());
              return !passed_over;
            });
  return passed_over;
}

// Half of the cities that are admitted and have not left, this one among them.
bool reaches_quorum(const Act& act, uint32_t version) {
  int members = 0;
  int ratified = 1;
  act.view.scan(TableId::kMember, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& member = static_cast<const v1::Member&>(row);
    if (member.membership() == Membership::expelled) return true;
    if (member.membership() == Membership::withdrawn) return true;
    ++members;
    const bool is_self = member.city() == act.member.city();
    if (!is_self && is_member(member) && has_ratified(member, version)) ++ratified;
    return true;
  });
  return 2 * ratified >= members;
}

Acted decide_act(const Act& act, const v1::AgreementRatified& ratified) {
  HANSA_CHECK(check_member(act.member));
  const bool passed_over = is_passed_over(act.view, ratified.version());
  const auto* row = act.view.find(kAgreementTable, big_endian(ratified.version()));
  const std::string which = "version " + std::to_string(ratified.version());
  if (row == nullptr) {
    return fail(Errc::kUnknownAgreement, "the alliance never proposed " + which);
  }
  if (row->sha256() != ratified.sha256() ||
      agreement_sha256(ratified.agreement()) != row->sha256()) {
    return fail(Errc::kAgreementDiffers, which + " has the SHA-256 " + row->sha256() +
                                             "; " + act.member.city() + " ratified other bytes");
  }
  const bool is_new = row->state() == AgreementState::proposed && !passed_over;
  const bool stands = row->state() == AgreementState::in_force ||
                      row->state() == AgreementState::suspended;
  if (!is_new && !stands) {
    return fail(Errc::kWrongState, which + " is " + AgreementState::Value_Name(row->state()) +
                                       " or stands behind a later one");
  }
  if (has_ratified(act.member, ratified.version())) {
    return fail(Errc::kWrongState, act.member.city() + " has ratified " + which + " already");
  }
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_ratified();
  recorded.set_city(act.member.city());
  recorded.set_version(ratified.version());
  if (is_new && reaches_quorum(act, ratified.version())) {
    events.emplace_back().mutable_agreement_took_effect()->set_version(ratified.version());
  }
  return events;
}

Acted decide_act(const Act& act, const v1::RatificationRevoked& revoked) {
  // Whoever ratified may take it back, however it stands by now.
  if (!has_ratified(act.member, revoked.version())) {
    return fail(Errc::kWrongState, act.member.city() + " has not ratified version " +
                                       std::to_string(revoked.version()));
  }
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_revoked_ratification();
  recorded.set_city(act.member.city());
  recorded.set_version(revoked.version());
  return events;
}

Acted decide_act(const Act& act, const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kAllianceJoined: return decide_act(act, event.alliance_joined());
    case v1::Event::kAllianceLeft: return decide_act(act, event.alliance_left());
    case v1::Event::kAgreementRatified: return decide_act(act, event.agreement_ratified());
    case v1::Event::kRatificationRevoked: return decide_act(act, event.ratification_revoked());
    case v1::Event::kCampaignCommitted: return decide_act(act, event.campaign_committed());
    case v1::Event::kCampaignDeclined: return decide_act(act, event.campaign_declined());
    case v1::Event::kCampaignActionRecorded:
      return decide_act(act, event.campaign_action_recorded());
    case v1::Event::kFindingAcknowledged: return decide_act(act, event.finding_acknowledged());
    case v1::Event::kFindingExplained: return decide_act(act, event.finding_explained());
    case v1::Event::kCaseOffered: return decide_act(act, event.case_offered());
    case v1::Event::kOfferTaken: return decide_act(act, event.offer_taken());
    case v1::Event::kOfferDeclined: return decide_act(act, event.offer_declined());
    case v1::Event::kTakenCaseMoved: return decide_act(act, event.taken_case_moved());
    case v1::Event::kAirQualityRecorded: return decide_act(act, event.air_quality_recorded());
    case v1::Event::kForkFound: return decide_act(act, event.fork_found());
    case v1::Event::kWitnessForgot: return decide_act(act, event.witness_forgot());
    case v1::Event::kPopulationRecorded: return decide_act(act, event.population_recorded());
    case v1::Event::kMetricPublished: return decide_act(act, event.metric_published());
    default: return std::vector<v1::Event>();  // what the city heard from us, and what is shared
  }
}

v1::Event disregarded(const std::string& city, const v1::SharedEvent& act, const Error& error) {
  v1::Event event;
  auto& row = *event.mutable_act_disregarded();
  row.set_city(city);
  row.set_city_seq(act.seq());
  const auto* field = act.event().GetReflection()->GetOneofFieldDescriptor(
      act.event(), v1::Event::descriptor()->oneof_decl(0));
  row.set_event(field == nullptr ? "" : field->message_type()->name());
  row.set_code(std::string(error_info(error.code).name));
  row.set_detail(error.detail);
  return event;
}

Result<v1::Member*> change(Rows& rows, const std::string& city, const EntryContext& entry) {
  if (rows.find(kMemberTable, city) == nullptr) {
    return fail(Errc::kInternal, "an event on " + city + ", which was never admitted");
  }
  auto& member = rows.put(kMemberTable, city);
  member.set_changed_time_us(entry.time_us);
  return &member;
}

}  // namespace

bool has_been_in_force(v1::AgreementState::Value state) {
  return state != AgreementState::proposed && state != AgreementState::dropped;
}

Result<Decision> decide_shared(RowsView& view, const v1::TakeShared& command,
                               const DecideContext& context) {
  Decision decision;
  decision.subject_id = command.city();
  decision.state = "heard";
  OverlayRows rows(view);
  const EntryContext entry{context.seq, context.time_us, {}};
  uint32_t findings = 0;
  for (const auto& shared : command.acts()) {
    const auto* member = rows.find(kMemberTable, command.city());
    if (member == nullptr) {
      return fail(Errc::kUnknownMember, "the alliance has admitted no city " + command.city());
    }
    const Act act{rows, *member, context, shared.time_us(), findings};
    auto acted = decide_act(act, shared.event());
    if (!acted) acted = std::vector{disregarded(command.city(), shared, acted.error())};
    for (auto& event : *acted) {
      const auto evolved = evolve_alliance(rows, event, entry);
      HANSA_ASSERT(evolved && *evolved, "an act makes events that the alliance can fold");
      findings += event.has_finding_raised() ? 1 : 0;
      decision.events.push_back(std::move(event));
    }
  }
  return decision;
}

Decision decide_quarantine(RowsView& view, std::string_view ledger_kind,
                           const v1::QuarantineInput& command, const DecideContext& context) {
  Decision decision;
  decision.subject_id = command.quarantined().input();
  decision.state = "quarantined";
  *decision.events.emplace_back().mutable_input_quarantined() = command.quarantined();
  if (ledger_kind == kAllianceKind) {
    raise_refused(view, command.quarantined(), context.seq, decision.events);
  }
  return decision;
}

Result<Decision> decide_release(RowsView& view, const std::string& input,
                                const std::string& subject, const std::string& reason) {
  const auto* row = view.find(kInputTable, input);
  if (row == nullptr || !row->has_quarantined()) {
    return fail(Errc::kWrongState, input + " is not quarantined; there is nothing to release");
  }
  Decision decision;
  decision.subject_id = subject;
  decision.state = "released";
  auto& released = *decision.events.emplace_back().mutable_input_released();
  released.set_input(input);
  released.set_reason(reason);
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReleaseInput& command) {
  const std::string input = share_ledger(command.alliance(), command.city()).text();
  HANSA_TRY(auto decision,
            decide_release(scope.view, input, command.city(), command.reason()));
  settle_refused(scope.view, input, command.reason(), decision.events);
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::CityJoined& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  // 0 says that it has not joined.
  member->set_joined_time_us(std::max<int64_t>(1, entry.time_us));
  if (member->membership() == Membership::withdrawn) member->set_membership(Membership::admitted);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityWithdrew& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  // Nobody gets rid of a suspension by leaving and coming back.
  if (member->membership() == Membership::admitted) member->set_membership(Membership::withdrawn);
  member->set_joined_time_us(0);
  member->clear_ratified();
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityRatified& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  auto& all = *member->mutable_ratified();
  if (all.size() >= kRatifiedShownMax) all.erase(all.begin());
  all.Add(event.version());
  std::sort(all.begin(), all.end());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityRevokedRatification& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  auto& all = *member->mutable_ratified();
  all.erase(std::remove(all.begin(), all.end(), event.version()), all.end());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::ActDisregarded& event, const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  member->set_acts_disregarded(member->acts_disregarded() + 1);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::InputQuarantined& event,
                          const EntryContext& entry) {
  auto& row = rows.put(kInputTable, event.input());
  *row.mutable_quarantined() = event;
  row.set_changed_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::InputReleased& event, const EntryContext& entry) {
  auto& row = rows.put(kInputTable, event.input());
  row.clear_quarantined();
  row.set_changed_time_us(entry.time_us);
  return {};
}

}  // namespace hansa
