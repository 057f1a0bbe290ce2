// Client: the command line's blocking way to a running server.
//
// Shape:   one keep-alive connection. request() sends one HTTP request; call() a method of the
//          schema: `request_json` is the request message as JSON, whose path fields go into the
//          address, the rest into the query (GET) or the body. call_all() reads every page of a
//          list.
// Errors:  what the server's problem document says (code, detail, pointer); kUnavailable when it
//          cannot be reached or does not answer in time; kBadRequest for JSON that is no object;
//          open: kBadConfig for an address that is none, kBadFile for a file of `trust`.
// Threads: one at a time; open one per thread.
// Limits:  answers up to 64 MiB, kAnswerMsMax for one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/schema.h"
#include "ops/web_connection.h"

namespace hansa::ops {

inline constexpr int kAnswerMsMax = 60'000;
inline constexpr uint32_t kPageRows = 1'000;

struct HttpRequest {
  std::string verb;
  std::string target;
  std::string body{};
  std::string content_type = "application/json";
  std::string idempotency_key{};
};

class Client {
 public:
  // `server` is http[s]://host:port; `key`, an API key or a token, may be empty.
  static Result<Client> open(const std::string& server, const std::string& key,
                             const TlsTrust& trust = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  Result<HttpAnswer> request(const HttpRequest& request);
  // The answer's body; a status of 400 and above is an Error.
  Result<std::string> call(const MethodInfo& method, const std::string& request_json);
  // The same with messages.
  Result<void> call(const google::protobuf::Message& request, google::protobuf::Message& answer);
  // Pages until there is none; `take` gets each answer.
  template <typename Answer, typename Request, typename Take>
  Result<void> call_all(Request request, const Take& take) {
    request.set_page_size(kPageRows);
    while (true) {
      Answer answer;
      HANSA_CHECK(call(request, answer));
      request.set_page_token(answer.next_page_token());
      HANSA_CHECK(take(answer));
      if (request.page_token().empty()) return {};
    }
  }
  const std::string& server() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The problem that one line of a batch's answer states, if it does.
std::optional<Error> row_problem(std::string_view line);
// The Error that a problem document states.
Error problem_error(const HttpAnswer& answer);
Result<HttpRequest> make_request(const MethodInfo& method, const std::string& request_json);

}  // namespace hansa::ops
