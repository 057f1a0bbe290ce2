// Figures of an alliance: those of its members as they came, its own, and what came of reckoning
// both anew.
//
// Shape:   state: the rows FigureRecord and FigureOnce, as in a city's ledger, by city; the
//          alliance's own stand under the empty name (core/city/figures.h).
//          decide_act(MetricPublished): FigurePublished, from a member that may share, once.
//          decide_alliance(PublishAllianceMetric): FigurePublished of `air_change@1` over all
//          members (member_air.h) for a year that is over everywhere. Its sources are the share
//          ledgers of the members that count, each as far as it was taken. Claimed as proved where
//          the agreement grants all that it is made of.
//          decide_alliance(JudgeFigure), by the alliance's own node (federation/figure_judge.h):
//          FigureJudged, once; and where the figure does not follow, FindingRaised in the same
//          entry, with what was published and what was reckoned, each with its source.
// Errors:  decide_act: kWrongState, kBadRequest, kUnknownMetric and kAlreadyExists become
//          ActDisregarded (acts.h). decide_alliance: kUnknownMetric; kNotShareable: the agreement
//          does not name the figure; kWrongState: no agreement is in effect, the year is not over,
//          or the figure is judged already; kAlreadyExists; kTooFew: no member counts; kNotYet: an
//          entry of a member is taken in part.
// Threads: pure.
// Source:  DESIGN §8 "Figures"; the tables are core/alliance/README.md.
#pragma once

#include "core/alliance/acts.h"
#include "hansa/v1/figures.pb.h"

namespace hansa {

Acted decide_act(const Act& act, const v1::MetricPublished& published);
Result<Decision> decide_alliance(const AllianceScope& scope,
                                 const v1::PublishAllianceMetric& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::JudgeFigure& command);

Result<void> evolve_event(Rows& rows, const v1::FigurePublished& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::FigureJudged& event, const EntryContext& entry);

}  // namespace hansa
