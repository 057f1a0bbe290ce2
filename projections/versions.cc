#include "projections/versions.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <vector>

namespace hansa::projections {
namespace {

namespace fs = std::filesystem;

// The number in `v12`; 0 for any other name.
uint32_t version_in(const std::string& name) {
  uint32_t version = 0;
  if (!name.starts_with('v')) return 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + 1, end, version);
  return parsed.ec == std::errc() && parsed.ptr == end ? version : 0;
}

std::vector<std::string> versions_in(const std::string& folder) {
  std::vector<std::string> versions;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    if (version_in(item.path().filename()) > 0) versions.push_back(item.path().filename());
  }
  return versions;
}

Error disk_error(const std::string& path) {
  return {Errc::kUnavailable, path + " cannot be written: " +
                                  std::error_code(errno, std::generic_category()).message() +
                                  "; see that the disk has room and works"};
}

Result<void> sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(disk_error(path));
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  if (!synced) return fail(disk_error(path));
  return {};
}

}  // namespace

std::string current_version_dir(const std::string& projections_dir, const LedgerId& ledger) {
  const std::string folder = projections_dir + "/" + ledger.folder();
  std::ifstream file(folder + "/CURRENT");
  std::string version;
  if (!std::getline(file, version) || version_in(version) == 0) version = "v1";
  return folder + "/" + version;
}

std::string versions_folder(const std::string& version_dir) {
  return fs::path(version_dir).parent_path().string();
}

std::string next_version_dir(const std::string& folder) {
  uint32_t newest = 0;
  for (const auto& version : versions_in(folder)) newest = std::max(newest, version_in(version));
  return folder + "/v" + std::to_string(newest + 1);
}

Result<void> make_current(const std::string& version_dir) {
  const std::string folder = versions_folder(version_dir);
  const std::string path = folder + "/CURRENT";
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::trunc);
    file << fs::path(version_dir).filename().string() << "\n";
    file.flush();
    if (!file) return fail(disk_error(fresh));
  }
  HANSA_CHECK(sync_path(fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail(disk_error(path));
  return sync_path(folder);
}

void remove_other_versions(const std::string& version_dir) {
  const std::string folder = versions_folder(version_dir);
  const std::string kept = fs::path(version_dir).filename();
  std::error_code ignored;
  fs::remove(folder + "/CURRENT.new", ignored);
  if (version_in(kept) == 0) return;
  for (const auto& version : versions_in(folder)) {
    if (version != kept) fs::remove_all(folder + "/" + version, ignored);
  }
}

}  // namespace hansa::projections
