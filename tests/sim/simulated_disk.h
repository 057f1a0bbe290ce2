// Simulated disk: what the files of this process are written to, as far as its rows are concerned.
//
// Shape:   while a FullDisk lives, what its own thread writes takes from `bytes_left`; when that is
//          gone, a write puts down what still fits and then answers "no space", and no room can be
//          reserved. The background work of RocksDB is not touched: when it writes is not the
//          seed's.
//          At all times nothing is reserved ahead: on a disk that is memory that would be written
//          page by page, which takes longer than all the rest.
// Errors:  ENOSPC, as from a real one.
// Threads: counts for the thread that made it.
// Limits:  one at a time a thread. It stands in for the C library's write, pwrite, fallocate and
//          posix_fallocate, in the executable that it is linked to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hansa::sim {

class FullDisk {
 public:
  explicit FullDisk(uint64_t& bytes_left);
  ~FullDisk();
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
};

// What rows in memory ask: whether so many bytes still fit; what fits is taken.
bool fits_on_disk(size_t bytes);

}  // namespace hansa::sim
