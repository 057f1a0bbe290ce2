#include "core/alliance/member_air.h"
#include "core/metrics/metric.h"
#include "projections/reads.h"
#include "projections/snapshot_rows.h"

namespace hansa::projections {
namespace {

constexpr int kPercentDecimals = 4;

void show(v1::AirFigure& shown, const AirFigure& figure) {
  if (figure.before) *shown.mutable_before() = to_exact(*figure.before);
  if (figure.after) *shown.mutable_after() = to_exact(*figure.after);
  if (figure.change) {
    *shown.mutable_change() = to_exact(*figure.change);
    shown.set_percent(rounded_text(*figure.change * 100, kPercentDecimals));
  }
  for (const auto& city : figure.counted) shown.add_counted(city);
  for (const auto& city : figure.left_out) {
    auto& row = *shown.add_left_out();
    row.set_city(city.city);
    row.set_reason(std::string(air_gap_name(city.gap)));
    row.set_year(city.year);
    row.set_days(city.days);
  }
}

}  // namespace

Result<v1::AirChangeAnswer> answer(const v1::GetAirChange& request, const ReadContext& context) {
  return air_change_answer(context.snapshot, request.year());
}

Result<v1::AirChangeAnswer> air_change_answer(const Snapshot& snapshot, uint32_t year) {
  SnapshotRows rows(snapshot);
  HANSA_TRY(const AirChange change, member_air_change(rows, year));
  HANSA_CHECK(rows.outcome());
  v1::AirChangeAnswer answer;
  answer.set_year(change.year);
  answer.set_version(kAirChangeVersion);
  show(*answer.mutable_simple(), change.simple);
  show(*answer.mutable_weighted(), change.weighted);
  return answer;
}

}  // namespace hansa::projections
