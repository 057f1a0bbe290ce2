// Stage: keeper and door of one city or alliance on the caller's thread, in virtual time.
//
// Shape:   open() makes the keys from the seed and opens the ledger on a shared log; enter() runs
//          one command to its answer; send() a batch of import rows; pass_time() moves the clock
//          and lets due timers fire; rest() waits until nothing is on its way, all that landed is
//          signed and the rows show it. As the commands come one after the other, the same seed
//          gives the same ledger, byte for byte. close() closes it and says where it stands;
//          finish() does so for a city.
// Units:   microseconds since 1970 UTC.
// Errors:  of the door and the keeper.
// Threads: one thread at a time per Stage; stages of different ledgers share only the log.
// Limits:  a batch of at most one keeper round (500 rows).
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "core/base/env.h"
#include "federation/confirmation.h"
#include "ops/identity.h"
#include "ops/import/importer.h"
#include "ops/key_file.h"
#include "projections/door.h"

namespace hansa::ops {

struct StageOptions {
  LedgerId ledger;
  std::string data_dir;
  uint64_t seed = 1;
  int64_t start_us = 0;
  size_t row_cache_mib = 64;
};

struct LedgerOutcome {
  Seq entries = 0;
  int64_t time_us = 0;
  std::string tip;
  std::string digest;
};

struct CityOutcome : LedgerOutcome {
  std::string city;
  bool simulated = true;
  std::map<std::string, uint64_t> cases;  // by state
  std::optional<ImportSummary> import;
};

class Stage final : public ImportSink {
 public:
  static Result<std::unique_ptr<Stage>> open(const StageOptions& options, streams::Log& log,
                                             std::shared_ptr<projections::StoreBudget> budget);
  ~Stage() override;

  const KeyFile& keys() const { return keys_; }
  // What others know this ledger by.
  const Identity& identity() const { return identity_; }
  const std::shared_ptr<projections::Keeper>& keeper() const { return keeper_; }
  projections::Keyring& keyring() { return *keyring_; }
  // Of an alliance: whether it may sign yet.
  const federation::SigningGate& gate() const { return gate_; }
  int64_t now_us() { return env_.now_us(); }
  Result<v1::Receipt> enter(std::unique_ptr<google::protobuf::Message> request,
                            const Principal& principal);
  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override;
  // The person behind a phone number, as their principal names them.
  std::string person_of(const std::string& phone);
  void set_now_us(int64_t now_us) { env_.set_now_us(now_us); }
  void pass_time(int64_t to_us);
  void rest();
  LedgerOutcome close();
  Result<CityOutcome> finish();

 private:
  Stage(const StageOptions& options);
  void run_until(const bool& done);

  StageOptions options_;
  SeededEnv env_;
  KeyFile keys_;
  federation::SigningGate gate_ = std::make_shared<std::atomic<bool>>(false);
  Identity identity_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::unique_ptr<projections::Keyring> keyring_;
  std::shared_ptr<projections::Keeper> keeper_;
  std::unique_ptr<projections::Door> door_;
};

// Runs `context`, the executor of `keeper` and nobody else's to run, until nothing is on its way
// there. Whoever submits only then gets the same ledger whatever the threads do, its checkpoints
// too: a keeper signs when nothing else is to be done.
void bring_to_rest(projections::Keeper& keeper, boost::asio::io_context& context);

// The principal of somebody in this city: "unit_worker", unit "roads".
Principal demo_principal(const std::string& city, v1::Role::Value role, const std::string& subject,
                         const std::string& unit = "");

}  // namespace hansa::ops
