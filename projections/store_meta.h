// Store meta: how the position of a projection is written beside its rows.
//
// Shape:   under meta_key(), all numbers big-endian:
//            0    4  row schema version
//            4    8  seq of the last folded entry
//           12   32  its hash (the tip)
//           44    8  next offset to read
//           52    8  voids seen so far
//           60    8  time of the last folded entry, microseconds
//           68   32  digest
// Errors:  decode_meta answers nullopt for anything else. A newer version may be longer; its first
//          four bytes still say which it is, and the position is then unknown (seq 0).
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "projections/store.h"

namespace hansa::projections {

std::string meta_key();
std::string encode_meta(const Meta& meta);
std::optional<Meta> decode_meta(std::string_view bytes);

}  // namespace hansa::projections
