// Goal: the API answers as SPEC §2 says, also to what no well-behaved client would send.
// Method: a real node on a free port; requests are bytes on a TCP connection, waits are reads that
// end when the server answers or closes.
#include <boost/json/serialize.hpp>
#include <thread>

#include "tests/ops/http_helpers.h"

namespace hansa::ops {
namespace {

using testing::Answer;
using testing::ApiServer;
using testing::kAdmin;
using testing::kOther;
using testing::kStaff;
using testing::Sent;
using testing::Wire;

constexpr const char* kCases = "/v1/cities/example/cases";

class Http : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    api = std::make_unique<ApiServer>();
    api->found();
  }
  static void TearDownTestSuite() { api.reset(); }

  static void expect_problem(const Answer& answer, Errc code, const std::string& pointer = "") {
    const auto& info = error_info(code);
    EXPECT_EQ(answer.status, info.http_status) << answer.body;
    EXPECT_EQ(answer.headers.at("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.text("code"), info.name);
    EXPECT_EQ(answer.text("type"), "urn:hansa:error:" + std::string(info.name));
    EXPECT_EQ(answer.text("retry"), retry_name(info.retry));
    EXPECT_EQ(answer.text("pointer"), pointer);
    EXPECT_FALSE(answer.text("detail").empty());
    EXPECT_FALSE(answer.text("request_id").empty());
    EXPECT_EQ(answer.headers.contains("Retry-After"), info.retry == Retry::kLater);
  }

  static std::unique_ptr<ApiServer> api;
};
std::unique_ptr<ApiServer> Http::api;

TEST_F(Http, ReportedCaseCanBeRead) {
  const auto reported = api->report();
  ASSERT_EQ(reported.status, 201) << reported.body;
  EXPECT_EQ(reported.text("ledger"), "city/example");
  EXPECT_EQ(reported.text("state"), "reported");
  EXPECT_EQ(reported.headers.at("Hansa-Seq"), reported.text("seq"));
  const auto address = std::string(kCases) + "/" + reported.text("subject_id");
  EXPECT_EQ(reported.headers.at("Location"), address);
  const auto read = api->send({"GET", address + "?at_least=" + reported.text("seq")});
  ASSERT_EQ(read.status, 200) << read.body;
  EXPECT_EQ(read.headers.at("Hansa-Seq"), reported.text("seq"));
  EXPECT_EQ(read.headers.at("Hansa-Entry-Sha256"), reported.text("entry_sha256"));
  const auto document = read.json();
  EXPECT_EQ(document.at_pointer("/case/description"), "Bags");
  const auto& history = document.at_pointer("/case/history").as_array();
  EXPECT_EQ(history.front().at("event"), "CaseReported");
}

TEST_F(Http, WithoutCredentialsOnlyPublicFieldsAreThere) {
  const auto reported = api->report("", "a private matter");
  const auto read = api->send({"GET",
                               std::string(kCases) + "/" + reported.text("subject_id") +
                                   "?at_least=" + reported.text("seq"),
                               ""});
  ASSERT_EQ(read.status, 200) << read.body;
  const auto row = read.json().at("case").as_object();
  EXPECT_EQ(row.at("service"), "rubbish");
  for (const char* hidden : {"description", "address", "contact", "reporter", "media"}) {
    EXPECT_FALSE(row.contains(hidden)) << hidden;
  }
  EXPECT_EQ(read.body.find("private"), std::string::npos);
}

TEST_F(Http, SameIdempotencyKeyGivesTheSameReceipt) {
  const auto id = make_uuid_v7(SystemEnv().now_us() / 1000, {1, 2, 3});
  const auto header = "Idempotency-Key: " + uuid_text(id) + "\r\n";
  const auto first = api->report(header);
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(first.text("command_id"), uuid_text(id));
  EXPECT_EQ(api->report(header).body, first.body);
  EXPECT_EQ(api->report(header).body, first.body);
  expect_problem(api->report(header, "another text"), Errc::kIdempotencyMismatch);
}

TEST_F(Http, BadIdempotencyKeysAreRefused) {
  for (const char* key : {"1", "0190a6b0-0000-4000-8000-000000000000"}) {
    expect_problem(api->report("Idempotency-Key: " + std::string(key) + "\r\n"),
                   Errc::kBadIdempotencyKey);
  }
}

TEST_F(Http, BadBodiesNameTheirPlace) {
  const auto post = [&](const std::string& body) {
    return api->send({"POST", kCases, kStaff, body});
  };
  expect_problem(post("{"), Errc::kBadRequest);
  expect_problem(post(R"({"colour": 1})"), Errc::kUnknownField, "/colour");
  expect_problem(post(R"({"service": 5})"), Errc::kBadRequest, "/service");
  expect_problem(post(R"({"city": "elsewhere"})"), Errc::kBadRequest, "/city");
  expect_problem(post(R"({"source": "hotline"})"), Errc::kBadRequest, "/service");
  const auto long_text = ApiServer::report_body(std::string(4001, 'x'));
  expect_problem(post(long_text), Errc::kTextTooLong, "/description");
}

TEST_F(Http, BodiesOfAnotherKindAreRefused) {
  Sent sent{"POST", kCases, kStaff, "{}"};
  sent.content_type = "text/plain";
  expect_problem(api->send(sent), Errc::kUnsupportedMediaType);
  sent.content_type = "application/json";
  sent.headers = "Content-Encoding: gzip\r\n";
  expect_problem(api->send(sent), Errc::kUnsupportedMediaType);
}

TEST_F(Http, TenMegabytesAreRefusedAndTheRefusalArrives) {
  const Sent sent{"POST", kCases, kStaff, std::string(10 * 1024 * 1024, ' ')};
  expect_problem(api->send(sent), Errc::kTooLarge);
  const Sent small{"POST", kCases, kStaff, std::string(2 * 1024 * 1024, ' ')};
  expect_problem(api->send(small), Errc::kTooLarge);
}

TEST_F(Http, ChunkedBodiesHaveTheSameLimit) {
  Wire wire(api->port());
  wire.write("POST " + std::string(kCases) + " HTTP/1.1\r\nHost: test\r\n" +
             "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  for (int i = 0; i < 32; ++i) wire.write(chunk);
  expect_problem(wire.read(), Errc::kTooLarge);
  EXPECT_TRUE(wire.is_closed());
}

TEST_F(Http, LongHeadersAreRefused) {
  const Sent sent{"GET", "/healthz", "", "", "X-Long: " + std::string(9000, 'a') + "\r\n"};
  expect_problem(api->send(sent), Errc::kHeaderTooLarge);
}

TEST_F(Http, WhatIsNotHttpIsRefused) {
  Wire wire(api->port());
  wire.write("hello there\r\n\r\n");
  expect_problem(wire.read(), Errc::kBadRequest);
  EXPECT_TRUE(wire.is_closed());
}

TEST_F(Http, KeysDecideWhoMay) {
  expect_problem(api->send({"GET", kCases, "no-such-key"}), Errc::kUnauthenticated);
  expect_problem(api->send({"POST", kCases, "", "{}"}), Errc::kUnauthenticated);
  expect_problem(api->send({"POST", kCases, kOther, "{}"}), Errc::kForbidden);
  expect_problem(api->send({"POST", kCases, kAdmin, "{}"}), Errc::kForbidden);
  expect_problem(api->send({"GET", "/v1/cities/example/entries", kOther}), Errc::kForbidden);
}

TEST_F(Http, WhatDoesNotExistIsUnknown) {
  expect_problem(api->send({"GET", "/v1/nothing"}), Errc::kUnknownRoute);
  expect_problem(api->send({"GET", "/v1/cities/nowhere", ""}), Errc::kUnknownCity);
  const auto answer = api->send({"GET", std::string(kCases) + "/c999999"});
  expect_problem(answer, Errc::kUnknownCase, "/case");
  EXPECT_FALSE(answer.text("seq").empty());
  expect_problem(api->send({"GET", "/v1/errors/lost"}), Errc::kUnknownCode);
}

TEST_F(Http, OtherVerbsHearWhatIsAllowed) {
  const auto refused = api->send({"DELETE", kCases});
  expect_problem(refused, Errc::kMethodNotAllowed);
  EXPECT_EQ(refused.headers.at("Allow"), "GET, HEAD, POST, OPTIONS");
  const auto options = api->send({"OPTIONS", kCases});
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("Allow"), "GET, HEAD, POST, OPTIONS");
  expect_problem(api->send({"POST", "/healthz", "", "{}"}), Errc::kMethodNotAllowed);
}

TEST_F(Http, HeadIsGetWithoutTheBody) {
  const auto head = api->send({"HEAD", "/openapi.json", ""});
  const auto get = api->send({"GET", "/openapi.json", ""});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.headers.at("Content-Length"), std::to_string(get.body.size()));
}

TEST_F(Http, LargeAnswersArePackedForThoseWhoTakeIt) {
  const auto plain = api->send({"GET", "/openapi.json", ""});
  const Sent asks{"GET", "/openapi.json", "", "", "Accept-Encoding: br, gzip;q=0.5\r\n"};
  const auto packed = api->send(asks);
  EXPECT_EQ(packed.headers.at("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size() / 2);
  EXPECT_EQ(testing::gunzip(packed.body), plain.body);
  const Sent refuses{"GET", "/openapi.json", "", "", "Accept-Encoding: gzip;q=0\r\n"};
  EXPECT_FALSE(api->send(refuses).headers.contains("Content-Encoding"));
  const Sent small{"GET", "/healthz", "", "", "Accept-Encoding: gzip\r\n"};
  EXPECT_FALSE(api->send(small).headers.contains("Content-Encoding"));
}

TEST_F(Http, PipelinedRequestsAreAnsweredInOrder) {
  Wire wire(api->port());
  const std::string post = Sent{"POST", kCases, kStaff, ApiServer::report_body("one")}.bytes();
  wire.write(Sent{"GET", "/healthz"}.bytes() + post + Sent{"GET", "/v1/nothing"}.bytes() +
             Sent{"GET", "/healthz"}.bytes());
  EXPECT_EQ(wire.read().status, 200);
  EXPECT_EQ(wire.read().status, 201);
  EXPECT_EQ(wire.read().status, 404);
  EXPECT_EQ(wire.read().body, "{\"status\":\"ok\"}");
}

TEST_F(Http, OldClientsAreClosedAfterTheirAnswer) {
  Wire wire(api->port());
  wire.write("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(wire.read().status, 200);
  EXPECT_TRUE(wire.is_closed());
}

TEST_F(Http, ListsComeInPages) {
  std::string last;
  for (int i = 0; i < 5; ++i) last = api->report().text("seq");
  std::set<std::string> seen;
  std::string token;
  size_t pages = 0;
  do {
    const auto page = api->send(
        {"GET", std::string(kCases) + "?page_size=2&at_least=" + last + "&page_token=" + token});
    ASSERT_EQ(page.status, 200) << page.body;
    const auto document = page.json();
    EXPECT_LE(document.at("cases").as_array().size(), 2u);
    for (const auto& row : document.at("cases").as_array()) {
      EXPECT_TRUE(seen.insert(std::string(row.at("case").as_string())).second);
    }
    token = page.text("next_page_token");
    ASSERT_LT(++pages, 1000u);
  } while (!token.empty());
  EXPECT_GE(seen.size(), 5u);
  expect_problem(api->send({"GET", std::string(kCases) + "?page_size=1001"}), Errc::kBadRequest,
                 "/page_size");
  expect_problem(api->send({"GET", std::string(kCases) + "?colour=red"}), Errc::kUnknownField,
                 "/colour");
}

TEST_F(Http, BatchAnswersEveryRowInItsOrder) {
  const auto row = [](const std::string& id, const std::string& state) {
    return R"({"source_name": "file", "source_id": ")" + id +
           R"(", "kind": "request", "source": "web", "service": "rubbish", "place": {"district": )"
           R"("north", "street": "river-street", "community": "old-mill"}, "state": ")" +
           state + R"(", "reported_time_us": "2024-01-01T00:00:00Z"})" + "\n";
  };
  Sent sent{"POST", std::string(kCases) + ":import", kAdmin,
            row("1", "filed") + "\n" + "{\n" + row("1", "filed") + row("2", "lost")};
  sent.content_type = "application/x-ndjson";
  const auto answer = api->send(sent);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.at("Content-Type"), "application/x-ndjson");
  std::vector<boost::json::value> lines;
  for (size_t at = 0; at < answer.body.size();) {
    const size_t end = answer.body.find('\n', at);
    lines.push_back(boost::json::parse(answer.body.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 4u) << answer.body;
  EXPECT_EQ(lines[0].at("line").as_int64(), 1);
  EXPECT_TRUE(lines[0].as_object().contains("receipt")) << answer.body;
  EXPECT_EQ(lines[1].at("line").as_int64(), 3);
  EXPECT_EQ(lines[1].at_pointer("/problem/code"), "bad_request");
  EXPECT_EQ(lines[2].at("line").as_int64(), 4);
  EXPECT_EQ(lines[2].at("unchanged"), true);
  EXPECT_EQ(lines[3].at_pointer("/problem/pointer"), "/state");
}

TEST_F(Http, BatchesHaveALimitOfRows) {
  std::string body;
  for (int i = 0; i < 1001; ++i) body += "{}\n";
  Sent sent{"POST", std::string(kCases) + ":import", kAdmin, body};
  sent.content_type = "application/x-ndjson";
  expect_problem(api->send(sent), Errc::kTooLarge);
}

TEST_F(Http, FixedAddressesAnswer) {
  const auto ready = api->send({"GET", "/readyz", ""});
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.body, R"({"ready":true,"waits":[]})");
  EXPECT_EQ(api->send({"GET", "/v1/errors/wrong_state", ""}).text("retry"), "after_change");
  const auto list = api->send({"GET", "/v1/errors", ""}).json();
  EXPECT_EQ(list.at("errors").as_array().size(), error_table().size());
  const auto page = api->send({"GET", "/", ""});
  EXPECT_EQ(page.headers.at("Content-Type"), "text/html; charset=utf-8");
  for (const char* part : {"/v1/cities/example", "simulated", "/openapi.json", "/v1/errors",
                           "/healthz", "/readyz", "/metrics"}) {
    EXPECT_NE(page.body.find(part), std::string::npos) << part;
  }
}

TEST_F(Http, MetricsCountWhatHappened) {
  api->report();
  api->send({"GET", "/v1/nothing"});
  Wire wire(api->serving().metrics().port);
  wire.write(Sent{"GET", "/metrics", ""}.bytes());
  const auto scrape = wire.read();
  ASSERT_EQ(scrape.status, 200);
  for (const char* part :
       {"hansa_projections_commands_total{method=\"ReportCase\",outcome=\"ok\"}",
        "hansa_projections_commands_total{method=\"MergeCase\",outcome=\"unknown\"} 0",
        "hansa_projections_command_codes_total{code=\"wrong_state\"} 0",
        "hansa_ops_http_requests_total{route=\"none\",status=\"404\"}",
        "hansa_ops_http_requests_total{route=\"GetHeatGrid\",status=\"503\"} 0",
        "hansa_projections_oldest_unprocessed_age_seconds{ledger=\"city/example\"} 0",
        "hansa_streams_voids_total{ledger=\"city/example\"} 0",
        "hansa_projections_decide_seconds_bucket", "hansa_projections_append_seconds_count",
        "hansa_projections_rocksdb_block_cache_bytes{ledger=\"city/example\"}",
        "hansa_ops_http_connections"}) {
    EXPECT_NE(scrape.body.find(part), std::string::npos) << part;
  }
}

TEST(HttpLimits, DrippingConnectionIsEnded) {
  Limits limits;
  limits.request_ms_max = 40;
  ApiServer api(limits);
  for (const char* part : {"GET /healthz HTTP/1.1\r\nHo",
                           "POST /v1/cities/example/cases HTTP/1.1\r\nHost: test\r\n"
                           "Content-Length: 100\r\n\r\n{"}) {
    Wire wire(api.port());
    wire.write(part);
    const auto answer = wire.read();
    EXPECT_EQ(answer.status, 408) << answer.body;
    EXPECT_EQ(answer.text("code"), "request_timeout");
    EXPECT_TRUE(wire.is_closed());
  }
}

TEST(HttpLimits, WhoAsksTooOftenHearsWhenToComeAgain) {
  for (const auto limit :
       {&Limits::requests_per_second_max, &Limits::ledger_requests_per_second_max}) {
    Limits limits;
    limits.*limit = 1;
    ApiServer api(limits);
    Answer answer;
    do {
      answer = api.send({"GET", "/v1/cities/example"});
    } while (answer.status != 429);
    EXPECT_EQ(answer.text("code"), "rate_limited");
    EXPECT_TRUE(answer.headers.contains("Retry-After"));
    const bool is_of_city = limit == &Limits::ledger_requests_per_second_max;
    EXPECT_EQ(answer.text("detail").find("about one city") != std::string::npos, is_of_city)
        << answer.body;
  }
}

TEST(HttpLimits, IdleConnectionIsClosedWithoutAWord) {
  Limits limits;
  limits.idle_ms_max = 40;
  ApiServer api(limits);
  Wire wire(api.port());
  wire.write(Sent{"GET", "/healthz", ""}.bytes());
  EXPECT_EQ(wire.read().status, 200);
  EXPECT_TRUE(wire.is_closed());
}

TEST(HttpLimits, OneConnectionTooManyHearsSo) {
  Limits limits;
  limits.connections_max = 2;
  ApiServer api(limits);
  Wire first(api.port());
  Wire second(api.port());
  for (auto* wire : {&first, &second}) {
    wire->write(Sent{"GET", "/healthz", ""}.bytes());
    EXPECT_EQ(wire->read().status, 200);
  }
  Wire third(api.port());
  const auto answer = third.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.text("code"), "unavailable");
  EXPECT_TRUE(answer.headers.contains("Retry-After"));
  EXPECT_TRUE(third.is_closed());
  first.write(Sent{"GET", "/healthz", ""}.bytes());
  EXPECT_EQ(first.read().status, 200);
}

// A read that waits for the next seq is a running request that the test itself can let go on.
TEST(HttpStop, RunningRequestIsFinishedAndIdleConnectionsAreClosed) {
  ApiServer api({}, 1);  // one thread takes things up in the order in which they were sent
  api.found();
  const auto tip = std::stoull(api.report().text("seq"));
  Wire idle(api.port());
  idle.write(Sent{"GET", "/healthz", ""}.bytes());
  EXPECT_EQ(idle.read().status, 200);
  Wire waiting(api.port());
  waiting.write(Sent{"GET", std::string(kCases) + "?at_least=" + std::to_string(tip + 1)}.bytes() +
                Sent{"GET", "/healthz", ""}.bytes());
  Wire reporting(api.port());
  // Its last byte is sent only once the server has begun to stop: the idle connection's end says
  // so.
  const auto body = ApiServer::report_body("last");
  const std::string report = Sent{"POST", kCases, kStaff, body}.bytes();
  reporting.write(report.substr(0, report.size() - 1));
  // The answer on another connection proves that the bytes sent before have been taken up.
  EXPECT_EQ(api.send({"GET", "/healthz", ""}).status, 200);
  std::thread stop([&] { api.serving().stop(); });
  EXPECT_TRUE(idle.is_closed());
  reporting.write(report.substr(report.size() - 1));
  EXPECT_EQ(reporting.read().status, 201);
  const auto shown = waiting.read();
  EXPECT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(shown.headers.at("Connection"), "close");
  EXPECT_TRUE(waiting.is_closed());
  stop.join();
}

TEST(HttpAtLeast, BeyondTheEndIsNotYet) {
  ApiServer api;
  api.found();
  const auto answer = api.send({"GET", std::string(kCases) + "?at_least=999999"});
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(answer.text("code"), "not_yet");
  EXPECT_EQ(answer.text("retry"), "later");
}

}  // namespace
}  // namespace hansa::ops
