#include "ops/campaign_page.h"

#include "ops/finding_text.h"
#include "ops/html.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

std::string title_of(const CampaignFacts& facts) {
  const auto& title = facts.title;
  if (title.en().empty() && title.zh().empty()) return facts.alliance;
  if (title.en().empty() || title.zh().empty()) return title.en() + title.zh();
  return title.en() + " · " + title.zh();
}

std::string day_of(int64_t time_us) { return time_us == 0 ? "" : time_text(time_us).substr(0, 10); }

std::string amount(const v1::CampaignAction& action) {
  if (action.quantity() == 0 && action.unit().empty()) return "";
  return std::to_string(action.quantity()) + (action.unit().empty() ? "" : " " + action.unit());
}

std::string opening(const CampaignFacts& facts) {
  const auto& campaign = facts.campaign;
  std::string state = v1::CampaignState::Value_Name(campaign.state());
  if (campaign.ended_time_us() != 0) state += " on " + day_of(campaign.ended_time_us());
  std::string out = "<p class=\"quiet\">" + escape_html(title_of(facts)) + " · campaign " +
                    escape_html(campaign.campaign()) + "</p>\n<h1>" +
                    escape_html(campaign.title()) + "</h1>\n<p>" +
                    escape_html(campaign.purpose()) + "</p>\n<p class=\"quiet\">" +
                    day_of(campaign.starts_time_us()) + " to " + day_of(campaign.ends_time_us()) +
                    " · proposed on " + day_of(campaign.proposed_time_us());
  if (campaign.launched_time_us() != 0) {
    out += " · launched on " + day_of(campaign.launched_time_us());
  }
  out += " · " + state + " · quorum " + std::to_string(campaign.quorum()) + "</p>\n";
  return campaign.summary().empty() ? out : out + "<p>" + escape_html(campaign.summary()) +
                                                "</p>\n";
}

std::string numbers(const CampaignFacts& facts) {
  const auto& counted = facts.campaign.numbers();
  const std::pair<uint64_t, const char*> shown[] = {
      {counted.cities_committed(), "cities committed"},
      {counted.cities_declined(), "declined"},
      {silent_cities(facts).size(), "silent"},
      {counted.actions(), "actions"},
      {counted.joint_actions(), "by two cities"},
      {counted.differing(), "told differently"},
      {counted.orphans(), "told by one alone"},
      {counted.findings_open(), "findings open"}};
  std::string out = "<ul class=\"numbers\">\n";
  for (const auto& [number, name] : shown) {
    out += "<li><b>" + std::to_string(number) + "</b>" + name + "</li>\n";
  }
  return out + "</ul>\n";
}

std::string words(const CampaignFacts& facts) {
  std::string out = "<h2>Each city's word</h2>\n" +
                    html_table({"City", "Word", "In its own words"});
  for (const auto& city : facts.cities) {
    out += html_row({city.city(), v1::CampaignWord::Value_Name(city.word()), city.statement()});
  }
  for (const auto& city : silent_cities(facts)) out += html_row({city, "said nothing", ""});
  return out + html_table_end();
}

std::string actions(const CampaignFacts& facts) {
  std::string rows;
  for (const auto& city : facts.cities) {
    for (const auto& action : city.actions()) {
      rows += "<tr>" + html_cell(city.city()) + html_cell(action.title()) +
              html_cell(action.day()) +
              html_cell(action.partner().empty() ? "" : "with " + action.partner()) +
              "<td class=\"number\">" + escape_html(amount(action)) + "</td></tr>\n";
    }
  }
  if (rows.empty()) return "";
  return "<h2>What was done</h2>\n" + html_table({"City", "Action", "Day", "", "How much"}) + rows +
         html_table_end();
}

std::string joint_actions(const CampaignFacts& facts) {
  std::string rows;
  for (const auto& pair : joint_pairs(facts)) {
    std::string accounts;
    for (const auto& account : pair.accounts) {
      accounts += (accounts.empty() ? "" : "<br>") +
                  escape_html(account.city() + ": " + account.recorded().day() + " " +
                              amount(account.recorded()));
    }
    const bool agrees = pair.outcome == "matched";
    rows += "<tr>" + html_cell(pair.joint_id) +
            html_cell(pair.cities[0] + " and " + pair.cities[1]) +
            "<td>" + accounts + "</td><td" + (agrees ? "" : " class=\"mark\"") + ">" +
            pair.outcome + "</td></tr>\n";
  }
  if (rows.empty()) return "";
  return "<h2>What two cities did together</h2>\n" +
         html_table({"Action", "Cities", "Accounts", ""}) + rows + html_table_end();
}

std::string findings(const CampaignFacts& facts) {
  std::string rows;
  for (const auto& finding : facts.findings) {
    std::string said = escape_html(finding.reason());
    for (const auto& word : finding.words()) {
      if (word.explanation().empty()) continue;
      said += (said.empty() ? "" : "<br>") + escape_html(word.city() + ": " + word.explanation());
    }
    const auto& raised = finding.raised();
    const bool is_open = finding.state() != v1::FindingState::settled;
    rows += "<tr>" + html_cell(raised.finding()) + html_cell(raised.joint_id()) +
            html_cell(v1::FindingKind::Value_Name(raised.kind())) + "<td" +
            (is_open ? " class=\"mark\"" : "") + ">" +
            v1::FindingState::Value_Name(finding.state()) + "</td><td>" + said + "</td></tr>\n";
  }
  if (rows.empty()) return "<h2>Findings</h2>\n<p>No two accounts differ.</p>\n";
  return "<h2>Findings</h2>\n" +
         html_table({"Finding", "Action", "Kind", "State", "What was said"}) + rows +
         html_table_end();
}

std::string ledger_findings(const CampaignFacts& facts) {
  if (facts.ledger_findings.empty()) return "";
  std::string rows;
  for (const auto& finding : facts.ledger_findings) {
    const auto& raised = finding.raised();
    rows += "<tr>" + html_cell(raised.finding()) + html_cell(raised.ledger()) +
            html_cell(finding_cities(raised)) +
            html_cell(v1::FindingKind::Value_Name(raised.kind())) + "<td class=\"mark\">" +
            v1::FindingState::Value_Name(finding.state()) + "</td>" +
            html_cell(finding_sentence(raised)) + "</tr>\n";
  }
  return "<h2>What is held against ledgers</h2>\n" +
         html_table({"Finding", "Ledger", "City", "Kind", "State", "What it says"}) + rows +
         html_table_end();
}

}  // namespace

std::string campaign_page(const CampaignFacts& facts, const std::string& json_sha256) {
  return std::string(printable_head()) + "<title>" + escape_html(facts.campaign.title()) +
         "</title></head><body>\n" + opening(facts) + numbers(facts) + words(facts) +
         actions(facts) + joint_actions(facts) + findings(facts) + ledger_findings(facts) +
         "<footer><p>Made from entry " + std::to_string(facts.seq) + " of ledger alliance/" +
         escape_html(facts.alliance) + ", whose SHA-256 is <code>" + facts.sha256 +
         "</code>.</p>\n<p>The same facts stand in report.json, whose SHA-256 is <code>" +
         json_sha256 + "</code>; report.sig signs both.</p></footer>\n</body></html>\n";
}

}  // namespace hansa::ops
