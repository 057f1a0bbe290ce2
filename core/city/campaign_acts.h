// Campaign acts: what a city says to an alliance about its campaigns and findings.
//
// Shape:   state: the rows HeardCampaign (key: heard_campaign_key()) and HeardFinding (key:
//          heard_finding_key()): what the city heard, and beside it its own word and its own
//          actions. decide_city, one per command, decides on that alone: a city works while the
//          alliance cannot be reached. It commits or declines once, until the time to commit is
//          over, also after the campaign was launched; it records actions for a launched campaign
//          that it committed itself to; it acknowledges, then explains a finding that concerns it.
//          What the alliance makes of it is core/alliance/campaign.h, joint_action.h, finding.h.
//          The share ledger folds the same events into the same rows.
// Errors:  kUnknownAlliance for one the city has not joined; kUnknownCampaign, kUnknownFinding for
//          what it has not heard of; kWrongState; kAlreadyExists for an action of the same name, or
//          a second side of one joint action; kBadRequest, kTextTooLong, kLimitReached.
// Threads: pure.
// Limits:  as core/alliance/joint_action.h.
// Source:  DESIGN §8, law 6; the tables are core/alliance/README.md.
#pragma once

#include "core/city/city.h"

namespace hansa {

std::string heard_campaign_key(std::string_view alliance, std::string_view campaign);
std::string heard_finding_key(std::string_view alliance, std::string_view finding);
const v1::HeardCampaign* find_heard_campaign(RowsView& view, const std::string& alliance,
                                             const std::string& campaign);
const v1::HeardFinding* find_heard_finding(RowsView& view, const std::string& alliance,
                                           const std::string& finding);

Result<Decision> decide_city(const CityScope& scope, const v1::CommitToCampaign& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DeclineCampaign& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RecordCampaignAction& command);
Result<Decision> decide_city(const CityScope& scope, const v1::AcknowledgeFinding& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ExplainFinding& command);

// Of the city's own events above; nullopt for another.
std::optional<Result<void>> evolve_campaign_act(Rows& rows, const v1::Event& event,
                                                const EntryContext& entry);
void evolve_heard_campaign(Rows& rows, const v1::AllianceHeard& heard, const EntryContext& entry);

}  // namespace hansa
