// Goal: a campaign's report says what its facts say, the same each time, lets no text of a city act
// as markup, and shows when anything in it was changed.
// Method: facts by hand, with texts that try to be markup; files written, read back, and spoilt one
// part at a time.
#include "ops/campaign_report.h"

#include <gtest/gtest.h>

#include "ops/files.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::ops {
namespace {

using projections::testing::ScratchFolder;

constexpr const char* kMarkup = "<script src=\"x\">&amp;</script>";

KeyFile some_keys() {
  KeyFile keys;
  keys.founding_id.bytes.fill(7);
  keys.signing.first = std::string(kSeedBytes, 's');
  return keys;
}

Identity identity_of(const KeyFile& keys) {
  return {{"alliance", "delta"}, to_hex(keys.founding_id), public_key_of(keys.signing.first),
          std::string(64, 'c')};
}

v1::CampaignAction& add_action(v1::CampaignCity& city, const std::string& joint_id,
                               const std::string& partner, uint64_t quantity) {
  auto& action = *city.add_actions();
  action.set_title(kMarkup);
  action.set_day("2025-03-19");
  action.set_joint_id(joint_id);
  action.set_partner(partner);
  action.set_quantity(quantity);
  action.set_unit("tonnes");
  return action;
}

CampaignFacts some_facts() {
  CampaignFacts facts;
  facts.alliance = "delta";
  facts.seq = 57;
  facts.sha256 = std::string(64, 'a');
  facts.title.set_en(kMarkup);
  facts.campaign.set_campaign("k1");
  facts.campaign.set_title(kMarkup);
  facts.campaign.set_purpose(kMarkup);
  facts.campaign.set_summary(kMarkup);
  for (const std::string city : {"changzhou", "suzhou", "wuxi", "yangzhou"}) {
    auto& member = facts.members.emplace_back();
    member.set_city(city);
    member.set_membership(city == "yangzhou" ? v1::Membership::withdrawn
                                             : v1::Membership::admitted);
    if (city != "suzhou" && city != "wuxi") continue;
    auto& said = facts.cities.emplace_back();
    said.set_city(city);
    said.set_word(v1::CampaignWord::committed);
    said.set_statement(kMarkup);
  }
  auto& suzhou = facts.cities[0];
  auto& wuxi = facts.cities[1];
  add_action(wuxi, "", "", 1);
  add_action(wuxi, "mouth", "suzhou", 12);
  add_action(suzhou, "mouth", "wuxi", 10);
  add_action(wuxi, "bank", "suzhou", 5);
  add_action(suzhou, "bank", "wuxi", 5);
  add_action(wuxi, "alone", "changzhou", 3);
  auto& finding = facts.findings.emplace_back();
  finding.mutable_raised()->set_finding("f9");
  finding.mutable_raised()->set_joint_id(kMarkup);
  finding.set_reason(kMarkup);
  finding.add_words()->set_explanation(kMarkup);
  auto& held = *facts.ledger_findings.emplace_back().mutable_raised();
  held.set_finding("f12");
  held.set_kind(v1::FindingKind::silence);
  held.add_cities("changzhou");
  held.set_ledger("share/delta/changzhou");
  held.add_evidence();
  held.add_evidence()->set_text(kMarkup);
  return facts;
}

void write_report(const std::string& folder, const KeyFile& keys = some_keys()) {
  ASSERT_TRUE(make_folders(folder));
  for (const auto& file : report_files(some_facts(), keys)) {
    ASSERT_TRUE(write_file(folder + "/" + file.name, file.text));
  }
}

TEST(CampaignReport, TheSameFactsGiveTheSameBytes) {
  const auto files = report_files(some_facts(), some_keys());
  const auto again = report_files(some_facts(), some_keys());
  ASSERT_EQ(files.size(), 3U);
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(files[i].text, again[i].text);
  auto other = some_facts();
  other.seq = 58;
  EXPECT_NE(report_files(other, some_keys())[0].text, files[0].text);
}

TEST(CampaignReport, BothAccountsOfAJointActionAreCompared) {
  std::vector<std::string> seen;
  for (const auto& pair : joint_pairs(some_facts())) {
    seen.push_back(pair.joint_id + " " + pair.cities[0] + " " + pair.cities[1] + " " +
                   pair.outcome);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"alone changzhou wuxi one account",
                                            "bank suzhou wuxi matched",
                                            "mouth suzhou wuxi differing"}));
}

TEST(CampaignReport, WhoSaysNothingIsNamedUnlessItHasLeft) {
  EXPECT_EQ(silent_cities(some_facts()), std::vector<std::string>{"changzhou"});
}

TEST(CampaignReport, NoTextOfACityIsMarkup) {
  const auto page = report_files(some_facts(), some_keys())[1].text;
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("&amp;</"), std::string::npos);
  size_t shown = 0;
  const std::string escaped = "&lt;script src=&quot;x&quot;&gt;&amp;amp;&lt;/script&gt;";
  for (size_t at = 0; (at = page.find(escaped, at)) != std::string::npos; ++at) ++shown;
  // Title twice, alliance, purpose, summary, two statements, six actions, three of the finding,
  // one of what is held against a ledger.
  EXPECT_EQ(shown, 17U);
}

TEST(CampaignReport, WhatIsHeldAgainstLedgersStandsBesideWhatTheyTell) {
  auto facts = some_facts();
  facts.ledger_findings[0].mutable_raised()->mutable_evidence(1)->set_text("its last word");
  auto files = report_files(facts, some_keys());
  EXPECT_NE(files[0].text.find("\"ledger_findings\":[{\"raised\":{\"finding\":\"f12\""),
            std::string::npos);
  for (const std::string word : {"<h2>What is held against ledgers</h2>", "share/delta/changzhou",
                                 "silence", "nothing was heard of it: its last word"}) {
    EXPECT_NE(files[1].text.find(word), std::string::npos) << word;
  }
  facts.ledger_findings.clear();
  files = report_files(facts, some_keys());
  EXPECT_NE(files[0].text.find("\"ledger_findings\":[]"), std::string::npos);
  EXPECT_EQ(files[1].text.find("held against"), std::string::npos);
}

TEST(CampaignReport, WhatIsSpoiltIsFoundByTheIdentityAlone) {
  const ScratchFolder folder;
  const auto path = folder.path("report");
  const auto identity = identity_of(some_keys());
  const auto known = known_keys(identity, identity.ledger);
  write_report(path);
  ASSERT_TRUE(verify_report(path, known));
  for (const std::string name : {"report.json", "report.html", "report.sig"}) {
    const auto text = read_file(path + "/" + name);
    ASSERT_TRUE(text);
    auto spoilt = *text;
    // The last digit of a signature, and a letter of the others.
    auto& letter = spoilt[spoilt.size() - 5];
    letter = letter == '0' ? '1' : '0';
    ASSERT_TRUE(write_file(path + "/" + name, spoilt));
    const auto found = verify_report(path, known);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Errc::kBadSignature) << found.error().detail;
    ASSERT_TRUE(write_file(path + "/" + name, *text));
  }
  auto other = known;
  other.founding_id.back() = 'f';
  EXPECT_EQ(verify_report(path, other).error().code, Errc::kBadSignature);
  other = known;
  other.keys = only_key(public_key_of(std::string(kSeedBytes, 't')));
  EXPECT_EQ(verify_report(path, other).error().code, Errc::kBadSignature);
  other = known;
  other.ledger.id = "pearl";
  EXPECT_EQ(verify_report(path, other).error().code, Errc::kBadSignature);
  ASSERT_TRUE(write_file(path + "/report.sig", "[]"));
  EXPECT_EQ(verify_report(path, known).error().code, Errc::kBadFile);
}

TEST(CampaignReport, IsSignedWithTheKeyThatCountsAtItsEntry) {
  const ScratchFolder folder;
  auto keys = some_keys();
  const auto identity = identity_of(keys);
  const std::string seed(kSeedBytes, 't');
  keys.signing.changes = {{identity.ledger, some_facts().seq, seed}};
  write_report(folder.path("report"), keys);
  auto known = known_keys(identity, identity.ledger);
  EXPECT_EQ(verify_report(folder.path("report"), known).error().code, Errc::kBadSignature);
  apply_change(known.keys, public_key_of(seed), some_facts().seq);
  EXPECT_TRUE(verify_report(folder.path("report"), known));
  write_report(folder.path("old"), some_keys());
  EXPECT_EQ(verify_report(folder.path("old"), known).error().code, Errc::kBadSignature)
      << "a retired key signs no report";
}

TEST(CampaignReport, OnlyTheReportOfTheCampaignGivesItsHash) {
  const ScratchFolder folder;
  const auto path = folder.path("report");
  write_report(path);
  const auto hash = report_sha256(path, "delta", "k1");
  ASSERT_TRUE(hash) << hash.error().detail;
  const auto signature = read_file(path + "/report.sig");
  EXPECT_NE(signature->find(*hash), std::string::npos);
  EXPECT_EQ(report_sha256(path, "delta", "k2").error().code, Errc::kBadFile);
  EXPECT_EQ(report_sha256(path, "pearl", "k1").error().code, Errc::kBadFile);
  ASSERT_TRUE(write_file(path + "/report.json", "{\"campaign\": \"k1\", \"alliance\": \"delta\"}"));
  EXPECT_EQ(report_sha256(path, "delta", "k1").error().code, Errc::kBadFile);
}

}  // namespace
}  // namespace hansa::ops
