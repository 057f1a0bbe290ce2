// Goal: whatever a member shares, the figures that are reckoned of it are figures or an error.
// Method: the first byte chooses a figure and its scope; the rest are entries of the member's share
// ledger, one payload.
#include <google/protobuf/stubs/logging.h>

#include "core/metrics/published.h"
#include "tests/fuzz/fuzz.h"

namespace hansa {
namespace {

v1::PublishedFigure published(uint8_t choice) {
  constexpr std::string_view kScopes[] = {"city", "district", "street", "unit", "service", "kind"};
  const size_t figures = metrics().size() + 1;
  const size_t which = choice % figures;
  v1::PublishedFigure figure;
  const bool is_air = which == metrics().size();
  figure.set_metric(is_air ? "air_change@1"
                           : std::string(metrics()[which].id) + "@" +
                                 std::to_string(metrics()[which].version));
  figure.set_scope(is_air ? std::string(kAllianceFigureScope)
                          : std::string(kScopes[choice / figures % std::size(kScopes)]));
  figure.set_from_day("2025-01-01");
  figure.set_to_day("2025-12-31");
  figure.add_sources()->set_ledger("share/delta/wuxi");
  return figure;
}

}  // namespace
}  // namespace hansa

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  [[maybe_unused]] static const auto kLoud = google::protobuf::SetLogHandler(nullptr);
  if (size == 0) return 0;
  v1::Payload payload;
  if (!payload.ParseFromArray(data + 1, static_cast<int>(size - 1))) return 0;
  auto again = Recomputation::of(published(data[0]));
  must_hold(again.has_value(), "such a figure can be published");
  if (!again->take("share/delta/wuxi", payload)) return 0;
  (void)again->figure();
  return 0;
}
