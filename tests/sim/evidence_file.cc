#include "tests/sim/evidence_file.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <string>
#include <string_view>

#include "core/base/base64.h"

namespace hansa::sim {
namespace {

using google::protobuf::Struct;

std::string text_of(const Struct& line, const std::string& name) {
  const auto field = line.fields().find(name);
  return field == line.fields().end() ? "" : field->second.string_value();
}

uint64_t number_of(const Struct& line, const std::string& name) {
  const auto field = line.fields().find(name);
  return field == line.fields().end() ? 0 : static_cast<uint64_t>(field->second.number_value());
}

const Struct* part_of(const Struct& line, const std::string& name) {
  const auto field = line.fields().find(name);
  return field == line.fields().end() ? nullptr : &field->second.struct_value();
}

Error bad_line(std::string_view file, size_t number, const std::string& what) {
  return {Errc::kBadFile, "line " + std::to_string(number) + " of the " + std::string(file) +
                              ": expected " + what};
}

Moment moment_of(const Struct& line, const std::string& name) {
  const uint64_t us = number_of(line, name);
  return {static_cast<int64_t>(us), us};
}

bool read_attempt(const Struct& line, Attempt& attempt) {
  static const std::map<std::string, Outcome> kOutcomes = {{"unknown", Outcome::kUnknown},
                                                           {"ok", Outcome::kOk},
                                                           {"unchanged", Outcome::kUnchanged},
                                                           {"refused", Outcome::kRefused}};
  const auto outcome = kOutcomes.find(text_of(line, "outcome"));
  if (outcome == kOutcomes.end()) return false;
  attempt.node = static_cast<uint32_t>(number_of(line, "node"));
  attempt.invoked = moment_of(line, "invoked_us");
  if (line.fields().contains("completed_us")) {
    attempt.completed = moment_of(line, "completed_us");
  }
  attempt.outcome = outcome->second;
  attempt.seq = number_of(line, "seq");
  attempt.entry_sha256 = text_of(line, "entry_sha256");
  attempt.code = text_of(line, "code");
  return true;
}

bool read_operation(const Struct& line, History& history) {
  const auto id = parse_uuid_v7(text_of(line, "id"));
  const auto attempts = line.fields().find("attempts");
  if (!id || attempts == line.fields().end()) return false;
  Operation operation;
  operation.client = static_cast<uint32_t>(number_of(line, "client"));
  operation.id = *id;
  for (const auto& attempt : attempts->second.list_value().values()) {
    if (!read_attempt(attempt.struct_value(), operation.attempts.emplace_back())) return false;
  }
  history.push_back(std::move(operation));
  return true;
}

bool read_shown(const Struct& line, std::vector<Shown>& shown) {
  const auto tip = parse_hex<Hash>(text_of(line, "tip_sha256"));
  const auto digest = parse_hex<Hash>(text_of(line, "digest"));
  if (!tip || !digest) return false;
  shown.push_back({static_cast<uint32_t>(number_of(line, "node")), number_of(line, "seq"), *tip,
                   projections::Digest::from_bytes(digest->view())});
  return true;
}

bool read_others(const Struct& line, Evidence& evidence) {
  if (line.fields().contains("until_seq")) {
    evidence.others_until_seq = number_of(line, "until_seq");
    return true;
  }
  const auto hash = parse_hex<Hash>(text_of(line, "entry_sha256"));
  if (hash) evidence.entries_of_others.insert(*hash);
  return hash.has_value();
}

bool read_line(const std::string& text, Evidence& evidence) {
  Struct line;
  if (!google::protobuf::util::JsonStringToMessage(text, &line).ok()) return false;
  if (const auto* shown = part_of(line, "shown")) return read_shown(*shown, evidence.shown);
  if (const auto* others = part_of(line, "others")) return read_others(*others, evidence);
  if (!line.fields().contains("secret")) return read_operation(line, evidence.history);
  evidence.secrets.push_back(text_of(line, "secret"));
  return true;
}

}  // namespace

Result<Evidence> read_evidence(std::istream& history, std::istream& ledger) {
  Evidence evidence;
  std::string line;
  for (size_t number = 1; std::getline(history, line); ++number) {
    if (read_line(line, evidence)) continue;
    return fail(bad_line("history", number, "an operation, or what else evidence_file.h names"));
  }
  std::getline(ledger, line);
  const auto founding_id = parse_hex<FoundingId>(line);
  if (!founding_id) return fail(bad_line("ledger", 1, "the founding id in hex"));
  evidence.founding_id = *founding_id;
  for (size_t number = 2; std::getline(ledger, line); ++number) {
    auto record = parse_base64(line);
    if (!record) return fail(bad_line("ledger", number, "the value of a record in base64"));
    evidence.records.push_back(std::move(*record));
  }
  return evidence;
}

}  // namespace hansa::sim
