#include "core/metrics/metric.h"

#include <array>

#include "core/base/assert.h"
#include "core/base/day.h"

namespace hansa {
namespace {

constexpr int kDisplayDecimals = 4;
constexpr uint64_t kSourceClasses = 12;
constexpr std::string_view kOnTimeRate = "on_time_rate";

constexpr std::array kMetrics = {
    MetricInfo{"discovery_time", 1, "Time from seeing a problem to reporting it", "seconds",
               "sum(reported - observed) / reports",
               "Reports that say when the problem was seen, on the day of the report; not refuted, "
               "merged or imported ones.",
               Measure::kDiscovery,
               "CaseReported.observed_time_us CaseRefuted.case CaseMerged.case",
               "discovery_time_digital_days"},
    MetricInfo{"handling_time", 1, "Time from report to closure", "seconds",
               "sum(closed - reported) / cases closed",
               "Closed cases, on the day of their closure; a reopened case when it is closed "
               "again, a merged case with its parent.",
               Measure::kHandling,
               "CaseReported.case CaseClosed.case CaseReopened.case CaseMerged.case "
               "CaseImported.state CaseImported.reported_time_us CaseImported.closed_time_us",
               "handling_time_target_days"},
    MetricInfo{kOnTimeRate, 1, "Cases closed by their deadline", "ratio",
               "closed by the deadline / (due - deferred)",
               "Filed cases whose deadline lies in the range. Deferred: the deadline that filing "
               "or reopening set lies in the range, the one that stands does not. Withdrawn, "
               "referred out, refuted and merged cases are in neither, imported ones only with a "
               "due time.",
               Measure::kDeadline,
               "CaseFiled.deadline_time_us DeadlineExtended.deadline_time_us "
               "CasePostponed.deadline_time_us CaseReopened.deadline_time_us "
               "CaseReopened.with_parent CaseClosed.case CaseWithdrawn.case CaseReferredOut.case "
               "CaseRefuted.case CaseMerged.case "
               "CaseImported.state CaseImported.due_time_us CaseImported.closed_time_us",
               ""},
    MetricInfo{"closing_rate", 1, "Cases closed, of those that are due", "ratio",
               "closed / (due - deferred)",
               "As on_time_rate; closed in time or late.", Measure::kDeadline,
               "CaseFiled.deadline_time_us DeadlineExtended.deadline_time_us "
               "CasePostponed.deadline_time_us CaseReopened.deadline_time_us "
               "CaseReopened.with_parent CaseClosed.case CaseWithdrawn.case CaseReferredOut.case "
               "CaseRefuted.case CaseMerged.case "
               "CaseImported.state CaseImported.due_time_us",
               ""},
    MetricInfo{"verification_rate", 1, "Reports that were verified", "ratio",
               "verified / reported",
               "Reports, on the day of the report; not imported ones, nor those withdrawn, "
               "referred out or merged before they were verified.",
               Measure::kVerification,
               "CaseReported.case CaseVerified.case CaseRefuted.case CaseWithdrawn.case "
               "CaseReferredOut.case CaseMerged.case",
               "verification_rate_target_percent"},
    MetricInfo{"satisfaction", 1, "Ratings of enough stars", "ratio", "satisfied / rated",
               "Every rating, on its day, also of a case reopened later; satisfied from the stars "
               "that were policy that day.",
               Measure::kRating, "CitizenRated.stars PolicyAdopted.policy PolicyAdopted.value",
               "satisfaction_target_percent"},
    MetricInfo{"first_response_rate", 1, "First responses in time", "ratio",
               "responded by the due time / responses due",
               "Reports, on the day their first response is due; a case closed before counts as "
               "responded to. Not those withdrawn, referred out, refuted or merged without one, "
               "nor imported ones.",
               Measure::kFirstResponse,
               "CaseReported.first_response_due_time_us FirstResponseRecorded.case CaseClosed.case "
               "CaseReopened.case CaseWithdrawn.case CaseReferredOut.case CaseRefuted.case "
               "CaseMerged.case",
               ""},
    MetricInfo{"rebound_rate", 1, "Closed cases whose problem came back", "ratio",
               "rebounded / closed",
               "Closed cases, on the day of their closure; rebounded when a later case of the same "
               "service and community within the window was filed. Not imported or merged ones.",
               Measure::kRebound,
               "CaseClosed.case CaseReopened.case ProblemRebounded.original_case CaseMerged.case",
               "rebound_rate_target_percent"},
    MetricInfo{"overlap_resolution", 1, "Disputes about who leads that were settled", "ratio",
               "disputes settled / disputes raised",
               "Disputes, on the day they were raised.", Measure::kDispute,
               "AssignmentDisputed.case LeadDetermined.case",
               "overlap_resolution_target_percent"},
    MetricInfo{"source_coverage", 1, "Classes of sources that reported", "ratio",
               "source classes with a case / 12",
               "All cases that state their source, on the day of the report.", Measure::kSource,
               "CaseReported.source CaseImported.source", "source_classes_times"},
};

struct Parts {
  uint64_t met;
  uint64_t sample;
};

Parts parts_of(Measure measure, const RangeSum& sum) {
  switch (measure) {
    case Measure::kVerification: return {sum.verified, sum.reported};
    case Measure::kRating: return {sum.satisfied, sum.rated};
    case Measure::kFirstResponse: return {sum.responses_in_time, sum.responses_due};
    case Measure::kRebound: return {sum.rebounded, sum.closed};
    case Measure::kDispute: return {sum.disputes_settled, sum.disputes_raised};
    default: break;
  }
  HANSA_ASSERT(false, "the other measures are reckoned by themselves");
}

void reckon_rate(v1::Figure& figure, const Parts& parts) {
  figure.set_sample(parts.sample);
  figure.set_met(parts.met);
  if (parts.sample == 0) return;
  *figure.mutable_value() = to_exact(Ratio(parts.met, parts.sample));
}

void reckon_spans(v1::Figure& figure, const SpanSum& spans) {
  figure.set_sample(spans.cases);
  if (spans.cases == 0) return;
  *figure.mutable_value() = to_exact(spans.total_s() / spans.cases);
  if (const auto bound = bucket_bound_s(spans.quantile_bucket(1, 2))) {
    figure.set_median_bucketed_s(static_cast<uint64_t>(*bound));
  }
  if (const auto bound = bucket_bound_s(spans.quantile_bucket(9, 10))) {
    figure.set_p90_bucketed_s(static_cast<uint64_t>(*bound));
  }
}

// Coverage has its sample in the cases, and twelve below the line whatever they are.
void reckon_coverage(v1::Figure& figure, const RangeSum& sum) {
  for (const uint64_t cases : sum.by_source) figure.set_sample(figure.sample() + cases);
  figure.set_met(sum.source_classes());
  *figure.mutable_value() = to_exact(Ratio(sum.source_classes(), kSourceClasses));
}

}  // namespace

std::span<const MetricInfo> metrics() { return kMetrics; }

Result<const MetricInfo*> find_metric(std::string_view id) {
  std::string known;
  for (const auto& metric : kMetrics) {
    if (metric.id == id) return &metric;
    known += (known.empty() ? "" : ", ") + std::string(metric.id);
  }
  return fail(Errc::kUnknownMetric,
              "no figure is called `" + std::string(id.substr(0, 60)) + "`; there are " + known,
              "/metric");
}

bool is_above(const MetricInfo& metric, const Counted& counted) {
  if (metric.measure == Measure::kDeadline) {
    return metric.id == kOnTimeRate ? counted.met : counted.closed;
  }
  return counted.met;
}

v1::Figure reckon(const MetricInfo& metric, const RangeSum& sum, const Ratio& ranking_sample) {
  v1::Figure figure;
  figure.set_metric(std::string(metric.id));
  figure.set_version(metric.version);
  figure.set_unit(std::string(metric.unit));
  switch (metric.measure) {
    case Measure::kDiscovery: reckon_spans(figure, sum.discovery); break;
    case Measure::kHandling: reckon_spans(figure, sum.handling); break;
    case Measure::kSource: reckon_coverage(figure, sum); break;
    case Measure::kDeadline:
      reckon_rate(figure,
                  {metric.id == kOnTimeRate ? sum.due_closed_on_time : sum.due_closed, sum.due});
      figure.set_due(sum.due + sum.deferred);
      figure.set_deferred(sum.deferred);
      break;
    default: reckon_rate(figure, parts_of(metric.measure, sum)); break;
  }
  figure.set_rankable(Ratio(figure.sample()) >= ranking_sample);
  return figure;
}

v1::Figure make_figure(const MetricInfo& metric, const RangeSum& sum, const FigureQuery& query,
                       const Ratio& ranking_sample) {
  v1::Figure figure = reckon(metric, sum, ranking_sample);
  figure.set_scope(scope_name(query.scope));
  figure.set_id(query.id);
  if (query.days.from > DayRange().from) figure.set_from(day_text(query.days.from));
  if (query.days.to < DayRange().to) figure.set_to(day_text(query.days.to));
  return figure;
}

v1::ExactValue to_exact(const Ratio& ratio) {
  const v1::Fraction fraction = to_fraction(ratio);
  v1::ExactValue exact;
  exact.set_num(fraction.numerator());
  exact.set_den(fraction.denominator());
  exact.set_value(rounded_text(ratio, kDisplayDecimals));
  return exact;
}

}  // namespace hansa
