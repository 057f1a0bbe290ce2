#include "core/metrics/recount.h"

#include "core/base/policy.h"
#include "core/city/city_fold.h"
#include "core/metrics/metrics_fold.h"

namespace hansa {
namespace {

constexpr std::string_view kOutside = "outside the range of days";
constexpr std::string_view kDeferred = "deferred: its deadline moved out of the range of days";

std::vector<Judgement> judge_all(Measure measure, const Facts& facts) {
  std::vector<Judgement> all;
  for (int item = 0; item < items_of(measure, facts); ++item) {
    all.push_back(judge(measure, facts, item));
  }
  return all;
}

bool same(const std::vector<Judgement>& left, const std::vector<Judgement>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Judgement& a, const Judgement& b) {
                      return a.counted == b.counted && a.reason == b.reason;
                    });
}

}  // namespace

MetricSubject subject_of(const v1::Event& event) {
  const auto* reflection = event.GetReflection();
  const auto* chosen =
      reflection->GetOneofFieldDescriptor(event, v1::Event::descriptor()->oneof_decl(0));
  if (chosen == nullptr) return {};
  const auto* type = chosen->message_type();
  const auto& content = reflection->GetMessage(event, chosen);
  const auto* field = type->FindFieldByName(event.has_problem_rebounded() ? "original_case"
                                                                          : "case");
  if (field == nullptr) return {type->name(), "", &content};
  return {type->name(), content.GetReflection()->GetString(content, field), &content};
}

Recount::Recount(const MetricInfo& metric, FigureQuery query)
    : metric_(metric), query_(std::move(query)) {}

Result<void> Recount::take(const v1::Payload& payload, Seq seq) {
  EntryContext entry;
  entry.seq = seq;
  entry.time_us = payload.time_us();
  for (const auto& event : payload.events()) {
    const MetricSubject subject = subject_of(event);
    if (subject.case_id.empty()) HANSA_CHECK(evolve(rows_, event, entry));
    HANSA_CHECK(fold_metrics(rows_, event, entry));
    if (!subject.case_id.empty()) note(subject.case_id, subject.event, seq);
  }
  return {};
}

void Recount::note(const std::string& case_id, const std::string& event, Seq seq) {
  const std::string key = case_key(case_id);
  const auto* facts = rows_.find(kCaseFactsTable, key);
  if (facts == nullptr) return;
  auto judgements = judge_all(metric_.measure, *facts);
  Seen& seen = seen_[key];
  if (seen.seq != 0 && same(seen.judgements, judgements)) return;
  seen = {std::move(judgements), seq, event};
}

bool Recount::in_scope(const Facts& facts) const {
  switch (query_.scope) {
    case Scope::kUnit: return facts.unit() == query_.id;
    case Scope::kService: return facts.service() == query_.id;
    case Scope::kDistrict: return facts.district() == query_.id;
    case Scope::kStreet: return facts.district() + "/" + facts.street() == query_.id;
    case Scope::kKind: return v1::Kind::Value_Name(facts.kind()) == query_.id;
    default: return true;
  }
}

std::string_view Recount::why_outside(const Facts& facts) const {
  if (metric_.measure != Measure::kDeadline) return kOutside;
  const auto moved = judge(Measure::kMovedDeadline, facts, 0);
  return moved.counted && query_.days.holds(moved.counted->day) ? kDeferred : kOutside;
}

v1::Figure Recount::figure() {
  RangeSum sum(query_.days);
  rows_.scan(kDayTallyTable.id, day_key(query_.scope, query_.id, query_.days.from),
             day_key(query_.scope, query_.id, query_.days.to) + '\0',
             [&](std::string_view, const google::protobuf::Message& row) {
               sum.add(static_cast<const v1::DayTally&>(row));
               return true;
             });
  return make_figure(metric_, sum, query_, policy_value(rows_, kRankingSample));
}

std::vector<Outcome> Recount::outcomes() {
  std::vector<Outcome> all;
  rows_.scan(kCaseFactsTable.id, "", "\xff",
             [&](std::string_view key, const google::protobuf::Message& row) {
               const auto& facts = static_cast<const Facts&>(row);
               if (!in_scope(facts)) return true;
               const Seen& seen = seen_.at(std::string(key));
               for (const auto& judgement : seen.judgements) {
                 Outcome outcome{case_id_of(key), false, false, 0, judgement.reason, seen.seq,
                                 seen.event};
                 if (judgement.counted) {
                   outcome.day = judgement.counted->day;
                   outcome.met = is_above(metric_, *judgement.counted);
                   outcome.counted = query_.days.holds(outcome.day);
                   if (!outcome.counted) outcome.reason = why_outside(facts);
                 }
                 all.push_back(std::move(outcome));
               }
               return true;
             });
  return all;
}

}  // namespace hansa
