#include "core/metrics/scope.h"

#include <array>

#include "core/base/rows.h"

namespace hansa {
namespace {

const std::array<std::string, 8> kNames = {"",         "unit",   "service", "community", "city",
                                           "district", "street", "kind"};

}  // namespace

const std::string& scope_name(Scope scope) { return kNames.at(static_cast<size_t>(scope)); }

std::optional<Scope> find_scope(std::string_view name) {
  for (size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Scope>(i);
  }
  return std::nullopt;
}

std::string scope_key(Scope scope) { return {static_cast<char>(scope)}; }

std::string scope_key(Scope scope, std::string_view id) {
  std::string key = scope_key(scope);
  key.append(id).push_back('\0');
  return key;
}

std::string day_key(Scope scope, std::string_view id, int32_t day) {
  return scope_key(scope, id) + ordered(day);
}

std::string ordered(int32_t number) {
  return big_endian(static_cast<uint32_t>(number) ^ 0x80000000U).substr(4);
}

}  // namespace hansa
