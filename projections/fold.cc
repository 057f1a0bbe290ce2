#include "projections/fold.h"

#include <algorithm>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "core/evidence/tree_rows.h"
#include "projections/read_models.h"

namespace hansa::projections {
namespace {

constexpr int64_t kWindowMs = 48LL * 3600 * 1000;

// Answers to older ids are dead at this time; the time counts in whole minutes.
int64_t oldest_id_ms(int64_t time_us) {
  return time_us / kMinuteUs * kMinuteUs / 1000 - kWindowMs;
}

void let_old_answers_die(Rows& rows, int64_t time_us) {
  const int64_t minute = time_us / kMinuteUs;
  const auto* reached = rows.find(kAnsweredTable, "");
  if (reached != nullptr && reached->time_us() / kMinuteUs >= minute) return;
  const int64_t oldest_ms = oldest_id_ms(time_us);
  if (reached != nullptr && oldest_ms > 0) {
    // What is older died at the minute before: nothing is written that is dead already. Looking
    // there again would walk over all that the store has not forgotten yet.
    const int64_t from_ms = std::max<int64_t>(1, oldest_id_ms(reached->time_us()));
    std::vector<std::string> dead;
    rows.scan(kAnsweredTable.id, big_endian(static_cast<uint64_t>(from_ms)),
              big_endian(static_cast<uint64_t>(oldest_ms)),
              [&](std::string_view key, const google::protobuf::Message&) {
                dead.emplace_back(key);
                return true;
              });
    for (const auto& key : dead) rows.erase(kAnsweredTable, key);
  }
  rows.put(kAnsweredTable, "").set_time_us(minute * kMinuteUs);
}

void remember_answer(Rows& rows, const v1::Payload& payload, Seq seq, const Hash& hash) {
  const auto& cause = payload.cause();
  const auto actor = ActorId::from(cause.actor());
  const auto id = CommandId::from(cause.command_id());
  if (!actor || !id || uuid_time_ms(*id) < oldest_id_ms(payload.time_us())) return;
  auto& row = rows.put(kAnsweredTable, answered_key(cause.kind(), *actor, *id));
  row.Clear();
  row.set_seq(seq);
  row.set_entry_sha256(std::string(hash.view()));
  row.set_request_mac(cause.request_mac());
  row.set_time_us(payload.time_us());
  row.set_subject_id(cause.subject_id());
  row.set_state(cause.state());
  if (payload.has_refusal()) {
    row.set_refusal_code(payload.refusal().code());
    row.set_refusal_detail(payload.refusal().detail());
  }
}

Result<void> move_ledger(Rows& rows, const v1::LedgerPosition& position,
                         const v1::Payload& payload, Seq seq) {
  auto& row = rows.put(kInputTable, position.ledger());
  if (std::pair(position.seq(), position.begun()) <= std::pair(row.seq(), row.begun())) {
    return fail(Errc::kLedgerStopped,
                "entry " + std::to_string(seq) + " takes " + position.ledger() + " to " +
                    std::to_string(position.seq()) + ", which was taken to " +
                    std::to_string(row.seq()) + " before");
  }
  row.set_seq(position.seq());
  row.set_sha256(position.sha256());
  row.set_next_offset(position.next_offset());
  row.set_source_seq(position.source_seq());
  row.set_begun(position.begun());
  row.set_confirmed_seq(position.confirmed_seq());
  row.set_confirmed_sha256(position.confirmed_sha256());
  row.set_changed_time_us(payload.time_us());
  return {};
}

Result<void> move_inputs(Rows& rows, const v1::Payload& payload, Seq seq) {
  for (const auto& position : payload.positions()) {
    if (position.has_ledger()) HANSA_CHECK(move_ledger(rows, position.ledger(), payload, seq));
    if (!position.has_topic()) continue;
    auto& row = rows.put(kInputTable, position.topic().topic());
    if (position.topic().next_offset() <= row.next_offset()) {
      return fail(Errc::kLedgerStopped,
                  "entry " + std::to_string(seq) + " takes " + position.topic().topic() + " to " +
                      std::to_string(position.topic().next_offset()) + ", which was taken to " +
                      std::to_string(row.next_offset()) + " before");
    }
    row.set_next_offset(position.topic().next_offset());
  }
  return {};
}

}  // namespace

std::string answered_key(v1::CauseKind::Value kind, const ActorId& actor, const CommandId& id) {
  const char kind_byte = static_cast<char>(kind);
  const Hash hash = sha256({std::string_view(&kind_byte, 1), actor.view(), id.view()});
  return big_endian(static_cast<uint64_t>(uuid_time_ms(id))) +
         std::string(hash.view().substr(0, 16));
}

std::optional<TreeHash> leaf_in(std::string_view ledger_kind, std::string_view value) {
  if (ledger_kind == kCityKind) return std::nullopt;
  return leaf_hash(value);
}

Result<void> fold_entry(Rows& rows, const v1::Payload& payload, const EntryMark& mark) {
  EntryContext entry;
  entry.seq = mark.seq;
  entry.time_us = payload.time_us();
  if (auto actor = ActorId::from(payload.cause().actor())) entry.actor = *actor;
  for (const auto& event : payload.events()) HANSA_CHECK(fold_event(rows, event, entry));
  let_old_answers_die(rows, payload.time_us());
  const auto kind = payload.cause().kind();
  if (kind == v1::CauseKind::command || kind == v1::CauseKind::input) {
    remember_answer(rows, payload, mark.seq, mark.hash);
  }
  if (mark.leaf) {
    HANSA_CHECK(grow_tree(rows, mark.seq, *mark.leaf));
    if (is_deed(payload)) rows.put(kLedgerHeadTable, "").set_deed_seq(mark.seq);
  }
  return move_inputs(rows, payload, mark.seq);
}

}  // namespace hansa::projections
