// Serving: a node with its two listeners, from start to graceful stop.
//
// Shape:   start() opens the node and listens; wait() returns after SIGTERM or SIGINT; stop() takes
//          no new connections, answers what is in flight, commits and closes.
// Errors:  of Node::open; kUnavailable when an address cannot be listened on.
// Threads: all from one; hold signals back (SignalWait) before any other thread is made.
// Limits:  stop() takes at most limits.stop_ms_max.
#pragma once

#include <csignal>
#include <memory>

#include "ops/access/token_issuers.h"
#include "ops/config.h"
#include "ops/http/server.h"
#include "ops/http/service.h"
#include "ops/metrics.h"
#include "ops/node.h"

namespace hansa::ops {

// From its making on, SIGTERM and SIGINT wait until wait() takes them.
class SignalWait {
 public:
  SignalWait();
  void wait();

 private:
  sigset_t signals_;
};

class Serving {
 public:
  static Result<std::unique_ptr<Serving>> start(const Config& config, Env& env);
  // Whether certificates and keys of issuers could be read, without a start.
  static Result<void> check_files(const Config& config);
  ~Serving();

  Endpoint api() const;
  Endpoint metrics() const;
  Node& node() { return *node_; }
  // False: the deadline came first; what was acknowledged is safe all the same.
  bool stop();

 private:
  Serving() = default;

  Limits limits_;
  Metrics figures_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<TokenIssuers> issuers_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> api_server_;
  std::unique_ptr<Server> metrics_server_;
};

}  // namespace hansa::ops
