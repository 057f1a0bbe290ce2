// NDJSON: a file of one JSON object a line, as the CSV of the same rows.
//
// Shape:   ndjson_to_csv() answers a header of all names in the order of their first appearance,
//          then one record an object; texts as they are, numbers and booleans as JSON writes them,
//          null and what is absent as nothing. Empty lines are skipped, so records keep the numbers
//          of lines only where there are none.
// Errors:  kBadFile: `line N: …` for what is no object, or an object in an object.
// Threads: pure.
// Limits:  at most 1 000 names.
// Source:  RFC 8259, one value a line.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

Result<std::string> ndjson_to_csv(std::string_view text);

}  // namespace hansa::ops
