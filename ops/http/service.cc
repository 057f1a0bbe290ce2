#include "ops/http/service.h"

#include <google/protobuf/message.h>

#include <charconv>

#include "core/city/access.h"
#include "hansa/v1/case.pb.h"
#include "hansa/v1/inbox.pb.h"
#include "hansa/v1/operations.pb.h"
#include "ops/csv_answer.h"
#include "ops/http/batch.h"
#include "ops/http/letters.h"
#include "ops/http/pages.h"
#include "ops/http/shares.h"
#include "ops/json.h"
#include "ops/openapi.h"
#include "ops/problem.h"
#include "ops/system_env.h"
#include "projections/reads.h"

namespace hansa::ops {

namespace asio = boost::asio;
using google::protobuf::Message;
using projections::Door;
using projections::Snapshot;

namespace {

constexpr size_t kBatchRowsMax = 1'000;
constexpr int64_t kAtLeastWaitUsMax = 5'000'000;
constexpr std::string_view kProjectionsService = "Projections";
constexpr std::string_view kLettersService = "DeadLetters";
constexpr std::string_view kSharesService = "Shares";
constexpr std::string_view kAuditService = "AuditRecords";
constexpr std::string_view kNdjson = "application/x-ndjson";

std::unique_ptr<Message> make_message(const google::protobuf::Descriptor* type) {
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  return std::unique_ptr<Message>(prototype->New());
}

Result<void> check_media_type(const Call& call, std::string_view expected) {
  if (!call.content_encoding.empty() && call.content_encoding != "identity") {
    return fail(Errc::kUnsupportedMediaType,
                "expected a body without Content-Encoding, found one; send it as it is");
  }
  const auto found = media_type(call.content_type);
  if (found == expected || (call.body.empty() && found.empty())) return {};
  return fail(Errc::kUnsupportedMediaType,
              "expected Content-Type " + std::string(expected) + ", found " +
                  (found.empty() ? "none" : "\"" + std::string(found.substr(0, 60)) + "\""));
}

Result<std::optional<CommandId>> command_id(const Call& call) {
  if (call.idempotency_key.empty()) return std::optional<CommandId>();
  std::string lower(call.idempotency_key);
  for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
  const auto id = parse_uuid_v7(lower);
  if (!id) {
    return fail(Errc::kBadIdempotencyKey,
                "expected in Idempotency-Key a UUID of version 7, such as "
                "01941f29-7c00-7000-8000-000000000001; make a new one per command");
  }
  return id;
}

Result<Seq> parse_seq(std::string_view text) {
  Seq seq = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (code == std::errc() && end == text.data() + text.size()) return seq;
  return fail(Errc::kBadRequest, "expected a seq (a whole number) in at_least", "/at_least");
}

Result<bool> parse_format(std::string_view text) {
  if (text == "csv" || text == "json") return text == "csv";
  return fail(Errc::kBadRequest, "format is csv or json", "/format");
}

std::string seq_header(Seq seq) { return "Hansa-Seq: " + std::to_string(seq) + "\r\n"; }

// Which entry a read shows: whoever holds the ledger can say whether it is this one.
// Of an alliance it says too how far its witnesses confirm it.
Result<std::string> entry_headers(const LedgerId& ledger, const Snapshot& rows) {
  const auto& position = rows.meta().position;
  std::string headers =
      seq_header(position.seq) + "Hansa-Entry-Sha256: " + to_hex(position.tip) + "\r\n";
  if (ledger.kind != kAllianceKind) return headers;
  HANSA_TRY(const Seq confirmed, projections::confirmed_seq(rows));
  return headers + "Hansa-Confirmed-Seq: " + std::to_string(confirmed) + "\r\n";
}

// An event stream waits as long for something new; then it ends empty, and the client comes again.
constexpr int kEventWaitMs = 100;
constexpr int kEventWaitsMax = 100;

asio::awaitable<void> pause_ms(int ms) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(std::chrono::milliseconds(ms));
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<Result<std::shared_ptr<const Snapshot>>> wait_for_seq(const Call& call,
                                                                      projections::Keeper& keeper,
                                                                      Seq at_least) {
  using Shown = Result<std::shared_ptr<const Snapshot>>;
  auto snapshot = keeper.snapshot();
  if (snapshot != nullptr && snapshot->meta().position.seq >= at_least) {
    co_return Shown(std::move(snapshot));
  }
  auto start = [&](auto done) { keeper.wait_for(at_least, kAtLeastWaitUsMax, std::move(done)); };
  co_return co_await await_answer<Shown>(call, start);
}

v1::ProjectionAnswer projection_answer(const projections::Keeper& keeper) {
  const auto snapshot = keeper.snapshot();
  const auto& meta = snapshot->meta();
  const auto rebuild = keeper.health().rebuild;
  v1::ProjectionAnswer answer;
  answer.set_ledger(keeper.config().ledger.text());
  answer.set_seq(meta.position.seq);
  answer.set_row_schema_version(meta.row_schema_version);
  answer.set_digest(meta.digest.hex());
  answer.set_phase(phase_name(rebuild.phase));
  answer.set_folded_records(rebuild.progress.next_offset);
  answer.set_end_records(rebuild.progress.end_offset);
  answer.set_digest_differed(rebuild.digest_differed);
  answer.set_detail(rebuild.detail);
  const auto level = snapshot->find(kSchemaLevelTable, "");
  answer.set_schema_level(level && *level ? (*level)->level() : kFirstSchemaLevel);
  answer.set_schema_level_known(keeper.config().schema_level_known);
  return answer;
}

}  // namespace

struct Service::Request {
  const Route* route = nullptr;
  Caller principal;
  std::unique_ptr<Message> message;
  Seq at_least = 0;
  bool as_csv = false;

  const MethodInfo& method() const { return *route->method; }
  // The city or alliance is the first value in the path of every method.
  LedgerId ledger() const {
    return {std::string(method().ledger_kind), route->values.front().second};
  }
};

Service::Service(Node& node, Metrics& metrics, TokenIssuers* issuers)
    : node_(node),
      metrics_(metrics),
      access_(node.config().api_keys, issuers, node.config().limits),
      tlog_(node, access_),
      openapi_(openapi()),
      errors_(error_list_json()) {}

asio::awaitable<Reply> Service::answer(const Call& call) {
  Route route;
  route.index = route_number(PlainRoute::kNone);
  Result<Reply> result = fail(Errc::kInternal, "");
  if (call.path.starts_with(kTlogPath)) {
    route.index = route_number(PlainRoute::kTlog);
    result = co_await tlog_.answer(call, route.allow);
    if (result) result->route = route.index;
    co_return finished(std::move(result), route, call);
  }
  auto plain = plain_reply(call);
  if (!plain) {
    result = fail(std::move(plain).error());
  } else if (*plain) {
    result = **std::move(plain);
  } else if (call.verb == "OPTIONS") {
    result = options_reply(call, route);
  } else {
    result = co_await answer_method(call, route);
    if (result) result->route = route.index;
  }
  co_return finished(std::move(result), route, call);
}

Reply Service::finished(Result<Reply> result, const Route& route, const Call& call) {
  if (result) return *std::move(result);
  metrics_.http_problem(result.error().code);
  auto reply = problem_reply(result.error(), call.request_id);
  reply.route = route.index;
  if (result.error().code == Errc::kMethodNotAllowed) {
    reply.headers +=
        "Allow: " + (route.allow.empty() ? "GET, HEAD, OPTIONS" : route.allow) + "\r\n";
  }
  return reply;
}

Result<std::optional<Reply>> Service::plain_page(const Call& call) {
  Reply reply;
  if (call.path == "/") {
    reply.route = route_number(PlainRoute::kStart);
    reply.content_type = "text/html; charset=utf-8";
    reply.body = start_page(node_);
    reply.headers = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";
  } else if (call.path == "/openapi.json") {
    reply.route = route_number(PlainRoute::kOpenapi);
    reply.body = openapi_;
  } else if (call.path == "/healthz") {
    reply.route = route_number(PlainRoute::kHealth);
    reply.body = "{\"status\":\"ok\"}";
  } else if (call.path == "/readyz") {
    const auto readiness = node_.readiness();
    reply.route = route_number(PlainRoute::kReady);
    reply.status = readiness.ready ? 200 : 503;
    reply.body = readiness_json(readiness);
  } else if (call.path == "/v1/errors") {
    reply.route = route_number(PlainRoute::kErrors);
    reply.body = errors_;
  } else if (call.path.starts_with("/v1/errors/")) {
    const auto code = find_errc(call.path.substr(std::string_view("/v1/errors/").size()));
    if (!code) {
      return fail(Errc::kUnknownCode, "no error has this code; GET /v1/errors lists all of them");
    }
    reply.route = route_number(PlainRoute::kErrors);
    reply.body = error_info_json(error_info(*code));
  } else {
    return std::optional<Reply>();
  }
  return std::optional<Reply>(std::move(reply));
}

Result<std::optional<Reply>> Service::plain_reply(const Call& call) {
  // Everything under /v1/cities is the schema's: most requests are decided here.
  if (call.path.starts_with("/v1/cities")) return std::optional<Reply>();
  auto page = plain_page(call);
  if (!page || !*page || call.verb == "GET" || call.verb == "HEAD") return page;
  if (call.verb != "OPTIONS") {
    return fail(Errc::kMethodNotAllowed, "expected one of GET, HEAD, OPTIONS at this address");
  }
  Reply reply;
  reply.route = (*page)->route;
  reply.status = 204;
  reply.headers = "Allow: GET, HEAD, OPTIONS\r\n";
  return std::optional<Reply>(std::move(reply));
}

Result<Reply> Service::options_reply(const Call& call, Route& route) {
  auto found = router_.find("OPTIONS", call.path, route);
  // No method has the verb OPTIONS: what comes is the list of those that exist, or nothing.
  if (found.error().code != Errc::kMethodNotAllowed) return fail(std::move(found).error());
  Reply reply;
  reply.status = 204;
  reply.headers = "Allow: " + route.allow + "\r\n";
  return reply;
}

asio::awaitable<Result<Reply>> Service::answer_method(const Call& call, Route& route) {
  auto principal = access_.authenticate(call.authorization, call.api_key, monotonic_us());
  if (!principal) co_return fail(std::move(principal).error());
  if (auto found = router_.find(call.verb, call.path, route); !found) {
    co_return fail(std::move(found).error());
  }
  Request request;
  request.route = &route;
  request.principal = *std::move(principal);
  const Caller caller = request.principal;
  const bool is_recorded =
      request.method().http_verb != "GET" && !Access::is_anonymous(*caller);
  if (is_recorded) {
    if (auto ready = node_.audit_trail().ready(); !ready) co_return fail(std::move(ready).error());
  }
  auto reply = co_await answer_caller(call, std::move(request));
  if (!is_recorded) co_return reply;
  if (!reply) {
    const auto& error = reply.error();
    record(*caller, route, error_info(error.code).name, error.seq, "");
  } else if (route.method->rule.body_type().empty()) {
    record(*caller, route, "ok", reply->seq, reply->subject);
  }
  co_return reply;
}

void Service::record(const Principal& caller, const Route& route, std::string_view outcome,
                     Seq seq, const std::string& subject) {
  const LedgerId ledger{std::string(route.method->ledger_kind), route.values.front().second};
  auto* door = node_.door(ledger);
  auto made = audit_record(ledger, door == nullptr ? nullptr : &door->keeper(), caller,
                           route.method->name);
  made.set_outcome(std::string(outcome));
  made.set_seq(seq);
  made.set_subject(subject);
  node_.audit_trail().add(std::move(made));
}

asio::awaitable<Result<Reply>> Service::answer_caller(const Call& call, Request request) {
  const auto& method = request.method();
  if (auto may = permit_caller(method.rule, *request.principal, request.ledger()); !may) {
    co_return fail(std::move(may).error());
  }
  if (auto may = access_.admit(request.ledger(), monotonic_us()); !may) {
    co_return fail(std::move(may).error());
  }
  if (!method.rule.body_type().empty()) co_return co_await batch(call, std::move(request));
  if (auto filled = fill_request(call, request); !filled) {
    co_return fail(std::move(filled).error());
  }
  if (method.is_command) co_return co_await command(call, std::move(request));
  if (method.service == kProjectionsService) co_return co_await operate(call, std::move(request));
  if (method.service == kLettersService) co_return letters(request);
  if (method.service == kAuditService) co_return audit_records(request);
  if (method.service == kSharesService) co_return co_await shares(call, std::move(request));
  co_return co_await read(call, std::move(request));
}

Result<Reply> Service::audit_records(const Request& request) {
  HANSA_CHECK(validate(*request.message));
  HANSA_TRY(auto* door, find_door(request.ledger()));
  const auto& ledger = door->keeper().config().ledger;
  const auto list = [&](const auto& asked) {
    return node_.audit_trail().list(ledger, asked.page_size(), asked.page_token());
  };
  HANSA_TRY(const auto answer,
            ledger.kind == kAllianceKind
                ? list(static_cast<const v1::ListAllianceAuditRecords&>(*request.message))
                : list(static_cast<const v1::ListAuditRecords&>(*request.message)));
  Reply reply;
  append_json(reply.body, answer);
  return reply;
}

// What the record says may be personal: who reads it is written down.
Result<Reply> Service::letters(const Request& request) {
  HANSA_CHECK(validate(*request.message));
  HANSA_TRY(auto* door, find_door(request.ledger()));
  HANSA_TRY(const auto answer,
            answer_letters(*request.message, node_.dead_letters(request.ledger()),
                           door->keeper().config().ledger));
  if (request.method().name == v1::GetDeadLetter::descriptor()->name()) {
    record(*request.principal, *request.route, "ok", 0, request.route->values.back().second);
  }
  Reply reply;
  append_json(reply.body, *answer);
  return reply;
}

// What a read is answered from, once the request is valid and permitted.
struct Service::Rows {
  Door* door = nullptr;
  std::shared_ptr<const Snapshot> snapshot;
};

asio::awaitable<Result<Service::Rows>> Service::rows_for(const Call& call,
                                                         const Request& request) {
  if (auto valid = validate(*request.message); !valid) co_return fail(std::move(valid).error());
  auto door = find_door(request.ledger());
  if (!door) co_return fail(std::move(door).error());
  if (auto may = (*door)->may_read(request.method(), *request.principal); !may) {
    co_return fail(std::move(may).error());
  }
  auto snapshot = co_await wait_for_seq(call, (*door)->keeper(), request.at_least);
  if (!snapshot) co_return fail(std::move(snapshot).error());
  co_return Rows{*door, *std::move(snapshot)};
}

asio::awaitable<Result<Reply>> Service::shares(const Call& call, Request request) {
  auto rows = co_await rows_for(call, request);
  if (!rows) co_return fail(std::move(rows).error());
  const auto& config = rows->door->keeper().config();
  const ShareContext context{*rows->snapshot, config,           node_.read_log(),
                             node_.links(),   *request.principal, ratifications_};
  Reply reply;
  auto headers = entry_headers(config.ledger, *rows->snapshot);
  if (!headers) co_return fail(headers.error());
  reply.headers = *std::move(headers);
  if (const auto* list = dynamic_cast<const v1::ListShares*>(request.message.get())) {
    const auto answer = list_shares(*list, context);
    if (!answer) co_return fail(answer.error());
    if (request.as_csv) {
      reply.content_type = "text/csv; charset=utf-8";
      reply.body = csv_of(*answer, request.method().rule.csv_items(), v1::PUBLIC);
    } else {
      append_json(reply.body, *answer);
    }
    co_return reply;
  }
  auto& entries = static_cast<v1::ListShareEntries&>(*request.message);
  const bool as_events = media_type(call.accept) == "text/event-stream";
  if (as_events) {
    if (auto resumed = resume_after(call.last_event_id, entries); !resumed) {
      co_return fail(std::move(resumed).error());
    }
  }
  auto answer = list_share_entries(entries, context);
  // Whoever listens and has read everything waits for what comes.
  for (int waits = 0; as_events && answer && answer->entries().empty() && waits < kEventWaitsMax;
       ++waits) {
    co_await pause_ms(kEventWaitMs);
    answer = list_share_entries(entries, context);
  }
  if (!answer) co_return fail(answer.error());
  if (as_events) {
    reply.content_type = "text/event-stream";
    reply.body = events_of(*answer);
  } else {
    append_json(reply.body, *answer);
  }
  co_return reply;
}

Result<void> Service::fill_request(const Call& call, Request& request) {
  const auto& method = request.method();
  request.message = make_message(method.input);
  if (method.http_verb != "GET") {
    HANSA_CHECK(check_media_type(call, "application/json"));
    if (!call.body.empty()) HANSA_CHECK(from_json(call.body, *request.message));
  }
  for (const auto& [field, value] : request.route->values) {
    HANSA_CHECK(bind_text(field, value, *request.message));
  }
  if (call.query.empty()) return {};
  const auto query = parse_query(call.query);
  if (!query) return fail(Errc::kBadRequest, "expected %XX escapes of two hex digits in the query");
  for (const auto& [name, value] : *query) {
    if (name == "at_least" && !method.is_command) {
      HANSA_TRY(request.at_least, parse_seq(value));
    } else if (name == "format" && !method.rule.csv_items().empty()) {
      HANSA_TRY(request.as_csv, parse_format(value));
    } else if (method.http_verb == "GET") {
      HANSA_CHECK(bind_text(name, value, *request.message));
    } else {
      return fail(Errc::kUnknownField, "this method takes its fields in the body, not in the query",
                  "/" + name.substr(0, 60));
    }
  }
  return {};
}

// Whatever the log is at: then the caller hears that the outcome is not known.
int64_t Service::answer_us_max() const {
  return int64_t{1'000} * node_.config().limits.request_ms_max;
}

Result<Door*> Service::find_door(const LedgerId& ledger) {
  if (auto* door = node_.door(ledger); door != nullptr) return door;
  for (const auto& status : node_.status()) {
    if (status.ledger == ledger && status.refused) {
      // One that is being opened, or waits for brokers, has not stopped.
      const bool passes = status.refused->code == Errc::kUnavailable;
      return fail(passes ? Errc::kUnavailable : Errc::kLedgerStopped,
                  ledger.text() + " is not served: " + status.refused->detail);
    }
  }
  const bool is_alliance = ledger.kind == kAllianceKind;
  return fail(is_alliance ? Errc::kUnknownAlliance : Errc::kUnknownCity,
              "this server hosts no " + ledger.kind +
                  " of that id; GET / lists those it hosts");
}

asio::awaitable<Result<Reply>> Service::command(const Call& call, Request request) {
  auto id = command_id(call);
  if (!id) co_return fail(std::move(id).error());
  auto door = find_door(request.ledger());
  if (!door) co_return fail(std::move(door).error());
  auto start = [&](auto done) {
    (*door)->enter(request.method(), std::move(request.message), *request.principal, *id,
                   std::move(done));
  };
  auto answered =
      co_await await_answer_within<Result<v1::Receipt>>(call, answer_us_max(), start);
  if (!answered) co_return fail(projections::unknown_outcome());
  auto& receipt = *answered;
  if (!receipt) co_return fail(std::move(receipt).error());
  Reply reply;
  append_json(reply.body, *receipt);
  reply.headers = seq_header(receipt->seq());
  reply.seq = receipt->seq();
  reply.subject = receipt->subject_id();
  // A route without a verb of its own adds to a collection.
  if (request.method().path.find(':') == std::string::npos) {
    reply.status = 201;
    reply.headers += "Location: " + std::string(call.path) + "/" + receipt->subject_id() + "\r\n";
  }
  co_return reply;
}

asio::awaitable<Result<Reply>> Service::batch(const Call& call, Request request) {
  if (auto type = check_media_type(call, kNdjson); !type) co_return fail(type.error());
  auto door = find_door(request.ledger());
  if (!door) co_return fail(std::move(door).error());
  std::vector<std::string_view> rows;
  std::vector<size_t> lines;
  std::string_view left = call.body;
  for (size_t line = 1; !left.empty(); ++line) {
    const auto row = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(row.size() + 1, left.size()));
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    rows.push_back(row);
    lines.push_back(line);
  }
  if (rows.size() > kBatchRowsMax) {
    co_return fail(Errc::kTooLarge, "expected at most 1000 rows in a request, found " +
                                        std::to_string(rows.size()) + "; send them in parts");
  }
  std::shared_ptr<Batch> batch;
  auto start = [&](auto done) {
    batch = std::make_shared<Batch>(std::move(lines), std::move(done));
    for (size_t i = 0; i < rows.size(); ++i) {
      auto message = make_message(request.method().input);
      auto read = from_json(rows[i], *message);
      for (const auto& [field, value] : request.route->values) {
        if (read) read = bind_text(field, value, *message);
      }
      if (!read) {
        batch->finish(i, fail(std::move(read).error()));
        continue;
      }
      (*door)->enter(request.method(), std::move(message), *request.principal, std::nullopt,
                     [batch, i](Result<v1::Receipt> outcome) {
                       batch->finish(i, std::move(outcome));
                     });
    }
  };
  co_await await_answer_within<size_t>(call, answer_us_max(), start);
  for (const auto& outcome : batch->outcomes()) {
    if (outcome) {
      record(*request.principal, *request.route, "ok", outcome->seq(), outcome->subject_id());
    } else {
      record(*request.principal, *request.route, error_info(outcome.error().code).name,
             outcome.error().seq, "");
    }
  }
  Reply reply;
  reply.content_type = kNdjson;
  reply.body = batch->body();
  co_return reply;
}

// Rows are the node's own: nothing of this is an entry.
asio::awaitable<Result<Reply>> Service::operate(const Call& call, Request request) {
  if (auto valid = validate(*request.message); !valid) co_return fail(std::move(valid).error());
  auto door = find_door(request.ledger());
  if (!door) co_return fail(std::move(door).error());
  auto& keeper = (*door)->keeper();
  const auto* type = request.message->GetDescriptor();
  Result<void> outcome;
  if (type == v1::BackUp::descriptor()) {
    auto start = [&](auto done) { node_.back_up(request.ledger(), std::move(done)); };
    auto made = co_await await_answer<Result<v1::BackupAnswer>>(call, start);
    if (!made) co_return fail(std::move(made).error());
    Reply reply;
    append_json(reply.body, *made);
    reply.headers = seq_header(made->seq());
    co_return reply;
  }
  if (type == v1::RebuildProjection::descriptor()) {
    auto start = [&](auto done) { keeper.rebuild(std::move(done)); };
    outcome = co_await await_answer<Result<void>>(call, start);
  } else if (type == v1::CancelRebuild::descriptor()) {
    auto start = [&](auto done) { keeper.cancel_rebuild(std::move(done)); };
    outcome = co_await await_answer<Result<void>>(call, start);
  }
  if (!outcome) co_return fail(std::move(outcome).error());
  const auto answer = projection_answer(keeper);
  Reply reply;
  append_json(reply.body, answer);
  reply.headers = seq_header(answer.seq());
  co_return reply;
}

asio::awaitable<Result<Reply>> Service::read(const Call& call, Request request) {
  auto rows = co_await rows_for(call, request);
  if (!rows) co_return fail(std::move(rows).error());
  auto& door = *rows->door;
  const auto& config = door.keeper().config();
  const ChainPosition position = rows->snapshot->meta().position;
  auto answer = projections::answer_read(
      *request.message, {*rows->snapshot, door, *request.principal, config.ledger,
                         config.founding_id, node_.log()});
  if (!answer) {
    auto error = std::move(answer).error();
    if (error.seq == 0) error.seq = position.seq;
    co_return fail(std::move(error));
  }
  Reply reply;
  auto headers = entry_headers(config.ledger, *rows->snapshot);
  if (!headers) co_return fail(headers.error());
  reply.headers = *std::move(headers);
  const auto seen = request.principal->person.empty()
                        ? door.sees(*request.principal)
                        : std::max(door.sees(*request.principal), v1::SENSITIVE);
  if (request.as_csv) {
    reply.content_type = "text/csv; charset=utf-8";
    reply.body = csv_of(**answer, request.method().rule.csv_items(), seen);
  } else {
    append_json(reply.body, **answer, seen);
  }
  co_return reply;
}

}  // namespace hansa::ops
