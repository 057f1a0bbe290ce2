#include "core/base/ratio.h"

#include <algorithm>
#include <string_view>

#include "core/base/assert.h"

namespace hansa {
namespace {

using boost::multiprecision::cpp_int;

constexpr size_t kDigitsMax = 100;
constexpr int kDecimalsMax = 18;

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= kDigitsMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Digits only, so that no leading zero makes the library read another base.
cpp_int integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  cpp_int number = 0;
  for (const char c : text) number = number * 10 + (c - '0');
  return negative ? cpp_int(-number) : number;
}

}  // namespace

Result<Ratio> to_ratio(const v1::Fraction& fraction) {
  if (!is_integer(fraction.numerator())) {
    return fail(Errc::kBadRequest, "the numerator must be a decimal integer, \"20\"",
                "/numerator");
  }
  if (!is_integer(fraction.denominator()) || integer(fraction.denominator()) <= 0) {
    return fail(Errc::kBadRequest, "the denominator must be a decimal integer above 0, \"1\"",
                "/denominator");
  }
  return Ratio(integer(fraction.numerator()), integer(fraction.denominator()));
}

v1::Fraction to_fraction(const Ratio& ratio) {
  v1::Fraction fraction;
  fraction.set_numerator(numerator(ratio).str());
  fraction.set_denominator(denominator(ratio).str());
  return fraction;
}

std::string rounded_text(const Ratio& ratio, int decimals) {
  HANSA_ASSERT(decimals >= 0 && decimals <= kDecimalsMax, "decimals for display are 0 to 18");
  cpp_int scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  const cpp_int whole = abs(numerator(ratio)) * scale;
  const cpp_int& below = denominator(ratio);
  const cpp_int rounded = (2 * whole + below) / (2 * below);
  std::string text = rounded.str();
  const auto digits = static_cast<size_t>(decimals);
  if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
  if (digits > 0) text.insert(text.size() - digits, 1, '.');
  return ratio < 0 && rounded != 0 ? "-" + text : text;
}

}  // namespace hansa
