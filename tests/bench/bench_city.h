// BenchCity: one city in this process, with log, keyring, keeper and door, ready for cases.
//
// Shape:   open() opens or makes it in a folder; found() founds grid, units, services and sources.
//          step_of_case() gives the commands of one whole case in order, from report to rating;
//          run_cases() sends whole cases, each of `callers` one command at a time.
//          With an env of one's own ledger time is its time.
// Errors:  anything unexpected ends the program (tests/bench/measure.h).
// Threads: enter() from any; the rest from one.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "projections/door.h"
#include "projections/keeper.h"
#include "projections/keyring.h"
#include "tests/bench/bench_log.h"
#include "tests/bench/measure.h"

namespace hansa::bench {

// One command of the case loop: who sends it and what.
struct Command {
  const MethodInfo* method = nullptr;
  std::unique_ptr<google::protobuf::Message> request;
  const Principal* principal = nullptr;
};

inline constexpr size_t kStepsOfCase = 9;

class BenchCity {
 public:
  struct Timing {
    int64_t log_us = 0;
    int64_t keyring_us = 0;
    int64_t keeper_us = 0;
  };
  enum class Standing : uint8_t { kLeads, kFollows };
  BenchCity(const std::string& folder, bool fsync, int keeper_threads, Env& env = system_env());
  ~BenchCity();

  Timing open(Standing standing = Standing::kLeads);
  void found();
  void close();
  // `caller` and `number` vary place and point; the contact seals a person's texts.
  Command report(uint64_t caller, uint64_t number, bool with_contact) const;
  // Step 0 is the report; the others are about `case_id`.
  Command step_of_case(size_t step, uint64_t caller, uint64_t number,
                       const std::string& case_id) const;
  void enter(Command command, projections::Answer answer);
  // The same without the door: nothing is checked for role or sealed.
  void submit(Command command, projections::Answer answer);
  // Through the door, each report with a contact, until at least so many commands were answered and
  // every case begun has ended; `answered` hears how long each took, on the thread of the caller.
  void run_cases(uint64_t callers, uint64_t commands, const std::function<void(int64_t)>& answered);
  std::unique_ptr<google::protobuf::Message> read(const google::protobuf::Message& request);
  projections::Keeper& keeper() { return *keeper_; }

 private:
  v1::Receipt enter_and_wait(const char* method,
                             std::unique_ptr<google::protobuf::Message> request);

  std::string folder_;
  bool fsync_;
  Env& env_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<streams::Log> log_;
  std::unique_ptr<projections::Keyring> keyring_;
  std::shared_ptr<projections::Keeper> keeper_;
  std::unique_ptr<projections::Door> door_;
  std::vector<std::thread> threads_;
  Principal admin_, hotline_, verifier_, dispatcher_, worker_, checker_;
};

}  // namespace hansa::bench
