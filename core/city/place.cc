#include "core/city/place.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace hansa {
namespace {

constexpr int64_t kMicro = 1'000'000;
constexpr int64_t kCellMicrodegrees = 5'000;
// Metres of one degree of latitude, in millimetres.
constexpr int64_t kDegreeMm = 111'195'080;
// Farther than any radius in either direction.
constexpr int64_t kFarMicrodegrees = 2 * kCellMicrodegrees;

// cos of 0, 1, … 90 degrees, times a million.
constexpr std::array<int32_t, 91> kCosine = {
    1000000, 999848, 999391, 998630, 997564, 996195, 994522, 992546, 990268, 987688, 984808,
    981627,  978148, 974370, 970296, 965926, 961262, 956305, 951057, 945519, 939693, 933580,
    927184,  920505, 913545, 906308, 898794, 891007, 882948, 874620, 866025, 857167, 848048,
    838671,  829038, 819152, 809017, 798636, 788011, 777146, 766044, 754710, 743145, 731354,
    719340,  707107, 694658, 681998, 669131, 656059, 642788, 629320, 615661, 601815, 587785,
    573576,  559193, 544639, 529919, 515038, 500000, 484810, 469472, 453990, 438371, 422618,
    406737,  390731, 374607, 358368, 342020, 325568, 309017, 292372, 275637, 258819, 241922,
    224951,  207912, 190809, 173648, 156434, 139173, 121869, 104528, 87156,  69756,  52336,
    34899,   17452,  0};

// Never below the cosine of 89 degrees, so that nothing is divided by nothing.
int64_t cosine(int64_t latitude) {
  const int64_t away = std::min<int64_t>(std::abs(latitude), kLatitudeMax - 1);
  const auto degree = static_cast<size_t>(away / kMicro);
  const int64_t low = kCosine[degree];
  const int64_t high = kCosine[degree + 1];
  return std::max<int64_t>(low - (low - high) * (away % kMicro) / kMicro, kCosine[89]);
}

int64_t floor_div(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

int64_t wrapped(int64_t longitude) {
  if (longitude >= kLongitudeMax) return longitude - 2 * int64_t{kLongitudeMax};
  if (longitude < -kLongitudeMax) return longitude + 2 * int64_t{kLongitudeMax};
  return longitude;
}

// Cells of one band of latitude are equally wide: as wide in metres as they are high.
int64_t cell_width(int64_t band) {
  return kCellMicrodegrees * kMicro / cosine(band * kCellMicrodegrees);
}

void append_number(std::string& key, int64_t number) {
  key.push_back('|');
  key += std::to_string(number);
}

std::string cell_key(std::string_view service, int64_t band, int64_t longitude) {
  std::string key(service);
  append_number(key, band);
  append_number(key, floor_div(wrapped(longitude), cell_width(band)));
  return key;
}

std::string community_key(std::string_view service, const v1::Place& place, bool with_point) {
  std::string key(service);
  key.append(with_point ? "|with|" : "|without|");
  key.append(place.district()).append("/").append(place.street());
  key.append("/").append(place.community());
  return key;
}

bool on_segment(const v1::Point& a, const v1::Point& b, const v1::Point& p) {
  const int64_t cross =
      (int64_t{b.latitude_microdegrees()} - a.latitude_microdegrees()) *
          (int64_t{p.longitude_microdegrees()} - a.longitude_microdegrees()) -
      (int64_t{b.longitude_microdegrees()} - a.longitude_microdegrees()) *
          (int64_t{p.latitude_microdegrees()} - a.latitude_microdegrees());
  if (cross != 0) return false;
  const auto between = [](int32_t one, int32_t value, int32_t other) {
    return std::min(one, other) <= value && value <= std::max(one, other);
  };
  return between(a.latitude_microdegrees(), p.latitude_microdegrees(),
                 b.latitude_microdegrees()) &&
         between(a.longitude_microdegrees(), p.longitude_microdegrees(),
                 b.longitude_microdegrees());
}

// Does the ray from `p` to the east cross the edge a-b? The southern end belongs to the edge.
bool ray_crosses(const v1::Point& a, const v1::Point& b, const v1::Point& p) {
  const bool a_above = a.latitude_microdegrees() > p.latitude_microdegrees();
  const bool b_above = b.latitude_microdegrees() > p.latitude_microdegrees();
  if (a_above == b_above) return false;
  const int64_t rise = int64_t{b.latitude_microdegrees()} - a.latitude_microdegrees();
  const int64_t run = int64_t{b.longitude_microdegrees()} - a.longitude_microdegrees();
  const int64_t up = int64_t{p.latitude_microdegrees()} - a.latitude_microdegrees();
  const int64_t east = int64_t{p.longitude_microdegrees()} - a.longitude_microdegrees();
  return rise > 0 ? east * rise < run * up : east * rise > run * up;
}

Result<void> check_point(const v1::PlaceInput& input, v1::Place& place) {
  if (!input.has_latitude() && !input.has_longitude()) return {};
  const double latitude = input.latitude();
  const double longitude = input.longitude();
  const bool both = input.has_latitude() && input.has_longitude();
  if (!both || !(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180)) {
    return fail(Errc::kBadPoint,
                both ? "latitude must be -90 to 90 and longitude -180 to 180 degrees; correct the "
                       "point or leave it out"
                     : "a point needs both latitude and longitude; give the other or neither",
                both ? "/place/latitude"
                     : (input.has_latitude() ? "/place/longitude" : "/place/latitude"));
  }
  auto& point = *place.mutable_point();
  point.set_latitude_microdegrees(static_cast<int32_t>(std::llround(latitude * kMicro)));
  point.set_longitude_microdegrees(static_cast<int32_t>(std::llround(longitude * kMicro)));
  return {};
}

}  // namespace

Result<v1::Place> check_place(RowsView& view, const v1::City& city, const v1::PlaceInput& input) {
  v1::Place place;
  place.set_district(input.district());
  place.set_street(input.street());
  place.set_community(input.community());
  HANSA_CHECK(check_point(input, place));
  const std::string key = place_key(place);
  if (view.find(kGridCellTable, key) == nullptr) {
    return fail(Errc::kUnknownPlace,
                "the city's grid has no community " + key +
                    "; name one of /districts or define it first",
                "/place");
  }
  if (place.has_point() && !city.boundary().empty() &&
      std::none_of(city.boundary().begin(), city.boundary().end(),
                   [&](const v1::Ring& ring) { return is_inside(ring, place.point()); })) {
    return fail(Errc::kUnknownPlace,
                "the point lies outside the city's boundary; correct it or leave it out", "/place");
  }
  return place;
}

bool is_inside(const v1::Ring& ring, const v1::Point& point) {
  bool inside = false;
  for (int i = 0, before = ring.points_size() - 1; i < ring.points_size(); before = i++) {
    if (on_segment(ring.points(before), ring.points(i), point)) return true;
    if (ray_crosses(ring.points(before), ring.points(i), point)) inside = !inside;
  }
  return inside;
}

bool within_metres(const v1::Point& a, const v1::Point& b, int64_t radius_metres) {
  const int64_t north = int64_t{a.latitude_microdegrees()} - b.latitude_microdegrees();
  const int64_t middle = (int64_t{a.latitude_microdegrees()} + b.latitude_microdegrees()) / 2;
  const int64_t turn =
      wrapped(int64_t{a.longitude_microdegrees()} - b.longitude_microdegrees());
  if (std::abs(north) > kFarMicrodegrees) return false;
  const int64_t east = turn * cosine(middle) / kMicro;
  if (std::abs(east) > kFarMicrodegrees) return false;
  // Micro-degrees times millimetres a degree are nanometres.
  const int64_t north_um = north * kDegreeMm / 1000;
  const int64_t east_um = east * kDegreeMm / 1000;
  const int64_t radius_um = radius_metres * kMicro;
  return north_um * north_um + east_um * east_um <= radius_um * radius_um;
}

std::vector<std::string> near_keys(std::string_view service, const v1::Place& place,
                                   int64_t radius_metres) {
  std::vector<std::string> keys = {community_key(service, place, false)};
  if (!place.has_point()) {
    keys.push_back(community_key(service, place, true));
    return keys;
  }
  const int64_t latitude = place.point().latitude_microdegrees();
  const int64_t longitude = place.point().longitude_microdegrees();
  const int64_t reach = radius_metres * kMicro * 1000 / kDegreeMm + 1;
  const int64_t last_band = floor_div(latitude + reach, kCellMicrodegrees);
  for (int64_t band = floor_div(latitude - reach, kCellMicrodegrees); band <= last_band; ++band) {
    const int64_t side = reach * kMicro / cosine(latitude) + 1;
    for (const int64_t at : {longitude - side, longitude, longitude + side}) {
      std::string key = cell_key(service, band, at);
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
    }
  }
  return keys;
}

std::vector<std::string> near_home(std::string_view service, const v1::Place& place) {
  std::vector<std::string> keys = {community_key(service, place, place.has_point())};
  if (place.has_point()) {
    const int64_t band = floor_div(place.point().latitude_microdegrees(), kCellMicrodegrees);
    keys.push_back(cell_key(service, band, place.point().longitude_microdegrees()));
  }
  return keys;
}

}  // namespace hansa
