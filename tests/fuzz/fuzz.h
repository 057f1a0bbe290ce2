// Fuzz targets: what a parser must hold for any bytes whatever.
//
// Shape:   each fuzz_<name>.cc defines LLVMFuzzerTestOneInput, as libFuzzer calls it. `./check --all`
//          has libFuzzer look for bytes that break it for a minute; `./check` replays the corpus
//          (replay.cc): each file of corpus/<name>, cut off at each byte, and with each byte changed.
//          What libFuzzer finds becomes a file there.
// Errors:  a property that does not hold ends the process, as a fault of memory does.
// Threads: one.
// Source:  https://llvm.org/docs/LibFuzzer.html
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace hansa {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void must_hold(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace hansa
