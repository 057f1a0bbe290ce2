#include "federation/missing_entries.h"

#include <algorithm>
#include <future>

#include "streams/ledger_reader.h"

namespace hansa::federation {
namespace {

Result<void> append_flight(streams::Log& log, const LedgerId& ledger,
                           std::vector<std::string>& values, Offset& end) {
  std::promise<std::vector<streams::Delivery>> promise;
  auto answer = promise.get_future();
  log.append(ledger, std::exchange(values, {}), end,
             [&promise](std::vector<streams::Delivery> deliveries) {
               promise.set_value(std::move(deliveries));
             });
  for (const auto& delivery : answer.get()) {
    if (delivery.error) return fail(*delivery.error);
    if (!delivery.offset || *delivery.offset != end) {
      return fail(Errc::kLogConflict, "somebody else appends to " + ledger.text() +
                                          "; stop its nodes and do it again");
    }
    ++end;
  }
  return {};
}

// The whole copy, before the first entry of it is appended.
Result<MissingReport> compare(const EvidenceFolder& copy, const EvidenceSource& source,
                              const ChainPosition& here) {
  const auto is_same = [&](const EvidenceEntry& entry) -> Result<void> {
    if (entry.seq != here.seq || entry.hash == here.tip) return {};
    return fail({Errc::kForkFound,
                 "entry " + std::to_string(here.seq) + " of " + source.ledger.text() +
                     " is not the one in the copy: they are two histories. Keep both",
                 "", here.seq});
  };
  HANSA_TRY(const auto head, copy.read(source, is_same));
  const Seq size = head.checkpoint.tree.size;
  return MissingReport{size, here.seq, size > here.seq ? size - here.seq : 0};
}

Result<ChainPosition> end_of(streams::Log& log, const EvidenceSource& source) {
  return streams::read_ledger(log, source.ledger, source.founding_id, {}, {});
}

}  // namespace

Result<MissingReport> find_missing(const EvidenceFolder& copy, const EvidenceSource& source,
                                   streams::Log& log) {
  HANSA_TRY(const auto here, end_of(log, source));
  return compare(copy, source, here);
}

Result<MissingReport> append_missing(const EvidenceFolder& copy, const EvidenceSource& source,
                                     streams::Log& log, const std::function<void(Seq)>& reached) {
  HANSA_TRY(const auto here, end_of(log, source));
  HANSA_TRY(const auto report, compare(copy, source, here));
  std::vector<std::string> values;
  Offset end = here.next_offset;
  const auto add = [&](const EvidenceEntry& entry) -> Result<void> {
    if (entry.seq <= here.seq) return {};
    values.emplace_back(entry.value);
    if (values.size() < kMissingFlight && entry.seq < report.size) return {};
    HANSA_CHECK(append_flight(log, source.ledger, values, end));
    if (reached) reached(entry.seq);
    return {};
  };
  HANSA_CHECK(copy.read(source, add));
  return report;
}

}  // namespace hansa::federation
