#include "ops/witness_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/http/message.hpp>
#include <charconv>

#include "core/base/hash.h"
#include "core/base/schema.h"
#include "ops/client.h"

namespace hansa::ops {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using federation::Cosigned;
using federation::NewestCosigned;

namespace {

constexpr std::string_view kSizeType = "text/x.tlog.size";
constexpr std::string_view kProblemType = "application/problem+json";
constexpr size_t kDetailBytesMax = 300;

Error unavailable(const v1::Member& member, const std::string& what) {
  return {Errc::kUnavailable, "the witness of " + member.city() + " " + what};
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

WitnessClient::WitnessClient(std::shared_ptr<ClientTls> tls, int wait_ms_max)
    : tls_(std::move(tls)),
      limits_{wait_ms_max, kNoteBytesMax},
      work_(asio::make_work_guard(context_)),
      thread_([this] { context_.run(); }) {}

Result<WebAddress> WitnessClient::address_of(const v1::Member& member) const {
  if (member.witness_url().empty()) {
    return fail(unavailable(member, "is not on this node, and its admission names no witness_url"));
  }
  auto address = parse_web_address(member.witness_url());
  if (!address) return fail(unavailable(member, "cannot be asked: " + address.error().detail));
  if (address->is_tls && tls_ == nullptr) {
    return fail(unavailable(member, "is at " + member.witness_url() +
                                        ", and this node trusts no authorities of certificates"));
  }
  return address;
}

void WitnessClient::ask(const WebAddress& address, WebRequest request, Answered answered) {
  auto tls = address.is_tls ? tls_->context() : nullptr;
  asio::co_spawn(context_,
                 ask_once(context_, address, std::move(tls), std::move(request), limits_),
                 [answered = std::move(answered)](const std::exception_ptr& thrown,
                                                  Result<HttpAnswer> answer) {
                   if (thrown) answer = fail(Errc::kUnavailable, "it could not be asked");
                   answered(std::move(answer));
                 });
}

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
  WebRequest question(http::verb::post, address->path + "/add-checkpoint", 11);
  question.body() = federation::request_text(request);
  ask(*address, std::move(question),
      [witness, text = note->text, cosigned = std::move(cosigned)](Result<HttpAnswer> answer) {
        cosigned(cosignature(witness, text, answer));
      });
}

void WitnessClient::newest(const v1::Member& witness, const LedgerId&, const std::string& origin,
                           NewestCosigned answer) {
  const auto address = address_of(witness);
  if (!address) return answer(fail(address.error()));
  const auto path = address->path + "/" + to_hex(sha256(origin)) + "/checkpoint";
  WebRequest question(http::verb::get, path, 11);
  ask(*address, std::move(question),
      [witness, answer = std::move(answer)](Result<HttpAnswer> answered) {
        answer(newest_of(witness, answered));
      });
}

}  // namespace hansa::ops
