#include "ops/http/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

#include "ops/http/connection.h"
#include "ops/json_log.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

namespace asio = boost::asio;
using tcp = boost::asio::ip::tcp;

// Connections over the limit are told so, up to this many at a time; beyond, they are just closed.
constexpr size_t kRefusedAtOnceMax = 256;
constexpr auto kAcceptPause = std::chrono::milliseconds(50);

std::string make_date_line(int64_t now_us) {
  const auto seconds = static_cast<std::time_t>(now_us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t length =
      std::strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  return {text, length};
}

std::chrono::milliseconds sweep_period(const Limits& limits) {
  const uint32_t shortest = std::min(limits.request_ms_max, limits.idle_ms_max);
  return std::chrono::milliseconds(std::clamp<uint32_t>(shortest / 4, 5, 250));
}

// The worker outlives what runs on its io_context.
asio::awaitable<void> sweep(Worker* worker) {
  boost::system::error_code code;
  const auto period = sweep_period(worker->shared->options.limits);
  while (!code) {
    worker->date_line = make_date_line(SystemEnv().now_us());
    if (const auto& tls = worker->shared->options.tls) {
      tls->look_again(monotonic_us());
      worker->shared->metrics.tls_read(tls->expires_s(), tls->is_stale());
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto* connection : worker->connections) connection->check_deadline(now);
    worker->timer.expires_after(period);
    co_await worker->timer.async_wait(asio::redirect_error(asio::use_awaitable, code));
  }
}

asio::awaitable<void> serve(std::shared_ptr<Connection> connection) { co_await connection->run(); }

}  // namespace

Worker::Worker(std::shared_ptr<ServerShared> shared_state)
    : shared(std::move(shared_state)), work(asio::make_work_guard(io)), timer(io) {}

void Worker::start_sweeping() {
  date_line = make_date_line(SystemEnv().now_us());
  asio::co_spawn(io, sweep(this), asio::detached);
}

void Worker::begin_stop() {
  stopping = true;
  for (auto* connection : connections) connection->stop_when_idle();
  finish_if_empty();
}

void Worker::finish_if_empty() {
  if (!stopping || !connections.empty()) return;
  timer.cancel();
  work.reset();
}

struct Server::Impl {
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::optional<tcp::acceptor> acceptor;
  Endpoint listening;
  std::mutex mutex;
  std::condition_variable changed;
  size_t running = 0;

  Result<void> listen();
  asio::awaitable<void> accept();
  void add(tcp::socket socket, Worker& worker);
  void run(Worker& worker);
  bool stop(int64_t deadline_ms_max);
};

Result<void> Server::Impl::listen() {
  const auto& asked = shared->options.listen;
  boost::system::error_code code;
  const auto address = asio::ip::make_address(asked.host, code);
  if (!code) {
    const tcp::endpoint endpoint(address, asked.port);
    acceptor.emplace(workers.front()->io);
    acceptor->open(endpoint.protocol(), code);
    if (!code) acceptor->set_option(tcp::acceptor::reuse_address(true), code);
    if (!code) acceptor->bind(endpoint, code);
    if (!code) acceptor->listen(asio::socket_base::max_listen_connections, code);
  }
  if (code) {
    return fail(Errc::kUnavailable, "expected to listen on " + asked.text() + ", but: " +
                                        code.message() + "; choose another address or port");
  }
  listening = {asked.host, acceptor->local_endpoint().port()};
  return {};
}

asio::awaitable<void> Server::Impl::accept() {
  asio::steady_timer pause(workers.front()->io);
  for (size_t turn = 0; acceptor->is_open(); ++turn) {
    auto& worker = *workers[turn % workers.size()];
    boost::system::error_code code;
    tcp::socket socket =
        co_await acceptor->async_accept(worker.io, asio::redirect_error(asio::use_awaitable, code));
    if (code == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (code) {
      // No file descriptors left, or the peer is gone already: go on after a moment.
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, code));
      continue;
    }
    add(std::move(socket), worker);
  }
}

void Server::Impl::add(tcp::socket socket, Worker& worker) {
  const size_t limit = shared->options.limits.connections_max;
  if (shared->connections.load() >= limit + kRefusedAtOnceMax) return;
  asio::post(worker.io, [&worker, limit, socket = std::move(socket)]() mutable {
    if (worker.stopping) return;
    const bool over_limit = worker.shared->connections.load() >= limit;
    auto connection = std::make_shared<Connection>(worker, std::move(socket), over_limit);
    asio::co_spawn(worker.io, serve(std::move(connection)), asio::detached);
  });
}

void Server::Impl::run(Worker& worker) {
  try {
    worker.io.run();
  } catch (const std::exception& exception) {
    JsonLine(LogLevel::kError, "server_thread_failed").field("what", exception.what());
  }
  const std::lock_guard lock(mutex);
  --running;
  changed.notify_all();
}

bool Server::Impl::stop(int64_t deadline_ms_max) {
  if (threads.empty()) return true;
  asio::post(workers.front()->io, [this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  });
  for (auto& worker : workers) {
    asio::post(worker->io, [worker] { worker->begin_stop(); });
  }
  bool in_time = false;
  {
    std::unique_lock lock(mutex);
    in_time = changed.wait_for(lock, std::chrono::milliseconds(deadline_ms_max),
                               [this] { return running == 0; });
  }
  for (auto& worker : workers) worker->io.stop();
  for (auto& thread : threads) thread.join();
  threads.clear();
  return in_time;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { impl_->stop(0); }

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler,
                                              Metrics& metrics) {
  auto impl = std::make_unique<Impl>();
  const auto id = SystemEnv().random_id<CommandId>();
  impl->shared = std::make_shared<ServerShared>(options, std::move(handler), metrics,
                                                to_hex(id).substr(0, 12) + "-");
  for (uint32_t i = 0; i < std::max(1u, options.threads); ++i) {
    impl->workers.push_back(std::make_shared<Worker>(impl->shared));
  }
  HANSA_CHECK(impl->listen());
  auto& state = *impl;
  asio::co_spawn(state.workers.front()->io, state.accept(), asio::detached);
  for (auto& worker : state.workers) {
    worker->start_sweeping();
    ++state.running;
  }
  for (auto& worker : state.workers) {
    state.threads.emplace_back([&state, &worker = *worker] { state.run(worker); });
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Endpoint Server::listening() const { return impl_->listening; }

bool Server::stop(int64_t deadline_ms_max) { return impl_->stop(deadline_ms_max); }

}  // namespace hansa::ops
