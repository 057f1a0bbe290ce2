// Handover: a case of one city becomes another's, and is in exactly one of them at every entry.
//
// Shape:   state: the row Handover (key: handover_key()) in the ledgers of both cities, and of the
//          case that is offered `offered_to`, of the one that was taken over `handover`.
//          The city that has the case offers it: from that entry on nothing is done on the case but
//          speaking to its reporter. It is the other city's from the entry OfferTaken in that
//          city's ledger; once that ledger has said OfferDeclined (by decision, by the clock
//          offer_expiry, or by leaving the alliance) it never can be. The offering city hears of
//          either by the alliance (core/alliance/handover.h): the case is referred out to the city
//          that took it, or goes on where it stood. Until then it rests: nobody takes a case back
//          on what he has not heard.
//          The case that was taken is a new one of source neighbouring_city; what becomes of it is
//          told to the offering city, which alone knows the reporter.
//          evolve_handover() folds the rows Handover, also in a share ledger, which has no cases;
//          before it, evolve_offered_case() does what concerns cases and clocks, in a city's ledger
//          alone.
// Errors:  kUnknownHandover for one the city has not heard of, or that is offered to another;
//          kUnknownAlliance; kWrongState; kTimesBackwards and kLimitReached for its end.
// Threads: pure.
// Limits:  an offer ends kOfferDaysMax days from now at the latest.
// Source:  DESIGN §8; the table is core/alliance/README.md.
#pragma once

#include "core/city/affiliation.h"
#include "core/city/case.h"

namespace hansa {

inline constexpr int kOfferDaysMax = 31;

// In an alliance's own ledger `alliance` is empty.
std::string handover_key(std::string_view alliance, std::string_view from_city,
                         std::string_view handover);

// The row of an offer that the alliance passed on, there and where it is heard; of two cities.
v1::Handover& put_offered(Rows& rows, const std::string& key, const v1::HandoverOffered& event,
                          const EntryContext& entry);

Result<Decision> decide_case(const CaseScope& scope, const v1::OfferCase& command);
Result<Decision> decide_city(const CityScope& scope, const v1::TakeOffer& command);
Result<Decision> decide_city(const CityScope& scope, const v1::DeclineOffer& command);
// No events when the offer is answered already.
Result<Decision> decide_offer_expiry(RowsView& view, const v1::TimerDue& command);

// What follows from hearing it for this city, if it offered the case: that is referred out.
void refer_out_taken(RowsView& view, const v1::TakeHeard& command, const v1::HandoverTaken& taken,
                     Decision& decision);
// Adds to what happens to a case that was taken over the word that says so.
void tell_of_taken(RowsView& view, Decision& decision);

// nullopt for an event that is, or also is, another's to fold.
std::optional<Result<void>> evolve_handover(Rows& rows, const v1::Event& event,
                                            const EntryContext& entry);
Result<void> evolve_offered_case(Rows& rows, const v1::Event& event, const EntryContext& entry);

}  // namespace hansa
