#include "core/base/schema.h"

#include <array>
#include <unordered_map>

#include "core/base/assert.h"
#include "core/base/ids.h"
#include "hansa/v1/case.pb.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/reads.pb.h"

namespace hansa {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

constexpr uint32_t kBytesMaxDefault = 200;
constexpr uint32_t kItemsMaxDefault = 100;

struct FieldRule {
  const FieldDescriptor* field = nullptr;
  uint32_t bytes_max = kBytesMaxDefault;
  uint32_t items_max = kItemsMaxDefault;
  bool required = false;
  bool slug = false;
  bool person_id = false;
};

FieldRule make_rule(const FieldDescriptor* field) {
  const auto& options = field->options();
  FieldRule rule;
  rule.field = field;
  if (options.HasExtension(v1::bytes_max)) rule.bytes_max = options.GetExtension(v1::bytes_max);
  if (options.HasExtension(v1::items_max)) rule.items_max = options.GetExtension(v1::items_max);
  rule.required = options.GetExtension(v1::required);
  rule.slug = options.GetExtension(v1::slug);
  rule.person_id = options.GetExtension(v1::person_id);
  return rule;
}

using RuleTable = std::unordered_map<const Descriptor*, std::vector<FieldRule>>;

void add_rules(RuleTable& table, const Descriptor* type) {
  if (table.contains(type)) return;
  auto& rules = table[type];
  for (int i = 0; i < type->field_count(); ++i) rules.push_back(make_rule(type->field(i)));
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->message_type() != nullptr) add_rules(table, field->message_type());
  }
}

const std::vector<FieldRule>& rules_of(const Descriptor* type) {
  static const RuleTable kTable = [] {
    RuleTable table;
    for (const auto& method : methods()) add_rules(table, method.input);
    return table;
  }();
  const auto found = kTable.find(type);
  HANSA_ASSERT(found != kTable.end(), "only requests of the schema's methods are validated");
  return found->second;
}

Result<void> check_text(const FieldRule& rule, const std::string& text, const std::string& at) {
  if (text.size() > rule.bytes_max) {
    return fail(Errc::kTextTooLong,
                rule.field->name() + " has " + std::to_string(text.size()) +
                    " bytes; at most " + std::to_string(rule.bytes_max) +
                    " are allowed, shorten it",
                at);
  }
  if (rule.slug && !text.empty() && !is_slug(text)) {
    return fail(Errc::kBadRequest,
                rule.field->name() + " must be 1 to 40 of a-z, 0-9 and '-'", at);
  }
  if (rule.person_id && !text.empty() && !parse_hex<PersonId>(text)) {
    return fail(Errc::kBadRequest, rule.field->name() + " must be 32 hex digits", at);
  }
  return {};
}

Result<void> validate_at(const Message& message, const std::string& at);

Result<void> check_list(const FieldRule& rule, const Message& message, const std::string& at) {
  const auto* reflection = message.GetReflection();
  const int count = reflection->FieldSize(message, rule.field);
  if (rule.required && count == 0) {
    return fail(Errc::kBadRequest, rule.field->name() + " must be given", at);
  }
  if (static_cast<uint32_t>(count) > rule.items_max) {
    return fail(Errc::kBadRequest,
                rule.field->name() + " has " + std::to_string(count) + " items; at most " +
                    std::to_string(rule.items_max) + " are allowed",
                at);
  }
  for (int i = 0; i < count; ++i) {
    const std::string item = at + "/" + std::to_string(i);
    if (rule.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      HANSA_CHECK(validate_at(reflection->GetRepeatedMessage(message, rule.field, i), item));
    } else if (rule.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      std::string scratch;
      HANSA_CHECK(check_text(
          rule, reflection->GetRepeatedStringReference(message, rule.field, i, &scratch), item));
    }
  }
  return {};
}

Result<void> check_one(const FieldRule& rule, const Message& message, const std::string& at) {
  const auto* reflection = message.GetReflection();
  const auto* field = rule.field;
  bool empty = !reflection->HasField(message, field);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!empty) HANSA_CHECK(validate_at(reflection->GetMessage(message, field), at));
      break;
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      HANSA_CHECK(check_text(rule, reflection->GetStringReference(message, field, &scratch), at));
      break;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = reflection->GetEnumValue(message, field);
      if (field->enum_type()->FindValueByNumber(number) == nullptr) {
        return fail(Errc::kBadRequest,
                    field->name() + " has no value numbered " + std::to_string(number), at);
      }
      empty = number == 0;
      break;
    }
    default: break;
  }
  if (rule.required && empty) {
    return fail(Errc::kBadRequest, field->name() + " must be given", at);
  }
  return {};
}

Result<void> validate_at(const Message& message, const std::string& at) {
  for (const auto& rule : rules_of(message.GetDescriptor())) {
    // The path is spelt out only for fields that are there or must be.
    const auto* reflection = message.GetReflection();
    const bool present = rule.field->is_repeated()
                             ? reflection->FieldSize(message, rule.field) > 0
                             : reflection->HasField(message, rule.field);
    if (!present && !rule.required) continue;
    const std::string here = at + "/" + rule.field->name();
    if (rule.field->is_repeated()) {
      HANSA_CHECK(check_list(rule, message, here));
    } else {
      HANSA_CHECK(check_one(rule, message, here));
    }
  }
  return {};
}

std::vector<std::string> fields_in_path(const std::string& path) {
  std::vector<std::string> fields;
  size_t open = path.find('{');
  while (open != std::string::npos) {
    const size_t close = path.find('}', open);
    fields.push_back(path.substr(open + 1, close - open - 1));
    open = path.find('{', close);
  }
  return fields;
}

MethodInfo make_method(const MethodDescriptor* method) {
  MethodInfo info;
  info.name = method->input_type()->name();
  info.service = method->service()->name();
  info.rule = method->options().GetExtension(v1::rule);
  const size_t space = info.rule.http().find(' ');
  info.http_verb = info.rule.http().substr(0, space);
  info.path = space == std::string::npos ? "" : info.rule.http().substr(space + 1);
  info.path_fields = fields_in_path(info.path);
  info.input = method->input_type();
  info.output = method->output_type();
  info.is_command = method->output_type() == v1::Receipt::descriptor();
  return info;
}

}  // namespace

const std::vector<MethodInfo>& methods() {
  static const std::vector<MethodInfo> kMethods = [] {
    std::vector<MethodInfo> all;
    const std::array<const FileDescriptor*, 3> files = {v1::FoundCity::descriptor()->file(),
                                                        v1::ReportCase::descriptor()->file(),
                                                        v1::GetCity::descriptor()->file()};
    for (const auto* file : files) {
      for (int s = 0; s < file->service_count(); ++s) {
        for (int m = 0; m < file->service(s)->method_count(); ++m) {
          all.push_back(make_method(file->service(s)->method(m)));
        }
      }
    }
    return all;
  }();
  return kMethods;
}

const MethodInfo* find_method(std::string_view name) {
  for (const auto& method : methods()) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

std::string role_name(v1::Role::Value role) { return v1::Role::Value_Name(role); }

std::optional<v1::Role::Value> parse_role(std::string_view name) {
  v1::Role::Value role = v1::Role::unspecified;
  if (!v1::Role::Value_Parse(std::string(name), &role)) return std::nullopt;
  if (role == v1::Role::unspecified) return std::nullopt;
  return role;
}

Result<void> validate(const Message& request) { return validate_at(request, ""); }

v1::DataClass data_class(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::class_);
}

void remove_above(Message& message, v1::DataClass highest) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const auto* field : present) {
    if (data_class(*field) > highest) {
      reflection->ClearField(&message, field);
      continue;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      remove_above(*reflection->MutableMessage(&message, field), highest);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      remove_above(*reflection->MutableRepeatedMessage(&message, field, i), highest);
    }
  }
}

void visit_personal(Message& message, const VisitPersonal& visit) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const auto* field : present) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        visit_personal(*reflection->MutableMessage(&message, field), visit);
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        visit_personal(*reflection->MutableRepeatedMessage(&message, field, i), visit);
      }
      continue;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING || field->is_repeated()) continue;
    if (data_class(*field) != v1::PERSONAL) continue;
    std::string text = reflection->GetString(message, field);
    visit(field->full_name(), text);
    reflection->SetString(&message, field, std::move(text));
  }
}

}  // namespace hansa
