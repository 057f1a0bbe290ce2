#include "ops/import/guess.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "ops/import/coordinates.h"
#include "ops/import/csv.h"
#include "ops/import/mapping.h"
#include "ops/import/slugs.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

using Words = std::vector<std::string_view>;

const Words kMissing = {"NA", "N/A", "n/a", "NULL", "null", "None", "none", "-", "--", "#N/A"};

const std::vector<std::string> kFormats = {
    "YYYY-MM-DD HH:mm:ss",    "YYYY-MM-DD HH:mm:ss.f",  "YYYY-MM-DDTHH:mm:ss",
    "YYYY-MM-DDTHH:mm:ss.f",  "YYYY-MM-DDTHH:mm:ssZ",   "YYYY-MM-DDTHH:mm:ss.fZ",
    "YYYY-MM-DD HH:mm:ssZ",   "YYYY-MM-DD HH:mm",       "YYYY-MM-DD",
    "YYYY/MM/DD HH:mm:ss",    "MM/DD/YYYY hh:mm:ss AM", "MM/DD/YYYY hh:mm AM",
    "MM/DD/YYYY HH:mm:ss",    "MM/DD/YYYY HH:mm",       "MM/DD/YYYY",
    "DD/MM/YYYY HH:mm:ss",    "DD/MM/YYYY HH:mm",       "DD/MM/YYYY",
    "DD.MM.YYYY HH:mm:ss",    "DD.MM.YYYY HH:mm",       "DD.MM.YYYY"};

// Numbers could be anything: only in columns that are named like times.
const std::vector<std::string> kNumberFormats = {"epoch_s", "epoch_ms"};
const Words kTimeNames = {"time", "date", "created", "opened", "reported", "closed", "_at", "due"};

struct Column {
  std::string name;
  std::string lower;
  std::vector<std::string> values;  // stated ones, in the order of the rows
  std::map<std::string, size_t> counts;
  std::vector<std::string> formats;  // each reads every value
  bool used = false;

  bool is_time() const { return !formats.empty(); }
  bool named(const Words& words) const {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return lower.find(word) != lower.npos; });
  }
};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return text;
}

class Draft {
 public:
  Draft(std::string file_name, std::vector<Column> columns, size_t rows,
        std::set<std::string> missing)
      : file_name_(std::move(file_name)), columns_(std::move(columns)), rows_(rows),
        missing_(std::move(missing)) {}

  Result<std::string> write() {
    for (auto& column : columns_) read_formats(column);
    HANSA_CHECK(choose());
    begin();
    write_grid();
    write_columns();
    write_formats();
    write_words();
    write_rest();
    return std::move(out_);
  }

 private:
  // ---- choosing

  // Of the years 2001 to 2286: seconds have ten digits then, milliseconds thirteen.
  static bool is_number_time(const Column& column, const std::string& format) {
    const size_t digits = format == "epoch_s" ? 10 : 13;
    return column.named(kTimeNames) &&
           std::all_of(column.values.begin(), column.values.end(), [&](const std::string& v) {
             return v.size() == digits && parse_time(v, {format});
           });
  }

  void read_formats(Column& column) const {
    if (column.values.empty()) return;
    for (const auto& format : kNumberFormats) {
      if (is_number_time(column, format)) column.formats.push_back(format);
    }
    for (const auto& format : kFormats) {
      const bool fits = std::all_of(column.values.begin(), column.values.end(),
                                    [&](const std::string& v) { return parse_time(v, {format}); });
      if (fits) column.formats.push_back(format);
    }
    if (!column.formats.empty()) return;
    // Digits of a fraction may be there or not.
    const std::vector<std::string> pair = {"YYYY-MM-DD HH:mm:ss.f", "YYYY-MM-DD HH:mm:ss"};
    if (std::all_of(column.values.begin(), column.values.end(),
                    [&](const std::string& v) { return parse_time(v, pair); })) {
      column.formats = pair;
    }
  }

  template <typename Fits>
  Column* take(const Words& names, Fits fits) {
    for (const auto word : names) {
      for (auto& column : columns_) {
        if (column.used || is_personal(column)) continue;
        if (column.lower.find(word) == column.lower.npos || !fits(column)) continue;
        column.used = true;
        return &column;
      }
    }
    return nullptr;
  }

  Column* take_time(const Words& names) {
    return take(names, [](const Column& column) { return column.is_time(); });
  }

  static bool is_personal(const Column& column) {
    return column.named({"name", "phone", "mail", "contact", "member", "note", "comment",
                         "description", "text"}) &&
           !column.named({"streetname", "ncname", "servicename", "service_name"});
  }

  static bool is_degrees(const Column& column) {
    return !column.values.empty() &&
           std::all_of(column.values.begin(), column.values.end(), [](const std::string& v) {
             const auto read = parse_degrees(v);
             return read && *read >= -180 && *read <= 180;
           });
  }

  bool is_listing(const Column& column, size_t most) const {
    return !column.is_time() && column.counts.size() > 1 && column.counts.size() <= most &&
           column.counts.size() * 2 < std::max<size_t>(column.values.size(), 4) + 4;
  }

  Result<void> choose() {
    reported_ = take_time({"created", "report", "request", "open", "init", "receiv", "start"});
    cancelled_ = take_time({"cancel"});
    closed_ = take_time({"closed", "complete", "resolved", "close", "end"});
    due_ = take_time({"due", "expected", "deadline", "target", "prj", "proj"});
    const auto is_id = [&](const Column& c) {
      return !c.is_time() && c.values.size() == rows_ && c.counts.size() * 100 >= rows_ * 95;
    };
    id_ = take({"number", "requestid", "request_id", "caseid", "case_id", "id", "ref"}, is_id);
    if (id_ == nullptr) id_ = take({""}, is_id);
    lat_ = take({"lat"}, is_degrees);
    lon_ = take({"lon", "lng"}, is_degrees);
    if (lat_ == nullptr || lon_ == nullptr) {
      point_ = take({"point", "location", "geo", "coord"}, [](const Column& c) {
        return !c.values.empty() &&
               std::all_of(c.values.begin(), c.values.end(),
                           [](const std::string& v) { return parse_point(v).has_value(); });
      });
    }
    const auto listing = [&](const Column& c) { return is_listing(c, 1'000); };
    status_ = take({"status", "state"}, listing);
    channel_ = take({"source", "channel", "caller", "origin", "method"}, listing);
    unit_ = take({"assign", "submitto", "department", "dept", "agency", "unit"}, listing);
    service_ = take({"requesttype", "service", "problemcode", "category", "type", "problem"},
                    listing);
    address_ = take({"address", "addr", "street"}, [](const Column& c) {
      return !c.is_time() && c.counts.size() * 20 > c.values.size();
    });
    for (auto& column : columns_) {
      if (!column.used && grid_.size() < 8 && is_listing(column, 1'000) &&
          column.named({"district", "borough", "ward", "neighbo", "ncname", "community", "apc",
                        "council", "zone", "region", "precinct", "area", "quarter", "block",
                        "cd"}) &&
          !is_personal(column)) {
        grid_.push_back(&column);
      }
    }
    std::stable_sort(grid_.begin(), grid_.end(), [](const Column* left, const Column* right) {
      return left->counts.size() < right->counts.size();
    });
    if (grid_.size() > 3) grid_ = {grid_.front(), grid_[grid_.size() / 2], grid_.back()};
    for (auto* column : grid_) column->used = true;
    return check();
  }

  Result<void> check() const {
    std::string lacks;
    const auto need = [&](const Column* column, const char* what) {
      if (column == nullptr) lacks += (lacks.empty() ? "" : ", ") + std::string(what);
    };
    need(id_, "an id that every row has");
    need(reported_, "a time of report");
    need(status_, "a status");
    need(service_, "a service or type");
    if (lacks.empty()) return {};
    return fail(Errc::kBadRequest, file_name_ + ": no column looks like " + lacks +
                                       "; write the mapping by hand, "
                                       "examples/mappings/README.md shows how");
  }

  // ---- writing

  void line(const std::string& text) { out_ += text + "\n"; }

  void begin() {
    const std::string stem = std::filesystem::path(file_name_).stem();
    line("# Drafted from the first " + std::to_string(rows_) + " rows of " + file_name_ +
         ". Lines marked CHECK are guesses that");
    line("# only a person can confirm; `hansa import --dry-run` then shows what is missing.");
    line("city: " + json_text(slug_of(stem).substr(0, 40)) + "   # CHECK: the city's id");
    line("title: " + json_text(stem) + "   # CHECK");
    line("time_zone: UTC   # CHECK: the zone of the file's times, like America/Chicago");
    line("source: " + json_text(slug_of(stem)) + "   # names this file's system for ever");
  }

  void write_grid() {
    line("");
    line("# From the largest part to the smallest.   # CHECK");
    line("grid:");
    if (grid_.empty()) {
      line("  district: " + json_text(service_->name) + "   # CHECK: no column looks like a part "
           "of a city");
      return;
    }
    const char* levels[] = {"district", "street", "community"};
    for (size_t i = 0; i < grid_.size(); ++i) {
      line(std::string("  ") + levels[i] + ": " + json_text(grid_[i]->name) + "   # " +
           std::to_string(grid_[i]->counts.size()) + " values");
    }
    line("empty_grid: unknown");
  }

  void write_column(const char* key, const Column* column, const std::string& why = "") {
    if (column == nullptr) return;
    line(std::string("  ") + key + ": " + json_text(column->name) +
         (why.empty() ? "" : "   # " + why));
  }

  void write_columns() {
    line("");
    line("columns:");
    write_column("source_id", id_, "different in every row");
    write_column("reported_at", reported_);
    write_column("closed_at", closed_);
    write_column("cancelled_at", cancelled_);
    write_column("due_at", due_, "CHECK: is this a promise, or only a plan?");
    write_column("service", service_, std::to_string(service_->counts.size()) + " values");
    write_column("unit", unit_);
    write_column("status", status_);
    if (lat_ != nullptr && lon_ != nullptr) {
      write_column("lat", lat_);
      write_column("lon", lon_);
    }
    write_column("point", point_);
    write_column("address", address_);
    write_column("channel", channel_);
  }

  void write_formats() {
    std::set<std::string> wanted;
    bool ambiguous = false;
    for (const auto* column : {reported_, closed_, cancelled_, due_}) {
      if (column == nullptr) continue;
      wanted.insert(column->formats.begin(), column->formats.end());
      const auto& f = column->formats;
      ambiguous = ambiguous || (std::any_of(f.begin(), f.end(), [](const auto& one) {
                                  return one.starts_with("MM/");
                                }) &&
                                std::any_of(f.begin(), f.end(), [](const auto& one) {
                                  return one.starts_with("DD/");
                                }));
    }
    std::string list;
    std::vector<std::string> known = kFormats;
    known.insert(known.end(), kNumberFormats.begin(), kNumberFormats.end());
    for (const auto& format : known) {
      if (wanted.contains(format)) list += (list.empty() ? "" : ", ") + json_text(format);
    }
    line("");
    line("date_formats: [" + list + "]" +
         (ambiguous ? "   # CHECK: day and month can be read both ways; keep one" : ""));
    std::string missing;
    for (const auto& text : missing_) missing += (missing.empty() ? "" : ", ") + json_text(text);
    line("missing: [" + missing + "]");
  }

  static std::string state_for(const std::string& word) {
    const std::string lower = lower_case(word);
    const auto has = [&](const Words& words) {
      return std::any_of(words.begin(), words.end(),
                         [&](std::string_view w) { return lower.find(w) != lower.npos; });
    };
    if (has({"cancel", "withdraw"})) return "withdrawn";
    if (has({"refer", "transferred out"})) return "referred_out";
    if (has({"closed", "complete", "resolved", "done", "fixed"})) return "closed";
    if (has({"invalid", "refuted", "unfounded"})) return "refuted";
    return "reported";
  }

  static std::string source_for(const std::string& word) {
    const std::string lower = lower_case(word);
    const std::vector<std::pair<Words, const char*>> rules = {
        {{"phone", "call", "voice", "vcml", "hotline"}, "hotline"},
        {{"app", "mobile", "snap"}, "snap"},
        {{"web", "self service", "online", "twitter", "portal"}, "web"},
        {{"mail", "letter", "fax"}, "letter"},
        {{"camera", "cctv"}, "camera"},
        {{"police"}, "police"},
        {{"inspect", "driver", "staff", "dept"}, "inspector"}};
    for (const auto& [words, source] : rules) {
      for (const auto w : words) {
        if (lower.find(w) != lower.npos) return source;
      }
    }
    return "";
  }

  void write_words() {
    line("");
    line("# CHECK: states are reported, verified, refuted, filed, assigned, disputed, accepted,");
    line("# rectifying, rectified, closed, withdrawn, referred_out.");
    line("status:");
    for (const auto& [word, count] : status_->counts) {
      const auto state = state_for(word);
      line("  " + json_text(word) + ": " + state + "   # " + std::to_string(count) + " rows" +
           (state == "reported" ? ", CHECK" : ""));
    }
    if (channel_ == nullptr) return;
    line("");
    std::string stated;
    std::string unstated;
    for (const auto& [word, count] : channel_->counts) {
      const auto source = source_for(word);
      if (source.empty()) {
        unstated += (unstated.empty() ? "" : ", ") + word;
      } else {
        stated += "  " + json_text(word) + ": " + source + "   # " + std::to_string(count) +
                  " rows\n";
      }
    }
    line(stated.empty() ? "channels: {}" : "channels:");
    out_ += stated;
    if (!unstated.empty()) line("  # without a class, so left unstated: " + one_line(unstated));
  }

  static std::string one_line(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return text;
  }

  void write_rest() {
    const bool has_points = (lat_ != nullptr && lon_ != nullptr) || point_ != nullptr;
    line("");
    line(std::string("projection: ") + (has_points ? "wgs84" : "none   # no column holds degrees"));
    std::string personal;
    std::string left;
    for (const auto& column : columns_) {
      if (column.used) continue;
      auto& list = is_personal(column) ? personal : left;
      list += (list.empty() ? "" : ", ") + json_text(column.name);
    }
    line("");
    line("# Columns that may name persons; what stands here is dropped before anything sees it.");
    line("never_read: [" + personal + "]   # CHECK");
    if (!left.empty()) line("# Not used: " + one_line(left));
  }

  const std::string file_name_;
  std::vector<Column> columns_;
  const size_t rows_;
  const std::set<std::string> missing_;
  std::string out_;
  Column *id_ = nullptr, *reported_ = nullptr, *closed_ = nullptr, *cancelled_ = nullptr,
         *due_ = nullptr, *service_ = nullptr, *unit_ = nullptr, *status_ = nullptr,
         *lat_ = nullptr, *lon_ = nullptr, *point_ = nullptr, *address_ = nullptr,
         *channel_ = nullptr;
  std::vector<Column*> grid_;
};

}  // namespace

Result<std::string> guess_mapping(std::string_view text, const std::string& file_name) {
  CsvReader reader(text);
  HANSA_TRY(const auto header, reader.next());
  if (!header) return fail(Errc::kBadFile, file_name + ":1: expected a header, the file is empty");
  std::vector<Column> columns;
  for (const auto& name : header->fields) columns.push_back({name, lower_case(name)});
  std::set<std::string> missing;
  size_t rows = 0;
  while (rows < kGuessRows) {
    HANSA_TRY(const auto record, reader.next());
    if (!record) break;
    if (record->fields.size() != columns.size()) continue;
    ++rows;
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto& value = record->fields[i];
      if (value.empty()) continue;
      if (std::find(kMissing.begin(), kMissing.end(), value) != kMissing.end()) {
        missing.insert(value);
        continue;
      }
      columns[i].values.push_back(value);
      ++columns[i].counts[value];
    }
  }
  if (rows == 0) return fail(Errc::kBadFile, file_name + ": expected rows below the header");
  return Draft(file_name, std::move(columns), rows, std::move(missing)).write();
}

}  // namespace hansa::ops
