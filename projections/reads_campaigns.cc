#include "core/alliance/campaign.h"
#include "projections/reads.h"
#include "projections/reads_tables.h"

namespace hansa::projections {
namespace {

// Keys of what a city heard begin with the alliance.
std::string heard_prefix(const std::string& alliance) { return alliance + '\0'; }

}  // namespace

Result<v1::CampaignsAnswer> answer(const v1::ListCampaigns& request, const ReadContext& context) {
  v1::CampaignsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kCampaignTable, request, context, [&] { return answer.add_campaigns(); }));
  return answer;
}

Result<v1::CampaignAnswer> answer(const v1::GetCampaign& request, const ReadContext& context) {
  HANSA_TRY(auto campaign,
            context.snapshot.find(kCampaignTable, campaign_key(request.campaign())));
  if (!campaign || campaign->campaign() != request.campaign()) {
    return fail(Errc::kUnknownCampaign,
                "the alliance has proposed no campaign " + request.campaign(), "/campaign");
  }
  v1::CampaignAnswer answer;
  answer.mutable_campaign()->Swap(&*campaign);
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kCampaignCityTable, request, context, [&] { return answer.add_cities(); },
                       campaign_city_key(request.campaign(), "")));
  return answer;
}

Result<v1::FindingsAnswer> answer(const v1::ListFindings& request, const ReadContext& context) {
  v1::FindingsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kFindingTable, request, context, [&] { return answer.add_findings(); }));
  return answer;
}

Result<v1::HeardCampaignsAnswer> answer(const v1::ListHeardCampaigns& request,
                                        const ReadContext& context) {
  v1::HeardCampaignsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kHeardCampaignTable, request, context,
                       [&] { return answer.add_campaigns(); },
                       heard_prefix(request.alliance())));
  return answer;
}

Result<v1::HeardFindingsAnswer> answer(const v1::ListHeardFindings& request,
                                       const ReadContext& context) {
  v1::HeardFindingsAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kHeardFindingTable, request, context,
                       [&] { return answer.add_findings(); },
                       heard_prefix(request.alliance())));
  return answer;
}

Result<v1::HandoversAnswer> answer(const v1::ListHandovers& request, const ReadContext& context) {
  v1::HandoversAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kHandoverTable, request, context, [&] { return answer.add_handovers(); }));
  return answer;
}

Result<v1::CityHandoversAnswer> answer(const v1::ListCityHandovers& request,
                                       const ReadContext& context) {
  v1::CityHandoversAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kHandoverTable, request, context, [&] { return answer.add_handovers(); },
                       request.alliance() + "/"));
  return answer;
}

}  // namespace hansa::projections
