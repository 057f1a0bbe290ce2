// Call and Reply: one HTTP request as handlers see it, and what they answer.
//
// Shape:   texts of a Call point into the connection's buffers and live until the Reply is made.
//          problem_reply makes the Reply for an Error. await_answer waits, in a coroutine, for
//          something that calls back once from another thread; await_answer_within gives up
//          after a time, and what comes later is forgotten.
// Errors:  a handler answers every failure as a Reply; what it throws becomes 500 `internal`.
// Threads: a handler runs on the thread of its connection and must not block it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"
#include "ops/metrics.h"

namespace hansa::ops {

struct Call {
  std::string_view verb;
  std::string_view path;
  std::string_view query;
  std::string_view authorization;
  std::string_view api_key;
  std::string_view idempotency_key;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view accept;
  std::string_view last_event_id;
  std::string_view body;
  std::string request_id;
  // Whoever answers later, from another thread, holds the worker until then.
  std::weak_ptr<void> worker;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string headers;  // whole lines, each with its CR LF
  std::string_view caching = "no-store";  // a literal
  size_t route = route_number(PlainRoute::kNone);
  std::optional<Errc> problem;
  Seq seq = 0;          // of the entry that a command became
  std::string subject;  // what the command was about
};

using Handler = std::function<boost::asio::awaitable<Reply>(const Call&)>;

Reply problem_reply(const Error& error, std::string_view request_id);

// The header's value before any ';', spaces cut: "application/json".
std::string_view media_type(std::string_view content_type);

// start(done) begins something that calls done(T) once, from any thread.
template <typename T, typename Start>
boost::asio::awaitable<T> await_answer(const Call& call, Start start) {
  auto keep = call.worker.lock();
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  auto initiate = [&](auto handler) {
    auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
    start([executor, keep, waiting](T value) {
      boost::asio::post(executor, [waiting, value = std::move(value)]() mutable {
        (*waiting)(std::move(value));
      });
    });
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
      initiate, boost::asio::use_awaitable);
}

// As await_answer; nothing where done(T) was not called within `wait_us`.
template <typename T, typename Start>
boost::asio::awaitable<std::optional<T>> await_answer_within(const Call& call, int64_t wait_us,
                                                             Start start) {
  auto keep = call.worker.lock();
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  auto initiate = [&](auto handler) {
    struct Race {
      decltype(handler) waiting;
      boost::asio::steady_timer timer;
      bool is_over = false;  // touched by the connection's thread alone

      void end(std::optional<T> value) {
        if (std::exchange(is_over, true)) return;
        timer.cancel();
        waiting(std::move(value));
      }
    };
    auto race = std::make_shared<Race>(
        Race{std::move(handler), boost::asio::steady_timer(executor)});
    race->timer.expires_after(std::chrono::microseconds(wait_us));
    race->timer.async_wait([race](const boost::system::error_code& code) {
      if (!code) race->end(std::nullopt);
    });
    start([executor, keep, race](T value) {
      boost::asio::post(executor, [race, value = std::move(value)]() mutable {
        race->end(std::move(value));
      });
    });
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                 void(std::optional<T>)>(
      initiate, boost::asio::use_awaitable);
}

}  // namespace hansa::ops
