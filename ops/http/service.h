// Service: what the API answers to each request.
//
// Shape:   a command goes: who asks (ops/access.h) -> which method (router) -> may they -> body and
//          path into the request message -> door -> keeper -> receipt. A read is answered from a
//          snapshot, after waiting for `at_least`. A batch is one command per line, all at once.
//          Beside the schema: the fixed addresses of PlainRoute, and ops/http/tlog.h. HEAD, OPTIONS
//          and 405 for all.
// Errors:  every one becomes a problem document (ops/problem.h).
// Threads: any; the node must outlive the service and the server that calls it.
//          Every command and operation of a caller with credentials, answered or refused, is one
//          record of the node's audit trail before the answer goes out; a batch has one for a row.
// Limits:  a batch has at most 1 000 rows; `at_least` waits at most 5 s; a command is answered
//          within limits.request_ms_max, kUnknownOutcome at the latest.
// Source:  SPEC §2.
#pragma once

#include "federation/ratifications.h"
#include "ops/access/access.h"
#include "ops/http/exchange.h"
#include "ops/http/router.h"
#include "ops/http/tlog.h"
#include "ops/node.h"

namespace hansa::ops {

class Service {
 public:
  // `issuers` may be nullptr: no tokens then.
  Service(Node& node, Metrics& metrics, TokenIssuers* issuers);

  boost::asio::awaitable<Reply> answer(const Call& call);

 private:
  struct Request;
  Reply finished(Result<Reply> result, const Route& route, const Call& call);
  Result<std::optional<Reply>> plain_reply(const Call& call);
  Result<std::optional<Reply>> plain_page(const Call& call);
  Result<Reply> options_reply(const Call& call, Route& route);
  boost::asio::awaitable<Result<Reply>> answer_method(const Call& call, Route& route);
  boost::asio::awaitable<Result<Reply>> answer_caller(const Call& call, Request request);
  // One record of the audit trail: what came of a command, or of one row of a batch.
  void record(const Principal& caller, const Route& route, std::string_view outcome, Seq seq,
              const std::string& subject);
  Result<void> fill_request(const Call& call, Request& request);
  boost::asio::awaitable<Result<Reply>> command(const Call& call, Request request);
  boost::asio::awaitable<Result<Reply>> batch(const Call& call, Request request);
  boost::asio::awaitable<Result<Reply>> read(const Call& call, Request request);
  struct Rows;
  boost::asio::awaitable<Result<Rows>> rows_for(const Call& call, const Request& request);
  boost::asio::awaitable<Result<Reply>> operate(const Call& call, Request request);
  Result<Reply> letters(const Request& request);
  Result<Reply> audit_records(const Request& request);
  boost::asio::awaitable<Result<Reply>> shares(const Call& call, Request request);
  Result<projections::Door*> find_door(const LedgerId& ledger);
  int64_t answer_us_max() const;

  Node& node_;
  Metrics& metrics_;
  Router router_;
  Access access_;
  TlogPages tlog_;
  federation::Ratifications ratifications_;
  std::string openapi_;
  std::string errors_;
};

// The listener of /metrics: one scrape of all ledgers.
Handler metrics_handler(Node& node, Metrics& metrics);

}  // namespace hansa::ops
