#include "ops/http/router.h"

#include <optional>

#include "core/base/assert.h"

namespace hansa::ops {
namespace {

// The next segment of "/a/b", which is taken off `path`.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const size_t end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

struct LastSegment {
  std::string_view name;
  std::string_view custom_verb;
};

LastSegment split_custom_verb(std::string_view segment) {
  const size_t colon = segment.rfind(':');
  if (colon == std::string_view::npos) return {segment, ""};
  return {segment.substr(0, colon), segment.substr(colon + 1)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool is_query) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && is_query) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> values;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const auto part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return std::nullopt;
    values.emplace_back(*std::move(name), *std::move(value));
  }
  return values;
}

Router::Router() {
  for (size_t i = 0; i < methods().size(); ++i) add(i);
}

void Router::add(size_t index) {
  const auto& method = methods()[index];
  HANSA_ASSERT(method.path.starts_with('/'), "every method of the schema has a path");
  Node* node = &root_;
  std::string_view path = method.path;
  std::string custom_verb;
  while (!path.empty()) {
    auto segment = next_segment(path);
    if (path.empty()) {
      const auto last = split_custom_verb(segment);
      segment = last.name;
      custom_verb = last.custom_verb;
    }
    auto& next = segment.starts_with('{') ? node->value : node->literals[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  const bool is_new = node->ends[custom_verb].emplace(method.http_verb, index).second;
  HANSA_ASSERT(is_new, "no two methods of the schema have the same route");
}

const std::map<std::string, size_t, std::less<>>* Router::walk(std::string_view path,
                                                               Route& route) const {
  const Node* node = &root_;
  std::string_view custom_verb;
  if (!path.starts_with('/')) return nullptr;
  while (!path.empty()) {
    auto segment = next_segment(path);
    if (path.empty()) {
      const auto last = split_custom_verb(segment);
      segment = last.name;
      custom_verb = last.custom_verb;
    }
    const auto literal = node->literals.find(segment);
    if (literal != node->literals.end()) {
      node = literal->second.get();
      continue;
    }
    auto value = percent_decode(segment);
    if (!node->value || segment.empty() || !value) return nullptr;
    route.values.emplace_back(std::string_view(), *std::move(value));
    node = node->value.get();
  }
  const auto ends = node->ends.find(custom_verb);
  return ends == node->ends.end() ? nullptr : &ends->second;
}

Result<void> Router::find(std::string_view verb, std::string_view path, Route& route) const {
  const auto* ends = walk(path, route);
  if (ends == nullptr) {
    return fail(Errc::kUnknownRoute, "nothing is at this address; /openapi.json lists all of them");
  }
  const auto end = ends->find(verb == "HEAD" ? "GET" : verb);
  if (end == ends->end()) {
    for (const auto& [known, index] : *ends) {
      route.allow += known + (known == "GET" ? ", HEAD, " : ", ");
    }
    route.allow += "OPTIONS";
    return fail(Errc::kMethodNotAllowed, "expected one of " + route.allow + " at this address");
  }
  route.index = end->second;
  route.method = &methods()[end->second];
  HANSA_ASSERT(route.values.size() == route.method->path_fields.size(),
               "a route has as many values as its path names");
  for (size_t i = 0; i < route.values.size(); ++i) {
    route.values[i].first = route.method->path_fields[i];
  }
  return {};
}

}  // namespace hansa::ops
