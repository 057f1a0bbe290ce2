// Connection: one TCP connection of a Server, and the worker thread it lives on.
//
// Shape:   Worker is one io_context with one thread, its connections and their deadlines, which a
//          timer checks every few milliseconds. Connection reads one request at a time, calls the
//          handler, writes the reply, until either side ends it.
// Errors:  handled here; see ops/http/server.h for what callers see.
// Threads: everything of a Worker and its Connections runs on the Worker's thread, except post().
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <set>

#include "ops/http/server.h"

namespace hansa::ops {

using Deadline = std::chrono::steady_clock::time_point;

// What all workers of one server share.
struct ServerShared {
  ServerShared(const ServerOptions& http_options, Handler answer, Metrics& measures,
               std::string id_prefix)
      : options(http_options),
        handler(std::move(answer)),
        metrics(measures),
        request_id_prefix(std::move(id_prefix)) {}

  ServerOptions options;
  Handler handler;
  Metrics& metrics;
  std::string request_id_prefix;
  std::atomic<uint64_t> requests{0};
  std::atomic<size_t> connections{0};
};

class Connection;

struct Worker : std::enable_shared_from_this<Worker> {
  explicit Worker(std::shared_ptr<ServerShared> shared_state);
  void start_sweeping();
  void begin_stop();
  void finish_if_empty();

  std::shared_ptr<ServerShared> shared;
  std::set<Connection*> connections;  // outlives what still runs on `io`
  bool stopping = false;
  std::string date_line;  // "Date: ...\r\n", renewed by the timer
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  boost::asio::steady_timer timer;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Worker& worker, boost::asio::ip::tcp::socket socket, bool over_limit);
  ~Connection();

  boost::asio::awaitable<void> run();
  void check_deadline(Deadline now);
  // Ends the connection now if it waits for a request, else after the running one.
  void stop_when_idle();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  enum class Read { kRequest, kEnd, kRefused };
  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<void> end_tls();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<Read> read_request();
  boost::asio::awaitable<bool> read_more();
  // In clear or by TLS. Answers the count of bytes; 0 with an error.
  boost::asio::awaitable<size_t> read_some(boost::beast::error_code& code);
  template <typename Buffers>
  boost::asio::awaitable<void> write(const Buffers& buffers, boost::beast::error_code& code);
  boost::asio::awaitable<void> send(const Reply& reply, bool keep_alive);
  boost::asio::awaitable<void> refuse(const Error& error);
  boost::asio::awaitable<void> linger();
  boost::asio::awaitable<Reply> call_handler(const Call& call);
  std::optional<Error> inspect_header();
  Error parse_error(boost::beast::error_code code) const;
  Error timeout_error() const;
  Error over_limit_error() const;
  Call make_call();
  std::string next_request_id();
  void set_deadline(uint32_t ms);

  Worker& worker_;
  boost::asio::ip::tcp::socket socket_;
  TlsContext tls_context_;  // outlives what uses it
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string head_;
  Deadline deadline_ = Deadline::max();
  bool over_limit_;
  bool timed_out_ = false;
  bool idle_ = false;  // waits for the first byte of a request
};

// Whether the header Accept-Encoding takes gzip.
bool accepts_gzip(std::string_view accept_encoding);
std::string gzip(std::string_view text);

}  // namespace hansa::ops
