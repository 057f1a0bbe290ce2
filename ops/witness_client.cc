#include "ops/witness_client.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>

#include "core/base/hash.h"
#include "core/base/schema.h"
#include "ops/client.h"

namespace hansa::ops {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using federation::Cosigned;
using federation::NewestCosigned;

namespace {

constexpr std::string_view kSizeType = "text/x.tlog.size";
constexpr std::string_view kProblemType = "application/problem+json";
constexpr size_t kDetailBytesMax = 300;

using Ask = http::request<http::string_body>;
using Answered = std::function<void(Result<HttpAnswer>)>;

Error unavailable(const v1::Member& member, const std::string& what) {
  return {Errc::kUnavailable, "the witness of " + member.city() + " " + what};
}

Result<WitnessAddress> address_of(const v1::Member& member) {
  if (member.witness_url().empty()) {
    return fail(unavailable(member, "is not on this node, and its admission names no witness_url"));
  }
  auto address = parse_witness_url(member.witness_url());
  if (!address) return fail(unavailable(member, "cannot be asked: " + address.error().detail));
  if (address->is_tls) {
    return fail(unavailable(member, "is at " + member.witness_url() +
                                        "; this version asks witnesses by http only, so name a "
                                        "proxy beside this node that speaks TLS to it"));
  }
  return address;
}

asio::awaitable<Result<HttpAnswer>> exchange(WitnessAddress address, Ask ask, int wait_ms_max) {
  const auto executor = co_await asio::this_coro::executor;
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  tcp::resolver resolver(executor);
  const auto endpoints = co_await resolver.async_resolve(address.host, address.port, token);
  beast::tcp_stream stream(executor);
  stream.expires_after(std::chrono::milliseconds(wait_ms_max));
  if (!error) co_await stream.async_connect(endpoints, token);
  if (!error) co_await http::async_write(stream, ask, token);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kNoteBytesMax);
  if (!error) co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return fail(Errc::kUnavailable, error.message());
  auto& answer = parser.get();
  co_return HttpAnswer{static_cast<int>(answer.result_int()),
                       std::string(answer[http::field::content_type]), std::move(answer.body())};
}

void ask_at(asio::io_context& context, const WitnessAddress& address, Ask ask, int wait_ms_max,
            Answered answered) {
  ask.version(11);
  ask.set(http::field::host, address.host + ":" + address.port);
  ask.set(http::field::connection, "close");
  ask.prepare_payload();
  asio::co_spawn(context, exchange(address, std::move(ask), wait_ms_max),
                 [answered = std::move(answered)](std::exception_ptr thrown,
                                                  Result<HttpAnswer> answer) {
                   if (thrown) answer = fail(Errc::kUnavailable, "it could not be asked");
                   answered(std::move(answer));
                 });
}

bool has_type(const HttpAnswer& answer, std::string_view type) {
  return std::string_view(answer.content_type).substr(0, answer.content_type.find(';')) == type;
}

// What a witness answers instead of what it was asked for.
Error refusal(const v1::Member& member, const HttpAnswer& answer) {
  std::string detail = "it answered " + std::to_string(answer.status);
  if (has_type(answer, kProblemType)) {
    detail += ": " + std::string(whole_characters(problem_error(answer).detail, kDetailBytesMax));
  }
  switch (answer.status) {
    case 400: return {Errc::kBadRequest, detail};
    case 403: return {Errc::kBadSignature, detail};
    case 404: return {Errc::kUnknownLog, detail};
    case 422: return {Errc::kBadProof, detail};
    default: return unavailable(member, "gave no answer of a witness: " + detail);
  }
}

Error other_size(const v1::Member& member, const HttpAnswer& answer) {
  const auto& body = answer.body;
  Seq size = 0;
  const auto [end, code] = std::from_chars(body.data(), body.data() + body.size(), size);
  if (!has_type(answer, kSizeType) || code != std::errc() ||
      std::to_string(size) + "\n" != body) {
    return unavailable(member, "answered 409 without the size that it has cosigned");
  }
  Error error{Errc::kOtherSize, "it has cosigned " + std::to_string(size) + " entries"};
  error.seq = size;
  return error;
}

Result<NoteSignature> cosignature(const v1::Member& member, const std::string& text,
                                  const Result<HttpAnswer>& answer) {
  if (!answer) return fail(unavailable(member, "is away: " + answer.error().detail));
  if (answer->status == 409) return fail(other_size(member, *answer));
  if (answer->status != 200) return fail(refusal(member, *answer));
  const auto note = parse_note(text + "\n" + answer->body);
  const auto key = witness_key(member);
  if (note && key && note->text == text) {
    for (const auto& signature : note->signatures) {
      if (signature.name == key->name && signature.key_id == key_id(*key)) return signature;
    }
  }
  return fail(unavailable(member, "answered without a signature of the key that it was admitted "
                                  "with"));
}

Result<std::optional<Note>> newest_of(const v1::Member& member,
                                      const Result<HttpAnswer>& answer) {
  if (!answer) return fail(unavailable(member, "is away: " + answer.error().detail));
  if (answer->status == 404) {
    // A node that does not have this witness has not seen what it saw.
    const bool is_elsewhere = has_type(*answer, kProblemType) &&
                              problem_error(*answer).code != Errc::kUnknownLog;
    if (!is_elsewhere) return std::optional<Note>();
    return fail(unavailable(member, "is not at its address: " +
                                        refusal(member, *answer).detail));
  }
  if (answer->status != 200) return fail(refusal(member, *answer));
  auto note = parse_note(answer->body);
  if (!note) return fail(unavailable(member, "answered no checkpoint: " + note.error().detail));
  return std::optional<Note>(*std::move(note));
}

}  // namespace

Result<WitnessAddress> parse_witness_url(const std::string& url) {
  WitnessAddress address;
  std::string_view rest = url;
  address.is_tls = rest.starts_with("https://");
  if (address.is_tls || rest.starts_with("http://")) {
    rest.remove_prefix(address.is_tls ? 8 : 7);
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto authority = rest.substr(0, slash);
    address.path = rest.substr(slash);
    while (address.path.ends_with('/')) address.path.pop_back();
    const auto colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
    address.host = authority.substr(0, has_port ? colon : authority.size());
    address.port = has_port ? std::string(authority.substr(colon + 1))
                            : address.is_tls ? "443" : "80";
    if (address.host.starts_with('[') && address.host.ends_with(']')) {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    const bool is_plain = url.find_first_of(" \t\r\n?#@") == std::string::npos;
    const bool is_port = !address.port.empty() && address.port.size() <= 5 &&
                         address.port.find_first_not_of("0123456789") == std::string::npos;
    if (is_plain && is_port && !address.host.empty()) return address;
  }
  return fail(Errc::kBadRequest,
              "expected a witness's URL like http://city.example:8080/tlog, got `" +
                  url.substr(0, 200) + "`");
}

WitnessClient::WitnessClient(int wait_ms_max)
    : wait_ms_max_(wait_ms_max),
      work_(asio::make_work_guard(context_)),
      thread_([this] { context_.run(); }) {}

WitnessClient::~WitnessClient() {
  context_.stop();
  thread_.join();
}

void WitnessClient::add_checkpoint(const v1::Member& witness,
                                   const federation::WitnessRequest& request, Cosigned cosigned) {
  const auto address = address_of(witness);
  if (!address) return cosigned(fail(address.error()));
  const auto note = parse_note(request.note);
  if (!note) return cosigned(fail(note.error()));
  Ask ask(http::verb::post, address->path + "/add-checkpoint", 11);
  ask.body() = federation::request_text(request);
  ask_at(context_, *address, std::move(ask), wait_ms_max_,
         [witness, text = note->text, cosigned = std::move(cosigned)](Result<HttpAnswer> answer) {
           cosigned(cosignature(witness, text, answer));
         });
}

void WitnessClient::newest(const v1::Member& witness, const LedgerId&, const std::string& origin,
                           NewestCosigned answer) {
  const auto address = address_of(witness);
  if (!address) return answer(fail(address.error()));
  Ask ask(http::verb::get, address->path + "/" + to_hex(sha256(origin)) + "/checkpoint", 11);
  ask_at(context_, *address, std::move(ask), wait_ms_max_,
         [witness, answer = std::move(answer)](Result<HttpAnswer> answered) {
           answer(newest_of(witness, answered));
         });
}

}  // namespace hansa::ops
