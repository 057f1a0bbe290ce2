#include "ops/drill/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ops/files.h"

namespace hansa::ops {
namespace {

constexpr uint64_t kMibBytes = 1024 * 1024;

bool write_text(const char* file, const std::string& text) {
  const int out = ::open(file, O_WRONLY | O_CLOEXEC);
  const bool written = out >= 0 && ::write(out, text.data(), text.size()) ==
                                       static_cast<ssize_t>(text.size());
  if (out >= 0) ::close(out);
  return written;
}

// Who may not mount may do so as root of a user namespace.
bool enter_mount_namespace() {
  const auto user = std::to_string(::getuid());
  const auto group = std::to_string(::getgid());
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (!write_text("/proc/self/setgroups", "deny") ||
        !write_text("/proc/self/uid_map", "0 " + user + " 1") ||
        !write_text("/proc/self/gid_map", "0 " + group + " 1")) {
      return false;
    }
  }
  // In a chroot `/` is no mount point: then what is mounted here is seen outside until it goes.
  (void)::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return true;
}

}  // namespace

Result<SmallDisk> SmallDisk::mount(const std::string& folder) {
  const auto size = "size=" + std::to_string(kSmallDiskMib) + "m,mode=0700";
  if (!enter_mount_namespace() || ::mount("none", folder.c_str(), "tmpfs", 0, size.c_str()) != 0) {
    return fail(Errc::kUnavailable,
                std::string("a disk in memory cannot be mounted here (") + std::strerror(errno) +
                    "); run this as root, or where user namespaces are permitted, or name a small "
                    "disk that may be filled by --disk");
  }
  SmallDisk disk;
  disk.mounted_ = folder;
  return disk;
}

Result<SmallDisk> SmallDisk::borrow(const std::string& folder, const std::string& disk) {
  struct statvfs size {};
  if (::statvfs(disk.c_str(), &size) != 0 ||
      uint64_t{size.f_blocks} * size.f_frsize > kBorrowedMibMax * kMibBytes) {
    return fail(Errc::kBadConfig, "--disk " + disk + ": expected a folder on a disk of at most " +
                                      std::to_string(kBorrowedMibMax) +
                                      " MiB, for it is filled to its last byte");
  }
  SmallDisk borrowed;
  borrowed.borrowed_ = disk + "/hansa-drill-" + std::to_string(::getpid());
  HANSA_CHECK(make_folders(borrowed.borrowed_, 0700));
  std::error_code error;
  std::filesystem::remove(folder, error);
  std::filesystem::create_directory_symlink(borrowed.borrowed_, folder, error);
  if (error) return fail(Errc::kBadFile, folder + ": " + error.message());
  return borrowed;
}

SmallDisk::~SmallDisk() {
  std::error_code ignored;
  if (!mounted_.empty()) ::umount2(mounted_.c_str(), MNT_DETACH);
  if (!borrowed_.empty()) std::filesystem::remove_all(borrowed_, ignored);
}

Result<void> fill_disk(const std::string& file) {
  const int out = ::open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) return fail(Errc::kBadFile, file + ": " + std::strerror(errno));
  const std::string zeros(kMibBytes, '\0');
  for (size_t size = zeros.size(); size > 0;) {
    if (::write(out, zeros.data(), size) < static_cast<ssize_t>(size)) size /= 2;
  }
  ::close(out);
  return {};
}

}  // namespace hansa::ops
