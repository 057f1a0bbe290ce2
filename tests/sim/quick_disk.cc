// The simulated disk is memory: room reserved ahead would be written page by page, which takes
// longer than all the rest. RocksDB goes on without where a file system cannot reserve.
#include <sys/types.h>

#include <cerrno>

extern "C" int fallocate(int, int, off_t, off_t) {
  errno = EOPNOTSUPP;
  return -1;
}
