// Finding: two things that cannot both be true, and what becomes of it.
//
// Shape:   state: the row Finding (key: finding_key()). Raised by core/alliance/joint_action.h,
//          with the accounts it rests on, or by ledger_finding.h, with the evidence; those are of
//          no campaign and change no campaign's numbers. Each city it concerns acknowledges it and
//          then explains it, in its own ledger; the finding stands as far as the city that is
//          furthest. The secretariat settles it with a reason at any time, or the alliance itself,
//          when the missing account comes or what was wrong is over. finding_id(): `f<seq>`,
//          further ones of the same entry `f<seq>-<n>`.
// Errors:  kUnknownFinding, also for one that does not concern the city; kWrongState; kTextTooLong.
// Threads: pure.
// Source:  DESIGN §8; the tables are core/alliance/README.md.
#pragma once

#include "core/alliance/acts.h"
#include "core/alliance/alliance.h"

namespace hansa {

inline constexpr size_t kExplanationBytesMax = 2'000;

std::string finding_id(Seq seq, uint32_t index_in_entry);
const v1::Finding* find_finding(RowsView& view, const std::string& finding);
// "raised", "acknowledged", …
std::string finding_state_name(v1::FindingState::Value state);

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SettleFinding& command);
Acted decide_act(const Act& act, const v1::FindingAcknowledged& acknowledged);
Acted decide_act(const Act& act, const v1::FindingExplained& explained);
void settle(std::vector<v1::Event>& events, const v1::Finding& finding,
            const std::string& reason);

Result<void> evolve_event(Rows& rows, const v1::FindingRaised& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityAcknowledgedFinding& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityExplainedFinding& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::FindingSettled& event, const EntryContext& entry);

}  // namespace hansa
