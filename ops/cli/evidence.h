// Evidence on the command line: whom a verb trusts, and how it says that something does not hold.
//
// Shape:   add_trust() declares --alliance-key and --statement; trusted_alliance() reads them: the
//          alliance's identity.json, or a file with one line, the key as `<name>+<id>+<base64>`
//          whose name is that of the alliance's log.
//          refuted() prints the sentence and answers exit code 4; with `json` it also prints
//          {"ok": false, "code": …, "detail": …, "seq": …} to standard output.
//          trusted_source() is what verbs on one share begin with: the key is of this alliance, and
//          the folder has copies of both logs.
// Errors:  kBadFile for a file that is neither, or a folder without a copy of the ledger;
//          kBadConfig for the key of another alliance.
// Threads: the main thread.
#pragma once

#include "federation/evidence_league.h"
#include "hansa/v1/evidence_rows.pb.h"
#include "hansa/v1/figures.pb.h"
#include "hansa/v1/rows.pb.h"
#include "ops/cli/cli.h"

namespace hansa::ops {

struct EvidenceTrust {
  std::string key_file;
  std::vector<std::string> statements;  // files, in the order in which they were made
};
void add_trust(CLI::App& verb, EvidenceTrust& trust);

struct TrustedAlliance {
  KnownKeys known;
  std::string shown;  // fingerprint or key, for people

  federation::EvidenceSource source() const;
};
Result<TrustedAlliance> trusted_alliance(const EvidenceTrust& trust);

int refuted(const Error& error, bool json = false);
// A sentence of kBadFile, if the folder holds no copy of this ledger's log.
Result<void> has_copy(const std::string& folder, const LedgerId& ledger);

Result<federation::EvidenceSource> trusted_source(const EvidenceTrust& trust,
                                                  const std::string& alliance,
                                                  const std::string& city,
                                                  const std::string& folder);

// "CaseReported"
std::string event_name(const v1::Event& event);
std::string head_json(const federation::EvidenceHead& head);
std::string head_text(const federation::EvidenceHead& head);

// Of a figure as the alliance's log has it: "proved", "attested" or "does not follow", and why.
// kNotYet: the copies end before what it is made of.
inline constexpr std::string_view kDoesNotFollowWords = "does not follow";
struct FigureVerdict {
  std::string standing;
  std::string why;
};
Result<FigureVerdict> verify_figure(const std::string& folder, const v1::FigureRecord& record,
                                    const v1::FigureJudged& judged,
                                    federation::AllianceEvidence& alliance);

// A table, a line each.
void print_findings(const std::vector<v1::Finding>& findings);

void add_audit(CLI::App& app, Chosen& chosen);
void add_pack(CLI::App& app, Chosen& chosen);
void add_verify_metric(CLI::App& verify, Chosen& chosen);
void add_verify_league(CLI::App& verify, Chosen& chosen);
void add_verify_pack(CLI::App& verify, Chosen& chosen);

// What `hansa campaign report --verify` and `hansa verify report` do.
int verify_report_folder(const std::string& folder, const EvidenceTrust& trust);

}  // namespace hansa::ops
