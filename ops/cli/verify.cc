#include <map>

#include "core/ledger/envelope.h"
#include "ops/cli/cli.h"
#include "ops/cli/evidence.h"
#include "ops/cli/progress.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using federation::AllianceEvidence;
using federation::EvidenceEntry;
using federation::EvidenceHead;
using federation::EvidenceSource;

constexpr size_t kRangesShown = 20;

struct VerifyOptions {
  EvidenceTrust trust;
  std::string folder;
  std::string file;
  std::string ledger;
  std::string value;
  bool json = false;
};

// ---- share

struct Tally {
  std::map<std::string, uint64_t> events;  // shared, by name
  std::vector<v1::Withheld> withheld;      // neighbours of one reason as one
  Seq told = 0;                            // entries of the city's ledger
};

void count_entry(const v1::Payload& payload, Tally& tally) {
  for (const auto& event : payload.events()) {
    if (!event.has_entries_shared()) continue;
    const auto& shared = event.entries_shared();
    tally.told = shared.to_seq();
    for (const auto& one : shared.events()) ++tally.events[event_name(one.event())];
    for (const auto& range : shared.withheld()) {
      const bool goes_on = !tally.withheld.empty() &&
                           tally.withheld.back().reason() == range.reason() &&
                           tally.withheld.back().to_seq() + 1 == range.from_seq();
      if (goes_on) {
        tally.withheld.back().set_to_seq(range.to_seq());
      } else {
        tally.withheld.push_back(range);
      }
    }
  }
}

std::string share_json(const AllianceEvidence& alliance, const EvidenceHead& share,
                       const Tally& tally) {
  std::string events;
  for (const auto& [name, count] : tally.events) {
    events += (events.empty() ? "" : ",") + json_text(name) + ":" + std::to_string(count);
  }
  std::string withheld;
  for (const auto& range : tally.withheld) withheld += (withheld.empty() ? "" : ",") +
                                                       to_json(range);
  return "{\"ok\":true,\"alliance\":" + head_json(alliance.head) + ",\"share\":" +
         head_json(share) + ",\"city_entries\":" + json_text(std::to_string(tally.told)) +
         ",\"events\":{" + events + "},\"withheld\":[" + withheld + "]}";
}

void print_share(const AllianceEvidence& alliance, const EvidenceHead& share,
                 const Tally& tally) {
  print_line(head_text(alliance.head));
  print_line(head_text(share));
  print_line("tells of entries 1 to " + std::to_string(tally.told) + " of the city's ledger");
  for (const auto& [name, count] : tally.events) {
    print_line("  " + std::to_string(count) + " " + name);
  }
  for (size_t i = 0; i < std::min(tally.withheld.size(), kRangesShown); ++i) {
    const auto& range = tally.withheld[i];
    print_line("  withheld: " + std::to_string(range.from_seq()) + " to " +
               std::to_string(range.to_seq()) + ", " +
               v1::WithheldReason::Value_Name(range.reason()));
  }
  if (tally.withheld.size() > kRangesShown) {
    print_line("  withheld: " + std::to_string(tally.withheld.size() - kRangesShown) +
               " ranges more; --json has all");
  }
}

int verify_share(const VerifyOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger || ledger->kind != kShareKind) {
    return usage("expected --ledger like share/delta/wuxi, got `" + options.ledger + "`");
  }
  const auto trusted = trusted_alliance(options.trust);
  if (!trusted) return report(trusted.error());
  const auto source = trusted->source();
  for (const auto& needed : {source.ledger, *ledger}) {
    if (auto there = has_copy(options.folder, needed); !there) return report(there.error());
  }
  const auto city = ledger->id.substr(ledger->id.find('/') + 1);
  if (share_ledger(source.ledger.id, city) != *ledger) {
    return usage(options.ledger + " is no share ledger of " + source.ledger.text() +
                 ", whose key was given");
  }
  auto alliance = federation::read_alliance(options.folder, source);
  if (!alliance) return refuted(alliance.error(), options.json);
  Tally tally;
  Progress progress("verify " + options.ledger + " (entries)", 0);
  const auto share = federation::read_share(
      options.folder, *alliance, city, [&](const EvidenceEntry& entry) -> Result<void> {
        count_entry(entry.payload, tally);
        if (entry.seq % kProgressEntries == 0) progress.reached(entry.seq);
        return {};
      });
  if (!share) return refuted(share.error(), options.json);
  if (options.json) {
    print_line(share_json(*alliance, *share, tally));
  } else {
    print_share(*alliance, *share, tally);
  }
  return kExitOk;
}

// ---- proof

struct Proved {
  EvidenceHead head;
  Seq seq = 0;
  v1::Payload payload;
  bool knows_witnesses = false;
};

// The proof's ledger: the alliance's own, by its key alone, or a member's, by its list.
Result<EvidenceSource> source_of(const LedgerId& ledger, const EvidenceSource& trusted,
                                 std::optional<AllianceEvidence>& alliance) {
  if (ledger == trusted.ledger) return trusted;
  const auto city = ledger.id.substr(ledger.id.find('/') + 1);
  if (ledger.kind != kShareKind || share_ledger(trusted.ledger.id, city) != ledger) {
    return fail(Errc::kBadSignature, "the proof is of " + ledger.text() +
                                         ", which is no ledger of " + trusted.ledger.text());
  }
  if (alliance) return share_source(*alliance, city);
  return fail(Errc::kBadConfig, "a proof of " + ledger.text() +
                                    " needs --members: the folder with a copy of the alliance's "
                                    "log, which says who is a member, by which key");
}

Result<Proved> check_one(const ProofFile& proof, const std::string& value,
                         const EvidenceSource& trusted,
                         std::optional<AllianceEvidence>& alliance) {
  federation::SignedHead head{proof.checkpoint, {}};
  HANSA_TRY(head.checkpoint, read_ledger_note(proof.checkpoint));
  const auto ledger = head.checkpoint.ledger;
  HANSA_TRY(const auto source, source_of(ledger, trusted, alliance));
  HANSA_TRY(const auto key, check_head(head, source));
  HANSA_CHECK(check_proof(proof, value, key));
  Proved proved;
  proved.seq = proof.index + 1;
  const auto entry = decode_entry(value);
  const bool is_entry = entry && entry->envelope.seq == proved.seq &&
                        proved.payload.ParseFromArray(entry->payload.data(),
                                                      static_cast<int>(entry->payload.size()));
  if (!is_entry) {
    return fail(Errc::kChainBroken, "the value is in the tree, and is no entry " +
                                        std::to_string(proved.seq) + " of " + ledger.text());
  }
  proved.knows_witnesses = alliance.has_value();
  const bool is_share = ledger.kind == kShareKind;
  const std::string city = is_share ? ledger.id.substr(ledger.id.find('/') + 1) : "";
  if (alliance) {
    HANSA_TRY(proved.head, count_cosigners(std::move(head), *alliance, city));
  } else {
    proved.head.head = std::move(head);
  }
  return proved;
}

std::string names_of(const v1::Payload& payload) {
  std::string names;
  for (const auto& event : payload.events()) {
    names += (names.empty() ? "" : ", ") + event_name(event);
  }
  return names;
}

int verify_proof(const VerifyOptions& options) {
  const auto trusted = trusted_alliance(options.trust);
  if (!trusted) return report(trusted.error());
  const auto text = read_file(options.file);
  if (!text) return report(text.error());
  const auto value = read_file(options.value);
  if (!value) return report(value.error());
  const auto proof = parse_proof(*text);
  if (!proof) return refuted(proof.error(), options.json);
  std::optional<AllianceEvidence> alliance;
  if (!options.folder.empty()) {
    const auto source = trusted->source();
    if (auto there = has_copy(options.folder, source.ledger); !there) return report(there.error());
    auto read = federation::read_alliance(options.folder, source);
    if (!read) return refuted(read.error(), options.json);
    alliance = *std::move(read);
  }
  const auto proved = check_one(*proof, *value, trusted->source(), alliance);
  if (!proved && proved.error().code == Errc::kBadConfig) return report(proved.error());
  if (!proved) return refuted(proved.error(), options.json);
  if (options.json) {
    print_line("{\"ok\":true,\"seq\":" + json_text(std::to_string(proved->seq)) + ",\"time\":" +
               json_text(time_text(proved->payload.time_us())) + ",\"under\":" +
               head_json(proved->head) + "}");
    return kExitOk;
  }
  print_line("entry " + std::to_string(proved->seq) + " of " +
             proved->head.head.checkpoint.ledger.text() + " is proved: " +
             time_text(proved->payload.time_us()) + " " + names_of(proved->payload));
  print_line("under a checkpoint of " + std::to_string(proved->head.size()) + " entries, " +
             (proved->knows_witnesses
                  ? confirmation_text(proved->head)
                  : std::string("unconfirmed: without --members no witness is known")));
  return kExitOk;
}

// ---- the verbs

std::shared_ptr<VerifyOptions> add_one(CLI::App& parent, Chosen& chosen, const std::string& name,
                                       const std::string& summary, const std::string& example,
                                       int (*run)(const VerifyOptions&), CLI::App*& verb) {
  verb = parent.add_subcommand(name, summary);
  auto options = std::make_shared<VerifyOptions>();
  add_trust(*verb, options->trust);
  set_example(*verb, example);
  verb->callback([&chosen, options, run] {
    chosen.run = [options, run] { return run(*options); };
  });
  return options;
}

constexpr const char* kJson = "One JSON object";
const std::string kMakeCopies =
    "  hansa demo --once --cities 2 --days 1 --data demo-data\n"
    "  hansa tlog copy --data demo-data --ledger alliance/delta --ledger share/delta/wuxi "
    "--out evidence\n";

void add_share(CLI::App& parent, Chosen& chosen) {
  CLI::App* verb = nullptr;
  const auto options = add_one(
      parent, chosen, "share", "A copy of what a city shares, from the alliance's key on",
      kMakeCopies + "  hansa verify share evidence --ledger share/delta/wuxi --alliance-key "
                    "evidence/tlog/alliance/delta/vkey",
      verify_share, verb);
  verb->add_option("FOLDER", options->folder, "The folder that `hansa tlog copy` made")->required();
  verb->add_option("--ledger", options->ledger, "The share, like share/delta/wuxi")->required();
  verb->add_flag("--json", options->json, kJson);
}

void add_proof(CLI::App& parent, Chosen& chosen) {
  CLI::App* verb = nullptr;
  const auto options = add_one(
      parent, chosen, "proof", "That one entry is in a signed log (C2SP tlog-proof)",
      kMakeCopies + "  hansa tlog prove 3 --from evidence --ledger alliance/delta --out entry\n"
                    "  hansa verify proof entry.tlog-proof --value entry --alliance-key "
                    "evidence/tlog/alliance/delta/vkey",
      verify_proof, verb);
  verb->add_option("FILE", options->file, "The proof")->required();
  verb->add_option("--value", options->value, "The entry's stored bytes")->required();
  verb->add_option("--members", options->folder,
                   "A folder with a copy of the alliance's log: of a share's entry, and to know "
                   "the witnesses");
  verb->add_flag("--json", options->json, kJson);
}

void add_report(CLI::App& parent, Chosen& chosen) {
  CLI::App* verb = nullptr;
  const auto options = add_one(
      parent, chosen, "report", "The report of a campaign: signature and hashes",
      "  hansa verify report --help",
      [](const VerifyOptions& given) { return verify_report_folder(given.folder, given.trust); },
      verb);
  verb->add_option("FOLDER", options->folder, "The folder with report.json and report.sig")
      ->required();
}

}  // namespace

void add_verify(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "verify", "Checks what others shared, offline; exit code 4 names the first thing wrong");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa verify share --help");
  add_share(*verb, chosen);
  add_proof(*verb, chosen);
  add_verify_metric(*verb, chosen);
  add_verify_pack(*verb, chosen);
  add_verify_league(*verb, chosen);
  add_report(*verb, chosen);
}

}  // namespace hansa::ops
