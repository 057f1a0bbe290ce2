#include "tests/sim/city_world.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "tests/sim/city_node.h"
#include "tests/sim/clients.h"
#include "tests/sim/faults.h"
#include "tests/sim/folded_ledger.h"
#include "tests/sim/run_folder.h"
#include "tests/streams/log_helpers.h"

namespace hansa::sim {
namespace {

using projections::Lead;

constexpr uint32_t kNodes = 3;
constexpr int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z
constexpr uint64_t kFaultStepsMax = 8'000;
// So many steps are enough for everyone to be answered once nothing goes wrong any more.
constexpr uint64_t kHealStepsMax = 100'000;
constexpr int64_t kForwardPatienceUs = 3 * kSecondUs;
constexpr int64_t kReadPatienceUs = 3 * kSecondUs;
// A clock that is off by more makes command ids too old or too new for the ledger's time.
constexpr int64_t kClockOffUsMax = 20 * kHourUs;

// A command on its way from a node to the one that leads.
struct Forward {
  int64_t due_us = 0;
  int64_t lost_at_us = 0;  // nobody leads: then it goes
  std::string bytes;
};

class CityWorld {
 public:
  CityWorld(uint64_t seed, bool in_words, Ending ending)
      : ending_(ending),
        dice_(seed),
        trace_(in_words),
        faults_(draw_faults(dice_)),
        step_us_max_(dice_.between(200, 4'000)),
        log_(dice_.number()),
        city_{log_, clock_, {"city", "example"}, *FoundingId::from(std::string(16, 'f')),
              folder_.path(),
              [this](uint32_t from, std::string bytes) { forward(from, std::move(bytes)); }},
        clients_({dice_, trace_, now_, faults_, [this] { return choose_node(); },
                  [this](uint32_t node, const Request& request, const CommandId& id,
                         projections::Answer answer) {
                    nodes_[node]->enter(request, id, std::move(answer));
                  },
                  [this](Seq seq, const std::string& subject) { read_back(seq, subject); }},
                 // A node that cannot destroy a key stands still, for people to mend.
                 std::make_unique<CityWorkload>(dice_, city_.ledger.id, kStartUs,
                                                faults_.disk_full == 0)) {
    now_.time_us = clock_.now_us = kStartUs;
    draw_binaries(Dice(~seed), faults_);
    draw_ends(seed, faults_);
    log_.set_faults(faults_.log);
    note_faults(faults_, trace_);
    for (uint32_t number = 0; number < kNodes; ++number) {
      nodes_[number] = std::make_unique<CityNode>(number, dice_.number(), city_);
      if (faults_.is_old) nodes_[number]->schema_level_known = kFirstSchemaLevel;
    }
  }

  RunReport run() {
    for (auto& node : nodes_) node->follow_time();
    for (uint32_t number = 0; number < kNodes; ++number) start(number);
    choose_leaders();
    while (now_.step < kFaultStepsMax && !clients_.all_told() && is_sound()) step();
    happened_["steps with faults"] += now_.step;
    if (is_sound()) heal();
    if (is_sound()) end();
    return report();
  }

 private:
  bool is_sound() const { return findings_.empty(); }

  void found(std::string name, std::string what) {
    trace_.note("found", {}, name + ": " + what);
    findings_.push_back({std::move(name), std::move(what)});
  }

  // ---- time and what happens next

  void step() {
    ++now_.step;
    now_.time_us += dice_.between(1, step_us_max_);
    clock_.now_us = now_.time_us;
    for (auto& node : nodes_) node->follow_time();
    if (!is_healing_) harm();
    const uint64_t roll = dice_.pick(100);
    if (roll < 35) {
      trace_.note("log", {log_.step()});
      readable_since_.resize(log_.size(city_.ledger), now_.step);
    } else if (roll < 80) {
      const auto number = dice_.pick(kNodes);
      uint64_t handled = 0;
      for (uint64_t most = 1 + dice_.pick(6); handled < most; ++handled) {
        if (!nodes_[number]->run_one()) break;
      }
      trace_.note("node", {static_cast<int64_t>(number), static_cast<int64_t>(handled)});
    } else if (roll < 92) {
      clients_.act();
    } else if (roll < 99) {
      deliver_forward();
    } else {
      look_at(static_cast<uint32_t>(dice_.pick(kNodes)), dice_.chance(200));
    }
    trace_.print();
  }

  void harm() {
    if (dice_.chance(faults_.node_crash)) crash(static_cast<uint32_t>(dice_.pick(kNodes)));
    if (dice_.chance(faults_.lead_change)) choose_leaders();
    if (dice_.chance(faults_.clock_step)) step_clock(*nodes_[dice_.pick(kNodes)]);
    if (dice_.chance(faults_.pause)) {
      const auto number = dice_.pick(kNodes);
      nodes_[number]->paused_until_us = now_.time_us + dice_.between(1, 4 * kSecondUs);
      trace_.note("node pauses", {static_cast<int64_t>(number)});
      happened_["pauses"] += 1;
    }
    if (dice_.chance(faults_.disk_full)) fill_disk(static_cast<uint32_t>(dice_.pick(kNodes)));
    const auto other = static_cast<uint32_t>(dice_.pick(kNodes));
    if (dice_.chance(faults_.node_stop) && nodes_[other]->is_up()) {
      nodes_[other]->close();
      trace_.note("node closes", {other});
    }
    if (nodes_[other]->is_closed()) {
      nodes_[other]->crash();
      trace_.note("node is closed", {other});
      happened_["clean stops"] += 1;
    }
    if (dice_.chance(faults_.rebuild) && nodes_[other]->rebuild()) {
      trace_.note("node folds anew", {other});
      happened_["rebuilds"] += 1;
    }
    upgrade_some(other);
    // What is down comes back after a while.
    const auto number = static_cast<uint32_t>(dice_.pick(kNodes));
    if (!nodes_[number]->is_up() && dice_.chance(10)) start(number);
  }

  // ---- nodes

  void start(uint32_t number) {
    auto& node = *nodes_[number];
    node.follow_time();
    if (auto started = node.start(); !started) {
      trace_.note("node does not start", {number}, started.error().detail);
      if (started.error().code == Errc::kUnavailable) return;
      if (is_outdated(node, started.error())) return upgrade(number);
      return found("cannot_open", "node " + std::to_string(number) + ": " +
                                      std::string(error_info(started.error().code).name) + ": " +
                                      started.error().detail);
    }
    trace_.note("node starts", {number});
    happened_["starts"] += 1;
    if (dice_.chance(800)) node.take_lead(Lead::kElsewhere);
  }

  void crash(uint32_t number) {
    auto& node = *nodes_[number];
    if (!node.is_up()) return;
    look_at(number, true);
    node.crash();
    trace_.note("node crashes", {number});
    happened_["crashes"] += 1;
    if (!dice_.chance(faults_.rows_lost)) return;
    node.lose_rows();
    happened_["rows lost"] += 1;
  }

  // ---- newer binaries

  static bool is_old(const CityNode& node) { return node.schema_level_known < kSchemaLevel; }

  static bool is_outdated(const CityNode& node, const Error& error) {
    return is_old(node) && error.detail.find("install a newer one") != std::string::npos;
  }

  void upgrade(uint32_t number) {
    crash(number);
    nodes_[number]->schema_level_known = kSchemaLevel;
    trace_.note("node gets the newer binary", {number});
    happened_["upgrades"] += 1;
  }

  // The level is raised once every node is new; sometimes somebody is too early, and the nodes
  // that are old must stop in front of it.
  void upgrade_some(uint32_t number) {
    auto& node = *nodes_[number];
    const bool has_stopped = node.is_up() && node.keeper().health().stopped && dice_.chance(20);
    if (is_old(node) && (has_stopped || dice_.chance(faults_.upgrade))) upgrade(number);
    if (!faults_.is_old || has_raised_) return;
    const bool all_new = std::none_of(nodes_.begin(), nodes_.end(),
                                      [](const auto& each) { return is_old(*each); });
    if (dice_.chance(all_new ? 5 : faults_.raise_early)) raise();
  }

  void raise() {
    has_raised_ = true;
    clients_.ask(sim::raise_level(dice_, city_.ledger.id, kSchemaLevel));
  }

  // An old binary folded nothing from there on, and nobody has written below the level since.
  void check_levels(const Evidence& evidence) {
    const FoldedLedger ledger(city_.founding_id, evidence.records);
    Seq raised = 0;
    for (const auto& entry : ledger.entries()) {
      for (const auto& event : entry.payload.events()) {
        if (raised == 0 && event.has_schema_level_raised()) raised = entry.seq;
      }
      const auto level = decode_entry(evidence.records[entry.offset])->envelope.schema_level;
      if (level == (raised == 0 ? kFirstSchemaLevel : kSchemaLevel)) continue;
      found("level_wrong", "entry " + std::to_string(entry.seq) + " has schema level " +
                               std::to_string(level));
    }
    if (raised == 0) return;
    happened_["levels raised in mid-stream"] += 1;
    if (old_saw_ < raised) return;
    found("level_unknown", "a node of an older binary showed entry " + std::to_string(old_saw_) +
                               ", behind the raise of entry " + std::to_string(raised));
  }

  // Commits of the node fail for a while, the first perhaps in the middle of a record.
  void fill_disk(uint32_t number) {
    auto& node = *nodes_[number];
    node.disk_full_until_us = now_.time_us + dice_.between(1, 4 * kSecondUs);
    node.disk_bytes_left = dice_.pick(4'000);
    trace_.note("disk is full", {number, static_cast<int64_t>(node.disk_bytes_left)});
    happened_["full disks"] += 1;
  }

  void step_clock(CityNode& node) {
    const int64_t sizes[] = {kSecondUs / 10, 3 * kSecondUs, 400 * kSecondUs, 3 * kHourUs};
    const int64_t size = sizes[dice_.pick(4)];
    node.clock_off_us = std::clamp(node.clock_off_us + dice_.between(-size, size),
                                   -kClockOffUsMax, kClockOffUsMax);
    trace_.note("clock is set", {node.clock_off_us});
    happened_["clock steps"] += 1;
  }

  // Mostly one; sometimes two at once, or none, or one that may not decide.
  void choose_leaders() {
    const auto first = dice_.pick(kNodes);
    const auto second = dice_.chance(200) ? dice_.pick(kNodes) : first;
    const bool has_leader = !dice_.chance(100);
    for (uint32_t number = 0; number < kNodes; ++number) {
      if (!nodes_[number]->is_up()) continue;
      const bool leads = has_leader && (number == first || number == second);
      Lead lead = leads ? Lead::kHere : Lead::kElsewhere;
      if (!leads && dice_.chance(30)) lead = Lead::kForbidden;
      // Not everyone hears of it at once.
      if (!is_healing_ && dice_.chance(100)) continue;
      nodes_[number]->take_lead(lead);
      trace_.note("lead", {number, static_cast<int64_t>(lead)});
    }
    happened_["lead changes"] += 1;
  }

  std::optional<uint32_t> choose_node() {
    const auto number = static_cast<uint32_t>(dice_.pick(kNodes));
    const auto& node = *nodes_[number];
    if (!node.is_up() || now_.time_us < node.paused_until_us) return std::nullopt;
    return number;
  }

  // What a node shows of itself is held against the ledger at the end.
  void look_at(uint32_t number, bool at_rows) {
    auto& node = *nodes_[number];
    if (!node.is_up()) return;
    const auto health = node.keeper().health();
    if (is_old(node)) old_saw_ = std::max(old_saw_, health.landed_seq);
    if (health.stopped && !replaced_ && !is_outdated(node, *health.stopped)) {
      found("ledger_stopped", "node " + std::to_string(number) + ": " + health.stopped->detail);
    }
    if (health.rebuild.digest_differed) {
      found("projection_differs",
            "node " + std::to_string(number) + ": " + health.rebuild.detail);
    }
    if (!health.waits.empty()) happened_["looks at nodes that wait"] += 1;
    shown_.push_back({number, health.landed_seq, health.tip, std::nullopt});
    if (!at_rows) return;
    const auto meta = node.keeper().store()->meta();
    shown_.push_back({number, meta.position.seq, meta.position.tip, meta.digest});
  }

  static bool shows(const projections::Snapshot& snapshot, const std::string& subject) {
    if (!subject.starts_with('c')) return true;  // no case
    const auto row = snapshot.find(kCaseTable, case_key(subject));
    return row && *row;
  }

  // Whoever was told of an entry and asks any node for it sees it, or hears that it is not there
  // yet.
  void read_back(Seq seq, const std::string& subject) {
    if (!dice_.chance(200)) return;
    const auto number = choose_node();
    if (!number) return;
    nodes_[*number]->keeper().wait_for(
        seq, kReadPatienceUs,
        [this, seq, subject, number = *number](
            const Result<std::shared_ptr<const projections::Snapshot>>& shown) {
          trace_.note("read", {number, static_cast<int64_t>(seq), shown.has_value()});
          happened_[shown ? "reads" : "reads in vain"] += 1;
          if (!shown) return;
          const auto& meta = (*shown)->meta();
          shown_.push_back({number, meta.position.seq, meta.position.tip, meta.digest});
          if (meta.position.seq >= seq && shows(**shown, subject)) return;
          found("read_behind", "node " + std::to_string(number) + " was asked for seq " +
                                   std::to_string(seq) + " and showed seq " +
                                   std::to_string(meta.position.seq) + " without " + subject);
        });
  }

  // ---- forwarded commands

  void forward(uint32_t from, std::string bytes) {
    happened_["forwards"] += 1;
    if (dice_.chance(faults_.forward_lost)) return trace_.note("forward is lost", {from});
    const int copies = dice_.chance(faults_.forward_doubled) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      const int64_t late_us =
          dice_.chance(faults_.forward_late) ? dice_.between(0, 12 * kSecondUs) : 0;
      const int64_t due_us = now_.time_us + late_us;
      forwards_.push_back({due_us, due_us + kForwardPatienceUs, bytes});
    }
  }

  void deliver_forward() {
    if (forwards_.empty()) return;
    const size_t which = dice_.pick(forwards_.size());
    const Forward& forward = forwards_[which];
    if (forward.due_us > now_.time_us) return;
    const auto number = static_cast<uint32_t>(dice_.pick(kNodes));
    auto& node = *nodes_[number];
    const bool takes = node.is_up() && now_.time_us >= node.paused_until_us &&
                       (node.lead == Lead::kHere || dice_.chance(faults_.forward_astray));
    if (takes) {
      const auto entered = node.door().enter_forwarded(forward.bytes);
      trace_.note("forward arrives", {number, entered.has_value()});
    }
    if (takes || now_.time_us > forward.lost_at_us) {
      forwards_.erase(forwards_.begin() + static_cast<ptrdiff_t>(which));
    }
  }

  // ---- the end

  void heal() {
    trace_.note("heals");
    is_healing_ = true;
    const bool was_old = faults_.is_old;
    faults_ = Faults();
    log_.set_faults({});
    clients_.only_finish();
    if (was_old && !has_raised_) raise();
    for (uint32_t number = 0; number < kNodes && is_sound(); ++number) {
      auto& node = *nodes_[number];
      if (is_old(node)) upgrade(number);
      node.paused_until_us = node.clock_off_us = node.disk_full_until_us = 0;
      if (node.is_up() && dice_.chance(300)) node.crash();
      if (node.is_closing()) node.crash();
      if (!node.is_up()) start(number);
      if (node.is_up()) node.take_lead(number == 0 ? Lead::kHere : Lead::kElsewhere);
    }
    const uint64_t begun = now_.step;
    while (is_sound() && !(clients_.all_told() && all_read())) {
      step();
      if (now_.step - begun > kHealStepsMax) return found("no_progress", what_waits());
    }
    happened_["steps to heal"] += now_.step - begun;
  }

  bool all_read() {
    const bool was_busy = log_.step();
    readable_since_.resize(log_.size(city_.ledger), now_.step);
    if (was_busy) return false;
    const size_t records = log_.size(city_.ledger);
    return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      const auto health = node->keeper().health();
      return health.next_offset >= records && health.committed_seq == health.landed_seq;
    });
  }

  std::string what_waits() {
    std::string text = "nothing goes wrong any more, and still there wait:" + clients_.waits_for();
    for (uint32_t number = 0; number < kNodes; ++number) {
      const auto health = nodes_[number]->keeper().health();
      text += "; node " + std::to_string(number) + " has landed seq " +
              std::to_string(health.landed_seq) + ", committed " +
              std::to_string(health.committed_seq) + ", read to offset " +
              std::to_string(health.next_offset) + ", waits: " + health.waits;
    }
    return text + "; the log ends at " + std::to_string(log_.size(city_.ledger));
  }

  void end() {
    switch (ending_) {
      case Ending::kClose: return close();
      case Ending::kReplacedTail: return replace_tail();
      case Ending::kRaisedLevel: return raise_level();
    }
  }

  // Asked on and on, until every node has stopped; false: one goes on.
  bool all_stop() {
    CityWorkload workload(dice_, city_.ledger.id, kStartUs, false);
    for (int i = 0; i < 20; ++i) clients_.ask(workload.next());
    const auto is_stopped = [](const auto& node) {
      return node->keeper().health().stopped.has_value();
    };
    for (uint64_t i = 0; !std::all_of(nodes_.begin(), nodes_.end(), is_stopped); ++i) {
      step();
      if (i > kHealStepsMax) return false;
    }
    log_.run_until_idle();
    const auto left = log_.records(city_.ledger);
    for (int i = 0; i < 1'000; ++i) step();
    if (log_.records(city_.ledger) != left) {
      found("history_touched", "a node that has stopped goes on to write");
    }
    return true;
  }

  // A node of a newer release writes at a schema level that these do not know: each stops in front
  // of it, says so, and builds nothing on it.
  void raise_level() {
    const auto old = log_.records(city_.ledger);
    const FoldedLedger ledger(city_.founding_id, old);
    if (ledger.entries().empty()) return close();
    streams::EntryWriter writer(city_.founding_id, dice_.number());
    const auto& last = ledger.entries().back();
    writer.go_behind(old[last.offset]);
    log_.inject(city_.ledger, writer.next(last.payload.SerializeAsString(), kSchemaLevel + 1));
    trace_.note("level is raised", {static_cast<int64_t>(last.seq + 1)});
    happened_["raised levels"] += 1;
    replaced_ = old;
    if (!all_stop()) {
      return found("level_unknown", "a node goes on behind an entry of a level that it does not "
                                    "know; " + what_waits());
    }
    for (const auto& node : nodes_) {
      const auto detail = node->keeper().health().stopped->detail;
      if (detail.find("install a newer one") != std::string::npos) continue;
      found("level_unknown", "a node has stopped for another reason: " + detail);
    }
    for (uint32_t number = 0; number < kNodes; ++number) look_at(number, true);
  }

  // The log has another history for its last entries, of which every node has read the old one:
  // each finds it, stops, and leaves both histories as they are (L10).
  void replace_tail() {
    auto old = log_.records(city_.ledger);
    const FoldedLedger ledger(city_.founding_id, old);
    const auto& entries = ledger.entries();
    const size_t lost = 1 + dice_.pick(3);
    if (entries.size() <= lost) return close();
    const size_t kept = entries.size() - lost;
    streams::EntryWriter writer(city_.founding_id, dice_.number());
    writer.go_behind(old[entries[kept - 1].offset]);
    const Offset from = entries[kept].offset;
    std::vector<std::string> values;
    for (uint64_t most = dice_.pick(old.size() - from + 3); values.size() < most;) {
      values.push_back(writer.next(entries[kept].payload.SerializeAsString()));
    }
    trace_.note("tail is replaced", {static_cast<int64_t>(from),
                                     static_cast<int64_t>(values.size())});
    happened_["replaced tails"] += 1;
    replaced_ = std::move(old);
    log_.replace_tail(city_.ledger, from, std::move(values));
    if (!all_stop()) {
      return found("second_history", "a node goes on behind entries that the log has no more; " +
                                         what_waits());
    }
    const auto both = log_.records(city_.ledger);
    // What was written on top of the old one by who had not found it yet.
    Chain chain(city_.founding_id);
    for (size_t i = 0; i < replaced_->size(); ++i) chain.apply(i, (*replaced_)[i]);
    for (size_t i = replaced_->size(); i < both.size(); ++i) {
      if (chain.apply(i, both[i]).kind == VerdictKind::kStop) break;
      replaced_->push_back(both[i]);
    }
    for (uint32_t number = 0; number < kNodes; ++number) look_at(number, true);
  }

  void close() {
    for (auto& node : nodes_) node->close();
    const auto is_closed = [](const auto& node) { return node->is_closed(); };
    for (uint64_t i = 0; !std::all_of(nodes_.begin(), nodes_.end(), is_closed); ++i) {
      step();
      if (i > kHealStepsMax) return found("no_progress", "a node does not close");
    }
    for (uint32_t number = 0; number < kNodes; ++number) {
      look_at(number, true);
      const auto store = nodes_[number]->keeper().store();
      const auto scanned = store->scan_digest();
      if (!scanned || *scanned != store->meta().digest) {
        found("projection_differs", "node " + std::to_string(number) +
                                        ": its rows do not have the digest that it kept");
      }
    }
    check_keys();
  }

  void check_keys() {
    const FoldedLedger ledger(city_.founding_id, log_.records(city_.ledger));
    for (const auto& entry : ledger.entries()) {
      for (const auto& event : entry.payload.events()) {
        if (!event.has_person_erased()) continue;
        happened_["erasures"] += 1;
        const auto person = parse_hex<PersonId>(event.person_erased().person());
        for (uint32_t number = 0; number < kNodes; ++number) {
          if (!person || !nodes_[number]->keyring().knows(*person)) continue;
          found("key_kept", "node " + std::to_string(number) + " still has the key of " +
                                to_hex(*person) + ", erased by entry " +
                                std::to_string(entry.seq));
        }
      }
    }
  }

  RunReport report() {
    RunReport report;
    Evidence evidence{city_.founding_id, log_.records(city_.ledger), clients_.history(), shown_,
                      {std::string(kSecretText)}, readable_since_};
    evidence.has_old_ends = log_.old_ends() > 0;
    happened_["old ends"] += log_.old_ends();
    if (replaced_) {
      evidence.records = *replaced_;
      evidence.readable_since.clear();
    }
    for (const auto& record : evidence.records) trace_.note("record", {}, sha256(record).view());
    for (const auto& shown : shown_) {
      trace_.note("shown", {shown.node, static_cast<int64_t>(shown.seq)},
                  shown.digest ? shown.digest->hex() : "");
    }
    if (!replaced_) check_levels(evidence);
    // Who goes on behind what is lost goes on for long.
    if (!replaced_ || is_sound()) report.findings = check(evidence);
    report.history = std::move(evidence.history);
    report.findings.insert(report.findings.begin(), findings_.begin(), findings_.end());
    report.trace_hash = trace_.hash();
    trace_.print();
    clients_.count(happened_);
    happened_["records"] += evidence.records.size();
    report.happened = std::move(happened_);
    return report;
  }

  const Ending ending_;
  const RunFolder folder_;
  Dice dice_;
  Trace trace_;
  Faults faults_;
  const int64_t step_us_max_;
  Moment now_;
  VirtualClock clock_;
  streams::SimulatedStore log_;
  City city_;
  Clients clients_;  // outlives the nodes, which may still hold its answers
  std::array<std::unique_ptr<CityNode>, kNodes> nodes_;
  std::vector<Forward> forwards_;
  std::vector<Shown> shown_;
  std::vector<uint64_t> readable_since_;
  std::optional<std::vector<std::string>> replaced_;  // the old history, once there is another
  std::vector<Finding> findings_;
  std::map<std::string, uint64_t> happened_;
  bool is_healing_ = false;
  bool has_raised_ = false;
  Seq old_saw_ = 0;  // the newest entry that a node of an older binary has folded
};

}  // namespace

RunReport run_city(uint64_t seed, bool in_words, Ending ending) {
  return CityWorld(seed, in_words, ending).run();
}

}  // namespace hansa::sim
