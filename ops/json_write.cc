// Writes messages as JSON text, straight into one string.
#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>

#include "core/base/base64.h"
#include "ops/json.h"
#include "ops/json_fields.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;

template <typename Number>
void append_number(std::string& out, Number value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out.append(text, end);
}

template <typename Number>
void append_quoted_number(std::string& out, Number value) {
  out += '"';
  append_number(out, value);
  out += '"';
}

void append_enum(std::string& out, const JsonField& field, int number) {
  const auto* value = field.descriptor->enum_type()->FindValueByNumber(number);
  if (value == nullptr) {
    append_number(out, number);
    return;
  }
  out += '"';
  out += value->name();
  out += '"';
}

void append_time(std::string& out, int64_t time_us) {
  out += '"';
  append_time_text(out, time_us);
  out += '"';
}

// What of a message is written.
struct Wanted {
  v1::DataClass highest = v1::PERSONAL;
  bool only_set = false;
};

void append_message(std::string& out, const Message& message, const JsonTable& table,
                    const Wanted& wanted);

// Reads one value of `field`: the singular one, or item `index` of a list.
class Reader {
 public:
  Reader(const Message& message, const JsonField& field, int index)
      : message_(message),
        reflection_(*message.GetReflection()),
        descriptor_(field.descriptor),
        index_(index) {}

  template <auto Get, auto GetRepeated>
  auto get() const {
    return index_ < 0 ? (reflection_.*Get)(message_, descriptor_)
                      : (reflection_.*GetRepeated)(message_, descriptor_, index_);
  }
  const std::string& text(std::string& scratch) const {
    return index_ < 0
               ? reflection_.GetStringReference(message_, descriptor_, &scratch)
               : reflection_.GetRepeatedStringReference(message_, descriptor_, index_, &scratch);
  }
  const Message& message() const {
    return index_ < 0 ? reflection_.GetMessage(message_, descriptor_)
                      : reflection_.GetRepeatedMessage(message_, descriptor_, index_);
  }

 private:
  const Message& message_;
  const Reflection& reflection_;
  const google::protobuf::FieldDescriptor* descriptor_;
  int index_;
};

void append_value(std::string& out, const JsonField& field, const Reader& reader,
                  const Wanted& wanted) {
  using R = Reflection;
  std::string scratch;
  switch (field.kind) {
    case JsonKind::kBool:
      out += reader.get<&R::GetBool, &R::GetRepeatedBool>() ? "true" : "false";
      return;
    case JsonKind::kInt32:
      append_number(out, reader.get<&R::GetInt32, &R::GetRepeatedInt32>());
      return;
    case JsonKind::kUint32:
      append_number(out, reader.get<&R::GetUInt32, &R::GetRepeatedUInt32>());
      return;
    case JsonKind::kInt64:
      append_quoted_number(out, reader.get<&R::GetInt64, &R::GetRepeatedInt64>());
      return;
    case JsonKind::kUint64:
      append_quoted_number(out, reader.get<&R::GetUInt64, &R::GetRepeatedUInt64>());
      return;
    case JsonKind::kTime:
      append_time(out, reader.get<&R::GetInt64, &R::GetRepeatedInt64>());
      return;
    case JsonKind::kDouble: {
      const double value = reader.get<&R::GetDouble, &R::GetRepeatedDouble>();
      std::isfinite(value) ? append_number(out, value) : void(out += "null");
      return;
    }
    case JsonKind::kText:
      append_json_text(out, reader.text(scratch));
      return;
    case JsonKind::kBytes:
      out.append(1, '"').append(to_base64(reader.text(scratch))).append(1, '"');
      return;
    case JsonKind::kEnum:
      append_enum(out, field, reader.get<&R::GetEnumValue, &R::GetRepeatedEnumValue>());
      return;
    case JsonKind::kMessage:
      append_message(out, reader.message(), *field.message, wanted);
      return;
  }
}

bool is_shown(const Message& message, const JsonField& field, const Wanted& wanted) {
  if (field.data_class > wanted.highest) return false;
  if (field.repeated) {
    return !wanted.only_set || message.GetReflection()->FieldSize(message, field.descriptor) > 0;
  }
  if (field.has_presence || wanted.only_set) {
    return message.GetReflection()->HasField(message, field.descriptor);
  }
  return field.kind != JsonKind::kTime ||
         message.GetReflection()->GetInt64(message, field.descriptor) != 0;
}

void append_list(std::string& out, const Message& message, const JsonField& field,
                 const Wanted& wanted) {
  const int size = message.GetReflection()->FieldSize(message, field.descriptor);
  out += '[';
  for (int i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    append_value(out, field, Reader(message, field, i), wanted);
  }
  out += ']';
}

void append_message(std::string& out, const Message& message, const JsonTable& table,
                    const Wanted& wanted) {
  out += '{';
  const size_t start = out.size();
  for (const auto& field : table.fields) {
    if (!is_shown(message, field, wanted)) continue;
    if (out.size() > start) out += ',';
    out += field.key;
    if (field.repeated) {
      append_list(out, message, field, wanted);
    } else {
      append_value(out, field, Reader(message, field, -1), wanted);
    }
  }
  out += '}';
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, copied, i - copied);
    copied = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
  }
  out.append(text, copied);
  out += '"';
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

void append_json(std::string& out, const Message& message, v1::DataClass highest) {
  append_message(out, message, json_table(message.GetDescriptor()), {highest});
}

void append_set_json(std::string& out, const Message& message) {
  append_message(out, message, json_table(message.GetDescriptor()), {v1::PERSONAL, true});
}

std::string to_json(const Message& message) {
  std::string out;
  out.reserve(512);
  append_json(out, message);
  return out;
}

}  // namespace hansa::ops
