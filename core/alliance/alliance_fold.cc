#include "core/alliance/alliance_fold.h"

#include <array>

#include "core/alliance/acts.h"
#include "core/alliance/agreement.h"
#include "core/alliance/alliance.h"
#include "core/alliance/campaign.h"
#include "core/alliance/clocks.h"
#include "core/alliance/figures.h"
#include "core/alliance/finding.h"
#include "core/alliance/handover.h"
#include "core/alliance/joint_action.h"
#include "core/alliance/ledger_finding.h"
#include "core/alliance/ledger_keys.h"
#include "core/alliance/member_air.h"

namespace hansa {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

struct Handler {
  const Descriptor* command;
  Result<Decision> (*decide)(RowsView& view, const Message& command,
                             const DecideContext& context);
};

template <typename Command>
Handler on_alliance() {
  return {Command::descriptor(),
          [](RowsView& view, const Message& command,
             const DecideContext& context) -> Result<Decision> {
            const auto* alliance = view.find(kAllianceTable, "");
            if (alliance == nullptr) {
              return fail(Errc::kUnknownAlliance,
                          "the alliance is not founded yet; found it first");
            }
            return decide_alliance(AllianceScope{view, context, *alliance},
                                   static_cast<const Command&>(command));
          }};
}

Handler on_founding() {
  return {v1::FoundAlliance::descriptor(),
          [](RowsView& view, const Message& command, const DecideContext&) {
            return decide_founding(view, static_cast<const v1::FoundAlliance&>(command));
          }};
}

Handler on_shared() {
  return {v1::TakeShared::descriptor(),
          [](RowsView& view, const Message& command, const DecideContext& context) {
            return decide_shared(view, static_cast<const v1::TakeShared&>(command), context);
          }};
}

const auto& handlers() {
  static const std::array kHandlers = {
      on_founding(),
      on_alliance<v1::AdmitCity>(),
      on_alliance<v1::SuspendCity>(),
      on_alliance<v1::ReinstateCity>(),
      on_alliance<v1::ExpelCity>(),
      on_alliance<v1::ReadmitCity>(),
      on_alliance<v1::ChangeCityKey>(),
      on_alliance<v1::RevokeCityKey>(),
      on_alliance<v1::ProposeAgreement>(),
      on_alliance<v1::DropAgreement>(),
      on_alliance<v1::SuspendAgreement>(),
      on_alliance<v1::ResumeAgreement>(),
      on_alliance<v1::RevokeAgreement>(),
      on_alliance<v1::RaiseAllianceSchemaLevel>(),
      on_alliance<v1::ReleaseInput>(),
      on_alliance<v1::ProposeCampaign>(),
      on_alliance<v1::CloseCampaign>(),
      on_alliance<v1::SettleFinding>(),
      on_alliance<v1::ReportForgotten>(),
      on_alliance<v1::ReportSilence>(),
      on_alliance<v1::PublishAllianceMetric>(),
      on_alliance<v1::JudgeFigure>(),
      on_alliance<v1::TimerDue>(),
      on_shared(),
  };
  return kHandlers;
}

// Result of evolving an event on campaigns; nullopt when it is another.
std::optional<Result<void>> evolve_campaigns(Rows& rows, const v1::Event& event,
                                             const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCampaignProposed: return evolve_event(rows, event.campaign_proposed(), entry);
    case v1::Event::kCityCommitted: return evolve_event(rows, event.city_committed(), entry);
    case v1::Event::kCityDeclined: return evolve_event(rows, event.city_declined(), entry);
    case v1::Event::kCampaignLaunched: return evolve_event(rows, event.campaign_launched(), entry);
    case v1::Event::kCampaignLapsed: return evolve_event(rows, event.campaign_lapsed(), entry);
    case v1::Event::kCampaignClosed: return evolve_event(rows, event.campaign_closed(), entry);
    case v1::Event::kCityActionRecorded:
      return evolve_event(rows, event.city_action_recorded(), entry);
    case v1::Event::kJointActionMatched:
      return evolve_event(rows, event.joint_action_matched(), entry);
    case v1::Event::kFindingRaised: return evolve_event(rows, event.finding_raised(), entry);
    case v1::Event::kCityAcknowledgedFinding:
      return evolve_event(rows, event.city_acknowledged_finding(), entry);
    case v1::Event::kCityExplainedFinding:
      return evolve_event(rows, event.city_explained_finding(), entry);
    case v1::Event::kFindingSettled: return evolve_event(rows, event.finding_settled(), entry);
    default: return std::nullopt;
  }
}

}  // namespace

Result<Decision> decide_alliance_command(RowsView& view, const Message& command,
                                         const DecideContext& context) {
  for (const auto& handler : handlers()) {
    if (handler.command == command.GetDescriptor()) return handler.decide(view, command, context);
  }
  return fail(Errc::kBadRequest,
              command.GetDescriptor()->name() + " is not a command of an alliance");
}

std::optional<Result<void>> evolve_alliance(Rows& rows, const v1::Event& event,
                                            const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kAllianceFounded: return evolve_event(rows, event.alliance_founded(), entry);
    case v1::Event::kCityAdmitted: return evolve_event(rows, event.city_admitted(), entry);
    case v1::Event::kCitySuspended: return evolve_event(rows, event.city_suspended(), entry);
    case v1::Event::kCityReinstated: return evolve_event(rows, event.city_reinstated(), entry);
    case v1::Event::kCityExpelled: return evolve_event(rows, event.city_expelled(), entry);
    case v1::Event::kCityReadmitted: return evolve_event(rows, event.city_readmitted(), entry);
    case v1::Event::kCityKeyChanged: return evolve_event(rows, event.city_key_changed(), entry);
    case v1::Event::kCityKeyRevoked: return evolve_event(rows, event.city_key_revoked(), entry);
    case v1::Event::kAgreementProposed:
      return evolve_event(rows, event.agreement_proposed(), entry);
    case v1::Event::kAgreementDropped: return evolve_event(rows, event.agreement_dropped(), entry);
    case v1::Event::kCityJoined: return evolve_event(rows, event.city_joined(), entry);
    case v1::Event::kCityWithdrew: return evolve_event(rows, event.city_withdrew(), entry);
    case v1::Event::kCityRatified: return evolve_event(rows, event.city_ratified(), entry);
    case v1::Event::kCityRevokedRatification:
      return evolve_event(rows, event.city_revoked_ratification(), entry);
    case v1::Event::kActDisregarded: return evolve_event(rows, event.act_disregarded(), entry);
    case v1::Event::kAgreementTookEffect:
      return evolve_event(rows, event.agreement_took_effect(), entry);
    case v1::Event::kAgreementSuspended:
      return evolve_event(rows, event.agreement_suspended(), entry);
    case v1::Event::kAgreementResumed: return evolve_event(rows, event.agreement_resumed(), entry);
    case v1::Event::kAgreementRevoked: return evolve_event(rows, event.agreement_revoked(), entry);
    case v1::Event::kAgreementExpired: return evolve_event(rows, event.agreement_expired(), entry);
    case v1::Event::kMemberAirRecorded:
      return evolve_event(rows, event.member_air_recorded(), entry);
    case v1::Event::kMemberPopulationRecorded:
      return evolve_event(rows, event.member_population_recorded(), entry);
    case v1::Event::kHandoverOffered: return evolve_event(rows, event.handover_offered(), entry);
    case v1::Event::kHandoverTaken: return evolve_event(rows, event.handover_taken(), entry);
    case v1::Event::kHandoverReturned: return evolve_event(rows, event.handover_returned(), entry);
    case v1::Event::kHandoverMoved: return evolve_event(rows, event.handover_moved(), entry);
    case v1::Event::kFigurePublished: return evolve_event(rows, event.figure_published(), entry);
    case v1::Event::kFigureJudged: return evolve_event(rows, event.figure_judged(), entry);
    default: return evolve_campaigns(rows, event, entry);
  }
}

}  // namespace hansa
