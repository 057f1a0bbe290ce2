#include "tests/sim/league_world.h"

#include <algorithm>
#include <utility>

#include "core/alliance/alliance.h"
#include "core/base/durations.h"
#include "core/base/hash.h"
#include "tests/sim/clients.h"
#include "tests/sim/league_calls.h"
#include "tests/sim/league_checker.h"
#include "tests/sim/league_node.h"
#include "tests/sim/league_rest.h"
#include "tests/sim/league_workload.h"
#include "tests/sim/run_folder.h"

namespace hansa::sim {
namespace {

using projections::Lead;

constexpr int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z
constexpr uint64_t kFaultStepsMax = 6'000;
// A pass lets everybody do what there is to do. So many are enough for everything to come to rest.
constexpr int64_t kPassUs = 25'000;
constexpr uint64_t kPassesMax = 6'000;
constexpr uint64_t kCalmPassesMax = 150;
constexpr int kQuietPasses = 6;
constexpr int64_t kForwardPatienceUs = 3 * kSecondUs;
constexpr int64_t kReadPatienceUs = 3 * kSecondUs;
// Nodes whose clocks are off by more do not lead.
constexpr int64_t kClockOffUsMax = 2 * kSecondUs;

class LeagueWorld {
 public:
  LeagueWorld(uint64_t seed, bool in_words)
      : dice_(seed),
        trace_(in_words),
        faults_(draw_league_faults(dice_)),
        step_us_max_(dice_.between(200, 6'000)),
        log_(dice_.number()),
        calls_({dice_, trace_, now_, faults_,
                [this](const std::string& city) { return find_witness(city); }}),
        league_{log_, clock_, dice_, folder_.path(),
                [this](uint32_t from, const LedgerId& ledger, std::string bytes) {
                  forward(from, ledger, std::move(bytes));
                },
                &calls_} {
    now_.time_us = clock_.now_us = kStartUs;
    league_.alliance_pause_us = dice_.chance(500) ? 0 : dice_.between(0, 2 * kSecondUs);
    league_.share_pause_us = dice_.chance(500) ? 0 : dice_.between(0, 2 * kSecondUs);
    draw_ends(seed, faults_);
    note_faults(faults_, trace_);
    for (const char* name : {"wuxi", "suzhou", "nantong"}) {
      if (cities_.size() < 2 || dice_.chance(300)) cities_.push_back({"city", name});
    }
    ledgers_ = cities_;
    ledgers_.insert(ledgers_.begin(), kDelta);
    host_ledgers();
    for (const auto& ledger : ledgers_) make_clients(ledger);
  }

  RunReport run() {
    for (auto& node : nodes_) node->follow_time();
    for (uint32_t number = 0; number < nodes_.size(); ++number) start(number);
    lead_all();
    if (dice_.chance(700)) begin_calmly();
    log_.set_faults(faults_.log);
    is_calm_ = false;
    const uint64_t begun = now_.step;
    while (now_.step - begun < kFaultStepsMax && !all_told() && is_sound()) step();
    happened_["league steps with faults"] += now_.step - begun;
    if (is_sound()) heal();
    if (is_sound()) close();
    return report();
  }

 private:
  using See = std::shared_ptr<const projections::Snapshot>;
  struct Forward {
    LedgerId ledger;
    int64_t due_us = 0;
    int64_t lost_at_us = 0;
    std::string bytes;
  };

  bool is_sound() const { return findings_.empty(); }

  void found(std::string name, std::string what) {
    trace_.note("found", {}, name + ": " + what);
    findings_.push_back({std::move(name), std::move(what)});
  }

  // ---- who is there

  // Two nodes that host everything, or one or two of each ledger's own.
  void host_ledgers() {
    std::vector<std::vector<LedgerId>> hosts;
    if (dice_.chance(250)) {
      hosts = {ledgers_, ledgers_};
    } else {
      for (const auto& ledger : ledgers_) {
        for (int i = dice_.chance(400) ? 0 : 1; i < 2; ++i) hosts.push_back({ledger});
      }
    }
    for (auto& hosted : hosts) {
      const auto number = static_cast<uint32_t>(nodes_.size());
      for (const auto& ledger : hosted) hosts_of_[ledger].push_back(number);
      nodes_.push_back(std::make_unique<LeagueNode>(number, dice_.number(), hosted, league_));
    }
    happened_["league nodes"] += nodes_.size();
  }

  void make_clients(const LedgerId& ledger) {
    const auto see = [this](const LedgerId& of) { return see_rows(of); };
    std::unique_ptr<Workload> workload;
    if (ledger == kDelta) {
      workload = std::make_unique<AllianceWorkload>(dice_, cities_, kStartUs, see);
    } else {
      workload = std::make_unique<MemberWorkload>(dice_, ledger, cities_, now_.time_us,
                                                  faults_.disk_full == 0, see);
    }
    clients_.emplace(
        ledger,
        std::make_unique<Clients>(
            Clients::World{dice_, trace_, now_, faults_,
                           [this, ledger] { return choose_node(ledger); },
                           [this, ledger](uint32_t node, const Request& request,
                                          const CommandId& id, projections::Answer answer) {
                             nodes_[node]->enter(ledger, request, id, std::move(answer));
                           },
                           [this, ledger](Seq seq, const std::string&) { read_back(ledger, seq); }},
            std::move(workload)));
  }

  bool all_told() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& each) { return each.second->all_told(); });
  }

  std::optional<uint32_t> choose_node(const LedgerId& ledger) {
    const auto& hosts = hosts_of_.at(ledger);
    const uint32_t number = hosts[dice_.pick(hosts.size())];
    const auto& node = *nodes_[number];
    if (!node.is_up() || node.is_closing() || node.is_paused()) return std::nullopt;
    return number;
  }

  See see_rows(const LedgerId& ledger) {
    const auto number = choose_node(ledger);
    return number ? nodes_[*number]->keeper(ledger).snapshot() : nullptr;
  }

  // Of any node, whoever leads.
  std::shared_ptr<federation::Witness> find_witness(const std::string& city) {
    const auto number = choose_node({std::string(kCityKind), city});
    return number ? nodes_[*number]->links().witness(city) : nullptr;
  }

  // ---- time and what happens next

  void pass_time(int64_t by_us) {
    ++now_.step;
    now_.time_us += by_us;
    clock_.now_us = now_.time_us;
    for (auto& node : nodes_) node->follow_time();
  }

  void step() {
    pass_time(dice_.between(1, step_us_max_));
    harm();
    const uint64_t roll = dice_.pick(100);
    if (roll < 30) {
      for (uint64_t most = 1 + dice_.pick(4); most > 0; --most) step_log();
    } else if (roll < 60) {
      run_some(static_cast<uint32_t>(dice_.pick(nodes_.size())), 1 + dice_.pick(8));
    } else if (roll < 78) {
      move_links(static_cast<uint32_t>(dice_.pick(nodes_.size())));
    } else if (roll < 88) {
      clients_.at(ledgers_[dice_.pick(ledgers_.size())])->act();
    } else if (roll < 98) {
      calls_.step();
      deliver_forward();
    } else {
      look_at(static_cast<uint32_t>(dice_.pick(nodes_.size())), dice_.chance(200));
    }
    trace_.print();
  }

  bool step_log() {
    const bool was_busy = log_.step();
    trace_.note("log", {was_busy});
    for (const auto& ledger : ledgers_) {
      readable_since_[ledger].resize(log_.size(ledger), now_.step);
    }
    return was_busy;
  }

  uint64_t run_some(uint32_t number, uint64_t most) {
    uint64_t handled = 0;
    while (handled < most && nodes_[number]->run_one()) ++handled;
    if (handled > 0) trace_.note("node", {number, static_cast<int64_t>(handled)});
    return handled;
  }

  // Between the steps of its links others do something, too.
  bool move_links(uint32_t number) {
    const bool moved = nodes_[number]->move_links([&] {
      if (is_calm_) return;
      if (dice_.chance(300)) step_log();
      if (dice_.chance(300)) run_some(number, 1 + dice_.pick(4));
    });
    trace_.note("links", {number, moved});
    return moved;
  }

  // Everybody does what there is to do; false: there was nothing.
  bool pass(int64_t by_us) {
    pass_time(by_us);
    bool moved = false;
    for (const auto& ledger : ledgers_) {
      for (int i = 0; i < 4; ++i) clients_.at(ledger)->act();
    }
    for (uint32_t number = 0; number < nodes_.size(); ++number) {
      moved = move_links(number) || moved;
    }
    for (bool is_busy = true; is_busy;) {
      is_busy = false;
      for (uint32_t number = 0; number < nodes_.size(); ++number) {
        is_busy = run_some(number, 10'000) > 0 || is_busy;
      }
      while (step_log()) is_busy = true;
      while (calls_.step()) is_busy = true;
      while (deliver_forward()) is_busy = true;
    }
    trace_.print();
    return moved;
  }

  // Without faults until the league is there, so that they meet one that works.
  void begin_calmly() {
    const auto faults = std::exchange(faults_, LeagueFaults());
    for (uint64_t i = 0; i < kCalmPassesMax && is_sound(); ++i) {
      pass(kPassUs);
      const auto rows = nodes_[leader_of(kDelta)]->keeper(kDelta).snapshot();
      const auto alliance = rows->find(kAllianceTable, "");
      if (alliance && *alliance && (*alliance)->version_in_force() != 0) break;
    }
    faults_ = faults;
    happened_["league calm beginnings"] += 1;
  }

  void harm() {
    const auto number = static_cast<uint32_t>(dice_.pick(nodes_.size()));
    auto& node = *nodes_[number];
    const auto until_us = [&] { return now_.time_us + dice_.between(1, 4 * kSecondUs); };
    const auto happens = [&](uint32_t rate, const char* what) {
      if (!dice_.chance(rate)) return false;
      trace_.note(what, {number});
      happened_[std::string("league ") + what] += 1;
      return true;
    };
    if (dice_.chance(faults_.node_crash)) crash(number);
    if (dice_.chance(faults_.lead_change)) choose_leaders(ledgers_[dice_.pick(ledgers_.size())]);
    if (happens(faults_.clock_step, "clock steps")) {
      node.clock_off_us = dice_.between(-kClockOffUsMax, kClockOffUsMax);
    }
    if (happens(faults_.pause, "pauses")) node.paused_until_us = until_us();
    if (happens(faults_.reads_away, "reads away")) node.reads_away_until_us = until_us();
    if (happens(faults_.reads_slow, "reads slow")) node.reads_slow_until_us = until_us();
    if (happens(faults_.disk_full, "full disks")) {
      node.disk_full_until_us = until_us();
      node.disk_bytes_left = dice_.pick(4'000);
    }
    if (node.is_up() && happens(faults_.node_stop, "clean stops")) node.close();
    if (node.is_closed()) node.crash();
    if (dice_.chance(faults_.key_change)) change_key(ledgers_[dice_.pick(ledgers_.size())]);
    // What is down comes back after a while.
    if (!node.is_up() && dice_.chance(30)) start(number);
  }

  // ---- nodes

  void start(uint32_t number) {
    auto& node = *nodes_[number];
    node.follow_time();
    if (auto started = node.start(); !started) {
      trace_.note("node does not start", {number}, started.error().detail);
      if (started.error().code == Errc::kUnavailable) return;
      return found("cannot_open", "node " + std::to_string(number) + ": " +
                                      std::string(error_info(started.error().code).name) + ": " +
                                      started.error().detail);
    }
    trace_.note("node starts", {number});
    happened_["league starts"] += 1;
    if (is_calm_ || !dice_.chance(800)) return;
    for (const auto& ledger : node.hosts()) node.take_lead(ledger, Lead::kElsewhere);
  }

  void crash(uint32_t number) {
    auto& node = *nodes_[number];
    if (!node.is_up()) return;
    look_at(number, true);
    node.crash();
    trace_.note("node crashes", {number});
    happened_["league crashes"] += 1;
    if (!dice_.chance(faults_.rows_lost)) return;
    node.lose_rows();
    happened_["league rows lost"] += 1;
  }

  // Mostly one; sometimes two at once, or none, or one that may not decide.
  void choose_leaders(const LedgerId& ledger) {
    const auto& hosts = hosts_of_.at(ledger);
    const uint32_t first = hosts[dice_.pick(hosts.size())];
    const uint32_t second = dice_.chance(400) ? hosts[dice_.pick(hosts.size())] : first;
    const bool has_leader = !dice_.chance(100);
    for (const uint32_t number : hosts) {
      if (!nodes_[number]->is_up()) continue;
      Lead lead = Lead::kElsewhere;
      if (has_leader && (number == first || number == second)) lead = Lead::kHere;
      if (lead == Lead::kElsewhere && dice_.chance(30)) lead = Lead::kForbidden;
      // Not everyone hears of it at once.
      if (dice_.chance(100)) continue;
      nodes_[number]->take_lead(ledger, lead);
      trace_.note("lead", {number, static_cast<int64_t>(lead)}, ledger.text());
    }
    happened_["league lead changes"] += 1;
  }

  // Once everything works. Who hosts several ledgers leads some of them.
  uint32_t leader_of(const LedgerId& ledger) const {
    const auto& hosts = hosts_of_.at(ledger);
    const auto at = std::find(ledgers_.begin(), ledgers_.end(), ledger) - ledgers_.begin();
    return hosts[static_cast<size_t>(at) % hosts.size()];
  }

  void lead_all() {
    for (const auto& ledger : ledgers_) {
      for (const uint32_t number : hosts_of_.at(ledger)) {
        const bool leads = number == leader_of(ledger);
        if (nodes_[number]->is_up()) {
          nodes_[number]->take_lead(ledger, leads ? Lead::kHere : Lead::kElsewhere);
        }
      }
    }
  }

  // Once a ledger. Its nodes begin anew with both keys, and those who read it are told.
  void change_key(const LedgerId& ledger) {
    auto& changes = league_.seed_changes[ledger];
    if (!changes.empty()) return;
    const LedgerId of = ledger == kDelta ? ledger : share_ledger(kDelta.id, ledger.id);
    const Seq from = log_.size(of) + static_cast<Seq>(dice_.between(2, 100));
    changes.push_back({of, from, seed_of("second key", ledger)});
    trace_.note("key changes", {static_cast<int64_t>(from)}, of.text());
    happened_["league key changes"] += 1;
    for (const uint32_t number : hosts_of_.at(ledger)) {
      crash(number);
      start(number);
    }
    if (ledger != kDelta) {
      return clients_.at(kDelta)->ask(city_key_change(dice_, ledger, changes[0]));
    }
    for (const auto& city : cities_) {
      clients_.at(city)->ask(alliance_key_change(dice_, city, changes[0]));
    }
  }

  // What a node shows of itself is held against the ledgers at the end.
  void look_at(uint32_t number, bool at_rows) {
    auto& node = *nodes_[number];
    if (!node.is_up()) return;
    for (const auto& [ledger, keeper] : node.keepers()) {
      const auto health = keeper->health();
      if (health.stopped) {
        found("ledger_stopped", "node " + std::to_string(number) + ": " + health.stopped->detail);
      }
      shown_[ledger].push_back({number, health.landed_seq, health.tip, std::nullopt});
      if (!at_rows) continue;
      const auto meta = keeper->store()->meta();
      shown_[ledger].push_back({number, meta.position.seq, meta.position.tip, meta.digest});
    }
  }

  // Whoever was told of an entry and asks any node for it sees it, or hears that it is not there
  // yet.
  void read_back(const LedgerId& ledger, Seq seq) {
    if (is_calm_ || !dice_.chance(200)) return;
    const auto number = choose_node(ledger);
    if (!number) return;
    nodes_[*number]->keeper(ledger).wait_for(
        seq, kReadPatienceUs, [this, ledger, seq, number = *number](const Result<See>& shown) {
          trace_.note("read", {number, static_cast<int64_t>(seq), shown.has_value()});
          if (!shown) return;
          const auto& meta = (*shown)->meta();
          shown_[ledger].push_back({number, meta.position.seq, meta.position.tip, meta.digest});
          if (meta.position.seq >= seq) return;
          found("read_behind", "node " + std::to_string(number) + " was asked for seq " +
                                   std::to_string(seq) + " of " + ledger.text() +
                                   " and showed seq " + std::to_string(meta.position.seq));
        });
  }

  // ---- forwarded commands

  void forward(uint32_t from, const LedgerId& ledger, std::string bytes) {
    if (dice_.chance(faults_.forward_lost)) return trace_.note("forward is lost", {from});
    const int copies = dice_.chance(faults_.forward_doubled) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      const int64_t late_us =
          dice_.chance(faults_.forward_late) ? dice_.between(0, 12 * kSecondUs) : 0;
      const int64_t due_us = now_.time_us + late_us;
      forwards_.push_back({ledger, due_us, due_us + kForwardPatienceUs, bytes});
    }
  }

  bool deliver_forward() {
    if (forwards_.empty()) return false;
    const size_t which = dice_.pick(forwards_.size());
    const Forward& forward = forwards_[which];
    if (forward.due_us > now_.time_us) return false;
    const auto& hosts = hosts_of_.at(forward.ledger);
    const uint32_t number = hosts[dice_.pick(hosts.size())];
    auto& node = *nodes_[number];
    const bool takes = node.is_up() && !node.is_paused() &&
                       (node.lead(forward.ledger) == Lead::kHere ||
                        dice_.chance(faults_.forward_astray));
    if (takes) {
      const auto entered = node.door(forward.ledger).enter_forwarded(forward.bytes);
      trace_.note("forward arrives", {number, entered.has_value()});
    }
    if (!takes && now_.time_us <= forward.lost_at_us) return false;
    forwards_.erase(forwards_.begin() + static_cast<ptrdiff_t>(which));
    return true;
  }

  // ---- the end

  void heal() {
    trace_.note("heals");
    is_calm_ = true;
    faults_ = LeagueFaults();
    log_.set_faults({});
    for (const auto& [ledger, clients] : clients_) clients->only_finish();
    for (uint32_t number = 0; number < nodes_.size() && is_sound(); ++number) {
      auto& node = *nodes_[number];
      node.paused_until_us = node.clock_off_us = node.disk_full_until_us = 0;
      node.reads_away_until_us = node.reads_slow_until_us = 0;
      if (node.is_closing() || dice_.chance(300)) node.crash();
      if (!node.is_up()) start(number);
    }
    if (!is_sound()) return;
    lead_all();
    int quiet = 0;
    std::string waits;
    for (uint64_t i = 0; i < kPassesMax && is_sound(); ++i) {
      // Where nothing moves, what is left waits for its time.
      const bool moved = pass(quiet > kQuietPasses ? kSecondUs / 2 : kPassUs);
      quiet = moved ? 0 : quiet + 1;
      if (quiet < kQuietPasses) continue;
      waits = what_rests();
      if (!waits.empty()) continue;
      happened_["league passes to heal"] += i;
      return;
    }
    if (waits.empty()) waits = "something moves for ever: " + what_links_wait_for();
    if (is_sound()) found("no_progress", "nothing goes wrong any more, and still " + waits);
  }

  // What is not where it should be in the end; empty: nothing.
  std::string what_rests() {
    for (const auto& [ledger, clients] : clients_) {
      if (!clients->all_told()) return "at " + ledger.text() + " wait" + clients->waits_for();
    }
    if (!calls_.is_idle()) return "a witness has not answered";
    for (uint32_t number = 0; number < nodes_.size(); ++number) {
      for (const auto& [ledger, keeper] : nodes_[number]->keepers()) {
        const auto health = keeper->health();
        const bool is_there = health.next_offset >= log_.size(ledger) &&
                              health.committed_seq == health.landed_seq;
        if (is_there) continue;
        return "node " + std::to_string(number) + " is at seq " +
               std::to_string(health.landed_seq) + " of " + ledger.text() + ", " +
               std::to_string(health.committed_seq) + " committed: " + health.waits;
      }
    }
    // Whoever is out of the league is asked back first: without it nobody confirms what it shares.
    auto open = what_rests_in_rows(
        {dice_, cities_, league_.seed_changes,
         [this](const LedgerId& ledger) { return rows_of_leader(ledger); },
         [this](const LedgerId& ledger, Request request) {
           clients_.at(ledger)->ask(std::move(request));
         }});
    return open.empty() ? what_links_wait_for() : open;
  }

  std::string what_links_wait_for() {
    std::string waits;
    for (const auto& ledger : ledgers_) {
      auto& node = *nodes_[leader_of(ledger)];
      node.links().settle(0);
      if (ledger != kDelta && node.links().share(share_ledger(kDelta.id, ledger.id)) == nullptr) {
        waits += ledger.text() + " shares nothing; ";
      }
      waits += what_waits(node.links().health(), ledger);
    }
    return waits;
  }

  See rows_of_leader(const LedgerId& ledger) {
    return nodes_[leader_of(ledger)]->keeper(ledger).snapshot();
  }

  void close() {
    for (auto& node : nodes_) node->close();
    const auto is_closed = [](const auto& node) { return node->is_closed(); };
    for (uint64_t i = 0; !std::all_of(nodes_.begin(), nodes_.end(), is_closed); ++i) {
      pass(kPassUs);
      if (i > kPassesMax) return found("no_progress", "a node does not close");
    }
    for (uint32_t number = 0; number < nodes_.size(); ++number) {
      look_at(number, true);
      for (const auto& [ledger, keeper] : nodes_[number]->keepers()) {
        const auto store = keeper->store();
        const auto scanned = store->scan_digest();
        if (scanned && *scanned == store->meta().digest) continue;
        found("projection_differs", "node " + std::to_string(number) + ": the rows of " +
                                        ledger.text() + " do not have the digest it kept");
      }
    }
  }

  RunReport report() {
    LeagueEvidence evidence{kDelta.id, {}, calls_.notes()};
    const auto add = [&](const LedgerId& ledger, const FoundingId& founding_id) -> Evidence& {
      auto& one = evidence.ledgers[ledger];
      one = {founding_id, log_.records(ledger), {}, shown_[ledger], {std::string(kSecretText)}};
      one.ledger_kind = ledger.kind;
      one.has_links = true;
      one.has_old_ends = log_.old_ends() > 0;
      happened_["league records"] += one.records.size();
      for (const auto& record : one.records) trace_.note("record", {}, sha256(record).view());
      for (const auto& shown : one.shown) {
        trace_.note("shown", {shown.node, static_cast<int64_t>(shown.seq)},
                    shown.digest ? shown.digest->hex() : "");
      }
      return one;
    };
    for (const auto& ledger : ledgers_) {
      auto& one = add(ledger, founding_id_of(ledger));
      one.history = clients_.at(ledger)->history();
      one.readable_since = readable_since_[ledger];
      clients_.at(ledger)->count(happened_);
      if (ledger == kDelta) continue;
      add(share_ledger(kDelta.id, ledger.id),
          share_founding_id(founding_id_of(kDelta), founding_id_of(ledger)));
    }
    for (const auto& [ledger, changes] : league_.seed_changes) {
      for (const auto& change : changes) evidence.changed_keys.insert(change.ledger.text());
    }
    RunReport report;
    report.findings = std::move(findings_);
    // What was cut short has not arrived everywhere.
    if (report.findings.empty()) report.findings = check_league(evidence);
    report.trace_hash = trace_.hash();
    trace_.print();
    happened_["leagues"] += 1;
    report.happened = std::move(happened_);
    return report;
  }

  const RunFolder folder_;
  Dice dice_;
  Trace trace_;
  LeagueFaults faults_;
  const int64_t step_us_max_;
  Moment now_;
  VirtualClock clock_;
  streams::SimulatedStore log_;
  LeagueCalls calls_;
  League league_;
  std::vector<LedgerId> cities_;
  std::vector<LedgerId> ledgers_;  // that clients have: the alliance's and the cities'
  std::map<LedgerId, std::unique_ptr<Clients>> clients_;  // outlive the nodes
  std::map<LedgerId, std::vector<uint32_t>> hosts_of_;
  std::vector<std::unique_ptr<LeagueNode>> nodes_;
  std::vector<Forward> forwards_;
  std::map<LedgerId, std::vector<Shown>> shown_;
  std::map<LedgerId, std::vector<uint64_t>> readable_since_;
  std::vector<Finding> findings_;
  std::map<std::string, uint64_t> happened_;
  bool is_calm_ = true;
};

}  // namespace

RunReport run_league(uint64_t seed, bool in_words) { return LeagueWorld(seed, in_words).run(); }

}  // namespace hansa::sim
