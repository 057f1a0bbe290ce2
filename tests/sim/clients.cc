#include "tests/sim/clients.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hansa::sim {
namespace {

constexpr int64_t kMillisecondUs = 1'000;

// The same request may succeed later, or at a node that is newer: nothing is settled.
bool is_passing(const std::string& code) {
  const auto errc = find_errc(code);
  if (!errc) return false;
  const Retry retry = error_info(*errc).retry;
  return retry == Retry::kLater || retry == Retry::kUpgrade;
}

bool is_settled(const Attempt& attempt) {
  return attempt.outcome == Outcome::kOk || attempt.outcome == Outcome::kUnchanged ||
         (attempt.outcome == Outcome::kRefused && !is_passing(attempt.code));
}

bool is_settled(const Operation& operation) {
  return std::any_of(operation.attempts.begin(), operation.attempts.end(),
                     [](const Attempt& attempt) { return is_settled(attempt); });
}

}  // namespace

Clients::Clients(World world, std::unique_ptr<Workload> workload)
    : world_(std::move(world)),
      workload_(std::move(workload)),
      setup_(workload_->setup()),
      patience_us_(world_.dice.between(300, 8'000) * kMillisecondUs) {
  std::reverse(setup_.begin(), setup_.end());
  clients_.resize(world_.dice.pick(4) + 2);
  for (auto& client : clients_) client.left = 4 + world_.dice.pick(16);
}

CommandId Clients::new_id() {
  std::array<uint8_t, 10> random{};
  for (auto& byte : random) byte = static_cast<uint8_t>(world_.dice.number());
  return make_uuid_v7(world_.now.time_us / 1000, random);
}

void Clients::act() {
  const auto number = static_cast<uint32_t>(world_.dice.pick(clients_.size()));
  Client& client = clients_[number];
  if (world_.now.time_us < client.act_at_us) return;
  if (client.attempt) {
    client.attempt.reset();
    world_.trace.note("client gives up waiting", {number});
    client.act_at_us = world_.now.time_us + world_.dice.between(0, 300) * kMillisecondUs;
    if (gives_up()) client.operation.reset();
    return;
  }
  if (!client.operation) begin(number);
  if (client.operation) send(number);
}

void Clients::begin(uint32_t number) {
  Client& client = clients_[number];
  Request request;
  if (!setup_.empty()) {
    if (number > 0) return;
    request = std::move(setup_.back());
    setup_.pop_back();
  } else if (!wanted_.empty()) {
    request = std::move(wanted_.front());
    wanted_.pop_front();
  } else {
    if (is_finishing_ || client.left == 0) return;
    --client.left;
    request = workload_->next();
  }
  Operation operation;
  operation.client = number;
  operation.id = new_id();
  operation.method = request.method->name;
  operation.subject = request.subject;
  operation.import_key = request.import_key;
  operation.address = request.address;
  client.operation = history_.size();
  world_.trace.note("client asks", {number}, operation.method + " " + operation.subject);
  history_.push_back(std::move(operation));
  requests_.push_back(std::move(request));
}

void Clients::send(uint32_t number) {
  Client& client = clients_[number];
  const size_t index = *client.operation;
  const int copies = world_.dice.chance(world_.faults.sent_twice) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const auto node = world_.choose_node();
    if (!node) continue;
    auto& attempts = history_[index].attempts;
    const size_t attempt = attempts.size();
    attempts.push_back({*node, world_.now, std::nullopt, Outcome::kUnknown, 0, {}, {}});
    client.attempt = attempt;
    client.act_at_us = world_.now.time_us + patience_us_;
    world_.trace.note("client sends", {number, static_cast<int64_t>(index), *node});
    world_.send(*node, requests_[index], history_[index].id,
                [this, number, index, attempt](const Result<v1::Receipt>& result) {
                  answered(number, index, attempt, result);
                });
  }
}

void Clients::answered(uint32_t number, size_t index, size_t attempt_index,
                       const Result<v1::Receipt>& result) {
  Attempt& attempt = history_[index].attempts[attempt_index];
  attempt.completed = world_.now;
  if (result) {
    attempt.outcome = result->entry_sha256().empty() ? Outcome::kUnchanged : Outcome::kOk;
    attempt.seq = result->seq();
    attempt.entry_sha256 = result->entry_sha256();
    workload_->learn(result->subject_id(), result->state());
    world_.told(result->seq(), result->subject_id());
  } else {
    const auto& error = result.error();
    attempt.code = error_info(error.code).name;
    attempt.seq = error.seq;
    const bool is_open = error.code == Errc::kUnknownOutcome || error.code == Errc::kLedgerStopped;
    attempt.outcome = is_open ? Outcome::kUnknown : Outcome::kRefused;
  }
  world_.trace.note("client is answered",
                    {number, static_cast<int64_t>(index), attempt.node,
                     static_cast<int64_t>(attempt.seq)},
                    attempt.code.empty() ? attempt.entry_sha256 : attempt.code);
  Client& client = clients_[number];
  const bool is_waited_for = client.operation == index && client.attempt == attempt_index;
  if (!is_waited_for && !(client.operation == index && is_settled(attempt))) return;
  client.attempt.reset();
  client.act_at_us = world_.now.time_us + world_.dice.between(0, 200) * kMillisecondUs;
  if (is_settled(attempt) || gives_up()) client.operation.reset();
}

bool Clients::gives_up() {
  return !is_finishing_ && setup_.empty() && world_.dice.chance(world_.faults.given_up);
}

void Clients::only_finish() {
  is_finishing_ = true;
  for (auto& client : clients_) client.left = 0;
}

bool Clients::all_told() const {
  return setup_.empty() && wanted_.empty() &&
         std::all_of(clients_.begin(), clients_.end(), [](const Client& client) {
           return client.left == 0 && !client.operation;
         });
}

std::string Clients::waits_for() const {
  std::string text;
  for (const auto& client : clients_) {
    if (!client.operation) continue;
    const auto& operation = history_[*client.operation];
    text += " " + operation.method + " " + uuid_text(operation.id) + " (sent " +
            std::to_string(operation.attempts.size()) + " times, last answer " +
            (operation.attempts.empty() ? "none" : operation.attempts.back().code) + ")";
  }
  return text;
}

void Clients::count(std::map<std::string, uint64_t>& happened) const {
  for (const auto& operation : history_) {
    happened["operations"] += 1;
    happened["attempts"] += operation.attempts.size();
    if (!is_settled(operation)) happened["operations never answered"] += 1;
    for (const auto& attempt : operation.attempts) {
      if (attempt.outcome == Outcome::kOk) happened["answered ok"] += 1;
      if (attempt.outcome == Outcome::kUnchanged) happened["answered unchanged"] += 1;
      if (!attempt.completed) happened["answered never"] += 1;
      if (!attempt.code.empty()) happened["answered " + attempt.code] += 1;
    }
  }
}

}  // namespace hansa::sim
