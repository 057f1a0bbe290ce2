#include "ops/cli/evidence.h"

#include <filesystem>

#include "ops/campaign_report.h"
#include "ops/files.h"
#include "ops/finding_text.h"
#include "ops/json.h"
#include "ops/key_statement.h"

namespace hansa::ops {
namespace {

// The alliance that a key of this name signs for.
Result<KnownKeys> known_by(const NoteKey& key, const std::string& file) {
  const std::string_view name = key.name;
  const auto host_end = name.find('/');
  const auto founding_at = name.rfind('/');
  if (host_end != std::string_view::npos && founding_at > host_end) {
    const auto ledger = LedgerId::parse(name.substr(host_end + 1, founding_at - host_end - 1));
    const auto founding_id = parse_hex<FoundingId>(name.substr(founding_at + 1));
    if (ledger && founding_id) {
      return KnownKeys{*ledger, to_hex(*founding_id), "", only_key(to_hex(key.public_key))};
    }
  }
  return fail(Errc::kBadFile, file + ": a key's name must be <host>/alliance/<id>/<founding id>, "
                                     "it is " +
                                  key.name);
}

}  // namespace

void add_trust(CLI::App& verb, EvidenceTrust& trust) {
  verb.add_option("--alliance-key", trust.key_file,
                  "The alliance's identity.json, or a file with its key in one line (vkey)")
      ->required();
  verb.add_option("--statement", trust.statements,
                  "A statement by which it changed its key; several in their order");
}

federation::EvidenceSource TrustedAlliance::source() const {
  return {known.ledger, *parse_hex<FoundingId>(known.founding_id), known.keys};
}

Result<TrustedAlliance> trusted_alliance(const EvidenceTrust& trust) {
  TrustedAlliance trusted;
  HANSA_TRY(const auto text, read_file(trust.key_file, 4096));
  if (text.starts_with('{')) {
    HANSA_TRY(const auto identity, read_identity(trust.key_file));
    trusted.known = known_keys(identity, identity.ledger);
    trusted.shown = "fingerprint " + fingerprint(identity);
  } else {
    const auto key = parse_vkey(text.substr(0, text.find('\n')));
    if (!key) return fail(Errc::kBadFile, trust.key_file + ": " + key.error().detail);
    HANSA_TRY(trusted.known, known_by(*key, trust.key_file));
    trusted.shown = "key " + to_hex(key->public_key);
  }
  if (trusted.known.ledger.kind != kAllianceKind) {
    return fail(Errc::kBadFile, trust.key_file + ": expected the key of an alliance, not of " +
                                    trusted.known.ledger.text());
  }
  for (const auto& file : trust.statements) HANSA_CHECK(take_statement(file, trusted.known));
  return trusted;
}

int refuted(const Error& error, bool json) {
  report(error);
  if (json) {
    print_line("{\"ok\":false,\"code\":" + json_text(error_info(error.code).name) +
               ",\"detail\":" + json_text(error.detail) + ",\"seq\":" +
               json_text(std::to_string(error.seq)) + "}");
  }
  return kExitVerificationFailed;
}

Result<void> has_copy(const std::string& folder, const LedgerId& ledger) {
  const auto path = federation::EvidenceFolder(folder, ledger).path();
  if (std::filesystem::exists(path + "/checkpoint")) return {};
  return fail(Errc::kBadFile, folder + " holds no copy of " + ledger.text() + ": expected " + path +
                                  "/checkpoint, as `hansa tlog copy` makes it");
}

Result<federation::EvidenceSource> trusted_source(const EvidenceTrust& trust,
                                                  const std::string& alliance,
                                                  const std::string& city,
                                                  const std::string& folder) {
  HANSA_TRY(const auto trusted, trusted_alliance(trust));
  auto source = trusted.source();
  if (source.ledger.id != alliance) {
    return fail(Errc::kBadConfig, trust.key_file + " is the key of " + source.ledger.text() +
                                      ", expected that of alliance/" + alliance);
  }
  HANSA_CHECK(has_copy(folder, source.ledger));
  HANSA_CHECK(has_copy(folder, share_ledger(alliance, city)));
  return source;
}

std::string event_name(const v1::Event& event) {
  static const auto* const kOneof = v1::Event::descriptor()->oneof_decl(0);
  const auto* field = event.GetReflection()->GetOneofFieldDescriptor(event, kOneof);
  return field == nullptr ? "unknown" : field->message_type()->name();
}

std::string head_json(const federation::EvidenceHead& head) {
  const auto& checkpoint = head.head.checkpoint;
  return "{\"ledger\":" + json_text(checkpoint.ledger.text()) +
         ",\"origin\":" + json_text(checkpoint.tree.origin) +
         ",\"size\":" + json_text(std::to_string(head.size())) +
         ",\"root_sha256\":" + json_text(to_hex(checkpoint.tree.root)) +
         ",\"tip_sha256\":" + json_text(to_hex(checkpoint.tip)) +
         ",\"confirmed\":" + (head.confirmed == head.size() ? "true" : "false") +
         ",\"confirmed_size\":" + json_text(std::to_string(head.confirmed)) +
         ",\"cosigned\":" + std::to_string(head.cosigned) +
         ",\"witnesses\":" + std::to_string(head.witnesses) + "}";
}

std::string head_text(const federation::EvidenceHead& head) {
  const auto& checkpoint = head.head.checkpoint;
  return checkpoint.ledger.text() + ": " + std::to_string(head.size()) + " entries, " +
         confirmation_text(head) + "\n  root " + to_hex(checkpoint.tree.root) + "\n  tip  " +
         to_hex(checkpoint.tip);
}

void print_findings(const std::vector<v1::Finding>& findings) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& finding : findings) {
    const auto& raised = finding.raised();
    rows.push_back({raised.finding(), v1::FindingKind::Value_Name(raised.kind()),
                    finding_cities(raised), raised.ledger().empty() ? "-" : raised.ledger(),
                    v1::FindingState::Value_Name(finding.state()), finding_sentence(raised)});
  }
  print_table({"FINDING", "KIND", "CITY", "LEDGER", "STATE", "SAYS"}, rows);
}

int verify_report_folder(const std::string& folder, const EvidenceTrust& trust) {
  const auto alliance = trusted_alliance(trust);
  if (!alliance) return report(alliance.error());
  if (auto holds = verify_report(folder, alliance->known); !holds) return refuted(holds.error());
  print_line(folder + " is as " + alliance->known.ledger.text() + " signed it, " +
             alliance->shown);
  return kExitOk;
}

}  // namespace hansa::ops
