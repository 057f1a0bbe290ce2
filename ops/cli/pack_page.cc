#include "ops/cli/pack_page.h"

#include "core/metrics/metric.h"
#include "ops/cli/evidence.h"
#include "ops/html.h"
#include "ops/import/csv.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

constexpr size_t kCellsShown = 60;

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const auto& field : fields) line += (line.empty() ? "" : ",") + csv_field(field);
  return line + "\r\n";
}

std::string value_text(const v1::FigureCell& cell) {
  if (!cell.has_value()) return "";
  return cell.value().numerator() + "/" + cell.value().denominator();
}

std::vector<std::string> figure_fields(const PackedFigure& packed, const v1::FigureCell& cell) {
  const auto& figure = packed.figure;
  return {packed.publication,   figure.metric(),  figure.scope(),
          figure.from_day(),    figure.to_day(),  cell.id(),
          cell.has_value() ? cell.value().numerator() : "",
          cell.has_value() ? cell.value().denominator() : "",
          std::to_string(cell.sample()),          std::to_string(cell.met()),
          standing_of(packed)};
}

std::string head_html(const federation::EvidenceHead& head) {
  const auto& checkpoint = head.head.checkpoint;
  return "<p>" + escape_html(checkpoint.ledger.text()) + ": " + std::to_string(head.size()) +
         " entries, " + escape_html(confirmation_text(head)) + "<br><code>root " +
         to_hex(checkpoint.tree.root) + "<br>tip " + to_hex(checkpoint.tip) + "</code></p>\n";
}

std::string figures_html(const PackFacts& facts) {
  if (facts.figures.empty()) return "<p>No figure of this month was published.</p>\n";
  std::string out;
  for (const auto& packed : facts.figures) {
    const auto& figure = packed.figure;
    out += "<h3>" + escape_html(figure.metric()) + ", " + figure.from_day() + " to " +
           figure.to_day() + " <span class=\"mark\">" + standing_of(packed) + "</span></h3>\n";
    if (!packed.judged.difference().empty()) {
      out += "<p class=\"mark\">" + escape_html(packed.judged.difference()) + "</p>\n";
    }
    out += html_table({escape_html(figure.scope()), "value", "counted", "met"});
    const auto add = [&](const std::string& name, const v1::FigureCell& cell) {
      out += html_row({name, value_text(cell), std::to_string(cell.sample()),
                       std::to_string(cell.met())});
    };
    add("in all", figure.total());
    for (size_t i = 0; i < std::min<size_t>(kCellsShown, figure.cells().size()); ++i) {
      add(figure.cells()[static_cast<int>(i)].id(), figure.cells()[static_cast<int>(i)]);
    }
    out += html_table_end();
  }
  return out;
}

std::string events_html(const PackFacts& facts) {
  std::map<std::string, uint64_t> counts;
  for (const auto& event : facts.events) ++counts[event_name(event.shared.event())];
  if (counts.empty()) return "<p>No event of this month is shared.</p>\n";
  std::string out = html_table({"event", "how many"});
  for (const auto& [name, count] : counts) out += html_row({name, std::to_string(count)});
  return out + html_table_end();
}

std::string definitions_html() {
  std::string out = html_table({"figure", "is", "of what", "unit"});
  for (const auto& metric : metrics()) {
    out += html_row({std::string(metric.id) + "@" + std::to_string(metric.version),
                     std::string(metric.title) + ": " + std::string(metric.formula),
                     std::string(metric.counts), std::string(metric.unit)});
  }
  return out + html_table_end();
}

std::string how_to_verify(const PackFacts& facts) {
  const std::string key = " --alliance-key FILE</code>";
  std::string one;
  if (!facts.figures.empty()) {
    const auto proof = "proofs/" + facts.figures.front().publication;
    one = ", and of each publication its entry with <code>hansa verify proof " + proof +
          ".tlog-proof --value " + proof + " --members evidence" + key;
  }
  return "<footer><p>Whoever has this folder and the key of alliance " +
         escape_html(facts.alliance) +
         " checks it without asking anybody: <code>hansa verify pack ." + key +
         " makes page, tables and proofs again from the logs in it, and reckons each figure anew; "
         "<code>sha256sum -c manifest.txt</code> says whether a file was damaged on its way. The "
         "logs alone: <code>hansa verify share evidence --ledger share/" +
         escape_html(facts.alliance + "/" + facts.city) + key + one +
         ". <i>Proved</i> is what anyone reckons again from what is shared, <i>attested</i> is the "
         "publisher's word.</p></footer>\n";
}

}  // namespace

void PackFacts::add_alliance_entry(const federation::EvidenceEntry& entry) {
  for (const auto& event : entry.payload.events()) {
    if (event.has_figure_published()) {
      const auto& published = event.figure_published();
      const bool is_ours = published.city() == city &&
                           published.figure().to_day().starts_with(month + "-");
      if (is_ours) {
        figures.push_back({entry.seq, published.publication(), published.figure(), {}});
      }
    }
    if (!event.has_figure_judged() || event.figure_judged().city() != city) continue;
    for (auto& figure : figures) {
      if (figure.publication == event.figure_judged().publication()) {
        figure.judged = event.figure_judged();
      }
    }
  }
}

void PackFacts::add_share_entry(const federation::EvidenceEntry& entry) {
  for (const auto& event : entry.payload.events()) {
    for (const auto& shared : event.entries_shared().events()) {
      if (time_text(shared.time_us() + utc_offset_us).starts_with(month + "-")) {
        events.push_back({entry.seq, shared});
      }
    }
  }
}

std::string standing_of(const PackedFigure& figure) {
  const auto standing = figure.judged.standing() == v1::FigureStanding::unspecified
                            ? figure.figure.claim()
                            : figure.judged.standing();
  switch (standing) {
    case v1::FigureStanding::proved:
      return "proved";
    case v1::FigureStanding::does_not_follow:
      return "does not follow";
    default:
      return "attested";
  }
}

std::string pack_page(const PackFacts& facts) {
  const auto title = facts.city + ", " + facts.month;
  return std::string(printable_head()) + "<title>" + escape_html(title) +
         "</title></head><body>\n<p class=\"quiet\">What the city shared with alliance " +
         escape_html(facts.alliance) + "</p>\n<h1>" + escape_html(title) +
         "</h1>\n<h2>Figures</h2>\n" + figures_html(facts) + "<h2>Events</h2>\n" +
         events_html(facts) + "<h2>Definitions</h2>\n" + definitions_html() +
         "<h2>Signed heads</h2>\n" + head_html(facts.alliance_head) +
         head_html(facts.share_head) + how_to_verify(facts) + "</body></html>\n";
}

std::string figures_csv(const PackFacts& facts) {
  std::string out = csv_line({"publication", "metric", "scope", "from_day", "to_day", "cell",
                              "numerator", "denominator", "sample", "met", "standing"});
  for (const auto& packed : facts.figures) {
    out += csv_line(figure_fields(packed, packed.figure.total()));
    for (const auto& cell : packed.figure.cells()) out += csv_line(figure_fields(packed, cell));
  }
  return out;
}

std::string events_csv(const PackFacts& facts) {
  std::string out = csv_line({"share_seq", "city_seq", "index", "time", "event", "data"});
  for (const auto& [share_seq, shared] : facts.events) {
    std::string data;
    append_set_json(data, shared.event());
    out += csv_line({std::to_string(share_seq), std::to_string(shared.seq()),
                     std::to_string(shared.index()), time_text(shared.time_us()),
                     event_name(shared.event()), data});
  }
  return out;
}

std::string definitions_csv() {
  std::string out =
      csv_line({"metric", "version", "title", "unit", "formula", "counts", "inputs"});
  for (const auto& metric : metrics()) {
    out += csv_line({std::string(metric.id), std::to_string(metric.version),
                     std::string(metric.title), std::string(metric.unit),
                     std::string(metric.formula), std::string(metric.counts),
                     std::string(metric.inputs)});
  }
  return out;
}

}  // namespace hansa::ops
