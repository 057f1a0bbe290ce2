// Offline: a stopped node's folder, opened for the command line alone.
//
// Shape:   the log, the ledger's keys (the founding id is in the key file), and its stored rows.
// Errors:  kDataInUse while a node runs there; kBadFile where there is no such folder or key file.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "ops/key_file.h"
#include "ops/ledger_check.h"
#include "projections/store.h"
#include "streams/log.h"

namespace hansa::ops {

class StoppedNode {
 public:
  static Result<StoppedNode> open(const std::string& data_dir, const LedgerId& ledger);

  streams::Log& log() { return *log_; }
  const KeyFile& keys() const { return keys_; }

 private:
  StoppedNode(std::unique_ptr<streams::Log> log, KeyFile keys)
      : log_(std::move(log)), keys_(std::move(keys)) {}

  std::unique_ptr<streams::Log> log_;
  KeyFile keys_;
};

// Where the stored rows stand; seq 0 when there are none yet.
Result<projections::Meta> stored_meta(const std::string& data_dir, const LedgerId& ledger);

}  // namespace hansa::ops
