// Guess: drafts a mapping from the header and the first rows of another system's CSV.
//
// Shape:   guess_mapping() answers YAML that `hansa import --mapping` reads as it stands. What was
//          found stands with why; what a person must decide is marked `CHECK`.
// Errors:  kBadFile: no CSV, or no rows; kBadRequest: no column looks like an id, a time of report
//          or a service, with what is missing.
// Threads: pure.
// Limits:  looks at the first kGuessRows rows.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

inline constexpr size_t kGuessRows = 5'000;

Result<std::string> guess_mapping(std::string_view text, const std::string& file_name);

}  // namespace hansa::ops
