// Place: whether a place is in the city, and what lies near it, in whole numbers.
//
// Shape:   check_place turns what a caller gave into a place of the grid. near_keys answers the
//          rows of kNearCasesTable in which cases near a place are looked for; near_home the rows
//          in which a new case is entered: cells of 0.005 degrees for cases with a point, and per
//          community one list of cases with a point and one of those without.
// Units:   points in micro-degrees (WGS84), distances in metres on a sphere of 6 371 008.8 m. The
//          cosine is a table of whole degrees, read linearly: an error below 0.004 %.
// Errors:  kBadPoint, kUnknownPlace.
// Threads: pure.
// Limits:  radii up to 500 m; within 1 degree of the poles distances east-west are overstated, and
//          at the 180th meridian a neighbour may be missed.
// Source:  SPEC §3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/rows.h"

namespace hansa {

inline constexpr int32_t kLatitudeMax = 90'000'000;
inline constexpr int32_t kLongitudeMax = 180'000'000;

Result<v1::Place> check_place(RowsView& view, const v1::City& city, const v1::PlaceInput& input);

// On the ring or inside it counts as inside.
bool is_inside(const v1::Ring& ring, const v1::Point& point);
bool within_metres(const v1::Point& a, const v1::Point& b, int64_t radius_metres);

std::vector<std::string> near_keys(std::string_view service, const v1::Place& place,
                                   int64_t radius_metres);
std::vector<std::string> near_home(std::string_view service, const v1::Place& place);

}  // namespace hansa
