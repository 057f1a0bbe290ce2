// Mapping: how the columns of another system's CSV become cases of one city.
//
// Shape:   read from YAML (SPEC §6). `columns` says which column holds what; `grid` which columns
//          hold district, street and community; `empty_grid` is the name that stands for an empty
//          one; `status` turns the source's words into states, `channels` its channels into source
//          classes (a word without a class stays part of the row's identity only). `date_formats`
//          are tried in order: YYYY MM DD hh HH mm ss, f for fraction digits, AM for AM or PM, Z
//          for an offset from UTC (`Z`, `+08:00`), which then counts instead of the zone; or
//          `epoch_s`, `epoch_ms` alone. `summer_time: false` says that the file's clocks never
//          change. Without an offset a time is wall-clock time of the zone: one that the clocks
//          show twice is the first of the two, one that they skip is refused. `missing` lists the
//          texts that mean nothing is stated; the empty text always does. A `point` column may hold
//          any form of ops/import/coordinates.h. `merged_into` names the column with the source id
//          of the case that a merged one went into. `kinds` turns words of the `kind` column into
//          kinds of case. `never_read` lists columns that are dropped before anything sees them.
// Errors:  kBadConfig with file and line.
// Threads: plain values.
// Source:  SPEC §6.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/common.pb.h"

namespace hansa::ops {

struct Mapping {
  std::string file;
  std::string city;
  std::string title;
  std::string time_zone;
  bool summer_time = true;  // the file's clocks follow the zone's summer time
  std::string source;  // the other system's name, part of every row's identity

  std::string district_column;
  std::string street_column;
  std::string community_column;
  std::string empty_grid = "unknown";

  std::string source_id_column;
  std::string reported_at_column;
  std::string closed_at_column;
  std::string cancelled_at_column;
  std::string due_at_column;
  std::string service_column;
  std::string unit_column;
  std::string status_column;
  std::string lat_column;
  std::string lon_column;
  std::string point_column;  // "(lat, lon)"
  std::string address_column;
  std::string channel_column;
  std::string kind_column;
  std::string merged_into_column;

  std::vector<std::string> date_formats;
  std::vector<std::string> missing;
  std::map<std::string, v1::State::Value> status;
  std::map<std::string, v1::Source::Value> channels;
  std::map<std::string, v1::Kind::Value> kinds;
  bool has_points = true;  // projection wgs84
  std::vector<std::string> never_read;

  bool is_missing(const std::string& text) const;
};

Result<Mapping> read_mapping(const std::string& file);
Result<Mapping> parse_mapping(const std::string& text, const std::string& file);

struct StatedTime {
  int64_t us = 0;       // UTC, or local wall-clock time as if it were
  bool is_utc = false;  // the text states its own offset
};
// By the first format that fits; kBadRequest otherwise.
Result<StatedTime> parse_time(const std::string& text, const std::vector<std::string>& formats);
// Says what is wrong with a format, or "".
std::string check_date_format(const std::string& format);

}  // namespace hansa::ops
