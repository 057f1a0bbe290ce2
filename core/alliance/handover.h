// Handover: what an alliance makes of a case that one member offers to another.
//
// Shape:   state: the row Handover (key: handover_key() of core/city/handover.h, without the
//          alliance). decide_act, one per word of a city: an offer to a member that can take it is
//          passed on; the first answer of the city it is offered to decides, and both hear it.
//          returned_by_leaving(): who leaves answers no offer any more.
//          The answer counts however the city that gives it stands by now: its own ledger says
//          whether it has the case.
// Errors:  as ActDisregarded: kUnknownMember, kUnknownHandover, kWrongState, kAlreadyExists,
//          kBadRequest.
// Threads: pure.
// Source:  DESIGN §8; the table word × handover is core/alliance/README.md.
#pragma once

#include "core/alliance/acts.h"

namespace hansa {

Acted decide_act(const Act& act, const v1::CaseOffered& offered);
Acted decide_act(const Act& act, const v1::OfferTaken& taken);
Acted decide_act(const Act& act, const v1::OfferDeclined& declined);
Acted decide_act(const Act& act, const v1::TakenCaseMoved& moved);
std::vector<v1::Event> returned_by_leaving(RowsView& view, const std::string& city);

Result<void> evolve_event(Rows& rows, const v1::HandoverOffered& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::HandoverTaken& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::HandoverReturned& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::HandoverMoved& event, const EntryContext& entry);

}  // namespace hansa
