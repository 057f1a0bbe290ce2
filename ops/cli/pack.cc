#include <filesystem>

#include "ops/cli/evidence.h"
#include "ops/cli/pack_folder.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/version.h"

namespace hansa::ops {
namespace {

using federation::EvidenceFolder;

struct PackOptions {
  PackTerms terms;
  std::string out;
  std::string folder;
  EvidenceTrust trust;
  bool dry_run = false;
};

struct VerifyPackOptions {
  std::string folder;
  EvidenceTrust trust;
  bool json = false;
};

Result<void> copy_log(const PackOptions& options, const LedgerId& ledger) {
  std::error_code refused;
  const auto to = EvidenceFolder(options.out + "/evidence", ledger).path();
  HANSA_CHECK(make_folders(to));
  std::filesystem::copy(EvidenceFolder(options.folder, ledger).path(), to,
                        std::filesystem::copy_options::recursive |
                            std::filesystem::copy_options::overwrite_existing,
                        refused);
  if (refused) return fail(Errc::kBadFile, to + ": cannot be copied: " + refused.message());
  return {};
}

Result<void> write_pack(const PackOptions& options, const PackFacts& facts,
                        const LedgerId& alliance, const LedgerId& share) {
  HANSA_CHECK(make_folders(options.out));
  if (!std::filesystem::is_empty(options.out)) {
    return fail(Errc::kAlreadyExists, options.out + " is not empty; a pack is made once");
  }
  HANSA_TRY(const auto files, pack_files(facts, options.terms, options.folder, kVersion));
  HANSA_CHECK(make_folders(options.out + "/proofs"));
  for (const auto& [name, bytes] : files) {
    HANSA_CHECK(write_file(options.out + "/" + name, bytes));
  }
  HANSA_CHECK(copy_log(options, alliance));
  HANSA_CHECK(copy_log(options, share));
  HANSA_TRY(const auto lines, pack_manifest(options.out));
  return write_file(options.out + "/manifest.txt", lines);
}

int pack(const PackOptions& options) {
  const auto& terms = options.terms;
  if (!is_month(terms.month)) {
    return usage("expected --month like 2025-01, got `" + terms.month + "`");
  }
  const auto source =
      trusted_source(options.trust, terms.alliance, terms.city, options.folder);
  if (!source) return report(source.error());
  const auto facts = read_pack_facts(options.folder, *source, terms);
  if (!facts) return refuted(facts.error());
  if (options.dry_run) {
    print_line("would write " + std::to_string(facts->figures.size()) + " figures and " +
               std::to_string(facts->events.size()) + " events of " + terms.month + " into " +
               options.out);
    return kExitOk;
  }
  const auto share = share_ledger(terms.alliance, terms.city);
  if (auto written = write_pack(options, *facts, source->ledger, share); !written) {
    return report(written.error());
  }
  print_line(options.out + ": " + std::to_string(facts->figures.size()) + " figures, " +
             std::to_string(facts->events.size()) + " events of " + terms.month);
  print_line(head_text(facts->share_head));
  return kExitOk;
}

int verify_pack(const VerifyPackOptions& options) {
  const auto terms = read_pack_terms(options.folder);
  if (!terms) return report(terms.error());
  const auto source = trusted_source(options.trust, terms->alliance, terms->city,
                                     options.folder + "/evidence");
  if (!source) return report(source.error());
  const auto facts = check_pack(options.folder, *source);
  if (!facts) return refuted(facts.error(), options.json);
  if (options.json) {
    std::string figures;
    for (const auto& figure : facts->figures) {
      figures += (figures.empty() ? "" : ",") + json_text(figure.publication) + ":" +
                 json_text(standing_of(figure));
    }
    print_line("{\"ok\":true,\"city\":" + json_text(facts->city) + ",\"month\":" +
               json_text(facts->month) + ",\"figures\":{" + figures + "},\"events\":" +
               std::to_string(facts->events.size()) + ",\"alliance\":" +
               head_json(facts->alliance_head) + ",\"share\":" + head_json(facts->share_head) +
               "}");
    return kExitOk;
  }
  print_line("page, tables and proofs of " + facts->city + ", " + facts->month +
             ", follow from the logs in the pack");
  for (const auto& figure : facts->figures) {
    print_line("  " + figure.publication + " " + figure.figure.metric() + ", " +
               figure.figure.from_day() + " to " + figure.figure.to_day() + ": " +
               standing_of(figure));
  }
  print_line(head_text(facts->alliance_head));
  print_line(head_text(facts->share_head));
  return kExitOk;
}

const std::string kMakePack =
    "  hansa demo --once --cities 2 --days 1 --data demo-data\n"
    "  hansa tlog copy --data demo-data --ledger alliance/delta --ledger share/delta/wuxi "
    "--out evidence\n"
    "  hansa pack --month 2025-01 --alliance delta --city wuxi --evidence evidence "
    "--alliance-key evidence/tlog/alliance/delta/vkey --out pack\n";

}  // namespace

void add_pack(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "pack", "A month of what a city shared: page, tables, proofs, for another city to verify");
  auto options = std::make_shared<PackOptions>();
  verb->add_option("--month", options->terms.month, "Like 2025-01")->required();
  verb->add_option("--alliance", options->terms.alliance, "With whom it was shared")->required();
  verb->add_option("--city", options->terms.city, "Who shared it")->required();
  verb->add_option("--evidence", options->folder,
                   "A folder with copies of the logs of alliance and share (`hansa tlog copy`)")
      ->required();
  add_trust(*verb, options->trust);
  verb->add_option("--out", options->out, "A new folder")->required();
  verb->add_option("--utc-offset", options->terms.utc_offset_minutes,
                   "Minutes by which the city's clocks are ahead of UTC, for the month's borders")
      ->capture_default_str();
  verb->add_flag("--dry-run", options->dry_run, "Checks, and only says what would be written");
  set_example(*verb, kMakePack);
  verb->callback([&chosen, options] { chosen.run = [options] { return pack(*options); }; });
}

void add_verify_pack(CLI::App& verify, Chosen& chosen) {
  auto* verb = verify.add_subcommand(
      "pack", "A month's pack: page, tables and proofs made again from the logs in it");
  auto options = std::make_shared<VerifyPackOptions>();
  verb->add_option("FOLDER", options->folder, "The folder that `hansa pack` made")->required();
  add_trust(*verb, options->trust);
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb, kMakePack + "  hansa verify pack pack --alliance-key "
                                 "evidence/tlog/alliance/delta/vkey");
  verb->callback([&chosen, options] { chosen.run = [options] { return verify_pack(*options); }; });
}

}  // namespace hansa::ops
