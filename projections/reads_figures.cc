#include <algorithm>

#include "core/base/day.h"
#include "core/base/policy.h"
#include "core/metrics/metric.h"
#include "projections/paging.h"
#include "projections/reads.h"
#include "projections/snapshot_rows.h"

namespace hansa::projections {
namespace {

Result<Scope> scope_of(const std::string& name) {
  if (name.empty()) return Scope::kCity;
  const auto scope = find_scope(name);
  if (scope && *scope != Scope::kCommunity) return *scope;
  return fail(Errc::kBadRequest,
              "scope is one of city, district, street, unit, service, kind; got `" +
                  name.substr(0, 40) + "`",
              "/scope");
}

template <typename Request>
Result<FigureQuery> query_of(const Request& request) {
  FigureQuery query;
  HANSA_TRY(query.scope, scope_of(request.scope()));
  query.id = request.id();
  if (query.scope == Scope::kCity && !query.id.empty()) {
    return fail(Errc::kBadRequest, "the city's own figures have no id; leave it out", "/id");
  }
  if (!request.from().empty()) {
    HANSA_TRY(query.days.from, parse_day(request.from(), "from"));
  }
  if (!request.to().empty()) {
    HANSA_TRY(query.days.to, parse_day(request.to(), "to"));
  }
  if (query.days.from > query.days.to) {
    return fail(Errc::kBadRequest, "the range ends before it begins; exchange from and to", "/to");
  }
  return query;
}

Error no_such(Errc code, const std::string& what, const std::string& id) {
  return {code, "the city has no " + what + " `" + id.substr(0, 80) + "`", "/id"};
}

// An id that nothing was ever defined under is a mistake; one without cases has empty figures.
Result<void> check_id(const FigureQuery& query, const ReadContext& context) {
  const auto exists = [&](TableId table) -> Result<bool> {
    HANSA_TRY(const auto row, context.snapshot.get(stored_key(table, query.id)));
    return row.has_value();
  };
  const auto check = [&](TableId table, Errc code) -> Result<void> {
    HANSA_TRY(const bool known, exists(table));
    if (!known) return fail(no_such(code, scope_name(query.scope), query.id));
    return {};
  };
  switch (query.scope) {
    case Scope::kUnit: return check(TableId::kUnit, Errc::kUnknownUnit);
    case Scope::kService: return check(TableId::kService, Errc::kUnknownService);
    case Scope::kDistrict: return check(TableId::kDistrict, Errc::kUnknownPlace);
    case Scope::kStreet: {
      const std::string cells = stored_key(TableId::kGridCell, query.id + "/");
      bool known = false;
      HANSA_CHECK(context.snapshot.scan(cells, behind_prefix(cells),
                                        [&](std::string_view, std::string_view) {
                                          known = true;
                                          return false;
                                        }));
      if (known && std::count(query.id.begin(), query.id.end(), '/') == 1) return {};
      return fail(no_such(Errc::kUnknownPlace, "street (district/street)", query.id));
    }
    case Scope::kKind: {
      v1::Kind::Value kind = v1::Kind::unspecified;
      if (v1::Kind::Value_Parse(query.id, &kind) && kind != v1::Kind::unspecified) return {};
      return fail(Errc::kBadRequest, "a kind is problem, complaint or request", "/id");
    }
    default: return {};
  }
}

Result<RangeSum> sum_of(const FigureQuery& query, const ReadContext& context) {
  RangeSum sum(query.days);
  Result<void> outcome;
  const auto key = [&](int32_t day) {
    return stored_key(kDayTallyTable.id, day_key(query.scope, query.id, day));
  };
  HANSA_CHECK(context.snapshot.scan(
      key(query.days.from), key(query.days.to) + '\0',
      [&](std::string_view, std::string_view value) {
        v1::DayTally row;
        if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          outcome = fail(Errc::kBadFile,
                         "a stored row cannot be read; rebuild it with `hansa projection rebuild`");
          return false;
        }
        sum.add(row);
        return true;
      }));
  HANSA_CHECK(outcome);
  return sum;
}

// The first id of the scope whose key is not before `from`; empty optional at the end.
Result<std::optional<std::string>> next_id(Scope scope, const std::string& from,
                                           const ReadContext& context) {
  const std::string begin = stored_key(kDayTallyTable.id, scope_key(scope));
  std::optional<std::string> id;
  HANSA_CHECK(context.snapshot.scan(from, behind_prefix(begin),
                                    [&](std::string_view key, std::string_view) {
                                      const auto rest = key.substr(begin.size());
                                      id = std::string(rest.substr(0, rest.find('\0')));
                                      return false;
                                    }));
  return id;
}

Ratio ranking_sample(const ReadContext& context) {
  SnapshotRows policies(context.snapshot);
  return policy_value(policies, kRankingSample);
}

// Of one metric, or of all.
Result<void> add_figures(v1::FiguresAnswer& answer, const std::string& metric,
                         const FigureQuery& query, const ReadContext& context) {
  HANSA_TRY(const RangeSum sum, sum_of(query, context));
  const Ratio sample = ranking_sample(context);
  for (const auto& info : metrics()) {
    if (metric.empty() || metric == info.id) {
      *answer.add_figures() = make_figure(info, sum, query, sample);
    }
  }
  return {};
}

}  // namespace

Result<v1::MetricsAnswer> answer(const v1::ListMetrics&, const ReadContext& context) {
  v1::MetricsAnswer answer;
  SnapshotRows policies(context.snapshot);
  for (const auto& info : metrics()) {
    auto& metric = *answer.add_metrics();
    metric.set_metric(std::string(info.id));
    metric.set_version(info.version);
    metric.set_title(std::string(info.title));
    metric.set_unit(std::string(info.unit));
    metric.set_formula(std::string(info.formula));
    metric.set_counts(std::string(info.counts));
    std::string_view rest = info.inputs;
    while (!rest.empty()) {
      const auto input = rest.substr(0, rest.find(' '));
      metric.add_inputs(std::string(input));
      rest.remove_prefix(std::min(input.size() + 1, rest.size()));
    }
    if (info.target_policy.empty()) continue;
    metric.set_target_policy(std::string(info.target_policy));
    *metric.mutable_target() = to_exact(policy_value(policies, info.target_policy));
  }
  return answer;
}

Result<v1::FigureAnswer> answer(const v1::GetFigure& request, const ReadContext& context) {
  HANSA_TRY(const auto* metric, find_metric(request.metric()));
  HANSA_TRY(const FigureQuery query, query_of(request));
  if (query.scope != Scope::kCity && query.id.empty()) {
    return fail(Errc::kBadRequest, "id is missing: which " + scope_name(query.scope) + "?", "/id");
  }
  HANSA_CHECK(check_id(query, context));
  HANSA_TRY(const RangeSum sum, sum_of(query, context));
  v1::FigureAnswer answer;
  *answer.mutable_figure() = make_figure(*metric, sum, query, ranking_sample(context));
  return answer;
}

Result<v1::FiguresAnswer> answer(const v1::ListFigures& request, const ReadContext& context) {
  if (!request.metric().empty()) HANSA_CHECK(find_metric(request.metric()));
  HANSA_TRY(FigureQuery query, query_of(request));
  v1::FiguresAnswer answer;
  if (query.scope == Scope::kCity || !query.id.empty()) {
    HANSA_CHECK(check_id(query, context));
    HANSA_CHECK(add_figures(answer, request.metric(), query, context));
    return answer;
  }
  const std::string prefix = stored_key(kDayTallyTable.id, scope_key(query.scope));
  HANSA_TRY(const Page page, open_page(prefix, request.page_size(), request.page_token()));
  std::string from = page.after.empty() ? prefix : behind_prefix(page.after);
  for (size_t ids = 0; ids < page.size; ++ids) {
    HANSA_TRY(const auto id, next_id(query.scope, from, context));
    if (!id) break;
    query.id = *id;
    const std::string stored = stored_key(kDayTallyTable.id, scope_key(query.scope, *id));
    from = behind_prefix(stored);
    HANSA_CHECK(add_figures(answer, request.metric(), query, context));
    answer.set_next_page_token(page_token(page, stored));
  }
  HANSA_TRY(const auto more, next_id(query.scope, from, context));
  if (!more) answer.clear_next_page_token();
  return answer;
}

}  // namespace hansa::projections
