// Campaign: what cities of the alliance set out to do together.
//
// Shape:   state: the rows Campaign (key: campaign_key()) and CampaignCity (key:
//          campaign_city_key()). The secretariat proposes it; each member says one word, which
//          binds: it commits or declines. The commitment that makes the quorum launches it in the
//          same entry; what was committed in time counts after that too. Without a quorum it lapses
//          when the time to commit runs out (clock campaign_commitment). Cities that committed
//          record actions while it is launched (core/alliance/joint_action.h). Closing writes down
//          the numbers, which the rows keep as they go.
//          A word counts by the time of the city's ledger in which it was said, so that a slow way
//          between the ledgers takes nobody's word away; only a campaign that has lapsed or was
//          closed meanwhile takes none.
// Errors:  kUnknownCampaign; kWrongState; kTimesBackwards for a campaign that ends before it begins
//          or whose time to commit is over; kBadRequest for a quorum that there are no cities for,
//          and for what is no SHA-256; kTextTooLong; kLimitReached.
// Threads: pure.
// Limits:  kCampaignsMax campaigns an alliance.
// Source:  DESIGN §8, SPEC §8 (quorum), DOMAIN §1.7; the tables are core/alliance/README.md.
#pragma once

#include "core/alliance/acts.h"
#include "core/alliance/alliance.h"

namespace hansa {

inline constexpr uint32_t kCampaignsMax = 10'000;
inline constexpr size_t kContributionBytesMax = 500;
inline constexpr size_t kReasonBytesMax = 2'000;

std::string campaign_city_key(std::string_view campaign, std::string_view city);
const v1::Campaign* find_campaign(RowsView& view, const std::string& campaign);
// "proposed", "launched", …
std::string campaign_state_name(v1::CampaignState::Value state);

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ProposeCampaign& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::CloseCampaign& command);
// Of the clock campaign_commitment; no events when it does not run any more.
Decision decide_lapse(RowsView& view, const v1::TimerDue& command);
Acted decide_act(const Act& act, const v1::CampaignCommitted& committed);
Acted decide_act(const Act& act, const v1::CampaignDeclined& declined);

// kInternal for a campaign that was never proposed.
Result<v1::Campaign*> change_campaign(Rows& rows, const std::string& campaign);
Result<void> evolve_event(Rows& rows, const v1::CampaignProposed& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityCommitted& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityDeclined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CampaignLaunched& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CampaignLapsed& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CampaignClosed& event, const EntryContext& entry);

}  // namespace hansa
