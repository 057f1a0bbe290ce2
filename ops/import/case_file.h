// CaseFile: another system's CSV seen through a mapping, row by row, and what its city needs.
//
// Shape:   open() checks that every column the mapping names exists, reads the file once for the
//          names of places, units and services, so that their slugs are settled. next() gives the
//          rows in the order of the file: a command, or why the row states none.
//          founding() gives the commands that found the city from the file's own names.
// Units:   lines count from 1, the header being the first; or are those of `lines`, a record each,
//          where the text was made from a file of another form.
// Errors:  kBadConfig: the mapping and the header do not fit, with the nearest column;
//          kBadFile: not a CSV. Of a row: kBadRequest, kBadPoint, kTextTooLong.
// Threads: next() from one at a time. Text and mapping must outlive it.
// Limits:  the file is held in memory.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hansa/v1/case.pb.h"
#include "ops/import/csv.h"
#include "ops/import/mapping.h"
#include "ops/import/slugs.h"
#include "ops/time_zone.h"

namespace hansa::ops {

struct ImportRow {
  uint64_t line = 0;
  std::string text;  // as it stands in the file, but for columns that are never read
  Result<v1::ImportCase> command;
};

// A value that some rows hold and the mapping cannot turn into anything.
struct Unmatched {
  std::string column;
  std::string value;
  uint64_t rows = 0;
  uint64_t first_line = 0;
  std::string advice;  // what to write in the mapping
  bool refuses = false;  // the rows are refused for it
};

class CaseFile {
 public:
  static Result<CaseFile> open(std::string_view text, const std::string& name,
                               const Mapping& mapping, std::vector<uint64_t> lines = {});

  Result<std::optional<ImportRow>> next();
  std::string_view header() const { return header_text_; }
  uint64_t rows() const { return rows_; }
  const Mapping& mapping() const { return *mapping_; }

  // What the mapping has no words for, most frequent first.
  std::vector<Unmatched> unmatched() const;
  // Columns that the mapping neither reads nor says are never read.
  std::vector<std::string> unmapped_columns() const;
  // In the order in which they must be entered.
  std::vector<std::unique_ptr<google::protobuf::Message>> founding(bool simulated) const;

 private:
  struct Columns {
    std::optional<size_t> district, street, community, source_id, reported_at, closed_at,
        cancelled_at, due_at, service, unit, status, lat, lon, point, address, channel, kind,
        merged_into;
  };
  using Fields = std::vector<std::string>;

  CaseFile(std::string_view text, std::string name, const Mapping& mapping, TimeZone zone);
  Result<void> read_header();
  Result<std::optional<CsvRecord>> next_record();
  Result<void> read_names();
  Result<void> find_columns(const Fields& header);
  Result<void> check_form(const CsvRecord& record) const;
  Result<void> check_names(const Fields& fields) const;
  std::string shown(const CsvRecord& record) const;
  std::string value(const Fields& fields, const std::optional<size_t>& column) const;
  std::string grid_name(const Fields& fields, const std::optional<size_t>& column) const;
  Result<v1::ImportCase> command(const Fields& fields) const;
  Result<void> read_times(const Fields& fields, v1::ImportCase& command) const;
  Result<void> read_point(const Fields& fields, v1::PlaceInput& place) const;
  Result<int64_t> time_us(const Fields& fields, const std::optional<size_t>& column) const;

  std::string_view text_;
  std::string name_;
  const Mapping* mapping_;
  TimeZone zone_;
  CsvReader reader_;
  std::string_view header_text_;
  size_t header_fields_ = 0;
  Columns columns_;
  std::set<size_t> never_read_;
  uint64_t rows_ = 0;
  std::vector<uint64_t> lines_;
  size_t record_ = 0;  // number of the next one

  Slugs districts_, services_, units_;
  std::map<std::string, Slugs> streets_;                                       // by district name
  std::map<std::pair<std::string, std::string>, Slugs> communities_;           // by both names
  std::set<v1::Source::Value> sources_;
};

// Working days Monday to Friday, 09:00 to 17:00, in the zone.
v1::Calendar usual_calendar(const TimeZone& zone);

}  // namespace hansa::ops
