#include "core/metrics/published.h"

#include <algorithm>
#include <array>

#include "core/base/assert.h"
#include "core/base/day.h"
#include "core/base/ids.h"
#include "core/base/policy.h"
#include "core/base/prefixed_rows.h"
#include "core/city/air.h"
#include "core/city/city.h"
#include "core/metrics/metrics_fold.h"
#include "core/metrics/recount.h"

namespace hansa {
namespace {

// A case begins with one of these; days are counted by the calendar.
constexpr std::string_view kAlways =
    "CaseReported.case CaseImported.case CaseImported.reported_time_us CaseImported.merged_into "
    "CalendarAdopted.calendar.offsets.utc_time_s CalendarAdopted.calendar.offsets.offset_s";

std::string_view scope_inputs(Scope scope) {
  switch (scope) {
    case Scope::kDistrict: return "CaseReported.place.district CaseImported.place.district";
    case Scope::kStreet:
      return "CaseReported.place.district CaseImported.place.district "
             "CaseReported.place.street CaseImported.place.street";
    case Scope::kUnit:
      return "CaseImported.unit CaseAssigned.lead_unit LeadDetermined.lead_unit "
             "CaseTransferred.to_unit";
    case Scope::kService: return "CaseReported.service CaseImported.service";
    case Scope::kKind: return "CaseReported.kind CaseImported.kind";
    default: return "";
  }
}

void add_once(std::string word, std::vector<std::string>& all) {
  if (std::find(all.begin(), all.end(), word) == all.end()) all.push_back(std::move(word));
}

// Fields that hold others are named leaf by leaf, as grants name them.
void add_words(std::string_view words, std::vector<std::string>& all) {
  while (!words.empty()) {
    const auto word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    const std::string event(word.substr(0, word.find('.')));
    const auto* type = v1::Event::descriptor()->file()->pool()->FindMessageTypeByName(
        "hansa.v1." + event);
    HANSA_ASSERT(type != nullptr, "figures are made of events of the schema");
    const auto* field = type->FindFieldByName(std::string(word.substr(event.size() + 1)));
    if (field == nullptr || field->message_type() == nullptr) {
      add_once(std::string(word), all);
    } else {
      for (int i = 0; i < field->message_type()->field_count(); ++i) {
        add_once(std::string(word) + "." + field->message_type()->field(i)->name(), all);
      }
    }
    // Whatever is said of a case, it must be known which.
    const bool is_of_case = type->FindFieldByName("case") != nullptr;
    if (is_of_case && event != "ProblemRebounded") add_once(event + ".case", all);
  }
}

Result<DayRange> parse_days(const std::string& from_day, const std::string& to_day) {
  DayRange days;
  HANSA_TRY(days.from, parse_day(from_day, "from_day"));
  HANSA_TRY(days.to, parse_day(to_day, "to_day"));
  if (days.from > days.to) {
    return fail(Errc::kBadRequest, "the period ends before it begins; exchange from_day and to_day",
                "/to_day");
  }
  if (days.to - days.from >= kFigureDaysMax) {
    return fail(Errc::kBadRequest,
                "a period has at most " + std::to_string(kFigureDaysMax) + " days", "/to_day");
  }
  return days;
}

v1::FigureCell cell_of(const MetricInfo& metric, const RangeSum& sum, const std::string& id) {
  const v1::Figure figure = reckon(metric, sum, 0);
  v1::FigureCell cell;
  cell.set_id(id);
  cell.set_sample(figure.sample());
  cell.set_met(figure.met());
  if (!figure.has_value() || figure.sample() == 0) return cell;
  cell.mutable_value()->set_numerator(figure.value().num());
  cell.mutable_value()->set_denominator(figure.value().den());
  return cell;
}

RangeSum sum_of_rows(RowsView& view, Scope scope, const std::string& id, const DayRange& days) {
  RangeSum sum(days);
  view.scan(kDayTallyTable.id, day_key(scope, id, days.from),
            day_key(scope, id, days.to) + '\0',
            [&](std::string_view, const google::protobuf::Message& row) {
              sum.add(static_cast<const v1::DayTally&>(row));
              return true;
            });
  return sum;
}

// The first id of the scope whose key is not before `from`.
std::optional<std::string> next_id(RowsView& view, Scope scope, const std::string& from) {
  std::optional<std::string> id;
  const std::string end(1, static_cast<char>(static_cast<uint8_t>(scope) + 1));
  view.scan(kDayTallyTable.id, from, end,
            [&](std::string_view key, const google::protobuf::Message&) {
              id = std::string(key.substr(1, key.find('\0', 1) - 1));
              return false;
            });
  return id;
}

v1::FigureCell air_cell(const char* id, const AirFigure& figure) {
  v1::FigureCell cell;
  cell.set_id(id);
  cell.set_sample(figure.counted.size());
  if (figure.change) *cell.mutable_value() = to_fraction(*figure.change);
  return cell;
}

std::string city_of(const std::string& ledger) {
  return ledger.substr(std::min(ledger.rfind('/') + 1, ledger.size()));
}

// What no city records: such numbers are in no figure's reach.
Result<void> check_values(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->is_repeated()) continue;
    int64_t value = 0;
    bool is_known = true;
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_INT64) {
      value = reflection->GetInt64(message, field);
      is_known = value >= 0 && value <= kTimeUsMax;
    }
    if (field->enum_type() != nullptr) {
      value = reflection->GetEnumValue(message, field);
      is_known = field->enum_type()->FindValueByNumber(static_cast<int>(value)) != nullptr;
    }
    if (is_known) continue;
    return fail(Errc::kDoesNotFollow, field->full_name() + " is " + std::to_string(value));
  }
  return {};
}

Result<void> check_calendar(const v1::Calendar& calendar) {
  int64_t last_s = -kTimeUsMax / 1'000'000 - 1;
  for (const auto& offset : calendar.offsets()) {
    const bool in_order = offset.utc_time_s() > last_s &&
                          offset.utc_time_s() <= kTimeUsMax / 1'000'000;
    if (!in_order || std::abs(int64_t{offset.offset_s()}) > 86'400) {
      return fail(Errc::kDoesNotFollow, "a calendar that no city adopts is shared");
    }
    last_s = offset.utc_time_s();
  }
  return {};
}

Result<void> as_not_following(Result<void> result) {
  if (!result) result.error().code = Errc::kDoesNotFollow;
  return result;
}

std::string value_text(const v1::FigureCell& cell) {
  if (!cell.has_value()) return "nothing";
  return cell.value().numerator() + "/" + cell.value().denominator();
}

bool equal(const v1::FigureCell& a, const v1::FigureCell& b) {
  return a.has_value() == b.has_value() && value_text(a) == value_text(b) &&
         a.sample() == b.sample() && a.met() == b.met();
}

std::string cell_text(const v1::FigureCell& cell) {
  return value_text(cell) + " of " + std::to_string(cell.sample()) + " (" +
         std::to_string(cell.met()) + " met)";
}

std::string cell_name(const v1::FigureCell& cell) {
  return cell.id().empty() ? "the whole" : "`" + cell.id() + "`";
}

}  // namespace

std::vector<std::string> figure_inputs(const MetricInfo& metric, Scope scope) {
  std::vector<std::string> all;
  add_words(kAlways, all);
  add_words(metric.inputs, all);
  add_words(scope_inputs(scope), all);
  return all;
}

bool has_same_offsets(const v1::Calendar& a, const v1::Calendar& b) {
  return std::equal(a.offsets().begin(), a.offsets().end(), b.offsets().begin(), b.offsets().end(),
                    [](const auto& one, const auto& other) {
                      return one.utc_time_s() == other.utc_time_s() &&
                             one.offset_s() == other.offset_s();
                    });
}

Result<FigureTerms> figure_terms(const std::string& metric, const std::string& scope,
                                 const std::string& from_day, const std::string& to_day) {
  FigureTerms terms;
  const auto at = std::min(metric.find('@'), metric.size());
  HANSA_TRY(terms.metric, find_metric(metric.substr(0, at)));
  const std::string exact =
      std::string(terms.metric->id) + "@" + std::to_string(terms.metric->version);
  if (metric != exact) {
    return fail(Errc::kUnknownMetric,
                "a figure is published by its definition, and this binary knows `" + exact + "`",
                "/metric");
  }
  const auto found = find_scope(scope);
  if (!found || *found == Scope::kCommunity) {
    return fail(Errc::kBadRequest,
                "scope is one of city, district, street, unit, service, kind; got `" +
                    scope.substr(0, 40) + "`",
                "/scope");
  }
  terms.scope = *found;
  HANSA_TRY(terms.days, parse_days(from_day, to_day));
  return terms;
}

Result<v1::PublishedFigure> publishable(RowsView& view, const FigureTerms& terms) {
  const MetricInfo& metric = *terms.metric;
  v1::PublishedFigure figure;
  figure.set_metric(std::string(metric.id) + "@" + std::to_string(metric.version));
  figure.set_scope(scope_name(terms.scope));
  figure.set_from_day(day_text(terms.days.from));
  figure.set_to_day(day_text(terms.days.to));
  *figure.mutable_total() = cell_of(metric, sum_of_rows(view, Scope::kCity, "", terms.days), "");
  if (terms.scope == Scope::kCity) return figure;
  std::string from = scope_key(terms.scope);
  while (const auto id = next_id(view, terms.scope, from)) {
    from = scope_key(terms.scope, *id);
    from.back() = '\1';
    auto cell = cell_of(metric, sum_of_rows(view, terms.scope, *id, terms.days), *id);
    if (cell.sample() == 0) continue;
    if (figure.cells_size() == kFigureCellsMax) {
      return fail(Errc::kLimitReached,
                  "a figure has at most " + std::to_string(kFigureCellsMax) +
                      " cells; choose a coarser scope or a shorter period",
                  "/scope");
    }
    *figure.add_cells() = std::move(cell);
  }
  return figure;
}

v1::PublishedFigure publishable_air(const AirChange& change) {
  v1::PublishedFigure figure;
  figure.set_metric(std::string(kAirChangeId) + "@" + std::to_string(kAirChangeVersion));
  figure.set_scope(std::string(kAllianceFigureScope));
  figure.set_from_day(std::to_string(change.year) + "-01-01");
  figure.set_to_day(std::to_string(change.year) + "-12-31");
  *figure.add_cells() = air_cell("simple", change.simple);
  *figure.add_cells() = air_cell("weighted", change.weighted);
  *figure.mutable_total() = air_cell("", change.weighted);
  return figure;
}

Result<Recomputation> Recomputation::of(const v1::PublishedFigure& published) {
  FigureTerms terms;
  if (published.scope() != kAllianceFigureScope) {
    HANSA_TRY(terms, figure_terms(published.metric(), published.scope(), published.from_day(),
                                  published.to_day()));
    return Recomputation(published, terms);
  }
  if (published.metric() != std::string(kAirChangeId) + "@" + std::to_string(kAirChangeVersion)) {
    return fail(Errc::kUnknownMetric, "no figure of an alliance is called `" +
                                          published.metric().substr(0, 60) + "`");
  }
  HANSA_TRY(terms.days, parse_days(published.from_day(), published.to_day()));
  return Recomputation(published, terms);
}

Result<void> Recomputation::take(const std::string& ledger, const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    for (const auto& shared : event.entries_shared().events()) {
      if (terms_.metric == nullptr) {
        HANSA_CHECK(as_not_following(take_air(city_of(ledger), shared)));
      } else if (published_.sources().empty() ||
                 shared.seq() <= published_.sources(0).city_seq()) {
        HANSA_CHECK(as_not_following(take_city(shared)));
      }
    }
  }
  return {};
}

void Recomputation::begin_anew() {
  MapRows kept;
  if (const auto* city = rows_.find(kCityTable, "")) kept.put(kCityTable, "") = *city;
  if (const auto* policy = rows_.find(kPolicyTable, kSatisfactionStars)) {
    kept.put(kPolicyTable, kSatisfactionStars) = *policy;
  }
  rows_ = std::move(kept);
}

Result<void> Recomputation::take_city(const v1::SharedEvent& shared) {
  const auto& event = shared.event();
  const EntryContext entry{shared.seq(), shared.time_us(), {}};
  if (shared.time_us() < 0 || shared.time_us() > kTimeUsMax) {
    return fail(Errc::kDoesNotFollow, "an entry has the time " + std::to_string(shared.time_us()));
  }
  if (event.has_calendar_adopted()) {
    const auto& calendar = event.calendar_adopted().calendar();
    HANSA_CHECK(check_calendar(calendar));
    const auto* city = rows_.find(kCityTable, "");
    const bool is_known = city != nullptr && has_same_offsets(city->calendar(), calendar);
    HANSA_CHECK(evolve_event(rows_, event.calendar_adopted(), entry));
    if (!is_known) begin_anew();
    return {};
  }
  if (event.has_policy_adopted() && terms_.metric->measure == Measure::kRating) {
    const auto& adopted = event.policy_adopted();
    if (adopted.policy() != kSatisfactionStars) return {};
    HANSA_CHECK(check_policy_value(adopted.policy(), adopted.value()));
    HANSA_CHECK(evolve_event(rows_, adopted, entry));
    begin_anew();
    return {};
  }
  const auto subject = subject_of(event);
  if (subject.case_id.empty()) return {};
  const bool makes_case = event.has_case_reported() || event.has_case_imported();
  if (!makes_case && rows_.find(kCaseFactsTable, case_key(subject.case_id)) == nullptr) return {};
  HANSA_CHECK(check_values(*subject.content));
  return fold_metrics(rows_, event, entry);
}

Result<void> Recomputation::take_air(const std::string& city, const v1::SharedEvent& shared) {
  const EntryContext entry{shared.seq(), shared.time_us(), {}};
  PrefixedRows own(rows_, city + '\0');
  if (shared.event().has_air_quality_recorded()) {
    const auto& air = shared.event().air_quality_recorded();
    // What no city records is kept by nobody.
    return check_recorded(air) ? evolve_event(own, air, entry) : Result<void>();
  }
  if (!shared.event().has_population_recorded()) return {};
  const auto& population = shared.event().population_recorded();
  return check_recorded(population) ? evolve_event(own, population, entry) : Result<void>();
}

Result<v1::PublishedFigure> Recomputation::air_figure() {
  const auto year = static_cast<uint32_t>(std::stoul(day_text(terms_.days.from).substr(0, 4)));
  std::vector<CityYearAir> airs;
  for (const auto& source : published_.sources()) {
    const std::string city = city_of(source.ledger());
    PrefixedView own(rows_, city + '\0');
    for (const uint32_t y : {year - 1, year}) {
      HANSA_TRY(auto air, city_year_air(own, city, y));
      airs.push_back(std::move(air));
    }
  }
  HANSA_TRY(const auto change, air_change(airs, year));
  return publishable_air(change);
}

Result<v1::PublishedFigure> Recomputation::figure() {
  auto reckoned = terms_.metric == nullptr ? air_figure() : publishable(rows_, terms_);
  if (!reckoned) {
    Error error = std::move(reckoned).error();
    error.code = Errc::kDoesNotFollow;
    return fail(std::move(error));
  }
  v1::PublishedFigure figure = published_;
  *figure.mutable_total() = reckoned->total();
  figure.clear_cells();
  if (!published_.is_suppressed()) *figure.mutable_cells() = reckoned->cells();
  return figure;
}

std::string first_difference(const v1::PublishedFigure& published,
                             const v1::PublishedFigure& reckoned) {
  const auto differs = [](const v1::FigureCell& said, const v1::FigureCell& found) {
    return cell_name(said) + " is published as " + cell_text(said) +
           "; what is shared gives " + cell_text(found);
  };
  if (!equal(published.total(), reckoned.total())) {
    return differs(published.total(), reckoned.total());
  }
  const int cells = std::max(published.cells_size(), reckoned.cells_size());
  for (int i = 0; i < cells; ++i) {
    if (i >= reckoned.cells_size() ||
        (i < published.cells_size() && published.cells(i).id() < reckoned.cells(i).id())) {
      return cell_name(published.cells(i)) + " is published as " + cell_text(published.cells(i)) +
             "; what is shared has nothing that counts there";
    }
    if (i >= published.cells_size() || reckoned.cells(i).id() < published.cells(i).id()) {
      return cell_name(reckoned.cells(i)) + " is not published; what is shared gives " +
             cell_text(reckoned.cells(i));
    }
    if (!equal(published.cells(i), reckoned.cells(i))) {
      return differs(published.cells(i), reckoned.cells(i));
    }
  }
  return "";
}

}  // namespace hansa
