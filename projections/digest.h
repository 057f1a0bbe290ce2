// Digest: one number for a whole projection, kept by increments, the same for the same rows.
//
// Shape:   sum modulo 2^256 of SHA-256(stored key length BE4 ‖ stored key ‖ value) over all rows
//          and index keys; bookkeeping (table kMeta) is left out, so that logs of different kinds
//          compare. Text: 64 hex digits.
// Errors:  none.
// Threads: plain values.
// Source:  DESIGN §6.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ids.h"

namespace hansa::projections {

Hash row_hash(std::string_view stored_key, std::string_view value);

class Digest {
 public:
  auto operator<=>(const Digest&) const = default;
  void add(const Hash& row);
  void subtract(const Hash& row);
  std::string hex() const;
  std::string bytes() const;  // 32 bytes, big-endian
  static std::optional<Digest> from_bytes(std::string_view bytes);

 private:
  std::array<uint64_t, 4> limbs_{};  // least significant first
};

}  // namespace hansa::projections
