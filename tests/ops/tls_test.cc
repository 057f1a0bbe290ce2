// Goal: keys and answers travel only between those who show the right certificate; a certificate is
// replaced without a stop; whoever gets it wrong learns what is wrong. Method: a server of ours, an
// authority of the test's own, and callers that have every certificate but the right one.
#include "ops/tls.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "ops/client.h"
#include "ops/http/server.h"
#include "tests/ops/certificate_maker.h"
#include "tests/streams/log_helpers.h"

namespace hansa::ops {
namespace {

using testing::Authority;
using testing::CertificateWish;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    town_.write_own(file("town.pem"));
    town_.write(folder_.path(), "node", {});
    settings_ = {file("node.crt"), file("node.key"), ""};
  }
  ~TlsTest() override {
    if (server_ != nullptr) server_->stop(1'000);
  }

  std::string file(const std::string& name) const { return folder_.path() + "/" + name; }

  void serve() {
    auto tls = ServerTls::open(settings_);
    ASSERT_TRUE(tls) << tls.error().detail;
    ServerOptions options;
    options.listen = {"127.0.0.1", 0};
    options.limits = limits_;
    options.tls = tls_ = *tls;
    auto server = Server::start(
        options,
        [](const Call& call) -> boost::asio::awaitable<Reply> {
          Reply reply;
          reply.body = std::string(call.path) + std::string(call.body);
          co_return reply;
        },
        metrics_);
    ASSERT_TRUE(server) << server.error().detail;
    server_ = *std::move(server);
  }
  std::string https() const { return "https://" + server_->listening().text(); }

  Result<HttpAnswer> ask(const TlsTrust& trust, std::string body = "") {
    HANSA_TRY(auto client, Client::open(https(), "", trust));
    return client.request({"POST", "/path", std::move(body)});
  }
  void expect_refused(const TlsTrust& trust, const std::string& because) {
    const auto answer = ask(trust);
    ASSERT_FALSE(answer) << because;
    EXPECT_EQ(answer.error().code, Errc::kUnavailable);
    EXPECT_NE(answer.error().detail.find(because), std::string::npos) << answer.error().detail;
  }
  std::string count(const std::string& series) const {
    const auto text = metrics_.text({});
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? "none"
                                   : text.substr(at + series.size() + 2,
                                                 text.find('\n', at + 1) - at - series.size() - 2);
  }

  streams::TempFolder folder_;
  Authority town_{"Town"};
  TlsSettings settings_;
  Limits limits_;
  Metrics metrics_;
  std::shared_ptr<ServerTls> tls_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsTest, WhoTrustsTheAuthorityIsAnswered) {
  serve();
  const auto answer = ask({file("town.pem")}, std::string(300'000, 'x'));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body.size(), 300'005u);
}

TEST_F(TlsTest, AServerOfAnotherAuthorityIsNotTalkedTo) {
  serve();
  Authority other("Other");
  other.write_own(file("other.pem"));
  expect_refused({file("other.pem")}, "certificate is not taken");
  expect_refused({}, "certificate is not taken");
}

TEST_F(TlsTest, AServerOfAnotherNameIsNotTalkedTo) {
  town_.write(folder_.path(), "node", {.host = "elsewhere.example"});
  serve();
  expect_refused({file("town.pem")}, "IP address mismatch");
}

TEST_F(TlsTest, AnExpiredServerIsNotTalkedTo) {
  town_.write(folder_.path(), "node", {.begins_s = -7'200, .ends_s = -3'600});
  serve();
  expect_refused({file("town.pem")}, "expired");
}

TEST_F(TlsTest, WhereCallersNeedCertificatesOneOfTheAuthorityIsNeeded) {
  settings_.caller_authorities = file("town.pem");
  serve();
  town_.write(folder_.path(), "caller", {});
  Authority other("Other");
  other.write(folder_.path(), "stranger", {});
  expect_refused({file("town.pem")}, "certificate required");
  expect_refused({file("town.pem"), file("stranger.crt"), file("stranger.key")}, "unknown ca");
  const auto answer = ask({file("town.pem"), file("caller.crt"), file("caller.key")});
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(count("hansa_ops_tls_refused_total"), "2");
}

TEST_F(TlsTest, ACertificateIsReplacedWithoutAStop) {
  serve();
  ASSERT_TRUE(ask({file("town.pem")}));
  Authority next("Next");
  next.write_own(file("next.pem"));
  next.write(folder_.path(), "node", {.ends_s = 7 * 86'400});
  const auto before_s = tls_->expires_s();
  while (tls_->expires_s() == before_s) std::this_thread::yield();
  EXPECT_TRUE(ask({file("next.pem")}));
  expect_refused({file("town.pem")}, "certificate is not taken");
}

TEST_F(TlsTest, WhatACallerShowsAndTrustsIsReadAnew) {
  settings_.caller_authorities = file("town.pem");
  serve();
  Authority other("Other");
  other.write_own(file("trusted.pem"));
  other.write(folder_.path(), "caller", {});
  auto caller = ClientTls::open({file("trusted.pem"), file("caller.crt"), file("caller.key")});
  ASSERT_TRUE(caller) << caller.error().detail;
  const auto ask = [&] {
    boost::asio::io_context context(1);
    const auto address = *parse_web_address(https());
    WebRequest question(boost::beast::http::verb::get, "/", 11);
    const auto answer = run(context, ask_once(context, address, (*caller)->context(),
                                              std::move(question), {}));
    return answer ? "taken" : answer.error().detail;
  };
  EXPECT_NE(ask().find("certificate is not taken"), std::string::npos) << ask();
  town_.write_own(file("trusted.pem"));
  EXPECT_NE(ask().find("unknown ca"), std::string::npos) << ask();
  town_.write(folder_.path(), "caller", {});
  EXPECT_EQ(ask(), "taken");
  ASSERT_TRUE(write_file(file("caller.crt"), "no certificate"));
  EXPECT_EQ(ask(), "taken") << "what was read before stays";
  const auto spoilt =
      ClientTls::open({file("trusted.pem"), file("caller.crt"), file("caller.key")});
  ASSERT_FALSE(spoilt);
  EXPECT_EQ(spoilt.error().code, Errc::kBadFile);
}

TEST_F(TlsTest, ASpoiltFileLeavesTheCertificateThatWasRead) {
  serve();
  ASSERT_TRUE(write_file(file("node.crt"), "no certificate"));
  while (!tls_->is_stale()) std::this_thread::yield();
  EXPECT_TRUE(ask({file("town.pem")}));
  town_.write(folder_.path(), "node", {});
  while (tls_->is_stale()) std::this_thread::yield();
  EXPECT_TRUE(ask({file("town.pem")}));
}

TEST_F(TlsTest, FilesThatDoNotServeStopTheStartAndAreNamed) {
  const auto refused = [&](const TlsSettings& settings) {
    const auto tls = ServerTls::open(settings);
    EXPECT_FALSE(tls);
    if (tls) return std::string();
    EXPECT_EQ(tls.error().code, Errc::kBadConfig);
    return tls.error().detail;
  };
  EXPECT_NE(refused({file("none.crt"), file("node.key"), ""}).find("none.crt: expected"),
            std::string::npos);
  town_.write(folder_.path(), "other", {});
  EXPECT_NE(refused({file("node.crt"), file("other.key"), ""}).find("other.key: expected"),
            std::string::npos);
  EXPECT_NE(refused({file("node.crt"), file("node.key"), file("none.pem")}).find("none.pem"),
            std::string::npos);
}

class Plain {
 public:
  explicit Plain(uint16_t port) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  void write(const std::string& bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  std::string read_all() {
    std::string bytes;
    boost::system::error_code end;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(bytes), end);
    return bytes;
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
};

TEST_F(TlsTest, WhoSpeaksPlainHttpIsToldWhatToDo) {
  serve();
  Plain caller(server_->listening().port);
  caller.write("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  const auto answer = caller.read_all();
  EXPECT_NE(answer.find("400 Bad Request"), std::string::npos) << answer;
  EXPECT_NE(answer.find("https://"), std::string::npos) << answer;
}

TEST_F(TlsTest, WhoNeverShakesHandsIsCutOffAndHoldsUpNobody) {
  limits_.request_ms_max = 100;
  serve();
  Plain silent(server_->listening().port);
  Plain half(server_->listening().port);
  half.write(std::string("\x16\x03\x01\x02", 4));
  EXPECT_TRUE(ask({file("town.pem")}));
  EXPECT_EQ(silent.read_all(), "");
  half.read_all();
  EXPECT_EQ(count("hansa_ops_tls_refused_total"), "1");
}

}  // namespace
}  // namespace hansa::ops
