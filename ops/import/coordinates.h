// Coordinates: points as other systems write them, in degrees of latitude and longitude.
//
// Shape:   parse_point reads `(31.2, 121.5)`, `31.2, 121.5`, `31.2 121.5`, `31,2; 121,5`, WKT
//          `POINT (121.5 31.2)` and `POINT Z (121.5 31.2 4)` (longitude first), and degrees with
//          minutes and seconds `31°12'00"N 121°30'00"E`, `31 12 0 121 30 0`, in either order where
//          letters say which is which.
//          parse_degrees reads one of them; a decimal comma is taken where it can be nothing else.
// Errors:  kBadPoint for anything else: other words or signs, letters that do not fit, numbers that
//          can be parted into two points. Whether a point lies on the globe is the city's to say.
// Threads: pure.
#pragma once

#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

struct Degrees {
  double latitude = 0;
  double longitude = 0;
  bool operator==(const Degrees&) const = default;
};

Result<Degrees> parse_point(std::string_view text);
Result<double> parse_degrees(std::string_view text);

}  // namespace hansa::ops
