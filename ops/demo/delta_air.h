// DeltaAir: the PM2.5 of the Delta's cities from a file, as they record it themselves.
//
// Shape:   a CSV with the columns city (official code, 310000), date and pm25, in any order; each
//          city and day at most once. Values stay as they are written.
// Units:   micrograms a cubic metre.
// Errors:  kBadFile, with the line and what was expected there: a column that is missing, a city
//          outside the Delta, a date or a value that core/city/air.h does not read, a day given
//          twice; also where nothing is newer than 1990, so that no change can be said.
// Threads: free for all.
// Limits:  files up to 64 MiB.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/city.pb.h"

namespace hansa::ops {

struct DeltaAir {
  std::map<std::string, std::vector<v1::AirQualityDay>> days;  // by city, in the file's order
  uint32_t year = 0;  // the newest of any day: its change from the year before is asked
};

Result<DeltaAir> read_delta_air(const std::string& file);

}  // namespace hansa::ops
