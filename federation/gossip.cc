#include "federation/gossip.h"

#include <mutex>

#include "core/alliance/alliance.h"
#include "federation/system_command.h"

namespace hansa::federation {

struct Gossip::Round {
  std::mutex mutex;
  std::vector<std::pair<std::string, Note>> answers;  // guarded by mutex, not taken yet
};

struct Gossip::Report {
  std::mutex mutex;
  std::optional<Result<v1::Receipt>> receipt;  // guarded by mutex
};

Gossip::Gossip(Plan plan) : plan_(std::move(plan)), asked_us_(plan_.env->now_us()) {}
Gossip::~Gossip() = default;

bool Gossip::poke() {
  if (report_ != nullptr) {
    settle();
    return report_ != nullptr;
  }
  const auto* reader = plan_.reader();
  const bool leads = plan_.keeper->health().lead == projections::Lead::kHere;
  if (is_reported_ || !leads || reader == nullptr) return false;
  take_answers();
  compare(*reader);
  const auto& origin = reader->covered_by().origin();
  if (report_ == nullptr && !origin.empty() &&
      plan_.env->now_us() - asked_us_ >= kGossipUs) {
    ask(origin);
    return true;
  }
  return report_ != nullptr;
}

void Gossip::ask(const std::string& origin) {
  asked_us_ = plan_.env->now_us();
  round_ = std::make_shared<Round>();
  const auto peers = peers_of(*plan_.keeper->snapshot(), plan_.ledger.id);
  if (!peers) return;
  for (const auto& peer : *peers) {
    if (!is_member(peer) || !witness_key(peer)) continue;
    plan_.caller->newest(peer, plan_.ledger, origin,
                         [round = round_, city = peer.city()](Result<std::optional<Note>> newest) {
                           if (!newest || !*newest) return;
                           const std::lock_guard lock(round->mutex);
                           round->answers.emplace_back(city, **std::move(newest));
                         });
  }
}

void Gossip::take_answers() {
  if (round_ == nullptr) return;
  std::vector<std::pair<std::string, Note>> answers;
  {
    const std::lock_guard lock(round_->mutex);
    answers.swap(round_->answers);
  }
  for (const auto& [city, note] : answers) take(city, note);
}

void Gossip::take(const std::string& city, const Note& note) {
  const auto read = read_ledger_note(note);
  if (!read || read->ledger != plan_.ledger || read->founding_id != plan_.founding_id) return;
  if (!check_signed(note, *read, plan_.keys)) return;
  // The log's own signatures are all that the proof needs.
  Note own = note;
  std::erase_if(own.signatures, [&](const auto& one) { return one.name != read->tree.origin; });
  shown_[city] = {read->tree.size, read->tip, note_text(own)};
}

void Gossip::compare(const SignedReader& reader) {
  for (auto next = shown_.begin(); next != shown_.end();) {
    if (next->second.size > reader.covered_seq()) {
      ++next;
      continue;
    }
    const auto shown = std::move(next->second);
    next = shown_.erase(next);
    const auto* here = reader.covered_hash(shown.size);
    if (here == nullptr || *here == shown.tip) continue;
    return report(note_text(note_of(reader.covered_by())), shown.note);
  }
}

void Gossip::report(const std::string& here, const std::string& other) {
  auto command = std::make_unique<v1::ReportFork>();
  auto& found = *command->mutable_found();
  found.set_alliance(plan_.ledger.id);
  found.set_ledger(plan_.ledger.text());
  found.set_cosigned_note(here);
  found.set_other_note(other);
  report_ = std::make_shared<Report>();
  plan_.keeper->submit(system_command("gossip", std::move(command)),
                       [report = report_](Result<v1::Receipt> receipt) {
                         const std::lock_guard lock(report->mutex);
                         report->receipt = std::move(receipt);
                       });
}

void Gossip::settle() {
  std::optional<Result<v1::Receipt>> receipt;
  {
    const std::lock_guard lock(report_->mutex);
    receipt = report_->receipt;
  }
  if (!receipt) return;
  report_.reset();
  is_reported_ = receipt->has_value();
  waits_.reset();
  if (!is_reported_) waits_ = receipt->error();
}

LinkHealth Gossip::health() const {
  LinkHealth health;
  health.kind = LinkKind::kComparison;
  health.link = plan_.ledger.text() + " > " + plan_.keeper->config().ledger.text() + " compared";
  health.is_idle = report_ == nullptr;
  health.waits = waits_;
  return told_by_leader(std::move(health), *plan_.keeper);
}

}  // namespace hansa::federation
