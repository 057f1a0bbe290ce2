// Goal: what once broke a parser breaks it no more, nor does anything near it. Method: every file
// of the corpus as it is, cut off at each of its bytes, and with each of them changed.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

size_t inputs = 0;
std::string input;

// What breaks it is printed as `xxd -r -p` makes a file of it.
void print_input(int) {
  for (const char byte : input) std::fprintf(stderr, "%02x", static_cast<unsigned char>(byte));
  std::fprintf(stderr, "\n");
  std::_Exit(1);
}

void run(const std::string& bytes) {
  ++inputs;
  input = bytes;
  // A copy of exactly this size: AddressSanitizer sees what is read behind it.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_near(const std::string& bytes) {
  constexpr size_t kPlacesMax = 1'500;
  const size_t step = bytes.size() / kPlacesMax + 1;
  run(bytes);
  for (size_t at = 0; at < bytes.size(); at += step) {
    run(bytes.substr(0, at));
    for (const int change : {0x01, 0x20, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      run(changed);
    }
    run(bytes.substr(0, at) + bytes.substr(at / 2));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER of the corpus\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV}) std::signal(signal, print_input);
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream in(file.path(), std::ios::binary);
    run_near({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
    ++files;
  }
  std::printf("%zu inputs near %zu files of %s\n", inputs, files, argv[1]);
  return files > 0 ? 0 : 1;
}
