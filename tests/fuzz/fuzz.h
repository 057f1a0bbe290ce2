// Fuzz targets: what a parser must hold for any bytes whatever.
//
// Shape:   each fuzz_<name>.cc defines LLVMFuzzerTestOneInput, as libFuzzer calls it. `./check`
//          replays the corpus (replay.cc): each file of corpus/<name>, cut off at each byte, and
//          with each byte changed. `./check --all` has libFuzzer look on from there for a minute;
//          what it finds becomes a file of the corpus.
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
