#include "core/city/city.h"

#include <algorithm>
#include <set>

#include "core/base/calendar.h"
#include "core/base/durations.h"
#include "core/base/policy.h"
#include "core/city/place.h"
#include "core/ledger/schema_level.h"

namespace hansa {
namespace {

constexpr int kDistrictsMax = 400;
constexpr int kStreetsMax = 400;
constexpr int kCommunitiesMax = 400;
constexpr int kUnitsMax = 1'000;
constexpr int kServicesMax = 1'000;
constexpr int64_t kSlaSMax = 366 * 86'400;

// Requests and rows of one type have one order of fields and no maps: same bytes, same content.
bool same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

Decision about(std::string subject) {
  Decision decision;
  decision.subject_id = std::move(subject);
  return decision;
}

Decision unchanged(std::string subject) {
  Decision decision = about(std::move(subject));
  decision.unchanged = true;
  return decision;
}

Error limit_error(std::string_view what, int limit) {
  return {Errc::kLimitReached,
          "a city has at most " + std::to_string(limit) + " " + std::string(what)};
}

bool contains(const google::protobuf::RepeatedPtrField<std::string>& list,
              std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

void insert_once(google::protobuf::RepeatedPtrField<std::string>& list,
                 const std::string& added) {
  if (!contains(list, added)) *list.Add() = added;
}

Result<void> check_ring(const v1::Ring& ring, const std::string& at) {
  if (ring.points_size() < 3) {
    return fail(Errc::kBadRequest, "a ring of the boundary needs at least 3 points", at);
  }
  for (int i = 0; i < ring.points_size(); ++i) {
    const int64_t latitude = ring.points(i).latitude_microdegrees();
    const int64_t longitude = ring.points(i).longitude_microdegrees();
    if (std::abs(latitude) > kLatitudeMax || std::abs(longitude) > kLongitudeMax) {
      return fail(Errc::kBadPoint,
                  "a point of the boundary must be a place on Earth in micro-degrees",
                  at + "/points/" + std::to_string(i));
    }
  }
  const bool flat_ns = std::all_of(ring.points().begin(), ring.points().end(), [&](const auto& p) {
    return p.latitude_microdegrees() == ring.points(0).latitude_microdegrees();
  });
  const bool flat_ew = std::all_of(ring.points().begin(), ring.points().end(), [&](const auto& p) {
    return p.longitude_microdegrees() == ring.points(0).longitude_microdegrees();
  });
  if (flat_ns || flat_ew) {
    return fail(Errc::kBadRequest, "a ring of the boundary must enclose an area", at);
  }
  return {};
}

v1::Community* find_part(google::protobuf::RepeatedPtrField<v1::Community>& parts,
                         const std::string& id) {
  for (auto& part : parts) {
    if (part.id() == id) return &part;
  }
  return nullptr;
}

v1::Street* find_part(google::protobuf::RepeatedPtrField<v1::Street>& parts,
                      const std::string& id) {
  for (auto& part : parts) {
    if (part.id() == id) return &part;
  }
  return nullptr;
}

template <typename Part>
Part& find_or_add(google::protobuf::RepeatedPtrField<Part>& parts, const std::string& id) {
  if (Part* found = find_part(parts, id)) return *found;
  Part& added = *parts.Add();
  added.set_id(id);
  return added;
}

// Adds what `part` names; what it does not name stays.
template <typename GridPart>
void merge_grid(v1::District& row, const GridPart& part) {
  row.set_district(part.district());
  if (part.has_title()) *row.mutable_title() = part.title();
  for (const auto& street : part.streets()) {
    auto& street_row = find_or_add(*row.mutable_streets(), street.id());
    if (street.has_title()) *street_row.mutable_title() = street.title();
    for (const auto& community : street.communities()) {
      auto& cell = find_or_add(*street_row.mutable_communities(), community.id());
      if (community.has_title()) *cell.mutable_title() = community.title();
    }
  }
}

Result<void> check_grid_part(const v1::DefineGridPart& command) {
  std::set<std::string_view> streets;
  for (int i = 0; i < command.streets_size(); ++i) {
    const auto& street = command.streets(i);
    const std::string at = "/streets/" + std::to_string(i);
    if (!streets.insert(street.id()).second) {
      return fail(Errc::kBadRequest, "street " + street.id() + " is named twice", at);
    }
    std::set<std::string_view> communities;
    for (int j = 0; j < street.communities_size(); ++j) {
      if (!communities.insert(street.communities(j).id()).second) {
        return fail(Errc::kBadRequest,
                    "community " + street.communities(j).id() + " is named twice",
                    at + "/communities/" + std::to_string(j));
      }
    }
  }
  return {};
}

Result<void> check_grid_limits(const v1::District& row) {
  if (row.streets_size() > kStreetsMax) {
    return fail(Errc::kLimitReached, "a district has at most 400 streets", "/streets");
  }
  for (const auto& street : row.streets()) {
    if (street.communities_size() > kCommunitiesMax) {
      return fail(Errc::kLimitReached,
                  "a street has at most 400 communities; " + street.id() + " would have more",
                  "/streets");
    }
  }
  return {};
}

Result<void> check_sla(const v1::Sla& sla) {
  const bool working = sla.handling_working_s() != 0;
  const bool clock = sla.handling_clock_s() != 0;
  if (working == clock) {
    return fail(Errc::kBadRequest,
                "give exactly one of handling_working_s and handling_clock_s", "/sla");
  }
  for (const int64_t seconds :
       {sla.handling_working_s(), sla.handling_clock_s(), sla.first_response_clock_s()}) {
    if (seconds < 0 || seconds > kSlaSMax) {
      return fail(Errc::kBadRequest, "times of a service are 1 second to 366 days, in seconds",
                  "/sla");
    }
  }
  return {};
}

v1::Sla default_sla(RowsView& view, bool urgent) {
  v1::Sla sla;
  if (urgent) {
    sla.set_handling_clock_s(
        std::max<int64_t>(policy_us(view, kHandlingUrgentDefault) / kSecondUs, 1));
  } else {
    sla.set_handling_working_s(
        std::max<int64_t>(policy_us(view, kHandlingDefault) / kSecondUs, 1));
  }
  return sla;
}

}  // namespace

const v1::Calendar& calendar_in_force(const v1::City& city) {
  return city.has_calendar() ? city.calendar() : default_calendar();
}

// ---- decide

Result<Decision> decide_founding(RowsView& view, const v1::FoundCity& command) {
  if (view.find(kCityTable, "") != nullptr) {
    return fail(Errc::kAlreadyExists, "the city " + command.city() + " is founded already");
  }
  for (int i = 0; i < command.boundary_size(); ++i) {
    HANSA_CHECK(check_ring(command.boundary(i), "/boundary/" + std::to_string(i)));
  }
  Decision decision = about(command.city());
  auto& founded = *decision.events.emplace_back().mutable_city_founded();
  if (command.has_title()) *founded.mutable_title() = command.title();
  founded.set_simulated(command.simulated());
  founded.set_population(command.population());
  *founded.mutable_boundary() = command.boundary();
  for (const auto& info : policies()) {
    auto& adopted = *decision.events.emplace_back().mutable_policy_adopted();
    adopted.set_policy(std::string(info.name));
    adopted.set_version(1);
    *adopted.mutable_value() = to_fraction(Ratio(info.numerator, info.denominator));
  }
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DefineGridPart& command) {
  HANSA_CHECK(check_grid_part(command));
  const auto* row = scope.view.find(kDistrictTable, command.district());
  if (row == nullptr && scope.city.districts_size() >= kDistrictsMax) {
    return fail(limit_error("districts", kDistrictsMax));
  }
  v1::District merged;
  if (row != nullptr) merged = *row;
  merge_grid(merged, command);
  if (row != nullptr && same(*row, merged)) return unchanged(command.district());
  HANSA_CHECK(check_grid_limits(merged));
  Decision decision = about(command.district());
  auto& defined = *decision.events.emplace_back().mutable_grid_part_defined();
  defined.set_district(command.district());
  if (command.has_title()) *defined.mutable_title() = command.title();
  *defined.mutable_streets() = command.streets();
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DefineUnit& command) {
  const auto* row = scope.view.find(kUnitTable, command.unit());
  if (row == nullptr && scope.city.units_size() >= kUnitsMax) {
    return fail(limit_error("units", kUnitsMax));
  }
  if (row != nullptr && same(row->title(), command.title())) return unchanged(command.unit());
  Decision decision = about(command.unit());
  auto& defined = *decision.events.emplace_back().mutable_unit_defined();
  defined.set_unit(command.unit());
  if (command.has_title()) *defined.mutable_title() = command.title();
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DefineService& command) {
  const auto* row = scope.view.find(kServiceTable, command.service());
  if (row == nullptr && scope.city.services_size() >= kServicesMax) {
    return fail(limit_error("services", kServicesMax));
  }
  const v1::Sla sla =
      command.has_sla() ? command.sla() : default_sla(scope.view, command.urgent());
  HANSA_CHECK(check_sla(sla));
  const bool same_sla = row != nullptr && same(row->sla(), sla);
  if (same_sla && same(row->title(), command.title()) && row->urgent() == command.urgent()) {
    return unchanged(command.service());
  }
  Decision decision = about(command.service());
  auto& defined = *decision.events.emplace_back().mutable_service_defined();
  defined.set_service(command.service());
  if (command.has_title()) *defined.mutable_title() = command.title();
  defined.set_urgent(command.urgent());
  *defined.mutable_sla() = sla;
  const uint32_t version = row == nullptr ? 0 : row->sla_version();
  defined.set_sla_version(same_sla ? version : version + 1);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::AdoptCalendar& command) {
  if (auto valid = validate_calendar(command.calendar()); !valid) {
    Error error = std::move(valid).error();
    error.pointer = "/calendar" + error.pointer;
    return fail(std::move(error));
  }
  if (scope.city.has_calendar() && same(scope.city.calendar(), command.calendar())) {
    return unchanged(command.city());
  }
  Decision decision = about(command.city());
  auto& adopted = *decision.events.emplace_back().mutable_calendar_adopted();
  *adopted.mutable_calendar() = command.calendar();
  adopted.set_version(scope.city.calendar_version() + 1);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::AdoptPolicy& command) {
  HANSA_TRY(v1::Fraction value, check_policy_value(command.policy(), command.value()));
  const auto* row = scope.view.find(kPolicyTable, command.policy());
  if (row != nullptr && same(row->value(), value)) return unchanged(command.policy());
  Decision decision = about(command.policy());
  auto& adopted = *decision.events.emplace_back().mutable_policy_adopted();
  adopted.set_policy(command.policy());
  adopted.set_version(row == nullptr ? 1 : row->version() + 1);
  *adopted.mutable_value() = std::move(value);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ConnectSource& command) {
  const auto& sources = scope.city.sources();
  const std::string& name = v1::Source::Value_Name(command.source());
  if (std::find(sources.begin(), sources.end(), command.source()) != sources.end()) {
    return unchanged(name);
  }
  Decision decision = about(name);
  decision.events.emplace_back().mutable_source_connected()->set_source(command.source());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DisconnectSource& command) {
  const auto& sources = scope.city.sources();
  const std::string& name = v1::Source::Value_Name(command.source());
  if (std::find(sources.begin(), sources.end(), command.source()) == sources.end()) {
    return fail(Errc::kUnknownSource,
                "the city has not connected sources of class " + name +
                    "; there is nothing to disconnect",
                "/source");
  }
  Decision decision = about(name);
  decision.events.emplace_back().mutable_source_disconnected()->set_source(command.source());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ErasePerson& command) {
  if (scope.view.find(kErasedPersonTable, command.person()) != nullptr) {
    return unchanged(command.person());
  }
  Decision decision = about(command.person());
  decision.events.emplace_back().mutable_person_erased()->set_person(command.person());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RaiseSchemaLevel& command) {
  return decide_raise(scope.view, command.level(), scope.context);
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::CityFounded& event, const EntryContext& entry) {
  if (rows.find(kCityTable, "") != nullptr) {
    return fail(Errc::kInternal, "CityFounded for a city that is founded already");
  }
  auto& city = rows.put(kCityTable, "");
  if (event.has_title()) *city.mutable_title() = event.title();
  city.set_simulated(event.simulated());
  city.set_population(event.population());
  *city.mutable_boundary() = event.boundary();
  city.set_founded_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::GridPartDefined& event, const EntryContext&) {
  merge_grid(rows.put(kDistrictTable, event.district()), event);
  for (const auto& street : event.streets()) {
    for (const auto& community : street.communities()) {
      auto& cell = rows.put(kGridCellTable, place_key(event.district(), street.id(),
                                                      community.id()));
      if (community.has_title()) *cell.mutable_title() = community.title();
    }
  }
  insert_once(*rows.put(kCityTable, "").mutable_districts(), event.district());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::UnitDefined& event, const EntryContext&) {
  auto& unit = rows.put(kUnitTable, event.unit());
  unit.Clear();
  unit.set_unit(event.unit());
  if (event.has_title()) *unit.mutable_title() = event.title();
  insert_once(*rows.put(kCityTable, "").mutable_units(), event.unit());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::ServiceDefined& event, const EntryContext&) {
  auto& service = rows.put(kServiceTable, event.service());
  service.Clear();
  service.set_service(event.service());
  if (event.has_title()) *service.mutable_title() = event.title();
  service.set_urgent(event.urgent());
  *service.mutable_sla() = event.sla();
  service.set_sla_version(event.sla_version());
  insert_once(*rows.put(kCityTable, "").mutable_services(), event.service());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CalendarAdopted& event, const EntryContext&) {
  auto& city = rows.put(kCityTable, "");
  *city.mutable_calendar() = event.calendar();
  city.set_calendar_version(event.version());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::PolicyAdopted& event, const EntryContext& entry) {
  auto& policy = rows.put(kPolicyTable, event.policy());
  policy.set_policy(event.policy());
  policy.set_version(event.version());
  *policy.mutable_value() = event.value();
  policy.set_adopted_time_us(entry.time_us);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::SourceConnected& event, const EntryContext&) {
  rows.put(kCityTable, "").add_sources(event.source());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::SourceDisconnected& event, const EntryContext&) {
  auto& sources = *rows.put(kCityTable, "").mutable_sources();
  sources.erase(std::remove(sources.begin(), sources.end(), event.source()), sources.end());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::PersonErased& event, const EntryContext& entry) {
  rows.put(kErasedPersonTable, event.person()).set_seq(entry.seq);
  return {};
}

}  // namespace hansa
