#include "core/metrics/scope.h"

#include <array>

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
  std::string key;
  key.reserve(id.size() + 2 + sizeof(day));
  key.push_back(static_cast<char>(scope));
  key.append(id).push_back('\0');
  return key += ordered(day);
}

std::string ordered(int32_t number) {
  const uint32_t turned = static_cast<uint32_t>(number) ^ 0x80000000U;
  return {static_cast<char>(turned >> 24), static_cast<char>(turned >> 16),
          static_cast<char>(turned >> 8), static_cast<char>(turned)};
}

}  // namespace hansa
