#include "ops/json_fields.h"

#include <memory>
#include <mutex>

#include "core/base/assert.h"
#include "core/base/schema.h"

namespace hansa::ops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

JsonKind kind_of(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return JsonKind::kBool;
    case FieldDescriptor::CPPTYPE_INT32:
      return JsonKind::kInt32;
    case FieldDescriptor::CPPTYPE_UINT32:
      return JsonKind::kUint32;
    case FieldDescriptor::CPPTYPE_INT64:
      return field.name() == "time_us" || field.name().ends_with("_time_us") ? JsonKind::kTime
                                                                             : JsonKind::kInt64;
    case FieldDescriptor::CPPTYPE_UINT64:
      return JsonKind::kUint64;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return JsonKind::kDouble;
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? JsonKind::kBytes : JsonKind::kText;
    case FieldDescriptor::CPPTYPE_ENUM:
      return JsonKind::kEnum;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonKind::kMessage;
    case FieldDescriptor::CPPTYPE_FLOAT:
      break;
  }
  HANSA_ASSERT(false, "the schema has a field type that JSON does not carry");
}

class Tables {
 public:
  const JsonTable& get(const Descriptor* descriptor) {
    const std::lock_guard lock(mutex_);
    return make(descriptor);
  }

 private:
  const JsonTable& make(const Descriptor* descriptor) {
    auto& slot = tables_[descriptor];
    if (slot) return *slot;
    slot = std::make_unique<JsonTable>();
    JsonTable& table = *slot;  // stays where it is while the map grows
    table.descriptor = descriptor;
    table.fields.reserve(static_cast<size_t>(descriptor->field_count()));
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const auto* field = descriptor->field(i);
      HANSA_ASSERT(!field->is_map(), "the schema has no map fields");
      const auto kind = kind_of(*field);
      table.fields.push_back({field, kind, field->is_repeated(), field->has_presence(),
                              data_class(*field), table.fields.size(),
                              "\"" + field->name() + "\":", nullptr});
    }
    for (auto& field : table.fields) {
      table.by_name.emplace(field.descriptor->name(), &field);
      if (field.kind == JsonKind::kMessage) field.message = &make(field.descriptor->message_type());
    }
    return table;
  }

  std::mutex mutex_;
  std::unordered_map<const Descriptor*, std::unique_ptr<JsonTable>> tables_;
};

}  // namespace

const JsonTable& json_table(const Descriptor* descriptor) {
  static Tables tables;
  thread_local std::unordered_map<const Descriptor*, const JsonTable*> known;
  auto& table = known[descriptor];
  if (table == nullptr) table = &tables.get(descriptor);
  return *table;
}

}  // namespace hansa::ops
