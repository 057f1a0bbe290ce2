#include "core/alliance/handover.h"

#include "core/city/handover.h"

namespace hansa {
namespace {

using Handover = v1::HandoverState;

std::string key_of(std::string_view from_city, std::string_view handover) {
  return handover_key("", from_city, handover);
}

// A member that can hear of the offer and answer it.
Result<void> check_can_take(const Act& act, const std::string& city) {
  const auto* member = act.view.find(kMemberTable, city);
  if (member == nullptr) {
    return fail(Errc::kUnknownMember, "the alliance has admitted no city " + city);
  }
  if (member->membership() == v1::Membership::admitted && is_member(*member)) return {};
  return fail(Errc::kWrongState, city + " is " + membership_name(member->membership()) +
                                     " or has not joined; it can take no case");
}

template <typename Word>
Result<const v1::Handover*> find_offered(const Act& act, const Word& word,
                                         Handover::Value needed) {
  const auto* row = act.view.find(kHandoverTable, key_of(word.from_city(), word.handover()));
  if (row == nullptr || row->to_city() != act.member.city()) {
    return fail(Errc::kUnknownHandover, word.from_city() + " offered no case " + word.handover() +
                                            " to " + act.member.city());
  }
  if (row->state() == needed) return row;
  return fail(Errc::kWrongState, "the offer " + word.handover() + " of " + word.from_city() +
                                     " is " + Handover::Value_Name(row->state()) + " already");
}

template <typename Event>
void set_parties(Event& event, const v1::Handover& row) {
  event.add_cities(row.from_city());
  event.add_cities(row.to_city());
  event.set_handover(row.handover());
}

v1::Event returned(const v1::Handover& row, const std::string& reason, bool expired) {
  v1::Event event;
  auto& returned = *event.mutable_handover_returned();
  set_parties(returned, row);
  returned.set_reason(reason);
  returned.set_expired(expired);
  return event;
}

template <typename Event>
Result<std::string> key_of_event(const Event& event) {
  if (event.cities_size() == 2) return key_of(event.cities(0), event.handover());
  return fail(Errc::kInternal, "an event on the handover " + event.handover() + " names " +
                                   std::to_string(event.cities_size()) +
                                   " cities, expected two");
}

template <typename Event>
Result<v1::Handover*> change(Rows& rows, const Event& event, const EntryContext& entry) {
  HANSA_TRY(const std::string key, key_of_event(event));
  if (rows.find(kHandoverTable, key) == nullptr) {
    return fail(Errc::kInternal, "an event on the handover " + key + ", which was never offered");
  }
  auto& row = rows.put(kHandoverTable, key);
  row.set_changed_time_us(entry.time_us);
  return &row;
}

}  // namespace

Acted decide_act(const Act& act, const v1::CaseOffered& offered) {
  HANSA_CHECK(check_member(act.member));
  if (offered.from_city() != act.member.city() || offered.to_city() == act.member.city()) {
    return fail(Errc::kBadRequest, "a city offers its own cases, to another city");
  }
  HANSA_CHECK(check_can_take(act, offered.to_city()));
  if (act.view.find(kHandoverTable, key_of(offered.from_city(), offered.handover())) != nullptr) {
    return fail(Errc::kAlreadyExists, offered.from_city() + " has offered a case as " +
                                          offered.handover() + " already");
  }
  std::vector<v1::Event> events;
  auto& event = *events.emplace_back().mutable_handover_offered();
  event.add_cities(offered.from_city());
  event.add_cities(offered.to_city());
  event.set_handover(offered.handover());
  *event.mutable_offered() = offered.offered();
  event.set_expires_time_us(offered.expires_time_us());
  return events;
}

Acted decide_act(const Act& act, const v1::OfferTaken& taken) {
  HANSA_TRY(const auto* row, find_offered(act, taken, Handover::offered));
  std::vector<v1::Event> events;
  auto& event = *events.emplace_back().mutable_handover_taken();
  set_parties(event, *row);
  event.set_case_(taken.case_());
  return events;
}

Acted decide_act(const Act& act, const v1::OfferDeclined& declined) {
  HANSA_TRY(const auto* row, find_offered(act, declined, Handover::offered));
  return std::vector{returned(*row, declined.reason(), declined.expired())};
}

Acted decide_act(const Act& act, const v1::TakenCaseMoved& moved) {
  HANSA_TRY(const auto* row, find_offered(act, moved, Handover::taken));
  std::vector<v1::Event> events;
  auto& event = *events.emplace_back().mutable_handover_moved();
  set_parties(event, *row);
  event.set_state(moved.state());
  return events;
}

std::vector<v1::Event> returned_by_leaving(RowsView& view, const std::string& city) {
  std::vector<v1::Event> events;
  view.scan(TableId::kHandover, "", "\xff", [&](std::string_view, const auto& message) {
    const auto& row = static_cast<const v1::Handover&>(message);
    if (row.to_city() == city && row.state() == Handover::offered) {
      events.push_back(returned(row, "the city left the alliance", false));
    }
    return true;
  });
  return events;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::HandoverOffered& event,
                          const EntryContext& entry) {
  HANSA_TRY(const std::string key, key_of_event(event));
  put_offered(rows, key, event, entry);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::HandoverTaken& event, const EntryContext& entry) {
  HANSA_TRY(auto* row, change(rows, event, entry));
  row->set_state(Handover::taken);
  row->set_taken_case(event.case_());
  row->set_taken_state(v1::State::reported);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::HandoverReturned& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* row, change(rows, event, entry));
  row->set_state(event.expired() ? Handover::expired : Handover::declined);
  row->set_reason(event.reason());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::HandoverMoved& event, const EntryContext& entry) {
  HANSA_TRY(auto* row, change(rows, event, entry));
  row->set_taken_state(event.state());
  return {};
}

}  // namespace hansa
