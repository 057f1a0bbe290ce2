// Goal: distances, neighbourhoods and boundaries in whole numbers agree with geometry.
// Method: properties against floating-point formulas with the error the header allows.
#include "core/city/place.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

namespace hansa {
namespace {

v1::Point point(int64_t latitude, int64_t longitude) {
  v1::Point made;
  made.set_latitude_microdegrees(static_cast<int32_t>(latitude));
  made.set_longitude_microdegrees(static_cast<int32_t>(longitude));
  return made;
}

v1::Place place_at(const v1::Point& at) {
  v1::Place place;
  place.set_district("d");
  place.set_street("s");
  place.set_community("c");
  *place.mutable_point() = at;
  return place;
}

double haversine_metres(const v1::Point& a, const v1::Point& b) {
  const double scale = M_PI / 180e6;
  const double lat_a = a.latitude_microdegrees() * scale;
  const double lat_b = b.latitude_microdegrees() * scale;
  const double north = std::sin((lat_a - lat_b) / 2);
  const double east = std::sin(
      (a.longitude_microdegrees() - int64_t{b.longitude_microdegrees()}) * scale / 2);
  const double h = north * north + std::cos(lat_a) * std::cos(lat_b) * east * east;
  return 2 * 6371008.8 * std::asin(std::sqrt(h));
}

struct Pair {
  v1::Point a;
  v1::Point b;
};

Pair arbitrary_pair() {
  const int64_t latitude = *rc::gen::inRange<int64_t>(-80'000'000, 80'000'001);
  const int64_t longitude = *rc::gen::inRange<int64_t>(-179'000'000, 179'000'001);
  return {point(latitude, longitude), point(latitude + *rc::gen::inRange(-6'000, 6'001),
                                            longitude + *rc::gen::inRange(-20'000, 20'001))};
}

RC_GTEST_PROP(NearPlaces, RadiusAgreesWithTheHaversineFormula, ()) {
  const auto [a, b] = arbitrary_pair();
  const int64_t radius = *rc::gen::inRange<int64_t>(1, 501);
  const double exact = haversine_metres(a, b);
  // On the edge itself the error of the table decides.
  if (std::abs(exact - static_cast<double>(radius)) < 0.001 * exact + 0.2) return;
  RC_ASSERT(within_metres(a, b, radius) == (exact <= static_cast<double>(radius)));
  RC_ASSERT(within_metres(a, b, radius) == within_metres(b, a, radius));
}

RC_GTEST_PROP(NearPlaces, WhateverIsNearStandsWhereItIsLookedFor, ()) {
  const auto [a, b] = arbitrary_pair();
  const int64_t radius = *rc::gen::inRange<int64_t>(1, 501);
  if (!within_metres(a, b, radius)) return;
  const auto looked = near_keys("rubbish", place_at(a), radius);
  const auto home = near_home("rubbish", place_at(b));
  RC_ASSERT(std::any_of(home.begin(), home.end(), [&](const auto& key) {
    return std::find(looked.begin(), looked.end(), key) != looked.end();
  }));
}

TEST(NearPlaces, LooksAcrossTheDateLineAndAtThePoles) {
  EXPECT_TRUE(within_metres(point(10'000'000, 179'999'900), point(10'000'000, -179'999'900), 200));
  EXPECT_FALSE(within_metres(point(0, 0), point(0, 180'000'000), 500));
  EXPECT_TRUE(within_metres(point(90'000'000, 0), point(90'000'000, 100), 200));
  EXPECT_FALSE(within_metres(point(80'000'000, 0), point(-80'000'000, 0), 500));
  EXPECT_FALSE(near_keys("x", place_at(point(90'000'000, 180'000'000)), 500).empty());
  EXPECT_FALSE(near_keys("x", place_at(point(-90'000'000, -180'000'000)), 500).empty());
}

TEST(NearPlaces, WithoutAPointTheCommunityDecides) {
  v1::Place without = place_at(point(1, 1));
  without.clear_point();
  v1::Place elsewhere = without;
  elsewhere.set_community("other");
  const auto looked = near_keys("rubbish", without, 200);
  const auto finds = [&](const v1::Place& other, const char* service) {
    const auto home = near_home(service, other);
    return std::any_of(home.begin(), home.end(), [&](const auto& key) {
      return std::find(looked.begin(), looked.end(), key) != looked.end();
    });
  };
  EXPECT_TRUE(finds(without, "rubbish"));
  EXPECT_TRUE(finds(place_at(point(50'000'000, 9)), "rubbish"));
  EXPECT_FALSE(finds(elsewhere, "rubbish"));
  EXPECT_FALSE(finds(without, "flood"));
}

v1::Ring ring(const std::vector<std::pair<int, int>>& corners) {
  v1::Ring made;
  for (const auto& [latitude, longitude] : corners) *made.add_points() = point(latitude, longitude);
  return made;
}

TEST(Boundary, KnowsInsideOutsideAndTheEdgeOfAnyShape) {
  // A square with a notch cut in from the north.
  const auto notched = ring({{0, 0}, {0, 10}, {10, 10}, {10, 6}, {4, 5}, {10, 4}, {10, 0}});
  EXPECT_TRUE(is_inside(notched, point(1, 5)));
  EXPECT_FALSE(is_inside(notched, point(8, 5)));
  EXPECT_TRUE(is_inside(notched, point(8, 2)));
  EXPECT_TRUE(is_inside(notched, point(8, 9)));
  EXPECT_FALSE(is_inside(notched, point(-1, 5)));
  EXPECT_FALSE(is_inside(notched, point(5, 11)));
  EXPECT_FALSE(is_inside(notched, point(-2, 0))) << "in line with an edge, south of its end";
  EXPECT_FALSE(is_inside(notched, point(12, 0))) << "in line with an edge, north of its end";
  EXPECT_TRUE(is_inside(notched, point(0, 5))) << "on an edge";
  EXPECT_TRUE(is_inside(notched, point(10, 10))) << "on a corner";
  EXPECT_TRUE(is_inside(notched, point(4, 5))) << "on the inner corner";
  EXPECT_FALSE(is_inside(notched, point(10, 5))) << "between two corners of the same latitude";
  EXPECT_TRUE(is_inside(notched, point(4, 1))) << "level with the inner corner";
}

RC_GTEST_PROP(Boundary, ATriangleAgreesWithTheSidesOfItsEdges, ()) {
  const auto corner = [] {
    return point(*rc::gen::inRange(-90'000'000, 90'000'001),
                 *rc::gen::inRange(-180'000'000, 180'000'001));
  };
  const std::array<v1::Point, 3> corners = {corner(), corner(), corner()};
  const v1::Point probe = corner();
  const auto side = [&](const v1::Point& a, const v1::Point& b, const v1::Point& p) {
    const __int128 cross = static_cast<__int128>(int64_t{b.latitude_microdegrees()} -
                                                 a.latitude_microdegrees()) *
                               (int64_t{p.longitude_microdegrees()} - a.longitude_microdegrees()) -
                           static_cast<__int128>(int64_t{b.longitude_microdegrees()} -
                                                 a.longitude_microdegrees()) *
                               (int64_t{p.latitude_microdegrees()} - a.latitude_microdegrees());
    return cross > 0 ? 1 : cross < 0 ? -1 : 0;
  };
  RC_PRE(side(corners[0], corners[1], corners[2]) != 0);
  const int s0 = side(corners[0], corners[1], probe);
  const int s1 = side(corners[1], corners[2], probe);
  const int s2 = side(corners[2], corners[0], probe);
  const bool inside = (s0 >= 0 && s1 >= 0 && s2 >= 0) || (s0 <= 0 && s1 <= 0 && s2 <= 0);
  v1::Ring triangle;
  for (const auto& c : corners) *triangle.add_points() = c;
  RC_ASSERT(is_inside(triangle, probe) == inside);
}

}  // namespace
}  // namespace hansa
