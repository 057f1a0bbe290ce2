#include "core/base/schema.h"

#include <array>
#include <set>
#include <unordered_map>

#include "core/base/assert.h"
#include "core/base/ids.h"
#include "hansa/v1/affiliation.pb.h"
#include "hansa/v1/affiliation_reads.pb.h"
#include "hansa/v1/alliance.pb.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "hansa/v1/campaign.pb.h"
#include "hansa/v1/campaign_acts.pb.h"
#include "hansa/v1/campaign_reads.pb.h"
#include "hansa/v1/case.pb.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/evidence_reads.pb.h"
#include "hansa/v1/figures.pb.h"
#include "hansa/v1/handover.pb.h"
#include "hansa/v1/handover_reads.pb.h"
#include "hansa/v1/inbox.pb.h"
#include "hansa/v1/ledger_keys.pb.h"
#include "hansa/v1/operations.pb.h"
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

// The pointer is spelt out only on the way back from a mistake.
Result<void> under(Result<void> result, const std::string& step) {
  if (!result) result.error().pointer.insert(0, "/" + step);
  return result;
}

Result<void> check_text(const FieldRule& rule, const std::string& text) {
  const std::string& name = rule.field->name();
  if (text.size() > rule.bytes_max) {
    return fail(Errc::kTextTooLong, name + " has " + std::to_string(text.size()) +
                                        " bytes; at most " + std::to_string(rule.bytes_max) +
                                        " are allowed, shorten it");
  }
  if (text.empty()) return {};
  if (rule.field->type() == FieldDescriptor::TYPE_STRING && !is_utf8(text)) {
    return fail(Errc::kBadRequest, name + " must be text in UTF-8");
  }
  if (rule.slug && !is_slug(text)) {
    return fail(Errc::kBadRequest, name + " must be 1 to 40 of a-z, 0-9 and '-'");
  }
  if (rule.person_id && !parse_hex<PersonId>(text)) {
    return fail(Errc::kBadRequest, name + " must be 32 hex digits");
  }
  return {};
}

Result<void> check_enum(const FieldRule& rule, int number) {
  if (rule.field->enum_type()->FindValueByNumber(number) != nullptr) return {};
  return fail(Errc::kBadRequest,
              rule.field->name() + " has no value numbered " + std::to_string(number));
}

Result<void> check_given(const FieldRule& rule, bool given) {
  if (given || !rule.required) return {};
  return fail(Errc::kBadRequest, rule.field->name() + " must be given");
}

Result<void> validate_all(const Message& message);

Result<void> check_item(const FieldRule& rule, const Message& message, int item) {
  const auto* reflection = message.GetReflection();
  switch (rule.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return validate_all(reflection->GetRepeatedMessage(message, rule.field, item));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      return check_text(
          rule, reflection->GetRepeatedStringReference(message, rule.field, item, &scratch));
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return check_enum(rule, reflection->GetRepeatedEnumValue(message, rule.field, item));
    default: return {};
  }
}

Result<void> check_list(const FieldRule& rule, const Message& message) {
  const int count = message.GetReflection()->FieldSize(message, rule.field);
  HANSA_CHECK(check_given(rule, count > 0));
  if (static_cast<uint32_t>(count) > rule.items_max) {
    return fail(Errc::kBadRequest, rule.field->name() + " has " + std::to_string(count) +
                                       " items; at most " + std::to_string(rule.items_max) +
                                       " are allowed");
  }
  for (int i = 0; i < count; ++i) {
    if (auto checked = check_item(rule, message, i); !checked) {
      return under(std::move(checked), std::to_string(i));
    }
  }
  return {};
}

Result<void> check_one(const FieldRule& rule, const Message& message) {
  const auto* reflection = message.GetReflection();
  const auto* field = rule.field;
  const bool given = reflection->HasField(message, field);
  HANSA_CHECK(check_given(rule, given));
  if (!given) return {};
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return validate_all(reflection->GetMessage(message, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      return check_text(rule, reflection->GetStringReference(message, field, &scratch));
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return check_enum(rule, reflection->GetEnumValue(message, field));
    default: return {};
  }
}

Result<void> validate_all(const Message& message) {
  for (const auto& rule : rules_of(message.GetDescriptor())) {
    auto checked =
        rule.field->is_repeated() ? check_list(rule, message) : check_one(rule, message);
    if (!checked) return under(std::move(checked), rule.field->name());
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
  const bool is_alliance = !info.path_fields.empty() && info.path_fields.front() == kAllianceKind;
  info.ledger_kind = is_alliance ? kAllianceKind : kCityKind;
  info.input = method->input_type();
  info.output = method->output_type();
  info.is_command = method->output_type() == v1::Receipt::descriptor();
  return info;
}

}  // namespace

// Well-formed UTF-8 as RFC 3629 draws it: no overlong forms, no surrogates, at most U+10FFFF.
bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<uint8_t>(text[at++]);
    if (lead < 0x80) continue;
    const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < more) return false;
    const auto second = static_cast<uint8_t>(text[at]);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    for (size_t i = 0; i < more; ++i) {
      if ((static_cast<uint8_t>(text[at++]) & 0xC0) != 0x80) return false;
    }
  }
  return true;
}

std::string_view whole_characters(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<uint8_t>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

const std::vector<MethodInfo>& methods() {
  static const std::vector<MethodInfo> kMethods = [] {
    std::vector<MethodInfo> all;
    const std::array files = {v1::FoundAlliance::descriptor()->file(),
                              v1::GetAlliance::descriptor()->file(),
                              v1::JoinAlliance::descriptor()->file(),
                              v1::ListAffiliations::descriptor()->file(),
                              v1::ProposeCampaign::descriptor()->file(),
                              v1::CommitToCampaign::descriptor()->file(),
                              v1::ListCampaigns::descriptor()->file(),
                              v1::OfferCase::descriptor()->file(),
                              v1::ListHandovers::descriptor()->file(),
                              v1::ChangeCityKey::descriptor()->file(),
                              v1::PublishMetric::descriptor()->file(),
                              v1::ListPublishedFigures::descriptor()->file(),
                              v1::FoundCity::descriptor()->file(),
                              v1::ReportCase::descriptor()->file(),
                              v1::GetCity::descriptor()->file(),
                              v1::GetProjection::descriptor()->file(),
                              v1::ListDeadLetters::descriptor()->file()};
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

Result<void> validate(const Message& request) { return validate_all(request); }

v1::DataClass data_class(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::class_);
}

std::vector<std::string> unclassified_fields(const Descriptor& type) {
  std::vector<std::string> found;
  std::set<const Descriptor*> seen = {&type};
  std::vector<const Descriptor*> waiting = {&type};
  while (!waiting.empty()) {
    const Descriptor* next = waiting.back();
    waiting.pop_back();
    for (int i = 0; i < next->field_count(); ++i) {
      const auto* field = next->field(i);
      if (data_class(*field) == v1::DATA_CLASS_UNSPECIFIED) found.push_back(field->full_name());
      const auto* inner = field->message_type();
      if (inner != nullptr && seen.insert(inner).second) waiting.push_back(inner);
    }
  }
  return found;
}

void remove_above(Message& message, v1::DataClass highest) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const auto* field : present) {
    const auto own = data_class(*field);
    if (own > highest || own == v1::DATA_CLASS_UNSPECIFIED) {
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
