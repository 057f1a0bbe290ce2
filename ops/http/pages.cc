#include "ops/http/pages.h"

#include "hansa/v1/rows.pb.h"
#include "ops/confirmed.h"
#include "ops/finding_text.h"
#include "ops/html.h"
#include "ops/http/service.h"
#include "ops/json.h"
#include "ops/version.h"
#include "projections/reads.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.quiet, .quiet { color: var(--quiet); } ul { list-style: none; padding: 0; margin: 0; }
li { border-top: 1px solid var(--line); padding: .6rem 0; }
.mark { border: 1px solid var(--line); border-radius: .8rem; padding: .05rem .5rem;
  font-size: .8rem; } code { font-size: .9em; } a { text-underline-offset: .15em; }
)";

std::string link(const std::string& target, std::string_view text) {
  return "<a href=\"" + escape_html(target) + "\">" + escape_html(text) + "</a>";
}

std::string title_of(const v1::Title& title, const std::string& id) {
  if (title.en().empty() && title.zh().empty()) return id;
  if (title.en().empty() || title.zh().empty()) return title.en() + title.zh();
  return title.en() + " · " + title.zh();
}

std::string refused_item(const LedgerStatus& status) {
  return "<li>" + escape_html(status.ledger.id) +
         " <span class=\"mark\">not served</span><br><span class=\"quiet\">" +
         escape_html(status.refused ? status.refused->detail : "it cannot be opened") +
         "</span></li>\n";
}

// The one row of the ledger's own table; nothing before the founding.
template <typename Row>
std::optional<Row> founded_row(projections::Door& door, Table<Row> table) {
  const auto snapshot = door.keeper().snapshot();
  if (snapshot == nullptr) return std::nullopt;
  auto found = snapshot->find(table, "");
  return found ? *std::move(found) : std::nullopt;
}

constexpr size_t kFindingsShown = 5;
constexpr size_t kFindingsLookedAt = 2'000;

// Open ones of no campaign; who wants all follows the link.
std::string findings_of(const projections::Snapshot& rows) {
  std::string items;
  size_t open = 0;
  size_t looked_at = 0;
  const auto looked = rows.scan(
      stored_key(TableId::kFinding, ""), stored_key(TableId::kFinding, "\xff"),
      [&](std::string_view, std::string_view value) {
        v1::Finding finding;
        const bool is_read =
            finding.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (is_read && is_ledger_finding(finding) && is_open(finding)) {
          const auto& raised = finding.raised();
          if (++open <= kFindingsShown) {
            items += "<br><span class=\"mark\">" + v1::FindingKind::Value_Name(raised.kind()) +
                     ", " + v1::FindingState::Value_Name(finding.state()) + "</span> " +
                     escape_html(raised.ledger().empty() ? finding_cities(raised)
                                                         : raised.ledger()) +
                     " <span class=\"quiet\">" + escape_html(finding_sentence(raised)) +
                     "</span>";
          }
        }
        return ++looked_at < kFindingsLookedAt;
      });
  if (!looked || open <= kFindingsShown) return items;
  return items + "<br><span class=\"quiet\">and " + std::to_string(open - kFindingsShown) +
         " more</span>";
}

std::string alliance_item(Node& node, const LedgerStatus& status) {
  auto* door = node.door(status.ledger);
  if (status.refused || door == nullptr) return refused_item(status);
  const auto row = founded_row(*door, kAllianceTable);
  const std::string base = "/v1/alliances/" + status.ledger.id;
  std::string item = "<li>" + link(base, title_of(row ? row->title() : v1::Title(),
                                                  status.ledger.id));
  if (row && row->simulated()) item += " <span class=\"mark\">simulated</span>";
  if (!row) item += " <span class=\"mark\">not founded yet</span>";
  const auto rows = door->keeper().snapshot();
  const Seq seq = rows == nullptr ? 0 : rows->meta().position.seq;
  const Seq confirmed = rows == nullptr ? 0 : projections::confirmed_seq(*rows).value_or(0);
  item += "<br><span class=\"quiet\">" + std::to_string(seq) + " entries, " +
          confirmed_text(seq, confirmed) + "</span> · " + link(base + "/members", "members") +
          " · " +
          link(base + "/agreements", "agreements") + " · " + link(base + "/figures", "figures") +
          " · " + link(base + "/findings", "findings");
  if (rows != nullptr) item += findings_of(*rows);
  item += "</li>\n";
  return item;
}

std::string city_item(Node& node, const LedgerStatus& status) {
  const auto& id = status.ledger.id;
  auto* door = node.door(status.ledger);
  if (status.refused || door == nullptr) return refused_item(status);
  const auto found = founded_row(*door, kCityTable);
  const bool founded = found.has_value();
  const v1::City row = found.value_or(v1::City());
  const std::string base = "/v1/cities/" + id;
  std::string item = "<li>" + link(base, title_of(row.title(), id));
  if (row.simulated()) item += " <span class=\"mark\">simulated</span>";
  if (!founded) item += " <span class=\"mark\">not founded yet</span>";
  item += "<br><span class=\"quiet\">" + std::to_string(status.health.committed_seq) +
          " entries</span> · " + link(base + "/cases", "cases") + " · " +
          link(base + "/districts", "grid") + " · " + link(base + "/units", "units") + " · " +
          link(base + "/services", "services") + " · " + link(base + "/policies", "policies") +
          " · " + link(base + "/heat", "heat") + " · " +
          link(base + "/counters?scope=city", "counters") + "</li>\n";
  return item;
}

}  // namespace

std::string start_page(Node& node) {
  std::string page = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
  page += "<title>Hansa · " + escape_html(node.config().node.id) + "</title><style>";
  page += kStyle;
  page += "</style></head><body>\n<h1>Hansa</h1>\n<p class=\"quiet\">Node " +
          escape_html(node.config().node.id) + ", version " + std::string(kVersion) +
          ". Every action of a city is an entry in its ledger; what you read here is the fold of "
          "those entries.</p>\n";
  std::string alliances;
  std::string cities;
  for (const auto& status : node.status()) {
    const bool is_alliance = status.ledger.kind == kAllianceKind;
    (is_alliance ? alliances : cities) +=
        is_alliance ? alliance_item(node, status) : city_item(node, status);
  }
  if (!alliances.empty()) page += "<h2>Alliances</h2>\n<ul>\n" + alliances + "</ul>\n";
  page += "<h2>Cities</h2>\n<ul>\n" + cities;
  const std::string metrics = "http://" + node.config().metrics.listen.text() + "/metrics";
  page += "</ul>\n<h2>Interface</h2>\n<ul>\n<li>" + link("/openapi.json", "OpenAPI 3.1") +
          " <span class=\"quiet\">every address, its fields and roles</span></li>\n<li>" +
          link("/v1/errors", "Errors") +
          " <span class=\"quiet\">every code: what it means and what to do</span></li>\n</ul>\n"
          "<h2>Operation</h2>\n<ul>\n<li>" +
          link("/healthz", "Health") + " <span class=\"quiet\">the process runs</span></li>\n<li>" +
          link("/readyz", "Readiness") +
          " <span class=\"quiet\">every ledger is served</span></li>\n<li>" +
          link(metrics, "Metrics") +
          " <span class=\"quiet\">for Prometheus, on a listener of its "
          "own</span></li>\n</ul>\n</body></html>\n";
  return page;
}

std::string readiness_json(const Readiness& readiness) {
  std::string out = "{\"ready\":";
  out += readiness.ready ? "true" : "false";
  out += ",\"waits\":[";
  for (size_t i = 0; i < readiness.waits.size(); ++i) {
    if (i > 0) out += ',';
    append_json_text(out, readiness.waits[i]);
  }
  out += "]}";
  return out;
}

std::vector<LedgerFigures> ledger_figures(Node& node) {
  std::vector<LedgerFigures> all;
  for (const auto& status : node.status()) {
    LedgerFigures figures;
    figures.ledger = status.ledger;
    if (status.refused) figures.refused = status.refused->code;
    figures.health = status.health;
    if (status.outlet) {
      figures.outlet_seq = status.outlet->given_seq;
      figures.outlet_waits = status.outlet->waits.has_value();
    }
    for (const auto& feed : status.feeds) {
      figures.feeds.push_back({feed.share, feed.health.given_seq, feed.health.waits.has_value()});
    }
    for (const auto& inbox : status.inboxes) figures.inboxes_waiting += inbox.waits ? 1 : 0;
    figures.dead_letters_open = status.dead_letters;
    if (auto* door = node.door(status.ledger); door != nullptr) {
      for (const auto& property : rocksdb_properties()) {
        const auto value = door->keeper().store()->property(property);
        figures.rocksdb.emplace_back(property, value.value_or(0));
      }
    }
    all.push_back(std::move(figures));
  }
  return all;
}

Handler metrics_handler(Node& node, Metrics& metrics) {
  const int64_t started_us = node.env().now_us();
  return [&node, &metrics, started_us](const Call& call) -> boost::asio::awaitable<Reply> {
    Reply reply;
    if (call.path != "/metrics" && call.path != "/") {
      const Error error{Errc::kUnknownRoute, "expected GET /metrics"};
      co_return problem_reply(error, call.request_id);
    }
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    Scrape scrape{read_process(node.config().node.data_dir), ledger_figures(node), node.links(),
                  node.log().statistics()};
    scrape.process.started_us = started_us;
    scrape.process.now_us = node.env().now_us();
    const auto trail = node.audit_trail().health();
    scrape.process.audit_records = trail.records;
    scrape.process.audit_fails = trail.is_failing;
    if (const auto cluster = node.cluster()) {
      scrape.process.clock_ahead_us = cluster->clock_ahead_us;
    }
    reply.body = metrics.text(scrape);
    co_return reply;
  };
}

}  // namespace hansa::ops
