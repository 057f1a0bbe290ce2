#include <algorithm>

#include "core/base/assert.h"
#include "core/base/durations.h"
#include "core/base/policy.h"
#include "core/city/case.h"
#include "core/city/place.h"

namespace hansa {
namespace {

using State = v1::State;
using Role = v1::Role;
using Source = v1::Source;

bool may_report_from(const Principal& principal, Source::Value source) {
  if (principal.has_role(Role::hotline)) return true;
  switch (source) {
    case Source::snap:
    case Source::web: return principal.has_role(Role::citizen);
    case Source::inspector: return principal.has_role(Role::inspector);
    case Source::camera:
    case Source::environment:
    case Source::iot:
    case Source::transport: return principal.has_role(Role::device);
    default: return false;
  }
}

Result<void> check_source(const CityScope& scope, Source::Value source) {
  const std::string& name = Source::Value_Name(source);
  if (!may_report_from(scope.context.principal, source)) {
    return fail(Errc::kForbidden,
                "a citizen reports from snap or web, an inspector from inspector, a device from "
                "camera, environment, iot or transport, the hotline from all; this caller may not "
                "report from " + name,
                "/source");
  }
  const auto& sources = scope.city.sources();
  if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
    return fail(Errc::kUnknownSource,
                "the city has not connected sources of class " + name + "; connect it first",
                "/source");
  }
  return {};
}

// Who reported: a citizen only themselves; everyone else whom they name, or nobody.
Result<std::string> reporter_of(const CityScope& scope, const v1::ReportCase& command) {
  const auto& principal = scope.context.principal;
  std::string reporter = command.reporter();
  const bool only_citizen = principal.has_role(Role::citizen) &&
                            !principal.has_role(Role::hotline) &&
                            !principal.has_role(Role::inspector) &&
                            !principal.has_role(Role::device);
  if (only_citizen) {
    // The door makes a new person for a caller without one who leaves a contact.
    const bool made_by_door = principal.person.empty() && command.has_contact();
    if (!reporter.empty() && reporter != principal.person && !made_by_door) {
      return fail(Errc::kNotReporter,
                  "a citizen reports for themselves; leave reporter out, or report by the hotline",
                  "/reporter");
    }
    if (!principal.person.empty()) reporter = principal.person;
  }
  if (!reporter.empty() && scope.view.find(kErasedPersonTable, reporter) != nullptr) {
    return fail(Errc::kPersonErased,
                "the person's data was erased; report without naming them, or as a new person",
                "/reporter");
  }
  return reporter;
}

int64_t first_response_due(const CityScope& scope, const v1::Service& service,
                           v1::Kind::Value kind) {
  const int64_t own_us = service.sla().first_response_clock_s() * kSecondUs;
  if (own_us > 0) return scope.context.time_us + own_us;
  return scope.context.time_us +
         policy_us(scope.view, kind == v1::Kind::complaint ? kFirstResponseComplaint
                                                           : kFirstResponseCommunity);
}

bool is_near(const v1::NearCases& row, int item, const v1::Place& place, int64_t radius_metres) {
  if (!place.has_point() || row.latitudes_microdegrees_size() == 0) return true;
  v1::Point point;
  point.set_latitude_microdegrees(row.latitudes_microdegrees(item));
  point.set_longitude_microdegrees(row.longitudes_microdegrees(item));
  return within_metres(place.point(), point, radius_metres);
}

// Open cases near in place and time, oldest first; seqs grow with ledger time.
std::vector<std::string> near_duplicates(const CityScope& scope, const std::string& service,
                                         const v1::Place& place) {
  const int64_t radius_metres = policy_count(scope.view, kNearDuplicateRadius);
  const int64_t since_us = scope.context.time_us - policy_us(scope.view, kNearDuplicateWindow);
  std::vector<Seq> found;
  for (const auto& key : near_keys(service, place, radius_metres)) {
    const auto* row = scope.view.find(kNearCasesTable, key);
    if (row == nullptr) continue;
    for (int item = 0; item < row->case_seqs_size(); ++item) {
      if (row->reported_times_us(item) < since_us) continue;
      if (is_near(*row, item, place, radius_metres)) found.push_back(row->case_seqs(item));
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> cases;
  for (const Seq seq : found) {
    if (cases.size() == kNearDuplicatesMax) break;
    const auto* row = find_case(scope.view, case_id(seq, 0));
    if (row != nullptr && is_open(row->state())) cases.push_back(row->case_());
  }
  return cases;
}

Result<void> check_observed(const CityScope& scope, const v1::ReportCase& command) {
  HANSA_CHECK(check_time(command.observed_time_us(), "observed_time_us"));
  if (command.observed_time_us() <= scope.context.time_us) return {};
  return fail(Errc::kTimesBackwards,
              "observed_time_us lies after the time of the report; a problem is seen before it is "
              "reported",
              "/observed_time_us");
}

// The newest closure of the same problem at the same place before this case was reported.
const v1::RecentClosures::Item* rebound_origin(const CaseScope& scope) {
  const auto& row = scope.row;
  const auto* closures = scope.view.find(
      kRecentClosuresTable, row.service() + "|" + place_key(row.place()));
  if (closures == nullptr) return nullptr;
  const int64_t since_us = row.reported_time_us() - policy_us(scope.view, kReboundWindow);
  const v1::RecentClosures::Item* newest = nullptr;
  for (const auto& item : closures->items()) {
    if (item.case_() == row.case_() || item.closed_time_us() < since_us) continue;
    if (item.closed_time_us() > row.reported_time_us()) continue;
    if (newest == nullptr || item.closed_time_us() > newest->closed_time_us()) newest = &item;
  }
  return newest;
}

}  // namespace

Result<Decision> decide_city(const CityScope& scope, const v1::ReportCase& command) {
  HANSA_CHECK(check_source(scope, command.source()));
  return decide_report(scope, command);
}

Result<Decision> decide_report(const CityScope& scope, const v1::ReportCase& command) {
  const auto* service = scope.view.find(kServiceTable, command.service());
  if (service == nullptr) {
    return fail(Errc::kUnknownService,
                "the city has no service " + command.service() +
                    "; name one of /services or define it first",
                "/service");
  }
  HANSA_TRY(v1::Place place, check_place(scope.view, scope.city, command.place()));
  HANSA_CHECK(check_observed(scope, command));
  HANSA_TRY(std::string reporter, reporter_of(scope, command));

  Decision decision;
  decision.subject_id = case_id(scope.context.seq, 0);
  decision.state = state_name(State::reported);
  auto& event = *decision.events.emplace_back().mutable_case_reported();
  event.set_case_(decision.subject_id);
  event.set_kind(command.kind() == v1::Kind::unspecified ? v1::Kind::problem : command.kind());
  event.set_source(command.source());
  event.set_service(command.service());
  event.set_observed_time_us(command.observed_time_us());
  event.set_description(command.description());
  event.set_address(command.address());
  *event.mutable_media() = command.media();
  event.set_reporter(std::move(reporter));
  if (command.has_contact()) *event.mutable_contact() = command.contact();
  event.set_external_id(command.external_id());
  for (auto& near : near_duplicates(scope, command.service(), place)) {
    event.add_near_duplicates(std::move(near));
  }
  *event.mutable_place() = std::move(place);
  event.set_first_response_due_time_us(first_response_due(scope, *service, event.kind()));
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::VerifyCase& command) {
  Decision decision = decision_about(scope.row, State::verified);
  auto& event = *decision.events.emplace_back().mutable_case_verified();
  event.set_case_(scope.row.case_());
  event.set_note(command.note());
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::RefuteCase& command) {
  Decision decision = decision_about(scope.row, State::refuted);
  auto& event = *decision.events.emplace_back().mutable_case_refuted();
  event.set_case_(scope.row.case_());
  event.set_reason(command.reason());
  // What does not exist does not exist for those either who reported it again.
  for (const auto& child : scope.row.merged_cases()) {
    auto& with_parent = *decision.events.emplace_back().mutable_case_refuted();
    with_parent.set_case_(child);
    with_parent.set_reason("with " + scope.row.case_());
  }
  return decision;
}

Result<Decision> decide_case(const CaseScope& scope, const v1::FileCase&) {
  const auto& row = scope.row;
  HANSA_TRY(const int64_t deadline_us,
            handling_deadline(scope.view, scope.city, row.service(), scope.context.time_us));
  Decision decision = decision_about(row, State::filed);
  auto& event = *decision.events.emplace_back().mutable_case_filed();
  event.set_case_(row.case_());
  event.set_deadline_time_us(deadline_us);
  event.set_sla_version(scope.view.find(kServiceTable, row.service())->sla_version());
  event.set_calendar_version(scope.city.calendar_version());
  if (const auto* origin = rebound_origin(scope)) {
    auto& rebound = *decision.events.emplace_back().mutable_problem_rebounded();
    rebound.set_case_(row.case_());
    rebound.set_original_case(origin->case_());
    rebound.set_original_closed_time_us(origin->closed_time_us());
  }
  return decision;
}

}  // namespace hansa
