#include <algorithm>
#include <filesystem>

#include "core/base/hash.h"
#include "ops/cli/evidence.h"
#include "ops/cli/pack_page.h"
#include "ops/files.h"

namespace hansa::ops {
namespace {

using federation::AllianceEvidence;
using federation::EvidenceEntry;
using federation::EvidenceFolder;

constexpr int64_t kMinuteUs = 60'000'000;

struct PackOptions {
  std::string month;
  std::string alliance;
  std::string city;
  std::string out;
  std::string folder;
  EvidenceTrust trust;
  int utc_offset_minutes = 0;
  bool dry_run = false;
};

bool is_month(const std::string& text) {
  if (text.size() != 7 || text[4] != '-') return false;
  const auto digits = text.substr(0, 4) + text.substr(5);
  if (digits.find_first_not_of("0123456789") != std::string::npos) return false;
  return digits.substr(4) >= "01" && digits.substr(4) <= "12";
}

Result<PackFacts> read_facts(const PackOptions& options,
                             const federation::EvidenceSource& source) {
  PackFacts facts;
  facts.alliance = options.alliance;
  facts.city = options.city;
  facts.month = options.month;
  facts.utc_offset_us = options.utc_offset_minutes * kMinuteUs;
  HANSA_TRY(auto alliance,
            federation::read_alliance(options.folder, source, [&](const EvidenceEntry& entry) {
              facts.add_alliance_entry(entry);
              return Result<void>();
            }));
  HANSA_TRY(facts.share_head, federation::read_share(options.folder, alliance, options.city,
                                                     [&](const EvidenceEntry& entry) {
                                                       facts.add_share_entry(entry);
                                                       return Result<void>();
                                                     }));
  facts.alliance_head = alliance.head;
  return facts;
}

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

Result<void> write_proofs(const PackOptions& options, const PackFacts& facts,
                          const LedgerId& alliance) {
  const EvidenceFolder log(options.folder, alliance);
  HANSA_CHECK(make_folders(options.out + "/proofs"));
  for (const auto& figure : facts.figures) {
    HANSA_TRY(const auto value, log.value(figure.seq));
    HANSA_TRY(const auto proof, log.prove(figure.seq));
    const auto name = options.out + "/proofs/" + figure.publication;
    HANSA_CHECK(write_file(name, value));
    HANSA_CHECK(write_file(name + ".tlog-proof", proof_text(proof)));
  }
  return {};
}

// As `sha256sum -c` reads it.
Result<std::string> manifest(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder)) {
    if (item.is_directory()) continue;
    names.push_back(item.path().lexically_relative(folder).generic_string());
  }
  std::sort(names.begin(), names.end());
  std::string lines;
  for (const auto& name : names) {
    if (name == "manifest.txt") continue;
    HANSA_TRY(const auto bytes, read_file(folder + "/" + name));
    lines += to_hex(sha256(bytes)) + "  " + name + "\n";
  }
  return lines;
}

Result<void> write_pack(const PackOptions& options, const PackFacts& facts,
                        const LedgerId& alliance, const LedgerId& share) {
  HANSA_CHECK(make_folders(options.out));
  if (!std::filesystem::is_empty(options.out)) {
    return fail(Errc::kAlreadyExists, options.out + " is not empty; a pack is made once");
  }
  HANSA_CHECK(write_file(options.out + "/pack.html", pack_page(facts)));
  HANSA_CHECK(write_file(options.out + "/figures.csv", figures_csv(facts)));
  HANSA_CHECK(write_file(options.out + "/events.csv", events_csv(facts)));
  HANSA_CHECK(write_file(options.out + "/definitions.csv", definitions_csv()));
  HANSA_CHECK(copy_log(options, alliance));
  HANSA_CHECK(copy_log(options, share));
  HANSA_CHECK(write_proofs(options, facts, alliance));
  HANSA_TRY(const auto lines, manifest(options.out));
  return write_file(options.out + "/manifest.txt", lines);
}

int pack(const PackOptions& options) {
  if (!is_month(options.month)) return usage("expected --month like 2025-01, got `" +
                                             options.month + "`");
  const auto source =
      trusted_source(options.trust, options.alliance, options.city, options.folder);
  if (!source) return report(source.error());
  const auto facts = read_facts(options, *source);
  if (!facts) return refuted(facts.error());
  if (options.dry_run) {
    print_line("would write " + std::to_string(facts->figures.size()) + " figures and " +
               std::to_string(facts->events.size()) + " events of " + options.month + " into " +
               options.out);
    return kExitOk;
  }
  const auto share = share_ledger(options.alliance, options.city);
  if (auto written = write_pack(options, *facts, source->ledger, share); !written) {
    return report(written.error());
  }
  print_line(options.out + ": " + std::to_string(facts->figures.size()) + " figures, " +
             std::to_string(facts->events.size()) + " events of " + options.month);
  print_line(head_text(facts->share_head));
  return kExitOk;
}

}  // namespace

void add_pack(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "pack", "A month of what a city shared: page, tables, proofs, for another city to verify");
  auto options = std::make_shared<PackOptions>();
  verb->add_option("--month", options->month, "Like 2025-01")->required();
  verb->add_option("--alliance", options->alliance, "With whom it was shared")->required();
  verb->add_option("--city", options->city, "Who shared it")->required();
  verb->add_option("--evidence", options->folder,
                   "A folder with copies of the logs of alliance and share (`hansa tlog copy`)")
      ->required();
  add_trust(*verb, options->trust);
  verb->add_option("--out", options->out, "A new folder")->required();
  verb->add_option("--utc-offset", options->utc_offset_minutes,
                   "Minutes by which the city's clocks are ahead of UTC, for the month's borders")
      ->capture_default_str();
  verb->add_flag("--dry-run", options->dry_run, "Checks, and only says what would be written");
  set_example(*verb,
              "  hansa demo --once --cities 2 --days 1 --data demo-data\n"
              "  hansa tlog copy --data demo-data --ledger alliance/delta --ledger "
              "share/delta/wuxi --out evidence\n"
              "  hansa pack --month 2025-01 --alliance delta --city wuxi --evidence evidence "
              "--alliance-key evidence/tlog/alliance/delta/vkey --out pack");
  verb->callback([&chosen, options] { chosen.run = [options] { return pack(*options); }; });
}

}  // namespace hansa::ops
