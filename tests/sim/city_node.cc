#include "tests/sim/city_node.h"

#include <boost/asio/executor_work_guard.hpp>
#include <filesystem>
#include <future>
#include <optional>
#include <utility>

#include "core/base/assert.h"
#include "hansa/v1/case.pb.h"
#include "tests/sim/simulated_disk.h"

namespace hansa::sim {

using projections::Keeper;
using projections::Keyring;

CityNode::CityNode(uint32_t number, uint64_t seed, City& city)
    : number_(number),
      city_(city),
      env_(seed, "node " + std::to_string(number), city.clock.now_us) {}

std::string CityNode::folder(const std::string& name) const {
  return city_.folder + "/" + std::to_string(number_) + "/" + name;
}

Result<void> CityNode::start() {
  HANSA_ASSERT(!is_up(), "a node is started once");
  std::filesystem::create_directories(folder("keyring"));
  HANSA_TRY(keyring_, Keyring::open(folder("keyring"), city_.ledger.id, std::string(32, 'm'), env_,
                                    false));
  log_ = std::make_unique<streams::SimulatedLog>(city_.log);
  loop_ = std::make_unique<boost::asio::io_context>(1);
  projections::KeeperConfig config;
  config.ledger = city_.ledger;
  config.founding_id = city_.founding_id;
  config.secret = std::string(32, 's');
  config.directory = projections::current_version_dir(folder("rows"), city_.ledger);
  config.accept_clock_jump = true;
  config.schema_level_known = schema_level_known;
  config.ticks_alone = false;
  config.limits.commit_interval_us = kTickUs;
  config.forward = [this](std::string bytes) { city_.forward(number_, std::move(bytes)); };
  auto opened = Keeper::open(std::move(config), *log_, env_, city_.budget, *keyring_,
                             loop_->get_executor(), &city_.clock);
  if (!opened) {
    crash();
    return fail(std::move(opened).error());
  }
  keeper_ = *std::move(opened);
  door_ = std::make_unique<projections::Door>(keeper_, *keyring_, env_, nullptr);
  lead = projections::Lead::kUndecided;
  next_tick_us_ = city_.clock.now_us + kTickUs;
  return {};
}

// The log lets go of what waits for it before the loop goes, whose handlers may hold the rest.
void CityNode::crash() {
  door_.reset();
  keeper_.reset();
  log_.reset();
  loop_.reset();
  keyring_.reset();
  is_closing_ = is_closed_ = false;
}

void CityNode::close() {
  if (std::exchange(is_closing_, true)) return;
  keeper_->close([this] { is_closed_ = true; });
}

// Its thread works while ours waits, and what it brings is the next thing that the loop does: so it
// is the same in every run.
bool CityNode::rebuild() {
  const bool is_quiet = is_up() && !is_closing_ && city_.clock.now_us >= paused_until_us &&
                        city_.clock.now_us >= disk_full_until_us;
  if (!is_quiet) return false;
  while (run_one()) {
  }
  // Not a handler more than that: the next one is the thread's, if it is done already.
  std::optional<bool> has_begun;
  keeper_->rebuild([&](const Result<void>& begun) { has_begun = begun.has_value(); });
  while (!has_begun && run_one()) {
  }
  if (!has_begun.value_or(false)) return false;
  const auto waits = boost::asio::make_work_guard(*loop_);
  loop_->restart();
  HANSA_ASSERT(loop_->run_one() == 1, "whoever folds anew says when it is done");
  return true;
}

void CityNode::lose_rows() {
  HANSA_ASSERT(!is_up(), "rows are lost with their node");
  std::filesystem::remove_all(folder("rows"));
}

void CityNode::follow_time() {
  env_.set_now_us(city_.clock.now_us + clock_off_us);
  if (!is_up() || city_.clock.now_us < std::max(next_tick_us_, paused_until_us)) return;
  next_tick_us_ = city_.clock.now_us + kTickUs;
  keeper_->tick();
}

bool CityNode::run_one() {
  if (!is_up() || city_.clock.now_us < paused_until_us) return false;
  std::optional<FullDisk> full;
  if (city_.clock.now_us < disk_full_until_us) full.emplace(disk_bytes_left);
  if (loop_->stopped()) loop_->restart();
  return loop_->poll_one() > 0;
}

void CityNode::take_lead(projections::Lead taken) {
  lead = taken;
  keeper_->take_lead(taken);
}

void make_key(Keyring& keyring, const Request& request) {
  const auto person = parse_hex<PersonId>(request.reporter);
  const auto* report = dynamic_cast<const v1::ReportCase*>(request.message.get());
  if (!person || report == nullptr) return;
  if (!keyring.add(*person, report->contact().phone(), report->contact().email())) return;
  std::promise<bool> durable;
  keyring.flush([&](const Result<void>& flushed) { durable.set_value(flushed.has_value()); });
  HANSA_ASSERT(durable.get_future().get(), "the keyring of a simulated node has room");
}

void CityNode::enter(const Request& request, const CommandId& id, projections::Answer answer) {
  make_key(*keyring_, request);
  std::unique_ptr<google::protobuf::Message> copy(request.message->New());
  copy->CopyFrom(*request.message);
  door_->enter(*request.method, std::move(copy), request.who, id, std::move(answer));
}

}  // namespace hansa::sim
