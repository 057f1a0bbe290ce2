#include "projections/digest.h"

#include "core/base/hash.h"
#include "core/base/rows.h"

namespace hansa::projections {
namespace {

std::array<uint64_t, 4> limbs_of(std::string_view bytes) {
  std::array<uint64_t, 4> limbs{};
  for (size_t i = 0; i < 32; ++i) {
    auto& limb = limbs[3 - i / 8];
    limb = limb << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return limbs;
}

}  // namespace

Hash row_hash(std::string_view stored_key, std::string_view value) {
  const std::string length = big_endian(stored_key.size()).substr(4);
  return sha256({length, stored_key, value});
}

void Digest::add(const Hash& row) {
  const auto other = limbs_of(row.view());
  uint64_t carry = 0;
  for (size_t i = 0; i < 4; ++i) {
    const uint64_t sum = limbs_[i] + other[i];
    const uint64_t carried = sum < other[i] ? 1 : 0;
    limbs_[i] = sum + carry;
    carry = carried | (limbs_[i] < carry ? 1 : 0);
  }
}

void Digest::subtract(const Hash& row) {
  const auto other = limbs_of(row.view());
  uint64_t borrow = 0;
  for (size_t i = 0; i < 4; ++i) {
    const uint64_t difference = limbs_[i] - other[i];
    const uint64_t borrowed = limbs_[i] < other[i] ? 1 : 0;
    limbs_[i] = difference - borrow;
    borrow = borrowed | (difference < borrow ? 1 : 0);
  }
}

std::string Digest::hex() const { return to_hex(bytes()); }

std::string Digest::bytes() const {
  std::string all;
  for (size_t i = 4; i-- > 0;) all += big_endian(limbs_[i]);
  return all;
}

std::optional<Digest> Digest::from_bytes(std::string_view bytes) {
  if (bytes.size() != 32) return std::nullopt;
  Digest digest;
  digest.limbs_ = limbs_of(bytes);
  return digest;
}

}  // namespace hansa::projections
