#include "ops/system_env.h"

#include <sodium.h>

#include <chrono>

#include "core/base/assert.h"

namespace hansa::ops {
namespace {

template <typename Clock>
int64_t clock_us() {
  const auto now = Clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

SystemEnv::SystemEnv() { HANSA_ASSERT(sodium_init() >= 0, "libsodium starts"); }

int64_t SystemEnv::now_us() { return clock_us<std::chrono::system_clock>(); }

void SystemEnv::random(uint8_t* out, size_t length) { randombytes_buf(out, length); }

int64_t monotonic_us() { return clock_us<std::chrono::steady_clock>(); }

}  // namespace hansa::ops
