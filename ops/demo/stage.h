// Stage: one city's keeper and door on the caller's thread, in virtual time.
//
// Shape:   open() makes the keys from the seed and opens the city on a shared log; enter() runs one
//          command to its answer; send() a batch of import rows; pass_time() moves the clock and
//          lets due timers fire. As the commands come one after the other, the same seed gives the
//          same ledger, byte for byte. finish() closes the city and says where it stands.
// Units:   microseconds since 1970 UTC.
// Errors:  of the door and the keeper.
// Threads: one thread per Stage; stages of different cities share only the log.
// Limits:  a batch of at most one keeper round (500 rows).
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "core/base/env.h"
#include "ops/import/importer.h"
#include "ops/key_file.h"
#include "projections/door.h"

namespace hansa::ops {

struct StageOptions {
  std::string city;
  std::string data_dir;
  uint64_t seed = 1;
  int64_t start_us = 0;
};

struct CityOutcome {
  std::string city;
  bool simulated = true;
  Seq entries = 0;
  int64_t time_us = 0;
  std::string tip;
  std::string digest;
  std::map<std::string, uint64_t> cases;  // by state
  std::optional<ImportSummary> import;
};

class Stage final : public ImportSink {
 public:
  static Result<std::unique_ptr<Stage>> open(const StageOptions& options, streams::Log& log,
                                             std::shared_ptr<projections::StoreBudget> budget);
  ~Stage() override;

  const KeyFile& keys() const { return keys_; }
  int64_t now_us() { return env_.now_us(); }
  Result<v1::Receipt> enter(std::unique_ptr<google::protobuf::Message> request,
                            const Principal& principal);
  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override;
  // The person behind a phone number, as their principal names them.
  std::string person_of(const std::string& phone);
  void set_now_us(int64_t now_us) { env_.set_now_us(now_us); }
  void pass_time(int64_t to_us);
  Result<CityOutcome> finish();

 private:
  Stage(const StageOptions& options);
  void run_until(const bool& done);

  StageOptions options_;
  SeededEnv env_;
  KeyFile keys_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::unique_ptr<projections::Keyring> keyring_;
  std::shared_ptr<projections::Keeper> keeper_;
  std::unique_ptr<projections::Door> door_;
};

// The principal of somebody in this city: "unit_worker", unit "roads".
Principal demo_principal(const std::string& city, v1::Role::Value role, const std::string& subject,
                         const std::string& unit = "");

}  // namespace hansa::ops
