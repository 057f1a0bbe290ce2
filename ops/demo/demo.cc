#include "ops/demo/demo.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "core/base/rows.h"
#include "ops/demo/alliance_life.h"
#include "ops/demo/civic_life.h"
#include "ops/files.h"
#include "ops/open_log.h"
#include "streams/kafka_topics.h"

namespace hansa::ops {
namespace {
// When the links move and the alliance acts: at five in the afternoon.
constexpr int64_t kLeagueHourUs = 17 * kHourUs;
// Of all stages together, as far as each has its least.
constexpr size_t kRowCachesMib = 512;
constexpr size_t kRowCacheMibMin = 8;
constexpr size_t kRowCacheMibMax = 64;

const LedgerId kDemoAllianceLedger{std::string(kAllianceKind), kDemoAlliance};

const std::vector<v1::Role::Value> kDemoRoles = {
    v1::Role::city_admin, v1::Role::hotline,    v1::Role::inspector, v1::Role::verifier,
    v1::Role::dispatcher, v1::Role::auditor,    v1::Role::operator_, v1::Role::secretariat};

using Task = std::function<Result<void>()>;

// As many at a time as the machine has threads; the first failure counts.
Result<void> in_parallel(const std::vector<Task>& tasks) {
  std::vector<Result<void>> outcomes(tasks.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < tasks.size(); i = next++) outcomes[i] = tasks[i]();
  };
  const auto threads_max =
      std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), tasks.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < threads_max; ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  for (auto& outcome : outcomes) HANSA_CHECK(std::move(outcome));
  return {};
}

struct Shared {
  const DemoOptions& options;
  const std::optional<DeltaAir>& air;
  streams::Log& log;
  streams::Log& read_log;
  std::shared_ptr<projections::StoreBudget> budget;
  std::function<void()> day_passed;
};

StageOptions stage_options(const LedgerId& ledger, const Shared& shared) {
  const size_t stages = shared.options.cities + shared.options.files.size();
  return {ledger, shared.options.data_dir, shared.options.seed, kDemoStartUs,
          std::clamp(kRowCachesMib / stages, kRowCacheMibMin, kRowCacheMibMax)};
}

Result<std::unique_ptr<Stage>> found(
    const std::string& city, const Shared& shared,
    std::vector<std::unique_ptr<google::protobuf::Message>> commands) {
  HANSA_TRY(auto stage, Stage::open(stage_options({"city", city}, shared), shared.log,
                                    shared.budget));
  const auto admin = demo_principal(city, v1::Role::city_admin, "founder");
  for (auto& command : commands) HANSA_CHECK(stage->enter(std::move(command), admin));
  return stage;
}

Result<CityOutcome> make_real(const DemoFile& source, const Shared& shared) {
  HANSA_TRY(const auto mapping, read_mapping(source.mapping));
  HANSA_TRY(const auto text, read_file(source.csv));
  HANSA_TRY(auto file, CaseFile::open(text, source.csv, mapping));
  HANSA_TRY(auto stage, found(mapping.city, shared, file.founding(false)));
  auto summary = import_file(file, {stage.get()}, {});
  if (summary.stopped) return fail(*summary.stopped);
  stage->pass_time(kDemoStartUs + shared.options.days * kDayUs);
  if (!summary.rejects.empty()) {
    const auto rejects = shared.options.data_dir + "/" + mapping.city + ".rejected.csv";
    HANSA_CHECK(write_rejects(summary, file.header(), rejects));
  }
  HANSA_TRY(auto outcome, stage->finish());
  outcome.simulated = false;
  outcome.import = std::move(summary);
  return outcome;
}

// The simulated cities and their alliance, which live side by side.
class Delta {
 public:
  explicit Delta(const Shared& shared) : shared_(shared), towns_(shared.options.cities) {
    const auto ids = delta_city_ids();
    for (size_t i = 0; i < towns_.size(); ++i) towns_[i].id = ids[i];
  }

  // One task a city.
  void add_founding(std::vector<Task>& tasks) {
    for (auto& town : towns_) {
      tasks.push_back([this, &town]() -> Result<void> {
        HANSA_TRY(town.city, delta_city(town.id));
        HANSA_TRY(town.stage, ops::found(town.id, shared_, town.city.founding()));
        return {};
      });
    }
  }
  Result<void> live();
  Result<void> finish(DemoOutcome& outcome);

 private:
  struct Town {
    std::string id;
    DeltaCity city;
    std::unique_ptr<Stage> stage;
    std::unique_ptr<CivicLife> life;
  };
  Result<void> run_to(int64_t time_us, bool is_day);

  const Shared& shared_;
  std::vector<Town> towns_;
  std::unique_ptr<League> league_;
  std::unique_ptr<AllianceLife> alliance_;
};

Result<void> Delta::live() {
  if (towns_.empty()) return {};
  const auto& options = shared_.options;
  std::vector<League::Member> members;
  for (auto& town : towns_) {
    members.push_back({&town.city, town.stage.get()});
    const LifeOptions life{options.days, options.reports_a_day, options.seed};
    town.life = std::make_unique<CivicLife>(*town.stage, town.city, life);
  }
  HANSA_TRY(league_, League::open({stage_options(kDemoAllianceLedger, shared_),
                                   std::move(members), &shared_.log, &shared_.read_log,
                                   shared_.budget}));
  alliance_ = std::make_unique<AllianceLife>(*league_, shared_.air ? &*shared_.air : nullptr,
                                             options.days, options.seed, kDemoStartUs);
  HANSA_CHECK(alliance_->found());
  for (size_t i = 0; shared_.air && i < towns_.size(); ++i) {
    HANSA_CHECK(alliance_->share_air(i));
    shared_.day_passed();
  }
  for (uint32_t day = 1; day <= options.days; ++day) {
    const int64_t time_us = kDemoStartUs + (day - 1) * kDayUs + kLeagueHourUs;
    HANSA_CHECK(run_to(time_us, true));
    HANSA_CHECK(league_->pass_time(time_us));
    HANSA_CHECK(alliance_->pass_day(day));
  }
  const int64_t end_us = kDemoStartUs + options.days * kDayUs;
  HANSA_CHECK(run_to(end_us, false));
  return league_->pass_time(end_us);
}

Result<void> Delta::run_to(int64_t time_us, bool is_day) {
  std::vector<Task> tasks;
  for (auto& town : towns_) {
    tasks.push_back([this, &town, time_us, is_day]() -> Result<void> {
      HANSA_CHECK(town.life->run_to(time_us));
      if (is_day) shared_.day_passed();
      return {};
    });
  }
  return in_parallel(tasks);
}

Result<void> Delta::finish(DemoOutcome& outcome) {
  if (league_ != nullptr) {
    const auto& air = shared_.air;
    HANSA_TRY(outcome.alliance,
              league_->finish(air ? std::optional(air->year) : std::nullopt));
    outcome.alliance->planted_differing = alliance_->planted_differing();
    outcome.alliance->planted_one_sided = alliance_->planted_one_sided();
    alliance_.reset();
    league_.reset();
  }
  outcome.cities.resize(towns_.size());
  std::vector<Task> tasks;
  for (size_t i = 0; i < towns_.size(); ++i) {
    tasks.push_back([&, i]() -> Result<void> {
      HANSA_TRY(outcome.cities[i], towns_[i].stage->finish());
      return {};
    });
  }
  return in_parallel(tasks);
}

// Of all cities, simulated and real.
Result<std::vector<std::string>> city_ids(const DemoOptions& options) {
  const auto known = delta_city_ids();
  if (options.cities > known.size()) {
    return fail(Errc::kBadConfig, "expected at most " + std::to_string(known.size()) +
                                      " cities, got " + std::to_string(options.cities));
  }
  std::vector<std::string> cities(known.begin(), known.begin() + options.cities);
  for (const auto& file : options.files) {
    HANSA_TRY(const auto mapping, read_mapping(file.mapping));
    if (std::find(cities.begin(), cities.end(), mapping.city) != cities.end()) {
      return fail(Errc::kBadConfig, file.mapping + ": expected a city that is not in the demo "
                                    "yet, `" + mapping.city + "` is");
    }
    cities.push_back(mapping.city);
  }
  if (cities.empty()) return fail(Errc::kBadConfig, "expected at least one city or file");
  return cities;
}

LogSettings log_settings(const DemoOptions& options) {
  LogSettings log;
  if (!options.kafka.empty()) log.kind = "kafka";
  log.bootstrap = options.kafka;
  log.fsync = false;
  return log;
}

Result<std::optional<DeltaAir>> air_of(const DemoOptions& options) {
  if (options.air.empty()) return std::optional<DeltaAir>();
  if (options.cities > 0) return read_delta_air(options.air);
  return fail(Errc::kBadConfig, "expected at least one simulated city to record the air of " +
                                    options.air);
}

struct DemoLogs {
  std::unique_ptr<streams::Log> log;
  std::unique_ptr<streams::Log> read_log;  // on Kafka, with places of its own
};

Result<DemoLogs> demo_logs(const DemoOptions& options) {
  Config config;
  config.node.id = "demo";
  config.node.data_dir = options.data_dir;
  config.log = log_settings(options);
  HANSA_TRY(const auto cities, city_ids(options));
  std::vector<LedgerId> ledgers;
  for (const auto& city : cities) ledgers.push_back({"city", city});
  if (options.cities > 0) ledgers.push_back(kDemoAllianceLedger);
  for (const auto& ledger : ledgers) config.ledgers.emplace_back().ledger = ledger;
  auto topics = topics_of(config);
  // Nobody is told of these: who joins an alliance has one.
  for (uint32_t i = 0; i < options.cities; ++i) {
    ledgers.push_back(share_ledger(kDemoAlliance, cities[i]));
    topics.push_back(ledgers.back());
  }
  DemoLogs logs;
  HANSA_TRY(logs.log, open_log(config, options.cities));
  if (!config.log.is_kafka()) return logs;
  HANSA_CHECK(streams::create_topics(kafka_options(config), topics));
  HANSA_TRY(logs.read_log, open_log(config, options.cities));
  for (const auto& ledger : ledgers) {
    HANSA_TRY(const Offset end, logs.log->end(ledger));
    if (end == 0) continue;
    return fail(Errc::kAlreadyExists, ledger.topic() + " on " + options.kafka +
                                          " holds a ledger already; take an empty cluster");
  }
  return logs;
}

}  // namespace

Result<DemoOutcome> make_demo(const DemoOptions& options, const DemoProgress& progress) {
  HANSA_CHECK(city_ids(options));
  if (std::filesystem::exists(options.data_dir + "/log") ||
      std::filesystem::exists(options.data_dir + "/projections")) {
    return fail(Errc::kAlreadyExists,
                options.data_dir + " holds a node's data already; serve it with `hansa serve "
                "--config " + options.data_dir + "/hansa.yaml --accept-clock-jump`, or take an "
                "empty folder");
  }
  HANSA_TRY(const auto air, air_of(options));
  HANSA_TRY(const auto logs, demo_logs(options));
  const uint64_t total =
      uint64_t{options.cities} * (options.days + (air ? 1 : 0)) + options.files.size();
  std::mutex mutex;
  uint64_t done = 0;
  const Shared shared{options, air, *logs.log, logs.read_log ? *logs.read_log : *logs.log,
                      projections::make_store_budget(64, 64), [&] {
                        std::lock_guard lock(mutex);
                        if (progress) progress(++done, total);
                      }};
  std::vector<CityOutcome> real(options.files.size());
  std::vector<Task> tasks;
  for (size_t i = 0; i < real.size(); ++i) {
    tasks.push_back([&, i]() -> Result<void> {
      HANSA_TRY(real[i], make_real(options.files[i], shared));
      shared.day_passed();
      return {};
    });
  }
  Delta delta(shared);
  delta.add_founding(tasks);
  HANSA_CHECK(in_parallel(tasks));
  HANSA_CHECK(delta.live());
  DemoOutcome outcome;
  HANSA_CHECK(delta.finish(outcome));
  // The simulated ones come first in what is shown.
  std::move(real.begin(), real.end(), std::back_inserter(outcome.cities));
  outcome.end_us = kDemoStartUs + options.days * kDayUs;
  return outcome;
}

Result<Config> demo_config(const DemoOptions& options, const DemoOutcome& outcome,
                           const std::string& key) {
  Config config;
  config.file = options.data_dir + "/hansa.yaml";
  config.node.id = "demo";
  config.node.data_dir = options.data_dir;
  config.log = log_settings(options);
  ApiKey row;
  row.id = "demo";
  row.sha256 = sha256(key);
  row.principal.issuer = "key";
  row.principal.subject = row.id;
  row.principal.roles = kDemoRoles;
  row.principal.cities = {"*"};
  std::vector<LedgerId> ledgers;
  for (const auto& city : outcome.cities) ledgers.push_back({"city", city.city});
  if (outcome.alliance) {
    row.principal.alliance = kDemoAlliance;
    ledgers.push_back(kDemoAllianceLedger);
  }
  config.api_keys.push_back(row);
  for (const auto& id : ledgers) {
    LedgerSettings ledger;
    ledger.ledger = id;
    ledger.key_file = key_file_name(options.data_dir, ledger.ledger);
    HANSA_TRY(const auto keys, read_key_file(ledger.key_file));
    ledger.founding_id = keys.founding_id;
    config.ledgers.push_back(ledger);
  }
  return config;
}

std::string demo_config_text(const Config& config) {
  std::string text = "# Written by `hansa demo`. Its days lie in 2025: serve it with\n"
                     "#   hansa serve --config " + config.file + " --accept-clock-jump\n"
                     "node: {id: demo, data_dir: .}\n";
  if (config.log.is_kafka()) {
    text += "log: {kind: kafka, kafka: {bootstrap: '" + config.log.bootstrap + "'}}\n";
  }
  text += "ledgers:\n";
  for (const auto& row : config.ledgers) {
    text += "  - {ledger: " + row.ledger.text() + ", founding_id: " + to_hex(row.founding_id) +
            "}\n";
  }
  std::string roles;
  for (const auto role : kDemoRoles) {
    roles += (roles.empty() ? "" : ", ") + v1::Role::Value_Name(role);
  }
  const auto& key = config.api_keys.front();
  const auto& alliance = key.principal.alliance;
  return text + "access:\n  api_keys:\n    - {id: demo, sha256: " + to_hex(key.sha256) +
         ", roles: [" + roles + "], cities: [\"*\"]" +
         (alliance.empty() ? "" : ", alliance: " + alliance) + "}\n";
}

}  // namespace hansa::ops
