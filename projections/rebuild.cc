#include "projections/rebuild.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>


namespace hansa::projections {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRowCacheBytes = 256 * 1024 * 1024;

std::string folder_of(const std::string& projections_dir, const LedgerId& ledger) {
  return projections_dir + "/" + ledger.folder();
}

// The number in `v12`; 0 for any other name.
uint32_t version_in(const std::string& name) {
  uint32_t version = 0;
  if (!name.starts_with('v')) return 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + 1, end, version);
  return parsed.ec == std::errc() && parsed.ptr == end ? version : 0;
}

std::vector<uint32_t> versions_in(const std::string& folder) {
  std::vector<uint32_t> versions;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    if (const uint32_t version = version_in(item.path().filename()); version > 0) {
      versions.push_back(version);
    }
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

Result<void> name_current(const std::string& folder, const std::string& version) {
  const std::string path = folder + "/CURRENT";
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::trunc);
    file << version << "\n";
    file.flush();
    if (!file) return fail(disk_error(fresh));
  }
  HANSA_CHECK(sync_path(fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail(disk_error(path));
  return sync_path(folder);
}

// The store that counted so far, held open so that nobody else begins to use it; none if there is
// none or it cannot be read.
Result<std::unique_ptr<Store>> open_current(const std::string& directory,
                                            std::shared_ptr<StoreBudget> budget) {
  if (!fs::exists(directory + "/CURRENT")) return std::unique_ptr<Store>();
  auto store = Store::open(directory, std::move(budget));
  if (!store && store.error().code == Errc::kBadFile) return std::unique_ptr<Store>();
  return store;
}

}  // namespace

std::string current_version_dir(const std::string& projections_dir, const LedgerId& ledger) {
  const std::string folder = folder_of(projections_dir, ledger);
  std::ifstream file(folder + "/CURRENT");
  std::string version;
  if (!std::getline(file, version) || version_in(version) == 0) version = "v1";
  return folder + "/" + version;
}

Result<RebuildReport> rebuild_offline(streams::Log& log, const LedgerId& ledger,
                                      const FoundingId& founding_id,
                                      const std::string& projections_dir,
                                      std::shared_ptr<StoreBudget> budget, const GoOn& go_on) {
  const std::string folder = folder_of(projections_dir, ledger);
  HANSA_TRY(auto current, open_current(current_version_dir(projections_dir, ledger), budget));
  RebuildReport report;
  if (current != nullptr) report.before = current->meta();
  const auto older = versions_in(folder);
  const uint32_t newest = older.empty() ? 0 : *std::max_element(older.begin(), older.end());
  const std::string version = "v" + std::to_string(newest + 1);
  report.directory = folder + "/" + version;
  std::error_code ignored;
  auto refolded = [&]() -> Result<void> {
    HANSA_TRY(auto store, Store::open(report.directory, budget));
    RowCache rows(*store, kRowCacheBytes);
    HANSA_CHECK(catch_up(log, ledger, founding_id, *store, rows, {kRebuildDirtyRowsMax},
                         {.go_on = go_on}));
    report.meta = store->meta();
    return {};
  }();
  if (refolded) refolded = name_current(folder, version);
  if (!refolded) {
    fs::remove_all(report.directory, ignored);
    return fail(refolded.error());
  }
  report.digest_differed = report.before &&
                           report.before->row_schema_version == kRowSchemaVersion &&
                           report.before->position.seq == report.meta.position.seq &&
                           report.before->digest != report.meta.digest;
  current.reset();
  for (const uint32_t old : older) {
    fs::remove_all(folder + "/v" + std::to_string(old), ignored);
  }
  return report;
}

}  // namespace hansa::projections
