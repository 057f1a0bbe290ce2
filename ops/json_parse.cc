// Reads JSON text into messages while it is parsed; no tree of values is built between.
#include <google/protobuf/message.h>

#include <bitset>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/assert.h"
#include "core/base/base64.h"
#include "ops/json.h"
#include "ops/json_fields.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;
using JsonCode = boost::json::error_code;

constexpr size_t kDepthMax = 32;
constexpr size_t kFieldsMax = 128;  // of one message type
constexpr size_t kQuotedBytesMax = 60;

std::string in_quotes(std::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  return "\"" + std::string(text.substr(0, kQuotedBytesMax)) + (cut ? "…\"" : "\"");
}

std::string enum_names(const JsonField& field) {
  std::string names;
  const auto* type = field.descriptor->enum_type();
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() == 0) continue;
    names += (names.empty() ? "" : ", ") + type->value(i)->name();
  }
  return names;
}

std::string expected_value(const JsonField& field) {
  switch (field.kind) {
    case JsonKind::kBool:
      return "true or false";
    case JsonKind::kInt32:
      return "a whole number of 32 bits";
    case JsonKind::kUint32:
      return "a whole number from 0 to 4294967295";
    case JsonKind::kInt64:
      return "a whole number of 64 bits as a string, such as \"42\"";
    case JsonKind::kUint64:
      return "a whole number from 0 of 64 bits as a string, such as \"42\"";
    case JsonKind::kTime:
      return "a time of RFC 3339, such as \"2025-01-01T08:00:00Z\"";
    case JsonKind::kDouble:
      return "a finite number";
    case JsonKind::kText:
      return "a string";
    case JsonKind::kBytes:
      return "a string of base64";
    case JsonKind::kEnum:
      return "one of " + enum_names(field);
    case JsonKind::kMessage:
      return "an object";
  }
  HANSA_ASSERT(false, "a kind of JSON value without a description");
}

// Stores one scalar of `field`: sets the singular one, or adds to the list. False: it does not fit.
class Writer {
 public:
  Writer(Message& message, const JsonField& field)
      : message_(message), reflection_(*message.GetReflection()), field_(field) {}

  bool put_bool(bool value) {
    return field_.kind == JsonKind::kBool && put<&Reflection::SetBool, &Reflection::AddBool>(value);
  }

  template <typename Number>
  bool put_whole(Number value) {
    switch (field_.kind) {
      case JsonKind::kInt32:
        return std::in_range<int32_t>(value) &&
               put<&Reflection::SetInt32, &Reflection::AddInt32>(static_cast<int32_t>(value));
      case JsonKind::kUint32:
        return std::in_range<uint32_t>(value) &&
               put<&Reflection::SetUInt32, &Reflection::AddUInt32>(static_cast<uint32_t>(value));
      case JsonKind::kInt64:
        return std::in_range<int64_t>(value) &&
               put<&Reflection::SetInt64, &Reflection::AddInt64>(static_cast<int64_t>(value));
      case JsonKind::kUint64:
        return std::in_range<uint64_t>(value) &&
               put<&Reflection::SetUInt64, &Reflection::AddUInt64>(static_cast<uint64_t>(value));
      case JsonKind::kDouble:
        return put_double(static_cast<double>(value));
      default:
        return false;
    }
  }

  bool put_double(double value) {
    return field_.kind == JsonKind::kDouble && std::isfinite(value) &&
           put<&Reflection::SetDouble, &Reflection::AddDouble>(value);
  }

  bool put_double_text(std::string_view text) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size() && put_double(value);
  }

  bool put_text(std::string_view text) {
    switch (field_.kind) {
      case JsonKind::kText:
        return put<&Reflection::SetString, &Reflection::AddString>(std::string(text));
      case JsonKind::kBytes:
        return put_base64(text);
      case JsonKind::kEnum:
        return put_enum(text);
      case JsonKind::kTime: {
        const auto time_us = parse_time_text(text);
        return time_us && put<&Reflection::SetInt64, &Reflection::AddInt64>(*time_us);
      }
      case JsonKind::kInt32:
      case JsonKind::kInt64:
        return put_number_text<int64_t>(text);
      case JsonKind::kUint32:
      case JsonKind::kUint64:
        return put_number_text<uint64_t>(text);
      case JsonKind::kDouble:
        return put_double_text(text);
      case JsonKind::kBool:
      case JsonKind::kMessage:
        return false;
    }
    return false;
  }

 private:
  template <auto Set, auto Add, typename Value>
  bool put(Value value) {
    if (field_.repeated) {
      (reflection_.*Add)(&message_, field_.descriptor, std::move(value));
    } else {
      (reflection_.*Set)(&message_, field_.descriptor, std::move(value));
    }
    return true;
  }

  template <typename Number>
  bool put_number_text(std::string_view text) {
    Number value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size() && put_whole(value);
  }

  bool put_enum(std::string_view text) {
    const auto* value = field_.descriptor->enum_type()->FindValueByName(std::string(text));
    return value != nullptr &&
           put<&Reflection::SetEnumValue, &Reflection::AddEnumValue>(value->number());
  }

  bool put_base64(std::string_view text) {
    auto raw = parse_base64(text);
    return raw && put<&Reflection::SetString, &Reflection::AddString>(*std::move(raw));
  }

  Message& message_;
  const Reflection& reflection_;
  const JsonField& field_;
};

// One object that is being read, and the field of it that comes.
struct Frame {
  Message* message = nullptr;
  const JsonTable* table = nullptr;
  const JsonField* field = nullptr;
  bool in_list = false;
  size_t index = 0;  // in the list
  std::bitset<kFieldsMax> seen;
};

// What Boost.JSON's parser calls for every piece of the text.
class Builder {
 public:
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();

  explicit Builder(Message& root) : root_(root) { frames_.reserve(4); }
  std::optional<Error>& error() { return error_; }

  bool on_document_begin(JsonCode&) { return true; }
  bool on_document_end(JsonCode&) { return true; }

  bool on_object_begin(JsonCode& code) {
    if (frames_.empty()) return enter(root_, json_table(root_.GetDescriptor()));
    auto& frame = frames_.back();
    if (!fits_place(frame) || frame.field->kind != JsonKind::kMessage) {
      return refuse("an object", code);
    }
    const auto* reflection = frame.message->GetReflection();
    const auto* descriptor = frame.field->descriptor;
    auto* message = frame.in_list ? reflection->AddMessage(frame.message, descriptor)
                                  : reflection->MutableMessage(frame.message, descriptor);
    return enter(*message, *frame.field->message);
  }
  bool on_object_end(size_t, JsonCode&) {
    frames_.pop_back();
    if (!frames_.empty()) value_done();
    return true;
  }
  bool on_array_begin(JsonCode& code) {
    if (frames_.empty() || frames_.back().in_list || !frames_.back().field->repeated) {
      return refuse("a list", code);
    }
    frames_.back().in_list = true;
    frames_.back().index = 0;
    return true;
  }
  bool on_array_end(size_t, JsonCode&) {
    frames_.back().in_list = false;
    return true;
  }

  bool on_key_part(boost::json::string_view part, size_t, JsonCode&) {
    parts_.append(part.data(), part.size());
    return true;
  }
  bool on_key(boost::json::string_view part, size_t, JsonCode& code) {
    const auto name = whole(part);
    auto& frame = frames_.back();
    frame.field = frame.table->find(name);
    if (frame.field == nullptr) {
      return fail_at(Errc::kUnknownField,
                     "the field is not known here; expected " + field_names(*frame.table),
                     pointer_of_message() + pointer_part(name), code);
    }
    if (frame.seen.test(frame.field->index)) {
      return fail_at(Errc::kBadRequest, "the field is given twice; give it once", pointer(), code);
    }
    frame.seen.set(frame.field->index);
    parts_.clear();
    return true;
  }

  bool on_string_part(boost::json::string_view part, size_t, JsonCode&) {
    parts_.append(part.data(), part.size());
    return true;
  }
  bool on_string(boost::json::string_view part, size_t, JsonCode& code) {
    const auto text = whole(part);
    const bool plain = frames_.empty() || frames_.back().field->kind == JsonKind::kText;
    if (!scalar([&](Writer& writer) { return writer.put_text(text); })) {
      return refuse(plain ? "a string" : in_quotes(text), code);
    }
    parts_.clear();
    return true;
  }

  bool on_number_part(boost::json::string_view part, JsonCode&) {
    parts_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(int64_t value, boost::json::string_view, JsonCode& code) {
    parts_.clear();
    return scalar([&](Writer& writer) { return writer.put_whole(value); }) ||
           refuse("the number " + std::to_string(value), code);
  }
  bool on_uint64(uint64_t value, boost::json::string_view, JsonCode& code) {
    parts_.clear();
    return scalar([&](Writer& writer) { return writer.put_whole(value); }) ||
           refuse("the number " + std::to_string(value), code);
  }
  // The parser's own value may differ in the last digit; the text is converted exactly.
  bool on_double(double, boost::json::string_view part, JsonCode& code) {
    const auto text = whole(part);
    if (!scalar([&](Writer& writer) { return writer.put_double_text(text); })) {
      return refuse("a number with a fraction or exponent", code);
    }
    parts_.clear();
    return true;
  }
  bool on_bool(bool value, JsonCode& code) {
    return scalar([&](Writer& writer) { return writer.put_bool(value); }) ||
           refuse(value ? "true" : "false", code);
  }
  bool on_null(JsonCode& code) {
    return (!frames_.empty() && !frames_.back().in_list) || refuse("null", code);
  }
  bool on_comment_part(boost::json::string_view, JsonCode&) { return true; }
  bool on_comment(boost::json::string_view, JsonCode&) { return true; }

 private:
  bool enter(Message& message, const JsonTable& table) {
    HANSA_ASSERT(table.fields.size() <= kFieldsMax, "a message of more fields than JSON reads");
    auto& frame = frames_.emplace_back();
    frame.message = &message;
    frame.table = &table;
    return true;
  }

  // A list's values come in a list, the others alone.
  static bool fits_place(const Frame& frame) { return frame.field->repeated == frame.in_list; }

  void value_done() {
    if (frames_.back().in_list) ++frames_.back().index;
  }

  template <typename Put>
  bool scalar(Put put) {
    if (frames_.empty() || !fits_place(frames_.back())) return false;
    Writer writer(*frames_.back().message, *frames_.back().field);
    if (!put(writer)) return false;
    value_done();
    return true;
  }

  std::string_view whole(boost::json::string_view last) {
    if (parts_.empty()) return {last.data(), last.size()};
    parts_.append(last.data(), last.size());
    return parts_;
  }

  bool refuse(const std::string& found, JsonCode& code) {
    std::string expected = "an object";
    if (!frames_.empty()) {
      const auto& frame = frames_.back();
      expected = expected_value(*frame.field);
      if (frame.field->repeated && !frame.in_list) expected = "a list of: " + expected;
    }
    return fail_at(Errc::kBadRequest, "expected " + expected + ", found " + found, pointer(), code);
  }

  bool fail_at(Errc errc, std::string detail, std::string pointer, JsonCode& code) {
    error_ = Error{errc, std::move(detail), std::move(pointer)};
    code = boost::json::error::exception;
    return false;
  }

  static std::string field_names(const JsonTable& table) {
    std::string names;
    for (const auto& field : table.fields) {
      names += (names.empty() ? "" : ", ") + field.descriptor->name();
    }
    return names.empty() ? "no fields" : "one of " + names;
  }

  static std::string pointer_part(std::string_view name) {
    std::string part = "/";
    for (const char c : name.substr(0, kQuotedBytesMax)) {
      if (c == '~') {
        part += "~0";
      } else if (c == '/') {
        part += "~1";
      } else {
        part += c;
      }
    }
    return part;
  }

  std::string pointer_of_message() const {
    std::string text;
    for (size_t i = 0; i + 1 < frames_.size(); ++i) append_place(text, frames_[i]);
    return text;
  }
  std::string pointer() const {
    std::string text = pointer_of_message();
    if (!frames_.empty()) append_place(text, frames_.back());
    return text;
  }
  static void append_place(std::string& text, const Frame& frame) {
    if (frame.field == nullptr) return;
    text += pointer_part(frame.field->descriptor->name());
    if (frame.in_list) text += "/" + std::to_string(frame.index);
  }

  Message& root_;
  std::vector<Frame> frames_;
  std::string parts_;  // of a key or string that came in pieces
  std::optional<Error> error_;
};

Result<void> syntax_error(const JsonCode& code, size_t at) {
  if (code == boost::json::error::too_deep) {
    return fail(Errc::kBadRequest,
                "expected at most " + std::to_string(kDepthMax) + " levels of nesting, found more");
  }
  if (code == boost::json::error::incomplete) {
    return fail(Errc::kBadRequest,
                "expected one whole JSON object, but the text ends at byte " + std::to_string(at));
  }
  return fail(Errc::kBadRequest, "expected JSON (RFC 8259), found a mistake at byte " +
                                     std::to_string(at) + ": " + code.message());
}

// What a singular field holds, as a parameter would say it; empty: not given.
std::string given_text(const Message& message, const JsonField& field) {
  const auto* reflection = message.GetReflection();
  if (!reflection->HasField(message, field.descriptor)) return "";
  if (field.kind == JsonKind::kText) return reflection->GetString(message, field.descriptor);
  if (field.kind == JsonKind::kEnum) {
    return reflection->GetEnum(message, field.descriptor)->name();
  }
  return "another value";
}

}  // namespace

Result<void> from_json(std::string_view text, Message& into) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::basic_parser<Builder> parser(options, into);
  JsonCode code;
  const size_t read = parser.write_some(false, text.data(), text.size(), code);
  if (parser.handler().error()) return fail(std::move(*parser.handler().error()));
  if (!code && read < text.size()) code = boost::json::error::extra_data;
  if (code) return syntax_error(code, read);
  return {};
}

Result<void> bind_text(std::string_view name, std::string_view text, Message& into) {
  const auto& table = json_table(into.GetDescriptor());
  const auto* field = table.find(name);
  const auto pointer = "/" + std::string(name.substr(0, kQuotedBytesMax));
  if (field == nullptr || field->kind == JsonKind::kMessage) {
    return fail(Errc::kUnknownField, "the parameter is not known here; see /openapi.json", pointer);
  }
  if (!field->repeated) {
    const auto given = given_text(into, *field);
    if (!given.empty() && given != text) {
      return fail(Errc::kBadRequest,
                  "expected the body to agree with the address (" + in_quotes(text) + "), found " +
                      in_quotes(given) + "; leave the field out of the body",
                  pointer);
    }
  }
  Writer writer(into, *field);
  const bool fits = field->kind == JsonKind::kBool && (text == "true" || text == "false")
                        ? writer.put_bool(text == "true")
                        : writer.put_text(text);
  if (fits) return {};
  return fail(Errc::kBadRequest,
              "expected " + expected_value(*field) + ", found " + in_quotes(text),
              pointer);
}

}  // namespace hansa::ops
