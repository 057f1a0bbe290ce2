#include "ops/backup.h"

#include <filesystem>

#include "ops/files.h"
#include "ops/json.h"
#include "ops/ledger_check.h"
#include "projections/versions.h"
#include "streams/embedded_log.h"

namespace hansa::ops {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kBudgetMib = 32;
constexpr const char* kRecord = "backup.json";
constexpr const char* kMark = "RESTORED";

Error disk_error(const std::string& path, const std::error_code& error) {
  return {Errc::kUnavailable, path + " cannot be written: " + error.message()};
}

Result<v1::BackupAnswer> read_record(const std::string& file) {
  HANSA_TRY(const auto text, read_file(file, 64 * 1024));
  v1::BackupAnswer record;
  if (auto read = from_json(text, record); !read || !LedgerId::parse(record.ledger())) {
    return fail(Errc::kBadFile, file + ": expected what `hansa backup` wrote");
  }
  return record;
}

Result<projections::Meta> meta_of(const std::string& rows) {
  HANSA_TRY(const auto store, projections::Store::open(
                                  rows, projections::make_store_budget(kBudgetMib, kBudgetMib)));
  return store->meta();
}

// Synced, each of them: what will be appended stands on them.
Result<void> copy_folder(const std::string& from, const std::string& to) {
  HANSA_CHECK(make_folders(to, 0700));
  std::error_code error;
  for (const auto& item : fs::directory_iterator(from, error)) {
    HANSA_TRY(const auto bytes, read_file(item.path()));
    HANSA_CHECK(write_new_file(fs::path(to) / item.path().filename(), bytes, 0600));
  }
  if (error) return fail(disk_error(from, error));
  return {};
}

std::string mark_of(const std::string& version_dir) {
  return projections::versions_folder(version_dir) + "/" + kMark;
}

}  // namespace

Result<v1::BackupAnswer> back_up(const BackedUpLedger& which, projections::Store& store,
                                 streams::Log& log, const std::string& folder, Env& env) {
  HANSA_CHECK(make_folders(folder, 0700));
  const std::string making = folder + "/" + which.ledger.folder() + ".making";
  std::error_code error;
  fs::remove_all(making, error);
  HANSA_CHECK(make_folders(making, 0700));
  // The rows first: the log then holds all that they stand on.
  HANSA_CHECK(store.checkpoint(making + "/rows"));
  HANSA_TRY(const bool has_log, log.checkpoint(making + "/log"));
  HANSA_TRY(const auto meta, meta_of(making + "/rows"));
  const std::string made =
      folder + "/" + which.ledger.folder() + "-" + std::to_string(meta.position.seq);
  if (fs::exists(made)) {
    fs::remove_all(making, error);
    return fail(Errc::kAlreadyExists, made + " stands there already; nothing has happened since");
  }
  v1::BackupAnswer record;
  record.set_ledger(which.ledger.text());
  record.set_founding_id(to_hex(which.founding_id));
  record.set_folder(made);
  record.set_time_us(env.now_us());
  record.set_seq(meta.position.seq);
  record.set_next_offset(meta.position.next_offset);
  record.set_tip_sha256(to_hex(meta.position.tip));
  record.set_digest(meta.digest.hex());
  record.set_row_schema_version(meta.row_schema_version);
  record.set_has_log(has_log);
  HANSA_CHECK(write_file(making + "/" + kRecord, to_json(record), 0600));
  fs::rename(making, made, error);
  if (error) return fail(disk_error(made, error));
  return record;
}

Result<v1::BackupAnswer> read_backup(const std::string& backup) {
  return read_record(backup + "/" + kRecord);
}

Result<v1::BackupAnswer> restore(const std::string& backup, const std::string& data_dir) {
  HANSA_TRY(auto record, read_backup(backup));
  const auto ledger = *LedgerId::parse(record.ledger());
  const std::string versions = data_dir + "/projections/" + ledger.folder();
  const std::string log = data_dir + "/log";
  for (const auto& place : {versions + "/CURRENT", record.has_log() ? log : std::string()}) {
    if (place.empty() || !fs::exists(place)) continue;
    return fail(Errc::kAlreadyExists,
                place + " stands there already; restore into an empty data folder, or move what is "
                        "there away first");
  }
  HANSA_CHECK(make_folders(versions, 0700));
  const std::string version = projections::next_version_dir(versions);
  // The mark first: what is cut short then is not taken for rows that somebody made here.
  HANSA_CHECK(write_file(mark_of(version), to_json(record), 0600));
  HANSA_CHECK(copy_folder(backup + "/rows", version));
  if (record.has_log()) HANSA_CHECK(copy_folder(backup + "/log", log));
  HANSA_CHECK(projections::make_current(version));
  record.set_folder(version);
  return record;
}

Result<void> prove_restored(const std::string& version_dir) {
  const std::string mark = mark_of(version_dir);
  if (!fs::exists(mark)) return {};
  HANSA_TRY(const auto record, read_record(mark));
  HANSA_TRY(const auto store,
            projections::Store::open(version_dir,
                                     projections::make_store_budget(kBudgetMib, kBudgetMib)));
  HANSA_TRY(const auto digest, store->scan_digest());
  const auto meta = store->meta();
  const bool same = digest.hex() == record.digest() && meta.digest == digest &&
                    meta.position.seq == record.seq() &&
                    to_hex(meta.position.tip) == record.tip_sha256();
  if (!same) {
    return fail(Errc::kDigestDiffers,
                record.ledger() + ": the restored rows have the digest " + digest.hex() +
                    " at seq " + std::to_string(meta.position.seq) + ", the backup says " +
                    record.digest() + " at " + std::to_string(record.seq()) +
                    "; restore another backup, or remove " +
                    projections::versions_folder(version_dir) + " to fold the ledger anew");
  }
  std::error_code error;
  fs::remove(mark, error);
  if (error) return fail(disk_error(mark, error));
  return {};
}

uint64_t folder_bytes(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& item : fs::recursive_directory_iterator(folder, error)) {
    if (item.is_regular_file(error)) bytes += item.file_size(error);
  }
  return bytes;
}

Result<BackupCheck> verify_backup(const std::string& backup, const std::string& scratch) {
  BackupCheck check;
  check.bytes = folder_bytes(backup);
  HANSA_TRY(check.record, restore(backup, scratch));
  const auto& record = check.record;
  HANSA_CHECK(prove_restored(record.folder()));
  if (!record.has_log()) return check;
  streams::EmbeddedLogOptions options;
  options.folder = scratch + "/log";
  options.create_if_missing = false;
  HANSA_TRY(const auto log, streams::EmbeddedLog::open(options));
  const auto ledger = *LedgerId::parse(record.ledger());
  const auto founding_id = parse_hex<FoundingId>(record.founding_id());
  if (!founding_id) return fail(Errc::kBadFile, backup + "/" + kRecord + ": no founding id");
  LogRecords records(*log, ledger);
  std::string tip;
  HANSA_TRY(const auto read,
            check_ledger(records, ledger, *founding_id, [&](const SeenRecord& seen) {
              if (seen.valid && seen.seq == record.seq()) tip = to_hex(seen.hash);
            }));
  check.log_seq = read.position.seq;
  if (record.seq() == 0 || tip == record.tip_sha256()) return check;
  return fail(Errc::kChainBroken,
              record.ledger() + ": the rows stand at entry " + std::to_string(record.seq()) + ", " +
                  record.tip_sha256() + "; the log in the backup " +
                  (tip.empty() ? "ends at entry " + std::to_string(check.log_seq)
                               : "has " + tip + " there"));
}

}  // namespace hansa::ops
