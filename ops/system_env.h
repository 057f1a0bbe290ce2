// SystemEnv: the process's clock and its source of chance.
//
// Shape:   now_us is the system's clock; random is libsodium's generator, seeded by the kernel.
// Threads: any.
#pragma once

#include "core/base/env.h"

namespace hansa::ops {

class SystemEnv : public Env {
 public:
  SystemEnv();
  int64_t now_us() override;
  void random(uint8_t* out, size_t length) override;
};

// Microseconds of a clock that never jumps, for durations.
int64_t monotonic_us();

}  // namespace hansa::ops
