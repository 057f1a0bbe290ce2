// Agreement: what members share, field by field, in versions.
//
// Shape:   state: the row AgreementVersion (key: version, BE8). A version is proposed as the
//          secretariat wrote it; what cities ratify is the SHA-256 of its bytes. It takes effect
//          when half of the admitted cities have ratified it (core/alliance/acts.h), in the place
//          of the one before; the secretariat suspends, resumes and revokes the one in force, and
//          drops a proposal by name. One whose validity ends has a clock while it is in force.
//          granted_fields(grant) resolves the names of a grant in the schema: the only reading of a
//          grant there is, for the check, the lawyer's page and the relay.
// Errors:  kUnknownEvent: no event, or no field of it, has this name. kNotShareable: a field's
//          class is above the grant's, or PERSONAL. kUnknownMetric, kBadRequest (a message where a
//          leaf is needed, something named twice, a validity that ends before it begins).
//          kUnknownAgreement; kWrongState.
// Threads: pure.
// Limits:  kGrantsMax grants, 100 fields each; kAgreementsMax versions. A witness_quorum is
//          at most kQuorumMax (core/city/witness.h): kLimitReached.
// Source:  DESIGN §8, SPEC §5.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/alliance/alliance.h"

namespace hansa {

inline constexpr uint32_t kHeartbeatSDefault = 60;
// A member that has said nothing for so many of them is silent.
inline constexpr int64_t kHeartbeatsMissed = 3;
inline constexpr int kGrantsMax = 100;
inline constexpr uint32_t kAgreementsMax = 10'000;

// One leaf of an event.
struct GrantedField {
  std::string name;                                              // "place.district"
  std::vector<const google::protobuf::FieldDescriptor*> path;    // from the event down to the leaf
  v1::DataClass data_class = v1::DATA_CLASS_UNSPECIFIED;         // the strictest on the path
};

// The events of a city, by name; nullptr where there is none.
const google::protobuf::Descriptor* find_city_event(std::string_view name);

Result<std::vector<GrantedField>> granted_fields(const v1::Grant& grant);
// `on_time_rate@1`: a figure by its definition, of which another version is another figure. One of
// the catalogue that each city reckons of itself, or `air_change@1`, the alliance's own of all
// members (core/metrics/air_change.h).
struct SharedFigure {
  std::string_view id;
  uint32_t version = 0;
  std::string_view title;
};
Result<SharedFigure> granted_figure(const v1::MetricGrant& grant);
// Everything that a proposal must keep to.
Result<void> check_agreement(const v1::Agreement& agreement);
// SHA-256 of the bytes that are ratified, 64 hex digits.
std::string agreement_sha256(const v1::Agreement& agreement);

int64_t heartbeat_us(const v1::Agreement& agreement);
// Within which a word of the city is due; 0: none is expected, as nothing is in force that it has
// ratified, or it is no member that may speak.
int64_t expected_heartbeat_us(RowsView& view, const std::string& city);

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ProposeAgreement& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::DropAgreement& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SuspendAgreement& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ResumeAgreement& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::RevokeAgreement& command);
// Of the clock agreement_expiry; no events when it does not run any more.
Decision decide_expiry(RowsView& view, const v1::TimerDue& command);

Result<void> evolve_event(Rows& rows, const v1::AgreementProposed& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementDropped& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementTookEffect& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementSuspended& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementResumed& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementRevoked& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AgreementExpired& event,
                          const EntryContext& entry);

}  // namespace hansa
