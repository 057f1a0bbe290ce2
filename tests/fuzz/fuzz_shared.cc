// Goal: nothing that another ledger says can harm the one that reads it. Method: the first byte
// says who reads, an alliance a member's share (TakeShared) or a city its alliance (TakeHeard); the
// rest is what is said. Whatever is decided is folded.
#include <google/protobuf/stubs/logging.h>

#include "core/rules.h"
#include "hansa/v1/federation.pb.h"
#include "tests/fuzz/fuzz.h"

namespace hansa {
namespace {

constexpr int64_t kNowUs = 1'735'689'600'000'000;

struct Reader {
  std::string_view kind;
  MapRows rows;
  Seq seq = 0;

  void evolve(const v1::Event& event) {
    must_hold(evolve_event_of_ledger(rows, event, {seq, kNowUs, {}}).has_value(),
              "what is decided can be folded");
  }
  void take(const google::protobuf::Message& command) {
    static const Principal kInput{.issuer = "hansa", .subject = "input"};
    const auto decision = decide_command(kind, rows, command, {kInput, {}, kNowUs, ++seq});
    if (!decision) return;
    for (const auto& event : decision->events) evolve(event);
  }
};

Reader alliance() {
  Reader reader{kAllianceKind, {}, 3};
  v1::Event event;
  event.mutable_alliance_founded()->mutable_title()->set_en("Delta");
  reader.evolve(event);
  for (const char* city : {"wuxi", "suzhou"}) {
    event.mutable_city_admitted()->set_city(city);
    event.mutable_city_admitted()->set_founding_id(std::string(32, 'a'));
    reader.evolve(event);
    event.mutable_city_joined()->set_city(city);
    reader.evolve(event);
  }
  return reader;
}

Reader city() {
  Reader reader{kCityKind, {}, 3};
  v1::Event event;
  event.mutable_city_founded()->mutable_title()->set_en("Wuxi");
  reader.evolve(event);
  event.mutable_alliance_joined()->set_alliance("delta");
  event.mutable_alliance_joined()->set_founding_id(std::string(32, 'b'));
  reader.evolve(event);
  return reader;
}

}  // namespace
}  // namespace hansa

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  // Bytes that are no message are most of what comes.
  [[maybe_unused]] static const auto kLoud = google::protobuf::SetLogHandler(nullptr);
  if (size == 0) return 0;
  const auto bytes = text_of(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    v1::TakeShared shared;
    if (!shared.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 0;
    shared.set_city("wuxi");
    alliance().take(shared);
    return 0;
  }
  v1::TakeHeard heard;
  if (!heard.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 0;
  heard.set_alliance("delta");
  heard.set_city("wuxi");
  city().take(heard);
  return 0;
}
