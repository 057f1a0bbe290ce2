// Acts: what the cities themselves say to their alliance, as it comes by their share ledgers.
//
// Shape:   decide_shared() takes the acts of one entry of a member's share ledger, in order, each
//          on what the ones before have changed, and records what they mean here: CityJoined,
//          CityRatified, … A version takes effect with the ratification that makes half of the
//          cities that are admitted, unless a later one is or has been in force. What the rules do
//          not take has no effect and is recorded as ActDisregarded, with code and sentence: the
//          city's own ledger has it anyhow.
//          decide_act(act, event), one per word; those on campaigns, actions and findings stand
//          with what they are about (campaign.h, joint_action.h, finding.h), and so does what is
//          shared and kept (member_air.h).
//          decide_quarantine() records that an input cannot be read on; in an alliance it raises a
//          finding with it (ledger_finding.h), which decide_release() settles.
// Errors:  kUnknownMember for a city that was never admitted.
// Threads: pure.
// Source:  DESIGN §8; the table act × membership is core/alliance/README.md.
#pragma once

#include "core/alliance/alliance.h"
#include "hansa/v1/federation.pb.h"

namespace hansa {

// One act of one city; the rows are as the acts before it left them.
struct Act {
  RowsView& view;
  const v1::Member& member;
  const DecideContext& context;
  // When the city said it, by its own ledger.
  int64_t city_time_us = 0;
  // Raised before it in the same entry.
  uint32_t findings = 0;
};
// What it means here, or why it has no effect.
using Acted = Result<std::vector<v1::Event>>;

// At this moment or before.
bool has_been_in_force(v1::AgreementState::Value state);

Result<Decision> decide_shared(RowsView& view, const v1::TakeShared& command,
                               const DecideContext& context);
Decision decide_quarantine(RowsView& view, std::string_view ledger_kind,
                           const v1::QuarantineInput& command, const DecideContext& context);
// kWrongState where nothing is quarantined. The receipt is about `subject`.
Result<Decision> decide_release(RowsView& view, const std::string& input,
                                const std::string& subject, const std::string& reason);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReleaseInput& command);

Result<void> evolve_event(Rows& rows, const v1::CityJoined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityWithdrew& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityRatified& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityRevokedRatification& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::ActDisregarded& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::InputQuarantined& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::InputReleased& event, const EntryContext& entry);

}  // namespace hansa
