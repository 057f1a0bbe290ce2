// EmbeddedFiles: files of the repository that the executable carries in itself.
//
// Shape:   by their path in the repository; the list is in ops/CMakeLists.txt.
// Errors:  asking for a file that is not carried is a mistake of this program.
// Threads: constant.
#pragma once

#include <string_view>

namespace hansa::ops {

std::string_view embedded_file(std::string_view path);

}  // namespace hansa::ops
