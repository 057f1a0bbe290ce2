// Demo: cities and their alliance made from a seed, and cities of given files, to look at and to
// serve.
//
// Shape:   make_demo() founds each city, imports the files, lets the days pass for the simulated
//          ones and their alliance, and answers what stands there; the data folder is then one
//          that Node opens like any other (keys in it, configuration by demo_config()).
//          demo_json() is the object of SPEC §7.
// Units:   the days begin on 2025-01-01 at midnight in the Yangtze Delta.
// Errors:  of the files and of the cities; kAlreadyExists for a data folder or a topic that is in
//          use for something.
// Threads: make_demo uses as many as the machine has: cities live side by side until the hour of
//          the day at which the alliance acts, on one thread.
// Limits:  at most the 41 cities of the Delta.
// Source:  SPEC §7.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ops/config.h"
#include "ops/demo/league.h"
#include "ops/demo/stage.h"

namespace hansa::ops {

// 2025-01-01T00:00:00+08:00
inline constexpr int64_t kDemoStartUs = 1'735'660'800'000'000;

struct DemoFile {
  std::string csv;
  std::string mapping;
};

struct DemoOptions {
  uint32_t cities = 3;
  uint32_t days = 30;
  uint32_t reports_a_day = 40;
  uint64_t seed = 1;
  std::vector<DemoFile> files;
  std::string air;  // file of the cities' PM2.5 (delta_air.h); empty: none
  std::string data_dir;
  std::string kafka;  // address of a cluster that keeps the ledgers; empty: the data folder does
};

struct DemoOutcome {
  std::vector<CityOutcome> cities;
  std::optional<AllianceOutcome> alliance;  // of the simulated ones; none without any
  int64_t end_us = 0;  // where virtual time has come to
};

// Told of progress from any thread: done of total, in days of a city.
using DemoProgress = std::function<void(uint64_t done, uint64_t total)>;

Result<DemoOutcome> make_demo(const DemoOptions& options, const DemoProgress& progress);

std::string demo_json(const DemoOptions& options, const DemoOutcome& outcome);

// What Node needs to serve the data folder; `key` may do all that the demo shows.
Result<Config> demo_config(const DemoOptions& options, const DemoOutcome& outcome,
                           const std::string& key);
// The same as a file, for `hansa serve`.
std::string demo_config_text(const Config& config);

}  // namespace hansa::ops
