// Goal: how many commands a second one keeper accepts in this process, and how long each takes.
// Method: callers that each wait for their answer before they send the next command, over the real
// embedded log with fsync; either reports only or whole cases from report to rating, through the
// door (checks and sealing) or straight to the keeper. A tenth of the commands warms up uncounted.
// Prints one JSON object.
#include <atomic>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <string>

#include "tests/bench/bench_city.h"

namespace hansa::bench {
namespace {

struct Options {
  std::string folder = (std::filesystem::temp_directory_path() / "hansa-bench").string();
  uint64_t callers = 256;
  uint64_t commands = 400'000;
  bool whole_cases = false;
  bool door = false;
  bool contact = false;
  bool fsync = true;
};

Options parse(int count, char** words) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    const std::string value = words[i + 1];
    if (name == "--folder") options.folder = value;
    else if (name == "--callers") options.callers = std::stoull(value);
    else if (name == "--commands") options.commands = std::stoull(value);
    else if (name == "--mix") options.whole_cases = value == "cases";
    else if (name == "--entry") options.door = value == "door";
    else if (name == "--contact") options.contact = value == "yes";
    else if (name == "--fsync") options.fsync = value == "yes";
    else give_up("no such option: " + name);
  }
  return options;
}

// Callers live on one thread of their own, as the connections of a server would.
class Load {
 public:
  Load(BenchCity& city, const Options& options)
      : city_(city),
        options_(options),
        callers_(options.callers),
        latencies_(options.commands),
        warm_up_(options.commands / 10) {}

  void run() {
    auto work = boost::asio::make_work_guard(io_);
    for (uint64_t i = 0; i < options_.callers; ++i) {
      boost::asio::post(io_, [this, i] { send(i); });
    }
    io_.run_for(std::chrono::hours(1));
  }

  void print() {
    std::printf("{\"refused\": %llu, %s}\n", static_cast<unsigned long long>(refused_),
                measured_.text(latencies_).c_str());
  }

 private:
  struct Caller {
    size_t step = 0;
    uint64_t cases = 0;
    std::string case_id;
  };

  void send(uint64_t index) {
    if (sent_ == options_.commands) return;
    ++sent_;
    auto& caller = callers_[index];
    auto command = caller.step == 0
                       ? city_.report(index, caller.cases, options_.contact)
                       : city_.step_of_case(caller.step, index, caller.cases, caller.case_id);
    const int64_t sent_us = monotonic_us();
    auto answer = [this, index, sent_us](Result<v1::Receipt> receipt) {
      boost::asio::post(io_, [this, index, sent_us, receipt = std::move(receipt)]() mutable {
        take(index, sent_us, std::move(receipt));
      });
    };
    if (options_.door) {
      city_.enter(std::move(command), std::move(answer));
    } else {
      city_.submit(std::move(command), std::move(answer));
    }
  }

  void take(uint64_t index, int64_t sent_us, Result<v1::Receipt> receipt) {
    const int64_t now_us = monotonic_us();
    auto& caller = callers_[index];
    if (!receipt) {
      if (refused_++ == 0) std::fprintf(stderr, "refused: %s\n", receipt.error().detail.c_str());
      caller.step = 0;
      ++caller.cases;
    } else {
      if (caller.step == 0) caller.case_id = receipt->subject_id();
      caller.step = options_.whole_cases ? (caller.step + 1) % kStepsOfCase : 0;
      if (caller.step == 0) ++caller.cases;
    }
    ++answered_;
    if (answered_ == warm_up_) measured_ = Measured();
    if (answered_ > warm_up_ && receipt) latencies_.add(now_us - sent_us);
    if (answered_ == options_.commands) return io_.stop();
    send(index);
  }

  BenchCity& city_;
  const Options& options_;
  boost::asio::io_context io_{1};
  std::vector<Caller> callers_;
  Latencies latencies_;
  uint64_t warm_up_;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t refused_ = 0;
  Measured measured_;
};

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  using namespace hansa::bench;
  const auto options = parse(count, words);
  std::filesystem::remove_all(options.folder);
  std::filesystem::create_directories(options.folder);
  {
    BenchCity city(options.folder, options.fsync, 2);
    city.open();
    city.found();
    Load load(city, options);
    load.run();
    load.print();
  }
  std::filesystem::remove_all(options.folder);
}
