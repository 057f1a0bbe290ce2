// Goal: what goes out as JSON comes back as the same message, and nothing that the schema does not
// declare gets in. Method: arbitrary messages of every type round trip; one bad text per fault,
// with its code and pointer.
#include "ops/json.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "hansa/v1/case.pb.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/entry.pb.h"
#include "hansa/v1/reads.pb.h"
#include "ops/time_text.h"
#include "tests/ops/random_message.h"

namespace hansa::ops {
namespace {

using google::protobuf::Message;

std::vector<const google::protobuf::Descriptor*> all_messages() {
  std::vector<const google::protobuf::Descriptor*> all;
  for (const auto* file :
       {v1::ReportCase::descriptor()->file(), v1::FoundCity::descriptor()->file(),
        v1::Receipt::descriptor()->file(), v1::Payload::descriptor()->file(),
        v1::CaseAnswer::descriptor()->file(), v1::Case::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) all.push_back(file->message_type(i));
  }
  return all;
}

std::unique_ptr<Message> make(const google::protobuf::Descriptor* descriptor) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

RC_GTEST_PROP(Json, EveryMessageComesBackAsItWas, (uint64_t seed)) {
  Random random(seed);
  for (const auto* descriptor : all_messages()) {
    auto message = make(descriptor);
    fill_message(*message, random);
    const auto text = to_json(*message);
    boost::json::error_code code;
    boost::json::parse(text, code);
    RC_ASSERT(!code);  // another reader finds it well-formed
    auto back = make(descriptor);
    const auto read = from_json(text, *back);
    if (!read) RC_FAIL(text + ": " + read.error().pointer + ": " + read.error().detail);
    RC_ASSERT(google::protobuf::util::MessageDifferencer::Equals(*message, *back));
  }
}

TEST(Json, WhatIsNotSetCanBeLeftOut) {
  v1::CaseReported event;
  event.set_case_("c7");
  event.mutable_place()->set_district("north");
  std::string text;
  append_set_json(text, event);
  EXPECT_EQ(text, R"({"place":{"district":"north"},"case":"c7"})");
  EXPECT_NE(to_json(event).find("\"service\":\"\""), std::string::npos);
}

RC_GTEST_PROP(Json, DamagedTextIsAnErrorNotACrash, (uint64_t seed)) {
  Random random(seed);
  v1::ReportCase message;
  fill_message(message, random);
  auto text = to_json(message);
  for (auto changes = random() % 4 + 1; changes > 0; --changes) {
    const auto at = random() % text.size();
    if (random() % 2 == 0) {
      text[at] = static_cast<char>(random());
    } else {
      text.erase(at, random() % 5);
    }
    if (text.empty()) text = "{";
  }
  v1::ReportCase back;
  const auto read = from_json(text, back);
  if (!read) RC_ASSERT(!read.error().detail.empty());
}

TEST(Json, ReceiptHasTheFormThatCallersRelyOn) {
  v1::Receipt receipt;
  receipt.set_ledger("city/suzhou-js");
  receipt.set_seq(18446744073709551615u);
  receipt.set_time_us(1735689600250000);
  EXPECT_EQ(to_json(receipt),
            R"({"ledger":"city/suzhou-js","seq":"18446744073709551615","entry_sha256":"",)"
            R"("command_id":"","time_us":"2025-01-01T00:00:00.250Z","subject_id":"","state":""})");
}

TEST(Json, DefaultsAreShownAndWhatIsNotSetIsNot) {
  v1::Case row;
  const auto object = boost::json::parse(to_json(row)).as_object();
  EXPECT_EQ(object.at("state"), "unspecified");
  EXPECT_EQ(object.at("deadline_breached"), false);
  EXPECT_EQ(object.at("history"), boost::json::array());
  EXPECT_EQ(object.at("rectified_by_actor"), "");
  EXPECT_FALSE(object.contains("closed_time_us"));
  EXPECT_FALSE(object.contains("place"));
}

TEST(Json, NumbersOf64BitsComeAsStringsOrNumbers) {
  v1::FoundCity city;
  ASSERT_TRUE(from_json(R"({"population": "18446744073709551615"})", city));
  EXPECT_EQ(city.population(), 18446744073709551615u);
  v1::FoundCity again;
  ASSERT_TRUE(from_json(R"({"population": 12000000, "title": null})", again));
  EXPECT_EQ(again.population(), 12000000u);
  EXPECT_FALSE(again.has_title());
}

TEST(Json, TimesOfAnyOffsetBecomeUtc) {
  v1::ReportCase report;
  ASSERT_TRUE(from_json(R"({"observed_time_us": "2025-01-01T08:00:00.5+08:00"})", report));
  EXPECT_EQ(report.observed_time_us(), 1735689600500000);
}

TEST(Json, KeysAndTextsWithEscapesAreRead) {
  v1::ReportCase report;
  ASSERT_TRUE(from_json(R"({"descr\u0069ption": "a\u00e9\n\ud83d\ude00b"})", report));
  EXPECT_EQ(report.description(), "aé\n😀b");
}

struct Bad {
  const char* text;
  Errc code;
  const char* pointer;
  const char* detail_part;
};

class BadJson : public testing::TestWithParam<Bad> {};

TEST_P(BadJson, IsRefusedWithItsPlace) {
  v1::ReportCase report;
  const auto read = from_json(GetParam().text, report);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code);
  EXPECT_EQ(read.error().pointer, GetParam().pointer);
  EXPECT_NE(read.error().detail.find(GetParam().detail_part), std::string::npos)
      << read.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Faults, BadJson,
    testing::Values(
        Bad{"", Errc::kBadRequest, "", "ends at byte 0"},
        Bad{"{", Errc::kBadRequest, "", "ends at byte 1"},
        Bad{"{\"service\": }", Errc::kBadRequest, "", "a mistake at byte 12"},
        Bad{"{} {}", Errc::kBadRequest, "", "a mistake at byte 3"},
        Bad{"[]", Errc::kBadRequest, "", "expected an object, found a list"},
        Bad{"null", Errc::kBadRequest, "", "expected an object, found null"},
        Bad{"\"x\"", Errc::kBadRequest, "", "expected an object"},
        Bad{"{\"description\": \"\xff\"}", Errc::kBadRequest, "", "mistake"},
        Bad{R"({"colour": 1})", Errc::kUnknownField, "/colour", "one of city, kind"},
        Bad{R"({"place": {"a/b~c": 1}})", Errc::kUnknownField, "/place/a~1b~0c", "district"},
        Bad{R"({"service": 5})", Errc::kBadRequest, "/service", "a string, found the number 5"},
        Bad{R"({"service": "a", "service": "b"})", Errc::kBadRequest, "/service", "twice"},
        Bad{R"({"source": "radio"})", Errc::kBadRequest, "/source", "hotline, camera"},
        Bad{R"({"source": 3})", Errc::kBadRequest, "/source", "one of"},
        Bad{R"({"place": "north"})", Errc::kBadRequest, "/place", "an object, found"},
        Bad{R"({"place": {"latitude": "high"}})", Errc::kBadRequest, "/place/latitude", "finite"},
        Bad{R"({"place": {"latitude": 1e999}})", Errc::kBadRequest, "/place/latitude", "finite"},
        Bad{R"({"media": {}})", Errc::kBadRequest, "/media", "a list of"},
        Bad{R"({"media": [{}, {"sha256": true}]})", Errc::kBadRequest, "/media/1/sha256", "true"},
        Bad{R"({"media": [{}, null]})", Errc::kBadRequest, "/media/1", "null"},
        Bad{R"({"media": [[]]})", Errc::kBadRequest, "/media/0", "an object, found a list"},
        Bad{R"({"observed_time_us": 17})", Errc::kBadRequest, "/observed_time_us", "RFC 3339"},
        Bad{R"({"observed_time_us": "2025-02-30T00:00:00Z"})", Errc::kBadRequest,
            "/observed_time_us", "found \"2025-02-30"}));

TEST(Json, NestingHasALimit) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "{\"place\":";
  v1::ReportCase report;
  const auto read = from_json("[" + std::string(40, '['), report);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kBadRequest);
}

TEST(Json, NumbersOutOfRangeAreRefused) {
  for (const char* text : {R"({"stars": -1})", R"({"stars": 4294967296})", R"({"stars": 1.5})",
                           R"({"stars": "1x"})", R"({"stars": 18446744073709551616})"}) {
    v1::RateCase rate;
    const auto read = from_json(text, rate);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().pointer, "/stars") << text;
  }
}

TEST(Json, BytesMustBeBase64) {
  v1::CaseImported event;
  ASSERT_TRUE(from_json(R"({"import_id": "AP8="})", event));
  EXPECT_EQ(event.import_id(), std::string("\x00\xff", 2));
  for (const char* text :
       {R"({"import_id": "AP8"})", R"({"import_id": "A*8="})", R"({"import_id": "AP8=AP8="})"}) {
    v1::CaseImported bad;
    EXPECT_FALSE(from_json(text, bad)) << text;
  }
}

TEST(Json, ParametersFillFieldsAndMustAgreeWithTheBody) {
  v1::ListCases list;
  ASSERT_TRUE(bind_text("city", "wuxi", list));
  ASSERT_TRUE(bind_text("city", "wuxi", list));
  ASSERT_TRUE(bind_text("state", "filed", list));
  ASSERT_TRUE(bind_text("page_size", "20", list));
  ASSERT_TRUE(bind_text("deadline_before_time_us", "2025-01-01T00:00:00Z", list));
  EXPECT_EQ(list.state(), v1::State::filed);
  EXPECT_EQ(list.page_size(), 20u);
  EXPECT_EQ(bind_text("city", "suzhou-js", list).error().pointer, "/city");
  EXPECT_EQ(bind_text("colour", "red", list).error().code, Errc::kUnknownField);
  EXPECT_EQ(bind_text("page_token", "x", list).has_value(), true);
  v1::ListCases other;
  EXPECT_EQ(bind_text("page_size", "many", other).error().pointer, "/page_size");
  EXPECT_EQ(bind_text("state", "lost", other).error().code, Errc::kBadRequest);
}

TEST(TimeText, ComesBackAndRefusesWhatIsNone) {
  for (const int64_t time_us : {int64_t{0}, int64_t{-1}, int64_t{951782400000000},
                                int64_t{1735689600123456}, int64_t{253402300799999999}}) {
    EXPECT_EQ(parse_time_text(time_text(time_us)), time_us) << time_text(time_us);
  }
  EXPECT_EQ(time_text(951782400000001), "2000-02-29T00:00:00.000001Z");
  for (const char* text :
       {"", "2025-01-01", "2025-01-01T00:00:00", "2025-01-01 00:00:00Z", "2025-13-01T00:00:00Z",
        "2025-01-01T24:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00.1234567Z", "2025-01-01T00:00:00+0800", "2025-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_time_text(text)) << text;
  }
}

}  // namespace
}  // namespace hansa::ops
