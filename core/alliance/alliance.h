// Alliance: its founding, and which cities belong to it.
//
// Shape:   state: the rows Alliance and Member (key: city). decide_alliance, one per command;
//          evolve_event, one per event; core/alliance/alliance_fold.cc calls them. A city is
//          admitted once, by its founding id, its key and its recovery key; no two members share
//          one of these. It is suspended and reinstated, expelled and readmitted.
// Errors:  kAlreadyExists for a second founding or admission; kUnknownAlliance for everything
//          before the first; kUnknownMember; kWrongState; kBadRequest for what is no key;
//          kLimitReached.
// Threads: pure.
// Limits:  kMembersMax cities, kWitnessesMax of them with a witness (core/city/witness.h).
// Source:  DESIGN §8, DOMAIN §1.7; the table command × membership is core/alliance/README.md.
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"

namespace hansa {

inline constexpr int kMembersMax = 400;

struct AllianceScope {
  RowsView& view;
  const DecideContext& context;
  const v1::Alliance& alliance;
};

Result<Decision> decide_founding(RowsView& view, const v1::FoundAlliance& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::AdmitCity& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SuspendCity& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReinstateCity& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ExpelCity& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ReadmitCity& command);
Result<Decision> decide_alliance(const AllianceScope& scope,
                                 const v1::RaiseAllianceSchemaLevel& command);

Result<void> evolve_event(Rows& rows, const v1::AllianceFounded& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityAdmitted& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CitySuspended& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityReinstated& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityExpelled& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityReadmitted& event, const EntryContext& entry);

// "admitted", "suspended", …
std::string membership_name(v1::Membership::Value membership);

// It has joined, and neither left nor was expelled; a suspended one still has its say.
bool is_member(const v1::Member& member);
bool has_ratified(const v1::Member& member, uint32_t version);
// kWrongState for one that is not.
Result<void> check_member(const v1::Member& member);

}  // namespace hansa
