// Joint action: what two cities did together, by the account of each.
//
// Shape:   state: the row JointAction (key: joint_key()), one for each campaign, joint id and pair
//          of cities. A city records an action for a campaign that is launched and that it has
//          committed itself to. One that names a partner and a joint id waits for the partner's
//          account of the same joint id that names it back: JointActionMatched when day, quantity
//          and unit are equal, else FindingRaised (differing) with both accounts. Alone for
//          kOrphanUs (clock joint_orphan): FindingRaised (orphan). The other account may still
//          come after that: it settles that finding, and matches or raises a differing one.
//          check_action() holds an action to its form, for a city's door and for the alliance,
//          which takes no city's word for that.
// Errors:  kUnknownCampaign; kWrongState for a city that has not committed, and for a campaign that
//          is not launched; kAlreadyExists for an action, or a side of a joint action, that is
//          recorded already; kBadRequest, kTextTooLong, kLimitReached.
// Units:   quantity counts whole `unit`s.
// Threads: pure.
// Limits:  kCampaignActionsMax actions a city and campaign.
// Source:  DESIGN §8, SPEC §8 (orphan), DOMAIN §1.7.
#pragma once

#include "core/alliance/acts.h"
#include "core/alliance/alliance.h"
#include "core/base/durations.h"

namespace hansa {

inline constexpr int kCampaignActionsMax = 200;
inline constexpr size_t kActionTitleBytesMax = 200;
// How long one side waits for the other, in ledger time: 14 days.
inline constexpr int64_t kOrphanUs = 14 * kDayUs;

// The same whichever of the two cities is named first.
std::string joint_key(std::string_view campaign, std::string_view joint_id, std::string_view city,
                      std::string_view partner);

Result<void> check_action(const std::string& city, const v1::CampaignAction& action);

Acted decide_act(const Act& act, const v1::CampaignActionRecorded& recorded);
// Of the clock joint_orphan; no events when it does not run any more.
Result<Decision> decide_orphan(const AllianceScope& scope, const v1::TimerDue& command);

Result<void> evolve_event(Rows& rows, const v1::CityActionRecorded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::JointActionMatched& event,
                          const EntryContext& entry);
// What a finding changes in the action it is about.
Result<void> mark_finding(Rows& rows, const v1::FindingRaised& finding);

}  // namespace hansa
