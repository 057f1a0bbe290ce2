// Coordinates: points as other systems write them, in degrees of latitude and longitude.
//
// Shape:   parse_point reads `(31.2, 121.5)`, `31.2, 121.5`, `31.2 121.5`, `31,2; 121,5`, WKT
//          `POINT (121.5 31.2)` (longitude first), and degrees with minutes and seconds
//          `31°12'00"N 121°30'00"E` in either order, since the letters say which is which.
//          parse_degrees reads one of them; a decimal comma is taken where it can be nothing else.
// Errors:  kBadPoint for anything else, and for letters that do not fit; whether the point lies on
//          the globe is the city's to say.
// Threads: pure.
#pragma once

#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

struct Degrees {
  double latitude = 0;
  double longitude = 0;
};

Result<Degrees> parse_point(std::string_view text);
Result<double> parse_degrees(std::string_view text);

}  // namespace hansa::ops
