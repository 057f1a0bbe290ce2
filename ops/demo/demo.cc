#include "ops/demo/demo.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/base/hash.h"
#include "ops/demo/civic_life.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/open_log.h"
#include "ops/time_text.h"
#include "streams/kafka_topics.h"

namespace hansa::ops {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

const std::vector<v1::Role::Value> kDemoRoles = {
    v1::Role::city_admin, v1::Role::hotline,    v1::Role::inspector, v1::Role::verifier,
    v1::Role::dispatcher, v1::Role::auditor,    v1::Role::operator_};

// One city's making; each runs on one thread.
using Making = std::function<Result<CityOutcome>()>;

class Makers {
 public:
  explicit Makers(std::vector<Making> makings)
      : makings_(std::move(makings)), outcomes_(makings_.size()) {}

  Result<std::vector<CityOutcome>> run() {
    const auto threads_max =
        std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), makings_.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < threads_max; ++i) threads.emplace_back([this] { work(); });
    for (auto& thread : threads) thread.join();
    std::vector<CityOutcome> cities;
    for (auto& outcome : outcomes_) {
      if (!*outcome) return fail(outcome->error());
      cities.push_back(std::move(**outcome));
    }
    return cities;
  }

 private:
  void work() {
    for (size_t i = next_++; i < makings_.size(); i = next_++) outcomes_[i] = makings_[i]();
  }

  std::vector<Making> makings_;
  std::vector<std::optional<Result<CityOutcome>>> outcomes_;
  std::atomic<size_t> next_{0};
};

struct Shared {
  const DemoOptions& options;
  streams::Log& log;
  std::shared_ptr<projections::StoreBudget> budget;
  std::function<void()> day_passed;
};

Result<std::unique_ptr<Stage>> found(
    const std::string& city, const Shared& shared,
    std::vector<std::unique_ptr<google::protobuf::Message>> commands) {
  const StageOptions options{city, shared.options.data_dir, shared.options.seed, kDemoStartUs};
  HANSA_TRY(auto stage, Stage::open(options, shared.log, shared.budget));
  const auto admin = demo_principal(city, v1::Role::city_admin, "founder");
  for (auto& command : commands) HANSA_CHECK(stage->enter(std::move(command), admin));
  return stage;
}

Result<CityOutcome> make_simulated(const std::string& id, const Shared& shared) {
  HANSA_TRY(const auto city, delta_city(id));
  HANSA_TRY(auto stage, found(id, shared, city.founding()));
  CivicLife life(*stage, city,
                 {shared.options.days, shared.options.reports_a_day, shared.options.seed});
  HANSA_CHECK(life.run([&](uint32_t) { shared.day_passed(); }));
  return stage->finish();
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

Result<std::unique_ptr<streams::Log>> demo_log(const DemoOptions& options) {
  Config config;
  config.node.id = "demo";
  config.node.data_dir = options.data_dir;
  config.log = log_settings(options);
  HANSA_TRY(const auto cities, city_ids(options));
  for (const auto& city : cities) {
    config.ledgers.emplace_back().ledger = {"city", city};
  }
  HANSA_TRY(auto log, open_log(config));
  if (!config.log.is_kafka()) return log;
  HANSA_CHECK(streams::create_topics(kafka_options(config), topics_of(config)));
  for (const auto& row : config.ledgers) {
    const auto& ledger = row.ledger;
    HANSA_TRY(const Offset end, log->end(ledger));
    if (end == 0) continue;
    return fail(Errc::kAlreadyExists, ledger.topic() + " on " + options.kafka +
                                          " holds a ledger already; take an empty cluster");
  }
  return log;
}

std::string count_json(const std::map<std::string, uint64_t>& counts) {
  std::string out;
  for (const auto& [word, count] : counts) {
    out += (out.empty() ? "" : ",") + json_text(word) + ":" + std::to_string(count);
  }
  return "{" + out + "}";
}

std::string city_json(const CityOutcome& city) {
  const auto import = city.import.value_or(ImportSummary{});
  std::string out = "{\"city\":" + json_text(city.city) +
                    ",\"simulated\":" + (city.simulated ? "true" : "false") +
                    ",\"entries\":" + std::to_string(city.entries) +
                    ",\"tip\":" + json_text(city.tip) + ",\"digest\":" + json_text(city.digest) +
                    ",\"cases\":" + count_json(city.cases);
  if (city.import) {
    out += ",\"rows\":" + std::to_string(import.rows) +
           ",\"imported_by_state\":" + count_json(import.by_state);
  }
  return out + ",\"imported\":" + std::to_string(import.imported) +
         ",\"unchanged\":" + std::to_string(import.unchanged) +
         ",\"refused\":" + std::to_string(import.refused) + "}";
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
  HANSA_TRY(const auto log, demo_log(options));
  const uint64_t total = uint64_t{options.cities} * options.days + options.files.size();
  std::mutex mutex;
  uint64_t done = 0;
  const Shared shared{options, *log, projections::make_store_budget(64, 64), [&] {
                        std::lock_guard lock(mutex);
                        if (progress) progress(++done, total);
                      }};
  std::vector<Making> makings;
  for (const auto& file : options.files) {
    makings.push_back([&] {
      auto made = make_real(file, shared);
      shared.day_passed();
      return made;
    });
  }
  const auto ids = delta_city_ids();
  for (uint32_t i = 0; i < options.cities; ++i) {
    makings.push_back([&shared, id = ids[i]] { return make_simulated(id, shared); });
  }
  DemoOutcome outcome;
  HANSA_TRY(outcome.cities, Makers(std::move(makings)).run());
  // The simulated ones come first in what is shown.
  std::stable_partition(outcome.cities.begin(), outcome.cities.end(),
                        [](const auto& city) { return city.simulated; });
  outcome.end_us = kDemoStartUs + options.days * kDayUs;
  return outcome;
}

std::string demo_json(const DemoOptions& options, const DemoOutcome& outcome) {
  std::string cities;
  for (const auto& city : outcome.cities) cities += (cities.empty() ? "" : ",") + city_json(city);
  return "{\"cities\":[" + cities + "],\"seed\":" + std::to_string(options.seed) +
         ",\"days\":" + std::to_string(options.days) +
         ",\"start\":" + json_text(time_text(kDemoStartUs)) +
         ",\"end\":" + json_text(time_text(outcome.end_us)) + "}";
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
  config.api_keys.push_back(row);
  for (const auto& city : outcome.cities) {
    LedgerSettings ledger;
    ledger.ledger = LedgerId{"city", city.city};
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
  return text + "access:\n  api_keys:\n    - {id: demo, sha256: " +
         to_hex(config.api_keys.front().sha256) + ", roles: [" + roles + "], cities: [\"*\"]}\n";
}

}  // namespace hansa::ops
