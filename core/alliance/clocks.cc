#include "core/alliance/clocks.h"

#include "core/alliance/agreement.h"
#include "core/alliance/campaign.h"
#include "core/alliance/joint_action.h"

namespace hansa {
namespace {

v1::Timer timer_of(v1::Clock::Value clock, const std::string& subject, int64_t due_time_us) {
  v1::Timer timer;
  timer.set_subject(subject);
  timer.set_clock(clock);
  timer.set_due_time_us(due_time_us);
  return timer;
}

}  // namespace

void set_timer(Rows& rows, v1::Clock::Value clock, const std::string& subject, int64_t due_time_us,
               const EntryContext& entry) {
  if (due_time_us == 0) return;
  auto timer = timer_of(clock, subject, due_time_us);
  timer.set_set_by_seq(entry.seq);
  rows.put(kTimerTable, timer_key(timer)) = timer;
}

void drop_timer(Rows& rows, v1::Clock::Value clock, const std::string& subject,
                int64_t due_time_us) {
  if (due_time_us == 0) return;
  rows.erase(kTimerTable, timer_key(timer_of(clock, subject, due_time_us)));
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::TimerDue& command) {
  switch (command.clock()) {
    case v1::Clock::campaign_commitment: return decide_lapse(scope.view, command);
    case v1::Clock::joint_orphan: return decide_orphan(scope, command);
    case v1::Clock::agreement_expiry: return decide_expiry(scope.view, command);
    default: break;
  }
  return fail(Errc::kBadRequest,
              "an alliance has no clock " + v1::Clock::Value_Name(command.clock()));
}

}  // namespace hansa
