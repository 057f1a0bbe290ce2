#include "ops/cli/offline.h"

#include <filesystem>

#include "ops/key_file.h"
#include "ops/open_log.h"
#include "streams/embedded_log.h"

namespace hansa::ops {
namespace {

// A ledger in which nothing was ever written.
class EmptyLog final : public streams::Log {
 public:
  Result<Offset> end(const LedgerId&) override { return 0; }
  Result<streams::ReadResult> read(const LedgerId&, Offset from, size_t) override {
    return streams::ReadResult{{}, from};
  }
  void append(const LedgerId&, std::vector<std::string> values, Offset,
              Delivered delivered) override {
    delivered(std::vector<streams::Delivery>(
        values.size(), {std::nullopt, Error{Errc::kUnavailable, "this log is read only"}}));
  }
  void renew_writer(const LedgerId&) override {}
};

}  // namespace

Result<StoppedNode> StoppedNode::open(const std::string& data_dir, const LedgerId& ledger) {
  HANSA_TRY(const auto keys, read_key_file(key_file_name(data_dir, ledger)));
  if (!std::filesystem::exists(data_dir + "/log")) {
    return StoppedNode(std::make_unique<EmptyLog>(), keys.founding_id);
  }
  streams::EmbeddedLogOptions options;
  options.folder = data_dir + "/log";
  options.create_if_missing = false;
  HANSA_TRY(auto log, streams::EmbeddedLog::open(options));
  return StoppedNode(std::move(log), keys.founding_id);
}

Result<StoppedNode> StoppedNode::of(const Config& config, const LedgerId& ledger) {
  const auto* settings = config.find_ledger(ledger);
  if (settings == nullptr) {
    return fail(Errc::kBadConfig, "the configuration names no ledger " + ledger.text() +
                                      "; add it to section ledgers or name another");
  }
  HANSA_TRY(auto log, open_log(config));
  return StoppedNode(std::move(log), settings->founding_id);
}

Result<void> check_has_log(const std::string& data_dir, const LedgerId& ledger) {
  if (std::filesystem::exists(data_dir + "/log")) return {};
  HANSA_TRY(const auto meta, stored_meta(data_dir, ledger));
  if (meta.position.seq == 0) return {};
  return fail(Errc::kBadConfig, data_dir + " has rows of " + ledger.text() + " up to entry " +
                                    std::to_string(meta.position.seq) +
                                    " and no log: a cluster keeps it; give the node's "
                                    "configuration by --config");
}

Result<projections::Meta> stored_meta(const std::string& data_dir, const LedgerId& ledger) {
  const auto folder = store_folder(data_dir, ledger);
  if (!std::filesystem::exists(folder + "/CURRENT")) return projections::Meta{};
  HANSA_TRY(const auto store,
            projections::Store::open(folder, projections::make_store_budget(16, 16)));
  return store->meta();
}

}  // namespace hansa::ops
