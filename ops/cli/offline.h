// Offline: a node's data, opened for the command line alone.
//
// Shape:   open(): a stopped node's folder: its log, the founding id from the ledger's key file.
//          of(): the log that a configuration names; on Kafka beside nodes that run.
//          stored_meta(): the rows of a folder.
// Errors:  kDataInUse while a node runs there; kBadFile where there is no such folder or key file;
//          kBadConfig for a ledger that the configuration does not name. check_has_log: kBadConfig
//          for a folder with rows and without a log, which is then in a cluster: it must not be
//          taken for an empty one.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "ops/config.h"
#include "ops/ledger_check.h"
#include "projections/store.h"
#include "streams/log.h"

namespace hansa::ops {

class StoppedNode {
 public:
  static Result<StoppedNode> open(const std::string& data_dir, const LedgerId& ledger);
  static Result<StoppedNode> of(const Config& config, const LedgerId& ledger);

  streams::Log& log() { return *log_; }
  const FoundingId& founding_id() const { return founding_id_; }

 private:
  StoppedNode(std::unique_ptr<streams::Log> log, const FoundingId& founding_id)
      : log_(std::move(log)), founding_id_(founding_id) {}

  std::unique_ptr<streams::Log> log_;
  FoundingId founding_id_;
};

Result<void> check_has_log(const std::string& data_dir, const LedgerId& ledger);

// Where the stored rows stand; seq 0 when there are none yet.
Result<projections::Meta> stored_meta(const std::string& data_dir, const LedgerId& ledger);

}  // namespace hansa::ops
