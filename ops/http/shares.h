// Shares: what the API answers about the share ledgers of an alliance's members.
//
// Shape:   list_shares(): how far the alliance has heard each member. list_share_entries(): a page
//          of one member's share ledger, only what its key vouches for.
//          Who reads for cities (and is no secretariat, auditor or operator) sees what one of them
//          shared, and what was shared under a version that one of them, a member, had ratified by
//          then; where that version shares the past, also who ratified it, or a later one,
//          afterwards. Of any other entry it gets seq, hash and time, an empty `value`, and in
//          place of the events their range as `withheld`, `not_granted`: the next entry is chained
//          to that hash, so that a reader verifies all the rest. Words to the alliance are for all
//          who may ask.
//          As server-sent events each entry is one event whose id is its seq, so that Last-Event-ID
//          says where to go on; resume_after() reads it. A stream ends with what there is, or after
//          ten seconds of nothing, and the client asks again, as the standard has it do.
// Errors:  kUnknownMember: no such member. kForbidden: one that shares nothing with the caller.
//          kBadRequest for a Last-Event-ID that is no seq. Those of federation/share_reader.h.
// Threads: any.
// Limits:  a page has 1 000 entries.
// Source:  DESIGN §8 "Agreement", "Subscriptions"; WHATWG HTML, "Server-sent events".
#pragma once

#include "federation/links.h"
#include "federation/ratifications.h"
#include "hansa/v1/alliance_reads.pb.h"

namespace hansa::ops {

struct ShareContext {
  const projections::Snapshot& rows;  // of the alliance
  const projections::KeeperConfig& alliance;
  streams::Log& log;
  std::vector<federation::LinkHealth> links;
  const Principal& reader;
  federation::Ratifications& ratifications;
};

// Whether nothing of what this city shares is withheld from the reader.
bool reads_all_shares(const Principal& reader, const std::string& city);

Result<v1::SharesAnswer> list_shares(const v1::ListShares& request, const ShareContext& context);
Result<v1::ShareEntriesAnswer> list_share_entries(const v1::ListShareEntries& request,
                                                  const ShareContext& context);
Result<void> resume_after(std::string_view last_event_id, v1::ListShareEntries& request);
std::string events_of(const v1::ShareEntriesAnswer& answer);

}  // namespace hansa::ops
