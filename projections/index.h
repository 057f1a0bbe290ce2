// Index: the lists by which cases are found, as keys computed from the case row alone.
//
// Shape:   index_keys(table, key, row) answers the index keys (without the table byte kIndex) that
//          a row stands under; the cache writes and deletes the difference at commit. Key:
//          dimension byte ‖ value ‖ 0x00 ‖ sort ‖ case key, where sort is empty, or for deadlines
//          the big-endian deadline. Value: empty.
// Errors:  none.
// Threads: pure.
// Limits:  at most 8 keys a row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/rows.h"

namespace hansa::projections {

enum class Dimension : uint8_t {
  kState = 1,
  kUnit = 2,
  kService = 3,
  kCommunity = 4,
  kReporter = 5,
  kDeadline = 6,      // open cases with a deadline, value empty
  kUnitDeadline = 7,  // work list: open cases of a lead unit by deadline
};

std::vector<std::string> index_keys(TableId table, std::string_view key,
                                    const google::protobuf::Message& row);
// The common beginning of all index keys of one value, for scans.
std::string index_prefix(Dimension dimension, std::string_view value);

}  // namespace hansa::projections
