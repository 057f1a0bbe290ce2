#include "core/base/env.h"

#include <algorithm>
#include <cstring>

#include "core/base/hash.h"

namespace hansa {

SeededEnv::SeededEnv(uint64_t seed, std::string_view purpose, int64_t start_us)
    : now_us_(start_us) {
  key_ = hkdf_sha256(std::to_string(seed), purpose, 32);
}

void SeededEnv::random(uint8_t* out, size_t length) {
  while (length > 0) {
    if (used_ == block_.size()) {
      block_ = std::string(hmac_sha256(key_, std::to_string(counter_++)).view());
      used_ = 0;
    }
    const size_t part = std::min(length, block_.size() - used_);
    std::memcpy(out, block_.data() + used_, part);
    used_ += part;
    out += part;
    length -= part;
  }
}

}  // namespace hansa
