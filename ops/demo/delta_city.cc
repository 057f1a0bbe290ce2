#include "ops/demo/delta_city.h"

#include <algorithm>
#include <charconv>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "ops/embedded_files.h"
#include "ops/import/case_file.h"
#include "ops/import/csv.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

constexpr int kCommunitiesAStreet = 3;

// Columns of delta-divisions.csv.
enum Column : size_t { kLevel, kCode, kParent, kName, kId, kLat, kLon };

const CsvTable& divisions() {
  static const CsvTable table = [] {
    auto parsed = parse_csv_table(embedded_file("ops/demo/delta-divisions.csv"), "divisions");
    HANSA_ASSERT(parsed.has_value(), "the executable's own table is well formed");
    return std::move(*parsed);
  }();
  return table;
}

double number(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

uint64_t population_of(const std::string& id) {
  const auto table = parse_csv_table(embedded_file("ops/demo/delta-populations.csv"), "people");
  HANSA_ASSERT(table.has_value(), "the executable's own table is well formed");
  for (const auto& row : table->rows) {
    if (row.fields[1] == id) return static_cast<uint64_t>(number(row.fields[2]));
  }
  return 0;
}

// "suzhou-js" -> "Suzhou (Jiangsu)"
std::string title_of(const std::string& id) {
  std::string title = id.substr(0, id.find('-'));
  title[0] = static_cast<char>(title[0] - 'a' + 'A');
  if (id.ends_with("-js")) title += " (Jiangsu)";
  if (id.ends_with("-zj")) title += " (Zhejiang)";
  if (id.ends_with("-ah")) title += " (Anhui)";
  return title;
}

// A number from -1 to 1 that is always the same for the same text.
double scatter(const std::string& text) {
  const auto hash = sha256(text);
  const auto value = static_cast<uint32_t>(hash.bytes[0]) << 8 | hash.bytes[1];
  return static_cast<double>(value) / 32'767.5 - 1.0;
}

void add_street(const CsvRecord& row, v1::DefineGridPart& part, double latitude, double longitude,
                DeltaCity& city) {
  const auto& code = row.fields[kCode];
  auto& street = *part.add_streets();
  street.set_id(code);
  street.mutable_title()->set_zh(row.fields[kName]);
  for (int i = 1; i <= kCommunitiesAStreet; ++i) {
    const auto number = std::to_string(i);
    auto& community = *street.add_communities();
    community.set_id(code + "-" + number);
    community.mutable_title()->set_en("Simulated community " + number);
    city.communities.push_back({part.district(), code, community.id(),
                                latitude + 0.03 * scatter(code + "lat" + number),
                                longitude + 0.03 * scatter(code + "lon" + number)});
  }
}

}  // namespace

const std::vector<DemoUnit>& demo_units() {
  static const std::vector<DemoUnit> units = {
      {"sanitation", "Sanitation", "环境卫生管理处"},
      {"roads", "Roads", "市政道路管理处"},
      {"parks", "Parks and Greenery", "园林绿化管理处"},
      {"city-management", "City Management", "城市管理局"},
      {"water", "Water and Drainage", "水务局"},
      {"lighting", "Street Lighting", "路灯管理所"},
      {"environment", "Ecology and Environment", "生态环境局"},
      {"traffic", "Traffic Police", "交通警察支队"},
      {kCheckingUnit, "Supervision Centre", "监督指挥中心"},
  };
  return units;
}

const std::vector<DemoService>& demo_services() {
  static const std::vector<DemoService> services = {
      {"exposed-rubbish", "Exposed rubbish", "暴露垃圾", "sanitation", false, 16, 1,
       "Bags beside the bins since this morning"},
      {"full-bins", "Bins not emptied", "垃圾桶满溢", "sanitation", false, 8, 1,
       "The bins at the gate are full"},
      {"pothole", "Damaged road", "道路破损", "roads", false, 40, 1, "A hole in the carriageway"},
      {"manhole-cover", "Missing manhole cover", "井盖缺失", "roads", true, 4, 1,
       "A manhole is open"},
      {"fallen-tree", "Fallen tree", "树木倒伏", "parks", true, 12, 1,
       "A tree lies across the path"},
      {"bare-lawn", "Damaged greenery", "绿地损毁", "parks", false, 40, 1,
       "The lawn is trodden bare"},
      {"street-stall", "Stall on the pavement", "占道经营", "city-management", false, 16, 1,
       "A stall blocks the pavement"},
      {"small-adverts", "Stuck-on adverts", "非法小广告", "city-management", false, 24, 1,
       "Adverts on all the doors"},
      {"sewage-overflow", "Sewage overflow", "污水外溢", "water", true, 24, 1,
       "Water comes out of the drain"},
      {"street-light", "Street light out", "路灯不亮", "lighting", false, 24, 1,
       "Three lamps in a row are dark"},
      {"night-noise", "Noise at night", "夜间噪声", "environment", false, 24, 2,
       "Building noise after ten at night"},
      {"wrong-parking", "Wrong parking", "违章停车", "traffic", false, 8, 2,
       "Cars on the cycle lane"},
      {"new-crossing", "Wish for a crossing", "增设人行横道", "traffic", false, 80, 3,
       "Children cross here without a crossing"},
  };
  return services;
}

std::vector<std::string> delta_city_ids() {
  std::vector<std::string> ids = {"suzhou-js", "wuxi", "shanghai"};
  for (const auto& row : divisions().rows) {
    const auto& id = row.fields[kId];
    if (!id.empty() && std::find(ids.begin(), ids.begin() + 3, id) == ids.begin() + 3) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::map<std::string, std::string> delta_city_codes() {
  std::map<std::string, std::string> codes;
  for (const auto& row : divisions().rows) {
    if (!row.fields[kId].empty()) codes[row.fields[kCode]] = row.fields[kId];
  }
  return codes;
}

Result<DeltaCity> delta_city(const std::string& id) {
  DeltaCity city;
  for (const auto& row : divisions().rows) {
    const auto& fields = row.fields;
    if (fields[kLevel] == "city" && fields[kId] == id) {
      city = DeltaCity{id, fields[kCode], fields[kName], title_of(id), population_of(id),
                       number(fields[kLat]), number(fields[kLon]), {}, {}};
    } else if (fields[kLevel] == "district" && !city.code.empty() &&
               fields[kParent] == city.code) {
      v1::DefineGridPart part;
      part.set_city(id);
      part.set_district(fields[kCode]);
      part.mutable_title()->set_zh(fields[kName]);
      city.districts.push_back(std::move(part));
    } else if (fields[kLevel] == "street" && !city.code.empty()) {
      for (auto& part : city.districts) {
        if (part.district() != fields[kParent]) continue;
        add_street(row, part, city.latitude + 0.12 * scatter(part.district() + "lat"),
                   city.longitude + 0.12 * scatter(part.district() + "lon"), city);
      }
    }
  }
  if (city.code.empty()) {
    return fail(Errc::kBadRequest, "expected one of the 41 cities of the Yangtze Delta, got `" +
                                       id + "`" + did_you_mean(id, delta_city_ids()));
  }
  std::erase_if(city.districts, [](const auto& part) { return part.streets_size() == 0; });
  return city;
}

std::vector<std::unique_ptr<google::protobuf::Message>> DeltaCity::founding() const {
  std::vector<std::unique_ptr<google::protobuf::Message>> commands;
  const auto add = [&](auto message) -> auto& {
    message.set_city(id);
    auto owned = std::make_unique<decltype(message)>(std::move(message));
    auto& reference = *owned;
    commands.push_back(std::move(owned));
    return reference;
  };
  auto& found = add(v1::FoundCity());
  found.mutable_title()->set_zh(title_zh);
  found.mutable_title()->set_en(title_en);
  found.set_simulated(true);
  found.set_population(population);
  auto zone = TimeZone::open("Asia/Shanghai");
  HANSA_ASSERT(zone.has_value(), "the system knows the zone Asia/Shanghai (package tzdata)");
  *add(v1::AdoptCalendar()).mutable_calendar() = usual_calendar(*zone);
  for (const auto& part : districts) add(part);
  for (const auto& unit : demo_units()) {
    auto& row = add(v1::DefineUnit());
    row.set_unit(unit.id);
    row.mutable_title()->set_en(unit.title_en);
    row.mutable_title()->set_zh(unit.title_zh);
  }
  for (const auto& service : demo_services()) {
    auto& row = add(v1::DefineService());
    row.set_service(service.id);
    row.mutable_title()->set_en(service.title_en);
    row.mutable_title()->set_zh(service.title_zh);
    row.set_urgent(service.urgent);
    auto& sla = *row.mutable_sla();
    (service.urgent ? sla.set_handling_clock_s(service.handling_hours * 3'600)
                    : sla.set_handling_working_s(service.handling_hours * 3'600));
  }
  for (const auto source : {v1::Source::hotline, v1::Source::snap, v1::Source::camera,
                            v1::Source::inspector, v1::Source::iot, v1::Source::web}) {
    add(v1::ConnectSource()).set_source(source);
  }
  return commands;
}

}  // namespace hansa::ops
