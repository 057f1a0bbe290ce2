// NDJSON: a file of one JSON object a line, as the CSV of the same rows.
//
// Shape:   ndjson_to_csv() answers a header of all names in the order of their first appearance,
//          then one record an object; texts as they are, numbers and booleans as JSON writes them,
//          null and what is absent as nothing; and the line on which each record stood. Empty lines
//          are skipped.
// Errors:  kBadFile: `line N: …` for what is no object, or an object in an object.
// Threads: pure.
// Limits:  at most 1 000 names.
// Source:  RFC 8259, one value a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa::ops {

struct TableText {
  std::string csv;
  std::vector<uint64_t> lines;  // of the records in the file that was read; none: those of the CSV
};

Result<TableText> ndjson_to_csv(std::string_view text);

}  // namespace hansa::ops
