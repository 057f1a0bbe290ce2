// Ratio: exact fractions of integers of any size; the only kind of number that figures are made of.
//
// Shape:   to_ratio / to_fraction convert from and to the two decimal texts of v1::Fraction, always
//          reduced and with a positive denominator. rounded_text(ratio, decimals) is for display
//          only: half away from zero, exactly `decimals` digits after the point.
// Errors:  to_ratio: kBadRequest for anything but decimal integers with a positive denominator.
// Threads: plain values.
// Limits:  texts up to 100 characters each, at most 18 decimals for display.
// Source:  SPEC §1; the arithmetic is Boost.Multiprecision's cpp_rational.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <string>

#include "core/base/result.h"
#include "hansa/v1/common.pb.h"

namespace hansa {

using Ratio = boost::multiprecision::cpp_rational;

Result<Ratio> to_ratio(const v1::Fraction& fraction);
v1::Fraction to_fraction(const Ratio& ratio);
std::string rounded_text(const Ratio& ratio, int decimals);

}  // namespace hansa
