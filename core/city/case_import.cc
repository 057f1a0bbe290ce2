#include "core/base/hash.h"
#include "core/city/case.h"
#include "core/city/place.h"

namespace hansa {
namespace {

using State = v1::State;

// Each text with its length before it, so that no two rows run together into the same bytes.
void append_text(std::string& bytes, std::string_view text) {
  bytes += big_endian(text.size());
  bytes += text;
}

void append_number(std::string& bytes, int64_t number) {
  bytes += big_endian(static_cast<uint64_t>(number));
}

ImportId import_id(const v1::ImportCase& command, const v1::Place& place) {
  std::string bytes;
  append_text(bytes, command.source_name());
  append_text(bytes, command.source_id());
  append_number(bytes, command.kind());
  append_number(bytes, command.source());
  append_text(bytes, command.service());
  append_text(bytes, command.unit());
  append_text(bytes, place_key(place));
  append_number(bytes, place.has_point() ? 1 : 0);
  append_number(bytes, place.point().latitude_microdegrees());
  append_number(bytes, place.point().longitude_microdegrees());
  append_text(bytes, command.address());
  append_number(bytes, command.state());
  append_number(bytes, command.reported_time_us());
  append_number(bytes, command.closed_time_us());
  append_number(bytes, command.due_time_us());
  append_text(bytes, command.other_content());
  // Rows without a parent keep the identity that they had before parents could be stated.
  if (!command.merged_into_source_id().empty()) {
    append_text(bytes, command.merged_into_source_id());
  }
  return *ImportId::from(sha256(bytes).view().substr(0, 16));
}

Result<void> check_order(const v1::ImportCase& command) {
  const int64_t reported_us = command.reported_time_us();
  if (command.closed_time_us() != 0 && command.closed_time_us() < reported_us) {
    return fail(Errc::kTimesBackwards,
                "the case ends before it is reported; the source must correct one of its times",
                "/closed_time_us");
  }
  if (command.due_time_us() != 0 && command.due_time_us() < reported_us) {
    return fail(Errc::kTimesBackwards,
                "the case is due before it is reported; the source must correct one of its times",
                "/due_time_us");
  }
  return {};
}

// A row that contradicts itself is refused, never repaired.
Result<void> check_row(const v1::ImportCase& command) {
  HANSA_CHECK(check_time(command.reported_time_us(), "reported_time_us"));
  HANSA_CHECK(check_time(command.closed_time_us(), "closed_time_us"));
  HANSA_CHECK(check_time(command.due_time_us(), "due_time_us"));
  const bool has_end = command.closed_time_us() != 0;
  if (command.state() == State::merged && command.merged_into_source_id().empty()) {
    return fail(Errc::kBadRequest,
                "a merged case needs the id of the case it went into; state it, or import both "
                "apart",
                "/merged_into_source_id");
  }
  if (command.state() == State::closed && !has_end) {
    return fail(Errc::kTimesBackwards, "a closed case needs the time of its closure",
                "/closed_time_us");
  }
  if ((is_open(command.state()) || command.state() == State::merged) && has_end) {
    return fail(Errc::kTimesBackwards,
                "a case that is " + state_name(command.state()) +
                    " has no time of closure; correct its state or leave the time out",
                "/closed_time_us");
  }
  if (is_lead_state(command.state()) && command.unit().empty()) {
    return fail(Errc::kBadRequest,
                "a case that is " + state_name(command.state()) + " needs the unit that leads it",
                "/unit");
  }
  return check_order(command);
}

Result<Decision> known_row(RowsView& view, const v1::ImportedRow& row, const ImportId& id,
                           const v1::ImportCase& command) {
  if (row.import_id() != id.view()) {
    return fail(Errc::kSourceConflict,
                "row " + command.source_id() + " of " + command.source_name() +
                    " was imported as case " + row.case_() +
                    " with other content; the first one stays",
                "/source_id");
  }
  Decision decision;
  decision.subject_id = row.case_();
  if (const auto* existing = find_case(view, row.case_())) {
    decision.state = state_name(existing->state());
  }
  decision.unchanged = true;
  return decision;
}

// A child stands as its parent lets it: merged while the parent is open, ended with it.
Result<std::string> parent_of(RowsView& view, const v1::ImportCase& command) {
  const std::string& source_id = command.merged_into_source_id();
  if (source_id.empty()) return std::string();
  const auto* imported = view.find(kImportedTable, imported_key(command.source_name(), source_id));
  const auto* parent = imported == nullptr ? nullptr : find_case(view, imported->case_());
  if (parent == nullptr) {
    return fail(Errc::kUnknownCase,
                "row " + source_id + " of " + command.source_name() +
                    ", which this one was merged into, is not imported; import it first",
                "/merged_into_source_id");
  }
  if (!parent->merged_into().empty()) {
    return fail(Errc::kMergeCycle,
                "the case it was merged into is merged itself; state the last one of the chain",
                "/merged_into_source_id");
  }
  const auto expected = is_open(parent->state()) ? State::merged : parent->state();
  if (command.state() != expected) {
    return fail(Errc::kWrongState,
                "its parent is " + state_name(parent->state()) + ", so it must be " +
                    state_name(expected) + "; correct one of the two",
                "/state");
  }
  if (parent->merged_cases_size() >= kMergedCasesMax) {
    return fail(Errc::kLimitReached, "case " + parent->case_() + " has " +
                                         std::to_string(kMergedCasesMax) + " merged cases already");
  }
  return parent->case_();
}

}  // namespace

Result<Decision> decide_city(const CityScope& scope, const v1::ImportCase& command) {
  HANSA_TRY(v1::Place place, check_place(scope.view, scope.city, command.place()));
  const ImportId id = import_id(command, place);
  if (const auto* row = scope.view.find(
          kImportedTable, imported_key(command.source_name(), command.source_id()))) {
    return known_row(scope.view, *row, id, command);
  }
  HANSA_CHECK(check_row(command));
  if (scope.view.find(kServiceTable, command.service()) == nullptr) {
    return fail(Errc::kUnknownService,
                "the city has no service " + command.service() + "; define it first", "/service");
  }
  if (!command.unit().empty()) HANSA_CHECK(check_unit(scope.view, command.unit(), "unit"));

  HANSA_TRY(const std::string parent, parent_of(scope.view, command));

  Decision decision;
  decision.subject_id = case_id(scope.context.seq, 0);
  decision.state = state_name(command.state());
  auto& event = *decision.events.emplace_back().mutable_case_imported();
  event.set_case_(decision.subject_id);
  event.set_source_name(command.source_name());
  event.set_source_id(command.source_id());
  event.set_import_id(std::string(id.view()));
  event.set_kind(command.kind());
  event.set_source(command.source());
  event.set_service(command.service());
  event.set_unit(command.unit());
  *event.mutable_place() = std::move(place);
  event.set_address(command.address());
  event.set_state(command.state());
  event.set_reported_time_us(command.reported_time_us());
  event.set_closed_time_us(command.closed_time_us());
  event.set_due_time_us(command.due_time_us());
  event.set_merged_into(parent);
  return decision;
}

std::string imported_key(std::string_view source_name, std::string_view source_id) {
  std::string bytes;
  append_text(bytes, source_name);
  append_text(bytes, source_id);
  return std::string(sha256(bytes).view());
}

}  // namespace hansa
