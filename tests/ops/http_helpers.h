// A node with its API on a free port, in a folder that goes with it, and a client that sends bytes.
//
// Shape:   ApiServer api; api.send("GET", "/healthz") -> Answer. Keys: kAdmin (city_admin),
//          kStaff (every role a case passes), kOther (the same roles in another city), kCitizen.
//          Wire is one TCP connection for what a well-behaved client would not do.
// Threads: one test thread; the server has its own.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "ops/config.h"
#include "ops/init.h"
#include "ops/serving.h"
#include "ops/system_env.h"

namespace hansa::ops::testing {

inline constexpr const char* kAdmin = "admin-key";
inline constexpr const char* kStaff = "staff-key";
inline constexpr const char* kOther = "other-key";

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  boost::json::value json() const { return boost::json::parse(body); }
  std::string text(const std::string& field) const {
    const auto document = json();
    const auto* found = document.as_object().if_contains(field);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
  }
};

class Wire {
 public:
  explicit Wire(uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  void write(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have answered and closed already
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  // The next answer; status 0 when the server closed without one.
  Answer read(bool head = false) {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    parser.skip(head);
    boost::system::error_code code;
    boost::beast::http::read(socket_, buffer_, parser, code);
    if (code) return {};
    Answer answer;
    answer.status = static_cast<int>(parser.get().result_int());
    for (const auto& field : parser.get()) {
      answer.headers[std::string(field.name_string())] = std::string(field.value());
    }
    answer.body = parser.get().body();
    return answer;
  }
  // True when the server has closed; waits for it.
  bool is_closed() {
    char byte = 0;
    boost::system::error_code code;
    boost::asio::read(socket_, boost::asio::buffer(&byte, 1), code);
    return code.failed();
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

struct Sent {
  std::string verb = "GET";
  std::string target;
  std::string key = kStaff;
  std::string body{};
  std::string headers{};  // whole lines
  std::string content_type = "application/json";

  std::string bytes() const {
    std::string text = verb + " " + target + " HTTP/1.1\r\nHost: test\r\n" + headers;
    if (!key.empty()) text += "Authorization: Bearer " + key + "\r\n";
    if (!body.empty()) {
      text += "Content-Type: " + content_type + "\r\n";
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return text + "\r\n" + body;
  }
};

inline ApiKey make_key(const std::string& key, std::vector<v1::Role::Value> roles,
                       const std::string& city) {
  ApiKey made;
  made.id = key;
  made.sha256 = sha256(key);
  made.principal.issuer = "key";
  made.principal.subject = key;
  made.principal.roles = std::move(roles);
  made.principal.cities = {city};
  return made;
}

class ApiServer {
 public:
  explicit ApiServer(const Limits& limits = {}, uint32_t threads = 2) {
    std::string pattern = (std::filesystem::temp_directory_path() / "hansa-XXXXXX").string();
    HANSA_ASSERT(mkdtemp(pattern.data()) != nullptr, "a folder can be made");
    folder_ = pattern;
    auto plan = plan_init(LedgerId{"city", "example"}, folder_, env_);
    HANSA_ASSERT(plan && write_init(*plan), "a city can be begun");
    auto config = read_config(folder_ + "/hansa.yaml", {});
    HANSA_ASSERT(config.has_value(), "the configuration of init can be read");
    config->http.listen.port = 0;
    config->http.threads = threads;
    config->metrics.listen.port = 0;
    config->limits = limits;
    config->memory = {8, 8, 8};
    const std::vector<v1::Role::Value> all = {v1::Role::hotline, v1::Role::verifier,
                                              v1::Role::dispatcher, v1::Role::auditor};
    config->api_keys.push_back(make_key(kAdmin, {v1::Role::city_admin}, "example"));
    config->api_keys.push_back(make_key(kStaff, all, "example"));
    config->api_keys.push_back(make_key(kOther, all, "elsewhere"));
    auto serving = Serving::start(*config, env_);
    HANSA_ASSERT(serving.has_value(), "the node starts");
    serving_ = *std::move(serving);
  }
  ~ApiServer() {
    serving_.reset();
    std::filesystem::remove_all(folder_);
  }

  uint16_t port() const { return serving_->api().port; }
  Serving& serving() { return *serving_; }

  Answer send(const Sent& sent) {
    Wire wire(port());
    wire.write(sent.bytes());
    return wire.read(sent.verb == "HEAD");
  }

  // Founds the city with what one report needs.
  void found() {
    const std::string base = "/v1/cities/example";
    const std::pair<std::string, std::string> kSteps[] = {
        {":found", R"({"title": {"en": "Example"}, "simulated": true})"},
        {"/calendar:adopt",
         R"({"calendar": {"time_zone": "UTC", "offsets": [{"utc_time_s": "0", "offset_s": 0}],
             "hours": [{"weekday": 1, "open_s": 32400, "close_s": 61200}]}})"},
        {"/districts/north:define",
         R"({"title": {"en": "North"}, "streets": [{"id": "river-street",
             "communities": [{"id": "old-mill"}]}]})"},
        {"/units/sanitation:define", R"({"title": {"en": "Sanitation"}})"},
        {"/services/rubbish:define", R"({"title": {"en": "Rubbish"}})"},
        {"/sources/hotline:connect", "{}"}};
    for (const auto& [path, body] : kSteps) {
      const auto answer = send({"POST", base + path, kAdmin, body});
      ASSERT_EQ(answer.status, 200) << path << ": " << answer.body;
    }
  }

  Answer report(const std::string& headers = "", const std::string& text = "Bags") {
    return send({"POST", "/v1/cities/example/cases", kStaff, report_body(text), headers});
  }
  static std::string report_body(const std::string& text) {
    return R"({"kind": "problem", "source": "hotline", "service": "rubbish", "place": )"
           R"({"district": "north", "street": "river-street", "community": "old-mill"}, )"
           R"("description": ")" +
           text + "\"}";
  }

 private:
  SystemEnv env_;
  std::string folder_;
  std::unique_ptr<Serving> serving_;
};

inline std::string gunzip(const std::string& packed) {
  z_stream stream{};
  HANSA_ASSERT(inflateInit2(&stream, 15 + 16) == Z_OK, "zlib starts");
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&stream, Z_FINISH);
  HANSA_ASSERT(code == Z_STREAM_END, "the answer is one whole gzip stream");
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace hansa::ops::testing
