// Goal: a caller is answered in time, whatever happens to what it waits for; an answer that comes
// too late harms nobody.
// Method: coroutines on an io_context of the test's own, whose answers the test gives or keeps.
#include "ops/http/exchange.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace hansa::ops {
namespace {

namespace asio = boost::asio;

constexpr int64_t kSoonUs = 1'000;
constexpr int64_t kNeverUs = 3'600'000'000;

using Done = std::function<void(int)>;

// What the caller heard, if anything; `io` outlives every answer.
std::optional<int> ask(asio::io_context& io, int64_t wait_us,
                       const std::function<void(Done)>& start) {
  const Call call;
  std::optional<int> answer;
  auto caller = [&]() -> asio::awaitable<void> {
    auto begin = [&](auto done) { start(std::move(done)); };
    answer = co_await await_answer_within<int>(call, wait_us, begin);
  };
  asio::co_spawn(io, caller, [](const std::exception_ptr&) {});
  io.restart();
  io.run();
  return answer;
}

TEST(AwaitAnswerWithin, WhatIsAnsweredInTimeIsHeard) {
  asio::io_context io;
  EXPECT_EQ(ask(io, kNeverUs, [](const Done& done) { done(7); }), 7);
  std::thread other;
  EXPECT_EQ(ask(io, kNeverUs, [&](Done done) { other = std::thread([done] { done(8); }); }), 8);
  other.join();
}

TEST(AwaitAnswerWithin, NobodyWaitsForEverForAnAnswerThatIsKeptBack) {
  asio::io_context io;
  Done kept;
  EXPECT_EQ(ask(io, kSoonUs, [&](Done done) { kept = std::move(done); }), std::nullopt);
}

TEST(AwaitAnswerWithin, AnAnswerThatComesTooLateIsForgotten) {
  asio::io_context io;
  Done kept;
  EXPECT_EQ(ask(io, kSoonUs, [&](Done done) { kept = std::move(done); }), std::nullopt);
  kept(9);
  EXPECT_EQ(ask(io, kNeverUs, [](const Done& done) { done(10); }), 10);
}

}  // namespace
}  // namespace hansa::ops
