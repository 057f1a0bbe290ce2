#include "core/alliance/agreement.h"

#include <algorithm>
#include <set>

#include "core/alliance/clocks.h"
#include "core/base/hash.h"
#include "core/base/schema.h"
#include "core/city/witness.h"
#include "core/metrics/air_change.h"
#include "core/metrics/metric.h"

namespace hansa {
namespace {

using google::protobuf::Descriptor;
using AgreementState = v1::AgreementState;

constexpr uint32_t kHeartbeatSMax = 86'400;

std::string at(const char* list, int index, const char* field = "") {
  return std::string("/agreement/") + list + "/" + std::to_string(index) + field;
}

std::string fields_text(const Descriptor& type) {
  std::string text;
  for (int i = 0; i < type.field_count(); ++i) {
    text += (text.empty() ? "" : ", ") + type.field(i)->name();
  }
  return text;
}

Result<GrantedField> resolve(const Descriptor& event, const std::string& name) {
  GrantedField granted{name, {}, v1::PUBLIC};
  const Descriptor* type = &event;
  std::string_view left = name;
  while (true) {
    const auto step = left.substr(0, left.find('.'));
    const auto* field = type->FindFieldByName(std::string(step));
    if (field == nullptr) {
      return fail(Errc::kUnknownEvent, type->name() + " has no field `" + std::string(step) +
                                           "`; it has " + fields_text(*type));
    }
    granted.path.push_back(field);
    const auto own = data_class(*field);
    // What declares no class is taken for the strictest.
    granted.data_class = std::max(granted.data_class,
                                  own == v1::DATA_CLASS_UNSPECIFIED ? v1::PERSONAL : own);
    left.remove_prefix(std::min(step.size() + 1, left.size()));
    type = field->message_type();
    if (left.empty() && type == nullptr) return granted;
    if (left.empty()) {
      return fail(Errc::kBadRequest, "`" + name + "` holds several fields (" +
                                         fields_text(*type) + "); name each that is shared");
    }
    if (type == nullptr) {
      return fail(Errc::kUnknownEvent, "`" + field->name() + "` has no fields of its own");
    }
  }
}

Result<void> check_class(const v1::Grant& grant, const GrantedField& field) {
  const auto highest = grant.highest_class() == v1::DATA_CLASS_UNSPECIFIED
                           ? v1::PUBLIC
                           : grant.highest_class();
  const std::string what = grant.event() + "." + field.name + " is " +
                           v1::DataClass_Name(field.data_class);
  if (field.data_class == v1::PERSONAL || highest == v1::PERSONAL) {
    return fail(Errc::kNotShareable, what + "; PERSONAL texts never leave their city");
  }
  if (field.data_class <= highest) return {};
  return fail(Errc::kNotShareable,
              what + ", the grant goes up to " + v1::DataClass_Name(highest) +
                  "; take the field out, or let members decide on the wider class");
}

Result<void> check_metric(const v1::MetricGrant& grant) {
  HANSA_CHECK(granted_figure(grant));
  std::set<std::string_view> seen;
  for (const auto& scope : grant.scopes()) {
    if (!find_scope(scope)) {
      return fail(Errc::kBadRequest, "`" + scope + "` is no scope of a figure; one of city, "
                                         "district, street, unit, service, kind");
    }
    if (!seen.insert(scope).second) {
      return fail(Errc::kBadRequest, "the scope " + scope + " is named twice");
    }
  }
  return {};
}

// A version in one of the states that a command needs.
Result<const v1::AgreementVersion*> find_version(
    const AllianceScope& scope, uint32_t version,
    std::initializer_list<AgreementState::Value> needed, const char* becomes) {
  const auto* row = scope.view.find(kAgreementTable, big_endian(version));
  if (row == nullptr) {
    return fail(Errc::kUnknownAgreement,
                "the agreement has no version " + std::to_string(version) + "; the newest is " +
                    std::to_string(scope.alliance.agreements()),
                "/version");
  }
  std::string names;
  for (const auto state : needed) {
    if (row->state() == state) return row;
    names += (names.empty() ? "" : " or ") + AgreementState::Value_Name(state);
  }
  return fail(Errc::kWrongState, "version " + std::to_string(version) + " is " +
                                     AgreementState::Value_Name(row->state()) +
                                     "; only one that is " + names + " can be " + becomes);
}

Decision about(uint32_t version, AgreementState::Value after) {
  Decision decision;
  decision.subject_id = std::to_string(version);
  decision.state = AgreementState::Value_Name(after);
  return decision;
}

Result<void> set_state(Rows& rows, uint32_t version, AgreementState::Value state,
                       const std::string& reason, const EntryContext& entry) {
  const std::string key = big_endian(version);
  if (rows.find(kAgreementTable, key) == nullptr) {
    return fail(Errc::kInternal, "an event on version " + std::to_string(version) +
                                     " of the agreement, which was never proposed");
  }
  auto& row = rows.put(kAgreementTable, key);
  row.set_state(state);
  row.set_reason(reason);
  row.set_changed_time_us(entry.time_us);
  return {};
}

Result<void> under(Result<void> result, const std::string& pointer) {
  if (!result) result.error().pointer = pointer;
  return result;
}

Result<void> check_terms(const v1::Agreement& agreement) {
  if (agreement.grants_size() > kGrantsMax || agreement.metrics_size() > kGrantsMax) {
    return fail(Errc::kLimitReached,
                "an agreement has at most " + std::to_string(kGrantsMax) + " grants");
  }
  if (agreement.grants().empty() && agreement.metrics().empty()) {
    return fail(Errc::kBadRequest, "the agreement shares nothing; name events or figures",
                "/agreement/grants");
  }
  if (agreement.heartbeat_s() > kHeartbeatSMax) {
    return fail(Errc::kBadRequest, "heartbeat_s is at most 86400, a day",
                "/agreement/heartbeat_s");
  }
  if (agreement.valid_until_time_us() != 0 &&
      agreement.valid_until_time_us() <= agreement.valid_from_time_us()) {
    return fail(Errc::kBadRequest, "the agreement would end before it begins",
                "/agreement/valid_until_time_us");
  }
  return {};
}

// The clock of a version in force, if its validity ends.
Result<void> stop_expiry(Rows& rows, uint32_t version) {
  const auto* row = rows.find(kAgreementTable, big_endian(version));
  if (row == nullptr) {
    return fail(Errc::kInternal, "an event on version " + std::to_string(version) +
                                     " of the agreement, which was never proposed");
  }
  drop_timer(rows, v1::Clock::agreement_expiry, std::to_string(version),
             row->agreement().valid_until_time_us());
  return {};
}

}  // namespace

const Descriptor* find_city_event(std::string_view name) {
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto* event = all->field(i);
    const bool is_citys = event->number() >= v1::Event::kCityFounded &&
                          event->number() < v1::Event::kAllianceFounded;
    if (is_citys && event->message_type()->name() == name) {
      return event->message_type();
    }
  }
  return nullptr;
}

Result<std::vector<GrantedField>> granted_fields(const v1::Grant& grant) {
  const auto* event = find_city_event(grant.event());
  if (event == nullptr) {
    return fail(Errc::kUnknownEvent, "cities have no event `" + grant.event() + "`", "/event");
  }
  std::vector<GrantedField> fields;
  std::set<std::string_view> seen;
  for (const auto& name : grant.fields()) {
    HANSA_TRY(auto field, resolve(*event, name));
    HANSA_CHECK(check_class(grant, field));
    if (!seen.insert(name).second) {
      return fail(Errc::kBadRequest, grant.event() + "." + name + " is named twice");
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<SharedFigure> granted_figure(const v1::MetricGrant& grant) {
  const std::string_view name = grant.metric();
  const std::string_view id = name.substr(0, std::min(name.find('@'), name.size()));
  SharedFigure figure{"air_change", kAirChangeVersion, "change of the members' PM2.5 in a year"};
  if (id != figure.id) {
    HANSA_TRY(const auto* metric, find_metric(id));
    figure = {metric->id, metric->version, metric->title};
  }
  const std::string exact = std::string(figure.id) + "@" + std::to_string(figure.version);
  if (name == exact) return figure;
  return fail(Errc::kUnknownMetric,
              "a grant names the definition that is meant, and this binary knows `" + exact +
                  "`; it does not know `" + std::string(name.substr(0, 60)) + "`",
              "/metric");
}

Result<void> check_agreement(const v1::Agreement& agreement) {
  HANSA_CHECK(check_terms(agreement));
  if (agreement.witness_quorum() > kQuorumMax) {
    return fail(Errc::kLimitReached,
                "at most " + std::to_string(kQuorumMax) + " witnesses can be asked for, not " +
                    std::to_string(agreement.witness_quorum()) +
                    ": a note bears no more signatures",
                "/witness_quorum");
  }
  std::set<std::string_view> events;
  for (int i = 0; i < agreement.grants_size(); ++i) {
    const auto& grant = agreement.grants(i);
    if (auto fields = granted_fields(grant); !fields) {
      return under(fail(fields.error()), at("grants", i));
    }
    if (!events.insert(grant.event()).second) {
      return fail(Errc::kBadRequest, grant.event() + " is granted twice; name its fields together",
                  at("grants", i, "/event"));
    }
  }
  for (int i = 0; i < agreement.metrics_size(); ++i) {
    HANSA_CHECK(under(check_metric(agreement.metrics(i)), at("metrics", i)));
  }
  return {};
}

std::string agreement_sha256(const v1::Agreement& agreement) {
  return to_hex(sha256(agreement.SerializeAsString()));
}

int64_t heartbeat_us(const v1::Agreement& agreement) {
  const uint32_t heartbeat_s = agreement.heartbeat_s();
  return int64_t{heartbeat_s == 0 ? kHeartbeatSDefault : heartbeat_s} * 1'000'000;
}

int64_t expected_heartbeat_us(RowsView& view, const std::string& city) {
  // A row is there until the next one is looked for.
  const auto* alliance = view.find(kAllianceTable, "");
  if (alliance == nullptr) return 0;
  const uint32_t version = alliance->version_in_force();
  const auto* member = view.find(kMemberTable, city);
  const bool may_speak = member != nullptr && is_member(*member) &&
                         has_ratified(*member, version) &&
                         member->membership() == v1::Membership::admitted;
  if (!may_speak) return 0;
  const auto* agreement = view.find(kAgreementTable, big_endian(version));
  if (agreement == nullptr) return 0;
  if (agreement->state() != v1::AgreementState::in_force) return 0;
  return heartbeat_us(agreement->agreement());
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ProposeAgreement& command) {
  HANSA_CHECK(check_agreement(command.agreement()));
  const uint32_t version = scope.alliance.agreements() + 1;
  if (version > kAgreementsMax) {
    return fail(Errc::kLimitReached, "an alliance has at most " + std::to_string(kAgreementsMax) +
                                         " versions of its agreement");
  }
  Decision decision;
  decision.subject_id = std::to_string(version);
  decision.state = AgreementState::Value_Name(AgreementState::proposed);
  auto& proposed = *decision.events.emplace_back().mutable_agreement_proposed();
  proposed.set_version(version);
  *proposed.mutable_agreement() = command.agreement();
  proposed.set_sha256(agreement_sha256(command.agreement()));
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::DropAgreement& command) {
  HANSA_CHECK(find_version(scope, command.version(), {AgreementState::proposed}, "dropped"));
  Decision decision = about(command.version(), AgreementState::dropped);
  auto& dropped = *decision.events.emplace_back().mutable_agreement_dropped();
  dropped.set_version(command.version());
  dropped.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::SuspendAgreement& command) {
  HANSA_CHECK(find_version(scope, command.version(), {AgreementState::in_force}, "suspended"));
  Decision decision = about(command.version(), AgreementState::suspended);
  auto& suspended = *decision.events.emplace_back().mutable_agreement_suspended();
  suspended.set_version(command.version());
  suspended.set_reason(command.reason());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ResumeAgreement& command) {
  HANSA_CHECK(find_version(scope, command.version(), {AgreementState::suspended}, "resumed"));
  Decision decision = about(command.version(), AgreementState::in_force);
  decision.events.emplace_back().mutable_agreement_resumed()->set_version(command.version());
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::RevokeAgreement& command) {
  HANSA_CHECK(find_version(scope, command.version(),
                           {AgreementState::in_force, AgreementState::suspended}, "revoked"));
  Decision decision = about(command.version(), AgreementState::revoked);
  auto& revoked = *decision.events.emplace_back().mutable_agreement_revoked();
  revoked.set_version(command.version());
  revoked.set_reason(command.reason());
  return decision;
}

Decision decide_expiry(RowsView& view, const v1::TimerDue& command) {
  const auto* alliance = view.find(kAllianceTable, "");
  Decision decision;
  decision.subject_id = command.subject();
  decision.state = AgreementState::Value_Name(AgreementState::expired);
  if (alliance == nullptr) return decision;
  const uint32_t version = alliance->version_in_force();
  const auto* row = view.find(kAgreementTable, big_endian(version));
  const bool runs = row != nullptr && std::to_string(version) == command.subject() &&
                    row->agreement().valid_until_time_us() == command.due_time_us();
  if (runs) decision.events.emplace_back().mutable_agreement_expired()->set_version(version);
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::AgreementProposed& event,
                          const EntryContext& entry) {
  auto& alliance = rows.put(kAllianceTable, "");
  if (event.version() != alliance.agreements() + 1) {
    return fail(Errc::kInternal, "AgreementProposed with version " +
                                     std::to_string(event.version()) + " behind version " +
                                     std::to_string(alliance.agreements()));
  }
  alliance.set_agreements(event.version());
  auto& row = rows.put(kAgreementTable, big_endian(event.version()));
  row.set_version(event.version());
  *row.mutable_agreement() = event.agreement();
  row.set_sha256(event.sha256());
  row.set_state(AgreementState::proposed);
  row.set_proposed_time_us(entry.time_us);
  row.set_changed_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::AgreementDropped& event,
                          const EntryContext& entry) {
  return set_state(rows, event.version(), AgreementState::dropped, event.reason(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::AgreementTookEffect& event,
                          const EntryContext& entry) {
  auto& alliance = rows.put(kAllianceTable, "");
  if (alliance.version_in_force() != 0) {
    HANSA_CHECK(stop_expiry(rows, alliance.version_in_force()));
    HANSA_CHECK(set_state(rows, alliance.version_in_force(), AgreementState::superseded, "",
                          entry));
  }
  alliance.set_version_in_force(event.version());
  HANSA_CHECK(set_state(rows, event.version(), AgreementState::in_force, "", entry));
  const auto* row = rows.find(kAgreementTable, big_endian(event.version()));
  set_timer(rows, v1::Clock::agreement_expiry, std::to_string(event.version()),
            row->agreement().valid_until_time_us(), entry);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::AgreementSuspended& event,
                          const EntryContext& entry) {
  return set_state(rows, event.version(), AgreementState::suspended, event.reason(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::AgreementResumed& event,
                          const EntryContext& entry) {
  return set_state(rows, event.version(), AgreementState::in_force, "", entry);
}

Result<void> evolve_event(Rows& rows, const v1::AgreementRevoked& event,
                          const EntryContext& entry) {
  rows.put(kAllianceTable, "").set_version_in_force(0);
  HANSA_CHECK(stop_expiry(rows, event.version()));
  return set_state(rows, event.version(), AgreementState::revoked, event.reason(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::AgreementExpired& event,
                          const EntryContext& entry) {
  rows.put(kAllianceTable, "").set_version_in_force(0);
  HANSA_CHECK(stop_expiry(rows, event.version()));
  return set_state(rows, event.version(), AgreementState::expired, "", entry);
}

}  // namespace hansa
