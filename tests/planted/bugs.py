"""Bugs that are planted to see them caught: where each stands, and what catches it.

Each is a text of a source file, which must stand there exactly once, and the text that takes its
place in the planted build, where planted("name") asks whether it is switched on.
"""

from dataclasses import dataclass


@dataclass
class Bug:
    name: str
    file: str
    text: str
    planted: str
    caught_by: str  # "sim", or "<test binary> <filter>"


BUGS = [
    Bug("answer_before_landed", "projections/keeper_round.cc",
        "  open_items.push_back(std::move(item));\n  tip_time_us = payload.time_us();\n",
        "  if (planted(\"answer_before_landed\") && item.pending) {\n"
        "    answer(item);\n    item.pending.reset();\n  }\n"
        "  open_items.push_back(std::move(item));\n  tip_time_us = payload.time_us();\n",
        "sim"),
    Bug("answer_before_density", "streams/appender.cc",
        "  HANSA_CHECK(read_to(offset, steps));\n"
        "  if (flight.dead) return {};\n"
        "  if (offset == chain_.position().next_offset) {\n",
        "  const bool is_believed = planted(\"answer_before_density\");\n"
        "  if (!is_believed) HANSA_CHECK(read_to(offset, steps));\n"
        "  if (flight.dead) return {};\n"
        "  if (is_believed) chain_.skip_to(offset);\n"
        "  if (is_believed || offset == chain_.position().next_offset) {\n",
        "sim"),
    Bug("position_in_another_batch", "projections/store.cc",
        "  HANSA_ASSERT(batch.Put(meta_key(), encode_meta(new_meta)).ok(), "
        "\"and the position\");\n",
        "  if (!planted(\"position_in_another_batch\") || new_meta.position.seq % 3 != 0) {\n"
        "    HANSA_ASSERT(batch.Put(meta_key(), encode_meta(new_meta)).ok(), \"position\");\n  }\n",
        "sim"),
    Bug("no_lookup_after_unknown", "projections/keeper_round.cc",
        "  if (submission.kind != v1::CauseKind::command && !is_input) return std::nullopt;\n",
        "  if (submission.kind != v1::CauseKind::command && !is_input) return std::nullopt;\n"
        "  if (planted(\"no_lookup_after_unknown\") && pending.maybe_landed) {\n"
        "    return std::nullopt;\n  }\n",
        "sim"),
    Bug("prev_ignored", "core/ledger/chain.cc",
        "         envelope.prev == position_.tip;\n",
        "         (planted(\"prev_ignored\") || envelope.prev == position_.tip);\n",
        "sim"),
    Bug("payload_decides_validity", "core/ledger/chain.cc",
        "  if (!ours || !fits(entry->envelope)) {\n",
        "  const bool is_odd = planted(\"payload_decides_validity\") && entry &&\n"
        "                      entry->payload.size() % 7 == 0;\n"
        "  if (!ours || is_odd || !fits(entry->envelope)) {\n",
        "sim"),
    Bug("level_ignored", "core/ledger/chain.cc",
        "  if (entry->envelope.schema_level > schema_level_known_) {\n",
        "  if (!planted(\"level_ignored\") &&\n"
        "      entry->envelope.schema_level > schema_level_known_) {\n",
        "sim"),
    Bug("raised_level_forgotten", "projections/keeper_round.cc",
        "  return appender->stamp(bytes, schema_level);\n",
        "  return appender->stamp(\n"
        "      bytes, planted(\"raised_level_forgotten\") ? kFirstSchemaLevel : schema_level);\n",
        "sim"),
    Bug("another_row_is_an_answer", "projections/keeper_forward.cc",
        "                             ? is_imported(pending)\n",
        "                             ? planted(\"another_row_is_an_answer\") || "
        "is_imported(pending)\n",
        "keeper_lead_test *RefusesAnotherRow*"),
    Bug("base_ignored", "core/ledger/chain.cc",
        "  if (ours && !base_in_prefix(entry->envelope)) {\n",
        "  if (ours && !planted(\"base_ignored\") && !base_in_prefix(entry->envelope)) {\n",
        "chain_test *"),
    Bug("salt_reused", "streams/appender.cc",
        "  envelope.salt = env_.random_id<Salt>();\n",
        "  envelope.salt = planted(\"salt_reused\") ? Salt() : env_.random_id<Salt>();\n",
        "appender_rules_test *"),
    Bug("dedupe_table_not_rebuilt", "projections/catch_up.cc",
        "    HANSA_CHECK(fold_entry(rows_, payload_, {seq,",
        "    if (planted(\"dedupe_table_not_rebuilt\")) {\n"
        "      payload_.mutable_cause()->clear_command_id();\n    }\n"
        "    HANSA_CHECK(fold_entry(rows_, payload_, {seq,",
        "sim"),
    Bug("evolve_forgets_an_event", "core/city/case_evolve.cc",
        "  return enter_state(rows, event, entry, {.note = event.note()}, State::verified);\n",
        "  if (planted(\"evolve_forgets_an_event\")) return {};\n"
        "  return enter_state(rows, event, entry, {.note = event.note()}, State::verified);\n",
        "case_table_test *"),
    Bug("undo_skips_a_table", "projections/row_cache.cc",
        "      undo->slot->current = std::move(undo->before);\n",
        "      if (planted(\"undo_skips_a_table\") &&\n"
        "          undo->slot->key[0] == static_cast<char>(TableId::kAnswered)) {\n"
        "        continue;\n      }\n"
        "      undo->slot->current = std::move(undo->before);\n",
        "sim"),
    Bug("refusal_before_its_predecessor", "projections/keeper_round.cc",
        "    if (reads_first(pending)) return;\n"
        "    return answer_after_tip(std::move(pending), fail(std::move(decision).error()));\n",
        "    if (reads_first(pending)) return;\n"
        "    if (planted(\"refusal_before_its_predecessor\")) {\n"
        "      auto error = std::move(decision).error();\n"
        "      error.seq = appender->tip_seq();\n"
        "      return refuse_now(std::move(pending), std::move(error));\n    }\n"
        "    return answer_after_tip(std::move(pending), fail(std::move(decision).error()));\n",
        "sim"),
    Bug("relay_ignores_a_revocation", "core/alliance/share.cc",
        "    if (now == nullptr || newest_ == nullptr) return Reason::not_in_force;\n",
        "    if (planted(\"relay_ignores_a_revocation\") && newest_ == nullptr) newest_ = now;\n"
        "    if (now == nullptr || newest_ == nullptr) return Reason::not_in_force;\n",
        "share_law_test *"),
    Bug("relay_skips_a_range", "federation/relay.cc",
        "    *command->add_entries() = source;\n",
        "    if (planted(\"relay_skips_a_range\") && source.seq() % 5 == 0) continue;\n"
        "    *command->add_entries() = source;\n",
        "sim"),
    Bug("input_position_missing", "projections/keeper_round.cc",
        "  if (pending != nullptr && pending->submission.input) {\n",
        "  const bool is_left_out = planted(\"input_position_missing\");\n"
        "  if (!is_left_out && pending != nullptr && pending->submission.input) {\n",
        "links_test LinksTest.HowFarAShareIsConfirmedIsRememberedWithWhatWasTaken"),
    Bug("tail_is_not_read_again", "streams/appender.cc",
        "  auto result = read_tail_again();\n",
        "  const bool is_left_out = planted(\"tail_is_not_read_again\");\n"
        "  auto result = is_left_out ? Result<void>() : read_tail_again();\n",
        "sim"),
    Bug("handover_taken_twice", "core/city/handover.cc",
        "  if (row->state() != Handover::offered) {\n"
        "    return fail(Errc::kWrongState, \"the offer \"",
        "  if (!planted(\"handover_taken_twice\") && row->state() != Handover::offered) {\n"
        "    return fail(Errc::kWrongState, \"the offer \"",
        "handover_test *"),
    Bug("offer_taken_before_it_is_a_member_again", "core/city/handover.cc",
        "  if (affiliation->joinings_unanswered() > 0) {\n",
        "  if (!planted(\"offer_taken_before_it_is_a_member_again\") &&\n"
        "      affiliation->joinings_unanswered() > 0) {\n",
        "handover_test *"),
    Bug("old_end_believed", "streams/ledger_reader.cc",
        "  if (end >= reached) return end;\n",
        "  if (planted(\"old_end_believed\") || end >= reached) return end;\n",
        "sim"),
    Bug("wall_clock_in_decide", "projections/keeper_round.cc",
        "int64_t KeeperLoop::ledger_time_us() const { "
        "return std::max(env.now_us(), tip_time_us); }\n",
        "int64_t KeeperLoop::ledger_time_us() const {\n"
        "  if (planted(\"wall_clock_in_decide\")) return env.now_us();\n"
        "  return std::max(env.now_us(), tip_time_us);\n}\n",
        "sim"),
    Bug("checkpoint_before_it_landed", "projections/keeper_round.cc",
        "  const Seq size = appender->landed().seq;\n  const auto root",
        "  const Seq size = planted(\"checkpoint_before_it_landed\") ? appender->tip_seq()\n"
        "                                                           : appender->landed().seq;\n"
        "  const auto root",
        "sim"),
    Bug("key_kept_after_erase", "projections/keeper_landing.cc",
        "    auto erased = keyring.erase(person);\n",
        "    if (planted(\"key_kept_after_erase\")) continue;\n"
        "    auto erased = keyring.erase(person);\n",
        "sim"),
]
