// DeltaCity: one of the 41 cities of the Yangtze Delta, as the demo founds it.
//
// Shape:   delta_city(id) reads the tables that the executable carries: districts and streets are
//          real and keep their official codes as ids; three communities a street are simulated.
//          founding() gives the commands that found it, marked simulated, with the units and
//          services of kDemoServices and a working calendar of Asia/Shanghai.
// Units:   points in degrees (WGS84): the seat is real, the rest is spread around it.
// Errors:  kBadRequest for an unknown city, with the nearest id.
// Threads: free for all.
// Source:  ops/demo/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/durations.h"
#include "core/base/result.h"
#include "hansa/v1/city.pb.h"

namespace hansa::ops {

// Asia/Shanghai: no summer time since 1991.
inline constexpr int64_t kLocalOffsetUs = 8 * kHourUs;

struct DemoService {
  const char* id;
  const char* title_en;
  const char* title_zh;
  const char* unit;
  bool urgent;
  int handling_hours;  // working hours, or clock hours of an urgent one
  int kind;            // v1::Kind
  const char* description;
};
const std::vector<DemoService>& demo_services();

struct DemoUnit {
  const char* id;
  const char* title_en;
  const char* title_zh;
};
const std::vector<DemoUnit>& demo_units();
// The unit whose people check the work of the others.
inline constexpr const char* kCheckingUnit = "supervision";

struct DeltaCommunity {
  std::string district;
  std::string street;
  std::string community;
  double latitude = 0;
  double longitude = 0;
};

inline constexpr uint32_t kDeltaPopulationYear = 2010;

struct DeltaCity {
  std::string id;
  std::string code;
  std::string title_zh;
  std::string title_en;
  uint64_t population = 0;
  double latitude = 0;  // of its seat
  double longitude = 0;
  std::vector<v1::DefineGridPart> districts;
  std::vector<DeltaCommunity> communities;

  std::vector<std::unique_ptr<google::protobuf::Message>> founding() const;
};

Result<DeltaCity> delta_city(const std::string& id);
// The three that the demo shows first, then the others in the order of their codes.
std::vector<std::string> delta_city_ids();
// Official code -> id, 310000 -> shanghai.
std::map<std::string, std::string> delta_city_codes();

}  // namespace hansa::ops
