#include "ops/demo/demo.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

std::string count_json(const std::map<std::string, uint64_t>& counts) {
  std::string out;
  for (const auto& [word, count] : counts) {
    out += (out.empty() ? "" : ",") + json_text(word) + ":" + std::to_string(count);
  }
  return "{" + out + "}";
}

std::string city_json(const CityOutcome& city) {
  const auto import = city.import.value_or(ImportSummary{});
  std::string out = "{\"city\":" + json_text(city.city) +
                    ",\"simulated\":" + (city.simulated ? "true" : "false") +
                    ",\"entries\":" + std::to_string(city.entries) +
                    ",\"tip\":" + json_text(city.tip) + ",\"digest\":" + json_text(city.digest) +
                    ",\"cases\":" + count_json(city.cases);
  if (city.import) {
    out += ",\"rows\":" + std::to_string(import.rows) +
           ",\"imported_by_state\":" + count_json(import.by_state);
  }
  return out + ",\"imported\":" + std::to_string(import.imported) +
         ",\"unchanged\":" + std::to_string(import.unchanged) +
         ",\"refused\":" + std::to_string(import.refused) + "}";
}

std::string campaign_json(const v1::Campaign& campaign) {
  const auto& numbers = campaign.numbers();
  return "{\"campaign\":" + json_text(campaign.campaign()) +
         ",\"title\":" + json_text(campaign.title()) +
         ",\"state\":" + json_text(v1::CampaignState::Value_Name(campaign.state())) +
         ",\"committed\":" + std::to_string(numbers.cities_committed()) +
         ",\"declined\":" + std::to_string(numbers.cities_declined()) +
         ",\"actions\":" + std::to_string(numbers.actions()) +
         ",\"joint_actions\":" + std::to_string(numbers.joint_actions()) +
         ",\"differing\":" + std::to_string(numbers.differing()) +
         ",\"orphans\":" + std::to_string(numbers.orphans()) + "}";
}

std::string air_json(const AllianceOutcome::Air& air) {
  return "{\"live\":" + to_json(air.live) + ",\"anew\":" + to_json(air.anew) + "}";
}

std::string alliance_json(const AllianceOutcome& alliance) {
  std::string campaigns;
  for (const auto& campaign : alliance.campaigns) {
    campaigns += (campaigns.empty() ? "" : ",") + campaign_json(campaign);
  }
  std::map<std::string, uint64_t> findings;
  for (const auto& [kind, states] : alliance.findings) {
    for (const auto& [state, count] : states) findings[kind] += count;
  }
  return "{\"alliance\":" + json_text(alliance.alliance) +
         ",\"members\":" + std::to_string(alliance.members.size()) +
         ",\"version_in_force\":" + std::to_string(alliance.version_in_force) +
         ",\"campaigns\":[" + campaigns + "],\"findings\":" + count_json(findings) +
         ",\"handovers\":" + count_json(alliance.handovers) +
         ",\"figures\":" + count_json(alliance.figures) +
         ",\"shared_events\":" + std::to_string(alliance.shared_events) +
         ",\"entries\":" + std::to_string(alliance.entries) +
         ",\"tip\":" + json_text(alliance.tip) +
         ",\"digest\":" + json_text(alliance.digest) +
         ",\"air\":" + (alliance.air ? air_json(*alliance.air) : "null") + "}";
}

}  // namespace

std::string demo_json(const DemoOptions& options, const DemoOutcome& outcome) {
  std::string cities;
  for (const auto& city : outcome.cities) cities += (cities.empty() ? "" : ",") + city_json(city);
  const auto alliance = outcome.alliance ? alliance_json(*outcome.alliance) : "null";
  return "{\"cities\":[" + cities + "],\"alliance\":" + alliance +
         ",\"seed\":" + std::to_string(options.seed) +
         ",\"days\":" + std::to_string(options.days) +
         ",\"start\":" + json_text(time_text(kDemoStartUs)) +
         ",\"end\":" + json_text(time_text(outcome.end_us)) + "}";
}

}  // namespace hansa::ops
