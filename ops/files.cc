#include "ops/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace hansa::ops {
namespace {

tl::unexpected<Error> refuse(const std::string& name, const std::string& what) {
  return fail(Errc::kBadFile, name + ": " + what + ": " + std::strerror(errno));
}

Result<void> write_all(int file, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refuse(name, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file) != 0) return refuse(name, "cannot be synced");
  return {};
}

// A new name outlives a power loss once its folder is synced.
Result<void> sync_folder_of(const std::string& name) {
  auto folder = std::filesystem::path(name).parent_path().string();
  if (folder.empty()) folder = ".";
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return refuse(folder, "cannot be opened");
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  if (!synced) return refuse(folder, "cannot be synced");
  return {};
}

// Its name may still be lost with the power.
Result<void> write_unnamed(const std::string& name, std::string_view bytes, uint32_t mode) {
  const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0 && errno == EEXIST) {
    return fail(Errc::kAlreadyExists, name + ": exists already and is not overwritten");
  }
  if (file < 0) return refuse(name, "cannot be made");
  auto written = write_all(file, bytes, name);
  ::close(file);
  return written;
}

}  // namespace

Result<std::string> read_file(const std::string& name, size_t bytes_max) {
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refuse(name, "cannot be read");
  std::string bytes;
  std::string part(1 << 16, '\0');
  while (true) {
    const auto count = ::read(file, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto error = refuse(name, "cannot be read");
      ::close(file);
      return error;
    }
    if (count == 0) break;
    bytes.append(part.data(), static_cast<size_t>(count));
    if (bytes.size() > bytes_max) {
      ::close(file);
      return fail(Errc::kBadFile,
                  name + ": expected at most " + std::to_string(bytes_max) + " bytes");
    }
  }
  ::close(file);
  return bytes;
}

Result<void> write_new_file(const std::string& name, std::string_view bytes, uint32_t mode) {
  HANSA_CHECK(write_unnamed(name, bytes, mode));
  return sync_folder_of(name);
}

Result<void> write_file(const std::string& name, std::string_view bytes, uint32_t mode) {
  const auto beside = name + ".new";
  ::unlink(beside.c_str());
  HANSA_CHECK(write_unnamed(beside, bytes, mode));
  if (::rename(beside.c_str(), name.c_str()) != 0) return refuse(name, "cannot be replaced");
  return sync_folder_of(name);
}

FileStamp file_stamp(const std::string& name) {
  struct stat found {};
  if (::stat(name.c_str(), &found) != 0) return {};
  return {found.st_ino, static_cast<uint64_t>(found.st_size),
          int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Result<void> make_folders(const std::string& name, uint32_t mode) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(name, error);
  if (error) return fail(Errc::kBadFile, name + ": cannot be made: " + error.message());
  if (made && ::chmod(name.c_str(), mode) != 0) return refuse(name, "cannot be protected");
  return {};
}

}  // namespace hansa::ops
