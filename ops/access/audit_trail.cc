#include "ops/access/audit_trail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/json_log.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kTrailEnd = ".jsonl";
constexpr size_t kNumberDigits = 12;
constexpr uint32_t kRecordsDefault = 50;
constexpr uint32_t kRecordsMax = 1'000;

std::string file_name(uint64_t first) {
  auto digits = std::to_string(first);
  digits.insert(0, kNumberDigits - std::min(kNumberDigits, digits.size()), '0');
  return digits + std::string(kTrailEnd);
}

std::optional<uint64_t> number_in(std::string_view text) {
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Where a page of a list begins: in the file of this first record, at this byte.
struct Place {
  uint64_t first = 0;
  uint64_t offset = 0;
};

std::string text_of(const Place& place) {
  return std::to_string(place.first) + "." + std::to_string(place.offset);
}

std::optional<Place> place_in(std::string_view text) {
  const auto dot = std::min(text.find('.'), text.size());
  const auto first = number_in(text.substr(0, dot));
  const auto offset = dot == text.size() ? std::nullopt : number_in(text.substr(dot + 1));
  if (!first || !offset) return std::nullopt;
  return Place{*first, *offset};
}

// Names of files and the numbers of their first records, oldest first.
Result<std::vector<std::pair<uint64_t, std::string>>> files_of_trail(const std::string& folder) {
  std::vector<std::pair<uint64_t, std::string>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(kTrailEnd)) continue;
    const auto first = number_in(name.substr(0, name.size() - kTrailEnd.size()));
    if (first) found.emplace_back(*first, folder + "/" + name);
  }
  if (error) return fail(Errc::kBadFile, folder + " cannot be listed: " + error.message());
  std::ranges::sort(found);
  return found;
}

Result<v1::AuditRecord> read_record(std::string_view line) {
  v1::AuditRecord record;
  HANSA_CHECK(from_json(line, record));
  return record;
}

// nullopt where not even one line is whole.
std::optional<std::string> first_line(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string line;
  if (!std::getline(file, line) || file.eof()) return std::nullopt;
  return line;
}

// Up to so many bytes of what the file has from there on.
Result<std::string> read_part(const std::string& name, uint64_t offset, size_t bytes_max) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(name, error);
  std::ifstream file(name, std::ios::binary);
  if (error || !file.is_open()) {
    return fail(Errc::kUnavailable, name + " cannot be read; try again");
  }
  std::string bytes(std::min<uint64_t>(bytes_max, size - std::min(size, offset)), '\0');
  file.seekg(static_cast<std::streamoff>(std::min(size, offset)));
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) return fail(Errc::kUnavailable, name + " cannot be read; try again");
  return bytes;
}

// `take` gets each line without its line feed, until it answers false; what stands behind the last
// line feed is the answer.
template <typename Take>
std::string_view each_line(std::string_view bytes, const Take& take) {
  while (true) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos || !take(bytes.substr(0, end))) return bytes;
    bytes.remove_prefix(end + 1);
  }
}

Error file_error(const std::string& name, const char* what) {
  return {Errc::kUnavailable, name + " cannot be " + what + ": " + std::strerror(errno)};
}

Result<void> write_whole(int descriptor, const std::string& name, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(file_error(name, "written"));
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace

AuditTrail::AuditTrail(std::string folder, uint32_t retention_days, Env& env)
    : folder_(std::move(folder)), retention_us_(retention_days * kDayUs), env_(env) {}

AuditTrail::~AuditTrail() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (syncer_.joinable()) syncer_.join();
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<AuditTrail>> AuditTrail::open(const std::string& folder,
                                                     uint32_t retention_days, Env& env) {
  HANSA_CHECK(make_folders(folder, 0700));
  std::unique_ptr<AuditTrail> trail(new AuditTrail(folder, retention_days, env));
  HANSA_CHECK(trail->read_files());
  trail->syncer_ = std::thread([raw = trail.get()] { raw->keep_synced(); });
  return trail;
}

Result<void> AuditTrail::read_files() {
  HANSA_TRY(const auto found, files_of_trail(folder_));
  for (const auto& [first, name] : found) {
    const auto line = first_line(name);
    const auto record = read_record(line.value_or(""));
    // A file whose first line was torn is of a node that was killed as it began it.
    if (!record && (first != found.back().first || line)) {
      return fail(Errc::kBadFile, name + ": its first line is no record of the audit trail; take "
                                         "the folder away for whoever looks into it");
    }
    files_.push_back({name, first, record ? record->time_us() : 0});
  }
  if (files_.empty()) return {};
  return open_last_file();
}

Result<void> AuditTrail::open_last_file() {
  const auto& file = files_.back();
  HANSA_TRY(const auto bytes, read_file(file.name));
  last_number_ = file.first - 1;
  std::string_view last;
  const auto torn = each_line(bytes, [&](std::string_view line) {
    ++last_number_;
    last = line;
    return true;
  });
  if (!last.empty()) {
    const auto record = read_record(last);
    if (!record || record->number() != last_number_) {
      return fail(Errc::kBadFile, file.name + ": its last line is no record " +
                                      std::to_string(last_number_) + " of the audit trail; take "
                                      "the folder away for whoever looks into it");
    }
    last_sha256_ = to_hex(sha256(last));
  } else if (files_.size() > 1) {
    // Nothing of the newest file was written: the chain goes on from the one before.
    std::filesystem::remove(file.name);
    files_.pop_back();
    return open_last_file();
  }
  descriptor_ = ::open(file.name.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) return fail(file_error(file.name, "opened"));
  file_bytes_ = bytes.size() - torn.size();
  if (!torn.empty() && ::ftruncate(descriptor_, static_cast<off_t>(file_bytes_)) != 0) {
    return fail(file_error(file.name, "cut"));
  }
  return {};
}

void AuditTrail::add(v1::AuditRecord record) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kTrailWaitingMax) {
    JsonLine(LogLevel::kError, "audit_record_lost").field("ledger", record.ledger());
    return;
  }
  record.set_number(++last_number_);
  record.set_time_us(env_.now_us());
  record.set_previous_sha256(last_sha256_);
  Line line{record.number(), record.time_us(), to_json(record)};
  last_sha256_ = to_hex(sha256(line.text));
  line.text += '\n';
  waiting_.push_back(std::move(line));
  if (!is_failing_) note(write_waiting());
}

Result<void> AuditTrail::write_waiting() {
  while (!waiting_.empty()) {
    HANSA_CHECK(write_line(waiting_.front()));
    waiting_.pop_front();
  }
  return {};
}

Result<void> AuditTrail::write_line(const Line& line) {
  const bool is_new_day =
      !files_.empty() && files_.back().begun_us / kDayUs != line.time_us / kDayUs;
  const bool begins = descriptor_ < 0 || is_new_day || file_bytes_ >= kTrailFileBytesMax;
  if (begins) HANSA_CHECK(begin_file(line));
  const auto& file = files_.back();
  if (auto written = write_whole(descriptor_, file.name, line.text); !written) {
    // A part of a line would stand before the whole one.
    if (::ftruncate(descriptor_, static_cast<off_t>(file_bytes_)) != 0) {
      JsonLine(LogLevel::kError, "audit_file_uncut").field("file", file.name);
    }
    return written;
  }
  file_bytes_ += line.text.size();
  unsynced_ = true;
  if (begins) drop_old_files(line.time_us);
  return {};
}

Result<void> AuditTrail::begin_file(const Line& line) {
  const auto name = folder_ + "/" + file_name(line.number);
  const int fresh = ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fresh < 0) return fail(file_error(name, "made"));
  if (descriptor_ >= 0) {
    ::fdatasync(descriptor_);
    ::close(descriptor_);
  }
  descriptor_ = fresh;
  file_bytes_ = 0;
  files_.push_back({name, line.number, line.time_us});
  return {};
}

// A file is as old as its newest record, which is older than the first of the next file.
void AuditTrail::drop_old_files(int64_t now_us) {
  while (files_.size() > 1 && files_[1].begun_us < now_us - retention_us_) {
    std::error_code error;
    std::filesystem::remove(files_.front().name, error);
    if (error) return;
    files_.erase(files_.begin());
  }
}

void AuditTrail::note(const Result<void>& outcome) {
  if (outcome.has_value() == !is_failing_) return;
  is_failing_ = !outcome;
  if (outcome) {
    JsonLine(LogLevel::kInfo, "audit_written_again");
  } else {
    JsonLine(LogLevel::kError, "audit_unwritten").field("detail", outcome.error().detail);
  }
}

void AuditTrail::keep_synced() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, std::chrono::milliseconds(kTrailSyncMs), [this] { return stopping_; });
    if (!waiting_.empty()) note(write_waiting());
    if (!unsynced_) continue;
    unsynced_ = false;
    // The file may be closed meanwhile, and then is synced by whoever closes it.
    const int copy = ::dup(descriptor_);
    lock.unlock();
    const bool is_synced = copy >= 0 && ::fdatasync(copy) == 0;
    const int why = errno;
    if (copy >= 0) ::close(copy);
    lock.lock();
    if (!is_synced) {
      // Tried again: nothing else would ever end the refusal of commands.
      unsynced_ = true;
      errno = why;
      note(fail(file_error(files_.back().name, "synced")));
    } else if (waiting_.empty()) {
      note({});
    }
  }
}

Result<void> AuditTrail::ready() const {
  const std::lock_guard lock(mutex_);
  if (!is_failing_) return {};
  return fail(Errc::kUnavailable, "commands are not taken while the audit trail in " + folder_ +
                                      " cannot be written; make room on its disk");
}

TrailHealth AuditTrail::health() const {
  const std::lock_guard lock(mutex_);
  return {last_number_, is_failing_};
}

Result<v1::AuditRecordsAnswer> AuditTrail::list(const LedgerId& ledger, uint32_t page_size,
                                                const std::string& page_token) const {
  const auto place = page_token.empty() ? Place{} : place_in(page_token);
  if (!place) return fail(Errc::kBadRequest, "expected a token of this list", "/page_token");
  if (page_size > kRecordsMax) {
    return fail(Errc::kBadRequest, "expected at most " + std::to_string(kRecordsMax), "/page_size");
  }
  const int size = static_cast<int>(page_size == 0 ? kRecordsDefault : page_size);
  std::vector<File> files;
  {
    const std::lock_guard lock(mutex_);
    files = files_;
  }
  v1::AuditRecordsAnswer answer;
  answer.set_ledger(ledger.text());
  bool is_full = false;
  // Only lines with these letters are worth to be read as records.
  const auto take = [&, name = json_text(ledger.text())](std::string_view line) {
    if (line.find(name) == std::string_view::npos) return true;
    auto record = read_record(line);
    if (!record || record->ledger() != ledger.text()) return true;
    is_full = answer.records_size() == size;
    if (!is_full) *answer.add_records() = *std::move(record);
    return !is_full;
  };
  size_t left = kTrailListBytesMax;
  for (const auto& file : files) {
    if (file.first < place->first) continue;
    const uint64_t begin = file.first == place->first ? place->offset : 0;
    HANSA_TRY(const auto bytes, read_part(file.name, begin, left));
    const auto rest = each_line(bytes, take);
    left -= bytes.size();
    if (!is_full && left > 0) continue;
    answer.set_next_page_token(text_of({file.first, begin + bytes.size() - rest.size()}));
    break;
  }
  return answer;
}

v1::AuditRecord audit_record(const LedgerId& ledger, const projections::Keeper* keeper,
                             const Principal& principal, std::string_view method) {
  v1::AuditRecord record;
  record.set_ledger(ledger.text());
  record.set_issuer(principal.issuer);
  if (keeper != nullptr) record.set_actor(to_hex(keeper->actor_of(principal)));
  record.set_method(std::string(method));
  record.set_outcome("ok");
  return record;
}

projections::Door::Unsealed record_unsealing(AuditTrail& trail,
                                             std::shared_ptr<projections::Keeper> keeper) {
  return [&trail, keeper = std::move(keeper)](const Principal& principal, std::string_view person,
                                              std::string_view subject) {
    auto record = audit_record(keeper->config().ledger, keeper.get(), principal, "ReadPersonal");
    record.set_person(std::string(person));
    record.set_subject(std::string(subject));
    trail.add(std::move(record));
  };
}

Result<TrailCheck> check_trail(const std::string& folder) {
  HANSA_TRY(const auto files, files_of_trail(folder));
  TrailCheck check;
  std::optional<Error> wrong;
  for (const auto& [first, name] : files) {
    HANSA_TRY(const auto bytes, read_file(name));
    if (check.records > 0 && first != check.last + 1) {
      return fail(Errc::kChainBroken, name + ": expected record " +
                                          std::to_string(check.last + 1) + " to follow");
    }
    each_line(bytes, [&](std::string_view line) {
      const auto record = read_record(line);
      const bool is_first = check.records == 0;
      const uint64_t number = is_first ? first : check.last + 1;
      if (!record || record->number() != number ||
          (!is_first && record->previous_sha256() != check.last_sha256)) {
        wrong = Error{Errc::kChainBroken, name + ": record " + std::to_string(number) +
                                              " does not follow from the one before it"};
        return false;
      }
      if (is_first) check.first = number;
      ++check.records;
      check.last = number;
      check.last_sha256 = to_hex(sha256(line));
      return true;
    });
    if (wrong) return fail(*std::move(wrong));
  }
  return check;
}

}  // namespace hansa::ops
