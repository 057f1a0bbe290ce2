#include "ops/campaign_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>

#include "core/base/hash.h"
#include "federation/checkpoint.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "hansa/v1/campaign_reads.pb.h"
#include "ops/campaign_page.h"
#include "ops/files.h"
#include "ops/finding_text.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

constexpr int kReadsMax = 20;
constexpr size_t kSignatureBytesMax = 4096;
constexpr std::string_view kFormat = "hansa campaign report 1";

// The seq of every answer that was read, if it is the same one.
class OneSeq {
 public:
  void add(Seq seq) {
    differs_ = differs_ || (seq_ != 0 && seq_ != seq);
    seq_ = seq;
  }
  bool holds() const { return !differs_; }
  Seq seq() const { return seq_; }

 private:
  Seq seq_ = 0;
  bool differs_ = false;
};

Result<void> read_alliance(Client& client, CampaignFacts& facts, OneSeq& seqs) {
  v1::GetAlliance request;
  request.set_alliance(facts.alliance);
  const auto* method = find_method(request.GetDescriptor()->name());
  HANSA_TRY(const auto http, make_request(*method, to_json(request)));
  HANSA_TRY(const auto answered, client.request(http));
  if (answered.status >= 400) return fail(problem_error(answered));
  v1::AllianceAnswer answer;
  HANSA_CHECK(from_json(answered.body, answer));
  facts.title = answer.alliance().title();
  facts.sha256 = answered.entry_sha256;
  facts.confirmed_seq = answer.confirmed_seq();
  seqs.add(answer.seq());
  return {};
}

Result<void> read_lists(Client& client, const std::string& campaign, CampaignFacts& facts,
                        OneSeq& seqs) {
  v1::GetCampaign one;
  one.set_alliance(facts.alliance);
  one.set_campaign(campaign);
  HANSA_CHECK(client.call_all<v1::CampaignAnswer>(one, [&](auto& page) -> Result<void> {
    facts.campaign = page.campaign();
    facts.cities.insert(facts.cities.end(), page.cities().begin(), page.cities().end());
    seqs.add(page.seq());
    return {};
  }));
  v1::ListMembers members;
  members.set_alliance(facts.alliance);
  HANSA_CHECK(client.call_all<v1::MembersAnswer>(members, [&](auto& page) -> Result<void> {
    facts.members.insert(facts.members.end(), page.members().begin(), page.members().end());
    seqs.add(page.seq());
    return {};
  }));
  v1::ListFindings findings;
  findings.set_alliance(facts.alliance);
  return client.call_all<v1::FindingsAnswer>(findings, [&](auto& page) -> Result<void> {
    for (auto& row : page.findings()) {
      if (row.raised().campaign() == campaign) facts.findings.push_back(row);
      if (is_ledger_finding(row) && is_open(row)) facts.ledger_findings.push_back(row);
    }
    seqs.add(page.seq());
    return {};
  });
}

template <typename Rows>
std::string json_list(const Rows& rows, const auto& text_of) {
  std::string out = "[";
  for (const auto& row : rows) out += (out.size() == 1 ? "" : ",") + text_of(row);
  return out + "]";
}

std::string json_of(const JointPair& pair) {
  return "{\"joint_id\":" + json_text(pair.joint_id) + ",\"cities\":" +
         json_list(pair.cities, [](const auto& city) { return json_text(city); }) +
         ",\"outcome\":" + json_text(pair.outcome) + ",\"accounts\":" +
         json_list(pair.accounts, [](const auto& account) { return to_json(account); }) + "}";
}

std::string report_json(const CampaignFacts& facts) {
  const auto as_json = [](const auto& row) { return to_json(row); };
  return "{\"report\":" + json_text(kFormat) + ",\"alliance\":" + json_text(facts.alliance) +
         ",\"title\":" + to_json(facts.title) + ",\"ledger\":" +
         json_text("alliance/" + facts.alliance) + ",\"seq\":" +
         json_text(std::to_string(facts.seq)) + ",\"sha256\":" + json_text(facts.sha256) +
         ",\"campaign\":" + to_json(facts.campaign) + ",\"cities\":" +
         json_list(facts.cities, as_json) + ",\"silent\":" +
         json_list(silent_cities(facts), [](const auto& city) { return json_text(city); }) +
         ",\"joint_actions\":" +
         json_list(joint_pairs(facts), [](const auto& pair) { return json_of(pair); }) +
         ",\"findings\":" + json_list(facts.findings, as_json) + ",\"ledger_findings\":" +
         json_list(facts.ledger_findings, as_json) + "}\n";
}

std::string signed_text(const std::string& ledger, const std::string& founding_id,
                        const std::string& json_sha256, const std::string& html_sha256) {
  return "hansa report 1\n" + ledger + "\n" + founding_id + "\n" + json_sha256 + "\n" +
         html_sha256 + "\n";
}

Result<boost::json::object> read_object(const std::string& file, size_t bytes_max) {
  HANSA_TRY(const auto text, read_file(file, bytes_max));
  boost::system::error_code code;
  auto value = boost::json::parse(text, code);
  if (!code && value.is_object()) return std::move(value.get_object());
  return fail(Errc::kBadFile, file + ": expected a JSON object, as `hansa campaign report` "
                                     "wrote it");
}

// "" for what is absent or no text.
std::string text_at(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? "" : std::string(*text);
}

}  // namespace

Result<CampaignFacts> read_campaign_facts(Client& client, const std::string& alliance,
                                          const std::string& campaign) {
  for (int i = 0; i < kReadsMax; ++i) {
    CampaignFacts facts;
    facts.alliance = alliance;
    OneSeq seqs;
    HANSA_CHECK(read_alliance(client, facts, seqs));
    HANSA_CHECK(read_lists(client, campaign, facts, seqs));
    facts.seq = seqs.seq();
    if (seqs.holds()) return facts;
  }
  return fail(Errc::kNotYet, "alliance/" + alliance + " went on " + std::to_string(kReadsMax) +
                                 " times while it was read; try again when less is happening");
}

std::vector<std::string> silent_cities(const CampaignFacts& facts) {
  std::set<std::string> spoke;
  for (const auto& city : facts.cities) spoke.insert(city.city());
  std::vector<std::string> silent;
  for (const auto& member : facts.members) {
    const bool belongs = member.membership() == v1::Membership::admitted ||
                         member.membership() == v1::Membership::suspended;
    if (belongs && !spoke.contains(member.city())) silent.push_back(member.city());
  }
  return silent;
}

std::vector<JointPair> joint_pairs(const CampaignFacts& facts) {
  std::map<std::vector<std::string>, JointPair> pairs;
  for (const auto& city : facts.cities) {
    for (const auto& action : city.actions()) {
      if (action.joint_id().empty()) continue;
      const auto [first, second] = std::minmax(city.city(), action.partner());
      auto& pair = pairs[{action.joint_id(), first, second}];
      pair.joint_id = action.joint_id();
      pair.cities = {first, second};
      auto& account = pair.accounts.emplace_back();
      account.set_city(city.city());
      *account.mutable_recorded() = action;
    }
  }
  std::vector<JointPair> list;
  for (auto& [key, pair] : pairs) {
    const auto& one = pair.accounts.front().recorded();
    const auto& other = pair.accounts.back().recorded();
    const bool same = one.day() == other.day() && one.quantity() == other.quantity() &&
                      one.unit() == other.unit();
    pair.outcome = pair.accounts.size() == 1 ? "one account" : same ? "matched" : "differing";
    list.push_back(std::move(pair));
  }
  return list;
}

std::vector<ReportFile> report_files(const CampaignFacts& facts, const KeyFile& keys) {
  const std::string json = report_json(facts);
  const std::string json_sha256 = to_hex(sha256(json));
  const std::string html = campaign_page(facts, json_sha256);
  const std::string html_sha256 = to_hex(sha256(html));
  const LedgerId alliance{std::string(kAllianceKind), facts.alliance};
  const std::string ledger = alliance.text();
  const std::string& seed = keys.signing.of(alliance, facts.seq);
  const auto signature =
      sign(seed, signed_text(ledger, to_hex(keys.founding_id), json_sha256, html_sha256));
  return {{"report.json", json},
          {"report.html", html},
          {"report.sig", "{\n  \"ledger\": " + json_text(ledger) + ",\n  \"public_key\": " +
                             json_text(to_hex(hansa::public_key_of(seed))) +
                             ",\n  \"json_sha256\": " + json_text(json_sha256) +
                             ",\n  \"html_sha256\": " + json_text(html_sha256) +
                             ",\n  \"signature\": " + json_text(to_hex(signature)) + "\n}\n"}};
}

Result<void> verify_report(const std::string& folder, const KnownKeys& alliance) {
  HANSA_TRY(const auto stated, read_object(folder + "/report.sig", kSignatureBytesMax));
  for (const std::string name : {"json", "html"}) {
    const std::string file = folder + "/report." + name;
    HANSA_TRY(const auto text, read_file(file));
    const std::string found = to_hex(sha256(text));
    if (found == text_at(stated, name + "_sha256")) continue;
    return fail(Errc::kBadSignature, file + " is not what was signed: its SHA-256 is " + found);
  }
  if (text_at(stated, "ledger") != alliance.ledger.text()) {
    return fail(Errc::kBadSignature, folder + " has a report of `" + text_at(stated, "ledger") +
                                         "`, not of " + alliance.ledger.text());
  }
  constexpr size_t kAnySize = std::numeric_limits<size_t>::max();
  HANSA_TRY(const auto facts, read_object(folder + "/report.json", kAnySize));
  const Seq seq = std::strtoull(text_at(facts, "seq").c_str(), nullptr, 10);
  const auto* counts = key_for(alliance.keys, seq);
  const auto key = counts == nullptr ? std::nullopt : parse_hex<PublicKey>(counts->public_key());
  const auto signature = parse_hex<Signature>(text_at(stated, "signature"));
  const std::string text =
      signed_text(alliance.ledger.text(), alliance.founding_id, text_at(stated, "json_sha256"),
                  text_at(stated, "html_sha256"));
  if (key && signature && is_signed(*key, text, *signature)) return {};
  return fail(Errc::kBadSignature, folder + "/report.sig bears no signature of the key of " +
                                       alliance.ledger.text() + "; known are " +
                                       keys_text(alliance.keys));
}

Result<std::string> report_sha256(const std::string& folder, const std::string& alliance,
                                  const std::string& campaign) {
  const std::string file = folder + "/report.json";
  HANSA_TRY(const auto text, read_file(file));
  HANSA_TRY(const auto report, read_object(file, text.size()));
  const auto* inner = report.if_contains("campaign");
  const auto* object = inner == nullptr ? nullptr : inner->if_object();
  const std::string found = object == nullptr ? "" : text_at(*object, "campaign");
  if (text_at(report, "report") == kFormat && text_at(report, "alliance") == alliance &&
      found == campaign) {
    return to_hex(sha256(text));
  }
  return fail(Errc::kBadFile, file + " is the report of campaign `" + found + "` of `" +
                                  text_at(report, "alliance") + "`; expected that of " + campaign +
                                  " of " + alliance);
}

}  // namespace hansa::ops
