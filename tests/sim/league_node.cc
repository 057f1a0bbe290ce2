#include "tests/sim/league_node.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "core/alliance/ledger_keys.h"
#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/signature.h"
#include "tests/sim/simulated_disk.h"

namespace hansa::sim {

using federation::Links;
using projections::Keeper;
using projections::Keyring;
using projections::Lead;

FoundingId founding_id_of(const LedgerId& ledger) {
  return *FoundingId::from(sha256(ledger.text()).view().substr(0, 16));
}

std::string seed_of(const std::string& what, const LedgerId& ledger) {
  return std::string(sha256(what + " of " + ledger.text()).view());
}

std::string key_of(const std::string& what, const LedgerId& ledger) {
  return to_hex(public_key_of(seed_of(what, ledger)));
}

LeagueNode::LeagueNode(uint32_t number, uint64_t seed, std::vector<LedgerId> hosts, League& league)
    : number_(number),
      hosts_(std::move(hosts)),
      league_(league),
      env_(seed, "node " + std::to_string(number), league.clock.now_us) {}

std::string LeagueNode::folder(const std::string& name) const {
  return league_.folder + "/" + std::to_string(number_) + "/" + name;
}

Result<void> LeagueNode::start() {
  HANSA_ASSERT(!is_up(), "a node is started once");
  log_ = std::make_unique<streams::SimulatedLog>(league_.log);
  reads_ = std::make_unique<SlowReads>(*log_, league_.dice);
  loop_ = std::make_unique<boost::asio::io_context>(1);
  Links::Plan plan;
  plan.log = log_.get();
  plan.read_log = reads_.get();
  plan.env = &env_;
  plan.budget = league_.budget;
  plan.projections_dir = folder("rows");
  plan.executor = loop_->get_executor();
  plan.observer = &league_.clock;
  plan.ticks_alone = false;
  plan.caller = league_.caller;
  plan.alliance_pause_us = league_.alliance_pause_us;
  plan.share_pause_us = league_.share_pause_us;
  links_ = std::make_unique<Links>(std::move(plan));
  for (const auto& ledger : hosts_) {
    if (auto opened = open(ledger); !opened) {
      crash();
      return opened;
    }
  }
  next_tick_us_ = league_.clock.now_us + kTickUs;
  return {};
}

Result<void> LeagueNode::open(const LedgerId& ledger) {
  auto& opened = opened_[ledger];
  const std::string keys = folder("keyring-" + ledger.folder());
  std::filesystem::create_directories(keys);
  HANSA_TRY(opened.keyring, Keyring::open(keys, ledger.id, std::string(32, 'm'), env_, false));
  const federation::SigningSeeds seeds{seed_of("key", ledger), league_.seed_changes[ledger]};
  federation::SigningGate gate;
  projections::KeeperConfig config;
  config.ledger = ledger;
  config.founding_id = founding_id_of(ledger);
  config.secret = std::string(sha256("secret of " + ledger.text()).view());
  config.directory = projections::current_version_dir(folder("rows"), ledger);
  config.accept_clock_jump = true;
  config.ticks_alone = false;
  config.limits.commit_interval_us = kTickUs;
  config.forward = [this, ledger](std::string bytes) {
    league_.forward(number_, ledger, std::move(bytes));
  };
  if (ledger.kind == kAllianceKind) {
    gate = std::make_shared<std::atomic<bool>>(false);
    config.may_sign = [gate] { return gate->load(); };
    config.sign = federation::signer_of({seeds, ledger, config.founding_id, "localhost"});
  }
  HANSA_TRY(opened.keeper, Keeper::open(std::move(config), *log_, env_, league_.budget,
                                        *opened.keyring, loop_->get_executor(), &league_.clock));
  opened.door = std::make_unique<projections::Door>(opened.keeper, *opened.keyring, env_, nullptr);
  links_->add({opened.keeper, opened.keyring.get(), seeds,
               ledger.kind == kCityKind ? seed_of("witness", ledger) : std::string(), gate});
  return {};
}

// The log lets go of what waits for it before the loop goes, whose handlers may hold the rest.
void LeagueNode::crash() {
  links_.reset();
  for (auto& [ledger, opened] : opened_) opened.door.reset();
  for (auto& [ledger, opened] : opened_) opened.keeper.reset();
  reads_.reset();
  log_.reset();
  loop_.reset();
  opened_.clear();
  is_closing_ = false;
  still_open_.reset();
}

void LeagueNode::close() {
  if (std::exchange(is_closing_, true)) return;
  const auto all = keepers();
  still_open_ = std::make_shared<size_t>(all.size());
  for (const auto& [ledger, keeper] : all) {
    keeper->close([count = still_open_] { --*count; });
  }
}

bool LeagueNode::is_closed() const { return is_closing_ && *still_open_ == 0; }

void LeagueNode::lose_rows() {
  HANSA_ASSERT(!is_up(), "rows are lost with their node");
  std::filesystem::remove_all(folder("rows"));
}

std::map<LedgerId, std::shared_ptr<Keeper>> LeagueNode::keepers() const {
  std::map<LedgerId, std::shared_ptr<Keeper>> all;
  for (const auto& [ledger, opened] : opened_) {
    all[ledger] = opened.keeper;
    if (ledger.kind != kCityKind) continue;
    const auto share = share_ledger(kDelta.id, ledger.id);
    if (auto keeper = links_->share(share)) all[share] = std::move(keeper);
  }
  return all;
}

void LeagueNode::follow_time() {
  env_.set_now_us(league_.clock.now_us + clock_off_us);
  if (!is_up() || is_paused() || league_.clock.now_us < next_tick_us_) return;
  next_tick_us_ = league_.clock.now_us + kTickUs;
  reads_->is_away = league_.clock.now_us < reads_away_until_us;
  reads_->is_slow = league_.clock.now_us < reads_slow_until_us;
  for (const auto& [ledger, keeper] : keepers()) keeper->tick();
}

bool LeagueNode::run_one() {
  if (!is_up() || is_paused()) return false;
  std::optional<FullDisk> full;
  if (league_.clock.now_us < disk_full_until_us) full.emplace(disk_bytes_left);
  if (loop_->stopped()) loop_->restart();
  return loop_->poll_one() > 0;
}

bool LeagueNode::move_links(const std::function<void()>& between) {
  if (!is_up() || is_closing_ || is_paused()) return false;
  bool changed = false;
  {
    std::optional<FullDisk> full;
    if (league_.clock.now_us < disk_full_until_us) full.emplace(disk_bytes_left);
    changed = links_->look_around();
  }
  return links_->poke(between) || changed;
}

void LeagueNode::take_lead(const LedgerId& ledger, Lead taken) {
  auto& opened = opened_.at(ledger);
  opened.lead = taken;
  opened.keeper->take_lead(taken);
}

void LeagueNode::enter(const LedgerId& ledger, const Request& request, const CommandId& id,
                       projections::Answer answer) {
  auto& opened = opened_.at(ledger);
  make_key(*opened.keyring, request);
  std::unique_ptr<google::protobuf::Message> copy(request.message->New());
  copy->CopyFrom(*request.message);
  opened.door->enter(*request.method, std::move(copy), request.who, id, std::move(answer));
}

}  // namespace hansa::sim
