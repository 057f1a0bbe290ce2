#include "federation/evidence_files.h"

#include <filesystem>
#include <fstream>

namespace hansa::federation {
namespace {

constexpr size_t kHashBytes = sizeof(TreeHash::bytes);
constexpr size_t kTileBytes = kTileWidth * kHashBytes;

TreeHash root_of(std::string_view hashes) {
  TreeFrontier frontier;
  for (size_t at = 0; at < hashes.size(); at += kHashBytes) {
    frontier.append(*TreeHash::from(hashes.substr(at, kHashBytes)));
  }
  return frontier.root();
}

}  // namespace

std::string evidence_path(const std::string& folder, const LedgerId& ledger) {
  return folder + "/tlog/" + ledger.text();
}

Result<void> load(const std::string& file, std::string& into) {
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(file, missing);
  if (missing) return fail(Errc::kBadFile, file + ": cannot be read: " + missing.message());
  std::ifstream stream(file, std::ios::binary);
  into.resize(bytes);
  if (!stream.read(into.data(), static_cast<std::streamsize>(bytes))) {
    return fail(Errc::kBadFile, file + ": cannot be read to its end");
  }
  return {};
}

Result<void> store(const std::string& file, std::string_view bytes) {
  std::error_code refused;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), refused);
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (refused || !stream) return fail(Errc::kBadFile, file + ": cannot be written");
  return {};
}

Result<void> GrowingTiles::append(const TreeHash& leaf) {
  TreeHash hash = leaf;
  for (uint32_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    auto& [hashes, index] = levels_[level];
    hashes.append(hash.view());
    if (hashes.size() < kTileBytes) return {};
    HANSA_CHECK(done_({level, index}, hashes));
    hash = root_of(hashes);
    hashes.clear();
    ++index;
  }
}

Result<void> GrowingTiles::finish() {
  for (uint32_t level = 0; level < levels_.size(); ++level) {
    const auto& [hashes, index] = levels_[level];
    if (!hashes.empty()) HANSA_CHECK(done_({level, index}, hashes));
  }
  return {};
}

}  // namespace hansa::federation
