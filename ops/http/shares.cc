#include "ops/http/shares.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "core/alliance/alliance.h"
#include "core/alliance/share.h"
#include "federation/share_reader.h"
#include "ops/json.h"
#include "projections/paging.h"
#include "projections/reads.h"

namespace hansa::ops {
namespace {

Result<v1::Member> find_member(const std::string& city, const ShareContext& context) {
  HANSA_TRY(auto member, context.rows.find(kMemberTable, city));
  if (member) return *std::move(member);
  return fail(Errc::kUnknownMember, "the alliance has admitted no city " + city, "/city");
}

Result<federation::SignedReader::Source> source_of(const v1::Member& member,
                                                   const ShareContext& context) {
  const auto founding_id = parse_hex<FoundingId>(member.founding_id());
  if (!founding_id) {
    return fail(Errc::kInternal, "the member " + member.city() + " has no founding id");
  }
  return federation::SignedReader::Source{
      share_ledger(context.alliance.ledger.id, member.city()),
      share_founding_id(context.alliance.founding_id, *founding_id), keys_of(member)};
}

// By which the alliance hears of a share ledger; nullptr: not on this node.
const federation::LinkHealth* link_from(const LedgerId& share, const ShareContext& context) {
  const std::string name = share.text() + " > " + context.alliance.ledger.text();
  for (const auto& link : context.links) {
    if (link.link == name) return &link;
  }
  return nullptr;
}

// What one caller may read of one member's share ledger.
class Reader {
 public:
  Reader(const ShareContext& context, const std::string& city)
      : context_(context), reads_all_(reads_all_shares(context.reader, city)) {}

  // Leaves nothing of an entry that is not for this caller but where it stands.
  Result<void> withhold(v1::ShareEntry& entry) {
    if (reads_all_) return {};
    bool withheld = false;
    for (auto& event : *entry.mutable_events()) {
      if (!event.has_entries_shared()) continue;
      auto& shared = *event.mutable_entries_shared();
      HANSA_TRY(const bool readable, may_read(shared, entry.time_us()));
      if (readable) continue;
      withheld = true;
      shared.clear_events();
      shared.clear_withheld();
      shared.clear_source_sha256();
      auto& range = *shared.add_withheld();
      range.set_from_seq(shared.from_seq());
      range.set_to_seq(shared.to_seq());
      range.set_reason(v1::WithheldReason::not_granted);
    }
    if (withheld) entry.clear_value();
    return {};
  }

 private:
  Result<bool> may_read(const v1::EntriesShared& shared, int64_t time_us) {
    const auto& events = shared.events();
    if (std::all_of(events.begin(), events.end(),
                    [](const auto& one) { return is_to_alliance(one.event()); })) {
      return true;
    }
    const uint32_t version = shared.agreement_version();
    auto known = since_us_.find(version);
    if (known == since_us_.end()) {
      HANSA_TRY(const int64_t since_us, readable_since(version));
      known = since_us_.emplace(version, since_us).first;
    }
    return time_us >= known->second;
  }

  // From when on what was shared under this version is for this caller; the end of time: never.
  Result<int64_t> readable_since(uint32_t version) {
    HANSA_TRY(const auto agreement, context_.rows.find(kAgreementTable, big_endian(version)));
    const bool shares_past = agreement && agreement->agreement().shares_past();
    int64_t since_us = std::numeric_limits<int64_t>::max();
    for (const auto& city : context_.reader.cities) {
      HANSA_TRY(const auto member, context_.rows.find(kMemberTable, city));
      if (!member || !is_member(*member) || member->ratified().empty()) continue;
      // The newest stands last.
      if (shares_past && *member->ratified().rbegin() >= version) return 0;
      if (!has_ratified(*member, version)) continue;
      HANSA_TRY(const auto ratified_us,
                context_.ratifications.since({context_.log, context_.alliance.ledger,
                                              context_.alliance.founding_id,
                                              context_.rows.meta().position.next_offset},
                                             city, version));
      if (ratified_us) since_us = std::min(since_us, *ratified_us);
    }
    return since_us;
  }

  const ShareContext& context_;
  const bool reads_all_;
  std::map<uint32_t, int64_t> since_us_;  // by version
};

}  // namespace

bool reads_all_shares(const Principal& reader, const std::string& city) {
  for (const auto role : {v1::Role::secretariat, v1::Role::auditor, v1::Role::operator_}) {
    if (reader.has_role(role)) return true;
  }
  return reader.cities.empty() || reader.acts_in(city);
}

Result<v1::SharesAnswer> list_shares(const v1::ListShares&, const ShareContext& context) {
  v1::SharesAnswer answer;
  answer.set_ledger(context.alliance.ledger.text());
  answer.set_seq(context.rows.meta().position.seq);
  HANSA_TRY(const Seq confirmed, projections::confirmed_seq(context.rows));
  answer.set_confirmed_seq(confirmed);
  Result<void> outcome;
  const auto begin = stored_key(kMemberTable.id, "");
  HANSA_CHECK(context.rows.scan(
      begin, stored_key(kMemberTable.id, "\xff"), [&](std::string_view, std::string_view value) {
        v1::Member member;
        if (!member.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          outcome = fail(Errc::kBadFile, "a stored row cannot be read");
          return false;
        }
        answer.add_shares()->set_city(member.city());
        return true;
      }));
  HANSA_CHECK(outcome);
  for (auto& share : *answer.mutable_shares()) {
    const auto ledger = share_ledger(context.alliance.ledger.id, share.city());
    HANSA_TRY(const auto reached, context.rows.find(kInputTable, ledger.text()));
    if (reached) {
      share.set_taken_seq(reached->seq());
      share.set_taken_time_us(reached->changed_time_us());
      share.set_city_seq(reached->source_seq());
    }
    const auto* link = link_from(ledger, context);
    if (link == nullptr) continue;
    share.set_behind_records(link->behind_records);
    share.set_behind_us(link->behind_us);
    share.set_confirmed_seq(link->confirmed_seq);
    if (!link->waits) continue;
    share.set_waits_code(std::string(error_info(link->waits->code).name));
    share.set_waits(link->waits->detail);
  }
  return answer;
}

Result<v1::ShareEntriesAnswer> list_share_entries(const v1::ListShareEntries& request,
                                                  const ShareContext& context) {
  HANSA_TRY(const auto member, find_member(request.city(), context));
  HANSA_TRY(const auto source, source_of(member, context));
  HANSA_TRY(const auto size, projections::page_size_of(request.page_size()));
  HANSA_TRY(auto records, federation::read_share(context.log, source, request.from(), size));
  v1::ShareEntriesAnswer answer;
  answer.set_ledger(source.ledger.text());
  answer.set_founding_id(to_hex(source.founding_id));
  answer.set_public_key(member.public_key());
  *answer.mutable_keys() = member.keys();
  answer.set_next_from(std::max<uint64_t>(1, request.from()));
  const auto* link = link_from(source.ledger, context);
  answer.set_confirmed_seq(link == nullptr ? 0 : link->confirmed_seq);
  Reader reader(context, request.city());
  for (auto& record : records) {
    auto& entry = *answer.add_entries();
    entry.set_seq(record.seq);
    entry.set_sha256(to_hex(record.hash));
    entry.set_time_us(record.payload.time_us());
    entry.mutable_events()->Swap(record.payload.mutable_events());
    entry.set_value(std::move(record.value));
    HANSA_CHECK(reader.withhold(entry));
    answer.set_next_from(record.seq + 1);
  }
  return answer;
}

Result<void> resume_after(std::string_view last_event_id, v1::ListShareEntries& request) {
  if (last_event_id.empty()) return {};
  uint64_t seq = 0;
  const auto* const end = last_event_id.data() + last_event_id.size();
  const auto [at, code] = std::from_chars(last_event_id.data(), end, seq);
  if (code != std::errc() || at != end) {
    return fail(Errc::kBadRequest, "expected in Last-Event-ID the seq of an entry");
  }
  request.set_from(seq + 1);
  return {};
}

std::string events_of(const v1::ShareEntriesAnswer& answer) {
  std::string body = "retry: 1000\n\n";
  for (const auto& entry : answer.entries()) {
    body += "id: " + std::to_string(entry.seq()) + "\nevent: entry\ndata: ";
    append_json(body, entry);
    body += "\n\n";
  }
  return body;
}

}  // namespace hansa::ops
