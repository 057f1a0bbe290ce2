// FileSizeLimit: a disk that takes no more, for as long as it lives.
//
// Threads: counts for the whole process; nothing else may write meanwhile.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace hansa::projections::testing {

// From now on no file of this process can grow beyond `bytes`; undone at the end.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal_before_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, signal_before_);
  }

 private:
  rlimit before_{};
  void (*signal_before_)(int) = nullptr;
};

}  // namespace hansa::projections::testing
