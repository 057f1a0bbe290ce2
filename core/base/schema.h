// Schema: what the protos declare, read from their descriptors: methods, roles, limits, classes.
//
// Shape:   methods() lists every method of every service with its route and rule.
//          validate(request) enforces required, slug, person_id, bytes_max, items_max, enum values
//          and UTF-8. data_class(field), remove_above(message, class), visit_personal(message, fn)
//          walk fields by their class.
// Errors:  validate: kTextTooLong for a text over its limit, else kBadRequest; `pointer` names the
//          field as a JSON pointer.
// Threads: immutable after first use; free for all.
// Limits:  a text 200 bytes and a list 100 items where the field says nothing else.
// Source:  core/schema/hansa/v1/options.proto.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/options.pb.h"

namespace hansa {

struct MethodInfo {
  std::string name;       // message name of the request, `AssignCase`
  std::string service;    // `Cases`
  std::string http_verb;  // `POST`
  std::string path;       // `/v1/cities/{city}/cases/{case}:assign`
  std::vector<std::string> path_fields;  // in the order of the path: city, case
  std::string_view ledger_kind;          // whose ledger the first of them names: city, alliance
  v1::MethodRule rule;
  const google::protobuf::Descriptor* input = nullptr;
  const google::protobuf::Descriptor* output = nullptr;
  bool is_command = false;  // answers a Receipt
};

const std::vector<MethodInfo>& methods();
const MethodInfo* find_method(std::string_view name);

// "unit_worker" and back.
std::string role_name(v1::Role::Value role);
std::optional<v1::Role::Value> parse_role(std::string_view name);

Result<void> validate(const google::protobuf::Message& request);
// Well-formed UTF-8.
bool is_utf8(std::string_view text);
// The beginning of a UTF-8 text, never a part of a character: what a message of ours repeats of it.
std::string_view whole_characters(std::string_view text, size_t bytes_max);

v1::DataClass data_class(const google::protobuf::FieldDescriptor& field);
// Full names of the fields of `type`, at any depth, that declare no class: a mistake in the schema.
std::vector<std::string> unclassified_fields(const google::protobuf::Descriptor& type);
// Clears every field above `highest`, at any depth; also what declares no class.
void remove_above(google::protobuf::Message& message, v1::DataClass highest);
// Every PERSONAL text, at any depth, that is present: its full field name and the text itself,
// which may be changed.
using VisitPersonal = std::function<void(const std::string& full_name, std::string& text)>;
void visit_personal(google::protobuf::Message& message, const VisitPersonal& visit);

}  // namespace hansa
