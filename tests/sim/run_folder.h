// Run folder: where the files of one simulated run are; gone when the run is over.
//
// Shape:   path(); in memory where the machine has a folder for that: nothing needs to outlive the
//          run.
// Errors:  a folder that cannot be made is an impossible state.
// Threads: one.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "core/base/assert.h"

namespace hansa::sim {

class RunFolder {
 public:
  RunFolder() {
    const std::filesystem::path shm = "/dev/shm";
    const auto base = std::filesystem::is_directory(shm) ? shm
                                                         : std::filesystem::temp_directory_path();
    std::string pattern = (base / "hansa-sim-XXXXXX").string();
    HANSA_ASSERT(mkdtemp(pattern.data()) != nullptr, "a folder for the run can be made");
    path_ = pattern;
  }
  ~RunFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace hansa::sim
