#include "ops/import/case_file.h"

#include <algorithm>

#include "core/base/schema.h"
#include "hansa/v1/city.pb.h"
#include "ops/import/coordinates.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

constexpr size_t kNameBytesMax = 200;

template <typename Message>
Message& add(std::vector<std::unique_ptr<google::protobuf::Message>>& commands,
             const std::string& city) {
  auto message = std::make_unique<Message>();
  message->set_city(city);
  auto& reference = *message;
  commands.push_back(std::move(message));
  return reference;
}

}  // namespace

CaseFile::CaseFile(std::string_view text, std::string name, const Mapping& mapping, TimeZone zone)
    : text_(text), name_(std::move(name)), mapping_(&mapping), zone_(std::move(zone)),
      reader_(text) {}

Result<CaseFile> CaseFile::open(std::string_view text, const std::string& name,
                                const Mapping& mapping, std::vector<uint64_t> lines) {
  HANSA_TRY(auto zone, TimeZone::open(mapping.time_zone));
  CaseFile file(text, name, mapping, std::move(zone));
  file.lines_ = std::move(lines);
  HANSA_CHECK(file.read_header());
  HANSA_CHECK(file.read_names());
  file.reader_ = CsvReader(text);
  file.record_ = 0;
  HANSA_CHECK(file.read_header());
  return file;
}

Result<void> CaseFile::read_header() {
  auto header = reader_.next();
  if (!header) return fail(Errc::kBadFile, name_ + ": " + header.error().detail);
  if (!*header) return fail(Errc::kBadFile, name_ + ":1: expected a header, the file is empty");
  header_text_ = (*header)->text;
  header_fields_ = (*header)->fields.size();
  return find_columns((*header)->fields);
}

Result<std::optional<CsvRecord>> CaseFile::next_record() {
  auto record = reader_.next();
  if (!record) return fail(Errc::kBadFile, name_ + ": " + record.error().detail);
  if (*record && record_ < lines_.size()) (*record)->line = lines_[record_];
  ++record_;
  return record;
}

Result<void> CaseFile::find_columns(const Fields& header) {
  std::string error;
  const auto find = [&](const std::string& name) -> std::optional<size_t> {
    if (name.empty()) return std::nullopt;
    for (size_t i = 0; i < header.size(); ++i) {
      if (header[i] != name) continue;
      if (std::count(header.begin(), header.end(), name) > 1 && error.empty()) {
        error = "`" + name + "` once, not twice";
      }
      return i;
    }
    if (error.empty()) error = "`" + name + "`" + did_you_mean(name, header);
    return std::nullopt;
  };
  const auto& m = *mapping_;
  columns_ = Columns{find(m.district_column), find(m.street_column), find(m.community_column),
                     find(m.source_id_column), find(m.reported_at_column),
                     find(m.closed_at_column), find(m.cancelled_at_column), find(m.due_at_column),
                     find(m.service_column), find(m.unit_column), find(m.status_column),
                     find(m.lat_column), find(m.lon_column), find(m.point_column),
                     find(m.address_column), find(m.channel_column), find(m.kind_column),
                     find(m.merged_into_column)};
  never_read_.clear();
  for (const auto& column : m.never_read) {
    if (const auto found = find(column)) never_read_.insert(*found);
  }
  if (error.empty()) return {};
  return fail(Errc::kBadConfig, m.file + ": names a column that " + name_ + " does not have: " +
                                    error);
}

std::string CaseFile::value(const Fields& fields, const std::optional<size_t>& column) const {
  if (!column || *column >= fields.size() || mapping_->is_missing(fields[*column])) return "";
  return fields[*column];
}

std::string CaseFile::grid_name(const Fields& fields, const std::optional<size_t>& column) const {
  auto name = value(fields, column);
  return name.empty() ? mapping_->empty_grid : name;
}

Result<void> CaseFile::read_names() {
  while (true) {
    HANSA_TRY(const auto record, next_record());
    if (!record) return {};
    const auto& fields = record->fields;
    ++rows_;
    if (!check_form(*record) || !check_names(fields)) continue;
    const auto district = grid_name(fields, columns_.district);
    const auto street = grid_name(fields, columns_.street);
    districts_.add(district);
    streets_[district].add(street);
    communities_[{district, street}].add(grid_name(fields, columns_.community));
    if (auto service = value(fields, columns_.service); !service.empty()) services_.add(service);
    if (auto unit = value(fields, columns_.unit); !unit.empty()) units_.add(unit);
    const auto channel = mapping_->channels.find(value(fields, columns_.channel));
    if (channel != mapping_->channels.end()) sources_.insert(channel->second);
  }
}

Result<std::optional<ImportRow>> CaseFile::next() {
  HANSA_TRY(const auto record, next_record());
  if (!record) return std::optional<ImportRow>();
  ImportRow row{record->line, shown(*record), v1::ImportCase()};
  if (auto form = check_form(*record); !form) {
    row.command = fail(form.error());
  } else {
    row.command = command(record->fields);
  }
  return std::optional<ImportRow>(std::move(row));
}

Result<void> CaseFile::check_form(const CsvRecord& record) const {
  if (record.fields.size() != header_fields_) {
    return fail(Errc::kBadRequest, "expected " + std::to_string(header_fields_) +
                                       " fields, got " + std::to_string(record.fields.size()));
  }
  if (is_utf8(record.text) && record.text.find('\0') == record.text.npos) return {};
  return fail(Errc::kBadRequest,
              "expected text in UTF-8 without NUL bytes; save the file as UTF-8");
}

// Names become titles of places, units and services.
Result<void> CaseFile::check_names(const Fields& fields) const {
  for (const auto& column : {columns_.district, columns_.street, columns_.community,
                             columns_.service, columns_.unit}) {
    const auto name = value(fields, column);
    if (name.size() <= kNameBytesMax) continue;
    return fail(Errc::kTextTooLong, "expected names of places, units and services of at most " +
                                        std::to_string(kNameBytesMax) + " bytes, got one of " +
                                        std::to_string(name.size()));
  }
  return {};
}

// The row as people may see it: what is never read is not written anywhere either.
std::string CaseFile::shown(const CsvRecord& record) const {
  if (never_read_.empty()) return std::string(record.text);
  // Which field is which cannot be known: nothing of it is shown.
  if (record.fields.size() != header_fields_) return std::string(header_fields_ - 1, ',');
  std::string text;
  for (size_t i = 0; i < record.fields.size(); ++i) {
    if (i > 0) text += ',';
    if (!never_read_.contains(i)) text += csv_field(record.fields[i]);
  }
  return text;
}

Result<int64_t> CaseFile::time_us(const Fields& fields,
                                  const std::optional<size_t>& column) const {
  const auto text = value(fields, column);
  if (text.empty()) return 0;
  HANSA_TRY(const auto stated, parse_time(text, mapping_->date_formats));
  if (stated.is_utc) return stated.us;
  return mapping_->summer_time ? zone_.to_utc_us(stated.us) : zone_.standard_to_utc_us(stated.us);
}

Result<void> CaseFile::read_times(const Fields& fields, v1::ImportCase& command) const {
  HANSA_TRY(const auto reported_us, time_us(fields, columns_.reported_at));
  if (reported_us == 0) return fail(Errc::kBadRequest, "expected a time of report, got nothing");
  command.set_reported_time_us(reported_us);
  HANSA_TRY(const auto closed_us, time_us(fields, columns_.closed_at));
  HANSA_TRY(const auto cancelled_us, time_us(fields, columns_.cancelled_at));
  const bool withdrawn = command.state() == v1::State::withdrawn;
  command.set_closed_time_us(withdrawn && cancelled_us != 0 ? cancelled_us : closed_us);
  HANSA_TRY(const auto due_us, time_us(fields, columns_.due_at));
  command.set_due_time_us(due_us);
  return {};
}

Result<void> CaseFile::read_point(const Fields& fields, v1::PlaceInput& place) const {
  if (!mapping_->has_points) return {};
  const std::string lat = value(fields, columns_.lat);
  const std::string lon = value(fields, columns_.lon);
  Degrees degrees;
  if (const auto point = value(fields, columns_.point); lat.empty() && !point.empty()) {
    HANSA_TRY(degrees, parse_point(point));
  } else if (lat.empty() && lon.empty()) {
    return {};
  } else {
    HANSA_TRY(degrees.latitude, parse_degrees(lat));
    HANSA_TRY(degrees.longitude, parse_degrees(lon));
  }
  place.set_latitude(degrees.latitude);
  place.set_longitude(degrees.longitude);
  return {};
}

Result<v1::ImportCase> CaseFile::command(const Fields& fields) const {
  HANSA_CHECK(check_names(fields));
  v1::ImportCase command;
  command.set_city(mapping_->city);
  command.set_source_name(mapping_->source);
  command.set_source_id(value(fields, columns_.source_id));
  if (command.source_id().empty()) {
    return fail(Errc::kBadRequest, "expected the row's own id, got nothing");
  }
  const auto word = value(fields, columns_.status);
  const auto state = mapping_->status.find(word);
  if (state == mapping_->status.end()) {
    return fail(Errc::kBadRequest, "expected a status that the mapping knows, got `" + word + "`");
  }
  command.set_state(state->second);
  const auto service = value(fields, columns_.service);
  if (service.empty()) return fail(Errc::kBadRequest, "expected a service, got nothing");
  command.set_service(services_.find(service));
  if (const auto unit = value(fields, columns_.unit); !unit.empty()) {
    command.set_unit(units_.find(unit));
  }
  const auto district = grid_name(fields, columns_.district);
  const auto street = grid_name(fields, columns_.street);
  auto& place = *command.mutable_place();
  place.set_district(districts_.find(district));
  place.set_street(streets_.at(district).find(street));
  place.set_community(
      communities_.at({district, street}).find(grid_name(fields, columns_.community)));
  HANSA_CHECK(read_point(fields, place));
  command.set_address(value(fields, columns_.address));
  const auto channel = value(fields, columns_.channel);
  if (const auto source = mapping_->channels.find(channel); source != mapping_->channels.end()) {
    command.set_source(source->second);
  }
  command.set_other_content(channel);
  const auto kind = mapping_->kinds.find(value(fields, columns_.kind));
  if (kind != mapping_->kinds.end()) command.set_kind(kind->second);
  command.set_merged_into_source_id(value(fields, columns_.merged_into));
  HANSA_CHECK(read_times(fields, command));
  HANSA_CHECK(validate(command));
  return command;
}

std::vector<std::unique_ptr<google::protobuf::Message>> CaseFile::founding(bool simulated) const {
  std::vector<std::unique_ptr<google::protobuf::Message>> commands;
  const auto& city = mapping_->city;
  auto& found = add<v1::FoundCity>(commands, city);
  found.mutable_title()->set_en(mapping_->title);
  found.set_simulated(simulated);
  *add<v1::AdoptCalendar>(commands, city).mutable_calendar() = usual_calendar(zone_);
  for (const auto& [district, name] : districts_.all()) {
    auto& part = add<v1::DefineGridPart>(commands, city);
    part.set_district(district);
    part.mutable_title()->set_en(name);
    for (const auto& [street, street_name] : streets_.at(name).all()) {
      auto& row = *part.add_streets();
      row.set_id(street);
      row.mutable_title()->set_en(street_name);
      for (const auto& [community, own_name] : communities_.at({name, street_name}).all()) {
        auto& cell = *row.add_communities();
        cell.set_id(community);
        cell.mutable_title()->set_en(own_name);
      }
    }
  }
  for (const auto& [unit, name] : units_.all()) {
    auto& row = add<v1::DefineUnit>(commands, city);
    row.set_unit(unit);
    row.mutable_title()->set_en(name);
  }
  for (const auto& [service, name] : services_.all()) {
    auto& row = add<v1::DefineService>(commands, city);
    row.set_service(service);
    row.mutable_title()->set_en(name);
  }
  for (const auto source : sources_) add<v1::ConnectSource>(commands, city).set_source(source);
  return commands;
}

v1::Calendar usual_calendar(const TimeZone& zone) {
  v1::Calendar calendar;
  calendar.set_time_zone(zone.name());
  for (const auto& row : zone.offsets()) *calendar.add_offsets() = row;
  for (uint32_t weekday = 1; weekday <= 5; ++weekday) {
    auto& hours = *calendar.add_hours();
    hours.set_weekday(weekday);
    hours.set_open_s(9 * 3'600);
    hours.set_close_s(17 * 3'600);
  }
  return calendar;
}

}  // namespace hansa::ops
