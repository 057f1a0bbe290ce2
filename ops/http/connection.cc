#include "ops/http/connection.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <ctime>

#include "ops/json_log.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr size_t kSocketReadBytes = 16 * 1024;
constexpr size_t kLingerBytesMax = 64 * 1024 * 1024;
constexpr uint32_t kLingerMsMax = 2'000;
constexpr uint32_t kTlsEndMsMax = 200;
constexpr size_t kGzipBytesMin = 1024;
constexpr char kTlsHandshake = 0x16;  // the first byte of a client that speaks TLS

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_compressible(const Reply& reply) {
  return reply.body.size() > kGzipBytesMin && !reply.content_type.starts_with("image/");
}

}  // namespace

Connection::Connection(Worker& worker, asio::ip::tcp::socket socket, bool over_limit)
    : worker_(worker), socket_(std::move(socket)), over_limit_(over_limit) {
  worker_.connections.insert(this);
  worker_.shared->connections.fetch_add(1);
  worker_.shared->metrics.connection_opened();
}

Connection::~Connection() {
  worker_.shared->metrics.connection_closed();
  worker_.shared->connections.fetch_sub(1);
  worker_.connections.erase(this);
  worker_.finish_if_empty();
}

void Connection::set_deadline(uint32_t ms) {
  timed_out_ = false;
  deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

void Connection::check_deadline(Deadline now) {
  if (now < deadline_) return;
  deadline_ = Deadline::max();
  timed_out_ = true;
  beast::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::stop_when_idle() {
  beast::error_code ignored;
  if (idle_) socket_.cancel(ignored);
}

asio::awaitable<void> Connection::run() {
  beast::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (worker_.shared->options.tls && !co_await shake_hands()) co_return;
  if (over_limit_) {
    worker_.shared->metrics.connection_refused();
    co_await refuse(over_limit_error());
    co_return;
  }
  try {
    while (co_await serve_one()) {
    }
    co_await end_tls();
  } catch (const std::exception& exception) {
    JsonLine(LogLevel::kError, "connection_failed").field("what", exception.what());
  }
}

asio::awaitable<bool> Connection::shake_hands() {
  set_deadline(worker_.shared->options.limits.request_ms_max);
  beast::error_code code;
  auto token = asio::redirect_error(asio::use_awaitable, code);
  co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, token);
  char first = 0;
  if (!code) socket_.receive(asio::buffer(&first, 1), asio::ip::tcp::socket::message_peek, code);
  if (code) co_return false;
  if (first != kTlsHandshake) {
    const Error error{Errc::kBadRequest, "this address speaks TLS; ask by https://"};
    co_await refuse(error);
    co_return false;
  }
  tls_context_ = worker_.shared->options.tls->context();
  tls_.emplace(socket_, *tls_context_);
  co_await tls_->async_handshake(asio::ssl::stream_base::server, token);
  if (code) worker_.shared->metrics.tls_refused();
  co_return !code;
}

// Says that nothing was cut off, and gives the other side a moment to say the same.
asio::awaitable<void> Connection::end_tls() {
  if (!tls_ || !socket_.is_open()) co_return;
  set_deadline(kTlsEndMsMax);
  beast::error_code ignored;
  co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<size_t> Connection::read_some(beast::error_code& code) {
  auto token = asio::redirect_error(asio::use_awaitable, code);
  const auto room = buffer_.prepare(kSocketReadBytes);
  if (tls_) co_return co_await tls_->async_read_some(room, token);
  co_return co_await socket_.async_read_some(room, token);
}

template <typename Buffers>
asio::awaitable<void> Connection::write(const Buffers& buffers, beast::error_code& code) {
  auto token = asio::redirect_error(asio::use_awaitable, code);
  if (tls_) {
    co_await asio::async_write(*tls_, buffers, token);
  } else {
    co_await asio::async_write(socket_, buffers, token);
  }
}

asio::awaitable<bool> Connection::serve_one() {
  const auto read = co_await read_request();
  if (read != Read::kRequest) co_return false;
  deadline_ = Deadline::max();  // the handler bounds its own waits
  const int64_t started_us = monotonic_us();
  const Call call = make_call();
  const Reply reply = co_await call_handler(call);
  const bool keep_alive = parser_->keep_alive() && !worker_.stopping;
  co_await send(reply, keep_alive);
  const int64_t took_us = monotonic_us() - started_us;
  worker_.shared->metrics.http_answered(
      {reply.route, reply.status, took_us, call.body.size(), head_.size() + reply.body.size()});
  if (reply.status >= 500 || took_us > worker_.shared->options.slow_us) {
    JsonLine line(reply.status >= 500 ? LogLevel::kWarning : LogLevel::kInfo,
                  reply.status >= 500 ? "request_failed" : "request_slow");
    line.field("request_id", call.request_id).field("status", reply.status);
    if (reply.problem) line.field("code", error_info(*reply.problem).name);
    line.field("took_us", took_us);
  }
  co_return keep_alive && !timed_out_ && socket_.is_open();
}

asio::awaitable<Reply> Connection::call_handler(const Call& call) {
  try {
    co_return co_await worker_.shared->handler(call);
  } catch (const std::exception& exception) {
    JsonLine(LogLevel::kError, "handler_failed")
        .field("request_id", call.request_id)
        .field("what", exception.what());
  }
  worker_.shared->metrics.http_problem(Errc::kInternal);
  const Error error{Errc::kInternal, "a fault of this server; its log has the request id"};
  co_return problem_reply(error, call.request_id);
}

asio::awaitable<Connection::Read> Connection::read_request() {
  const auto& limits = worker_.shared->options.limits;
  parser_.emplace();
  parser_->header_limit(limits.header_bytes_max);
  parser_->body_limit(std::max(limits.body_bytes_max, limits.batch_body_bytes_max));
  bool started = false;
  bool inspected = false;
  set_deadline(limits.idle_ms_max);
  for (;;) {
    if (buffer_.size() == 0) {
      idle_ = !started;
      if (idle_ && worker_.stopping) co_return Read::kEnd;
      const bool more = co_await read_more();
      idle_ = false;
      if (!more && started && timed_out_) {
        co_await refuse(timeout_error());
        co_return Read::kRefused;
      }
      if (!more) co_return Read::kEnd;
    }
    if (!started) set_deadline(limits.request_ms_max);
    started = true;
    beast::error_code code;
    buffer_.consume(parser_->put(buffer_.data(), code));
    const bool needs_more = code == http::error::need_more;
    if (code && !needs_more) {
      co_await refuse(parse_error(code));
      co_return Read::kRefused;
    }
    if (parser_->is_header_done() && !inspected) {
      inspected = true;
      if (auto error = inspect_header()) {
        co_await refuse(*error);
        co_return Read::kRefused;
      }
      if (view(parser_->get()[http::field::expect]) == "100-continue" && !parser_->is_done()) {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await write(asio::buffer(kContinue), code);
      }
    }
    if (parser_->is_done()) co_return Read::kRequest;
    if (needs_more && !co_await read_more()) {
      if (!timed_out_) co_return Read::kEnd;
      co_await refuse(timeout_error());
      co_return Read::kRefused;
    }
  }
}

asio::awaitable<bool> Connection::read_more() {
  beast::error_code code;
  const size_t count = co_await read_some(code);
  buffer_.commit(count);
  co_return !code;
}

std::optional<Error> Connection::inspect_header() {
  const auto& limits = worker_.shared->options.limits;
  const auto& request = parser_->get();
  const bool is_batch =
      media_type(view(request[http::field::content_type])) == "application/x-ndjson";
  const size_t body_max = is_batch ? limits.batch_body_bytes_max : limits.body_bytes_max;
  const auto length = parser_->content_length_remaining();
  if (length && *length > body_max) {
    return Error{Errc::kTooLarge, "expected a body of at most " + std::to_string(body_max) +
                                      " bytes, found " + std::to_string(*length)};
  }
  parser_->body_limit(body_max);
  return std::nullopt;
}

Error Connection::parse_error(beast::error_code code) const {
  const auto& limits = worker_.shared->options.limits;
  if (code == http::error::header_limit) {
    return {Errc::kHeaderTooLarge, "expected a request line and headers of at most " +
                                       std::to_string(limits.header_bytes_max) + " bytes"};
  }
  if (code == http::error::body_limit) {
    return {Errc::kTooLarge, "expected a body of at most " + std::to_string(limits.body_bytes_max) +
                                 " bytes (batches " + std::to_string(limits.batch_body_bytes_max) +
                                 ")"};
  }
  return {Errc::kBadRequest, "expected a request of HTTP/1.1, found a mistake: " + code.message()};
}

// g++ 12 destroys a braced temporary inside a co_await twice; these make theirs outside.
Error Connection::timeout_error() const {
  return {Errc::kRequestTimeout, "expected the whole request within " +
                                     std::to_string(worker_.shared->options.limits.request_ms_max) +
                                     " ms, it came too slowly"};
}

Error Connection::over_limit_error() const {
  return {Errc::kUnavailable, "this server has as many connections as it takes (" +
                                  std::to_string(worker_.shared->options.limits.connections_max) +
                                  "); try again after the time in Retry-After"};
}

std::string Connection::next_request_id() {
  return worker_.shared->request_id_prefix +
         std::to_string(worker_.shared->requests.fetch_add(1, std::memory_order_relaxed));
}

Call Connection::make_call() {
  const auto& request = parser_->get();
  Call call;
  call.verb = view(request.method_string());
  const auto target = view(request.target());
  const size_t question = std::min(target.find('?'), target.size());
  call.path = target.substr(0, question);
  call.query = target.substr(std::min(question + 1, target.size()));
  call.authorization = view(request[http::field::authorization]);
  call.api_key = view(request["X-Api-Key"]);
  call.idempotency_key = view(request["Idempotency-Key"]);
  call.content_type = view(request[http::field::content_type]);
  call.content_encoding = view(request[http::field::content_encoding]);
  call.accept = view(request[http::field::accept]);
  call.last_event_id = view(request["Last-Event-ID"]);
  call.body = request.body();
  call.request_id = next_request_id();
  call.worker = worker_.weak_from_this();
  return call;
}

asio::awaitable<void> Connection::send(const Reply& reply, bool keep_alive) {
  const auto& request = parser_->get();
  std::string_view body = reply.body;
  std::string packed;
  const auto accepted = view(request[http::field::accept_encoding]);
  const bool packs = is_compressible(reply) && accepts_gzip(accepted);
  if (packs) {
    packed = gzip(reply.body);
    body = packed;
  }
  head_ = "HTTP/1.1 ";
  head_ += std::to_string(reply.status);
  head_ += ' ';
  const auto reason = http::obsolete_reason(http::int_to_status(reply.status));
  head_.append(reason.data(), reason.size());
  head_ += "\r\n";
  head_ += worker_.date_line;
  if (reply.status != 204) {
    head_ += "Content-Type: ";
    head_ += reply.content_type;
    head_ += "\r\nContent-Length: ";
    head_ += std::to_string(body.size());
    head_ += "\r\nCache-Control: ";
    head_ += reply.caching;
    head_ += "\r\n";
  }
  if (packs) head_ += "Content-Encoding: gzip\r\n";
  if (is_compressible(reply)) head_ += "Vary: Accept-Encoding\r\n";
  if (!keep_alive) {
    head_ += "Connection: close\r\n";
  } else if (request.version() < 11) {
    head_ += "Connection: keep-alive\r\n";
  }
  head_ += reply.headers;
  head_ += "\r\n";
  if (request.method() == http::verb::head) body = {};
  set_deadline(worker_.shared->options.limits.idle_ms_max);
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_), asio::buffer(body)};
  beast::error_code code;
  co_await write(parts, code);
  if (code) socket_.close(code);
}

asio::awaitable<void> Connection::refuse(const Error& error) {
  if (!parser_) parser_.emplace();
  auto reply = problem_reply(error, next_request_id());
  worker_.shared->metrics.http_problem(error.code);
  co_await send(reply, false);
  worker_.shared->metrics.http_answered({reply.route, reply.status, 0, 0, reply.body.size()});
  co_await linger();
}

// Reads on for a moment after the last answer: closing over unread bytes would reset the
// connection and take the answer away from the caller.
asio::awaitable<void> Connection::linger() {
  beast::error_code code;
  if (tls_) co_return co_await end_tls();
  set_deadline(kLingerMsMax);
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, code);
  size_t left = kLingerBytesMax;
  while (!code && left > 0) {
    buffer_.clear();
    const size_t count = co_await read_some(code);
    left -= std::min(left, count);
  }
}

}  // namespace hansa::ops
