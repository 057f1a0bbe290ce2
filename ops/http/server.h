// Server: listens, reads requests, hands them to a handler and writes the answers.
//
// Shape:   `threads` threads, each with its own connections; one of them accepts and deals
//          connections out in turn. Keep-alive and pipelining: requests of one connection are
//          answered one after the other. Answers above 1 KiB are gzipped for those who accept it.
// Errors:  start: kUnavailable when the address cannot be listened on (busy port). To callers:
//          header_too_large, too_large, request_timeout and bad_request end the connection;
//          over connections_max the answer is `unavailable` with Retry-After. With TLS, a caller
//          that speaks plain HTTP hears bad_request in clear; one whose handshake fails, or has no
//          certificate that is asked for, is cut off by an alert of TLS.
// Threads: start and stop from one thread; the handler is called on the server's threads.
// Limits:  of ops/config.h; a request that does not arrive whole within request_ms_max is refused,
//          an idle connection is closed after idle_ms_max.
#pragma once

#include <memory>

#include "ops/config.h"
#include "ops/http/exchange.h"
#include "ops/tls.h"

namespace hansa::ops {

struct ServerOptions {
  Endpoint listen;
  uint32_t threads = 2;
  Limits limits;
  std::shared_ptr<ServerTls> tls{};  // nullptr: plain HTTP
  // Requests slower than this are logged.
  int64_t slow_us = 1'000'000;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler,
                                               Metrics& metrics);
  // Stops at once if stop() was not called.
  ~Server();

  // The address in use; its port is the real one when 0 was asked for.
  Endpoint listening() const;
  // Takes no new connections, closes idle ones, lets running requests finish, then closes the
  // rest. False: the deadline came first.
  bool stop(int64_t deadline_ms_max);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::ops
