#include "projections/rebuild.h"

#include <filesystem>

namespace hansa::projections {
namespace {

namespace fs = std::filesystem;

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

Result<RebuildReport> rebuild_offline(streams::Log& log, const LedgerId& ledger,
                                      const FoundingId& founding_id,
                                      const std::string& projections_dir,
                                      std::shared_ptr<StoreBudget> budget, size_t row_cache_bytes,
                                      const GoOn& go_on, Authorship authorship) {
  const std::string live = current_version_dir(projections_dir, ledger);
  HANSA_TRY(auto current, open_current(live, budget));
  RebuildReport report;
  if (current != nullptr) report.before = current->meta();
  report.directory = next_version_dir(versions_folder(live));
  auto refolded = [&]() -> Result<void> {
    HANSA_TRY(auto store, Store::open(report.directory, budget));
    RowCache rows(*store, row_cache_bytes);
    HANSA_CHECK(catch_up(log, ledger, founding_id, *store, rows, {},
                         {.go_on = go_on, .authorship = &authorship}));
    report.meta = store->meta();
    return {};
  }();
  if (refolded) refolded = make_current(report.directory);
  if (!refolded) {
    // The rename may have been all that worked: what counts now stays.
    std::error_code ignored;
    if (current_version_dir(projections_dir, ledger) != report.directory) {
      fs::remove_all(report.directory, ignored);
    }
    return fail(refolded.error());
  }
  report.digest_differed = report.before &&
                           report.before->row_schema_version == kRowSchemaVersion &&
                           report.before->position.seq == report.meta.position.seq &&
                           report.before->digest != report.meta.digest;
  current.reset();
  remove_other_versions(report.directory);
  return report;
}

}  // namespace hansa::projections
