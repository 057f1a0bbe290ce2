#include "core/metrics/facts.h"

#include "core/base/policy.h"

namespace hansa {

using State = v1::State;

namespace {

void enter_place(Facts& facts, const v1::Place& place) {
  facts.set_district(place.district());
  facts.set_street(place.street());
}

void enter_deadline(Facts& facts, int64_t deadline_us, const FactsContext& context) {
  facts.set_deadline_time_us(deadline_us);
  facts.set_deadline_day(deadline_us == 0 ? 0 : context.day(deadline_us));
}

void enter_first_deadline(Facts& facts, int64_t deadline_us, const FactsContext& context) {
  enter_deadline(facts, deadline_us, context);
  facts.set_first_deadline_day(facts.deadline_day());
}

void close(Facts& facts, int64_t closed_us, const FactsContext& context) {
  facts.set_end(State::closed);
  facts.set_closed_time_us(closed_us);
  facts.set_closed_day(context.day(closed_us));
}

}  // namespace

void evolve_facts(Facts& facts, const v1::CaseReported& event, const FactsContext& context) {
  facts.set_kind(event.kind());
  facts.set_source(event.source());
  facts.set_service(event.service());
  enter_place(facts, event.place());
  facts.set_reported_time_us(context.time_us);
  facts.set_reported_day(context.today());
  facts.set_observed_time_us(event.observed_time_us());
  if (event.first_response_due_time_us() == 0) return;
  facts.set_first_response_due_time_us(event.first_response_due_time_us());
  facts.set_first_response_due_day(context.day(event.first_response_due_time_us()));
}

void evolve_facts(Facts& facts, const v1::CaseImported& event, const FactsContext& context) {
  facts.set_imported(true);
  facts.set_kind(event.kind());
  facts.set_source(event.source());
  facts.set_service(event.service());
  facts.set_unit(event.unit());
  enter_place(facts, event.place());
  facts.set_reported_time_us(event.reported_time_us());
  facts.set_reported_day(context.day(event.reported_time_us()));
  enter_first_deadline(facts, event.due_time_us(), context);
  facts.set_merged(!event.merged_into().empty());
  switch (event.state()) {
    case State::closed: return close(facts, event.closed_time_us(), context);
    case State::refuted:
    case State::withdrawn:
    case State::referred_out: return facts.set_end(event.state());
    default: return;
  }
}

void evolve_facts(Facts& facts, const v1::CaseVerified&, const FactsContext&) {
  facts.set_verified(true);
}

void evolve_facts(Facts& facts, const v1::CaseRefuted&, const FactsContext&) {
  facts.set_end(State::refuted);
}

void evolve_facts(Facts& facts, const v1::CaseFiled& event, const FactsContext& context) {
  enter_first_deadline(facts, event.deadline_time_us(), context);
}

void evolve_facts(Facts& facts, const v1::ProblemRebounded&, const FactsContext&) {
  facts.set_rebounded(true);
}

void evolve_facts(Facts& facts, const v1::CaseAssigned& event, const FactsContext&) {
  facts.set_unit(event.lead_unit());
}

void evolve_facts(Facts& facts, const v1::AssignmentDisputed&, const FactsContext& context) {
  facts.add_disputes()->set_day(context.today());
}

void evolve_facts(Facts& facts, const v1::LeadDetermined& event, const FactsContext&) {
  facts.set_unit(event.lead_unit());
  if (facts.disputes().empty()) return;
  facts.mutable_disputes(facts.disputes_size() - 1)->set_settled(true);
}

void evolve_facts(Facts& facts, const v1::CaseTransferred& event, const FactsContext&) {
  facts.set_unit(event.to_unit());
}

void evolve_facts(Facts& facts, const v1::CaseClosed&, const FactsContext& context) {
  close(facts, context.time_us, context);
}

void evolve_facts(Facts& facts, const v1::CitizenRated& event, const FactsContext& context) {
  auto& rating = *facts.add_ratings();
  rating.set_day(context.today());
  rating.set_satisfied(Ratio(event.stars()) >= policy_value(context.view, kSatisfactionStars));
}

void evolve_facts(Facts& facts, const v1::CaseReopened& event, const FactsContext& context) {
  facts.set_end(State::unspecified);
  facts.set_closed_time_us(0);
  facts.set_closed_day(0);
  if (event.with_parent().empty()) enter_first_deadline(facts, event.deadline_time_us(), context);
}

void evolve_facts(Facts& facts, const v1::CaseWithdrawn&, const FactsContext&) {
  facts.set_end(State::withdrawn);
}

void evolve_facts(Facts& facts, const v1::CaseReferredOut&, const FactsContext&) {
  facts.set_end(State::referred_out);
}

void evolve_facts(Facts& facts, const v1::CaseMerged&, const FactsContext&) {
  facts.set_merged(true);
}

void evolve_facts(Facts& facts, const v1::CasePostponed& event, const FactsContext& context) {
  enter_deadline(facts, event.deadline_time_us(), context);
}

void evolve_facts(Facts& facts, const v1::DeadlineExtended& event, const FactsContext& context) {
  enter_deadline(facts, event.deadline_time_us(), context);
}

void evolve_facts(Facts& facts, const v1::FirstResponseRecorded&, const FactsContext& context) {
  facts.set_first_response_time_us(context.time_us);
}

}  // namespace hansa
