// TimeZone: a named zone of the system's tzdata, for adopting calendars and reading local times.
//
// Shape:   offsets() lists the offset in force on 2000-01-01 UTC and every change up to 2040, as a
//          city adopts them. to_utc_us(local) turns wall-clock time into UTC: a time that the
//          clocks show twice (autumn) is the first of the two; a time that they skip (spring) is
//          refused, because the file then states something that never was.
// Units:   microseconds since 1970; local times count as if they were UTC.
// Errors:  kBadConfig for an unknown zone, with the nearest name; kBadRequest for a skipped time.
// Threads: immutable after open, free for all.
// Limits:  the system's files list changes up to 2037; offsets() continues their last rule to 2040,
//          to_utc_us() counts later times with the offset of the end of 2037.
// Source:  SPEC §3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/city.pb.h"

namespace date {
class time_zone;
}

namespace hansa::ops {

class TimeZone {
 public:
  static Result<TimeZone> open(const std::string& name);

  const std::string& name() const { return name_; }
  std::vector<v1::OffsetTransition> offsets() const;
  Result<int64_t> to_utc_us(int64_t local_us) const;
  // Of clocks that stay at the zone's standard time all year.
  int64_t standard_to_utc_us(int64_t local_us) const;
  int64_t to_local_us(int64_t utc_us) const;

 private:
  TimeZone(std::string name, const date::time_zone* zone);

  std::string name_;
  const date::time_zone* zone_;
};

// Microseconds of a civil date and time, as if it were UTC; days from 1970-01-01.
int64_t civil_day(int32_t year, uint32_t month, uint32_t day);
bool is_civil_day(int32_t year, uint32_t month, uint32_t day);

}  // namespace hansa::ops
