#include "core/city/figures.h"

#include <algorithm>
#include <set>

#include "core/alliance/agreement.h"
#include "core/alliance/identity.h"
#include "core/base/calendar.h"
#include "core/base/day.h"
#include "core/base/policy.h"
#include "core/city/affiliation.h"
#include "core/city/case.h"
#include "core/city/peers.h"
#include "core/metrics/published.h"

namespace hansa {
namespace {

using Standing = v1::FigureStanding;

const std::string kCalendarKey = std::string(1, '\0') + "calendar";

Result<void> check_named(const v1::Agreement& agreement, const v1::PublishMetric& command) {
  for (const auto& grant : agreement.metrics()) {
    const bool is_named = grant.metric() == command.metric() && granted_figure(grant);
    const auto& scopes = grant.scopes();
    if (is_named && std::find(scopes.begin(), scopes.end(), command.scope()) != scopes.end()) {
      return {};
    }
  }
  return fail(Errc::kNotShareable,
              "the agreement in effect names no figure " + command.metric() + " by " +
                  command.scope() + "; members decide on it by a new version",
              "/metric");
}

Result<void> check_closed(const CityScope& scope, const FigureTerms& terms) {
  const WorkingCalendar calendar(calendar_in_force(scope.city));
  const int32_t today = calendar.local_day(scope.context.time_us);
  if (terms.days.to < today) return {};
  return fail(Errc::kWrongState, "the period goes up to " + day_text(terms.days.to) +
                                     ", and today is " + day_text(today) +
                                     "; a figure is published when its period is over");
}

// The two days that end the key.
struct Published {
  DayRange days;
  std::string publication;
};

Published published_of(std::string_view key, const google::protobuf::Message& row) {
  constexpr size_t kDayBytes = 10;
  const auto last = key.substr(key.size() - kDayBytes);
  const auto first = key.substr(key.size() - 2 * kDayBytes - 1, kDayBytes);
  const auto from = parse_day(first, "from_day");
  const auto to = parse_day(last, "to_day");
  return {{from ? *from : 0, to ? *to : 0},
          static_cast<const v1::FigureOnce&>(row).publication()};
}

// The first one of this metric and scope that shares a day with the period, and is not it.
std::optional<Published> find_overlap(RowsView& view, const std::string& prefix,
                                      const DayRange& days) {
  std::optional<Published> found;
  const int32_t earliest = std::max(0, days.from - kFigureDaysMax);
  view.scan(kFigureOnceTable.id, prefix + day_text(earliest), prefix + day_text(days.to) + '\1',
            [&](std::string_view key, const google::protobuf::Message& row) {
              auto other = published_of(key, row);
              const bool is_same = other.days.from == days.from && other.days.to == days.to;
              if (is_same || other.days.to < days.from) return true;
              found = std::move(other);
              return false;
            });
  return found;
}

std::vector<std::string> alliances_of(RowsView& view) {
  std::vector<std::string> all;
  view.scan(kAffiliationTable.id, "", "\xff", [&](std::string_view key, const auto&) {
    all.emplace_back(key);
    return true;
  });
  return all;
}

Result<void> check_once(const CityScope& scope, const v1::PublishMetric& command,
                        const FigureTerms& terms) {
  v1::PublishedFigure wanted;
  wanted.set_metric(command.metric());
  wanted.set_scope(command.scope());
  wanted.set_from_day(day_text(terms.days.from));
  wanted.set_to_day(day_text(terms.days.to));
  const auto* once =
      scope.view.find(kFigureOnceTable, figure_once_key(command.alliance(), wanted));
  if (once != nullptr) {
    return fail(Errc::kAlreadyExists,
                "this figure is published already, as " + once->publication());
  }
  for (const auto& alliance : alliances_of(scope.view)) {
    for (const auto other : {Scope::kCity, Scope::kDistrict, Scope::kStreet, Scope::kUnit,
                             Scope::kService, Scope::kKind}) {
      const auto overlap = find_overlap(
          scope.view, figure_once_prefix(alliance, command.metric(), scope_name(other)),
          terms.days);
      if (!overlap) continue;
      return fail(Errc::kWrongState,
                  overlap->publication + " of " + alliance + " has this figure from " +
                      day_text(overlap->days.from) + " to " + day_text(overlap->days.to) +
                      "; of periods that overlap one could be subtracted from the other",
                  "/from_day");
    }
  }
  return {};
}

// ---- what can be proved

bool covers(const v1::Agreement& agreement, const FigureTerms& terms) {
  std::set<std::string> granted;
  for (const auto& grant : agreement.grants()) {
    const auto fields = granted_fields(grant);
    if (!fields) continue;
    for (const auto& field : *fields) granted.insert(grant.event() + "." + field.name);
  }
  const auto inputs = figure_inputs(*terms.metric, terms.scope);
  return std::all_of(inputs.begin(), inputs.end(),
                     [&](const auto& input) { return granted.contains(input); });
}

// Since when the agreement has been in effect without a break; nullopt: that is not known.
std::optional<int64_t> in_effect_since(const CityScope& scope, const v1::Affiliation& row,
                                       const v1::Ratified& agreement, const std::string& city) {
  const auto* heard = scope.view.find(kHeardAgreementTable,
                                      heard_key(row.alliance(), agreement.version()));
  const auto* self = find_peer(scope.view, row.alliance(), city);
  if (heard == nullptr || self == nullptr) return std::nullopt;
  const auto& terms = agreement.agreement();
  const bool is_over = terms.valid_until_time_us() != 0 &&
                       terms.valid_until_time_us() <= scope.context.time_us;
  if (is_over) return std::nullopt;
  return std::max({heard->changed_time_us(), self->changed_time_us(), row.joined_time_us(),
                   agreement.ratified_time_us(), terms.valid_from_time_us()});
}

// 0: the city has counted by the default since its founding; nullopt: it is not known.
std::optional<int64_t> calendar_since(const CityScope& scope) {
  if (!scope.city.has_calendar()) return 0;
  const auto* row = scope.view.find(kFigureOnceTable, kCalendarKey);
  if (row == nullptr) return std::nullopt;
  return std::stoll(row->publication());
}

int64_t stars_since(const CityScope& scope, const FigureTerms& terms) {
  if (terms.metric->measure != Measure::kRating) return 0;
  const auto* row = scope.view.find(kPolicyTable, kSatisfactionStars);
  return row == nullptr || row->version() <= 1 ? 0 : row->adopted_time_us();
}

struct OlderCase {
  std::string key;
  bool counts = false;
};

// The next cases behind `after`, in the order of their making.
std::vector<OlderCase> next_cases(RowsView& view, const std::string& after,
                                  const FigureTerms& terms) {
  constexpr size_t kAtOnce = 200;
  std::vector<OlderCase> cases;
  view.scan(kCaseFactsTable.id, after, "\xff",
            [&](std::string_view key, const google::protobuf::Message& row) {
              bool counts = false;
              for (const auto& one : contributions(static_cast<const Facts&>(row))) {
                counts = counts || (one.measure == terms.metric->measure &&
                                    terms.days.holds(one.counted.day));
              }
              cases.push_back({std::string(key), counts});
              return cases.size() < kAtOnce;
            });
  return cases;
}

// Whether none of the cases made up to then counts in the figure.
bool counts_only_since(RowsView& view, const FigureTerms& terms, int64_t since_us) {
  std::string after;
  for (size_t looked_at = 0; looked_at < kOlderCasesMax;) {
    const auto cases = next_cases(view, after, terms);
    if (cases.empty()) return true;
    for (const auto& one : cases) {
      const auto* row = view.find(kCaseTable, one.key);
      const bool is_older = row == nullptr || row->history().empty() ||
                            row->history(0).time_us() <= since_us;
      if (!is_older) return true;
      if (one.counts) return false;
      ++looked_at;
    }
    after = cases.back().key + '\0';
  }
  return false;
}

struct Claim {
  bool is_proved = false;
  bool shows_calendar = false;  // it must be said again
};

Claim claim_of(const CityScope& scope, const v1::Affiliation& row, const v1::Ratified& agreement,
               const v1::PublishMetric& command, const FigureTerms& terms) {
  if (!covers(agreement.agreement(), terms)) return {};
  const auto since = in_effect_since(scope, row, agreement, command.city());
  if (!since) return {};
  const auto calendar = calendar_since(scope);
  if (!calendar || (*calendar != 0 && *calendar <= *since)) return {false, true};
  const int64_t stars = stars_since(scope, terms);
  if (stars != 0 && stars <= *since) return {};
  return {counts_only_since(scope.view, terms, std::max({*since, *calendar, stars})), false};
}

}  // namespace

std::string figure_key(std::string_view of, std::string_view publication) {
  uint64_t number = 0;
  for (const char digit : publication.substr(std::min<size_t>(1, publication.size()))) {
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return std::string(of) + '\0' + big_endian(number);
}

std::string figure_once_prefix(std::string_view of, std::string_view metric,
                               std::string_view scope) {
  std::string prefix(of);
  for (const auto part : {metric, scope}) prefix.append(1, '\0').append(part);
  return prefix + '\0';
}

std::string figure_once_key(std::string_view of, const v1::PublishedFigure& figure) {
  return figure_once_prefix(of, figure.metric(), figure.scope()) + figure.from_day() + '\0' +
         figure.to_day();
}

Result<void> suppress(v1::PublishedFigure& figure, uint32_t smallest_cell) {
  figure.set_smallest_cell(smallest_cell);
  if (figure.total().sample() == 0 || figure.total().sample() < smallest_cell) {
    return fail(Errc::kTooFew, "fewer than " + std::to_string(std::max(1U, smallest_cell)) +
                                   " cases count in this figure; nothing is published of them");
  }
  if (figure.cells().empty()) return {};
  uint64_t in_cells = 0;
  bool is_small = false;
  for (const auto& cell : figure.cells()) {
    in_cells += cell.sample();
    is_small = is_small || cell.sample() < smallest_cell;
  }
  // What no cell holds follows from the total and the cells.
  const uint64_t rest = figure.total().sample() - std::min(in_cells, figure.total().sample());
  figure.set_is_suppressed(is_small || (rest > 0 && rest < smallest_cell));
  if (figure.is_suppressed()) figure.clear_cells();
  return {};
}

Result<Decision> decide_city(const CityScope& scope, const v1::PublishMetric& command) {
  HANSA_TRY(const auto* row, find_joined(scope, command.alliance()));
  const auto* agreement = agreement_in_effect(*row);
  if (agreement == nullptr) {
    return fail(Errc::kWrongState, "no agreement with " + command.alliance() +
                                       " is in effect for this city; nothing is published");
  }
  HANSA_TRY(const auto terms, figure_terms(command.metric(), command.scope(), command.from_day(),
                                           command.to_day()));
  HANSA_CHECK(check_named(agreement->agreement(), command));
  HANSA_CHECK(check_closed(scope, terms));
  HANSA_CHECK(check_once(scope, command, terms));
  HANSA_TRY(auto figure, publishable(scope.view, terms));
  const uint32_t wanted = agreement->agreement().smallest_cell();
  const auto policy = static_cast<uint32_t>(policy_count(scope.view, kSmallestCell));
  HANSA_CHECK(suppress(figure, wanted == 0 ? policy : wanted));
  const auto claim = claim_of(scope, *row, *agreement, command, terms);
  const bool is_proved = claim.is_proved && !figure.is_suppressed();
  figure.set_claim(is_proved ? Standing::proved : Standing::attested);
  figure.set_agreement_version(agreement->version());
  auto& source = *figure.add_sources();
  source.set_ledger(share_ledger(command.alliance(), command.city()).text());
  source.set_city_seq(scope.context.seq - 1);
  Decision decision;
  decision.subject_id = "m" + std::to_string(scope.context.seq);
  decision.state = Standing::Value_Name(figure.claim());
  if (claim.shows_calendar) {
    auto& again = *decision.events.emplace_back().mutable_calendar_adopted();
    *again.mutable_calendar() = calendar_in_force(scope.city);
    again.set_version(scope.city.calendar_version());
  }
  auto& published = *decision.events.emplace_back().mutable_metric_published();
  published.set_alliance(command.alliance());
  published.set_publication(decision.subject_id);
  *published.mutable_figure() = std::move(figure);
  return decision;
}

// ---- evolve

Result<void> put_figure(Rows& rows, const v1::FigurePublished& published, const std::string& of,
                        const EntryContext& entry) {
  const std::string key = figure_key(of, published.publication());
  if (rows.find(kFigureRecordTable, key) != nullptr) {
    return fail(Errc::kInternal,
                "the publication " + published.publication() + " of `" + of + "` is there already");
  }
  auto& record = rows.put(kFigureRecordTable, key);
  record.set_city(published.city());
  record.set_publication(published.publication());
  *record.mutable_figure() = published.figure();
  record.set_published_time_us(entry.time_us);
  record.set_seq(entry.seq);
  rows.put(kFigureOnceTable, figure_once_key(of, published.figure()))
      .set_publication(published.publication());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::MetricPublished& event,
                          const EntryContext& entry) {
  v1::FigurePublished published;
  published.set_publication(event.publication());
  *published.mutable_figure() = event.figure();
  return put_figure(rows, published, event.alliance(), entry);
}

// A version that is in force already is said again, to those who had not seen it.
void note_calendar(Rows& rows, const v1::CalendarAdopted& event, const EntryContext& entry) {
  const auto* city = rows.find(kCityTable, "");
  const bool stays = city != nullptr && city->has_calendar() &&
                     has_same_offsets(city->calendar(), event.calendar());
  const bool is_again = city != nullptr && city->calendar_version() == event.version();
  if (stays && !is_again) return;
  rows.put(kFigureOnceTable, kCalendarKey).set_publication(std::to_string(entry.time_us));
}

}  // namespace hansa
