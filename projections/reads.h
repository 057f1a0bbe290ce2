// Reads: answers the methods of service Reads from one snapshot.
//
// Shape:   answer_read(request, context) -> the answer message of that method. Lists are paged:
//          page_size 50, at most 1 000, page_token opaque (projections/paging.h); past the end the
//          list is empty and the next token is "". A case is passed through Door::show before it
//          leaves. The request has passed validate() and Door::may_read(). What an alliance answers
//          says how far it is confirmed.
// Errors:  kUnknownCase, kUnknownUnit, kUnknownService, kUnknownPlace, kUnknownCity,
//          kUnknownMetric, kUnknownCampaign; kForbidden for a reporter's list that the caller may
//          not see; kBadRequest for a page size above 1 000, a foreign token, two filters at once,
//          a day, year or scope that does not exist, with the pointer of the field. `seq` is the
//          position looked at.
// Threads: any.
// Limits:  ListEntries answers at most kEntriesBytesMax of records, and at least one.
#pragma once

#include <memory>

#include "hansa/v1/affiliation_reads.pb.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "hansa/v1/campaign_reads.pb.h"
#include "hansa/v1/evidence_reads.pb.h"
#include "hansa/v1/handover_reads.pb.h"
#include "hansa/v1/reads.pb.h"
#include "projections/door.h"

namespace hansa::projections {

inline constexpr size_t kEntriesBytesMax = 4 * 1024 * 1024;

struct ReadContext {
  const Snapshot& snapshot;
  const Door& door;
  const Principal& principal;
  LedgerId ledger;
  FoundingId founding_id;
  streams::Log& log;
};

// Up to which entry enough witnesses have confirmed what the ledger says: to the last one, where
// those behind the newest confirmed checkpoint say nothing (is_deed).
Result<Seq> confirmed_seq(const Snapshot& snapshot);

Result<std::unique_ptr<google::protobuf::Message>> answer_read(
    const google::protobuf::Message& request, const ReadContext& context);

// The parts of answer_read that choose among cases (reads_cases.cc).
Result<v1::CaseAnswer> answer(const v1::GetCase& request, const ReadContext& context);
Result<v1::CasesAnswer> answer(const v1::ListCases& request, const ReadContext& context);
Result<v1::CasesAnswer> answer(const v1::GetWorkList& request, const ReadContext& context);

// Figures (reads_figures.cc).
Result<v1::MetricsAnswer> answer(const v1::ListMetrics& request, const ReadContext& context);
Result<v1::FigureAnswer> answer(const v1::GetFigure& request, const ReadContext& context);
Result<v1::FiguresAnswer> answer(const v1::ListFigures& request, const ReadContext& context);

// The members' air (reads_air.cc); the second without ledger and seq.
Result<v1::AirChangeAnswer> answer(const v1::GetAirChange& request, const ReadContext& context);
Result<v1::AirChangeAnswer> air_change_answer(const Snapshot& snapshot, uint32_t year);

// Campaigns and findings (reads_campaigns.cc).
Result<v1::CampaignsAnswer> answer(const v1::ListCampaigns& request, const ReadContext& context);
Result<v1::CampaignAnswer> answer(const v1::GetCampaign& request, const ReadContext& context);
Result<v1::FindingsAnswer> answer(const v1::ListFindings& request, const ReadContext& context);
Result<v1::HeardCampaignsAnswer> answer(const v1::ListHeardCampaigns& request,
                                        const ReadContext& context);
Result<v1::HeardFindingsAnswer> answer(const v1::ListHeardFindings& request,
                                       const ReadContext& context);

// Cases on their way over a border (reads_campaigns.cc).
Result<v1::HandoversAnswer> answer(const v1::ListHandovers& request, const ReadContext& context);
Result<v1::CityHandoversAnswer> answer(const v1::ListCityHandovers& request,
                                       const ReadContext& context);

// What is published, and what cities know and cosign of each other (reads_evidence.cc).
Result<v1::PublishedFiguresAnswer> answer(const v1::ListPublishedFigures& request,
                                          const ReadContext& context);
Result<v1::PublishedFiguresAnswer> answer(const v1::ListCityFigures& request,
                                          const ReadContext& context);
Result<v1::PeersAnswer> answer(const v1::ListPeers& request, const ReadContext& context);
Result<v1::WitnessedAnswer> answer(const v1::ListWitnessed& request, const ReadContext& context);

}  // namespace hansa::projections
