#include "federation/ratifications.h"

#include "hansa/v1/entry.pb.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {

Result<std::optional<int64_t>> Ratifications::since(const Source& source, const std::string& city,
                                                    uint32_t version) {
  const std::lock_guard lock(mutex_);
  auto& read = read_.try_emplace(source.alliance, Read{Chain(source.founding_id), {}})
                   .first->second;
  HANSA_CHECK(read_on(source, read));
  const auto found = read.times_us.find({city, version});
  if (found == read.times_us.end()) return std::optional<int64_t>();
  return std::optional(found->second);
}

Result<void> Ratifications::read_on(const Source& source, Read& read) {
  const auto apply = [&](Offset offset, std::string_view value) -> Result<void> {
    const auto verdict = read.chain.apply(offset, value);
    if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
    if (verdict.kind != VerdictKind::kValid) return {};
    v1::Payload payload;
    if (!payload.ParseFromArray(verdict.payload.data(),
                                static_cast<int>(verdict.payload.size()))) {
      return fail(Errc::kUpgradeNeeded, "an entry of the alliance cannot be read by this binary");
    }
    for (const auto& event : payload.events()) {
      if (!event.has_city_ratified()) continue;
      const auto& ratified = event.city_ratified();
      read.times_us[{ratified.city(), ratified.version()}] = payload.time_us();
    }
    return {};
  };
  return streams::read_records(source.log, source.alliance, read.chain, source.end, apply);
}

}  // namespace hansa::federation
