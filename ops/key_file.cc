#include "ops/key_file.h"

#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <sstream>

#include "core/base/hash.h"
#include "ops/files.h"

namespace hansa::ops {
namespace {

constexpr size_t kKeyFileBytesMax = 64 * 1024;
constexpr std::string_view kChange = "signing_change: ";
constexpr std::string_view kCheck = "check: ";
constexpr size_t kCheckBytes = 16;

// Stands last, over all before it.
std::string check_line(std::string_view text) {
  return std::string(kCheck) + to_hex(sha256(text).view().substr(0, kCheckBytes)) + "\n";
}

std::string text_of(const KeyFile& keys) {
  std::string text = "founding_id: " + to_hex(keys.founding_id) +
                     "\nledger_secret: " + to_hex(keys.ledger_secret) +
                     "\nkeyring_master: " + to_hex(keys.keyring_master) + "\n";
  if (!keys.signing.first.empty()) text += "signing_seed: " + to_hex(keys.signing.first) + "\n";
  if (!keys.witness_seed.empty()) text += "witness_seed: " + to_hex(keys.witness_seed) + "\n";
  for (const auto& change : keys.signing.changes) {
    text += std::string(kChange) + change.ledger.text() + " " + std::to_string(change.from_size) +
            " " + to_hex(change.seed) + "\n";
  }
  return text + check_line(text);
}

// A secret that is another one by a bit would not be noticed: callers would be other actors, and
// commands of before could be done again. Older files have no such line.
bool is_as_written(std::string_view text) {
  const auto before = text.rfind("\n" + std::string(kCheck));
  if (before == std::string_view::npos) return true;
  return text.substr(before + 1) == check_line(text.substr(0, before + 1));
}

std::optional<federation::SeedChange> read_change(const std::string& text) {
  std::istringstream words(text);
  std::string ledger;
  std::string size;
  std::string seed;
  if (!(words >> ledger >> size >> seed) || !(words >> std::ws).eof()) return std::nullopt;
  federation::SeedChange change;
  const auto read = std::from_chars(size.data(), size.data() + size.size(), change.from_size);
  if (read.ec != std::errc() || read.ptr != size.data() + size.size()) return std::nullopt;
  const auto id = LedgerId::parse(ledger);
  const auto bytes = from_hex(seed);
  if (!id || !bytes || bytes->size() != kSeedBytes || change.from_size == 0) return std::nullopt;
  change.ledger = *id;
  change.seed = *bytes;
  return change;
}

}  // namespace

KeyFile make_keys(Env& env) {
  return KeyFile{env.random_id<FoundingId>(), env.random_bytes(32), env.random_bytes(32),
                 {}, {}};
}

std::string key_file_name(const std::string& data_dir, const LedgerId& ledger) {
  return data_dir + "/keys/" + ledger.folder() + ".key";
}

Result<void> write_key_file(const std::string& name, const KeyFile& keys) {
  HANSA_CHECK(make_folders(std::filesystem::path(name).parent_path(), 0700));
  return write_new_file(name, text_of(keys), 0600);
}

Result<void> replace_key_file(const std::string& name, const KeyFile& keys) {
  return write_file(name, text_of(keys), 0600);
}

Result<KeyFile> read_key_file(const std::string& name) {
  struct stat info;
  if (::stat(name.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return fail(Errc::kBadFile, name + ": expected a key file that only its owner can read; " +
                                    "run `chmod 600 " + name + "`");
  }
  HANSA_TRY(const auto text, read_file(name, kKeyFileBytesMax));
  if (!is_as_written(text)) {
    return fail(Errc::kBadFile, name + ": its bytes are not those that were written; restore it " +
                                    "from a copy, or remove its last line if it was changed on " +
                                    "purpose");
  }
  KeyFile keys;
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with(kChange)) {
      auto change = read_change(line.substr(kChange.size()));
      if (!change) {
        return fail(Errc::kBadFile, name + ":" + std::to_string(number) +
                                        ": expected `signing_change: LEDGER SIZE SEED`");
      }
      keys.signing.changes.push_back(*std::move(change));
      continue;
    }
    const auto colon = line.find(": ");
    auto bytes = colon == std::string::npos ? std::nullopt : from_hex(line.substr(colon + 2));
    if (!bytes) {
      return fail(Errc::kBadFile, name + ":" + std::to_string(number) +
                                      ": expected `name: hexadecimal digits`");
    }
    values[line.substr(0, colon)] = *bytes;
  }
  const auto founding_id = FoundingId::from(values["founding_id"]);
  const bool has_seed = values.contains("signing_seed");
  const bool has_witness = values.contains("witness_seed");
  if (!founding_id || values["ledger_secret"].size() != 32 ||
      values["keyring_master"].size() != 32 ||
      (has_seed && values["signing_seed"].size() != 32) ||
      (has_witness && values["witness_seed"].size() != 32)) {
    return fail(Errc::kBadFile, name + ": expected founding_id (16 bytes), ledger_secret, " +
                                    "keyring_master and perhaps signing_seed and witness_seed "
                                    "(32 bytes each)");
  }
  keys.founding_id = *founding_id;
  keys.ledger_secret = values["ledger_secret"];
  keys.keyring_master = values["keyring_master"];
  if (has_seed) keys.signing.first = values["signing_seed"];
  if (has_witness) keys.witness_seed = values["witness_seed"];
  return keys;
}

}  // namespace hansa::ops
