#include "ops/openapi.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "core/base/errc.h"
#include "core/base/schema.h"
#include "ops/json_fields.h"
#include "ops/version.h"

namespace hansa::ops {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr uint32_t kListItemsMax = 100;
constexpr std::string_view kSlugPattern = "^[a-z0-9-]{1,40}$";

// `Case`; a message inside another one `NearCases.Item`.
std::string schema_name(const Descriptor* type) {
  return type->full_name().substr(type->file()->package().size() + 1);
}

object reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

class Schemas {
 public:
  object of_message(const Descriptor* type) {
    const auto name = schema_name(type);
    if (!made_.contains(name)) {
      made_.emplace(name, object());
      object schema = describe(type);
      made_[name] = std::move(schema);
    }
    return reference(name);
  }

  object of_field(const FieldDescriptor* field, bool is_request) {
    const auto& known = *json_table(field->containing_type()).find(field->name());
    object schema = of_value(known, is_request);
    if (field->is_repeated()) {
      schema = {{"type", "array"}, {"items", std::move(schema)}};
      const auto& options = field->options();
      if (is_request) {
        schema["maxItems"] = options.HasExtension(v1::items_max)
                                 ? options.GetExtension(v1::items_max)
                                 : kListItemsMax;
      }
    }
    return schema;
  }

  object take() { return std::move(made_); }

 private:
  object describe(const Descriptor* type) {
    // Requests and answers share these shapes: nothing comes out longer than it went in.
    object properties;
    for (int i = 0; i < type->field_count(); ++i) {
      const auto* field = type->field(i);
      object schema = of_field(field, true);
      // Beside a reference, JSON Schema 2020-12 takes further words.
      schema["x-hansa-class"] = v1::DataClass_Name(data_class(*field));
      properties[field->name()] = std::move(schema);
    }
    return {{"type", "object"}, {"properties", std::move(properties)}};
  }

  object of_value(const JsonField& field, bool is_request) {
    switch (field.kind) {
      case JsonKind::kBool:
        return {{"type", "boolean"}};
      case JsonKind::kInt32:
        return {{"type", "integer"}, {"format", "int32"}};
      case JsonKind::kUint32:
        return {{"type", "integer"}, {"format", "uint32"}, {"minimum", 0}};
      case JsonKind::kInt64:
        return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}};
      case JsonKind::kUint64:
        return {{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]+$"}};
      case JsonKind::kTime:
        return {{"type", "string"}, {"format", "date-time"}};
      case JsonKind::kDouble:
        return {{"type", "number"}, {"format", "double"}};
      case JsonKind::kBytes:
        return {{"type", "string"}, {"contentEncoding", "base64"}};
      case JsonKind::kText:
        return of_text(field, is_request);
      case JsonKind::kEnum:
        return of_enum(field);
      case JsonKind::kMessage:
        return of_message(field.descriptor->message_type());
    }
    return {};
  }

  static object of_text(const JsonField& field, bool is_request) {
    const auto& options = field.descriptor->options();
    object schema{{"type", "string"}};
    if (!is_request) return schema;
    if (options.GetExtension(v1::slug)) {
      // Optional slugs may be empty, which is the same as not given.
      schema["pattern"] = options.GetExtension(v1::required) ? kSlugPattern : "^[a-z0-9-]{0,40}$";
    } else if (options.GetExtension(v1::person_id)) {
      schema["pattern"] = "^([0-9a-f]{32})?$";
    } else if (options.HasExtension(v1::bytes_max)) {
      schema["maxLength"] = options.GetExtension(v1::bytes_max);
    }
    return schema;
  }

  static object of_enum(const JsonField& field) {
    array names;
    const auto* type = field.descriptor->enum_type();
    for (int i = 0; i < type->value_count(); ++i) names.emplace_back(type->value(i)->name());
    return {{"type", "string"}, {"enum", std::move(names)}};
  }

  object made_;
};

object problem_schema() {
  array codes;
  for (const auto& info : error_table()) codes.emplace_back(info.name);
  object text{{"type", "string"}};
  return {
      {"type", "object"},
      {"required", {"type", "code", "detail", "retry"}},
      {"properties",
       {{"type", {{"type", "string"}, {"format", "uri"}}},
        {"code", {{"type", "string"}, {"enum", std::move(codes)}}},
        {"detail", text},
        {"pointer", text},
        {"retry",
         {{"type", "string"}, {"enum", {"never", "after_change", "later", "same_id", "upgrade"}}}},
        {"seq", text},
        {"request_id", text}}}};
}

object json_content(object schema) {
  return {{"application/json", {{"schema", std::move(schema)}}}};
}

object answer(std::string_view description, object content) {
  return {{"description", description}, {"content", std::move(content)}};
}

object parameter(std::string_view name, std::string_view in, bool required, object schema,
                 std::string_view description = "") {
  object made{{"name", name}, {"in", in}, {"required", required}, {"schema", std::move(schema)}};
  if (!description.empty()) made["description"] = description;
  return made;
}

bool is_path_field(const MethodInfo& method, const std::string& name) {
  for (const auto& field : method.path_fields) {
    if (field == name) return true;
  }
  return false;
}

array parameters(const MethodInfo& method, Schemas& schemas) {
  array made;
  for (int i = 0; i < method.input->field_count(); ++i) {
    const auto* field = method.input->field(i);
    const bool in_path = is_path_field(method, field->name());
    if (!in_path && method.http_verb != "GET") continue;
    if (field->message_type() != nullptr) continue;
    made.push_back(parameter(field->name(), in_path ? "path" : "query",
                             in_path || field->options().GetExtension(v1::required),
                             schemas.of_field(field, true)));
  }
  if (method.is_command && method.rule.body_type().empty()) {
    made.push_back(parameter("Idempotency-Key", "header", false,
                             {{"type", "string"}, {"format", "uuid"}},
                             "UUID of version 7: the same key gives the same receipt, for 48 "
                             "hours"));
  }
  if (!method.is_command) {
    made.push_back(parameter("at_least", "query", false,
                             {{"type", "string"}, {"pattern", "^[0-9]+$"}},
                             "waits up to 5 s until the answer shows this seq"));
  }
  if (!method.rule.csv_items().empty()) {
    made.push_back(parameter("format", "query", false,
                             {{"type", "string"}, {"enum", {"json", "csv"}}},
                             "csv: a table of " + method.rule.csv_items()));
  }
  return made;
}

// What the body carries: the request without the fields that the path gives.
object body_schema(const MethodInfo& method, Schemas& schemas) {
  object properties;
  array required;
  for (int i = 0; i < method.input->field_count(); ++i) {
    const auto* field = method.input->field(i);
    if (is_path_field(method, field->name())) continue;
    properties[field->name()] = schemas.of_field(field, true);
    if (field->options().GetExtension(v1::required)) required.emplace_back(field->name());
  }
  object schema{
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

object request_body(const MethodInfo& method, Schemas& schemas) {
  const bool is_batch = !method.rule.body_type().empty();
  object media{{"schema", body_schema(method, schemas)}};
  if (!method.rule.example().empty()) media["example"] = boost::json::parse(method.rule.example());
  const std::string type = is_batch ? method.rule.body_type() : "application/json";
  object body{{"content", {{type, std::move(media)}}}};
  if (is_batch) body["description"] = "One such object a line, at most 1 000 lines.";
  return body;
}

object batch_answer() {
  object line{{"type", "object"},
              {"properties",
               {{"line", {{"type", "integer"}}},
                {"receipt", reference("Receipt")},
                {"unchanged", {{"type", "boolean"}}},
                {"problem", reference("Problem")}}}};
  return answer("One such object a line, in the order of the rows.",
                {{"application/x-ndjson", {{"schema", std::move(line)}}}});
}

object operation(const MethodInfo& method, Schemas& schemas) {
  array roles;
  bool is_public = false;
  for (const int role : method.rule.roles()) {
    roles.emplace_back(role_name(static_cast<v1::Role::Value>(role)));
    is_public = is_public || role == v1::Role::public_;
  }
  object answers;
  const bool creates = method.is_command && method.path.find(':') == std::string::npos;
  object shown = schemas.of_message(method.output);
  object content = json_content(std::move(shown));
  if (!method.rule.csv_items().empty()) {
    content["text/csv"] = object{{"schema", object{{"type", "string"}}}};
  }
  answers[creates ? "201" : "200"] = method.rule.body_type().empty()
                                         ? answer("Done.", std::move(content))
                                         : batch_answer();
  answers["default"] = {{"$ref", "#/components/responses/Problem"}};
  object made{{"operationId", method.name},
              {"tags", {method.service}},
              {"summary", method.rule.summary()},
              {"x-hansa-roles", std::move(roles)},
              {"parameters", parameters(method, schemas)},
              {"responses", std::move(answers)}};
  if (method.http_verb != "GET") made["requestBody"] = request_body(method, schemas);
  array security{object{{"bearer", array()}}, object{{"api_key", array()}}};
  if (is_public) security.push_back(object());
  made["security"] = std::move(security);
  return made;
}

object plain_operation(std::string_view id, std::string_view summary, std::string_view type) {
  return {{"get",
           {{"operationId", id},
            {"tags", {"Server"}},
            {"summary", summary},
            {"security", {object()}},
            {"responses",
             {{"200", answer("Done.", {{type, object()}})},
              {"default", {{"$ref", "#/components/responses/Problem"}}}}}}}};
}

// Tiles have as many segments as their numbers need, which no template can say.
void add_tlog_paths(object& paths) {
  struct Page {
    std::string_view path;
    std::string_view id;
    std::string_view summary;
  };
  constexpr Page kPages[] = {
      {"checkpoint", "Checkpoint", "The newest signed checkpoint of the ledger, a signed note; "
                                   "beside it tile/… in the layout of C2SP tlog-tiles."},
      {"confirmed/checkpoint", "ConfirmedCheckpoint", "The newest that its witnesses cosigned."},
      {"vkey", "LogKey", "The key of the ledger."},
      {"proof/{seq}", "Proof", "A tlog-proof file for an entry."}};
  for (const bool is_share : {false, true}) {
    array names{parameter("alliance", "path", true, {{"type", "string"}})};
    std::string prefix = "/tlog/alliance/{alliance}/";
    if (is_share) {
      names.push_back(parameter("city", "path", true, {{"type", "string"}}));
      prefix = "/tlog/share/{alliance}/{city}/";
    }
    for (const auto& page : kPages) {
      const std::string id = (is_share ? "GetShare" : "GetAlliance") + std::string(page.id);
      auto made = plain_operation(id, page.summary, "text/plain");
      auto& parameters = made.at("get").as_object()["parameters"] = names;
      if (page.path.ends_with("{seq}")) {
        parameters.as_array().push_back(parameter("seq", "path", true, {{"type", "integer"}}));
      }
      paths[prefix + std::string(page.path)] = std::move(made);
    }
  }
  object cosign = plain_operation("AddCheckpoint", "Asks the city's witness to cosign a "
                                  "checkpoint, as C2SP tlog-witness has it.", "text/plain");
  auto& post = cosign.at("get").as_object();
  post["parameters"] = array{parameter("city", "path", true, {{"type", "string"}})};
  paths["/tlog/city/{city}/add-checkpoint"] = object{{"post", std::move(post)}};
}

void add_plain_paths(object& paths) {
  paths["/"] = plain_operation("Start", "A page of links.", "text/html");
  paths["/openapi.json"] = plain_operation("OpenApi", "This document.", "application/json");
  paths["/healthz"] =
      plain_operation("Health", "Answers while the process runs.", "application/json");
  paths["/readyz"] =
      plain_operation("Ready", "200 when every ledger is served, else 503 with what is waited for.",
                      "application/json");
  paths["/v1/errors"] = plain_operation("ListErrors", "Every error code.", "application/json");
  paths["/v1/errors/{code}"] =
      plain_operation("GetError", "What an error code means.", "application/json");
  paths["/v1/errors/{code}"].at("get").as_object()["parameters"] =
      array{parameter("code", "path", true, {{"type", "string"}})};
}

}  // namespace

std::string openapi() {
  Schemas schemas;
  object paths;
  for (const auto& method : methods()) {
    auto& path = paths[method.path];
    if (!path.is_object()) path = object();
    std::string verb = method.http_verb;
    for (char& c : verb) c = static_cast<char>(c | 0x20);
    path.as_object()[verb] = operation(method, schemas);
  }
  add_plain_paths(paths);
  add_tlog_paths(paths);
  object all = schemas.take();
  all["Problem"] = problem_schema();
  object problem = answer("Refused or failed; `code` says why, `retry` what to do.",
                          {{"application/problem+json", {{"schema", reference("Problem")}}}});
  const object document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Hansa"},
        {"version", kVersion},
        {"description",
         "Ledgers of cities over HTTP. Times are RFC 3339 in UTC, 64-bit integers are strings; "
         "fields above the caller's data class are left out."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", std::move(all)},
        {"responses", {{"Problem", std::move(problem)}}},
        {"securitySchemes",
         {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
          {"api_key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-Api-Key"}}}}}}}};
  return boost::json::serialize(document);
}

}  // namespace hansa::ops
