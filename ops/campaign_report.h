// Campaign report: what a campaign came to, written and signed by its alliance's secretariat.
//
// Shape:   read_campaign_facts() asks a server for everything on one campaign as of one entry of
//          the alliance's ledger. report_files() makes of it, always the same bytes of the same
//          facts and key:
//            report.json   one line: report ("hansa campaign report 1"), alliance, title, ledger,
//                          seq and sha256 (of the entry it was made from), campaign with its
//                          numbers, cities (each one's word and actions), silent (members that
//                          said no word), joint_actions (both accounts, and whether they agree),
//                          findings, ledger_findings (open ones of no campaign: what is held
//                          against the ledgers); messages of the schema as ops/json.h writes them
//            report.html   the same to be read and printed; it names the SHA-256 of report.json
//            report.sig    JSON: ledger, public_key, json_sha256, html_sha256, signature: Ed25519
//                          over these lines, each ended by a newline:
//                            hansa report 1
//                            <ledger>               alliance/delta
//                            <founding id>          32 hex digits
//                            <hash of report.json>  64 hex digits
//                            <hash of report.html>  64 hex digits
//          verify_report() needs nothing but the folder and the alliance's keys
//          (ops/key_statement.h): the one that counts at the entry signed.
// Errors:  read_campaign_facts: what the server says; kNotYet when the ledger goes on faster than
//          it can be read. verify_report: kBadSignature: another text, another key or another
//          alliance's; kBadFile for what cannot be read.
// Threads: free for all.
// Source:  DESIGN §8.
#pragma once

#include <string>
#include <vector>

#include "hansa/v1/rows.pb.h"
#include "ops/client.h"
#include "ops/key_statement.h"

namespace hansa::ops {

struct CampaignFacts {
  std::string alliance;
  v1::Title title;
  Seq seq = 0;
  Seq confirmed_seq = 0;
  std::string sha256;  // of that entry, 64 hex digits
  v1::Campaign campaign;
  std::vector<v1::CampaignCity> cities;  // by name, those that said a word
  std::vector<v1::Member> members;       // by name
  std::vector<v1::Finding> findings;     // of this campaign
  // Of none: what is held against the ledgers that all this is told in, and not settled yet.
  std::vector<v1::Finding> ledger_findings;
};

// One action of two cities: the accounts of those that have recorded it, by name.
struct JointPair {
  std::string joint_id;
  std::vector<std::string> cities;
  std::vector<v1::JointAccount> accounts;
  std::string outcome;  // "matched", "differing" or "one account"
};

struct ReportFile {
  std::string name;
  std::string text;
};

Result<CampaignFacts> read_campaign_facts(Client& client, const std::string& alliance,
                                          const std::string& campaign);
// Members that could say a word, and said none.
std::vector<std::string> silent_cities(const CampaignFacts& facts);
std::vector<JointPair> joint_pairs(const CampaignFacts& facts);
std::vector<ReportFile> report_files(const CampaignFacts& facts, const KeyFile& keys);

Result<void> verify_report(const std::string& folder, const KnownKeys& alliance);
// The SHA-256 of the folder's report.json, which must be that of this campaign; 64 hex digits.
Result<std::string> report_sha256(const std::string& folder, const std::string& alliance,
                                  const std::string& campaign);

}  // namespace hansa::ops
