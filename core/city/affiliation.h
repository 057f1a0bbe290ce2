// Affiliation: how a city stands to an alliance: what it signed, and what it heard.
//
// Shape:   state: the row Affiliation (key: the alliance) and the agreements it heard of
//          (kHeardAgreementTable, heard_key()). decide_city, one per command; decide_heard turns
//          entries of the alliance's ledger into events of the city's own: what names a city, or
//          several, is taken by those only, what makes members known by all (peers.h);
//          evolve_affiliation folds, also the words of core/city/campaign_acts.h. The share ledger
//          folds the same events into the same rows (core/alliance/share.h), so that everybody can
//          see what the city's word was at any entry.
//          agreement_in_effect(): what the city shares by: joined, admitted, in force, not
//          suspended, and ratified by this city; nullptr where one of these is missing.
// Errors:  kAlreadyExists to join twice; kUnknownAlliance for one the city has not joined;
//          kUnknownAgreement for a version it has not heard of; kAgreementDiffers for other bytes;
//          kWrongState; kLimitReached.
// Threads: pure.
// Limits:  kAffiliationsMax alliances ever joined; kRatifiedMax ratifications of each that no later
//          version has replaced.
// Source:  DESIGN §8.
#pragma once

#include "core/city/city.h"
#include "hansa/v1/federation.pb.h"

namespace hansa {

inline constexpr int kAffiliationsMax = 20;
inline constexpr int kRatifiedMax = 20;

std::string heard_key(std::string_view alliance, uint32_t version);
// kUnknownAlliance for one the city has not joined, or has left.
Result<const v1::Affiliation*> find_joined(const CityScope& scope, const std::string& alliance);
const v1::Ratified* find_ratified(const v1::Affiliation& affiliation, uint32_t version);
const v1::Ratified* agreement_in_effect(const v1::Affiliation& affiliation);

Result<Decision> decide_city(const CityScope& scope, const v1::JoinAlliance& command);
Result<Decision> decide_city(const CityScope& scope, const v1::LeaveAlliance& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RatifyAgreement& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RevokeRatification& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ReleaseAlliance& command);
// Whether decide_heard makes an event of what the alliance's ledger says.
bool is_heard(const v1::Event& event, const std::string& city);
Result<Decision> decide_heard(RowsView& view, const v1::TakeHeard& command);

// Changes the row alone; false: the event is none that does.
bool apply_to_affiliation(v1::Affiliation& row, const v1::Event& event, int64_t time_us);
// Of the events above: the row, the agreements heard of, campaigns and findings.
std::optional<Result<void>> evolve_affiliation(Rows& rows, const v1::Event& event,
                                               const EntryContext& entry);

}  // namespace hansa
