#include "tests/sim/simulated_disk.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hansa::sim {
namespace {

thread_local uint64_t* disk_bytes_left = nullptr;

// How much of a write still fits; without a limit all of it.
size_t fitting(size_t length) {
  if (disk_bytes_left == nullptr) return length;
  const auto fits = static_cast<size_t>(std::min<uint64_t>(length, *disk_bytes_left));
  *disk_bytes_left -= fits;
  return fits;
}

}  // namespace

FullDisk::FullDisk(uint64_t& bytes_left) { disk_bytes_left = &bytes_left; }
FullDisk::~FullDisk() { disk_bytes_left = nullptr; }

bool fits_on_disk(size_t bytes) { return fitting(bytes) == bytes; }

}  // namespace hansa::sim

extern "C" {

ssize_t write(int file, const void* bytes, size_t length) {
  const size_t fits = hansa::sim::fitting(length);
  if (fits > 0 || length == 0) return syscall(SYS_write, file, bytes, fits);
  errno = ENOSPC;
  return -1;
}

ssize_t pwrite(int file, const void* bytes, size_t length, off_t at) {
  const size_t fits = hansa::sim::fitting(length);
  if (fits > 0 || length == 0) return syscall(SYS_pwrite64, file, bytes, fits, at);
  errno = ENOSPC;
  return -1;
}

int fallocate(int, int, off_t, off_t) {
  errno = EOPNOTSUPP;
  return -1;
}

int posix_fallocate(int, off_t, off_t) {
  return hansa::sim::disk_bytes_left == nullptr ? 0 : ENOSPC;
}

}  // extern "C"
