// A bundle of entries: the values of the leaves of one tile of level 0, one after the other.
//
// Shape:   per value its length, 2 bytes, the higher first, and the value.
// Errors:  kBadRequest: a bundle that is cut, or has more than kTileWidth values.
// Threads: free for all. What parse_bundle answers points into the bundle.
// Limits:  a value has at most kBundleValueBytesMax bytes.
// Source:  C2SP tlog-tiles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa {

inline constexpr size_t kBundleValueBytesMax = 65'535;

void append_to_bundle(std::string& bundle, std::string_view value);
Result<std::vector<std::string_view>> parse_bundle(std::string_view bundle);

}  // namespace hansa
