#include "ops/import/coordinates.h"

#include <algorithm>
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

// Degrees, minutes and seconds stand between signs that are no digits: °, º, ′, ″, ', ", d, m, s.
std::optional<Coordinate> sexagesimal(std::string_view text) {
  text = trimmed(text);
  Coordinate coordinate;
  for (const bool at_end : {true, false}) {
    if (text.empty()) return std::nullopt;
    const char c = at_end ? text.back() : text.front();
    if (coordinate.letter != 0 || !is_letter(c)) continue;
    coordinate.letter = c;
    at_end ? text.remove_suffix(1) : text.remove_prefix(1);
    text = trimmed(text);
  }
  std::vector<double> parts;
  size_t at = 0;
  while (at < text.size()) {
    const size_t begin = text.find_first_of("0123456789-", at);
    if (begin == text.npos) break;
    const size_t end = std::min(text.find_first_not_of("0123456789.-", begin), text.size());
    const auto part = number(text.substr(begin, end - begin));
    if (!part || parts.size() == 3 || (*part < 0 && !parts.empty())) return std::nullopt;
    parts.push_back(*part);
    at = end;
  }
  if (parts.empty() || (coordinate.letter == 0 && parts.size() < 2)) return std::nullopt;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] >= 60) return std::nullopt;
  }
  parts.resize(3);
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

std::optional<Degrees> any_form(std::string_view text) {
  if (text.size() > 200) return std::nullopt;
  if (text.starts_with("POINT")) {
    text = trimmed(text.substr(5));
    if (!text.starts_with('(') || !text.ends_with(')')) return std::nullopt;
    text = trimmed(text.substr(1, text.size() - 2));
    const auto lonlat = split_at(text, text.find(' '), 1);
    if (text.find(' ') == text.npos || !lonlat) return std::nullopt;
    return Degrees{lonlat->longitude, lonlat->latitude};
  }
  if (text.starts_with('(') && text.ends_with(')')) {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  for (const char separator : {';', ',', ' '}) {
    if (std::count(text.begin(), text.end(), separator) != 1 && separator != ' ') continue;
    // Blanks may stand inside degrees, minutes and seconds too: the middle one that fits counts.
    for (size_t at = text.find(separator); at != text.npos; at = text.find(separator, at + 1)) {
      if (auto point = split_at(text, at, 1)) return point;
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
