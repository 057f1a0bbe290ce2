// Goal: the OpenAPI document says of every method what the server does.
// Method: the document is read back and held against the schema it was made from.
#include "ops/openapi.h"

#include <gtest/gtest.h>

#include <google/protobuf/message.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <set>

#include "core/base/errc.h"
#include "core/base/schema.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

using boost::json::value;

const value& document() {
  static const value kDocument = boost::json::parse(openapi());
  return kDocument;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c | 0x20);
  return text;
}

// Calls `visit` for every object at any depth.
template <typename Visit>
void walk(const value& node, const Visit& visit) {
  if (node.is_object()) {
    visit(node.as_object());
    for (const auto& member : node.as_object()) walk(member.value(), visit);
  } else if (node.is_array()) {
    for (const auto& item : node.as_array()) walk(item, visit);
  }
}

TEST(OpenApi, HasEveryMethodWithItsRolesAndParameters) {
  EXPECT_EQ(document().at("openapi"), "3.1.0");
  const auto& paths = document().at("paths").as_object();
  for (const auto& method : methods()) {
    ASSERT_TRUE(paths.contains(method.path)) << method.path;
    const auto& operation = paths.at(method.path).at(lower(method.http_verb));
    EXPECT_EQ(operation.at("operationId"), boost::json::string_view(method.name));
    EXPECT_EQ(operation.at("x-hansa-roles").as_array().size(),
              static_cast<size_t>(method.rule.roles_size()));
    std::set<std::string> in_path;
    for (const auto& parameter : operation.at("parameters").as_array()) {
      if (parameter.at("in") == "path") {
        in_path.insert(std::string(parameter.at("name").as_string()));
      }
    }
    EXPECT_EQ(in_path, std::set<std::string>(method.path_fields.begin(), method.path_fields.end()))
        << method.name;
    EXPECT_EQ(operation.as_object().contains("requestBody"), method.http_verb == "POST");
  }
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  size_t references = 0;
  walk(document(), [&](const boost::json::object& object) {
    const auto* target = object.if_contains("$ref");
    if (target == nullptr) return;
    ++references;
    const std::string pointer = std::string(target->as_string()).substr(1);
    boost::json::error_code code;
    EXPECT_NE(document().find_pointer(pointer, code), nullptr) << pointer;
  });
  EXPECT_GT(references, 50u);
}

TEST(OpenApi, OperationIdsAreUnique) {
  std::set<std::string> seen;
  walk(document(), [&](const boost::json::object& object) {
    if (const auto* id = object.if_contains("operationId")) {
      EXPECT_TRUE(seen.insert(std::string(id->as_string())).second) << id->as_string();
    }
  });
  EXPECT_GT(seen.size(), methods().size());
}

TEST(OpenApi, ListsEveryErrorCode) {
  const auto& codes =
      document().at_pointer("/components/schemas/Problem/properties/code/enum").as_array();
  EXPECT_EQ(codes.size(), error_table().size());
}

TEST(OpenApi, ExamplesHaveOnlyKnownFields) {
  for (const auto& method : methods()) {
    if (method.rule.example().empty()) continue;
    const auto example = boost::json::parse(method.rule.example());
    for (const auto& member : example.as_object()) {
      EXPECT_NE(method.input->FindFieldByName(std::string(member.key())), nullptr)
          << method.name << ": " << member.key();
    }
  }
}

TEST(OpenApi, ExamplesAreReadAsTheServerReadsThem) {
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  size_t read = 0;
  for (const auto& method : methods()) {
    if (method.rule.example().empty() || !method.rule.body_type().empty()) continue;
    const std::unique_ptr<google::protobuf::Message> request(
        factory->GetPrototype(method.input)->New());
    const auto parsed = from_json(method.rule.example(), *request);
    EXPECT_TRUE(parsed.has_value()) << method.name << ": " << parsed.error().detail;
    ++read;
  }
  EXPECT_GT(read, 40u);
}

}  // namespace
}  // namespace hansa::ops
