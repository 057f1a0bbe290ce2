#include "tests/sim/checker.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/sim/folded_ledger.h"

namespace hansa::sim {
namespace {

std::string key_of(const Operation& operation) {
  return operation.import_key.empty() ? uuid_text(operation.id) : operation.import_key;
}

// What stands in the ledger under one key; and what was asked under it.
struct Traces {
  std::vector<const LedgerEntry*> entries;
  std::vector<const Operation*> operations;

  const LedgerEntry* accepted() const {
    for (const auto* entry : entries) {
      if (!entry->payload.has_refusal()) return entry;
    }
    return nullptr;
  }
};

class Check {
 public:
  explicit Check(const Evidence& evidence)
      : evidence_(evidence),
        ledger_(evidence.founding_id, evidence.records, evidence.ledger_kind) {}

  std::vector<Finding> run() {
    if (ledger_.broken()) found("chain_break", ledger_.broken()->detail);
    for (const auto& operation : evidence_.history) {
      traces_[key_of(operation)].operations.push_back(&operation);
    }
    check_entries();
    for (const auto& [key, traces] : traces_) check_traces(key, traces);
    check_order();
    check_shown();
    check_secrets();
    return std::move(findings_);
  }

 private:
  void found(std::string name, std::string what) {
    findings_.push_back({std::move(name), std::move(what)});
  }

  void check_entries() {
    int64_t time_us = 0;
    for (const auto& entry : ledger_.entries()) {
      const std::string where = "entry " + std::to_string(entry.seq);
      if (entry.payload.time_us() < time_us) {
        found("time", where + " is dated " + std::to_string(time_us - entry.payload.time_us()) +
                          " us before the one in front of it");
      }
      time_us = entry.payload.time_us();
      if (entry.seq <= evidence_.others_until_seq ||
          evidence_.entries_of_others.contains(entry.hash)) {
        continue;
      }
      const auto& cause = entry.payload.cause();
      switch (cause.kind()) {
        case v1::CauseKind::command:
          take(entry, where, CommandId::from(cause.command_id()).value_or(CommandId()));
          break;
        case v1::CauseKind::import: take_imports(entry, where); break;
        case v1::CauseKind::timer: check_timers(entry, where); break;
        case v1::CauseKind::input:
          if (evidence_.has_links) break;
          [[fallthrough]];
        default:
          if (evidence_.has_links && cause.method() == "SignCheckpoint") break;
          found("phantom", where + " (" + cause.method() + ") is of a kind nobody sends");
      }
    }
  }

  void take(const LedgerEntry& entry, const std::string& where, const CommandId& id) {
    const auto traces = traces_.find(uuid_text(id));
    if (traces == traces_.end()) {
      return found("phantom", where + " names command " + uuid_text(id) + ", which nobody sent");
    }
    const auto& asked = traces->second.operations.front()->method;
    if (!asked.empty() && entry.payload.cause().method() != asked) {
      found("phantom", where + " is of method " + entry.payload.cause().method() +
                           ", asked for was " + asked);
    }
    traces->second.entries.push_back(&entry);
  }

  void take_imports(const LedgerEntry& entry, const std::string& where) {
    for (const auto& event : entry.payload.events()) {
      const auto& row = event.case_imported();
      const auto traces = traces_.find(import_key(row.source_name(), row.source_id()));
      if (traces == traces_.end()) {
        found("phantom", where + " imports row " + row.source_id() + ", which nobody sent");
      } else {
        traces->second.entries.push_back(&entry);
      }
    }
  }

  void check_timers(const LedgerEntry& entry, const std::string& where) {
    for (const auto& event : entry.payload.events()) {
      if (!event.has_deadline_breached()) continue;
      const auto& breach = event.deadline_breached();
      if (breach.due_time_us() > entry.payload.time_us()) {
        found("phantom", where + " says that a deadline of case " + breach.case_() +
                             " has passed before it has");
      }
      const auto key = std::tuple(breach.case_(), breach.clock(), breach.due_time_us());
      if (!breaches_.insert(key).second) {
        found("duplicate", where + " says a second time that case " + breach.case_() + " is late");
      }
    }
  }

  void check_traces(const std::string& key, const Traces& traces) {
    if (traces.entries.size() > 1) {
      found("duplicate", key + " stands in entries " + std::to_string(traces.entries[0]->seq) +
                             " and " + std::to_string(traces.entries[1]->seq));
    }
    if (traces.operations.empty()) return;
    const std::string name = traces.operations.front()->method + " " + key;
    const auto* accepted = traces.accepted();
    bool only_refused = true;
    for (const auto* operation : traces.operations) {
      for (const auto& attempt : operation->attempts) {
        only_refused = only_refused && attempt.outcome == Outcome::kRefused;
        if (attempt.outcome == Outcome::kOk) check_receipt(name, attempt, accepted);
        if (attempt.outcome == Outcome::kOk) check_content(name, *operation, accepted);
        check_landed(name, attempt);
      }
    }
    if (accepted != nullptr && only_refused) {
      found("effect_of_refusal", name + " was refused whenever it was sent, and stands in entry " +
                                     std::to_string(accepted->seq));
    }
  }

  void check_receipt(const std::string& name, const Attempt& attempt,
                     const LedgerEntry* accepted) {
    if (accepted == nullptr) {
      return found("lost", name + " was acknowledged at seq " + std::to_string(attempt.seq) +
                               " by node " + std::to_string(attempt.node) +
                               " and does not stand in the ledger");
    }
    if (accepted->seq == attempt.seq && to_hex(accepted->hash) == attempt.entry_sha256) return;
    found("answer_differs", name + ": the receipt says seq " + std::to_string(attempt.seq) +
                                ", hash " + attempt.entry_sha256 + "; the ledger has seq " +
                                std::to_string(accepted->seq) + ", hash " +
                                to_hex(accepted->hash));
  }

  // A row of the same name, sent by another, is no answer where it says something else.
  void check_content(const std::string& name, const Operation& operation,
                     const LedgerEntry* accepted) {
    if (accepted == nullptr || operation.import_key.empty()) return;
    for (const auto& event : accepted->payload.events()) {
      const auto& row = event.case_imported();
      if (import_key(row.source_name(), row.source_id()) != operation.import_key ||
          row.address() == operation.address) {
        continue;
      }
      found("answer_differs", name + " was acknowledged; the row in entry " +
                                  std::to_string(accepted->seq) + " is another one");
    }
  }

  void check_landed(const std::string& name, const Attempt& attempt) {
    if (evidence_.readable_since.empty() || !attempt.completed || attempt.seq == 0) return;
    const bool is_there = attempt.seq <= ledger_.entries().size();
    const Offset offset = is_there ? ledger_.entries()[attempt.seq - 1].offset : 0;
    if (is_there && evidence_.readable_since[offset] <= attempt.completed->step) return;
    found("unlanded_seen", name + " was answered by node " + std::to_string(attempt.node) +
                               " as of seq " + std::to_string(attempt.seq) +
                               ", which nobody could read yet");
  }

  // The highest seq that anyone was told of before a step.
  Seq acknowledged_before(uint64_t step) const {
    const auto behind = acknowledged_.lower_bound(step);
    return behind == acknowledged_.begin() ? 0 : std::prev(behind)->second;
  }

  void check_order() {
    for (const auto& operation : evidence_.history) {
      for (const auto& attempt : operation.attempts) {
        if (attempt.outcome != Outcome::kOk || !attempt.completed) continue;
        auto& highest = acknowledged_[attempt.completed->step];
        highest = std::max(highest, attempt.seq);
      }
    }
    Seq highest = 0;
    for (auto& [step, seq] : acknowledged_) seq = highest = std::max(highest, seq);
    for (const auto& [key, traces] : traces_) {
      for (const auto* operation : traces.operations) check_order_of(key, traces, *operation);
    }
  }

  void check_order_of(const std::string& key, const Traces& traces, const Operation& operation) {
    if (operation.attempts.empty()) return;
    const Seq before = acknowledged_before(operation.attempts.front().invoked.step);
    // Several operations may be about one imported row: only the first made its entry.
    const auto* accepted = operation.import_key.empty() ? traces.accepted() : nullptr;
    if (accepted != nullptr && accepted->seq < before) {
      found("order", operation.method + " " + key + " stands in entry " +
                         std::to_string(accepted->seq) + ", but entry " + std::to_string(before) +
                         " was acknowledged before it was asked for");
    }
    if (evidence_.has_old_ends) return;
    for (const auto& attempt : operation.attempts) {
      const bool is_judged = says_state(attempt) && (attempt.outcome == Outcome::kUnchanged ||
                                                     traces.entries.empty());
      const Seq known = acknowledged_before(attempt.invoked.step);
      if (!is_judged || attempt.seq == 0 || attempt.seq >= known) continue;
      found("stale_answer", operation.method + " " + key + " was answered " +
                                (attempt.code.empty() ? "unchanged" : attempt.code) +
                                " by node " + std::to_string(attempt.node) + " as of seq " +
                                std::to_string(attempt.seq) + ", but seq " +
                                std::to_string(known) + " was acknowledged before it was sent");
    }
  }

  void check_shown() {
    std::set<Seq> seqs;
    for (const auto& shown : evidence_.shown) {
      if (shown.digest) seqs.insert(shown.seq);
    }
    const auto digests = ledger_.fold(seqs);
    if (!digests) return found("fold_failed", digests.error().detail);
    for (const auto& shown : evidence_.shown) {
      const std::string where =
          "node " + std::to_string(shown.node) + " at seq " + std::to_string(shown.seq);
      const bool is_there = shown.seq <= ledger_.entries().size();
      const Hash hash = shown.seq > 0 && is_there ? ledger_.entries()[shown.seq - 1].hash : Hash();
      if (!is_there || (shown.seq > 0 && hash != shown.tip)) {
        found("history_differs", where + " held hash " + to_hex(shown.tip) + ", the ledger has " +
                                     (is_there ? to_hex(hash) : std::string("no such entry")));
      } else if (shown.digest && *shown.digest != digests->at(shown.seq)) {
        found("projection_differs", where + " had digest " + shown.digest->hex() +
                                        ", folded anew it is " + digests->at(shown.seq).hex());
      }
    }
  }

  void check_secrets() {
    for (Offset offset = 0; offset < evidence_.records.size(); ++offset) {
      for (const auto& secret : evidence_.secrets) {
        if (evidence_.records[offset].find(secret) == std::string::npos) continue;
        found("clear_text", "record " + std::to_string(offset) + " holds \"" + secret + "\"");
      }
    }
  }

  const Evidence& evidence_;
  const FoldedLedger ledger_;
  std::map<std::string, Traces> traces_;  // by command id or imported row
  std::set<std::tuple<std::string, v1::Clock::Value, int64_t>> breaches_;
  std::map<uint64_t, Seq> acknowledged_;  // by step
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const Evidence& evidence) { return Check(evidence).run(); }

}  // namespace hansa::sim
