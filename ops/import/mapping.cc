#include "ops/import/mapping.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/calendar.h"
#include "core/base/ids.h"
#include "ops/nearest.h"
#include "ops/time_zone.h"
#include "ops/yaml_reader.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kEpochSeconds = "epoch_s";
constexpr std::string_view kEpochMilliseconds = "epoch_ms";

std::vector<std::string> value_names(const google::protobuf::EnumDescriptor* words) {
  std::vector<std::string> names;
  for (int i = 1; i < words->value_count(); ++i) names.push_back(words->value(i)->name());
  return names;
}

template <typename Value, typename Parse>
void read_words(Section& section, const std::string& key, const char* what,
                const google::protobuf::EnumDescriptor* words, Parse parse,
                std::map<std::string, Value>& into) {
  std::vector<std::pair<std::string, std::string>> pairs;
  section.words(key, pairs);
  for (const auto& [word, name] : pairs) {
    Value value{};
    if (!parse(name, &value) || value == Value{}) {
      const auto guess = did_you_mean(name, value_names(words));
      return section.fail_at(key, std::string("for `") + word + "` " + what + ", `" + name +
                                      "` is none" + guess);
    }
    into[word] = value;
  }
}

void read_columns(Section section, Mapping& mapping) {
  section.required_text("source_id", mapping.source_id_column);
  section.required_text("reported_at", mapping.reported_at_column);
  section.text("closed_at", mapping.closed_at_column);
  section.text("cancelled_at", mapping.cancelled_at_column);
  section.text("due_at", mapping.due_at_column);
  section.required_text("service", mapping.service_column);
  section.text("unit", mapping.unit_column);
  section.required_text("status", mapping.status_column);
  section.text("lat", mapping.lat_column);
  section.text("lon", mapping.lon_column);
  section.text("point", mapping.point_column);
  section.text("address", mapping.address_column);
  section.text("channel", mapping.channel_column);
  section.text("kind", mapping.kind_column);
  section.text("merged_into", mapping.merged_into_column);
  if (mapping.lat_column.empty() != mapping.lon_column.empty()) {
    section.fail_at(mapping.lat_column.empty() ? "lon" : "lat", "both lat and lon, or neither");
  }
  section.finish();
}

void check_never_read(Section& root, const Mapping& mapping) {
  for (const auto* column :
       {&mapping.source_id_column, &mapping.reported_at_column, &mapping.closed_at_column,
        &mapping.cancelled_at_column, &mapping.due_at_column, &mapping.service_column,
        &mapping.unit_column, &mapping.status_column, &mapping.lat_column, &mapping.lon_column,
        &mapping.point_column, &mapping.address_column, &mapping.channel_column,
        &mapping.kind_column, &mapping.merged_into_column,
        &mapping.district_column, &mapping.street_column, &mapping.community_column}) {
    if (std::find(mapping.never_read.begin(), mapping.never_read.end(), *column) !=
        mapping.never_read.end()) {
      return root.fail_at("never_read", "columns that nothing else names; `" + *column +
                                            "` is named above");
    }
  }
}

Result<Mapping> read_root(std::shared_ptr<YamlFile> file) {
  if (file->error) return hansa::fail(*file->error);
  Mapping mapping;
  mapping.file = file->name;
  auto root = Section::root(file);
  root.required_text("city", mapping.city);
  if (!mapping.city.empty() && !is_slug(mapping.city)) {
    root.fail_at("city", "a city id of a-z, 0-9 and -, at most 40");
  }
  root.text("title", mapping.title);
  root.required_text("time_zone", mapping.time_zone);
  if (!mapping.time_zone.empty()) {
    if (auto zone = TimeZone::open(mapping.time_zone); !zone) {
      root.fail_at("time_zone", "a known time zone (" + zone.error().detail + ")");
    }
  }
  root.flag("summer_time", mapping.summer_time);
  root.required_text("source", mapping.source);
  auto grid = root.section("grid");
  grid.required_text("district", mapping.district_column);
  grid.text("street", mapping.street_column);
  grid.text("community", mapping.community_column);
  grid.finish();
  read_columns(root.section("columns"), mapping);
  root.texts("date_formats", mapping.date_formats);
  if (mapping.date_formats.empty()) root.fail_at("date_formats", "at least one format");
  for (const auto& format : mapping.date_formats) {
    if (auto wrong = check_date_format(format); !wrong.empty()) root.fail_at("date_formats", wrong);
  }
  root.texts("missing", mapping.missing);
  read_words(root, "status", "a state", v1::State::Value_descriptor(), v1::State::Value_Parse,
             mapping.status);
  if (mapping.status.empty()) root.fail_at("status", "words for states like {Closed: closed}");
  read_words(root, "channels", "a source class", v1::Source::Value_descriptor(),
             v1::Source::Value_Parse, mapping.channels);
  read_words(root, "kinds", "a kind of case", v1::Kind::Value_descriptor(), v1::Kind::Value_Parse,
             mapping.kinds);
  root.parsed("projection", [&](const std::string& text) -> std::string {
    mapping.has_points = text == "wgs84";
    return text == "wgs84" || text == "none" ? "" : "wgs84 (degrees) or none";
  });
  root.text("empty_grid", mapping.empty_grid);
  root.texts("never_read", mapping.never_read);
  check_never_read(root, mapping);
  root.finish();
  if (file->error) return hansa::fail(*file->error);
  if (mapping.title.empty()) mapping.title = mapping.city;
  return mapping;
}

// Reads `digits_max` digits at most, at least one.
bool read_number(std::string_view text, size_t& at, size_t digits_max, uint32_t& value) {
  const auto begin = at;
  value = 0;
  while (at < text.size() && at - begin < digits_max && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + static_cast<uint32_t>(text[at++] - '0');
  }
  return at > begin;
}

struct TimeParts {
  uint32_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction_us = 0;
  bool twelve_hours = false, afternoon = false;
  std::optional<int64_t> offset_s;  // of the text's own zone
};

bool read_fraction(std::string_view text, size_t& at, uint32_t& fraction_us) {
  const auto begin = at;
  uint32_t value = 0;
  if (!read_number(text, at, 6, value)) return false;
  for (auto digits = at - begin; digits < 6; ++digits) value *= 10;
  fraction_us = value;
  return true;
}

// `Z`, `+08:00`, `+0800` or `+08`.
bool read_offset(std::string_view text, size_t& at, std::optional<int64_t>& offset_s) {
  if (at == text.size()) return false;
  const char sign = text[at++];
  offset_s = 0;
  if (sign == 'Z' || sign == 'z') return true;
  uint32_t hours = 0;
  uint32_t minutes = 0;
  if ((sign != '+' && sign != '-') || !read_number(text, at, 2, hours)) return false;
  if (at < text.size() && text[at] == ':') ++at;
  if (at < text.size() && !read_number(text, at, 2, minutes)) return false;
  if (hours > 18 || minutes > 59) return false;
  offset_s = (sign == '-' ? -1 : 1) * static_cast<int64_t>(hours * 3'600 + minutes * 60);
  return true;
}

// One token of the format against the text; false when it does not fit.
bool read_token(std::string_view format, size_t& in_format, std::string_view text, size_t& at,
                TimeParts& parts) {
  const auto rest = format.substr(in_format);
  const auto take = [&](size_t length) { in_format += length; };
  if (rest.starts_with("YYYY")) return take(4), read_number(text, at, 4, parts.year);
  if (rest.starts_with("MM")) return take(2), read_number(text, at, 2, parts.month);
  if (rest.starts_with("DD")) return take(2), read_number(text, at, 2, parts.day);
  if (rest.starts_with("HH")) return take(2), read_number(text, at, 2, parts.hour);
  if (rest.starts_with("hh")) {
    parts.twelve_hours = true;
    return take(2), read_number(text, at, 2, parts.hour);
  }
  if (rest.starts_with("mm")) return take(2), read_number(text, at, 2, parts.minute);
  if (rest.starts_with("ss")) return take(2), read_number(text, at, 2, parts.second);
  if (rest.starts_with("f")) return take(1), read_fraction(text, at, parts.fraction_us);
  if (rest.starts_with("Z")) return take(1), read_offset(text, at, parts.offset_s);
  if (rest.starts_with("AM")) {
    const auto half = text.substr(at, 2);
    at += half.size();
    parts.afternoon = half == "PM" || half == "pm";
    return take(2), parts.afternoon || half == "AM" || half == "am";
  }
  take(1);
  return at < text.size() && text[at++] == rest[0];
}

// Seconds or milliseconds since 1970, with a fraction perhaps.
std::optional<StatedTime> parse_epoch(const std::string& text, int64_t unit_us) {
  int64_t whole = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), whole);
  size_t at = static_cast<size_t>(read.ptr - text.data());
  if (read.ec != std::errc() || whole < 0 || whole > kTimeUsMax / unit_us) return std::nullopt;
  uint32_t fraction_us = 0;
  if (at < text.size() && (text[at++] != '.' || !read_fraction(text, at, fraction_us))) {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  return StatedTime{whole * unit_us + fraction_us / (1'000'000 / unit_us), true};
}

std::optional<StatedTime> parse_with(const std::string& format, const std::string& text) {
  if (format == kEpochSeconds) return parse_epoch(text, 1'000'000);
  if (format == kEpochMilliseconds) return parse_epoch(text, 1'000);
  TimeParts parts;
  size_t at = 0;
  for (size_t in_format = 0; in_format < format.size();) {
    if (!read_token(format, in_format, text, at, parts)) return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  if (parts.twelve_hours) {
    if (parts.hour < 1 || parts.hour > 12) return std::nullopt;
    parts.hour = parts.hour % 12 + (parts.afternoon ? 12 : 0);
  }
  if (!is_civil_day(static_cast<int32_t>(parts.year), parts.month, parts.day)) return std::nullopt;
  if (parts.hour > 23 || parts.minute > 59 || parts.second > 59) return std::nullopt;
  const int64_t seconds =
      civil_day(static_cast<int32_t>(parts.year), parts.month, parts.day) * 86'400 +
      parts.hour * 3'600 + parts.minute * 60 + parts.second - parts.offset_s.value_or(0);
  return StatedTime{seconds * 1'000'000 + parts.fraction_us, parts.offset_s.has_value()};
}

}  // namespace

bool Mapping::is_missing(const std::string& text) const {
  return text.empty() || std::find(missing.begin(), missing.end(), text) != missing.end();
}

std::string check_date_format(const std::string& format) {
  if (format == kEpochSeconds || format == kEpochMilliseconds) return "";
  for (const char* part : {"YYYY", "MM", "DD"}) {
    if (format.find(part) == std::string::npos) {
      return "formats with YYYY, MM and DD like `YYYY-MM-DD HH:mm:ss`, `" + format + "` lacks " +
             part;
    }
  }
  if ((format.find("hh") == std::string::npos) != (format.find("AM") == std::string::npos)) {
    return "hh together with AM (HH counts to 24), in `" + format + "`";
  }
  return "";
}

Result<StatedTime> parse_time(const std::string& text, const std::vector<std::string>& formats) {
  for (const auto& format : formats) {
    if (auto stated = parse_with(format, text)) return *stated;
  }
  std::string known;
  for (const auto& format : formats) known += (known.empty() ? "`" : " or `") + format + "`";
  return hansa::fail(Errc::kBadRequest, "expected a time like " + known + ", got `" + text + "`");
}

Result<Mapping> read_mapping(const std::string& file) { return read_root(read_yaml(file)); }

Result<Mapping> parse_mapping(const std::string& text, const std::string& file) {
  return read_root(parse_yaml(text, file));
}

}  // namespace hansa::ops
