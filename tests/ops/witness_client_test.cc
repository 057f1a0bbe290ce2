// Goal: what a witness on another node answers is taken for what the specification says and for
// nothing else, and one that is away, slow or confused holds up no other.
// Method: a server of ours that answers what the test wants, and the client of a node before it.
#include "ops/witness_client.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <future>

#include "core/base/hash.h"
#include "ops/http/server.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kSeed = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOtherSeed = "another seed of 32 characters...";
constexpr std::string_view kOrigin = "example.org/alliance/delta/00000000000000000000000000000000";

class WitnessClientTest : public ::testing::Test {
 protected:
  WitnessClientTest() {
    ServerOptions options;
    options.listen.host = "127.0.0.1";
    options.listen.port = 0;
    auto started = Server::start(
        options,
        [this](const Call& call) -> boost::asio::awaitable<Reply> {
          const std::lock_guard lock(mutex_);
          asked_.push_back(std::string(call.verb) + " " + std::string(call.path) + "\n" +
                           std::string(call.body));
          co_return reply_;
        },
        metrics_);
    server_ = *std::move(started);
    member_.set_city("wuxi");
    member_.set_founding_id(std::string(32, '0'));
    member_.set_witness_key(to_hex(public_key_of(std::string(kSeed))));
    member_.set_witness_url("http://" + server_->listening().text() + "/tlog/");
    const auto by = sign_note(std::string(kOrigin), std::string(kSeed), kText);
    request_.note = note_text({kText, {by}});
  }

  void will_answer(int status, std::string body, std::string content_type = "text/plain") {
    const std::lock_guard lock(mutex_);
    reply_ = {};
    reply_.status = status;
    reply_.body = std::move(body);
    reply_.content_type = std::move(content_type);
  }
  std::string line_of(std::string_view seed) const {
    const auto by = cosign_note(key().name, std::string(seed), kText, 5);
    return note_text({"\n", {by}}).substr(2);
  }
  NoteKey key() const { return *witness_key(member_); }
  Result<NoteSignature> add_checkpoint() {
    std::promise<Result<NoteSignature>> answer;
    client_.add_checkpoint(member_, request_,
                           [&](Result<NoteSignature> signature) { answer.set_value(signature); });
    return answer.get_future().get();
  }
  Result<std::optional<Note>> newest() {
    std::promise<Result<std::optional<Note>>> answer;
    client_.newest(member_, {"alliance", "delta"}, std::string(kOrigin),
                   [&](Result<std::optional<Note>> note) { answer.set_value(note); });
    return answer.get_future().get();
  }
  Errc refused() {
    const auto answer = add_checkpoint();
    return answer ? Errc::kInternal : answer.error().code;
  }

  const std::string kText = std::string(kOrigin) + "\n1\n" + std::string(43, 'A') + "=\n";
  Metrics metrics_;
  std::mutex mutex_;
  Reply reply_;                     // guarded by mutex_
  std::vector<std::string> asked_;  // guarded by mutex_
  std::unique_ptr<Server> server_;
  v1::Member member_;
  federation::WitnessRequest request_;
  WitnessClient client_;
};

TEST_F(WitnessClientTest, ACosignatureIsTakenFromWhereTheAdmissionSays) {
  will_answer(200, line_of(kSeed));
  const auto signature = add_checkpoint();
  ASSERT_TRUE(signature) << signature.error().detail;
  EXPECT_EQ(signature->name, key().name);
  EXPECT_EQ(*signed_by({kText, {*signature}}, key()).value(), 5);
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_.front(),
            "POST /tlog/add-checkpoint\n" + federation::request_text(request_));
}

TEST_F(WitnessClientTest, OtherLinesBesideItAreLeftAlone) {
  auto other = cosign_note("example.org/another", std::string(kOtherSeed), kText, 6);
  will_answer(200, note_text({"\n", {other}}).substr(2) + line_of(kSeed));
  const auto signature = add_checkpoint();
  ASSERT_TRUE(signature) << signature.error().detail;
  EXPECT_EQ(signature->name, key().name);
}

TEST_F(WitnessClientTest, EveryRefusalHasItsCode) {
  for (const auto& [status, code] : {std::pair{400, Errc::kBadRequest},
                                     {403, Errc::kBadSignature},
                                     {404, Errc::kUnknownLog},
                                     {422, Errc::kBadProof},
                                     {429, Errc::kUnavailable},
                                     {500, Errc::kUnavailable},
                                     {302, Errc::kUnavailable}}) {
    will_answer(status, "no\n");
    EXPECT_EQ(refused(), code) << status;
  }
  will_answer(409, "17\n", "text/x.tlog.size");
  const auto answer = add_checkpoint();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kOtherSize);
  EXPECT_EQ(answer.error().seq, 17U);
}

TEST_F(WitnessClientTest, WhatNoWitnessSaysIsNoAnswer) {
  struct Confused {
    int status;
    std::string body;
    std::string content_type;
  };
  const std::string line = line_of(kSeed);
  for (const auto& [status, body, content_type] :
       {Confused{409, "17", "text/x.tlog.size"}, Confused{409, "017\n", "text/x.tlog.size"},
        Confused{409, "-1\n", "text/x.tlog.size"}, Confused{409, "17\n", "text/plain"},
        Confused{200, "", "text/plain"}, Confused{200, "<html></html>\n", "text/html"},
        Confused{200, line.substr(0, line.size() - 1), "text/plain"},
        Confused{200, line_of(kOtherSeed), "text/plain"},
        Confused{200, "\n" + line, "text/plain"},
        Confused{200, line + std::string(kNoteBytesMax, 'x'), "text/plain"}}) {
    will_answer(status, body, content_type);
    EXPECT_EQ(refused(), Errc::kUnavailable) << status << " " << body.substr(0, 100);
  }
}

TEST_F(WitnessClientTest, TheNewestCheckpointIsAskedForByTheHashOfTheOrigin) {
  will_answer(200, request_.note);
  const auto note = newest();
  ASSERT_TRUE(note && *note);
  EXPECT_EQ(note_text(**note), request_.note);
  EXPECT_EQ(asked_.front(), "GET /tlog/" + to_hex(sha256(kOrigin)) + "/checkpoint\n");
  will_answer(404, "unknown\n");
  const auto none = newest();
  ASSERT_TRUE(none) << none.error().detail;
  EXPECT_FALSE(*none);
  will_answer(404, R"({"code": "unknown_log"})", "application/problem+json");
  EXPECT_TRUE(newest());
  for (const auto& [status, body] : {std::pair{200, "no note"}, {500, ""}, {301, ""}}) {
    will_answer(status, body);
    EXPECT_EQ(newest().error().code, Errc::kUnavailable) << status;
  }
}

// Else a node that has lost its city would say that its witness has seen nothing.
TEST_F(WitnessClientTest, ANodeWithoutTheWitnessIsNotOneThatHasSeenNothing) {
  will_answer(404, R"({"code": "unknown_route", "detail": "hosts no city"})",
              "application/problem+json");
  const auto answer = newest();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
}

TEST_F(WitnessClientTest, OneThatNeverAnswersHoldsUpNoOther) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor silent(
      context, {boost::asio::ip::make_address("127.0.0.1"), 0});
  auto mute = member_;
  mute.set_witness_url("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  WitnessClient patient(nullptr, 200);
  std::promise<Result<NoteSignature>> late;
  std::promise<bool> first;
  std::atomic<int> answers{0};
  patient.add_checkpoint(mute, request_, [&](Result<NoteSignature> answer) {
    first.set_value(answers++ > 0);
    late.set_value(answer);
  });
  will_answer(200, line_of(kSeed));
  std::promise<Result<NoteSignature>> good;
  patient.add_checkpoint(member_, request_, [&](Result<NoteSignature> answer) {
    ++answers;
    good.set_value(answer);
  });
  EXPECT_TRUE(good.get_future().get());
  EXPECT_EQ(late.get_future().get().error().code, Errc::kUnavailable);
  EXPECT_TRUE(first.get_future().get()) << "the silent one was answered first";
}

TEST_F(WitnessClientTest, AnAddressThatCannotBeAskedIsNamed) {
  for (const auto& [url, named] :
       {std::pair{"", "no witness_url"}, {"https://wuxi.example/tlog", "trusts no authorities"},
        {"ftp://wuxi.example", "expected an address"}, {"http://", "expected"},
        {"http://wuxi example", "expected"}, {"http://wuxi.example:x/", "expected"}}) {
    member_.set_witness_url(url);
    const auto answer = add_checkpoint();
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().code, Errc::kUnavailable) << url;
    EXPECT_NE(answer.error().detail.find(named), std::string::npos) << answer.error().detail;
    EXPECT_EQ(newest().error().code, Errc::kUnavailable) << url;
  }
  member_.set_witness_url("http://127.0.0.1:1");
  EXPECT_EQ(refused(), Errc::kUnavailable);
}

TEST(WebPageUrl, KeepsItsQueryAndTheSlashAtItsEnd) {
  const auto target = [](const std::string& url) {
    const auto page = parse_web_page(url);
    return page ? page->target : page.error().detail;
  };
  EXPECT_EQ(target("https://id.example"), "/");
  EXPECT_EQ(target("https://id.example?policy=staff"), "/?policy=staff");
  EXPECT_EQ(target("https://id.example:444/keys/"), "/keys/");
  EXPECT_EQ(target("https://id.example/keys?policy=staff/2"), "/keys?policy=staff/2");
  EXPECT_EQ(parse_web_page("https://id.example:444/keys?a=b")->address.port, "444");
  for (const auto* url : {"id.example/keys", "https:///keys", "https://id.example/k#1",
                          "https://id.example/k?a=b#1", "https://id.example/k?a b", "?a=b"}) {
    EXPECT_FALSE(parse_web_page(url)) << url;
  }
}

TEST(WitnessUrl, IsReadInParts) {
  const auto url = parse_web_address("http://[::1]:8080/tlog/city/wuxi/");
  ASSERT_TRUE(url) << url.error().detail;
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, "8080");
  EXPECT_EQ(url->path, "/tlog/city/wuxi");
  EXPECT_EQ(parse_web_address("http://wuxi.example")->port, "80");
  EXPECT_EQ(parse_web_address("https://wuxi.example")->port, "443");
}

}  // namespace
}  // namespace hansa::ops
