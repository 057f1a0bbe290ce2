// Facts: what one case counts for in the figures, folded from the PUBLIC fields of its events.
//
// Shape:   evolve_facts(facts, event, context), one per event that any figure looks at, changes the
//          row CaseFacts. It asks nothing of the row Case: whoever holds these events reckons the
//          same figures. Days are fixed when the event is folded.
// Units:   times in microseconds since 1970 UTC, days local since 1970-01-01.
// Errors:  none; a first event makes the facts, later ones find them (metrics_fold.h).
// Threads: pure.
// Source:  DESIGN §7, SPEC §3.
#pragma once

#include "core/base/calendar.h"
#include "core/base/rows.h"
#include "core/city/context.h"
#include "hansa/v1/entry.pb.h"

namespace hansa {

struct FactsContext {
  int64_t time_us = 0;  // of the entry
  WorkingCalendar calendar;
  RowsView& view;  // the city's policies

  int32_t day(int64_t at_us) const { return calendar.local_day(at_us); }
  int32_t today() const { return day(time_us); }
};

using Facts = v1::CaseFacts;

void evolve_facts(Facts& facts, const v1::CaseReported& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseImported& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseVerified& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseRefuted& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseFiled& event, const FactsContext& context);
// Of the original case: its problem came back.
void evolve_facts(Facts& facts, const v1::ProblemRebounded& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseAssigned& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::AssignmentDisputed& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::LeadDetermined& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseTransferred& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseClosed& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CitizenRated& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseReopened& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseWithdrawn& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseReferredOut& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CaseMerged& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::CasePostponed& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::DeadlineExtended& event, const FactsContext& context);
void evolve_facts(Facts& facts, const v1::FirstResponseRecorded& event,
                  const FactsContext& context);

}  // namespace hansa
