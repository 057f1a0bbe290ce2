// JSON codec: messages of the schema to JSON text and back, by their descriptors.
//
// Shape:   proto3 mapping with original field names. 64-bit integers are strings (numbers are taken
//          too), bytes base64, enum values their names, `time_us` and `..._time_us` RFC 3339 UTC
//          (absent when 0). Every other singular field is written, defaults too; messages and
//          optional fields only when set. `null` in input means: not given.
//          bind_text fills one field from a path or query parameter.
// Errors:  kUnknownField, and kBadRequest for malformed JSON, a wrong type, a value out of range, a
//          field given twice, nesting deeper than 32; each with the JSON pointer of the field.
//          The caller mends the request; nothing of a failed message may be used.
// Threads: any; tables per message type are made once and shared.
// Limits:  no map fields, no groups: the schema has none.
// Source:  https://protobuf.dev/programming-guides/json/; SPEC §1, §2.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "hansa/v1/options.pb.h"

namespace google::protobuf {
class Message;
}

namespace hansa::ops {

// Fields above the class `highest` are left out.
void append_json(std::string& out, const google::protobuf::Message& message,
                 v1::DataClass highest = v1::PERSONAL);
// Only what is set: where fields were taken out of a message they are not told to be empty.
void append_set_json(std::string& out, const google::protobuf::Message& message);
std::string to_json(const google::protobuf::Message& message);

// `into` must be empty.
Result<void> from_json(std::string_view text, google::protobuf::Message& into);

// A field that the body gave already must agree with `text`; lists grow by one item.
Result<void> bind_text(std::string_view field, std::string_view text,
                       google::protobuf::Message& into);

// `text` in quotes, escaped.
void append_json_text(std::string& out, std::string_view text);
std::string json_text(std::string_view text);

}  // namespace hansa::ops
