#include "ops/cli/pack_folder.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "ops/cli/evidence.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/version.h"

namespace hansa::ops {
namespace {

using federation::EvidenceEntry;
using federation::EvidenceFolder;

constexpr int64_t kMinutesMax = 24 * 60;
constexpr size_t kTermsBytesMax = 4096;
constexpr std::string_view kEvidence = "evidence/";
constexpr std::string_view kManifest = "manifest.txt";

std::string terms_json(const PackTerms& terms, std::string_view release) {
  return "{\n  \"alliance\": " + json_text(terms.alliance) +
         ",\n  \"city\": " + json_text(terms.city) + ",\n  \"month\": " +
         json_text(terms.month) + ",\n  \"utc_offset_minutes\": " +
         std::to_string(terms.utc_offset_minutes) + ",\n  \"release\": " +
         json_text(std::string(release)) + "\n}\n";
}

Result<boost::json::object> read_terms(const std::string& pack) {
  const auto file = pack + "/pack.json";
  HANSA_TRY(const auto text, read_file(file, kTermsBytesMax));
  boost::system::error_code code;
  auto value = boost::json::parse(text, code);
  if (!code && value.is_object()) return std::move(value.as_object());
  return fail(Errc::kBadFile, file + ": expected what `hansa pack` wrote");
}

std::string text_at(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? "" : std::string(*text);
}

// All below the pack but what is copied, by name.
std::vector<std::string> names_in(const std::string& pack, bool with_evidence) {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::recursive_directory_iterator(pack)) {
    if (item.is_directory()) continue;
    auto name = item.path().lexically_relative(pack).generic_string();
    if (name == kManifest || (!with_evidence && name.starts_with(kEvidence))) continue;
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "line 3": the first one in which they differ.
std::string first_line(const std::string& found, const std::string& expected) {
  const auto end = std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  return "line " + std::to_string(1 + std::count(found.begin(), end.first, '\n'));
}

Result<void> check_files(const std::string& pack, const PackFiles& files,
                         const std::string& release) {
  for (const auto& [name, expected] : files) {
    HANSA_TRY(const auto found, read_file(pack + "/" + name));
    if (found == expected) continue;
    std::string why = name + ": " + first_line(found, expected) +
                      " is not what follows from the logs in the pack";
    if (release != kVersion) {
      why += "; it was made by release " + release.substr(0, 20) + ", this one is " +
             std::string(kVersion);
    }
    return fail(Errc::kDoesNotFollow, why);
  }
  for (const auto& name : names_in(pack, false)) {
    if (!files.contains(name)) return fail(Errc::kBadFile, name + " is no part of a pack");
  }
  HANSA_TRY(const auto manifest, pack_manifest(pack));
  HANSA_TRY(const auto found, read_file(pack + "/" + std::string(kManifest)));
  if (found == manifest) return {};
  return fail(Errc::kDoesNotFollow, std::string(kManifest) + ": " + first_line(found, manifest) +
                                        " is not what the files are");
}

// The word that the pack has for each figure is that of whoever reckons it anew.
Result<void> check_figures(const std::string& folder,
                           const federation::EvidenceSource& alliance, const PackFacts& facts) {
  HANSA_TRY(auto league, federation::read_alliance(folder, alliance));
  for (const auto& packed : facts.figures) {
    v1::FigureRecord record;
    record.set_city(facts.city);
    record.set_publication(packed.publication);
    *record.mutable_figure() = packed.figure;
    HANSA_TRY(const auto verdict, verify_figure(folder, record, packed.judged, league));
    if (verdict.standing == standing_of(packed)) continue;
    return fail(Errc::kDoesNotFollow, "the pack has " + packed.publication + " as " +
                                          standing_of(packed) + ", it is `" + verdict.standing +
                                          "`: " + verdict.why);
  }
  return {};
}

}  // namespace

bool is_month(const std::string& text) {
  if (text.size() != 7 || text[4] != '-') return false;
  const auto digits = text.substr(0, 4) + text.substr(5);
  if (digits.find_first_not_of("0123456789") != std::string::npos) return false;
  return digits.substr(4) >= "01" && digits.substr(4) <= "12";
}

Result<PackTerms> read_pack_terms(const std::string& pack) {
  HANSA_TRY(const auto object, read_terms(pack));
  const auto* minutes = object.if_contains("utc_offset_minutes");
  const bool has_minutes = minutes != nullptr && minutes->is_int64() &&
                           std::abs(minutes->get_int64()) <= kMinutesMax;
  PackTerms terms{text_at(object, "alliance"), text_at(object, "city"), text_at(object, "month"),
                  has_minutes ? static_cast<int>(minutes->get_int64()) : 0};
  const auto share = LedgerId::parse(share_ledger(terms.alliance, terms.city).text());
  if (has_minutes && is_month(terms.month) && share) return terms;
  return fail(Errc::kBadFile, pack + "/pack.json: expected alliance, city, month and "
                                     "utc_offset_minutes, as `hansa pack` wrote them");
}

Result<PackFacts> read_pack_facts(const std::string& folder,
                                  const federation::EvidenceSource& source,
                                  const PackTerms& terms) {
  PackFacts facts;
  facts.alliance = terms.alliance;
  facts.city = terms.city;
  facts.month = terms.month;
  facts.utc_offset_us = terms.utc_offset_minutes * kMinuteUs;
  HANSA_TRY(auto alliance,
            federation::read_alliance(folder, source, [&](const EvidenceEntry& entry) {
              facts.add_alliance_entry(entry);
              return Result<void>();
            }));
  HANSA_TRY(facts.share_head, federation::read_share(folder, alliance, terms.city,
                                                     [&](const EvidenceEntry& entry) {
                                                       facts.add_share_entry(entry);
                                                       return Result<void>();
                                                     }));
  facts.alliance_head = alliance.head;
  return facts;
}

Result<PackFiles> pack_files(const PackFacts& facts, const PackTerms& terms,
                             const std::string& folder, std::string_view release) {
  PackFiles files{{"pack.json", terms_json(terms, release)},
                  {"pack.html", pack_page(facts)},
                  {"figures.csv", figures_csv(facts)},
                  {"events.csv", events_csv(facts)},
                  {"definitions.csv", definitions_csv()}};
  const EvidenceFolder log(folder, facts.alliance_head.head.checkpoint.ledger);
  for (const auto& figure : facts.figures) {
    if (!is_slug(figure.publication)) {
      return fail(Errc::kDoesNotFollow, "entry " + std::to_string(figure.seq) + " of alliance/" +
                                            facts.alliance + " names a publication that is no "
                                            "name of a file");
    }
    HANSA_TRY(auto value, log.value(figure.seq));
    HANSA_TRY(const auto proof, log.prove(figure.seq));
    const auto name = "proofs/" + figure.publication;
    files[name] = std::move(value);
    files[name + ".tlog-proof"] = proof_text(proof);
  }
  return files;
}

// As `sha256sum -c` reads it.
Result<std::string> pack_manifest(const std::string& pack) {
  std::string lines;
  for (const auto& name : names_in(pack, true)) {
    HANSA_TRY(const auto bytes, read_file(pack + "/" + name));
    lines += to_hex(sha256(bytes)) + "  " + name + "\n";
  }
  return lines;
}

Result<PackFacts> check_pack(const std::string& pack, const federation::EvidenceSource& alliance) {
  HANSA_TRY(const auto terms, read_pack_terms(pack));
  HANSA_TRY(const auto object, read_terms(pack));
  const auto folder = pack + "/evidence";
  HANSA_TRY(auto facts, read_pack_facts(folder, alliance, terms));
  const auto release = text_at(object, "release");
  HANSA_TRY(const auto files, pack_files(facts, terms, folder, release));
  HANSA_CHECK(check_files(pack, files, release));
  HANSA_CHECK(check_figures(folder, alliance, facts));
  return facts;
}

}  // namespace hansa::ops
