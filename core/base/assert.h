// HANSA_ASSERT: checks for states that cannot be; stays on in every build.
//
// Shape:   HANSA_ASSERT(condition, "what must hold"); prints file, line and the sentence to
//          standard error and aborts. Use it for mistakes of this program only: what a caller, a
//          peer or a disk can cause is an Error (core/base/result.h).
// Threads: safe anywhere.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace hansa::detail {

[[noreturn]] inline void assertion_failed(const char* file, int line, const char* expression,
                                          const char* must_hold) {
  std::fprintf(stderr, "%s:%d: impossible state: %s (%s)\n", file, line, must_hold, expression);
  std::abort();
}

}  // namespace hansa::detail

#define HANSA_ASSERT(condition, must_hold)                                                \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ::hansa::detail::assertion_failed(__FILE__, __LINE__, #condition, must_hold);       \
    }                                                                                     \
  } while (false)
