#include "ops/client.h"

#include <boost/beast/http/message.hpp>
#include <boost/json.hpp>

#include "core/base/ids.h"
#include "ops/json.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

constexpr size_t kAnswerBytesMax = 64 * 1024 * 1024;
constexpr int kConnectMsMax = 5'000;

std::string percent_encoded(std::string_view text) {
  std::string out;
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string plain_text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// A value that says no more than leaving it out.
bool is_default(const json::value& value) {
  if (value.is_string()) return value.get_string().empty() || value.get_string() == "unspecified";
  return value.is_null() || (value.is_array() && value.get_array().empty());
}

std::string new_command_id() {
  SystemEnv env;
  std::array<uint8_t, 10> random;
  env.random(random.data(), random.size());
  return uuid_text(make_uuid_v7(env.now_us() / 1000, random));
}

}  // namespace

struct Client::Impl {
  std::string server;
  std::string host;
  std::string key;
  asio::io_context context{1};
  WebConnection connection;

  Impl(std::string server_url, std::string api_key, const WebAddress& address, TlsContext tls)
      : server(std::move(server_url)),
        host(address.host),
        key(std::move(api_key)),
        connection(context, address, std::move(tls)) {}

  Result<HttpAnswer> exchange(WebRequest& message) {
    if (auto connected = run(context, connection.connect(kConnectMsMax)); !connected) {
      return fail(Errc::kUnavailable, "no server answers at " + server + " (" +
                                          connected.error().detail +
                                          "); start one with `hansa serve`");
    }
    auto answer = run(context, connection.exchange(message, kAnswerMsMax, kAnswerBytesMax));
    if (answer) return answer;
    return fail(Errc::kUnavailable, "the server at " + server + " gave no answer (" +
                                        answer.error().detail + "); try again");
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::open(const std::string& server, const std::string& key,
                            const TlsTrust& trust) {
  const auto address = parse_web_address(server);
  if (!address || !address->path.empty()) {
    return fail(Errc::kBadConfig, "expected a server like http://127.0.0.1:8080 or "
                                  "https://city.example, got `" + server + "`");
  }
  TlsContext tls;
  if (address->is_tls) {
    HANSA_TRY(tls, client_tls(trust));
  }
  return Client(std::make_unique<Impl>(server, key, *address, std::move(tls)));
}

const std::string& Client::server() const { return impl_->server; }

Result<HttpAnswer> Client::request(const HttpRequest& request) {
  WebRequest message;
  message.version(11);
  message.method_string(request.verb);
  message.target(request.target);
  message.set(http::field::host, impl_->host);
  if (!impl_->key.empty()) message.set(http::field::authorization, "Bearer " + impl_->key);
  if (!request.idempotency_key.empty()) message.set("Idempotency-Key", request.idempotency_key);
  if (request.verb != "GET") {
    message.set(http::field::content_type, request.content_type);
    message.body() = request.body;
  }
  message.prepare_payload();
  const bool reused = impl_->connection.is_open();
  auto answer = impl_->exchange(message);
  // A server may close a connection that rested; the command id makes sending again safe.
  return answer || !reused ? std::move(answer) : impl_->exchange(message);
}

Result<std::string> Client::call(const MethodInfo& method, const std::string& request_json) {
  HANSA_TRY(auto made, make_request(method, request_json));
  if (method.is_command) made.idempotency_key = new_command_id();
  HANSA_TRY(auto answer, request(made));
  if (answer.status >= 400) return fail(problem_error(answer));
  if (!method.rule.body_type().empty()) {
    if (auto problem = row_problem(answer.body)) return fail(*problem);
  }
  return std::move(answer.body);
}

Result<void> Client::call(const google::protobuf::Message& request,
                          google::protobuf::Message& answer) {
  const auto* method = find_method(request.GetDescriptor()->name());
  if (method == nullptr) return fail(Errc::kInternal, "a request that no method takes");
  HANSA_TRY(const auto body, call(*method, to_json(request)));
  return from_json(body, answer);
}

std::optional<Error> row_problem(std::string_view line) {
  boost::system::error_code ignored;
  const auto end = line.find('\n');
  const auto value = json::parse(json::string_view(line.data(), std::min(end, line.size())),
                                 ignored);
  const auto* object = value.if_object();
  const auto* problem = object == nullptr ? nullptr : object->if_contains("problem");
  if (problem == nullptr) return std::nullopt;
  return problem_error(HttpAnswer{400, "", json::serialize(*problem)});
}

Error problem_error(const HttpAnswer& answer) {
  boost::system::error_code ignored;
  const auto value = json::parse(answer.body, ignored);
  Error error{Errc::kInternal, "the server answered " + std::to_string(answer.status)};
  if (const auto* object = value.if_object()) {
    if (const auto* code = object->if_contains("code"); code != nullptr && code->is_string()) {
      error.code = find_errc(std::string_view(code->get_string())).value_or(Errc::kInternal);
    }
    if (const auto* detail = object->if_contains("detail")) error.detail = plain_text(*detail);
    if (const auto* pointer = object->if_contains("pointer"); pointer && pointer->is_string()) {
      error.pointer = plain_text(*pointer);
    }
  }
  return error;
}

Result<HttpRequest> make_request(const MethodInfo& method, const std::string& request_json) {
  boost::system::error_code error;
  auto value = json::parse(request_json, error);
  if (error || !value.is_object()) {
    return fail(Errc::kBadRequest, "expected a JSON object like " + (method.rule.example().empty()
                    ? std::string("{\"city\": \"example\"}") : method.rule.example()) +
                    (error ? "; " + error.message() : ""));
  }
  auto object = value.get_object();
  HttpRequest request{method.http_verb, method.path};
  for (const auto& field : method.path_fields) {
    const auto* found = object.if_contains(field);
    const auto text = found == nullptr ? "" : plain_text(*found);
    if (text.empty()) {
      return fail(Errc::kBadRequest, method.name + " needs `" + field + "`", "/" + field);
    }
    const auto name = "{" + field + "}";
    request.target.replace(request.target.find(name), name.size(), percent_encoded(text));
    object.erase(field);
  }
  if (method.http_verb == "GET") {
    char separator = '?';
    for (const auto& [name, item] : object) {
      if (is_default(item)) continue;
      request.target += separator + std::string(name) + "=" + percent_encoded(plain_text(item));
      separator = '&';
    }
  } else {
    request.body = json::serialize(object);
    if (!method.rule.body_type().empty()) request.content_type = method.rule.body_type();
  }
  return request;
}

}  // namespace hansa::ops
