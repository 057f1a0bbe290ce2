#include "projections/reads.h"

#include "core/base/assert.h"
#include "projections/paging.h"
#include "projections/read_models.h"
#include "projections/reads_tables.h"

namespace hansa::projections {
namespace {

using google::protobuf::Message;
using Answered = Result<std::unique_ptr<Message>>;

Result<v1::CityAnswer> answer(const v1::GetCity& request, const ReadContext& context) {
  HANSA_TRY(auto city, context.snapshot.find(kCityTable, ""));
  if (!city) {
    return fail(Errc::kUnknownCity,
                "the city `" + request.city() + "` is not founded yet; run `hansa setup`", "/city");
  }
  v1::CityAnswer answer;
  answer.mutable_city()->Swap(&*city);
  HANSA_CHECK(read_all(kStateCountTable, context, [&] { return answer.add_cases(); }));
  return answer;
}

Result<v1::DistrictsAnswer> answer(const v1::ListDistricts& request, const ReadContext& context) {
  v1::DistrictsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kDistrictTable, request, context, [&] { return answer.add_districts(); }));
  return answer;
}

Result<v1::UnitsAnswer> answer(const v1::ListUnits& request, const ReadContext& context) {
  v1::UnitsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kUnitTable, request, context, [&] { return answer.add_units(); }));
  return answer;
}

Result<v1::ServicesAnswer> answer(const v1::ListServices& request, const ReadContext& context) {
  v1::ServicesAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kServiceTable, request, context, [&] { return answer.add_services(); }));
  return answer;
}

Result<v1::PoliciesAnswer> answer(const v1::ListPolicies&, const ReadContext& context) {
  v1::PoliciesAnswer answer;
  HANSA_CHECK(read_all(kPolicyTable, context, [&] { return answer.add_policies(); }));
  return answer;
}

Result<Scope> scope_of(const v1::ListCounters& request) {
  for (const auto scope : {Scope::kUnit, Scope::kService, Scope::kCommunity, Scope::kCity}) {
    if (request.scope() != scope_name(scope)) continue;
    if ((scope == Scope::kCity) == request.id().empty()) return scope;
    return fail(Errc::kBadRequest,
                scope == Scope::kCity ? "the city's own counters have no id; leave it out"
                                      : "id is missing: which " + request.scope() + "?",
                "/id");
  }
  return fail(Errc::kBadRequest,
              "scope is one of unit, service, community, city; got `" + request.scope() + "`",
              "/scope");
}

Result<v1::CountersAnswer> answer(const v1::ListCounters& request, const ReadContext& context) {
  HANSA_TRY(const Scope scope, scope_of(request));
  HANSA_TRY(const Page page,
            open_page(stored_key(kCounterTable.id, scope_key(scope, request.id())),
                      request.page_size(), request.page_token()));
  PageRange range;
  const auto stored_day = [&](int32_t day) {
    return stored_key(kCounterTable.id, day_key(scope, request.id(), day));
  };
  if (request.has_from_day()) range.from = stored_day(request.from_day());
  if (request.has_to_day()) range.to = stored_day(request.to_day()) + '\0';
  v1::CountersAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_page(context.snapshot, page, range, [&](std::string_view, std::string_view value) {
              return parse_into(*answer.add_counters(), value);
            }));
  return answer;
}

Result<v1::HeatGridAnswer> answer(const v1::GetHeatGrid& request, const ReadContext& context) {
  v1::HeatGridAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kHeatTable, request, context, [&] { return answer.add_cells(); }));
  return answer;
}

Result<v1::PersonsAnswer> answer(const v1::FindPersons& request, const ReadContext& context) {
  HANSA_TRY(const auto persons, context.door.find_persons(request.phone(), request.email()));
  v1::PersonsAnswer answer;
  for (const auto& person : persons) answer.add_persons(to_hex(person));
  return answer;
}

Result<v1::EntriesAnswer> answer(const v1::ListEntries& request, const ReadContext& context) {
  HANSA_TRY(const uint32_t size, page_size_of(request.page_size()));
  HANSA_TRY(const Offset end, context.log.end(context.ledger));
  v1::EntriesAnswer answer;
  answer.set_founding_id(std::string(context.founding_id.view()));
  answer.set_end_offset(end);
  Offset next = request.from_offset();
  size_t bytes = 0;
  while (next < end && static_cast<uint32_t>(answer.records_size()) < size &&
         bytes < kEntriesBytesMax) {
    HANSA_TRY(auto read, context.log.read(context.ledger, next, kEntriesBytesMax - bytes));
    if (read.next == next) break;
    next = read.next;
    for (auto& record : read.records) {
      if (static_cast<uint32_t>(answer.records_size()) == size) {
        next = record.offset;
        break;
      }
      bytes += record.value.size();
      auto& raw = *answer.add_records();
      raw.set_offset(record.offset);
      raw.set_value(std::move(record.value));
    }
  }
  answer.set_next_offset(next);
  return answer;
}

Result<v1::DigestAnswer> answer(const v1::GetDigest&, const ReadContext& context) {
  const Meta& meta = context.snapshot.meta();
  v1::DigestAnswer answer;
  answer.set_tip_sha256(to_hex(meta.position.seq == 0 ? founding_hash(context.founding_id)
                                                      : meta.position.tip));
  answer.set_row_schema_version(meta.row_schema_version);
  answer.set_digest(meta.digest.hex());
  return answer;
}

Result<v1::AllianceAnswer> answer(const v1::GetAlliance& request, const ReadContext& context) {
  HANSA_TRY(auto alliance, context.snapshot.find(kAllianceTable, ""));
  if (!alliance) {
    return fail(Errc::kUnknownAlliance,
                "the alliance `" + request.alliance() + "` is not founded yet", "/alliance");
  }
  v1::AllianceAnswer answer;
  answer.mutable_alliance()->Swap(&*alliance);
  return answer;
}

Result<v1::MembersAnswer> answer(const v1::ListMembers& request, const ReadContext& context) {
  v1::MembersAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kMemberTable, request, context, [&] { return answer.add_members(); }));
  return answer;
}

Result<v1::AgreementsAnswer> answer(const v1::ListAgreements& request,
                                    const ReadContext& context) {
  v1::AgreementsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kAgreementTable, request, context,
                       [&] { return answer.add_agreements(); }));
  return answer;
}

Result<v1::AffiliationsAnswer> answer(const v1::ListAffiliations& request,
                                      const ReadContext& context) {
  v1::AffiliationsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kAffiliationTable, request, context,
                       [&] { return answer.add_affiliations(); }));
  return answer;
}

Result<v1::HeardAgreementsAnswer> answer(const v1::ListHeardAgreements& request,
                                         const ReadContext& context) {
  constexpr int kNewestMax = 100;
  const std::string begin = stored_key(kHeardAgreementTable.id, request.alliance() + '\0');
  v1::HeardAgreementsAnswer answer;
  Result<void> outcome;
  HANSA_CHECK(context.snapshot.scan_descending(
      begin, behind_prefix(begin), [&](std::string_view, std::string_view value) {
        outcome = parse_into(*answer.add_agreements(), value);
        return outcome.has_value() && answer.agreements_size() < kNewestMax;
      }));
  HANSA_CHECK(outcome);
  return answer;
}

template <typename Request>
bool answer_if(const Message& request, const ReadContext& context, Answered& answered) {
  if (request.GetDescriptor() != Request::descriptor()) return false;
  auto result = answer(static_cast<const Request&>(request), context);
  const Seq seq = context.snapshot.meta().position.seq;
  if (!result) {
    Error error = std::move(result).error();
    error.seq = seq;
    answered = fail(std::move(error));
    return true;
  }
  result->set_ledger(context.ledger.text());
  result->set_seq(seq);
  if constexpr (requires { result->set_confirmed_seq(Seq{}); }) {
    const auto confirmed = confirmed_seq(context.snapshot);
    if (!confirmed) {
      answered = fail(confirmed.error());
      return true;
    }
    result->set_confirmed_seq(*confirmed);
  }
  using Answer = std::decay_t<decltype(*result)>;
  answered = std::make_unique<Answer>(std::move(*result));
  return true;
}

template <typename... Requests>
Answered answer_one_of(const Message& request, const ReadContext& context) {
  Answered answered = fail(Errc::kInternal, "");
  const bool known = (answer_if<Requests>(request, context, answered) || ...);
  HANSA_ASSERT(known, "only requests of the services of reads come here");
  return answered;
}

}  // namespace

Result<Seq> confirmed_seq(const Snapshot& snapshot) {
  HANSA_TRY(const auto head, snapshot.find(kLedgerHeadTable, ""));
  if (!head) return 0;
  return head->confirmed_size() >= head->deed_seq() ? snapshot.meta().position.seq
                                                    : head->confirmed_size();
}

Answered answer_read(const Message& request, const ReadContext& context) {
  return answer_one_of<v1::GetCase, v1::ListCases, v1::GetWorkList, v1::GetCity,
                       v1::ListDistricts, v1::ListUnits, v1::ListServices, v1::ListPolicies,
                       v1::ListCounters, v1::GetHeatGrid, v1::FindPersons, v1::ListEntries,
                       v1::GetDigest, v1::ListMetrics, v1::GetFigure, v1::ListFigures,
                       v1::GetAlliance, v1::ListMembers, v1::ListAgreements,
                       v1::ListAffiliations, v1::ListHeardAgreements, v1::ListCampaigns,
                       v1::GetCampaign, v1::ListFindings, v1::ListHeardCampaigns,
                       v1::ListHeardFindings, v1::GetAirChange, v1::ListHandovers,
                       v1::ListCityHandovers, v1::ListPublishedFigures,
                       v1::ListCityFigures, v1::ListPeers, v1::ListWitnessed>(request, context);
}

}  // namespace hansa::projections
