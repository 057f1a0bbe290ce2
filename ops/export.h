// Export: the cases of a city as open data, in a form that `hansa import` takes back.
//
// Shape:   a table in the columns of Open311 GeoReport with ours behind them (export.cc), as
//          CSV (RFC 4180) or as NDJSON, one object a line with null for what is empty. Lines are in
//          the order of the reports, then of the ids, with merged cases last, so that every
//          parent stands before its children.
//          A case's id is `<city>/<case>`, or, if it came from another city's export, the id it had
//          there: exporting what was imported gives the same lines again, and no two cases share
//          an id.
// Units:   times RFC 3339 UTC, points in degrees with six decimals.
// Errors:  what the answer lacks is empty: fields above the caller's data class are left out by the
//          server. Texts of reporters, contacts and notes of staff are no columns.
// Threads: pure.
// Limits:  all lines are held in memory, about 300 bytes a case.
// Source:  OPEN311.md §2, §4 (bulk).
#pragma once

#include <string>
#include <vector>

#include "hansa/v1/rows.pb.h"

namespace hansa::ops {

enum class ExportFormat { kGeoReportCsv, kNdjson };

inline constexpr const char* kExportSource = "hansa-export";

class Export {
 public:
  // `city` is the id of the exporting city; services give their titles, for people.
  Export(std::string city, std::vector<v1::Service> services);
  void add(const v1::Case& row);
  size_t cases() const { return rows_.size(); }
  std::string text(ExportFormat format);

 private:
  struct Row {
    int64_t reported_us = 0;
    bool is_child = false;
    std::vector<std::string> fields;  // as the columns of export.cc
    std::string case_id;
    std::string parent;  // case id here
  };

  std::string id_prefix_;
  std::vector<v1::Service> services_;
  std::vector<Row> rows_;
};

}  // namespace hansa::ops
