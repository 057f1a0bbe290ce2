// Goal: somebody who lies in a ledger of their own: an entry that honest software would never
// decide, chained and marked as every other, in the log of a stopped node.
//   A city publishes the last figure that it claims as proved once more, of a period that begins a
//   day earlier, nudged in the last digit.
//   An alliance says that a city has published such a figure, and that it is proved.
//
//   lying_keeper DATA KIND ID       like city wuxi; prints the publication, like m31
#include <cstdio>

#include "core/base/day.h"
#include "core/ledger/authorship.h"
#include "hansa/v1/entry.pb.h"
#include "ops/key_file.h"
#include "streams/embedded_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

using Standing = v1::FigureStanding;

// A ledger that only one writer has ever written: every record is an entry.
struct Ledger {
  Envelope last;
  Hash tip;
  int64_t time_us = 0;
  v1::MetricPublished city_figure;       // the last of each that is claimed as proved
  v1::FigurePublished alliance_figure;
};

Ledger read_ledger(Log& log, const LedgerId& id) {
  Ledger ledger;
  for (const auto& value : read_all(log, id)) {
    v1::Payload payload;
    const auto bytes = payload_of(value);
    payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    for (const auto& event : payload.events()) {
      if (event.metric_published().figure().claim() == Standing::proved) {
        ledger.city_figure = event.metric_published();
      }
      const auto& published = event.figure_published();
      if (!published.city().empty() && published.figure().claim() == Standing::proved) {
        ledger.alliance_figure = published;
      }
    }
    ledger.last = decode_entry(value)->envelope;
    ledger.tip = sha256(value);
    ledger.time_us = payload.time_us();
  }
  return ledger;
}

void nudge(v1::PublishedFigure& figure) {
  figure.set_from_day(day_text(*parse_day(figure.from_day(), "from_day") - 1));
  auto& value = *figure.mutable_total()->mutable_value();
  value.set_numerator(std::to_string(std::stoll(value.numerator()) + 1));
}

std::string lie_of(Ledger& ledger, Seq seq, v1::Payload& lie) {
  const auto name = "m" + std::to_string(seq);
  auto& event = *lie.add_events();
  if (!ledger.city_figure.publication().empty()) {
    nudge(*ledger.city_figure.mutable_figure());
    ledger.city_figure.mutable_figure()->mutable_sources(0)->set_city_seq(seq - 1);
    ledger.city_figure.set_publication(name);
    *event.mutable_metric_published() = ledger.city_figure;
    return name;
  }
  nudge(*ledger.alliance_figure.mutable_figure());
  ledger.alliance_figure.set_publication(name);
  *event.mutable_figure_published() = ledger.alliance_figure;
  auto& judged = *lie.add_events()->mutable_figure_judged();
  judged.set_city(ledger.alliance_figure.city());
  judged.set_publication(name);
  judged.set_standing(Standing::proved);
  return name;
}

int tell(const std::string& data_dir, const LedgerId& id) {
  auto log = EmbeddedLog::open({.folder = data_dir + "/log", .create_if_missing = false});
  const auto keys = ops::read_key_file(ops::key_file_name(data_dir, id));
  if (!log || !keys) {
    std::fprintf(stderr, "%s\n", (log ? keys.error() : log.error()).detail.c_str());
    return 1;
  }
  auto ledger = read_ledger(**log, id);
  Envelope envelope = ledger.last;
  envelope.seq = ledger.last.seq + 1;
  envelope.prev = ledger.tip;
  envelope.base_seq = ledger.last.seq;
  envelope.base_head = head_of(ledger.tip);
  v1::Payload lie;
  lie.set_time_us(ledger.time_us);
  const auto name = lie_of(ledger, envelope.seq, lie);
  auto value = *encode_entry(envelope, lie.SerializeAsString());
  mark_author(value, author_key(keys->ledger_secret));
  const auto delivered = append_now(**log, id, {value}, *(*log)->end(id));
  if (!delivered.at(0).offset) return 1;
  std::puts(name.c_str());
  return 0;
}

}  // namespace
}  // namespace hansa::streams

int main(int count, char** words) {
  if (count != 4) return 2;
  return hansa::streams::tell(words[1], {words[2], words[3]});
}
