#include "ops/export.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "core/city/case.h"
#include "ops/import/csv.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

constexpr std::array kColumns = {
    "service_request_id", "status",      "status_notes",      "service_name",
    "service_code",       "agency_responsible", "requested_datetime", "updated_datetime",
    "expected_datetime",  "address",     "lat",               "long",
    "state",              "kind",        "source",            "district",
    "street",             "community",   "closed_datetime",   "merged_into_id"};
constexpr size_t kId = 0;
constexpr size_t kParent = kColumns.size() - 1;

std::string time_or_nothing(int64_t time_us) { return time_us == 0 ? "" : time_text(time_us); }

std::string degrees_text(int32_t microdegrees) {
  const int64_t size = std::abs(static_cast<int64_t>(microdegrees));
  char text[32];
  std::snprintf(text, sizeof(text), "%s%lld.%06lld", microdegrees < 0 ? "-" : "",
                static_cast<long long>(size / 1'000'000), static_cast<long long>(size % 1'000'000));
  return text;
}

std::string name_or_nothing(const std::string& name) { return name == "unspecified" ? "" : name; }

std::string notes_of(const v1::Case& row) {
  switch (row.state()) {
    case v1::State::closed: return "checked and closed";
    case v1::State::withdrawn: return "withdrawn by the reporter";
    case v1::State::referred_out: return "referred to another body";
    case v1::State::refuted: return "looked at; there was no such problem";
    case v1::State::merged: return "handled together with another report";
    default: return "being worked on";
  }
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const auto& field : fields) {
    if (&field != &fields.front()) line += ',';
    line += csv_field(field);
  }
  return line + "\r\n";
}

std::string json_line(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) {
    line += (line.empty() ? "{" : ",") + json_text(kColumns[i]) + ":" +
            (fields[i].empty() ? "null" : json_text(fields[i]));
  }
  return line + "}\n";
}

}  // namespace

Export::Export(std::string city, std::vector<v1::Service> services)
    : id_prefix_(std::move(city) + "/"), services_(std::move(services)) {}

void Export::add(const v1::Case& row) {
  const auto service =
      std::find_if(services_.begin(), services_.end(),
                   [&](const v1::Service& known) { return known.service() == row.service(); });
  const std::string title = service == services_.end() ? "" : service->title().en();
  // Under its own prefix a city would meet its own ids again, had it imported its own export.
  const bool keeps_id = row.imported_from() == kExportSource &&
                        !row.imported_id().starts_with(id_prefix_);
  const std::string closed = time_or_nothing(row.closed_time_us());
  Row made;
  made.reported_us = row.reported_time_us();
  made.is_child = !row.merged_into().empty();
  made.case_id = row.case_();
  made.parent = row.merged_into();
  const bool is_going_on = hansa::is_open(row.state()) || row.state() == v1::State::merged;
  made.fields = {keeps_id ? row.imported_id() : id_prefix_ + row.case_(),
                 is_going_on ? "open" : "closed",
                 notes_of(row),
                 title.empty() ? row.service() : title,
                 row.service(),
                 row.lead_unit(),
                 time_or_nothing(row.reported_time_us()),
                 closed,
                 time_or_nothing(row.deadline_time_us()),
                 row.address(),
                 "",
                 "",
                 state_name(row.state()),
                 name_or_nothing(v1::Kind::Value_Name(row.kind())),
                 name_or_nothing(v1::Source::Value_Name(row.source())),
                 row.place().district(),
                 row.place().street(),
                 row.place().community(),
                 closed,
                 ""};
  if (row.place().has_point()) {
    made.fields[10] = degrees_text(row.place().point().latitude_microdegrees());
    made.fields[11] = degrees_text(row.place().point().longitude_microdegrees());
  }
  rows_.push_back(std::move(made));
}

std::string Export::text(ExportFormat format) {
  std::map<std::string, std::string> exported;  // case id -> id in the export
  for (const auto& row : rows_) exported[row.case_id] = row.fields[kId];
  for (auto& row : rows_) {
    if (row.is_child) row.fields[kParent] = exported[row.parent];
  }
  std::sort(rows_.begin(), rows_.end(), [](const Row& left, const Row& right) {
    return std::tie(left.is_child, left.reported_us, left.fields[kId]) <
           std::tie(right.is_child, right.reported_us, right.fields[kId]);
  });
  std::string text;
  if (format == ExportFormat::kGeoReportCsv) {
    text = csv_line(std::vector<std::string>(kColumns.begin(), kColumns.end()));
  }
  for (const auto& row : rows_) {
    text += format == ExportFormat::kGeoReportCsv ? csv_line(row.fields) : json_line(row.fields);
  }
  return text;
}

}  // namespace hansa::ops
