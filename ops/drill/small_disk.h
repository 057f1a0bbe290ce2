// SmallDisk: a disk that can be filled without harm to anybody.
//
// Shape:   mount() puts one in memory on an empty folder, in a mount namespace of this process and
//          its children; whoever has a small disk already puts it there by borrow(). fill_disk()
//          takes all room by one file.
// Errors:  kUnavailable: the system permits no mount; kBadConfig: what is borrowed is no disk that
//          may be filled.
// Threads: mount() while the process has one thread; the rest from one.
// Limits:  kSmallDiskMib; one of kBorrowedMibMax at most is borrowed.
#pragma once

#include <string>

#include "core/base/result.h"

namespace hansa::ops {

inline constexpr uint64_t kSmallDiskMib = 96;
inline constexpr uint64_t kBorrowedMibMax = 1024;

class SmallDisk {
 public:
  static Result<SmallDisk> mount(const std::string& folder);
  // `folder` becomes a link to a new folder on `disk`.
  static Result<SmallDisk> borrow(const std::string& folder, const std::string& disk);
  SmallDisk() = default;
  SmallDisk(SmallDisk&& other) noexcept { swap(other); }
  SmallDisk& operator=(SmallDisk&& other) noexcept {
    swap(other);
    return *this;
  }
  // Takes the disk away, or what was put on it.
  ~SmallDisk();

 private:
  void swap(SmallDisk& other) {
    std::swap(mounted_, other.mounted_);
    std::swap(borrowed_, other.borrowed_);
  }

  std::string mounted_;
  std::string borrowed_;
};

Result<void> fill_disk(const std::string& file);

}  // namespace hansa::ops
