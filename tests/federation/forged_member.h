// ForgedMemberTest: Wuxi and Suzhou share with delta, and a third member's share ledger is written
// by the test, entry by entry.
//
// Shape:   write() appends the next entry, append() any bytes; write_checkpoint() signs what tree_
//          holds by now; share() is an entry with one event of the city, and its checkpoint.
//          act_together(): Wuxi and Suzhou record a joint action; cosign(): a witness is asked.
// Threads: the test's.
#pragma once

#include "core/base/durations.h"
#include "tests/federation/links_fixture.h"
#include "tests/federation/vouched_tree.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {

class ForgedMemberTest : public LinksTest {
 protected:
  ForgedMemberTest() : writer_(share_of(kForged).founding_id, 9) {
    league_.must(kDelta, admission(league_, kForged));
    bring_two();
  }

  void append(const std::string& value) {
    const auto ledger = share_ledger("delta", kForged.id);
    streams::append_now(league_.log(), ledger, {value}, *league_.log().end(ledger));
  }
  // The next entry, with its place in the chain; it is in the tree and not in the log.
  std::string vouch(const v1::Event& event, int64_t time_us = 0) {
    v1::Payload payload;
    payload.set_time_us(time_us);
    *payload.add_events() = event;
    const std::string value = writer_.next(payload.SerializeAsString());
    tree_.add(value);
    return value;
  }
  void write(const v1::Event& event, int64_t time_us = 0) { append(vouch(event, time_us)); }
  void write_checkpoint(int64_t time_us = 0) {
    v1::Event event;
    *event.mutable_checkpoint_signed() =
        sign_checkpoint(league_.seed(kForged), tree_.head());
    write(event, time_us);
  }
  void share(uint64_t from, uint64_t to, const v1::Event& word) {
    v1::Event event;
    auto& shared = *event.mutable_entries_shared();
    shared.set_alliance("delta");
    shared.set_city(kForged.id);
    shared.set_from_seq(from);
    shared.set_to_seq(to);
    auto& one = *shared.add_events();
    one.set_seq(to);
    *one.mutable_event() = word;
    write(event);
    write_checkpoint();
  }
  static v1::Event joined() {
    v1::Event event;
    event.mutable_alliance_joined()->set_alliance("delta");
    return event;
  }
  static v1::Event ratified(uint32_t version) {
    v1::Event event;
    event.mutable_agreement_ratified()->set_alliance("delta");
    event.mutable_agreement_ratified()->set_version(version);
    return event;
  }

  // The first two commit and record a joint action, Suzhou of this quantity.
  void act_together(uint64_t of_suzhou) {
    v1::ProposeCampaign proposal;
    proposal.set_alliance("delta");
    proposal.set_title("Clean river banks");
    proposal.set_purpose("The banks between us.");
    proposal.set_commit_by_time_us(testing::kStartUs + 24 * kHourUs);
    proposal.set_starts_time_us(testing::kStartUs + 48 * kHourUs);
    proposal.set_ends_time_us(testing::kStartUs + 480 * kHourUs);
    proposal.set_quorum(2);
    league_.must(kDelta, proposal);
    league_.settle();
    for (const auto& city : {kWuxi, kSuzhou}) {
      v1::CommitToCampaign command;
      command.set_city(city.id);
      command.set_alliance("delta");
      command.set_campaign("k1");
      command.set_contribution("forty people");
      league_.must(city, command);
    }
    league_.settle();
    for (const auto& city : {kWuxi, kSuzhou}) {
      v1::RecordCampaignAction command;
      command.set_city(city.id);
      command.set_alliance("delta");
      command.set_campaign("k1");
      command.set_action("lake");
      command.set_title("North bank");
      command.set_day("2025-01-01");
      command.set_partner(city == kWuxi ? "suzhou" : "wuxi");
      command.set_joint_id("lake");
      command.set_quantity(city == kWuxi ? 12 : of_suzhou);
      command.set_unit("tonnes");
      league_.must(city, command);
    }
    league_.settle();
  }
  // What the witness of the city answers to this note of the forged ledger.
  Result<NoteSignature> cosign(const LedgerId& city, Seq old_size, const VouchedHead& head) {
    WitnessRequest request;
    request.old_size = old_size;
    request.note = note_text(note_of(sign_checkpoint(league_.seed(kForged), head)));
    std::promise<Result<NoteSignature>> answer;
    league_.links().witness(city.id)->add_checkpoint(
        request, [&](Result<NoteSignature> cosigned) { answer.set_value(std::move(cosigned)); });
    return answer.get_future().get();
  }

  const LedgerId kForged{"city", "forged"};
  streams::EntryWriter writer_;
  VouchedTree tree_{share_ledger("delta", kForged.id), share_of(kForged).founding_id};
};

}  // namespace hansa::federation
