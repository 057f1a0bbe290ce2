#include "ops/setup.h"

#include <algorithm>
#include <charconv>
#include <google/protobuf/util/message_differencer.h>

#include "core/base/durations.h"
#include "core/base/ids.h"
#include "ops/files.h"
#include "ops/import/csv.h"
#include "ops/import/mapping.h"
#include "ops/nearest.h"
#include "ops/time_zone.h"
#include "ops/yaml_reader.h"

namespace hansa::ops {
namespace {

using google::protobuf::util::MessageDifferencer;

const std::vector<std::string> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};

uint32_t weekday_number(const std::string& name) {
  const auto it = std::find(kWeekdays.begin(), kWeekdays.end(), name);
  return it == kWeekdays.end() ? 0 : static_cast<uint32_t>(it - kWeekdays.begin()) + 1;
}

template <typename Message>
Message& add(Commands& commands, const std::string& city) {
  auto message = std::make_unique<Message>();
  message->set_city(city);
  auto& reference = *message;
  commands.push_back(std::move(message));
  return reference;
}

// "09:00-12:00 13:00-17:00"
bool read_hours(const std::string& text, uint32_t weekday, v1::Calendar& calendar) {
  size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto part = text.substr(begin, end - begin);
    begin = end + 1;
    uint32_t from_h = 0, from_m = 0, to_h = 0, to_m = 0;
    char rest = 0;
    if (std::sscanf(part.c_str(), "%2u:%2u-%2u:%2u%c", &from_h, &from_m, &to_h, &to_m, &rest) !=
            4 ||
        from_m > 59 || to_m > 59 || from_h > 24 || to_h > 24) {
      return false;
    }
    auto& row = *calendar.add_hours();
    row.set_weekday(weekday);
    row.set_open_s(from_h * 3'600 + from_m * 60);
    row.set_close_s(to_h * 3'600 + to_m * 60);
    if (row.open_s() >= row.close_s() || row.close_s() > 86'400) return false;
  }
  return true;
}

bool read_day(const std::string& text, v1::Calendar& calendar, uint32_t works_as_weekday) {
  const auto stated = parse_time(text, {"YYYY-MM-DD"});
  if (!stated) return false;
  auto& row = *calendar.add_exceptions();
  row.set_day(static_cast<int32_t>(stated->us / kDayUs));
  row.set_holiday(works_as_weekday == 0);
  row.set_works_as_weekday(works_as_weekday);
  return true;
}

Result<void> read_calendar(const std::string& name, v1::Calendar& calendar) {
  auto file = read_yaml(name);
  if (file->error) return fail(*file->error);
  auto root = Section::root(file);
  std::string zone_name;
  root.required_text("time_zone", zone_name);
  auto zone = TimeZone::open(zone_name);
  if (!zone) {
    root.fail_at("time_zone", "a known time zone (" + zone.error().detail + ")");
  } else {
    calendar.set_time_zone(zone_name);
    for (const auto& row : zone->offsets()) *calendar.add_offsets() = row;
  }
  auto hours = root.section("hours");
  for (const auto& day : kWeekdays) {
    std::string text;
    hours.text(day, text);
    if (!read_hours(text, weekday_number(day), calendar)) {
      hours.fail_at(day, "hours like \"09:00-12:00 13:00-17:00\", in order");
    }
  }
  hours.finish();
  std::vector<std::string> holidays;
  root.texts("holidays", holidays);
  for (const auto& day : holidays) {
    if (!read_day(day, calendar, 0)) root.fail_at("holidays", "days like 2025-10-01, not " + day);
  }
  std::vector<std::pair<std::string, std::string>> make_up_days;
  root.words("make_up_days", make_up_days);
  for (const auto& [day, as] : make_up_days) {
    if (weekday_number(as) == 0 || !read_day(day, calendar, weekday_number(as))) {
      root.fail_at("make_up_days", "pairs like {2025-09-28: wednesday}");
    }
  }
  // A calendar keeps its days in order; the file lists holidays and make-up days apart.
  std::sort(calendar.mutable_exceptions()->begin(), calendar.mutable_exceptions()->end(),
            [](const auto& left, const auto& right) { return left.day() < right.day(); });
  root.finish();
  if (file->error) return fail(*file->error);
  return {};
}

bool read_fraction(const std::string& text, v1::Fraction& value) {
  const auto slash = text.find('/');
  value.set_numerator(text.substr(0, slash));
  value.set_denominator(slash == std::string::npos ? "1" : text.substr(slash + 1));
  const auto is_number = [](const std::string& digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  };
  return is_number(value.numerator()) && is_number(value.denominator());
}

// What city.yaml gives, in the order of entering: the founding first, the rest behind the grid.
Result<void> read_city(const std::string& name, Setup& setup, Commands& later) {
  auto file = read_yaml(name);
  if (file->error) return fail(*file->error);
  auto root = Section::root(file);
  root.required_text("city", setup.city);
  auto& found = add<v1::FoundCity>(setup.commands, setup.city);
  root.text("title", *found.mutable_title()->mutable_en());
  root.text("title_zh", *found.mutable_title()->mutable_zh());
  root.parsed("population", [&](const std::string& text) -> std::string {
    uint64_t population = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, population);
    found.set_population(population);
    return result.ec == std::errc() && result.ptr == end ? "" : "a whole number";
  });
  bool simulated = false;
  root.flag("simulated", simulated);
  found.set_simulated(simulated);
  std::vector<std::string> sources;
  root.texts("sources", sources);
  for (const auto& word : sources) {
    v1::Source::Value source = v1::Source::unspecified;
    if (!v1::Source::Value_Parse(word, &source)) {
      root.fail_at("sources", "source classes like hotline, `" + word + "` is none");
    }
    add<v1::ConnectSource>(later, setup.city).set_source(source);
  }
  std::vector<std::pair<std::string, std::string>> policies;
  root.words("policies", policies);
  for (const auto& [policy, text] : policies) {
    auto& adopt = add<v1::AdoptPolicy>(later, setup.city);
    adopt.set_policy(policy);
    if (!read_fraction(text, *adopt.mutable_value())) {
      root.fail_at("policies", "values like 20 or 7/10 for `" + policy + "`");
    }
  }
  root.finish();
  if (file->error) return fail(*file->error);
  return {};
}

// Reads the cells of one table by the names of their columns, and refuses columns nobody knows.
class Table {
 public:
  static Result<Table> open(const std::string& name, const std::vector<std::string>& columns,
                            const std::vector<std::string>& required) {
    HANSA_TRY(const auto text, read_file(name));
    Table table;
    HANSA_TRY(table.csv_, parse_csv_table(text, name));
    for (const auto& column : table.csv_.header) {
      if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
        return fail(Errc::kBadFile,
                    name + ":1: unknown column `" + column + "`" + did_you_mean(column, columns));
      }
    }
    for (const auto& column : required) {
      if (!table.csv_.column(column)) {
        return fail(Errc::kBadFile, name + ":1: expected a column `" + column + "`");
      }
    }
    return table;
  }

  size_t rows() const { return csv_.rows.size(); }
  std::string cell(size_t row, const std::string& column) const {
    const auto at = csv_.column(column);
    return at ? csv_.rows[row].fields[*at] : "";
  }
  tl::unexpected<Error> refuse(size_t row, const std::string& expected) const {
    return fail(Errc::kBadFile, csv_.name + ":" + std::to_string(csv_.rows[row].line) +
                                    ": expected " + expected);
  }
  Result<std::string> slug(size_t row, const std::string& column) const {
    auto text = cell(row, column);
    if (is_slug(text)) return text;
    return refuse(row, "in `" + column + "` an id of a-z, 0-9 and -, got `" + text + "`");
  }
  // Hours as seconds; 0 when the cell is empty.
  Result<int64_t> hours_s(size_t row, const std::string& column) const {
    const auto text = cell(row, column);
    if (text.empty()) return 0;
    double hours = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, hours);
    if (result.ec != std::errc() || result.ptr != end || hours <= 0 || hours > 100'000) {
      return refuse(row, "in `" + column + "` hours like 16 or 0.5, got `" + text + "`");
    }
    return static_cast<int64_t>(hours * 3'600);
  }

 private:
  CsvTable csv_;
};

template <typename List>
auto& find_or_add(List& list, const std::string& id) {
  for (auto& row : list) {
    if (row.id() == id) return row;
  }
  auto& row = *list.Add();
  row.set_id(id);
  return row;
}

Result<void> read_grid(const std::string& name, Setup& setup) {
  HANSA_TRY(const auto table,
            Table::open(name,
                        {"district", "district_title", "district_title_zh", "street",
                         "street_title", "street_title_zh", "community", "community_title",
                         "community_title_zh"},
                        {"district", "street", "community"}));
  std::vector<v1::DefineGridPart*> parts;
  const auto title = [&](size_t row, const std::string& column, v1::Title& into) {
    if (auto en = table.cell(row, column); !en.empty()) into.set_en(en);
    if (auto zh = table.cell(row, column + "_zh"); !zh.empty()) into.set_zh(zh);
  };
  for (size_t row = 0; row < table.rows(); ++row) {
    HANSA_TRY(const auto district, table.slug(row, "district"));
    HANSA_TRY(const auto street, table.slug(row, "street"));
    HANSA_TRY(const auto community, table.slug(row, "community"));
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const auto* known) { return known->district() == district; });
    if (part == parts.end()) {
      auto& made = add<v1::DefineGridPart>(setup.commands, setup.city);
      made.set_district(district);
      part = parts.insert(parts.end(), &made);
    }
    title(row, "district_title", *(*part)->mutable_title());
    auto& street_row = find_or_add(*(*part)->mutable_streets(), street);
    title(row, "street_title", *street_row.mutable_title());
    auto& cell = find_or_add(*street_row.mutable_communities(), community);
    title(row, "community_title", *cell.mutable_title());
  }
  return {};
}

Result<void> read_units(const std::string& name, Setup& setup) {
  HANSA_TRY(const auto table, Table::open(name, {"unit", "title", "title_zh"}, {"unit"}));
  for (size_t row = 0; row < table.rows(); ++row) {
    HANSA_TRY(const auto unit, table.slug(row, "unit"));
    auto& command = add<v1::DefineUnit>(setup.commands, setup.city);
    command.set_unit(unit);
    command.mutable_title()->set_en(table.cell(row, "title"));
    command.mutable_title()->set_zh(table.cell(row, "title_zh"));
  }
  return {};
}

Result<void> read_services(const std::string& name, Setup& setup) {
  HANSA_TRY(const auto table,
            Table::open(name,
                        {"service", "title", "title_zh", "urgent", "handling_working_hours",
                         "handling_clock_hours", "first_response_hours"},
                        {"service"}));
  for (size_t row = 0; row < table.rows(); ++row) {
    HANSA_TRY(const auto service, table.slug(row, "service"));
    auto& command = add<v1::DefineService>(setup.commands, setup.city);
    command.set_service(service);
    command.mutable_title()->set_en(table.cell(row, "title"));
    command.mutable_title()->set_zh(table.cell(row, "title_zh"));
    const auto urgent = table.cell(row, "urgent");
    if (!urgent.empty() && urgent != "yes" && urgent != "no") {
      return table.refuse(row, "in `urgent` yes or no, got `" + urgent + "`");
    }
    command.set_urgent(urgent == "yes");
    HANSA_TRY(const auto working_s, table.hours_s(row, "handling_working_hours"));
    HANSA_TRY(const auto clock_s, table.hours_s(row, "handling_clock_hours"));
    HANSA_TRY(const auto first_s, table.hours_s(row, "first_response_hours"));
    if (working_s != 0 && clock_s != 0) {
      return table.refuse(row, "handling hours in working or clock hours, not in both");
    }
    if (working_s == 0 && clock_s == 0 && first_s == 0) continue;
    auto& sla = *command.mutable_sla();
    sla.set_handling_working_s(working_s == 0 && clock_s == 0 ? 5 * 8 * 3'600 : working_s);
    sla.set_handling_clock_s(clock_s);
    sla.set_first_response_clock_s(first_s);
  }
  return {};
}

template <typename Rows, typename Same>
bool any(const Rows& rows, const Same& same) {
  return std::any_of(rows.begin(), rows.end(), same);
}

bool same_titles(const v1::Title& left, const v1::Title& right) {
  return MessageDifferencer::Equals(left, right);
}

}  // namespace

Result<Setup> read_setup(const std::string& folder) {
  Setup setup;
  Commands later;
  HANSA_CHECK(read_city(folder + "/city.yaml", setup, later));
  v1::Calendar calendar;
  HANSA_CHECK(read_calendar(folder + "/calendar.yaml", calendar));
  *add<v1::AdoptCalendar>(setup.commands, setup.city).mutable_calendar() = calendar;
  HANSA_CHECK(read_grid(folder + "/grid.csv", setup));
  HANSA_CHECK(read_units(folder + "/units.csv", setup));
  HANSA_CHECK(read_services(folder + "/services.csv", setup));
  for (auto& command : later) setup.commands.push_back(std::move(command));
  return setup;
}

bool says_the_same(const google::protobuf::Message& command, const CityNow& now) {
  if (command.GetDescriptor() == v1::FoundCity::descriptor()) {
    return now.city.founded_time_us() != 0;
  }
  if (const auto* calendar = dynamic_cast<const v1::AdoptCalendar*>(&command)) {
    return MessageDifferencer::Equals(calendar->calendar(), now.city.calendar());
  }
  if (const auto* part = dynamic_cast<const v1::DefineGridPart*>(&command)) {
    v1::District wanted;
    wanted.set_district(part->district());
    *wanted.mutable_title() = part->title();
    *wanted.mutable_streets() = part->streets();
    return any(now.districts,
               [&](const auto& row) { return MessageDifferencer::Equivalent(row, wanted); });
  }
  if (const auto* unit = dynamic_cast<const v1::DefineUnit*>(&command)) {
    return any(now.units, [&](const auto& row) {
      return row.unit() == unit->unit() && same_titles(row.title(), unit->title());
    });
  }
  if (const auto* service = dynamic_cast<const v1::DefineService*>(&command)) {
    return any(now.services, [&](const auto& row) {
      return row.service() == service->service() && same_titles(row.title(), service->title()) &&
             row.urgent() == service->urgent() &&
             (!service->has_sla() || MessageDifferencer::Equivalent(row.sla(), service->sla()));
    });
  }
  if (const auto* policy = dynamic_cast<const v1::AdoptPolicy*>(&command)) {
    return any(now.policies, [&](const auto& row) {
      return row.policy() == policy->policy() &&
             MessageDifferencer::Equals(row.value(), policy->value());
    });
  }
  if (const auto* source = dynamic_cast<const v1::ConnectSource*>(&command)) {
    return any(now.city.sources(), [&](const auto known) { return known == source->source(); });
  }
  return false;
}

std::string subject_of(const google::protobuf::Message& command) {
  if (const auto* part = dynamic_cast<const v1::DefineGridPart*>(&command)) {
    return "district " + part->district();
  }
  if (const auto* unit = dynamic_cast<const v1::DefineUnit*>(&command)) {
    return "unit " + unit->unit();
  }
  if (const auto* service = dynamic_cast<const v1::DefineService*>(&command)) {
    return "service " + service->service();
  }
  if (const auto* policy = dynamic_cast<const v1::AdoptPolicy*>(&command)) {
    return "policy " + policy->policy();
  }
  if (const auto* source = dynamic_cast<const v1::ConnectSource*>(&command)) {
    return "source " + v1::Source::Value_Name(source->source());
  }
  return command.GetDescriptor() == v1::AdoptCalendar::descriptor() ? "calendar" : "city";
}

}  // namespace hansa::ops
