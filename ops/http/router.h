// Router: from an HTTP verb and path to a method of the schema, with the values in the path.
//
// Shape:   a tree of path segments made from methods(); `:verb` ends of the last segment belong to
//          the route. Values are percent-decoded. HEAD finds what GET finds.
// Errors:  kUnknownRoute: nothing at this path. kMethodNotAllowed: something, but not for this
//          verb; `allow` then names the verbs that exist there.
// Threads: immutable, free for all.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/schema.h"

namespace hansa::ops {

struct Route {
  const MethodInfo* method = nullptr;
  size_t index = 0;  // of the method in methods()
  // Field name and value, in the order of the path.
  std::vector<std::pair<std::string_view, std::string>> values;
  std::string allow;  // "GET, HEAD, OPTIONS, POST"
};

class Router {
 public:
  Router();
  // `path` is the part of the target before '?'. With kMethodNotAllowed, `route.allow` is filled.
  Result<void> find(std::string_view verb, std::string_view path, Route& route) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> value;
    // What ends here: custom verb ("" for none), then HTTP verb, to the index in methods().
    std::map<std::string, std::map<std::string, size_t, std::less<>>, std::less<>> ends;
  };
  void add(size_t index);
  const std::map<std::string, size_t, std::less<>>* walk(std::string_view path, Route& route) const;

  Node root_;
};

// "%2F" becomes "/"; nullopt for a broken escape. In a query, '+' is a space.
std::optional<std::string> percent_decode(std::string_view text, bool is_query = false);
// Name and value of each part of a query; nullopt for a broken escape.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace hansa::ops
