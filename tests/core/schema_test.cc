// Goal: the schema says who may do and read what, completely, and requests are held to it.
// Method: walk all descriptors; feed a hand-made descriptor without classes to see the check fire;
// validate requests that break one rule each.
#include "core/base/schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <set>

#include "core/base/ids.h"
#include "core/base/rows.h"
#include "hansa/v1/entry.pb.h"
#include "hansa/v1/reads.pb.h"

namespace hansa {
namespace {

using google::protobuf::Descriptor;

TEST(DataClasses, EveryFieldOfEveryEventAndRowHasOne) {
  EXPECT_EQ(unclassified_fields(*v1::Payload::descriptor()), std::vector<std::string>());
  int tables = 0;
  for (int id = 0; id < 256; ++id) {
    const auto* row = row_prototype(static_cast<TableId>(id));
    if (row == nullptr) continue;
    ++tables;
    EXPECT_EQ(unclassified_fields(*row->GetDescriptor()), std::vector<std::string>());
  }
  EXPECT_EQ(tables, 42);
  for (const auto& method : methods()) {
    EXPECT_EQ(unclassified_fields(*method.input), std::vector<std::string>()) << method.name;
    EXPECT_EQ(unclassified_fields(*method.output), std::vector<std::string>()) << method.name;
  }
}

TEST(DataClasses, TheCheckFindsAFieldWithoutOneAtAnyDepth) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("made_up.proto");
  file.set_syntax("proto3");
  file.add_dependency("hansa/v1/options.proto");
  auto& inner = *file.add_message_type();
  inner.set_name("Inner");
  auto& bare = *inner.add_field();
  bare.set_name("bare");
  bare.set_number(1);
  bare.set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
  bare.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  auto& outer = *file.add_message_type();
  outer.set_name("Outer");
  auto& field = *outer.add_field();
  field.set_name("inner");
  field.set_number(1);
  field.set_type(google::protobuf::FieldDescriptorProto::TYPE_MESSAGE);
  field.set_type_name(".Inner");
  field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field.mutable_options()->SetExtension(v1::class_, v1::PUBLIC);
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const auto* built = pool.BuildFile(file);
  ASSERT_NE(built, nullptr);
  EXPECT_EQ(unclassified_fields(*built->FindMessageTypeByName("Outer")),
            std::vector<std::string>{"Inner.bare"});
}

TEST(Methods, EachHasRolesARouteAndAnExample) {
  std::set<std::string> routes;
  EXPECT_GT(methods().size(), 40U);
  for (const auto& method : methods()) {
    EXPECT_FALSE(method.rule.roles().empty()) << method.name << " could be called by nobody";
    EXPECT_TRUE(method.http_verb == "GET" || method.http_verb == "POST") << method.name;
    const bool is_alliance = method.ledger_kind == kAllianceKind;
    EXPECT_TRUE(method.path.starts_with(is_alliance ? "/v1/alliances/{alliance}"
                                                    : "/v1/cities/{city}"))
        << method.name;
    EXPECT_TRUE(routes.insert(method.rule.http()).second) << method.rule.http() << " twice";
    EXPECT_FALSE(method.rule.summary().empty()) << method.name;
    EXPECT_EQ(find_method(method.name), &method) << "names are unique";
    for (const auto& field : method.path_fields) {
      EXPECT_NE(method.input->FindFieldByName(field), nullptr)
          << method.name << " has no field for {" << field << "}";
    }
    EXPECT_EQ(method.rule.example().empty(), !method.is_command && method.http_verb == "GET")
        << method.name;
  }
  EXPECT_EQ(find_method("NoSuchMethod"), nullptr);
}

void collect_personal(const Descriptor& type, const std::string& at,
                      std::set<std::string>& found) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto* field = type.field(i);
    // What a share ledger holds of an event is only what is granted.
    if (field->message_type() == v1::Event::descriptor()) continue;
    if (field->message_type() != nullptr) {
      collect_personal(*field->message_type(), at, found);
    } else if (data_class(*field) == v1::PERSONAL) {
      found.insert(at);
    }
  }
}

TEST(Sealing, OnlyEventsOfMethodsThatSealCarryPersonalFields) {
  std::set<std::string> sealed_into;
  for (const auto& method : methods()) {
    std::set<std::string> personal;
    collect_personal(*method.input, method.name, personal);
    if (!method.is_command) continue;
    EXPECT_EQ(personal.empty(), method.rule.seals_into().empty())
        << method.name << " must name in seals_into the event that carries what it seals";
    if (!method.rule.seals_into().empty()) sealed_into.insert(method.rule.seals_into());
  }
  std::set<std::string> personal;
  const auto* events = v1::Event::descriptor();
  for (int i = 0; i < events->field_count(); ++i) {
    const auto* event = events->field(i)->message_type();
    collect_personal(*event, event->name(), personal);
  }
  EXPECT_EQ(personal, sealed_into);
  EXPECT_EQ(personal, std::set<std::string>{"CaseReported"})
      << "check_events of core/city/city_fold.cc looks into this event only";
}

TEST(Sealing, VisitsEveryPersonalTextAndMayChangeIt) {
  v1::ReportCase request;
  request.mutable_contact()->set_name("Ann");
  request.mutable_contact()->set_phone("+86 1");
  request.set_description("not personal by class");
  std::set<std::string> seen;
  visit_personal(request, [&](const std::string& name, std::string& text) {
    seen.insert(name + "=" + text);
    text = "sealed1:x";
  });
  EXPECT_EQ(seen, (std::set<std::string>{"hansa.v1.Contact.name=Ann",
                                         "hansa.v1.Contact.phone=+86 1"}));
  EXPECT_EQ(request.contact().phone(), "sealed1:x");
  EXPECT_EQ(request.description(), "not personal by class");
}

TEST(RemoveAbove, ClearsWhatIsNarrowerAtAnyDepth) {
  v1::CaseAnswer answer;
  auto& row = *answer.mutable_case_();
  row.set_case_("c1");
  row.set_address("Mill 1");
  row.set_description("bags");
  row.mutable_contact()->set_phone("sealed1:x");
  row.mutable_place()->set_district("north");
  row.mutable_place()->mutable_point()->set_latitude_microdegrees(1);
  row.add_history()->set_note("note");
  row.mutable_history(0)->set_event("CaseReported");
  v1::CaseAnswer internal = answer;
  remove_above(internal, v1::INTERNAL);
  EXPECT_EQ(internal.case_().address(), "Mill 1");
  EXPECT_EQ(internal.case_().description(), "");
  remove_above(answer, v1::PUBLIC);
  EXPECT_EQ(answer.case_().case_(), "c1");
  EXPECT_EQ(answer.case_().place().district(), "north");
  EXPECT_FALSE(answer.case_().place().has_point());
  EXPECT_EQ(answer.case_().address(), "");
  EXPECT_FALSE(answer.case_().has_contact());
  EXPECT_EQ(answer.case_().history(0).event(), "CaseReported");
  EXPECT_EQ(answer.case_().history(0).note(), "");
}

TEST(Roles, NamesGoBothWays) {
  EXPECT_EQ(role_name(v1::Role::unit_worker), "unit_worker");
  EXPECT_EQ(parse_role("unit_worker"), v1::Role::unit_worker);
  EXPECT_EQ(parse_role("public"), v1::Role::public_);
  EXPECT_EQ(parse_role("unspecified"), std::nullopt);
  EXPECT_EQ(parse_role("king"), std::nullopt);
}

v1::ReportCase good_report() {
  v1::ReportCase request;
  request.set_city("test");
  request.set_source(v1::Source::web);
  request.set_service("rubbish");
  request.mutable_place()->set_district("north");
  request.mutable_place()->set_street("river-street");
  request.mutable_place()->set_community("old-mill");
  return request;
}

void expect_refused(const google::protobuf::Message& request, Errc code,
                    const std::string& pointer) {
  const auto checked = validate(request);
  ASSERT_FALSE(checked.has_value()) << pointer;
  EXPECT_EQ(error_info(checked.error().code).name, error_info(code).name) << pointer;
  EXPECT_EQ(checked.error().pointer, pointer);
  EXPECT_GT(checked.error().detail.size(), 15U);
}

TEST(Validate, AcceptsWhatKeepsEveryRule) {
  EXPECT_TRUE(validate(good_report()).has_value());
  auto request = good_report();
  request.set_description(std::string(4000, 'x'));
  request.set_reporter("00000000000000000000000000000a11");
  EXPECT_TRUE(validate(request).has_value());
}

TEST(Validate, RefusesWhatIsMissing) {
  auto request = good_report();
  request.clear_source();
  expect_refused(request, Errc::kBadRequest, "/source");
  request = good_report();
  request.clear_place();
  expect_refused(request, Errc::kBadRequest, "/place");
  request = good_report();
  request.mutable_place()->clear_community();
  expect_refused(request, Errc::kBadRequest, "/place/community");
}

TEST(Validate, RefusesTextsTooLongForTheirField) {
  auto request = good_report();
  request.set_description(std::string(4001, 'x'));
  expect_refused(request, Errc::kTextTooLong, "/description");
  request = good_report();
  request.set_external_id(std::string(201, 'x'));
  expect_refused(request, Errc::kTextTooLong, "/external_id");
  request = good_report();
  request.mutable_contact()->set_phone(std::string(41, '1'));
  expect_refused(request, Errc::kTextTooLong, "/contact/phone");
}

TEST(Validate, RefusesWrongForms) {
  auto request = good_report();
  request.set_service("Rubbish!");
  expect_refused(request, Errc::kBadRequest, "/service");
  request = good_report();
  request.set_reporter("ann");
  expect_refused(request, Errc::kBadRequest, "/reporter");
  request = good_report();
  request.set_source(static_cast<v1::Source::Value>(99));
  expect_refused(request, Errc::kBadRequest, "/source");
  request = good_report();
  for (int i = 0; i < 11; ++i) request.add_media()->set_sha256("00");
  expect_refused(request, Errc::kBadRequest, "/media");
  request = good_report();
  request.add_media()->set_sha256("00");
  request.add_media();
  expect_refused(request, Errc::kBadRequest, "/media/1/sha256");
  v1::AssignCase assign;
  assign.set_city("test");
  assign.set_case_("c1");
  assign.set_lead_unit("roads");
  assign.add_cooperating_units("ok");
  assign.add_cooperating_units("Not Ok");
  expect_refused(assign, Errc::kBadRequest, "/cooperating_units/1");
}

TEST(Validate, RefusesTextsThatAreNotUtf8) {
  for (const char* bad : {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe6\xb0", "x\x80", "\xf8\x88\x80\x80\x80"}) {
    auto request = good_report();
    request.set_description(bad);
    expect_refused(request, Errc::kBadRequest, "/description");
  }
  for (const char* good : {"文明城市", "\xf0\x9f\x8c\x8a", "é", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    auto request = good_report();
    request.set_description(good);
    EXPECT_TRUE(validate(request).has_value()) << good;
  }
}

}  // namespace
}  // namespace hansa
