#include "streams/embedded_log.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>

#include <filesystem>
#include <limits>
#include <utility>

#include "core/base/assert.h"
#include "streams/embedded_log_store.h"

namespace hansa::streams {
namespace {

constexpr size_t kReadaheadFromBytes = 256 * 1024;

Error entries_lost(const std::string& ledger, Offset end, Offset marked_end) {
  return {Errc::kLogBehind, ledger + ": the log ends at offset " + std::to_string(end) +
                                ", but was written up to " + std::to_string(marked_end) +
                                ": entries were lost. Restore it from a backup"};
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(const EmbeddedLogOptions& options) {
  std::error_code error;
  if (!options.create_if_missing && !std::filesystem::exists(options.folder + "/CURRENT", error)) {
    return fail(Errc::kBadFile, options.folder + " holds no log; expected the folder `log` of a "
                                                 "data folder that `hansa init` made");
  }
  if (options.create_if_missing) std::filesystem::create_directories(options.folder, error);
  if (error) {
    return fail(Errc::kUnavailable, options.folder + " cannot be made: " + error.message());
  }
  std::unique_ptr<EmbeddedLog> log(new EmbeddedLog(options));
  HANSA_CHECK(log->open_database(Access::kWrite));
  log->writer_ = std::thread([self = log.get()] { self->write_loop(); });
  log->marker_syncer_ = std::thread([self = log.get()] { self->marker_loop(); });
  return log;
}

EmbeddedLog::EmbeddedLog(const EmbeddedLogOptions& options) : options_(options) {}

EmbeddedLog::~EmbeddedLog() {
  if (writer_.joinable()) {
    {
      std::lock_guard lock(queue_mutex_);
      stopping_ = true;
    }
    queue_filled_.notify_all();
    writer_.join();
  }
  if (marker_syncer_.joinable()) {
    {
      std::lock_guard lock(marker_mutex_);
      marker_stopping_ = true;
    }
    marker_wake_.notify_all();
    marker_syncer_.join();
  }
  if (database_ && !broken_) database_->Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  close_database();
}

// The caller holds database_mutex_ alone, or is the only one to know this log.
Result<void> EmbeddedLog::open_database(Access access) {
  rocksdb::DB* database = nullptr;
  const auto options = database_options(options_, without_compaction_);
  const auto status = access == Access::kWrite
                          ? rocksdb::DB::Open(options, options_.folder, &database)
                          : rocksdb::DB::OpenForReadOnly(options, options_.folder, &database);
  if (!status.ok()) return fail(to_error(status, "the log " + options_.folder));
  database_.reset(database);

  Ledgers ledgers;
  auto loaded = load_ledgers(ledgers);
  if (loaded) loaded = check_marker(ledgers);
  if (!loaded) {
    close_database();
    return loaded;
  }
  std::lock_guard lock(ledgers_mutex_);
  ledgers_ = std::move(ledgers);
  return {};
}

void EmbeddedLog::close_database() {
  if (!database_) return;
  database_->Close().PermitUncheckedError();
  database_.reset();
}

Result<void> EmbeddedLog::load_ledgers(Ledgers& ledgers) {
  std::string format;
  auto status = database_->Get(rocksdb::ReadOptions(), format_key(), &format);
  if (status.IsNotFound()) {
    rocksdb::WriteOptions synced;
    synced.sync = options_.fsync;
    status = database_->Put(synced, format_key(), std::string(kLogFormat));
    format = kLogFormat;
  }
  if (!status.ok()) return fail(to_error(status, "the log " + options_.folder));
  if (format != kLogFormat) {
    return fail(Errc::kUpgradeNeeded, "the log " + options_.folder + " has format " + format +
                                          ", this binary knows 1; install a newer one");
  }
  std::unique_ptr<rocksdb::Iterator> names(database_->NewIterator(rocksdb::ReadOptions()));
  const std::string start = ledger_key("");
  for (names->Seek(start); names->Valid() && names->key().starts_with(start); names->Next()) {
    const std::string name = names->key().ToString().substr(start.size());
    LedgerState state{static_cast<uint32_t>(number_in(names->value())), 0, {}};
    look_for_end(name, state);
    ledgers[name] = std::move(state);
  }
  if (!names->status().ok()) {
    return fail(to_error(names->status(), "the log " + options_.folder));
  }
  return {};
}

Result<Offset> EmbeddedLog::find_end(uint32_t ledger_number) {
  std::unique_ptr<rocksdb::Iterator> last(database_->NewIterator(rocksdb::ReadOptions()));
  last->SeekForPrev(record_key(ledger_number, UINT64_MAX));
  if (!last->status().ok()) return fail(to_error(last->status(), "the log " + options_.folder));
  if (!last->Valid() || !last->key().starts_with(number_bytes(ledger_number))) return Offset{0};
  return offset_of(last->key()) + 1;
}

void EmbeddedLog::look_for_end(const std::string& name, LedgerState& state) {
  auto end = find_end(state.number);
  if (!end) {
    state.damage = end.error();
    state.damage->detail = name + ": " + state.damage->detail;
  } else if (*end < state.marked_end) {
    state.damage = entries_lost(name, *end, state.marked_end);
  } else {
    state.end = *end;
    state.damage.reset();
  }
}

// A damaged ledger has no end to compare; it is refused when it is used.
Result<void> EmbeddedLog::check_marker(Ledgers& ledgers) {
  if (!marker_) {
    HANSA_TRY(marker_, EndMarker::open(options_.folder + "/end_marker", ledgers.empty()));
  }
  HANSA_TRY(const auto marked, marker_->read());
  for (const auto& [number, marked_end] : marked) {
    std::string name = "ledger number " + std::to_string(number);
    Offset end = 0;
    bool damaged = false;
    for (auto& [text, state] : ledgers) {
      if (state.number != number) continue;
      name = text;
      end = state.end;
      damaged = state.damage.has_value();
      state.marked_end = marked_end;
    }
    if (!damaged && end < marked_end) return fail(entries_lost(name, end, marked_end));
  }
  return {};
}

// The caller holds database_mutex_.
Result<EmbeddedLog::LedgerState> EmbeddedLog::state_of(const LedgerId& ledger,
                                                       bool even_damaged) {
  if (!database_) {
    {
      std::lock_guard lock(queue_mutex_);
      reopening_wanted_ = true;
    }
    queue_filled_.notify_one();
    return fail(Errc::kUnavailable, ledger.text() + ": the log is closed after a failed write");
  }
  std::lock_guard lock(ledgers_mutex_);
  const auto found = ledgers_.find(ledger.text());
  if (found == ledgers_.end()) return LedgerState{};
  // A disk that could not be read may work again.
  if (found->second.damage && found->second.damage->code == Errc::kUnavailable) {
    look_for_end(found->first, found->second);
  }
  if (found->second.damage && !even_damaged) return fail(*found->second.damage);
  return found->second;
}

Result<Offset> EmbeddedLog::end(const LedgerId& ledger) {
  std::shared_lock lock(database_mutex_);
  HANSA_TRY(const LedgerState state, state_of(ledger));
  return state.end;
}

bool EmbeddedLog::has_more(const LedgerId& ledger, Offset from) {
  const auto found = end(ledger);
  return found && from < *found;
}

Result<ReadResult> EmbeddedLog::read(const LedgerId& ledger, Offset from, size_t bytes_max) {
  std::shared_lock lock(database_mutex_);
  HANSA_TRY(LedgerState state, state_of(ledger, true));
  // Where its end is damaged, it is read until the damage is met.
  if (state.damage) state.end = std::numeric_limits<Offset>::max();
  if (from > state.end) {
    return fail(Errc::kLogBehind, ledger.text() + ": the log ends at offset " +
                                      std::to_string(state.end) + ", asked for " +
                                      std::to_string(from));
  }
  ReadResult result{{}, from};
  if (from == state.end) return result;
  const std::string upper = record_key(state.number, state.end);
  const rocksdb::Slice upper_bound(upper);
  rocksdb::ReadOptions reading;
  reading.iterate_upper_bound = &upper_bound;
  reading.readahead_size = bytes_max >= kReadaheadFromBytes ? 2 * 1024 * 1024 : 0;
  reading.fill_cache = bytes_max < kReadaheadFromBytes;
  std::unique_ptr<rocksdb::Iterator> record(database_->NewIterator(reading));
  size_t bytes = 0;
  for (record->Seek(record_key(state.number, from)); record->Valid(); record->Next()) {
    if (offset_of(record->key()) != result.next) break;
    bytes += record->value().size();
    if (!result.records.empty() && bytes > bytes_max) return result;
    result.records.push_back({result.next, record->value().ToString()});
    ++result.next;
  }
  if (record->status().ok() && result.next == state.end) return result;
  // What stands before the damage is handed out; the damage is met by the next read.
  if (!result.records.empty()) return result;
  const std::string place = ledger.text() + ": the record at offset " + std::to_string(from);
  if (!record->status().ok()) return fail(to_error(record->status(), place));
  if (state.damage) return fail(*state.damage);
  return fail(Errc::kChainBroken, place + " is missing though the log goes on to " +
                                      std::to_string(state.end) + "; restore it from a backup");
}

void EmbeddedLog::append(const LedgerId& ledger, std::vector<std::string> values,
                         Offset expected_end, Delivered delivered) {
  Flight flight{ledger, std::move(values), expected_end, std::move(delivered), {}, 0};
  if (flight.values.size() > kFlightValuesMax) {
    flight.refusal = Error{Errc::kTooLarge, "a flight has at most " +
                                                std::to_string(kFlightValuesMax) +
                                                " values, this one has " +
                                                std::to_string(flight.values.size())};
  }
  for (const auto& value : flight.values) {
    if (value.size() <= kValueBytesMax) continue;
    flight.refusal = Error{Errc::kTooLarge, "a value has at most " +
                                                std::to_string(kValueBytesMax) +
                                                " bytes, this one has " +
                                                std::to_string(value.size())};
  }
  {
    std::lock_guard lock(queue_mutex_);
    HANSA_ASSERT(!stopping_, "nobody appends while the log is being destroyed");
    queue_.push_back(std::move(flight));
  }
  queue_filled_.notify_one();
}

// What waits is refused, what is being written is waited for: after this, reading shows all.
void EmbeddedLog::renew_writer(const LedgerId& ledger) {
  std::unique_lock lock(queue_mutex_);
  for (auto& flight : queue_) {
    if (flight.ledger != ledger || flight.refusal) continue;
    flight.refusal = Error{Errc::kUnavailable,
                           ledger.text() + ": forgotten by its writer, nothing was appended"};
  }
  uint64_t hands_awaited = hands_taken_;
  if (broken_) {
    reopening_wanted_ = true;
    ++hands_awaited;
    queue_filled_.notify_one();
  }
  hand_written_.wait(lock, [&] { return hands_written_ >= hands_awaited; });
}

std::vector<LedgerSummary> EmbeddedLog::list_ledgers() {
  std::lock_guard lock(ledgers_mutex_);
  std::vector<LedgerSummary> result;
  for (const auto& [name, state] : ledgers_) {
    const auto slash = name.find('/');
    result.push_back(
        {{name.substr(0, slash), name.substr(slash + 1)}, state.end, state.damage});
  }
  return result;
}

EmbeddedLogCounts EmbeddedLog::counts() const {
  return {batches_, records_, bytes_, failed_batches_, reopenings_, marker_failures_};
}

uint64_t EmbeddedLog::rocksdb_property(const std::string& name) {
  std::shared_lock lock(database_mutex_);
  uint64_t value = 0;
  if (database_) database_->GetIntProperty(name, &value);
  return value;
}

Result<bool> EmbeddedLog::checkpoint(const std::string& folder) {
  const std::shared_lock lock(database_mutex_);
  if (database_ == nullptr) {
    return fail(Errc::kUnavailable, options_.folder + " is closed after a failed write; try again");
  }
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(database_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
  // An empty marker says that this copy is one on purpose; what it must hold, its rows know.
  if (status.ok()) {
    status = rocksdb::WriteStringToFile(database_->GetEnv(), "", folder + "/end_marker", true);
  }
  if (!status.ok()) return fail(to_error(status, folder));
  return true;
}

}  // namespace hansa::streams
