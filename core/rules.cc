#include "core/rules.h"

#include "core/alliance/acts.h"
#include "core/alliance/alliance_fold.h"
#include "core/alliance/confirming.h"
#include "core/alliance/share.h"
#include "core/base/ids.h"
#include "core/city/city_fold.h"
#include "core/evidence/tree_rows.h"
#include "core/ledger/schema_level.h"

namespace hansa {

namespace {

// What every kind of ledger can hold.
std::optional<Result<void>> evolve_any(Rows& rows, const v1::Event& event,
                                       const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCheckpointSigned:
      evolve_checkpoint(rows, event.checkpoint_signed());
      return Result<void>();
    case v1::Event::kCheckpointConfirmed:
      evolve_confirmed(rows, event.checkpoint_confirmed());
      evolve_members_confirmed(rows);
      return Result<void>();
    case v1::Event::kSchemaLevelRaised:
      return evolve_event(rows, event.schema_level_raised(), entry);
    case v1::Event::kInputQuarantined: return evolve_event(rows, event.input_quarantined(), entry);
    case v1::Event::kInputReleased: return evolve_event(rows, event.input_released(), entry);
    case v1::Event::kEntriesShared: return evolve_event(rows, event.entries_shared(), entry);
    case v1::Event::kShareEnded: return evolve_event(rows, event.share_ended(), entry);
    default: return std::nullopt;
  }
}

}  // namespace

Result<Decision> decide_command(std::string_view ledger_kind, RowsView& view,
                                const google::protobuf::Message& command,
                                const DecideContext& context) {
  if (command.GetDescriptor() == v1::QuarantineInput::descriptor()) {
    return decide_quarantine(view, ledger_kind, static_cast<const v1::QuarantineInput&>(command),
                             context);
  }
  if (command.GetDescriptor() == v1::ConfirmCheckpoint::descriptor()) {
    const auto& confirm = static_cast<const v1::ConfirmCheckpoint&>(command);
    HANSA_CHECK(check_members_stand(view, confirm));
    return decide_confirm(view, confirm);
  }
  if (ledger_kind == kShareKind) {
    if (command.GetDescriptor() == v1::RelayEntries::descriptor()) {
      return decide_relay(view, static_cast<const v1::RelayEntries&>(command));
    }
    return fail(Errc::kBadRequest,
                command.GetDescriptor()->name() + " is not a command of a share ledger");
  }
  if (ledger_kind != kAllianceKind) return decide(view, command, context);
  HANSA_TRY(Decision decision, decide_alliance_command(view, command, context));
  HANSA_CHECK(check_events(decision.events));
  return decision;
}

Result<void> evolve_event_of_ledger(Rows& rows, const v1::Event& event,
                                    const EntryContext& entry) {
  if (auto evolved = evolve_any(rows, event, entry)) return *std::move(evolved);
  if (auto evolved = evolve_alliance(rows, event, entry)) {
    if (*evolved) evolve_members_changed(rows, event, entry);
    return *std::move(evolved);
  }
  return evolve(rows, event, entry);
}

}  // namespace hansa
