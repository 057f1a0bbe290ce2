#include "core/rules.h"

#include "core/alliance/alliance_fold.h"
#include "core/base/ids.h"
#include "core/city/city_fold.h"

namespace hansa {

Result<Decision> decide_command(std::string_view ledger_kind, RowsView& view,
                                const google::protobuf::Message& command,
                                const DecideContext& context) {
  if (ledger_kind != kAllianceKind) return decide(view, command, context);
  HANSA_TRY(Decision decision, decide_alliance_command(view, command, context));
  HANSA_CHECK(check_events(decision.events));
  return decision;
}

Result<void> evolve_event_of_ledger(Rows& rows, const v1::Event& event,
                                    const EntryContext& entry) {
  if (auto evolved = evolve_alliance(rows, event, entry)) return *std::move(evolved);
  return evolve(rows, event, entry);
}

}  // namespace hansa
