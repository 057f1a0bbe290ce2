// Goal: a city that lies. It publishes the last figure that it claims as proved once more, of
// a period that begins a day earlier, nudged in the last digit: an entry that its honest software
// would never decide, chained as every other. The city's node must be stopped.
//
//   lying_city LOG CITY        prints the publication, like m31
#include <cstdio>

#include "core/base/day.h"
#include "core/city/figures.h"
#include "core/ledger/envelope.h"
#include "hansa/v1/entry.pb.h"
#include "streams/embedded_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

struct Last {
  std::string value;
  v1::MetricPublished figure;
};

// Of a ledger that only one writer has ever written: every record is an entry.
Last read_last(Log& log, const LedgerId& ledger) {
  Last last;
  for (auto& value : read_all(log, ledger)) {
    v1::Payload payload;
    const auto bytes = payload_of(value);
    payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    for (const auto& event : payload.events()) {
      const auto& figure = event.metric_published().figure();
      if (figure.claim() != v1::FigureStanding::proved) continue;
      last.figure = event.metric_published();
    }
    last.value = std::move(value);
  }
  return last;
}

void nudge(Seq seq, v1::MetricPublished& published) {
  published.set_publication("m" + std::to_string(seq));
  auto& figure = *published.mutable_figure();
  figure.set_from_day(day_text(*parse_day(figure.from_day(), "from_day") - 1));
  auto& value = *figure.mutable_total()->mutable_value();
  value.set_numerator(std::to_string(std::stoll(value.numerator()) + 1));
  figure.mutable_sources(0)->set_city_seq(seq - 1);
}

int publish(const std::string& folder, const LedgerId& ledger) {
  auto log = EmbeddedLog::open({.folder = folder, .create_if_missing = false});
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().detail.c_str());
    return 1;
  }
  auto last = read_last(**log, ledger);
  const auto before = decode_entry(last.value)->envelope;
  Envelope envelope = before;
  envelope.seq = before.seq + 1;
  envelope.prev = sha256(last.value);
  envelope.base_seq = before.seq;
  envelope.base_head = head_of(envelope.prev);
  nudge(envelope.seq, last.figure);
  v1::Payload said;
  const auto bytes = payload_of(last.value);
  said.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  v1::Payload lie;
  lie.set_time_us(said.time_us());
  *lie.add_events()->mutable_metric_published() = last.figure;
  const auto value = encode_entry(envelope, lie.SerializeAsString());
  const auto delivered = append_now(**log, ledger, {*value}, *(*log)->end(ledger));
  if (!delivered.at(0).offset) return 1;
  std::puts(last.figure.publication().c_str());
  return 0;
}

}  // namespace
}  // namespace hansa::streams

int main(int count, char** words) {
  if (count != 3) return 2;
  return hansa::streams::publish(words[1], {"city", words[2]});
}
