#include "ops/http/shares.h"

#include <charconv>

#include "federation/share_reader.h"
#include "ops/json.h"
#include "projections/paging.h"

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

}  // namespace

Result<v1::SharesAnswer> list_shares(const v1::ListShares&, const ShareContext& context) {
  v1::SharesAnswer answer;
  answer.set_ledger(context.alliance.ledger.text());
  answer.set_seq(context.rows.meta().position.seq);
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
    const std::string name = ledger.text() + " > " + context.alliance.ledger.text();
    for (const auto& link : context.links) {
      if (link.link != name) continue;
      share.set_behind_records(link.behind_records);
      share.set_behind_us(link.behind_us);
      if (!link.waits) continue;
      share.set_waits_code(std::string(error_info(link.waits->code).name));
      share.set_waits(link.waits->detail);
    }
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
  for (auto& record : records) {
    auto& entry = *answer.add_entries();
    entry.set_seq(record.seq);
    entry.set_sha256(to_hex(record.hash));
    entry.set_time_us(record.payload.time_us());
    entry.mutable_events()->Swap(record.payload.mutable_events());
    entry.set_value(std::move(record.value));
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
