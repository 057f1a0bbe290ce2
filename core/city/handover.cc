#include "core/city/handover.h"

#include <algorithm>

#include "core/alliance/clocks.h"
#include "core/base/durations.h"
#include "core/city/case_change.h"

namespace hansa {
namespace {

using Heard = v1::AllianceHeard;
using Handover = v1::HandoverState;
using State = v1::State;

constexpr int64_t kOfferDays = 3;

template <typename Change>
Result<void> change_handover(Rows& rows, const std::string& key, const EntryContext& entry,
                             const Change& change) {
  if (rows.find(kHandoverTable, key) == nullptr) {
    return fail(Errc::kInternal, "an event on the handover " + key + ", which was never offered");
  }
  auto& row = rows.put(kHandoverTable, key);
  change(row);
  row.set_changed_time_us(entry.time_us);
  return {};
}

template <typename Word>
std::string key_of_word(const Word& word) {
  return handover_key(word.alliance(), word.from_city(), word.handover());
}

// Empty where it does not name the two cities that it is said to: nothing is known by that key.
template <typename Change>
std::string key_of_change(const Heard& heard, const Change& change) {
  if (change.cities_size() != 2) return "";
  return handover_key(heard.alliance(), change.cities(0), change.handover());
}

// An alliance may say what it likes of handovers that this city never heard of: it means nothing.
template <typename Change>
Result<void> hear_change(Rows& rows, const std::string& key, const EntryContext& entry,
                         const Change& change) {
  if (rows.find(kHandoverTable, key) == nullptr) return {};
  return change_handover(rows, key, entry, change);
}

// The offer that the alliance did not pass on, if what it disregarded is one.
std::string refused_key(const Heard& heard) {
  const auto& disregarded = heard.act_disregarded();
  return handover_key(heard.alliance(), disregarded.city(),
                      "h" + std::to_string(disregarded.city_seq()));
}

template <typename Command>
Result<const v1::Handover*> find_offer(const CityScope& scope, const Command& command) {
  HANSA_TRY(const auto* affiliation, find_joined(scope, command.alliance()));
  const auto* row = scope.view.find(kHandoverTable, key_of_word(command));
  if (row == nullptr || row->to_city() != command.city()) {
    return fail(Errc::kUnknownHandover,
                "the city has heard of no case " + command.handover() + " that " +
                    command.from_city() + " offers to it through " + command.alliance(),
                "/handover");
  }
  if (affiliation->membership() != v1::Membership::admitted) {
    return fail(Errc::kWrongState, "the city is no member of " + command.alliance() +
                                       " in good standing, as far as it has heard; it answers no "
                                       "offer meanwhile");
  }
  // What it heard may be older than its leaving, which gives back what it was offered.
  if (affiliation->joinings_unanswered() > 0) {
    return fail(Errc::kWrongState, "the city has joined " + command.alliance() +
                                       " again and not heard of it yet; it answers no offer "
                                       "meanwhile");
  }
  if (row->state() != Handover::offered) {
    return fail(Errc::kWrongState, "the offer " + command.handover() + " of " +
                                       command.from_city() + " is " +
                                       Handover::Value_Name(row->state()) + " already");
  }
  return row;
}

Result<int64_t> offer_end(const CaseScope& scope, int64_t wanted_us) {
  const int64_t now_us = scope.context.time_us;
  if (wanted_us == 0) return now_us + kOfferDays * kDayUs;
  HANSA_CHECK(check_time(wanted_us, "expires_time_us"));
  if (wanted_us <= now_us) {
    return fail(Errc::kTimesBackwards, "expires_time_us must lie in the future",
                "/expires_time_us");
  }
  if (wanted_us <= now_us + kOfferDaysMax * kDayUs) return wanted_us;
  return fail(Errc::kLimitReached, "an offer ends at most " + std::to_string(kOfferDaysMax) +
                                       " days from now",
              "/expires_time_us");
}

Decision decline(const v1::Handover& row, const std::string& reason, bool expired) {
  Decision decision;
  decision.subject_id = row.handover();
  decision.state = Handover::Value_Name(expired ? Handover::expired : Handover::declined);
  auto& declined = *decision.events.emplace_back().mutable_offer_declined();
  declined.set_alliance(row.alliance());
  declined.set_from_city(row.from_city());
  declined.set_handover(row.handover());
  declined.set_reason(reason);
  declined.set_expired(expired);
  return decision;
}

// What this city was offered and has not answered.
std::vector<std::string> unanswered(RowsView& view, const std::string& alliance) {
  std::vector<std::string> keys;
  view.scan(TableId::kHandover, alliance + "/", alliance + "0",
            [&](std::string_view key, const auto& message) {
              const auto& row = static_cast<const v1::Handover&>(message);
              if (!row.is_own() && row.state() == Handover::offered) keys.emplace_back(key);
              return true;
            });
  return keys;
}

void add_offered(Rows& rows, const v1::CaseOffered& offered, const EntryContext& entry) {
  auto& row = rows.put(kHandoverTable, key_of_word(offered));
  row.set_alliance(offered.alliance());
  row.set_from_city(offered.from_city());
  row.set_to_city(offered.to_city());
  row.set_handover(offered.handover());
  *row.mutable_offered() = offered.offered();
  row.set_state(Handover::offered);
  row.set_expires_time_us(offered.expires_time_us());
  row.set_is_own(true);
  row.set_offered_time_us(entry.time_us);
  row.set_changed_time_us(entry.time_us);
}

void hear_offered(Rows& rows, const Heard& heard, const EntryContext& entry) {
  const auto& offered = heard.handover_offered();
  const std::string key = key_of_change(heard, offered);
  // This city's own is known already.
  if (key.empty() || rows.find(kHandoverTable, key) != nullptr) return;
  put_offered(rows, key, offered, entry).set_alliance(heard.alliance());
}

Result<void> evolve_heard_handover(Rows& rows, const Heard& heard, const EntryContext& entry) {
  switch (heard.change_case()) {
    case Heard::kHandoverOffered:
      hear_offered(rows, heard, entry);
      return {};
    case Heard::kHandoverTaken: {
      const auto& taken = heard.handover_taken();
      return hear_change(rows, key_of_change(heard, taken), entry, [&](auto& row) {
        row.set_state(Handover::taken);
        row.set_taken_case(taken.case_());
      });
    }
    case Heard::kHandoverReturned: {
      const auto& returned = heard.handover_returned();
      return hear_change(rows, key_of_change(heard, returned), entry, [&](auto& row) {
        row.set_state(returned.expired() ? Handover::expired : Handover::declined);
        row.set_reason(returned.reason());
      });
    }
    case Heard::kHandoverMoved: {
      const auto& moved = heard.handover_moved();
      return hear_change(rows, key_of_change(heard, moved), entry,
                         [&](auto& row) { row.set_taken_state(moved.state()); });
    }
    case Heard::kActDisregarded: {
      if (heard.act_disregarded().event() != "CaseOffered") return {};
      return hear_change(rows, refused_key(heard), entry, [&](auto& changed) {
        changed.set_state(Handover::refused);
        changed.set_reason(heard.act_disregarded().detail());
      });
    }
    default: return {};
  }
}

void drop_offer_timer(Rows& rows, const std::string& key) {
  const auto* row = rows.find(kHandoverTable, key);
  if (row != nullptr) {
    drop_timer(rows, v1::Clock::offer_expiry, key, row->expires_time_us());
  }
}

// The case goes on where it stood, or is referred out by the next event.
void end_rest(Rows& rows, const std::string& key) {
  const auto* row = rows.find(kHandoverTable, key);
  if (row == nullptr) return;
  if (!row->is_own()) return drop_offer_timer(rows, key);
  const std::string id = row->offered().case_();
  if (find_case(rows, id) == nullptr) return;
  rows.put(kCaseTable, case_key(id)).clear_offered_to();
}

void evolve_heard_case(Rows& rows, const Heard& heard, const EntryContext& entry) {
  switch (heard.change_case()) {
    case Heard::kHandoverOffered: {
      const auto& offered = heard.handover_offered();
      const std::string key = key_of_change(heard, offered);
      if (key.empty() || rows.find(kHandoverTable, key) != nullptr) return;
      return set_timer(rows, v1::Clock::offer_expiry, key, offered.expires_time_us(), entry);
    }
    case Heard::kHandoverTaken:
      return end_rest(rows, key_of_change(heard, heard.handover_taken()));
    case Heard::kHandoverReturned:
      return end_rest(rows, key_of_change(heard, heard.handover_returned()));
    case Heard::kActDisregarded:
      if (heard.act_disregarded().event() == "CaseOffered") end_rest(rows, refused_key(heard));
      return;
    default: return;
  }
}

std::optional<State::Value> state_told(const v1::Event& event, const std::string*& id) {
  switch (event.event_case()) {
    case v1::Event::kCaseClosed: id = &event.case_closed().case_(); return State::closed;
    case v1::Event::kCaseRefuted: id = &event.case_refuted().case_(); return State::refuted;
    case v1::Event::kCaseReopened: id = &event.case_reopened().case_(); return State::assigned;
    case v1::Event::kCaseWithdrawn: id = &event.case_withdrawn().case_(); return State::withdrawn;
    case v1::Event::kCaseMerged: id = &event.case_merged().case_(); return State::merged;
    case v1::Event::kCaseReferredOut:
      id = &event.case_referred_out().case_();
      return State::referred_out;
    default: return std::nullopt;
  }
}

}  // namespace

std::string handover_key(std::string_view alliance, std::string_view from_city,
                         std::string_view handover) {
  std::string key(alliance);
  key.append("/").append(from_city).append("/").append(handover);
  return key;
}

v1::Handover& put_offered(Rows& rows, const std::string& key, const v1::HandoverOffered& event,
                          const EntryContext& entry) {
  auto& row = rows.put(kHandoverTable, key);
  row.set_from_city(event.cities(0));
  row.set_to_city(event.cities(1));
  row.set_handover(event.handover());
  *row.mutable_offered() = event.offered();
  row.set_state(Handover::offered);
  row.set_expires_time_us(event.expires_time_us());
  row.set_offered_time_us(entry.time_us);
  row.set_changed_time_us(entry.time_us);
  return row;
}

// ---- decide

Result<Decision> decide_case(const CaseScope& scope, const v1::OfferCase& command) {
  const CityScope city{scope.view, scope.context, scope.city};
  HANSA_TRY(const auto* affiliation, find_joined(city, command.alliance()));
  if (affiliation->membership() != v1::Membership::admitted) {
    return fail(Errc::kWrongState, "the city is no member of " + command.alliance() +
                                       " in good standing, as far as it has heard; nothing is "
                                       "handed over through it");
  }
  if (command.to_city() == command.city()) {
    return fail(Errc::kBadRequest, "a case is offered to another city", "/to_city");
  }
  HANSA_TRY(const int64_t expires_us, offer_end(scope, command.expires_time_us()));
  Decision decision = decision_about(scope.row, scope.row.state());
  auto& event = *decision.events.emplace_back().mutable_case_offered();
  event.set_alliance(command.alliance());
  event.set_from_city(command.city());
  event.set_handover("h" + std::to_string(scope.context.seq));
  event.set_to_city(command.to_city());
  event.set_expires_time_us(expires_us);
  auto& offered = *event.mutable_offered();
  offered.set_case_(scope.row.case_());
  offered.set_kind(scope.row.kind());
  offered.set_service(scope.row.service());
  offered.set_where(command.where());
  offered.set_reported_time_us(scope.row.reported_time_us());
  offered.set_observed_time_us(scope.row.observed_time_us());
  for (const auto& media : scope.row.media()) offered.add_media_sha256(media.sha256());
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::TakeOffer& command) {
  HANSA_TRY(const auto* row, find_offer(scope, command));
  if (scope.context.time_us >= row->expires_time_us()) {
    return fail(Errc::kWrongState, "the time to take the offer " + command.handover() + " is over");
  }
  const auto& offered = row->offered();
  v1::ReportCase report;
  report.set_city(command.city());
  report.set_kind(offered.kind());
  report.set_source(v1::Source::neighbouring_city);
  report.set_service(command.service());
  *report.mutable_place() = command.place();
  report.set_address(command.address());
  report.set_description(offered.where());
  report.set_external_id(command.from_city() + "/" + offered.case_());
  // The other city's clock may be ahead.
  report.set_observed_time_us(std::clamp<int64_t>(offered.reported_time_us(), 0,
                                                  scope.context.time_us));
  for (const auto& sha256 : offered.media_sha256()) report.add_media()->set_sha256(sha256);
  HANSA_TRY(Decision decision, decide_report(scope, report));
  auto& taken = *decision.events.emplace_back().mutable_offer_taken();
  taken.set_alliance(command.alliance());
  taken.set_from_city(command.from_city());
  taken.set_handover(command.handover());
  taken.set_case_(decision.subject_id);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::DeclineOffer& command) {
  HANSA_TRY(const auto* row, find_offer(scope, command));
  return decline(*row, command.reason(), false);
}

Result<Decision> decide_offer_expiry(RowsView& view, const v1::TimerDue& command) {
  const auto* row = view.find(kHandoverTable, command.subject());
  if (row == nullptr || row->state() != Handover::offered) return Decision();
  return decline(*row, "nobody answered in time", true);
}

void refer_out_taken(RowsView& view, const v1::TakeHeard& command, const v1::HandoverTaken& taken,
                     Decision& decision) {
  if (taken.cities_size() != 2 || taken.cities(0) != command.city()) return;
  const auto* handover = view.find(
      kHandoverTable, handover_key(command.alliance(), taken.cities(0), taken.handover()));
  // An alliance that forges may say that the city has offered what it has not.
  if (handover == nullptr || !handover->is_own()) return;
  if (handover->state() != Handover::offered) return;
  const auto* row = find_case(view, handover->offered().case_());
  if (row == nullptr || !is_open(row->state())) return;
  const auto refer_out = [&](const std::string& id, const std::string& reason) {
    auto& event = *decision.events.emplace_back().mutable_case_referred_out();
    event.set_case_(id);
    event.set_to(taken.cities(1));
    event.set_reason(reason);
  };
  refer_out(row->case_(), "taken over as " + taken.case_());
  for (const auto& child : row->merged_cases()) refer_out(child, "with " + row->case_());
}

void tell_of_taken(RowsView& view, Decision& decision) {
  for (size_t i = 0, end = decision.events.size(); i < end; ++i) {
    const std::string* id = nullptr;
    const auto state = state_told(decision.events[i], id);
    if (!state) continue;
    const auto* row = find_case(view, *id);
    if (row == nullptr || row->handover().empty()) continue;
    const auto* handover = view.find(kHandoverTable, row->handover());
    if (handover == nullptr) continue;
    auto& moved = *decision.events.emplace_back().mutable_taken_case_moved();
    moved.set_alliance(handover->alliance());
    moved.set_from_city(handover->from_city());
    moved.set_handover(handover->handover());
    moved.set_state(*state);
  }
}

// ---- evolve

void evolve_left(Rows& rows, const v1::AllianceLeft& left, const EntryContext& entry) {
  for (const auto& key : unanswered(rows, left.alliance())) {
    auto& row = rows.put(kHandoverTable, key);
    row.set_state(Handover::declined);
    row.set_reason("the city left the alliance");
    row.set_changed_time_us(entry.time_us);
  }
}

std::optional<Result<void>> evolve_handover(Rows& rows, const v1::Event& event,
                                            const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCaseOffered:
      add_offered(rows, event.case_offered(), entry);
      return Result<void>();
    case v1::Event::kOfferTaken: {
      const auto& taken = event.offer_taken();
      return change_handover(rows, key_of_word(taken), entry, [&](auto& row) {
        row.set_state(Handover::taken);
        row.set_taken_case(taken.case_());
        row.set_taken_state(State::reported);
      });
    }
    case v1::Event::kOfferDeclined: {
      const auto& declined = event.offer_declined();
      return change_handover(rows, key_of_word(declined), entry, [&](auto& row) {
        row.set_state(declined.expired() ? Handover::expired : Handover::declined);
        row.set_reason(declined.reason());
      });
    }
    case v1::Event::kTakenCaseMoved: {
      const auto& moved = event.taken_case_moved();
      return change_handover(rows, key_of_word(moved), entry,
                             [&](auto& row) { row.set_taken_state(moved.state()); });
    }
    case v1::Event::kAllianceLeft:
      evolve_left(rows, event.alliance_left(), entry);
      return std::nullopt;  // and folded as what it is
    case v1::Event::kAllianceHeard: {
      if (auto heard = evolve_heard_handover(rows, event.alliance_heard(), entry); !heard) {
        return heard;
      }
      return std::nullopt;
    }
    default: return std::nullopt;
  }
}

Result<void> evolve_offered_case(Rows& rows, const v1::Event& event, const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCaseOffered: {
      const auto& offered = event.case_offered();
      return change_case(rows, offered, offered.offered().case_(), entry,
                         {{}, offered.to_city()},
                         [&](v1::Case& row) { row.set_offered_to(offered.to_city()); });
    }
    case v1::Event::kOfferTaken: {
      const auto& taken = event.offer_taken();
      drop_offer_timer(rows, key_of_word(taken));
      return change_case(rows, taken, taken.case_(), entry,
                         {{}, taken.from_city()},
                         [&](v1::Case& row) { row.set_handover(key_of_word(taken)); });
    }
    case v1::Event::kOfferDeclined:
      drop_offer_timer(rows, key_of_word(event.offer_declined()));
      return {};
    case v1::Event::kAllianceLeft:
      for (const auto& key : unanswered(rows, event.alliance_left().alliance())) {
        drop_offer_timer(rows, key);
      }
      return {};
    case v1::Event::kAllianceHeard:
      evolve_heard_case(rows, event.alliance_heard(), entry);
      return {};
    default: return {};
  }
}

}  // namespace hansa
