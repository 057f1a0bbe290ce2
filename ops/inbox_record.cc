#include "ops/inbox_record.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "hansa/v1/inbox.pb.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;

constexpr std::string_view kTypePrefix = "hansa.v1.";

Error malformed(const std::string& expected, const std::string& pointer = "") {
  return {Errc::kBadRequest, "expected " + expected, pointer};
}

std::unique_ptr<google::protobuf::Message> make_request(const MethodInfo& method) {
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input);
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

Result<InboxCommand> begin(const std::string& method, const InboxSettings& inbox) {
  InboxCommand command;
  command.method = find_method(method);
  if (std::find(inbox.methods.begin(), inbox.methods.end(), method) == inbox.methods.end() ||
      command.method == nullptr) {
    return fail(Errc::kForbidden, "the inbox is not open for `" + method.substr(0, 60) +
                                      "`; its configuration names the methods it takes");
  }
  command.request = make_request(*command.method);
  return command;
}

Result<InboxCommand> read_protobuf(const std::string& value, const InboxSettings& inbox) {
  v1::Command outer;
  if (!outer.ParseFromString(value)) return fail(malformed("a hansa.v1.Command"));
  HANSA_TRY(auto command, begin(outer.method(), inbox));
  if (!command.request->ParseFromString(outer.request())) {
    return fail(malformed("a hansa.v1." + outer.method(), "/request"));
  }
  const auto& unknown = command.request->GetReflection()->GetUnknownFields(*command.request);
  if (unknown.field_count() > 0) {
    return fail(Errc::kUpgradeNeeded, "the request has fields that this binary does not know");
  }
  if (outer.id().empty()) return command;
  command.id = parse_uuid_v7(outer.id());
  if (!command.id) {
    return fail(Errc::kBadIdempotencyKey, "expected a UUID of version 7, or nothing", "/id");
  }
  return command;
}

Result<std::string> text_of(const json::object& event, const char* name) {
  const auto* value = event.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) {
    return fail(malformed(std::string("a text as ") + name + " of the CloudEvent",
                          std::string("/") + name));
  }
  return std::string(value->get_string());
}

Result<InboxCommand> read_cloud_event(const std::string& text, const InboxSettings& inbox) {
  json::error_code error;
  const auto parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return fail(malformed("a CloudEvent as a JSON object"));
  const auto& event = parsed.get_object();
  HANSA_TRY(const auto version, text_of(event, "specversion"));
  if (version != "1.0") return fail(malformed("specversion 1.0", "/specversion"));
  HANSA_TRY(const auto id, text_of(event, "id"));
  HANSA_CHECK(text_of(event, "source"));
  HANSA_TRY(const auto type, text_of(event, "type"));
  if (!type.starts_with(kTypePrefix)) {
    return fail(malformed("a type like hansa.v1.ReportCase", "/type"));
  }
  HANSA_TRY(auto command, begin(type.substr(kTypePrefix.size()), inbox));
  const auto* data = event.if_contains("data");
  if (data == nullptr || !data->is_object()) {
    return fail(malformed("the request as JSON object in data", "/data"));
  }
  if (auto read = from_json(json::serialize(*data), *command.request); !read) {
    auto wrong = std::move(read).error();
    wrong.pointer = "/data" + wrong.pointer;
    return fail(std::move(wrong));
  }
  // Other systems number their events as they like: only these tell a repetition.
  command.id = parse_uuid_v7(id);
  return command;
}

Result<void> settle_ledger(const InboxSettings& inbox, google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName(inbox.ledger.kind);
  if (field == nullptr) return {};
  const auto* reflection = request.GetReflection();
  const std::string named = reflection->GetString(request, field);
  if (named.empty()) {
    reflection->SetString(&request, field, inbox.ledger.id);
  } else if (named != inbox.ledger.id) {
    return fail(malformed("the " + inbox.ledger.kind + " of this inbox, " + inbox.ledger.id +
                              ", or none",
                          "/" + inbox.ledger.kind));
  }
  return {};
}

Result<void> open_boxes(const InboxSettings& inbox, const projections::Keyring& keyring,
                        google::protobuf::Message& request) {
  std::optional<Error> wrong;
  visit_personal(request, [&](const std::string& field, std::string& text) {
    if (text.empty() || wrong) return;
    const std::string pointer = "/" + field.substr(field.rfind('.') + 1);
    if (!text.starts_with(projections::kBoxPrefix)) {
      if (inbox.personal_in_clear_days > 0) return;
      wrong = Error{Errc::kForbidden,
                    "a personal text came in clear; seal it to the city's key (`hansa inbox key`), "
                    "or declare the inbox with personal_in_clear_days",
                    pointer};
      return;
    }
    auto opened = keyring.open_box(text);
    if (opened) {
      text = *std::move(opened);
    } else {
      wrong = Error{Errc::kBadRequest, opened.error().detail, pointer};
    }
  });
  if (wrong) return fail(*wrong);
  return {};
}

}  // namespace

Result<InboxCommand> read_inbox_record(const streams::KafkaRecord& record,
                                       const InboxSettings& inbox,
                                       const projections::Keyring& keyring) {
  if (!record.value) return fail(malformed("a value"));
  const std::string* type = record.header("content-type");
  const bool is_json = type != nullptr ? type->find("json") != std::string::npos
                                       : record.value->starts_with('{');
  HANSA_TRY(auto command, is_json ? read_cloud_event(*record.value, inbox)
                                  : read_protobuf(*record.value, inbox));
  HANSA_CHECK(settle_ledger(inbox, *command.request));
  HANSA_CHECK(open_boxes(inbox, keyring, *command.request));
  return command;
}

}  // namespace hansa::ops
