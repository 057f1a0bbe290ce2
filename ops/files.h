// Files: reading and writing whole small files, with the words of the system in the error.
//
// Shape:   read_file(name) -> bytes; write_file writes beside the target, syncs, renames, so that
//          a reader sees the old or the new file, never a part. What was written without an error
//          outlives a power loss, name and all.
// Units:   sizes in bytes; `mode` as chmod takes it.
// Errors:  kBadFile: `name: cannot be read: No such file or directory`; a file that exists is
//          kAlreadyExists for write_new_file.
// Threads: free for all, one writer per file.
// Limits:  read_file refuses files over `bytes_max`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

inline constexpr size_t kReadBytesDefault = size_t{1} << 32;

Result<std::string> read_file(const std::string& name, size_t bytes_max = kReadBytesDefault);
Result<void> write_file(const std::string& name, std::string_view bytes, uint32_t mode = 0644);
// Refuses to replace anything.
Result<void> write_new_file(const std::string& name, std::string_view bytes, uint32_t mode = 0644);
// Tells a file from what was under its name before; equal to {} where there is none. By inode and
// size too, because two files can be of one tick of the clock.
struct FileStamp {
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t changed_ns = 0;

  bool operator==(const FileStamp&) const = default;
};
FileStamp file_stamp(const std::string& name);
Result<void> make_folders(const std::string& name, uint32_t mode = 0755);

}  // namespace hansa::ops
