#include "ops/import/coordinates.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace hansa::ops {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// One coordinate with the letter that says which it is, or 0.
struct Coordinate {
  double degrees = 0;
  char letter = 0;
};

bool is_letter(char c) { return c == 'N' || c == 'S' || c == 'E' || c == 'W'; }

// What may stand behind degrees, minutes and seconds, the longer ones first.
constexpr std::array<std::array<std::string_view, 5>, 3> kUnitSigns = {{
    {"°", "º", "deg", "d", ":"},
    {"′", "’", "'", "m", ":"},
    {"″", "”", "''", "\"", "s"},
}};

void skip_unit_sign(std::string_view& text, size_t part) {
  text = trimmed(text);
  for (const auto sign : kUnitSigns.at(part)) {
    if (!text.starts_with(sign)) continue;
    text = trimmed(text.substr(sign.size()));
    return;
  }
}

// The letter N, S, E or W at the end or else at the beginning, taken off; 0 if there is none.
char take_letter(std::string_view& text) {
  text = trimmed(text);
  char letter = 0;
  if (!text.empty() && is_letter(text.back())) {
    letter = text.back();
    text.remove_suffix(1);
  } else if (!text.empty() && is_letter(text.front())) {
    letter = text.front();
    text.remove_prefix(1);
  }
  text = trimmed(text);
  return letter;
}

std::optional<Coordinate> sexagesimal(std::string_view text) {
  Coordinate coordinate;
  coordinate.letter = take_letter(text);
  std::array<double, 3> parts{};
  size_t count = 0;
  for (; !text.empty(); ++count) {
    const size_t end = std::min(text.find_first_not_of("0123456789.", text.starts_with('-')),
                                text.size());
    const auto part = number(text.substr(0, end));
    if (!part || count == parts.size()) return std::nullopt;
    if (count > 0 && (std::signbit(*part) || *part >= 60)) return std::nullopt;
    parts.at(count) = *part;
    text.remove_prefix(end);
    skip_unit_sign(text, count);
  }
  if (count == 0 || (coordinate.letter == 0 && count < 2)) return std::nullopt;
  const double size = std::abs(parts[0]) + parts[1] / 60 + parts[2] / 3'600;
  const bool negative =
      std::signbit(parts[0]) || coordinate.letter == 'S' || coordinate.letter == 'W';
  coordinate.degrees = negative ? -size : size;
  return coordinate;
}

std::optional<Coordinate> coordinate(std::string_view text) {
  if (const auto plain = number(text)) return Coordinate{*plain, 0};
  std::string dotted(trimmed(text));
  if (std::count(dotted.begin(), dotted.end(), ',') == 1 && dotted.find('.') == dotted.npos) {
    std::replace(dotted.begin(), dotted.end(), ',', '.');
    if (const auto plain = number(dotted)) return Coordinate{*plain, 0};
  }
  return sexagesimal(text);
}

std::optional<Degrees> in_order(const Coordinate& first, const Coordinate& second) {
  const auto is_latitude = [](char letter) { return letter == 'N' || letter == 'S'; };
  if ((first.letter == 0) != (second.letter == 0)) return std::nullopt;
  if (first.letter != 0 && is_latitude(first.letter) == is_latitude(second.letter)) {
    return std::nullopt;
  }
  const bool exchanged = first.letter != 0 && !is_latitude(first.letter);
  return exchanged ? Degrees{second.degrees, first.degrees}
                   : Degrees{first.degrees, second.degrees};
}

std::optional<Degrees> split_at(std::string_view text, size_t begin, size_t length) {
  const auto first = coordinate(text.substr(0, begin));
  const auto second = coordinate(text.substr(begin + length));
  if (!first || !second) return std::nullopt;
  return in_order(*first, *second);
}

// WKT behind the word POINT: longitude, latitude and perhaps a height, which is not read.
std::optional<Degrees> well_known_text(std::string_view text) {
  text = trimmed(text);
  const bool has_height = text.starts_with('Z') || text.starts_with('z');
  if (has_height) text = trimmed(text.substr(1));
  if (!text.starts_with('(') || !text.ends_with(')')) return std::nullopt;
  text = trimmed(text.substr(1, text.size() - 2));
  std::vector<double> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    const auto value = number(text.substr(0, end));
    if (!value) return std::nullopt;
    numbers.push_back(*value);
    text = trimmed(text.substr(end));
  }
  if (numbers.size() != (has_height ? 3U : 2U)) return std::nullopt;
  return Degrees{numbers[1], numbers[0]};
}

bool starts_with_point(std::string_view text) {
  constexpr std::string_view kWord = "POINT";
  return text.size() > kWord.size() &&
         std::equal(kWord.begin(), kWord.end(), text.begin(), [](char upper, char c) {
           return c == upper || c == upper - 'A' + 'a';
         });
}

// Blanks and commas may stand inside a coordinate too: every place where two of them can part is
// tried, and where two places would give different points there is none.
std::optional<Degrees> parted(std::string_view text, char separator) {
  std::optional<Degrees> point;
  for (size_t at = text.find(separator); at != text.npos; at = text.find(separator, at + 1)) {
    const auto found = split_at(text, at, 1);
    if (!found) continue;
    if (point && *point != *found) return std::nullopt;
    point = found;
  }
  return point;
}

std::optional<Degrees> any_form(std::string_view text) {
  if (text.size() > 200) return std::nullopt;
  if (starts_with_point(text)) return well_known_text(text.substr(5));
  if (text.starts_with('(') && text.ends_with(')')) {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  for (const char separator : {';', ',', ' '}) {
    const auto count = std::count(text.begin(), text.end(), separator);
    if (count == 1 || (separator == ' ' && count > 1)) {
      if (const auto point = parted(text, separator)) return point;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Degrees> parse_point(std::string_view text) {
  if (const auto point = any_form(trimmed(text))) return *point;
  return fail(Errc::kBadPoint, "expected a point like (31.2, 121.5), POINT (121.5 31.2) or "
                               "31°12'00\"N 121°30'00\"E, got `" +
                                   std::string(text.substr(0, 60)) + "`");
}

Result<double> parse_degrees(std::string_view text) {
  if (const auto found = coordinate(text)) return found->degrees;
  return fail(Errc::kBadPoint, "expected degrees like 31.2 or 31°12'00\"N, got `" +
                                   std::string(text.substr(0, 60)) + "`");
}

}  // namespace hansa::ops
