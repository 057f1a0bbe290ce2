#include "streams/end_marker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/hash.h"

namespace hansa::streams {
namespace {

constexpr std::string_view kMagic = "HEND";
constexpr size_t kSlotBytes = 32;
constexpr size_t kCheckedBytes = 16;
constexpr size_t kLedgersMax = 65536;

void put_big_endian(std::string& out, uint64_t number, int length) {
  for (int i = length - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t get_big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

std::string slot_of(uint32_t ledger_number, Offset end) {
  std::string slot(kMagic);
  put_big_endian(slot, ledger_number, 4);
  put_big_endian(slot, end, 8);
  slot.append(sha256(slot).view().substr(0, kSlotBytes - kCheckedBytes));
  return slot;
}

std::string reason() { return std::strerror(errno); }

// The name of a new file outlives a power loss only once its folder is synced.
bool sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1) + ".";
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return false;
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  return synced;
}

}  // namespace

Result<std::unique_ptr<EndMarker>> EndMarker::open(const std::string& path, bool create) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0640);
  if (file < 0 && errno == ENOENT) {
    return fail(Errc::kLogBehind,
                path + " is missing though the log has ledgers: how far they were written is no "
                       "longer known. Restore it; or, if this log is a copy that was restored on "
                       "purpose, create an empty file of that name");
  }
  if (file < 0) return fail(Errc::kBadFile, path + " cannot be opened: " + reason());
  std::unique_ptr<EndMarker> marker(new EndMarker(path, file));
  if (create && (::fsync(file) != 0 || !sync_folder_of(path))) {
    return fail(Errc::kBadFile, path + " cannot be synced: " + reason());
  }
  return marker;
}

EndMarker::~EndMarker() { ::close(file_); }

Result<std::map<uint32_t, Offset>> EndMarker::read() const {
  struct stat status;
  if (::fstat(file_, &status) != 0) return fail(Errc::kBadFile, path_ + ": " + reason());
  const auto length = static_cast<size_t>(status.st_size);
  if (length % kSlotBytes != 0 || length > kLedgersMax * kSlotBytes) {
    return fail(Errc::kChainBroken, path_ + " has " + std::to_string(length) +
                                        " bytes, expected a multiple of 32: it is damaged");
  }
  std::string bytes(length, '\0');
  if (::pread(file_, bytes.data(), length, 0) != static_cast<ssize_t>(length)) {
    return fail(Errc::kBadFile, path_ + " cannot be read: " + reason());
  }
  std::map<uint32_t, Offset> ends;
  for (size_t at = 0; at < length; at += kSlotBytes) {
    const auto slot = std::string_view(bytes).substr(at, kSlotBytes);
    if (slot == std::string(kSlotBytes, '\0')) continue;
    const auto number = static_cast<uint32_t>(at / kSlotBytes + 1);
    const Offset end = get_big_endian(slot.substr(8, 8));
    if (slot != slot_of(number, end)) {
      return fail(Errc::kChainBroken,
                  path_ + " is damaged in the slot of ledger number " + std::to_string(number) +
                      "; restore it, or verify the log and then empty the file");
    }
    ends[number] = end;
  }
  return ends;
}

Result<void> EndMarker::write(uint32_t ledger_number, Offset end) {
  if (ledger_number == 0 || ledger_number > kLedgersMax) {
    return fail(Errc::kBadFile, path_ + " has no slot for ledger number " +
                                    std::to_string(ledger_number));
  }
  const std::string slot = slot_of(ledger_number, end);
  const auto at = static_cast<off_t>((ledger_number - 1) * kSlotBytes);
  if (::pwrite(file_, slot.data(), slot.size(), at) != static_cast<ssize_t>(slot.size())) {
    return fail(Errc::kBadFile, path_ + " cannot be written: " + reason());
  }
  return {};
}

Result<void> EndMarker::sync() {
  if (::fdatasync(file_) != 0) return fail(Errc::kBadFile, path_ + ": " + reason());
  return {};
}

}  // namespace hansa::streams
