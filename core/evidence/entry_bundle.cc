#include "core/evidence/entry_bundle.h"

#include "core/base/assert.h"
#include "core/evidence/tree.h"

namespace hansa {
namespace {

constexpr size_t kLengthBytes = 2;

}  // namespace

void append_to_bundle(std::string& bundle, std::string_view value) {
  HANSA_ASSERT(value.size() <= kBundleValueBytesMax, "a value's length fits two bytes");
  bundle.push_back(static_cast<char>(value.size() >> 8));
  bundle.push_back(static_cast<char>(value.size()));
  bundle.append(value);
}

Result<std::vector<std::string_view>> parse_bundle(std::string_view bundle) {
  std::vector<std::string_view> values;
  for (auto rest = bundle; !rest.empty();) {
    if (values.size() == kTileWidth) {
      return fail(Errc::kBadRequest, "a bundle has at most " + std::to_string(kTileWidth) +
                                         " entries");
    }
    const size_t length = rest.size() < kLengthBytes ? 0
                                                     : static_cast<uint8_t>(rest[0]) * 256U +
                                                           static_cast<uint8_t>(rest[1]);
    if (rest.size() < kLengthBytes + length) {
      return fail(Errc::kBadRequest, "the bundle is cut in entry " +
                                         std::to_string(values.size()) + " of it");
    }
    values.push_back(rest.substr(kLengthBytes, length));
    rest.remove_prefix(kLengthBytes + length);
  }
  return values;
}

}  // namespace hansa
