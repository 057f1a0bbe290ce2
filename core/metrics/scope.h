// Scope: the part of a city that a count or a figure is about, and the keys of its rows.
//
// Shape:   a scope is named by its kind and an id: the slug of a unit, service or district,
//          `district/street`, `district/street/community`, the name of a kind of case; the id of
//          the city is empty. day_key: scope byte ‖ id ‖ 0x00 ‖ day with the sign bit turned, BE4:
//          the days of one id stand together in order.
// Units:   days are local days since 1970-01-01.
// Errors:  none.
// Threads: pure.
// Source:  DESIGN §7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hansa {

// Numbers are stored: never reuse or renumber them.
enum class Scope : uint8_t {
  kUnit = 1,
  kService = 2,
  kCommunity = 3,
  kCity = 4,
  kDistrict = 5,
  kStreet = 6,
  kKind = 7,
};

const std::string& scope_name(Scope scope);
std::optional<Scope> find_scope(std::string_view name);

std::string scope_key(Scope scope);
std::string scope_key(Scope scope, std::string_view id);
std::string day_key(Scope scope, std::string_view id, int32_t day);

// A number with a sign as 4 bytes whose order is its own.
std::string ordered(int32_t number);

}  // namespace hansa
