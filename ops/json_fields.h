// What the JSON codec knows of each message type, worked out once from its descriptor.
//
// Shape:   one JsonTable per message type, fields in the order of the schema; JsonField says how a
//          value is written, so that no descriptor is asked per value.
// Errors:  none; a map field in the schema is a fault of the programmer.
// Threads: json_table from any; tables live as long as the process.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hansa/v1/options.pb.h"

namespace hansa::ops {

enum class JsonKind : uint8_t {
  kBool,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kTime,
  kDouble,
  kText,
  kBytes,
  kEnum,
  kMessage,
};

struct JsonTable;

struct JsonField {
  const google::protobuf::FieldDescriptor* descriptor;
  JsonKind kind;
  bool repeated;
  bool has_presence;
  v1::DataClass data_class;
  size_t index;              // in its table
  std::string key;           // `"name":`
  const JsonTable* message;  // of kMessage
};

struct JsonTable {
  const google::protobuf::Descriptor* descriptor = nullptr;
  std::vector<JsonField> fields;
  std::unordered_map<std::string_view, const JsonField*> by_name;

  const JsonField* find(std::string_view name) const {
    auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second;
  }
};

const JsonTable& json_table(const google::protobuf::Descriptor* descriptor);

}  // namespace hansa::ops
