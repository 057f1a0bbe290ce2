// Setup: founding a city from a folder of small files, as often as one likes.
//
// Shape:   city.yaml, calendar.yaml, grid.csv, units.csv, services.csv; examples/setup shows all
//          columns. read_setup() gives the commands in the order in which they must be entered.
//          Whoever runs them compares with what the city has and sends only what differs:
//          says_the_same() tells for one command.
// Errors:  kBadConfig and kBadFile with file and line.
// Threads: free for all.
// Source:  SPEC §6.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/rows.pb.h"

namespace hansa::ops {

using Commands = std::vector<std::unique_ptr<google::protobuf::Message>>;

struct Setup {
  std::string city;
  Commands commands;
};

Result<Setup> read_setup(const std::string& folder);

// What the city has already.
struct CityNow {
  v1::City city;
  std::vector<v1::District> districts;
  std::vector<v1::Unit> units;
  std::vector<v1::Service> services;
  std::vector<v1::Policy> policies;
};
bool says_the_same(const google::protobuf::Message& command, const CityNow& now);
// "district north", "service rubbish", … for the report.
std::string subject_of(const google::protobuf::Message& command);

}  // namespace hansa::ops
