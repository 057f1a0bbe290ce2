// Goal: whatever stands in a topic is void or an entry of exactly this form, and whatever an entry
// holds ends in rows or in an error. Method: the bytes are an entry, and then the payload of one
// that fits a founded city and a founded alliance.
#include "core/ledger/envelope.h"

#include <google/protobuf/stubs/logging.h>

#include "core/evidence/tree_rows.h"
#include "core/ledger/chain.h"
#include "core/rules.h"
#include "hansa/v1/entry.pb.h"
#include "tests/fuzz/fuzz.h"

namespace hansa {
namespace {

void fold(std::string_view bytes) {
  v1::Payload payload;
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  (void)is_deed(payload);
  MapRows rows;
  v1::Event founded;
  founded.mutable_city_founded()->mutable_title()->set_en("Wuxi");
  must_hold(evolve_event_of_ledger(rows, founded, {1, 1, {}}).has_value(), "a city is founded");
  founded.mutable_alliance_founded()->mutable_title()->set_en("Delta");
  must_hold(evolve_event_of_ledger(rows, founded, {1, 1, {}}).has_value(), "so is an alliance");
  for (const auto& event : payload.events()) {
    if (!evolve_event_of_ledger(rows, event, {2, payload.time_us(), {}})) return;
  }
}

}  // namespace
}  // namespace hansa

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  // Bytes that are no message are most of what comes.
  [[maybe_unused]] static const auto kLoud = google::protobuf::SetLogHandler(nullptr);
  const auto bytes = text_of(data, size);
  fold(bytes);
  const auto entry = decode_entry(bytes);
  if (!entry) return 0;
  const auto again = encode_entry(entry->envelope, entry->payload);
  must_hold(again && *again == bytes, "an entry has one form");
  Chain chain(entry->envelope.founding_id);
  const auto verdict = chain.apply(0, bytes);
  must_hold(verdict.kind != VerdictKind::kValid || chain.position().seq == 1,
            "the first valid entry has the seq 1");
  fold(entry->payload);
  return 0;
}
