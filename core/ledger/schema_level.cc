#include "core/ledger/schema_level.h"

#include <algorithm>

namespace hansa {
namespace {

// Of an event, without looking at its kind: the schema says it.
uint32_t since_level(const v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.event_case());
  if (field == nullptr) return kFirstSchemaLevel;
  return std::max<uint32_t>(kFirstSchemaLevel, field->options().GetExtension(v1::since_level));
}

Error unknown_level(uint32_t level, uint32_t known) {
  return {Errc::kUpgradeNeeded,
          "this binary knows schema levels up to " + std::to_string(known) + ", not " +
              std::to_string(level) + "; install a newer one on every node of the ledger first",
          "/level"};
}

}  // namespace

uint16_t schema_level_of(RowsView& view) {
  const auto* row = view.find(kSchemaLevelTable, "");
  return row == nullptr ? kFirstSchemaLevel : static_cast<uint16_t>(row->level());
}

Result<Decision> decide_raise(RowsView& view, uint32_t level, const DecideContext& context) {
  const uint16_t now = schema_level_of(view);
  if (level > context.schema_level_known) {
    return fail(unknown_level(level, context.schema_level_known));
  }
  if (level < now) {
    return fail(Errc::kWrongState, "the ledger is at schema level " + std::to_string(now) +
                                       "; a level is never lowered");
  }
  Decision decision;
  decision.state = std::to_string(level);
  decision.unchanged = level == now;
  if (level > now) decision.events.emplace_back().mutable_schema_level_raised()->set_level(level);
  return decision;
}

Result<void> evolve_event(Rows& rows, const v1::SchemaLevelRaised& event, const EntryContext&) {
  if (event.level() > kSchemaLevel) return fail(unknown_level(event.level(), kSchemaLevel));
  rows.put(kSchemaLevelTable, "").set_level(event.level());
  return {};
}

Result<uint16_t> level_of_entry(RowsView& view, const v1::Payload& payload) {
  uint32_t level = schema_level_of(view);
  for (const auto& event : payload.events()) {
    if (event.has_schema_level_raised()) level = event.schema_level_raised().level();
  }
  for (const auto& event : payload.events()) {
    if (since_level(event) <= level) continue;
    return fail(Errc::kUpgradeNeeded,
                "the ledger is at schema level " + std::to_string(level) +
                    ", and what this would record needs " + std::to_string(since_level(event)) +
                    "; have an operator raise it");
  }
  return static_cast<uint16_t>(level);
}

}  // namespace hansa
