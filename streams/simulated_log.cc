#include "streams/simulated_log.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"

namespace hansa::streams {

SimulatedFaults SimulatedFaults::all(uint32_t per_thousand) {
  return {per_thousand, per_thousand, per_thousand, per_thousand, per_thousand,
          per_thousand, per_thousand, per_thousand, per_thousand, per_thousand, per_thousand};
}

SimulatedStore::SimulatedStore(uint64_t seed, const SimulatedFaults& faults)
    : env_(seed, "simulated log"), faults_(faults) {}

uint64_t SimulatedStore::pick(uint64_t below) {
  uint64_t number = 0;
  env_.random(reinterpret_cast<uint8_t*>(&number), sizeof(number));
  return number % below;
}

bool SimulatedStore::chance(uint32_t per_thousand) {
  return per_thousand > 0 && pick(1000) < per_thousand;
}

Delivery SimulatedStore::failure() {
  return {std::nullopt, Error{Errc::kUnavailable, "the simulated log did not answer in time"}};
}

std::vector<SimulatedStore::Action> SimulatedStore::possible_actions() {
  std::vector<Action> actions;
  for (const auto& [route, traffic] : traffic_) {
    if (!traffic.outgoing.empty()) actions.push_back({Action::Kind::kArrive, route});
    const bool answerable =
        std::any_of(traffic.flights.begin(), traffic.flights.end(),
                    [](const FlightRef& flight) { return flight->unanswered == 0; });
    const bool first_answerable =
        !traffic.flights.empty() && traffic.flights.front()->unanswered == 0;
    if (first_answerable || (answerable && faults_.reorder_answers > 0)) {
      actions.push_back({Action::Kind::kAnswer, route});
    }
  }
  for (const auto& [id, ledger] : ledgers_) {
    if (ledger.synced < ledger.records.size()) {
      actions.push_back({Action::Kind::kSync, {0, id}});
    }
    if (!ledger.late.empty()) actions.push_back({Action::Kind::kArriveLate, {0, id}});
  }
  return actions;
}

bool SimulatedStore::step() {
  const std::lock_guard lock(mutex_);
  const auto actions = possible_actions();
  if (actions.empty()) return false;
  const Action& action = actions[pick(actions.size())];
  if (chance(faults_.crash)) {
    crash();
    return true;
  }
  if (chance(faults_.delay)) return true;
  switch (action.kind) {
    case Action::Kind::kArrive:
      arrive(action.route);
      break;
    case Action::Kind::kSync:
      sync(action.route.second);
      break;
    case Action::Kind::kAnswer:
      answer_flight(action.route);
      break;
    case Action::Kind::kArriveLate:
      arrive_late(action.route.second);
      break;
  }
  return true;
}

void SimulatedStore::run_until_idle() {
  while (step()) {
  }
}

void SimulatedStore::settle(const Message& message, Delivery delivery) {
  if (!message.flight) return;
  message.flight->deliveries[message.index] = std::move(delivery);
  --message.flight->unanswered;
}

// Without faults a flight arrives whole; with faults rivals may come in between.
void SimulatedStore::arrive(const Route& route) {
  auto& outgoing = traffic_[route].outgoing;
  Ledger& ledger = ledgers_[route.second];
  const FlightRef flight = outgoing.front().flight;
  const bool whole = pick(2) == 0 || faults_.delay == 0;
  do {
    arrive_one(ledger, std::move(outgoing.front()));
    outgoing.pop_front();
  } while (whole && !outgoing.empty() && outgoing.front().flight == flight);
}

void SimulatedStore::arrive_one(Ledger& ledger, Message message) {
  if (chance(faults_.drop)) return settle(message, failure());
  if (chance(faults_.late)) {
    settle(message, failure());
    ledger.late.push_back({std::move(message.value), nullptr, 0});
    return;
  }
  if (chance(faults_.duplicate)) {
    auto& place = pick(2) == 0 ? ledger.records : ledger.late;
    place.push_back({message.value, nullptr, 0});
  }
  ledger.records.push_back(std::move(message));
}

void SimulatedStore::arrive_late(const LedgerId& id) {
  Ledger& ledger = ledgers_[id];
  const auto which = ledger.late.begin() + static_cast<ptrdiff_t>(pick(ledger.late.size()));
  ledger.records.push_back(std::move(*which));
  ledger.late.erase(which);
}

void SimulatedStore::sync(const LedgerId& id) {
  Ledger& ledger = ledgers_[id];
  for (; ledger.synced < ledger.records.size(); ++ledger.synced) {
    Message& record = ledger.records[ledger.synced];
    Delivery delivery{ledger.synced, std::nullopt};
    if (chance(faults_.lost_answer)) delivery.offset.reset();
    if (chance(faults_.error_though_appended)) delivery = failure();
    settle(record, std::move(delivery));
    record.flight.reset();
  }
}

void SimulatedStore::answer_flight(const Route& route) {
  auto& flights = traffic_[route].flights;
  const auto answerable = [](const FlightRef& flight) { return flight->unanswered == 0; };
  auto which = flights.begin();
  if (!answerable(*which) || chance(faults_.reorder_answers)) {
    which = std::find_if(flights.begin() + 1, flights.end(), answerable);
    if (which == flights.end()) return;
  }
  const FlightRef flight = *which;
  flights.erase(which);
  if (flight->delivered) std::exchange(flight->delivered, nullptr)(std::move(flight->deliveries));
}

// What was not synced is gone; a client that had not heard yet may send it again, or give up.
void SimulatedStore::crash() {
  for (auto& [id, ledger] : ledgers_) {
    for (size_t i = ledger.synced; i < ledger.records.size(); ++i) {
      Message& record = ledger.records[i];
      settle(record, failure());
      if (pick(2) == 0) ledger.late.push_back({std::move(record.value), nullptr, 0});
    }
    ledger.records.resize(ledger.synced);
  }
}

void SimulatedStore::forget_outgoing(const Route& route) {
  auto& outgoing = traffic_[route].outgoing;
  for (auto& message : outgoing) {
    settle(message, failure());
    if (chance(faults_.late)) {
      ledgers_[route.second].late.push_back({std::move(message.value), nullptr, 0});
    }
  }
  outgoing.clear();
}

// A real broker appends behind what arrived before; here that becomes readable first.
void SimulatedStore::inject(const LedgerId& id, std::string value) {
  const std::lock_guard lock(mutex_);
  ledgers_[id].records.push_back({std::move(value), nullptr, 0});
  sync(id);
}

void SimulatedStore::replace_tail(const LedgerId& id, Offset from,
                                  std::vector<std::string> values) {
  const std::lock_guard lock(mutex_);
  Ledger& ledger = ledgers_[id];
  HANSA_ASSERT(from <= ledger.records.size(), "a tail begins inside the log");
  for (size_t i = ledger.synced; i < ledger.records.size(); ++i) {
    settle(ledger.records[i], failure());
  }
  ledger.records.resize(from);
  for (auto& value : values) ledger.records.push_back({std::move(value), nullptr, 0});
  ledger.synced = ledger.records.size();
}

std::vector<std::string> SimulatedStore::records(const LedgerId& id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> values;
  const auto found = ledgers_.find(id);
  if (found == ledgers_.end()) return values;
  for (size_t i = 0; i < found->second.synced; ++i) {
    values.push_back(found->second.records[i].value);
  }
  return values;
}

size_t SimulatedStore::size(const LedgerId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = ledgers_.find(id);
  return found == ledgers_.end() ? 0 : found->second.synced;
}

SimulatedLog::SimulatedLog(SimulatedStore& store) : store_(store), number_(++store.logs_) {}

SimulatedLog::~SimulatedLog() {
  // What waits may be the last to hold its process, whose end must not meet a half-changed store.
  std::vector<Log::Delivered> dropped;
  const std::lock_guard lock(store_.mutex_);
  for (auto& [route, traffic] : store_.traffic_) {
    if (route.first != number_) continue;
    for (auto& flight : traffic.flights) dropped.push_back(std::move(flight->delivered));
    store_.forget_outgoing(route);
  }
  std::erase_if(store_.traffic_, [this](const auto& each) { return each.first.first == number_; });
}

Result<Offset> SimulatedLog::end(const LedgerId& ledger) {
  const std::lock_guard lock(store_.mutex_);
  if (store_.chance(store_.faults_.unreachable)) {
    return fail(Errc::kUnavailable, "the simulated log cannot be reached");
  }
  const Offset synced = store_.ledgers_[ledger].synced;
  Offset& shown = shown_[ledger];
  // Above what is there only where a tail was replaced.
  if (shown < synced && store_.chance(store_.faults_.old_end)) {
    ++store_.old_ends_;
    return shown += store_.pick(synced - shown);
  }
  return shown = synced;
}

bool SimulatedLog::has_more(const LedgerId& ledger, Offset from) {
  const std::lock_guard lock(store_.mutex_);
  return from < store_.ledgers_[ledger].synced;
}

Result<ReadResult> SimulatedLog::read(const LedgerId& id, Offset from, size_t bytes_max) {
  const std::lock_guard lock(store_.mutex_);
  if (store_.chance(store_.faults_.unreachable)) {
    return fail(Errc::kUnavailable, "the simulated log cannot be reached");
  }
  const auto& ledger = store_.ledgers_[id];
  if (from > ledger.synced) {
    return fail(Errc::kLogBehind, id.text() + ": the log ends at offset " +
                                      std::to_string(ledger.synced) + ", asked for " +
                                      std::to_string(from));
  }
  size_t to = ledger.synced;
  if (from < to && store_.chance(store_.faults_.short_read)) {
    to = from + 1 + store_.pick(to - from);
  }
  ReadResult result{{}, from};
  size_t bytes = 0;
  for (; result.next < to; ++result.next) {
    const std::string& value = ledger.records[result.next].value;
    bytes += value.size();
    if (!result.records.empty() && bytes > bytes_max) break;
    result.records.push_back({result.next, value});
  }
  Offset& shown = shown_[id];
  shown = std::max(shown, result.next);
  return result;
}

void SimulatedLog::append(const LedgerId& ledger, std::vector<std::string> values, Offset,
                          Delivered delivered) {
  const std::lock_guard lock(store_.mutex_);
  auto flight = std::make_shared<SimulatedStore::Flight>();
  // It is dropped before this log is gone.
  flight->delivered = [this, ledger, delivered = std::move(delivered)](auto deliveries) {
    Offset& shown = shown_[ledger];
    for (const auto& delivery : deliveries) {
      if (delivery.offset) shown = std::max(shown, *delivery.offset + 1);
    }
    delivered(std::move(deliveries));
  };
  flight->deliveries.resize(values.size());
  flight->unanswered = values.size();
  auto& traffic = store_.traffic_[{number_, ledger}];
  traffic.flights.push_back(flight);
  for (size_t i = 0; i < values.size(); ++i) {
    traffic.outgoing.push_back({std::move(values[i]), flight, i});
  }
}

void SimulatedLog::renew_writer(const LedgerId& ledger) {
  const std::lock_guard lock(store_.mutex_);
  store_.forget_outgoing({number_, ledger});
}

}  // namespace hansa::streams
