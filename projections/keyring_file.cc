#include "projections/keyring_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/hash.h"

namespace hansa::projections {
namespace {

constexpr std::string_view kMagic = "hansakey";
constexpr uint32_t kVersion = 1;
constexpr size_t kSlotBytes = 256;
constexpr size_t kChecksumBytes = 32;
constexpr size_t kBodyBytes = kSlotBytes - kChecksumBytes;
constexpr uint64_t kHeaderNumber = ~uint64_t{0};

std::string reason() { return std::strerror(errno); }

void put(std::string& out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t get(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

std::string with_checksum(std::string body, uint64_t number, const std::string& key) {
  body.resize(kBodyBytes, '\0');
  std::string checked = body;
  put(checked, number, 8);
  body.append(hmac_sha256(key, checked).view());
  return body;
}

bool write_at(int file, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(wrote));
    at += static_cast<uint64_t>(wrote);
  }
  return true;
}

bool sync_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return false;
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  return synced;
}

}  // namespace

KeyringFile::KeyringFile(std::string path, std::string check_key, std::string master_check,
                         bool fsync)
    : path_(std::move(path)),
      check_key_(std::move(check_key)),
      master_check_(std::move(master_check)),
      fsync_(fsync) {}

KeyringFile::~KeyringFile() {
  if (file_ >= 0) ::close(file_);
}

Result<std::unique_ptr<KeyringFile>> KeyringFile::open(const std::string& directory,
                                                       const std::string& city,
                                                       std::string_view master_key, bool fsync,
                                                       std::vector<KeyringSlot>& slots) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(Errc::kUnavailable, directory + " cannot be made: " + error.message());
  std::unique_ptr<KeyringFile> file(new KeyringFile(
      directory + "/" + city + ".keys", hkdf_sha256(master_key, "hansa keyring slots " + city, 32),
      hkdf_sha256(master_key, "hansa keyring master check " + city, 16), fsync));
  file->file_ = ::open(file->path_.c_str(), O_RDWR | O_CLOEXEC);
  if (file->file_ < 0 && errno == ENOENT) HANSA_CHECK(file->create());
  if (file->file_ < 0) {
    return fail(Errc::kBadFile, file->path_ + " cannot be opened: " + reason());
  }
  if (::flock(file->file_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::kDataInUse, file->path_ + " is in use by another process; stop it first");
  }
  HANSA_CHECK(file->load(slots));
  return file;
}

// Under another name first: a keyring that has its name is whole, so a short one is damage.
Result<void> KeyringFile::create() {
  const std::string fresh = path_ + ".new";
  file_ = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string folder = path_.substr(0, path_.find_last_of('/'));
  if (file_ < 0 || !write_at(file_, header(), 0) || (fsync_ && ::fsync(file_) != 0) ||
      ::rename(fresh.c_str(), path_.c_str()) != 0 || (fsync_ && !sync_folder(folder))) {
    return fail(Errc::kUnavailable, path_ + " cannot be made: " + reason());
  }
  return {};
}

std::string KeyringFile::header() const {
  std::string body(kMagic);
  put(body, kVersion, 4);
  put(body, 0, 4);
  put(body, durable_slots_, 8);
  body.append(master_check_);
  return with_checksum(std::move(body), kHeaderNumber, check_key_);
}

std::string KeyringFile::slot_bytes(uint64_t number, const KeyringSlot& slot) const {
  std::string body;
  body.reserve(kSlotBytes);
  put(body, static_cast<uint64_t>(slot.state), 1);
  body.append(15, '\0');
  body.append(slot.person.view());
  body.append(view(slot.nonce));
  body.append(view(slot.wrapped_key));
  body.append(slot.phone.view());
  body.append(slot.email.view());
  return with_checksum(std::move(body), number, check_key_);
}

bool KeyringFile::read_slot(uint64_t number, std::string_view bytes, KeyringSlot& slot) const {
  const auto state = static_cast<uint8_t>(bytes[0]);
  if (state > static_cast<uint8_t>(KeyringSlot::State::kErased)) return false;
  slot.state = static_cast<KeyringSlot::State>(state);
  slot.person = *PersonId::from(bytes.substr(16, 16));
  std::memcpy(slot.nonce.data(), bytes.data() + 32, slot.nonce.size());
  std::memcpy(slot.wrapped_key.data(), bytes.data() + 56, slot.wrapped_key.size());
  slot.phone = *FindKey::from(bytes.substr(104, 16));
  slot.email = *FindKey::from(bytes.substr(120, 16));
  return bytes == slot_bytes(number, slot);
}

Result<void> KeyringFile::load(std::vector<KeyringSlot>& slots) {
  struct stat status;
  if (::fstat(file_, &status) != 0) return fail(Errc::kBadFile, path_ + ": " + reason());
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  if (::pread(file_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail(Errc::kBadFile, path_ + " cannot be read: " + reason());
  }
  if (bytes.size() < kSlotBytes || !bytes.starts_with(kMagic)) {
    return fail(Errc::kBadFile, path_ + " is not a keyring; restore it");
  }
  if (get(std::string_view(bytes).substr(8, 4)) != kVersion) {
    return fail(Errc::kBadFile, path_ + " has a version that this binary does not know");
  }
  if (bytes.compare(24, 16, master_check_) != 0) {
    return fail(Errc::kBadFile,
                path_ + " belongs to another master key; put the right key file in place");
  }
  durable_slots_ = get(std::string_view(bytes).substr(16, 8));
  if (bytes.compare(0, kSlotBytes, header()) != 0) {
    return fail(Errc::kBadFile, path_ + " has a damaged header; restore it");
  }
  const uint64_t whole = bytes.size() / kSlotBytes - 1;
  if (whole < durable_slots_) {
    return fail(Errc::kBadFile, path_ + " ends before slot " + std::to_string(whole) + " of " +
                                    std::to_string(durable_slots_) + "; restore it");
  }
  for (uint64_t number = 0; number < whole; ++number) {
    KeyringSlot slot;
    const auto stored = std::string_view(bytes).substr((number + 1) * kSlotBytes, kSlotBytes);
    if (!read_slot(number, stored, slot)) {
      if (number < durable_slots_) {
        return fail(Errc::kBadFile, path_ + " is damaged in slot " + std::to_string(number) +
                                        "; restore it from a copy");
      }
      slot = KeyringSlot();
    }
    slots.push_back(slot);
  }
  return {};
}

Result<void> KeyringFile::write(const std::map<uint64_t, KeyringSlot>& slots) {
  std::string run;
  uint64_t run_start = 0;
  uint64_t run_next = 0;
  bool written = true;
  const auto write_run = [&] {
    written = written && write_at(file_, run, (run_start + 1) * kSlotBytes);
    run.clear();
  };
  for (const auto& [number, slot] : slots) {
    if (number != run_next) {
      write_run();
      run_start = number;
    }
    run.append(slot_bytes(number, slot));
    run_next = number + 1;
  }
  write_run();
  if (!written || (fsync_ && ::fdatasync(file_) != 0)) {
    return fail(Errc::kUnavailable, path_ + " cannot be written: " + reason());
  }
  if (run_next > durable_slots_) {
    durable_slots_ = run_next;
    // Reaches the disk with the next sync. Behind the truth it only makes us more tolerant.
    if (!write_at(file_, header(), 0)) {
      return fail(Errc::kUnavailable, path_ + " cannot be written: " + reason());
    }
  }
  return {};
}

}  // namespace hansa::projections
