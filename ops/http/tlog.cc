#include "ops/http/tlog.h"

#include <charconv>

#include "core/alliance/identity.h"
#include "core/base/schema.h"
#include "ops/http/shares.h"
#include "ops/system_env.h"

namespace hansa::ops {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kForEver = "public, max-age=31536000, immutable";
constexpr std::string_view kForEverPrivate = "private, max-age=31536000, immutable";
constexpr std::string_view kForASecond = "public, max-age=1";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kAddCheckpoint = "add-checkpoint";
constexpr std::string_view kCheckpointEnd = "/checkpoint";
constexpr std::string_view kCityStart = "city/";
constexpr size_t kHexDigits = 64;
constexpr int kUnprocessable = 422;

Error unknown_page() {
  return {Errc::kUnknownRoute,
          "a log has checkpoint, tile/…, tile/entries/…, vkey and proof/<seq> under "
          "/tlog/alliance/<id>/ and /tlog/share/<alliance>/<city>/"};
}

// Takes "alliance/delta/" or "share/delta/wuxi/" off the path.
std::optional<LedgerId> take_ledger(std::string_view& path) {
  const int segments = path.starts_with("share/") ? 3 : 2;
  size_t end = 0;
  for (int i = 0; i < segments; ++i) {
    end = path.find('/', end + (i > 0 ? 1 : 0));
    if (end == std::string_view::npos) return std::nullopt;
  }
  const auto ledger = LedgerId::parse(path.substr(0, end));
  path.remove_prefix(end + 1);
  return ledger;
}

bool takes_prefix(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

// What follows "city/<id>/", or all of it.
std::string_view behind_city(std::string_view path) {
  if (!takes_prefix(path, kCityStart)) return path;
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? "" : path.substr(slash + 1);
}

Result<Seq> seq_in_path(std::string_view text) {
  Seq seq = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (code == std::errc() && std::to_string(seq) == text) return seq;
  return fail(unknown_page());
}

Reply page(std::string body, std::string_view content_type, std::string_view caching) {
  Reply reply;
  reply.body = std::move(body);
  reply.content_type = content_type;
  reply.caching = caching;
  return reply;
}

// A note's last lines.
std::string signature_line(const NoteSignature& signature) {
  constexpr std::string_view kAnyText = "\n";
  return note_text({std::string(kAnyText), {signature}}).substr(kAnyText.size() + 1);
}

// A checkpoint of what is no ledger is one of a log that is not known.
Result<void> check_named(const federation::WitnessRequest& request) {
  HANSA_TRY(const auto note, parse_note(request.note));
  HANSA_TRY(const auto checkpoint, parse_checkpoint(note.text));
  if (read_ledger_note(note)) return {};
  return fail(Errc::kUnknownLog, "`" + std::string(whole_characters(checkpoint.origin, 100)) +
                                     "` is no ledger, or its checkpoint has no tip");
}

// Of a witness, as tlog-witness has it.
Result<Reply> refusal(const Error& error, const Call& call) {
  if (error.code == Errc::kOtherSize) {
    auto reply = page(std::to_string(error.seq) + "\n", "text/x.tlog.size", "no-store");
    reply.status = error_info(error.code).http_status;
    return reply;
  }
  if (error.code != Errc::kForkFound) return fail(error);
  auto reply = problem_reply(error, call.request_id);
  reply.status = kUnprocessable;
  return reply;
}

}  // namespace

asio::awaitable<Result<Reply>> TlogPages::answer(const Call& call, std::string& allow) {
  const auto path = call.path.substr(kTlogPath.size());
  const bool is_request = path.ends_with(kAddCheckpoint);
  allow = is_request ? "OPTIONS, POST" : "GET, HEAD, OPTIONS";
  if (call.verb == "OPTIONS") {
    Reply reply;
    reply.status = 204;
    reply.headers = "Allow: " + allow + "\r\n";
    co_return reply;
  }
  const bool is_read = call.verb == "GET" || call.verb == "HEAD";
  if (is_request ? call.verb != "POST" : !is_read) {
    co_return fail(Errc::kMethodNotAllowed, "expected one of " + allow + " at this address");
  }
  if (is_request) co_return co_await cosign(call, path);
  if (path.starts_with(kCityStart) || path.find('/') == kHexDigits) {
    co_return co_await newest_cosigned(call, path);
  }
  co_return page_of(call, path);
}

Result<Reply> TlogPages::page_of(const Call& call, std::string_view path) {
  const auto ledger = take_ledger(path);
  if (!ledger) return fail(unknown_page());
  const auto log = node_.transparency_log(*ledger);
  if (!log) {
    return fail(Errc::kUnknownLog, "this node keeps no log of " + ledger->text() +
                                       "; a share is served where its city is");
  }
  const auto rows = log->keeper->snapshot();
  const bool is_confirmed = takes_prefix(path, "confirmed/");
  if (path == "checkpoint") {
    HANSA_TRY(auto note, is_confirmed ? federation::confirmed_checkpoint(*rows)
                                      : federation::newest_checkpoint(*rows));
    return page(std::move(note), kText, kForASecond);
  }
  if (path == "vkey") {
    HANSA_TRY(auto vkey, federation::log_vkey(*rows, log->keys));
    return page(std::move(vkey), kText, kForASecond);
  }
  if (takes_prefix(path, "proof/")) {
    HANSA_TRY(const Seq seq, seq_in_path(path));
    HANSA_TRY(auto proof, federation::proof_of(*rows, seq));
    return page(std::move(proof), kText, kForASecond);
  }
  return tile(call, *ledger, *log, path);
}

Result<Reply> TlogPages::tile(const Call& call, const LedgerId& ledger,
                              const TransparencyLog& log, std::string_view path) {
  const auto wanted = parse_tile_path(path);
  if (!wanted) return fail(unknown_page());
  const auto rows = log.keeper->snapshot();
  if (!wanted->is_entries) {
    HANSA_TRY(auto hashes, federation::hash_tile(*rows, wanted->tile, wanted->width));
    return page(std::move(hashes), kBytes, kForEver);
  }
  HANSA_CHECK(may_read_entries(call, ledger));
  HANSA_TRY(auto bundle, bundles_.read(*rows, ledger, node_.read_log(), wanted->tile.index,
                                       wanted->width));
  return page(std::move(bundle), kBytes, kForEverPrivate);
}

Result<void> TlogPages::may_read_entries(const Call& call, const LedgerId& ledger) {
  HANSA_TRY(const auto reader,
            access_.authenticate(call.authorization, call.api_key, monotonic_us()));
  const auto alliance = ledger.id.substr(0, ledger.id.find('/'));
  HANSA_CHECK(permit_caller(find_method("ListShareEntries")->rule, *reader,
                            {std::string(kAllianceKind), alliance}));
  if (ledger.kind != kShareKind) return {};
  const auto city = ledger.id.substr(alliance.size() + 1);
  if (reads_all_shares(*reader, city)) return {};
  return fail(Errc::kForbidden, "some of what " + city + " shares may be withheld from this "
                                "caller; ask for single entries under /v1/alliances/" + alliance +
                                "/shares/" + city + "/entries");
}

// "city/wuxi/…" names the city; without it there must be one alone.
Result<std::shared_ptr<federation::Witness>> TlogPages::witness_of(std::string_view path) const {
  std::string city;
  size_t cities = 0;
  for (const auto& hosted : node_.config().ledgers) {
    if (hosted.ledger.kind != kCityKind) continue;
    city = hosted.ledger.id;
    ++cities;
  }
  if (takes_prefix(path, kCityStart)) {
    city = path.substr(0, path.find('/'));
  } else if (cities != 1) {
    return fail(Errc::kUnknownRoute, "this node hosts " + std::to_string(cities) +
                                         " cities: name the one whose witness is meant, as in "
                                         "/tlog/city/<id>/add-checkpoint");
  }
  if (auto witness = node_.witness(city)) return witness;
  return fail(Errc::kUnknownRoute, "this node hosts no city " +
                                       std::string(whole_characters(city, 40)) +
                                       " that has a witness");
}

asio::awaitable<Result<Reply>> TlogPages::cosign(const Call& call, std::string_view path) {
  if (behind_city(path) != kAddCheckpoint) co_return fail(unknown_page());
  const auto witness = witness_of(path);
  if (!witness) co_return fail(witness.error());
  if (call.body.size() > federation::kWitnessBodyBytesMax) {
    co_return fail(Errc::kTooLarge, "expected a body of at most " +
                                        std::to_string(federation::kWitnessBodyBytesMax) +
                                        " bytes");
  }
  const auto request = federation::parse_witness_request(call.body);
  if (!request) co_return fail(request.error());
  if (auto known = check_named(*request); !known) co_return fail(known.error());
  const int64_t wait_us = int64_t{1'000} * node_.config().limits.request_ms_max;
  auto start = [&](auto done) { (*witness)->add_checkpoint(*request, std::move(done)); };
  const auto signature =
      co_await await_answer_within<Result<NoteSignature>>(call, wait_us, start);
  if (!signature) co_return fail(projections::unknown_outcome());
  if (!*signature) co_return refusal(signature->error(), call);
  co_return page(signature_line(**signature), kText, "no-store");
}

asio::awaitable<Result<Reply>> TlogPages::newest_cosigned(const Call& call,
                                                          std::string_view path) {
  const auto name = behind_city(path);
  if (name.size() != kHexDigits + kCheckpointEnd.size() || !name.ends_with(kCheckpointEnd)) {
    co_return fail(unknown_page());
  }
  const auto witness = witness_of(path);
  if (!witness) co_return fail(witness.error());
  const std::string hash(name.substr(0, kHexDigits));
  const int64_t wait_us = int64_t{1'000} * node_.config().limits.request_ms_max;
  auto start = [&](auto done) { (*witness)->newest_by_hash(hash, std::move(done)); };
  auto note = co_await await_answer_within<Result<std::optional<Note>>>(call, wait_us, start);
  if (!note) co_return fail(Errc::kUnavailable, "its rows are not there yet");
  if (!*note) co_return fail(note->error());
  if (!**note) co_return fail(Errc::kUnknownLog, "this witness has cosigned no log of that name");
  co_return page(note_text(***note), kText, "no-store");
}

}  // namespace hansa::ops
