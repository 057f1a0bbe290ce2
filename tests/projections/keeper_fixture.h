// One city on one thread: log, keyring, keeper and door, driven until an answer has come.
//
// Shape:   City city(log); city.call(request, who) -> Result<Receipt>; feed(command) for what other
//          ledgers say. The clock is set by hand.
// Threads: one; run() turns the event loop until `done` holds.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/assert.h"
#include "core/base/durations.h"
#include "projections/door.h"
#include "projections/keeper.h"
#include "projections/keyring.h"
#include "projections/store.h"

namespace hansa::projections::testing {

inline constexpr int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z

// A folder that is gone when the test is.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hansa-XXXXXX").string();
    HANSA_ASSERT(mkdtemp(pattern.data()) != nullptr, "a scratch folder can be made");
    path_ = pattern;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline Principal staff(const std::string& subject, std::vector<v1::Role::Value> roles,
                       const std::string& unit = "") {
  Principal principal;
  principal.issuer = "key";
  principal.subject = subject;
  principal.roles = std::move(roles);
  principal.cities = {"*"};
  principal.unit = unit;
  return principal;
}

class City {
 public:
  City(streams::Log& log, const ScratchFolder& folder, SeededEnv& env, KeeperLimits limits = {})
      : log_(log), folder_(folder), env_(env), limits_(limits) {}
  ~City() { close(); }

  Result<void> open() {
    std::filesystem::create_directories(folder_.path("keyring"));
    HANSA_TRY(keyring_, Keyring::open(folder_.path("keyring"), "example", std::string(32, 'm'),
                                      env_, false));
    KeeperConfig config;
    config.ledger = ledger;
    config.founding_id = *FoundingId::from(std::string(16, 'f'));
    config.secret = std::string(32, 's');
    config.directory = directory.empty() ? folder_.path("rows") : directory;
    config.rebuild_permits = rebuild_permits;
    config.accept_clock_jump = accept_clock_jump;
    config.schema_level_known = schema_level_known;
    config.timers_fire_alone = timers_fire_alone;
    config.ticks_alone = ticks_alone;
    config.forward = forward;
    config.limits = limits_;
    HANSA_TRY(keeper_, Keeper::open(config, log_, env_, make_store_budget(8, 8), *keyring_,
                                    loop_.get_executor(), nullptr));
    door_ = std::make_unique<Door>(keeper_, *keyring_, env_, nullptr);
    return {};
  }

  // As a clean stop: everything landed is committed.
  void close() {
    if (keeper_ == nullptr) return;
    bool closed = false;
    keeper_->close([&] { closed = true; });
    run(closed);
    abandon();
  }

  // As a crash of the process: what was not committed is gone from the rows.
  void abandon() {
    door_.reset();
    keeper_.reset();
    loop_.restart();
    loop_.poll();
    keyring_.reset();
  }

  template <typename Request>
  void send(const Request& request, const Principal& who, std::optional<CommandId> id,
            Answer answer) {
    const MethodInfo* method = find_method(Request::descriptor()->name());
    HANSA_ASSERT(method != nullptr, "tests call methods of the schema");
    auto copy = std::make_unique<Request>(request);
    if constexpr (requires { copy->set_city(""); }) {
      if (ledger.kind == kCityKind) copy->set_city(ledger.id);
    }
    if constexpr (requires { copy->set_alliance(""); }) {
      if (ledger.kind == kAllianceKind) copy->set_alliance(ledger.id);
    }
    door_->enter(*method, std::move(copy), who, id, std::move(answer));
  }

  template <typename Request>
  Result<v1::Receipt> call(const Request& request, const Principal& who,
                           std::optional<CommandId> id = std::nullopt) {
    bool done = false;
    Result<v1::Receipt> result;
    send(request, who, id, [&](Result<v1::Receipt> answered) {
      result = std::move(answered);
      done = true;
    });
    run(done);
    return result;
  }

  using Rows = Result<std::shared_ptr<const Snapshot>>;

  Rows wait_for(Seq seq, int64_t timeout_us) {
    return shown([&](Keeper::Shown then) { keeper_->wait_for(seq, timeout_us, std::move(then)); });
  }

  Rows wait_for_end() {
    return shown(
        [&](Keeper::Shown then) { keeper_->wait_for_end(5 * kSecondUs, std::move(then)); });
  }

  void fire_timers() {
    bool done = false;
    keeper_->fire_timers([&] { done = true; });
    run(done);
  }

  void run(const bool& done) {
    run_until([&] { return done; });
  }

  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      // It stops when it has nothing to do, although another thread may bring work.
      if (loop_.stopped()) loop_.restart();
      if (turn) turn();
      loop_.run_one_for(std::chrono::milliseconds(1));
    }
  }

  CommandId new_id() {
    std::array<uint8_t, 10> random{};
    env_.random(random.data(), random.size());
    return make_uuid_v7(env_.now_us() / 1000, random);
  }

  Keeper& keeper() { return *keeper_; }
  Door& door() { return *door_; }
  Keyring& keyring() { return *keyring_; }
  boost::asio::io_context& loop() { return loop_; }

  // A command of another ledger's federation, which comes by no door.
  template <typename Command>
  Result<v1::Receipt> feed(const Command& command) {
    Submission submission;
    submission.command = std::make_unique<Command>(command);
    submission.kind = v1::CauseKind::input;
    bool done = false;
    Result<v1::Receipt> result;
    keeper_->submit(std::move(submission), [&](Result<v1::Receipt> answered) {
      result = std::move(answered);
      done = true;
    });
    run(done);
    return result;
  }

  LedgerId ledger{"city", "example"};  // or an alliance's
  bool accept_clock_jump = false;
  uint16_t schema_level_known = kSchemaLevel;  // by the binary
  bool timers_fire_alone = false;
  bool ticks_alone = true;
  std::function<void(std::string)> forward;  // to the node that leads
  std::string directory;  // of the rows; empty: `rows` in the folder
  std::shared_ptr<RebuildPermits> rebuild_permits;
  std::function<void()> turn;  // called in every turn of the loop; moves a simulated log on

 private:
  Rows shown(const std::function<void(Keeper::Shown)>& ask) {
    bool done = false;
    Rows result;
    ask([&](Rows rows) {
      result = std::move(rows);
      done = true;
    });
    run(done);
    return result;
  }

  // A thread of the log may still be posting when the city goes: loops stay until the end.
  static boost::asio::io_context& new_loop() {
    static std::vector<std::unique_ptr<boost::asio::io_context>> loops;
    return *loops.emplace_back(std::make_unique<boost::asio::io_context>());
  }

  streams::Log& log_;
  const ScratchFolder& folder_;
  SeededEnv& env_;
  KeeperLimits limits_;
  boost::asio::io_context& loop_ = new_loop();
  std::unique_ptr<Keyring> keyring_;
  std::shared_ptr<Keeper> keeper_;
  std::unique_ptr<Door> door_;
};

// A city with one place, one service, two units and all sources that the tests use.
inline void found(City& city) {
  const Principal admin = staff("admin", {v1::Role::city_admin});
  v1::FoundCity founding;
  founding.mutable_title()->set_en("Example");
  HANSA_ASSERT(city.call(founding, admin).has_value(), "the city can be founded");
  v1::DefineGridPart part;
  part.set_district("north");
  auto* street = part.add_streets();
  street->set_id("river-street");
  street->add_communities()->set_id("old-mill");
  HANSA_ASSERT(city.call(part, admin).has_value(), "the grid can be defined");
  for (const char* name : {"sanitation", "roads"}) {
    v1::DefineUnit unit;
    unit.set_unit(name);
    HANSA_ASSERT(city.call(unit, admin).has_value(), "units can be defined");
  }
  v1::DefineService service;
  service.set_service("rubbish");
  HANSA_ASSERT(city.call(service, admin).has_value(), "services can be defined");
  for (const auto source : {v1::Source::hotline, v1::Source::web}) {
    v1::ConnectSource connect;
    connect.set_source(source);
    HANSA_ASSERT(city.call(connect, admin).has_value(), "sources can be connected");
  }
}

inline v1::ReportCase report(const std::string& description = "Bags beside the bin") {
  v1::ReportCase request;
  request.set_kind(v1::Kind::problem);
  request.set_source(v1::Source::hotline);
  request.set_service("rubbish");
  request.mutable_place()->set_district("north");
  request.mutable_place()->set_street("river-street");
  request.mutable_place()->set_community("old-mill");
  request.set_description(description);
  return request;
}

}  // namespace hansa::projections::testing
