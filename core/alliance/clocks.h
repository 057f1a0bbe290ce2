// Clocks of an alliance: what must happen when a time has come, and nothing happened before.
//
// Shape:   a Timer row stands exactly while its clock runs: campaign_commitment (subject: the
//          campaign) while it is proposed, joint_orphan (subject: `k1/joint-id/city/city`) while
//          one side of a joint action waits for the other, agreement_expiry (subject: the version)
//          while a version whose validity ends is in force. set_timer() and drop_timer() do nothing
//          for the time 0. decide_alliance(TimerDue) makes of a due one CampaignLapsed,
//          FindingRaised or AgreementExpired.
// Errors:  kBadRequest for a clock of a city. A clock that does not run gives no events, which
//          stops the ledger: whatever makes a clock moot must drop its timer.
// Threads: pure.
// Source:  DESIGN §5.
#pragma once

#include "core/alliance/alliance.h"

namespace hansa {

void set_timer(Rows& rows, v1::Clock::Value clock, const std::string& subject, int64_t due_time_us,
               const EntryContext& entry);
void drop_timer(Rows& rows, v1::Clock::Value clock, const std::string& subject,
                int64_t due_time_us);

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::TimerDue& command);

}  // namespace hansa
