// Published: what a published figure is made of, and the same reckoned by whoever holds that.
//
// Shape:   figure_inputs() names the fields of events that a figure of a scope follows from: with
//          no other field of no other event it is the same. publishable() is the figure as the rows
//          of a ledger have it, a cell for every id of the scope in which something counts.
//          Recomputation reckons a published figure anew from what its sources share: take() for
//          every entry of each source in order, from the first on, up to the size it names; of a
//          city's figure what the city recorded behind `city_seq` is passed over by itself.
//            HANSA_TRY(Recomputation again, Recomputation::of(published));
//            for (const auto& payload : share_entries) HANSA_CHECK(again.take(ledger, payload));
//            HANSA_TRY(const v1::PublishedFigure reckoned, again.figure());
//            const std::string difference = first_difference(published, reckoned);
//          figure() has the total and the cells reckoned, the rest as published; of a suppressed
//          one no cells. first_difference() is a sentence, empty where total and cells are equal:
//          values exactly, sample and met.
//          Events on cases whose making is not shared are passed over. With a calendar the count
//          begins anew, and so it does for ratings with the stars that satisfy: days and ratings
//          before it followed from what may not be shared. So a city claims no proof of a figure
//          in which one of these cases counts (core/city/figures.h).
//          Of `air_change@1` it is the figure of core/metrics/air_change.h over the cities whose
//          share ledgers are its sources: cells `simple` and `weighted`, the latter as total.
// Errors:  kUnknownMetric, kBadRequest for a figure that no one could publish; kDoesNotFollow for
//          entries that contradict each other or hold what no city records: then nothing follows.
// Threads: one at a time.
// Limits:  facts and tallies of one city in memory, about 1 KiB a case.
// Source:  DESIGN §7, §8 "Figures".
#pragma once

#include <string>
#include <vector>

#include "core/base/rows.h"
#include "core/metrics/air_change.h"
#include "core/metrics/metric.h"
#include "hansa/v1/entry.pb.h"

namespace hansa {

inline constexpr int kFigureCellsMax = 400;
inline constexpr int kFigureDaysMax = 366;
inline constexpr std::string_view kAirChangeId = "air_change";
inline constexpr std::string_view kAllianceFigureScope = "alliance";

// `Event.field`, `Event.inner.leaf`, each once.
std::vector<std::string> figure_inputs(const MetricInfo& metric, Scope scope);

// Parsed and held to what can be published at all.
struct FigureTerms {
  const MetricInfo* metric = nullptr;  // nullptr: air_change
  Scope scope = Scope::kCity;
  DayRange days;
};
// Of a city's figure; kUnknownMetric for another definition, kBadRequest for scope and period.
Result<FigureTerms> figure_terms(const std::string& metric, const std::string& scope,
                                 const std::string& from_day, const std::string& to_day);

// Metric, scope, period, total and cells; kLimitReached for more than kFigureCellsMax ids.
Result<v1::PublishedFigure> publishable(RowsView& view, const FigureTerms& terms);

v1::PublishedFigure publishable_air(const AirChange& change);

// The same local days.
bool has_same_offsets(const v1::Calendar& a, const v1::Calendar& b);

class Recomputation {
 public:
  static Result<Recomputation> of(const v1::PublishedFigure& published);

  // `ledger`: the source whose entry it is, `share/delta/wuxi`.
  Result<void> take(const std::string& ledger, const v1::Payload& payload);
  Result<v1::PublishedFigure> figure();

 private:
  Recomputation(v1::PublishedFigure published, FigureTerms terms)
      : published_(std::move(published)), terms_(terms) {}
  Result<void> take_city(const v1::SharedEvent& shared);
  Result<void> take_air(const std::string& city, const v1::SharedEvent& shared);
  void begin_anew();
  Result<v1::PublishedFigure> air_figure();

  v1::PublishedFigure published_;
  FigureTerms terms_;
  MapRows rows_;
};

std::string first_difference(const v1::PublishedFigure& published,
                             const v1::PublishedFigure& reckoned);

}  // namespace hansa
