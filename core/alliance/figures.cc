#include "core/alliance/figures.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "core/alliance/agreement.h"
#include "core/alliance/finding.h"
#include "core/alliance/identity.h"
#include "core/alliance/member_air.h"
#include "core/base/schema.h"
#include "core/city/figures.h"
#include "core/metrics/published.h"

namespace hansa {
namespace {

using Standing = v1::FigureStanding;

constexpr size_t kPublicationDigitsMax = 18;
constexpr size_t kDifferenceBytesMax = 1'000;
constexpr size_t kEvidenceBytesMax = 2'000;

// As cities make them.
Result<void> check_form(const v1::MetricPublished& published) {
  const std::string& id = published.publication();
  const bool is_number = id.size() > 1 && id.size() <= kPublicationDigitsMax + 1 &&
                         id.front() == 'm' && std::all_of(id.begin() + 1, id.end(), [](char c) {
                           return c >= '0' && c <= '9';
                         });
  if (!is_number) return fail(Errc::kBadRequest, "a publication is named by its entry, like m12");
  const auto& figure = published.figure();
  if (figure.cells_size() > kFigureCellsMax) {
    return fail(Errc::kBadRequest,
                "a figure has at most " + std::to_string(kFigureCellsMax) + " cells");
  }
  const bool is_claimed = figure.claim() == Standing::attested ||
                          (figure.claim() == Standing::proved && !figure.is_suppressed());
  if (!is_claimed || (figure.is_suppressed() && !figure.cells().empty())) {
    return fail(Errc::kBadRequest, "a figure is claimed as proved or attested, and a suppressed "
                                   "one is attested and has no cells");
  }
  if (figure.sources_size() != 1 || figure.sources(0).city_seq() == 0) {
    return fail(Errc::kBadRequest, "a city's figure has one source, its share ledger");
  }
  return {};
}

Result<void> check_new(RowsView& view, const std::string& city,
                       const v1::PublishedFigure& figure) {
  const auto* once = view.find(kFigureOnceTable, figure_once_key(city, figure));
  if (once == nullptr) return {};
  return fail(Errc::kAlreadyExists,
              "this figure is published already, as " + once->publication());
}

bool is_granted(const v1::Agreement& agreement, const std::string& event,
                const std::set<std::string>& fields) {
  for (const auto& grant : agreement.grants()) {
    if (grant.event() != event || !granted_fields(grant)) continue;
    return std::all_of(fields.begin(), fields.end(), [&](const auto& field) {
      return std::find(grant.fields().begin(), grant.fields().end(), field) !=
             grant.fields().end();
    });
  }
  return false;
}

Result<const v1::AgreementVersion*> agreement_naming(const AllianceScope& scope,
                                                     const std::string& metric) {
  v1::MetricGrant named;
  named.set_metric(metric);
  HANSA_TRY(const auto known, granted_figure(named));
  if (known.id != kAirChangeId) {
    return fail(Errc::kUnknownMetric,
                "an alliance publishes the figures of all its members: air_change@1; `" + metric +
                    "` is a city's own",
                "/metric");
  }
  const auto* row =
      scope.view.find(kAgreementTable, big_endian(scope.alliance.version_in_force()));
  if (row == nullptr || row->state() != v1::AgreementState::in_force) {
    return fail(Errc::kWrongState, "no agreement is in effect; nothing is published");
  }
  for (const auto& grant : row->agreement().metrics()) {
    if (grant.metric() == metric) return row;
  }
  return fail(Errc::kNotShareable,
              "the agreement in force does not name " + metric +
                  "; members decide on it by a new version",
              "/metric");
}

// On 2 January every place on Earth has left the year behind.
Result<void> check_over(const AllianceScope& scope, uint32_t year) {
  const auto end = std::chrono::sys_days(std::chrono::year(static_cast<int>(year) + 1) /
                                         std::chrono::January / 2);
  if (scope.context.time_us >=
      std::chrono::duration_cast<std::chrono::microseconds>(end.time_since_epoch()).count()) {
    return {};
  }
  return fail(Errc::kWrongState, "the year " + std::to_string(year) +
                                     " is not over yet; a figure is published when it is",
              "/year");
}

Result<void> add_source(const AllianceScope& scope, const std::string& alliance,
                        const std::string& city, v1::PublishedFigure& figure) {
  const std::string ledger = share_ledger(alliance, city).text();
  const auto* reached = scope.view.find(kInputTable, ledger);
  if (reached == nullptr || reached->seq() == 0 || reached->begun() != 0) {
    return fail(Errc::kNotYet, "an entry of " + ledger + " is taken in part; ask again");
  }
  const auto tip = Hash::from(reached->sha256());
  if (!tip) return fail(Errc::kInternal, ledger + " was taken to an entry without a hash");
  auto& source = *figure.add_sources();
  source.set_ledger(ledger);
  source.set_size(reached->seq());
  source.set_tip_sha256(to_hex(*tip));
  source.set_city_seq(reached->source_seq());
  return {};
}

std::string figure_text(const v1::PublishedFigure& figure) {
  std::string text = figure.metric() + " by " + figure.scope() + ", " + figure.from_day() +
                     " to " + figure.to_day();
  if (!figure.total().has_value()) return text;
  return text + ", in all " + figure.total().value().numerator() + "/" +
         figure.total().value().denominator() + " of " +
         std::to_string(figure.total().sample());
}

std::string bounded(const std::string& text, size_t bytes_max) {
  return std::string(whole_characters(text, bytes_max));
}

void raise_finding(const v1::FigureRecord& record, const v1::FigureJudged& judged, Seq seq,
                   std::vector<v1::Event>& events) {
  auto& finding = *events.emplace_back().mutable_finding_raised();
  finding.set_finding(finding_id(seq, 0));
  finding.set_kind(v1::FindingKind::figure);
  if (!record.city().empty()) finding.add_cities(record.city());
  if (!judged.sources().empty()) finding.set_ledger(judged.sources(0).ledger());
  auto& published = *finding.add_evidence();
  published.set_by(record.city());
  auto& reckoned = *finding.add_evidence();
  std::string from;
  for (const auto& source : judged.sources()) {
    from += (from.empty() ? "" : "; ") + std::to_string(source.size()) + " entries of " +
            source.ledger() + ", root " + source.root_sha256();
  }
  if (!judged.sources().empty()) {
    const auto& source = judged.sources(0);
    for (auto* evidence : {&published, &reckoned}) {
      evidence->set_ledger(source.ledger());
      evidence->set_seq(source.size());
      evidence->set_sha256(source.tip_sha256());
    }
  }
  published.set_text(bounded("published as " + record.publication() + ": " +
                                 figure_text(record.figure()),
                             kEvidenceBytesMax));
  reckoned.set_text(
      bounded(judged.difference() + "; reckoned from " + from, kEvidenceBytesMax));
}

}  // namespace

Acted decide_act(const Act& act, const v1::MetricPublished& published) {
  HANSA_CHECK(check_sharing(act));
  HANSA_CHECK(check_form(published));
  const auto& figure = published.figure();
  HANSA_CHECK(figure_terms(figure.metric(), figure.scope(), figure.from_day(), figure.to_day()));
  const std::string& city = act.member.city();
  HANSA_CHECK(check_new(act.view, city, figure));
  if (act.view.find(kFigureRecordTable, figure_key(city, published.publication())) != nullptr) {
    return fail(Errc::kAlreadyExists,
                city + " has published " + published.publication() + " already");
  }
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_figure_published();
  recorded.set_city(city);
  recorded.set_publication(published.publication());
  *recorded.mutable_figure() = figure;
  return events;
}

Result<Decision> decide_alliance(const AllianceScope& scope,
                                 const v1::PublishAllianceMetric& command) {
  HANSA_TRY(const auto* agreement, agreement_naming(scope, command.metric()));
  HANSA_TRY(const auto change, member_air_change(scope.view, command.year()));
  HANSA_CHECK(check_over(scope, command.year()));
  auto figure = publishable_air(change);
  HANSA_CHECK(check_new(scope.view, "", figure));
  if (change.simple.counted.empty()) {
    return fail(Errc::kTooFew, "no member has shared a value for every day of " +
                                   std::to_string(command.year() - 1) + " and " +
                                   std::to_string(command.year()));
  }
  for (const auto& city : change.simple.counted) {
    HANSA_CHECK(add_source(scope, command.alliance(), city, figure));
  }
  const auto& terms = agreement->agreement();
  const bool is_shown = is_granted(terms, "AirQualityRecorded", {"date", "pm25"}) &&
                        is_granted(terms, "PopulationRecorded", {"people", "year"});
  figure.set_claim(is_shown ? Standing::proved : Standing::attested);
  figure.set_agreement_version(agreement->version());
  Decision decision;
  decision.subject_id = "m" + std::to_string(scope.context.seq);
  decision.state = Standing::Value_Name(figure.claim());
  auto& published = *decision.events.emplace_back().mutable_figure_published();
  published.set_publication(decision.subject_id);
  *published.mutable_figure() = std::move(figure);
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::JudgeFigure& command) {
  const auto& judged = command.judged();
  const auto* record = scope.view.find(kFigureRecordTable,
                                       figure_key(judged.city(), judged.publication()));
  if (record == nullptr || record->standing() != Standing::unspecified) {
    return fail(Errc::kWrongState, "the figure " + judged.publication() + " of " +
                                       (judged.city().empty() ? "the alliance" : judged.city()) +
                                       (record == nullptr ? " was never published"
                                                          : " is judged already"));
  }
  Decision decision;
  decision.subject_id = judged.publication();
  decision.state = Standing::Value_Name(judged.standing());
  auto& event = *decision.events.emplace_back().mutable_figure_judged();
  event = judged;
  event.set_difference(bounded(judged.difference(), kDifferenceBytesMax));
  if (judged.standing() == Standing::does_not_follow) {
    raise_finding(*record, judged, scope.context.seq, decision.events);
  }
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::FigurePublished& event,
                          const EntryContext& entry) {
  return put_figure(rows, event, event.city(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::FigureJudged& event, const EntryContext&) {
  const std::string key = figure_key(event.city(), event.publication());
  if (rows.find(kFigureRecordTable, key) == nullptr) {
    return fail(Errc::kInternal, "a figure is judged that was never published");
  }
  auto& record = rows.put(kFigureRecordTable, key);
  record.set_standing(event.standing());
  *record.mutable_sources() = event.sources();
  record.set_difference(event.difference());
  return {};
}

}  // namespace hansa
