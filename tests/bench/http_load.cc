// Goal: how many requests a second a running server answers, and how long each takes.
// Method: keep-alive connections that each wait for their answer before the next request, all on
// one thread; `report` sends ReportCase with an Idempotency-Key of its own, `get` reads the cases
// c<first> to c<last> in turn. Answers are read to their last byte; any but 2xx counts as refused.
// A tenth of the time warms up uncounted. Prints one JSON object.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Options {
  uint16_t port = 8080;
  std::string key;
  std::string city = "bench";
  std::string mode = "report";
  size_t connections = 64;
  int64_t seconds = 10;
  uint64_t first = 1;
  uint64_t last = 1;
  bool contact = false;
};

Options parse(int count, char** words) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    const std::string value = words[i + 1];
    if (name == "--port") options.port = static_cast<uint16_t>(std::stoul(value));
    else if (name == "--key") options.key = value;
    else if (name == "--city") options.city = value;
    else if (name == "--mode") options.mode = value;
    else if (name == "--connections") options.connections = std::stoull(value);
    else if (name == "--seconds") options.seconds = std::stoll(value);
    else if (name == "--first") options.first = std::stoull(value);
    else if (name == "--last") options.last = std::stoull(value);
    else if (name == "--contact") options.contact = value == "yes";
    else give_up("no such option: " + name);
  }
  return options;
}

struct Shared {
  explicit Shared(const Options& chosen) : options(chosen), latencies(4'000'000) {}

  bool counts(int64_t now_us) const { return now_us >= count_from_us && now_us < end_us; }

  const Options& options;
  Latencies latencies;
  SystemEnv env;
  uint64_t number = 0;
  uint64_t refused = 0;
  int64_t count_from_us = 0;
  int64_t end_us = 0;
  size_t open = 0;
};

// One connection: send, read the whole answer, again until the time is over.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, Shared& shared) : socket_(io), shared_(shared) {}

  void start(const tcp::endpoint& endpoint) {
    socket_.connect(endpoint);
    socket_.set_option(tcp::no_delay(true));
    ++shared_.open;
    send();
  }

 private:
  std::string next_request() {
    const auto& options = shared_.options;
    const uint64_t number = shared_.number++;
    const std::string host = " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
                             options.key + "\r\n";
    if (options.mode == "get") {
      const uint64_t chosen = options.first + number % (options.last - options.first + 1);
      return "GET /v1/cities/" + options.city + "/cases/c" + std::to_string(chosen) + host +
             "\r\n";
    }
    std::array<uint8_t, 10> random{};
    shared_.env.random(random.data(), random.size());
    const uint64_t spread = number * 104729 % 1'000'003;
    std::string body =
        R"({"kind": "problem", "source": "hotline", "service": "rubbish", "place": {"district": )"
        R"("north", "street": "street-)" +
        std::to_string(spread % 20) + R"(", "community": "community-)" +
        std::to_string(spread % 20) + "-" + std::to_string(spread / 20 % 20) +
        R"(", "latitude": )" + std::to_string(31.0 + static_cast<double>(spread % 997) / 2000) +
        R"(, "longitude": )" + std::to_string(120.0 + static_cast<double>(spread / 997) / 2000) +
        R"(}, "description": "Bags beside the bin, number )" + std::to_string(spread) + "\"";
    if (options.contact) {
      body += R"(, "contact": {"name": "Li Wei", "phone": "+86512)" +
              std::to_string(60000000 + spread % 100000) + "\"}";
    }
    body += "}";
    return "POST /v1/cities/" + options.city + "/cases" + host +
           "Content-Type: application/json\r\nIdempotency-Key: " +
           uuid_text(make_uuid_v7(shared_.env.now_us() / 1000, random)) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  void send() {
    sent_us_ = monotonic_us();
    if (sent_us_ >= shared_.end_us) {
      --shared_.open;
      return;
    }
    request_ = next_request();
    asio::async_write(socket_, asio::buffer(request_),
                      [self = shared_from_this()](boost::system::error_code error, size_t) {
                        if (error) give_up("sending: " + error.message());
                        self->read_head();
                      });
  }

  void read_head() {
    asio::async_read_until(socket_, asio::dynamic_buffer(answer_), "\r\n\r\n",
                           [self = shared_from_this()](boost::system::error_code error,
                                                       size_t length) {
                             if (error) give_up("reading: " + error.message());
                             self->read_body(length);
                           });
  }

  void read_body(size_t head_length) {
    const size_t whole = head_length + content_length(answer_.substr(0, head_length));
    if (answer_.size() >= whole) return take(whole);
    asio::async_read(socket_, asio::dynamic_buffer(answer_),
                     asio::transfer_exactly(whole - answer_.size()),
                     [self = shared_from_this(), whole](boost::system::error_code error, size_t) {
                       if (error) give_up("reading: " + error.message());
                       self->take(whole);
                     });
  }

  static size_t content_length(std::string head) {
    for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string name = "\r\ncontent-length:";
    const auto at = head.find(name);
    if (at == std::string::npos) give_up("an answer without Content-Length: " + head);
    const auto from = head.find_first_not_of(' ', at + name.size());
    size_t length = 0;
    std::from_chars(head.data() + from, head.data() + head.size(), length);
    return length;
  }

  void take(size_t whole) {
    const int64_t now_us = monotonic_us();
    const bool accepted = answer_.compare(0, 10, "HTTP/1.1 2") == 0;
    if (!accepted && shared_.refused++ == 0) {
      std::fprintf(stderr, "refused: %s\n", answer_.c_str());
    }
    if (accepted && shared_.counts(now_us)) shared_.latencies.add(now_us - sent_us_);
    answer_.erase(0, whole);
    send();
  }

  tcp::socket socket_;
  Shared& shared_;
  std::string request_;
  std::string answer_;
  int64_t sent_us_ = 0;
};

void run(const Options& options) {
  asio::io_context io(1);
  Shared shared(options);
  const tcp::endpoint endpoint(asio::ip::make_address("127.0.0.1"), options.port);
  const int64_t start_us = monotonic_us();
  const int64_t warm_up_us = options.seconds * 1'000'000 / 10;
  shared.count_from_us = start_us + warm_up_us;
  shared.end_us = shared.count_from_us + options.seconds * 1'000'000;
  for (size_t i = 0; i < options.connections; ++i) {
    std::make_shared<Connection>(io, shared)->start(endpoint);
  }
  io.run();
  const auto counted = static_cast<double>(shared.latencies.count());
  std::printf("{\"requests\": %llu, \"refused\": %llu, \"per_second\": %.0f, "
              "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
              static_cast<unsigned long long>(shared.number),
              static_cast<unsigned long long>(shared.refused),
              counted / static_cast<double>(options.seconds), shared.latencies.percentile_ms(500),
              shared.latencies.percentile_ms(990));
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  try {
    hansa::bench::run(hansa::bench::parse(count, words));
  } catch (const std::exception& exception) {
    hansa::bench::give_up(exception.what());
  }
}
