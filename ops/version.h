// Version of this binary, as `hansa version`, the OpenAPI document and /metrics state it.
//
// Shape:   the project's version of CMakeLists.txt.
// Threads: constant.
#pragma once

#include <string_view>

namespace hansa::ops {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace hansa::ops
